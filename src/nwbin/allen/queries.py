"""Questions asked of a stimulus table: parts of it, epochs, parameter values, intervals between presentations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.allen.null import NULL
from nwbin.allen.stimuli import DETAILED_PARAMETERS, NON_PARAMETERS
from nwbin.tables.frames import frame_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "epochs",
    "inter_presentation_intervals",
    "parameter_values",
    "runs",
    "varied",
    "without_detail",
    "without_unused",
]


def _columns(presentations: pd.DataFrame, wanted: list[bool]) -> pd.DataFrame:
    # By place: by name, pandas would make an index of the names first, of Arrow strings.
    return presentations.take(np.flatnonzero(wanted), axis=1)


def without_detail(presentations: pd.DataFrame) -> pd.DataFrame:
    """Leave out the parameters that rarely matter (mask, opacity, units, ...)."""
    return _columns(presentations, [name not in DETAILED_PARAMETERS for name in presentations.columns])


def _says_nothing(values: npt.NDArray[Any]) -> bool:
    """Whether a column is all missing, or all "", or all "null". The text "None" is a value."""
    if values.dtype != object:
        return len(values) == 0 or (values.dtype.kind == "f" and bool(np.isnan(values).all()))
    distinct = set(values.tolist())
    return all(one is None or one != one for one in distinct) or distinct in ({""}, {NULL})


def without_unused(presentations: pd.DataFrame) -> pd.DataFrame:
    """Leave out the columns that have no value in any row."""
    return _columns(
        presentations, [not _says_nothing(values.to_numpy()) for _, values in presentations.items()]
    )


def parameter_values(presentations: pd.DataFrame, *, drop_nulls: bool) -> dict[str, npt.NDArray[Any]]:
    """Return each parameter's distinct values, in order of appearance.

    Parameters
    ----------
    presentations
        Rows of the stimulus table.
    drop_nulls
        Leave out "null"; otherwise it stands last.
    """
    import pandas as pd

    hidden = {*NON_PARAMETERS, "stimulus_name"}
    shown = without_unused(presentations.drop(columns=[c for c in presentations.columns if c in hidden]))
    found: dict[str, npt.NDArray[Any]] = {}
    for name in shown.columns:
        distinct = np.asarray(pd.unique(shown[name]))
        if distinct.dtype == object:
            is_null = np.asarray([value == NULL for value in distinct.tolist()], dtype=bool)
            distinct = np.concatenate([distinct[~is_null], distinct[is_null & (not drop_nulls)]])
        found[name] = distinct
    return found


def varied(presentations: pd.DataFrame) -> list[str]:
    """Return the columns with several values, that is those which tell presentations apart.

    Those in which values repeat; others only where there are none of these.
    """
    repeated: list[str] = []
    other: list[str] = []
    for name in presentations.columns:
        if name in NON_PARAMETERS and name != "stimulus_condition_id":
            continue
        values = presentations[name].to_numpy(dtype=object).tolist()
        try:
            distinct = {one for one in values if one is not None and one == one and one != NULL}
        except (TypeError, ValueError):  # lists
            continue
        if len(distinct) > 1:
            (repeated if len(distinct) < len(values) else other).append(str(name))
    return repeated or other


def runs(values: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Return where runs of equal values begin, and the length at the end. NaN equals NaN; types count."""
    if len(values) == 0:
        return np.zeros(1, dtype=np.intp)
    numbers: dict[Any, int] = {}
    codes = np.asarray(
        [
            -1 if value != value else numbers.setdefault((type(value), value), len(numbers))
            for value in values.tolist()
        ]
    )
    starts = np.flatnonzero(np.diff(codes, prepend=codes[0] - 1))
    return np.append(starts, len(values))


def epochs(presentations: pd.DataFrame, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """Return the stretches during which one stimulus block was shown.

    Parameters
    ----------
    presentations
        The stimulus table.
    thresholds
        Stimulus name -> seconds: shorter epochs of that stimulus are left out.

    Returns
    -------
    pandas.DataFrame
        start_time, stop_time, duration (s), stimulus_name, stimulus_block.
    """
    import pandas as pd

    # A file without blocks (a plain NWB file) has one block for each run of the same stimulus.
    blocks = presentations["stimulus_block" if "stimulus_block" in presentations.columns else "stimulus_name"]
    bounds = runs(blocks.to_numpy())
    first, last = bounds[:-1], bounds[1:] - 1
    start = presentations["start_time"].to_numpy()[first]
    stop = presentations["stop_time"].to_numpy()[last]
    columns = {
        "start_time": start,
        "stop_time": stop,
        "duration": stop - start,
        "stimulus_name": presentations["stimulus_name"].to_numpy()[first],
        "stimulus_block": blocks.to_numpy()[first],
    }
    found = frame_of(columns, pd.Index(np.arange(len(first), dtype=np.int64)))
    for name, threshold in thresholds.items():
        found = found[
            (found["stimulus_name"].to_numpy() != name) | (found["duration"].to_numpy() >= threshold)
        ]
    return found


def inter_presentation_intervals(
    presentations: pd.DataFrame, among: Iterable[int] | None = None
) -> pd.DataFrame:
    """Return the time from the end of each presentation to the start of the next, in s.

    Parameters
    ----------
    presentations
        The stimulus table.
    among
        Keep only intervals between two of these presentations.

    Returns
    -------
    pandas.DataFrame
        Index (from_presentation_id, to_presentation_id), column interval.
    """
    import pandas as pd

    ids = presentations.index.to_numpy()
    gaps = presentations["start_time"].to_numpy()[1:] - presentations["stop_time"].to_numpy()[:-1]
    index = pd.MultiIndex.from_arrays(
        [ids[:-1], ids[1:]], names=["from_presentation_id", "to_presentation_id"]
    )
    table = pd.DataFrame({"interval": gaps}, index=index)
    if among is None:
        return table
    wanted = np.isin(ids, np.asarray(list(among)))
    return table[wanted[:-1] & wanted[1:]]
