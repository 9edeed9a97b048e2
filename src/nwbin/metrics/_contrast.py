"""C50: the contrast of half the response."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin._optional import need
from nwbin._threads import as_threads, run
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
    if contrasts.size < 4 or not len(responses):  # fewer than the curve has parameters
        return np.full(len(responses), np.nan)
    parameters, settled = _fitted(np.log(contrasts), responses)
    grid = np.linspace(contrasts.min() * 0.9, contrasts.max() * 1.1, _POINTS)
    with np.errstate(all="ignore"):
        curves = _curve(parameters.T[:, :, None], np.log(grid))
        middle = (curves.max(axis=1) - curves.min(axis=1)) / 2 + curves.min(axis=1)
        # The first point, in order of the curve's values, at or above the middle; values that are none come last.
        order = np.argsort(curves, axis=1, kind="stable")
        below = np.where(
            np.isnan(middle), (~np.isnan(curves)).sum(axis=1), (curves < middle[:, None]).sum(axis=1)
        )
    place = np.take_along_axis(order, np.minimum(below, _POINTS - 1)[:, None], axis=1)[:, 0]
    return np.where(settled & (below < _POINTS), grid[place], np.nan)


def _fitted(log_contrast: Floats, responses: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Fit a curve to each unit's responses: parameters (units, 4), and whether that came to an end, (units,)."""
    from nwbin.kernels import contrast

    parameters, settled = np.empty((len(responses), 4)), np.zeros(len(responses), dtype=bool)
    rows = np.ascontiguousarray(responses, dtype=np.float64)
    if not contrast.COMPILED:  # then SciPy's own, which is the same algorithm, is by far the quicker
        return _fitted_by_scipy(log_contrast, rows)
    threads = as_threads(None)
    cuts = np.linspace(0, len(rows), min(len(rows), 4 * threads) + 1).astype(int).tolist()

    def fit(a: int, b: int) -> None:
        contrast.fit_contrast_curves(log_contrast, rows[a:b], _MOST_CALLS, parameters[a:b], settled[a:b])

    run([partial(fit, a, b) for a, b in pairwise(cuts)], threads)
    return parameters, settled


def _fitted_by_scipy(log_contrast: Floats, responses: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    need("scipy", "metrics", "C50")
    from scipy.optimize import leastsq

    parameters, settled = np.empty((len(responses), 4)), np.zeros(len(responses), dtype=bool)
    with np.errstate(all="ignore"):
        for unit, response in enumerate(responses):
            parameters[unit], *_, state = leastsq(
                _misfit, np.ones(4), args=(log_contrast, response), full_output=True, maxfev=_MOST_CALLS
            )
            settled[unit] = state in (1, 2, 3, 4)
    return parameters, settled


def _curve(parameters: Any, log_contrast: Floats) -> Floats:
    b, c, d, e = parameters
    curve: Floats = c + (d - c) / (1 + np.exp(b * (log_contrast - np.log(e))))
    return curve


def _misfit(parameters: Any, log_contrast: Floats, response: Floats) -> Floats:
    return _curve(parameters, log_contrast) - response
