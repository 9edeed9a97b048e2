"""Which units answer a stimulus best, by one criterion that is said on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.allen.queries import varied
from nwbin.errors import ArgumentError, LookupFailure, NothingChosen, nearest
from nwbin.export import tidy
from nwbin.plot.answers import Tuning, tuning_of
from nwbin.responses.time_axes import median_duration
from nwbin.tables.frames import frame_of
from nwbin.tables.missing import missing

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.session import Session

__all__ = ["best_units", "f_ratio", "parameter_of", "window_of"]

# The parameter that a stimulus is about, where it has others that vary, too.
_MAIN = {"drifting_gratings_contrast": "contrast", "dot_motion": "Dir"}
# Of other stimuli the first of these that varies.
_KNOWN = (
    "orientation", "direction", "frame", "image", "color", "contrast", "Dir", "Speed", "temporal_frequency",
    "spatial_frequency",
)  # fmt: skip
_NO_PARAMETERS = (
    "stimulus_condition_id",
    "stimulus_block",
    "stimulus_name",
    "start_time",
    "stop_time",
    "duration",
)
_MOST_VALUES = 24  # of a parameter of another lab's; what has more is a number of the trial, or a measurement
_NO_LENGTH = 0.5  # s, of what has no end
_WHEN = "when"


def parameter_of(rows: pd.DataFrame, stimulus: str) -> str | None:
    """The column of a stimulus's presentations, tidy, over whose values responses are compared; None for none."""
    several = [
        str(name)
        for name in rows.columns
        if name not in _NO_PARAMETERS and len(set(rows[name][~missing(rows[name].to_numpy())].tolist())) > 1
    ]
    for name in (_MAIN.get(stimulus), *_KNOWN):
        if name in several:
            return name
    few = [name for name in varied(rows) if name in several and rows[name].nunique() <= _MOST_VALUES]
    return few[0] if few else None


def window_of(rows: pd.DataFrame) -> tuple[float, float]:
    """From onset to the end of a presentation, s; half a second of what has no end."""
    lasting = median_duration(rows)
    return 0.0, float(f"{lasting:.3f}") if lasting >= 0.001 else lasting if lasting > 0 else _NO_LENGTH


def f_ratio(found: Tuning) -> npt.NDArray[np.float64]:
    """Divide the variance between values by that of the trials of each: F of a one-way analysis of variance.

    Parameters
    ----------
    found
        Mean rates and their standard errors by value.

    Returns
    -------
    numpy.ndarray
        float64 (units,): about 1 for a unit to which the values are all the same. NaN where nothing varies, or no
        value has two trials.
    """
    trials = found.trials[:, None].astype(np.float64)
    number, values = float(trials.sum()), len(found.trials)
    mean = (trials * found.mean).sum(axis=0) / number
    between = (trials * (found.mean - mean) ** 2).sum(axis=0)
    within = np.nansum(trials * (trials - 1) * found.sem**2, axis=0)
    if values < 2 or number <= values:
        return np.full(found.mean.shape[1], np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: npt.NDArray[np.float64] = (between / (values - 1)) / (within / (number - values))
    return ratio


def best_units(
    session: Session,
    stimulus: str,
    by: str | None = None,
    *,
    unit_ids: npt.ArrayLike | None = None,
    window: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Rank a session's units by how much their rates differ between the values of a stimulus's parameter.

    Parameters
    ----------
    session
        The session.
    stimulus
        Its name.
    by
        The parameter; None: presentations are compared with as long a time before each.
    unit_ids
        Which units; by default those that pass the filters.
    window
        From and to, s from onset; by default the presentation.

    Returns
    -------
    pandas.DataFrame
        Index unit_id, the best first. `f_ratio`: the variance of the mean rates between values over that of single
        trials about them (F of a one-way analysis of variance; blank sweeps are left out), NaN last; `highest_rate`
        (Hz) and at which value that is (`highest_at`); `lowest_rate` (Hz).

    Raises
    ------
    LookupFailure
        There is no such stimulus, column or unit.
    NothingChosen
        No presentation has a time, or no unit is left.
    ArgumentError
        The parameter has no values.

    Notes
    -----
    F ranks units of any rate on one scale, for noise as for tuning: it is no measure of selectivity, and its p-value
    would want the correction for so many units. Spikes count in [from, to).

    Examples
    --------
    >>> nwbin.report.best_units(session, "drifting_gratings", "orientation").head()
    """
    shown = session.get_stimulus_table(stimulus)
    if by is not None and by not in shown.columns:
        raise LookupFailure(f"{stimulus!r} has no column {by!r}; {nearest(by, shown.columns)}")
    rows = tidy(
        shown[[one for one in ("stimulus_name", "start_time", "stop_time", by) if one in shown.columns]]
    )
    rows = rows[rows["start_time"].notna().to_numpy()]
    ids = session.units.index.to_numpy() if unit_ids is None else np.asarray(unit_ids)
    if not len(rows) or not len(ids):
        what = "presentation with a time" if len(ids) else "unit"
        raise NothingChosen(f"{session.file.name}: {stimulus!r}: there is no {what} to compare")
    span = window_of(rows) if window is None else window
    if by is None:
        rows = _before_and_during(rows, span)
    found = tuning_of(session.file.spike_trains(ids), rows, [by or _WHEN], span)
    if not len(found.values):
        raise ArgumentError(f"{session.file.name}: {stimulus!r} has no values of {by!r}")
    return _ranked(found)


def _before_and_during(rows: pd.DataFrame, span: tuple[float, float]) -> pd.DataFrame:
    """Each presentation, and as long a time before it."""
    import pandas as pd

    start = rows["start_time"].to_numpy(np.float64)
    parts = {"before": start - (span[1] - span[0]), "during": start}
    return pd.concat(
        [
            frame_of({"start_time": times, _WHEN: np.full(len(times), name, dtype=object)})
            for name, times in parts.items()
        ],
        ignore_index=True,
    )


def _ranked(found: Tuning) -> pd.DataFrame:
    import pandas as pd

    ratio = f_ratio(found)
    order = np.argsort(-np.nan_to_num(ratio, nan=-1.0), kind="stable")
    at = np.asarray(found.mean).argmax(axis=0)
    columns: dict[str, Any] = {
        "f_ratio": ratio,
        "highest_rate": found.mean.max(axis=0),
        "highest_at": np.asarray(found.values)[at],
        "lowest_rate": found.mean.min(axis=0),
    }
    ranked = {name: values[order] for name, values in columns.items()}
    return frame_of(ranked, pd.Index(np.asarray(found.unit_ids)[order], name="unit_id"))
