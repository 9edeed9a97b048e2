"""C50: the contrast of half the response."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin._optional import need
from nwbin.metrics.common import SessionView, StimulusKind, StimulusView
from nwbin.tables.missing import as_numbers

__all__ = ["contrast_view", "half_contrast", "half_contrasts"]

Floats = npt.NDArray[np.float64]
_NAME = "drifting_gratings_contrast"
_KIND = StimulusKind("contrast", _NAME, (_NAME,), 0.5)
_POINTS, _MOST_CALLS = 256, 100_000


def contrast_view(session: SessionView) -> StimulusView | None:
    """Return the presentations of gratings at many contrasts; None if they were not shown."""
    return session.named(_NAME, _KIND) if _NAME in session.stimulus_names else None


def half_contrasts(view: StimulusView, orientation: Floats) -> Floats:
    """Return each unit's C50 at its preferred orientation.

    Parameters
    ----------
    view
        Gratings at many contrasts.
    orientation
        That each unit prefers, in degrees: (units,).

    Returns
    -------
    numpy.ndarray
        float64 (units,); NaN where no contrast was shown at this orientation, or no curve can be fitted.
    """
    shown = as_numbers(view.parameter("orientation"))
    contrast = as_numbers(view.parameter("contrast"))
    # In order of first appearance, in which AllenSDK adds them up.
    in_order = np.argsort(np.unique(view.condition, return_index=True)[1])
    mean = view.spike_mean
    found = np.full(len(orientation), np.nan)
    for one in np.unique(orientation[~np.isnan(orientation)]):
        places = in_order[shown[in_order] == one]
        units = np.flatnonzero(orientation == one)
        found[units] = half_contrast(contrast[places], mean[np.ix_(units, places)])
    return found


def half_contrast(contrasts: Floats, responses: Floats) -> Floats:
    """Fit c + (d - c) / (1 + exp(b (ln x - ln e))) to responses by contrast, and find the contrast of half its range.

    Half of what the fitted curve spans between 0.9 times the least and 1.1 times the largest contrast.

    Parameters
    ----------
    contrasts
        (contrasts,), above 0.
    responses
        (units, contrasts).

    Returns
    -------
    numpy.ndarray
        float64 (units,); NaN where the fit fails.
    """
    found = np.full(len(responses), np.nan)
    if contrasts.size < 4:  # fewer than the curve has parameters
        return found
    need("scipy", "metrics", "C50")
    from scipy.optimize import leastsq

    log = np.log(contrasts)
    grid = np.linspace(contrasts.min() * 0.9, contrasts.max() * 1.1, _POINTS)
    known: dict[bytes, float] = {}
    with np.errstate(all="ignore"):
        for unit, response in enumerate(responses):
            key = response.tobytes()
            if key not in known:
                fitted, *_, state = leastsq(
                    _misfit, np.ones(4), args=(log, response), full_output=True, maxfev=_MOST_CALLS
                )
                known[key] = (
                    _midpoint(grid, _curve(fitted, np.log(grid))) if state in (1, 2, 3, 4) else np.nan
                )
            found[unit] = known[key]
    return found


def _curve(parameters: Any, log_contrast: Floats) -> Floats:
    b, c, d, e = parameters
    curve: Floats = c + (d - c) / (1 + np.exp(b * (log_contrast - np.log(e))))
    return curve


def _misfit(parameters: Any, log_contrast: Floats, response: Floats) -> Floats:
    return _curve(parameters, log_contrast) - response


def _midpoint(grid: Floats, curve: Floats) -> float:
    """The first point, in order of the curve's values, at or above the middle of its range; NaN if there is none."""
    middle = (np.max(curve) - np.min(curve)) / 2 + np.min(curve)
    order = np.argsort(curve, kind="stable")
    at = int(np.searchsorted(curve[order], middle))
    return float(grid[order[at]]) if at < len(grid) else np.nan
