"""The stimulus table: every presentation of a session in one table, and its conditions.

Columns are worked on as whole arrays: floats stay floats, with NaN for missing, until the very end, where
missing becomes "null" as AllenSDK has it (which turns the column to dtype object).
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nwbin import _schema as schema
from nwbin._tables import frame_of
from nwbin.allen.invalid import overlapping, tagged
from nwbin.errors import FormatError
from nwbin.file import File

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DETAILED_PARAMETERS", "NON_PARAMETERS", "NULL", "StimulusTables", "stimulus_tables"]

NULL = "null"  # what stands for "does not apply to this stimulus"
INVALID = "invalid_presentation"

# Columns that do not describe the stimulus shown.
NON_PARAMETERS = ("start_time", "stop_time", "duration", "stimulus_block", "stimulus_condition_id")

# Parameters that stimulus_presentations leaves out, though conditions differ by them.
DETAILED_PARAMETERS = (
    "colorSpace",
    "flipHoriz",
    "flipVert",
    "depth",
    "interpolate",
    "mask",
    "opacity",
    "rgbPedestal",
    "tex",
    "texRes",
    "units",
    "rgb",
    "signalDots",
    "noiseDots",
    "fieldSize",
    "fieldShape",
    "fieldPos",
    "nDots",
    "dotSize",
    "dotLife",
    "color_triplet",
)

_NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DIGITS = {str(digit): word for digit, word in enumerate(_NUMBER_WORDS, start=1)}
_MOVIE = re.compile(rf"natural_movie_(?P<number>\d+|{'|'.join(_NUMBER_WORDS)})")

# Names that older stimulus tables have -> the published ones.
_STIMULUS_NAMES = {
    "": "spontaneous",
    "Natural Images": "natural_scenes",
    "flash_250ms": "flashes",
    "gabor_20_deg_250ms": "gabors",
    "contrast_response": "drifting_gratings_contrast",
    "Natural_Images_Shuffled": "natural_scenes_shuffled",
    "Natural_Images_Sequential": "natural_scenes_sequential",
    "natural_movie_1": "natural_movie_one",
    "natural_movie_3": "natural_movie_three",
    "natural_movie_1_more_repeats": "natural_movie_one",
    "natural_movie_shuffled": "natural_movie_one_shuffled",
    "motion_stimulus": "dot_motion",
    "drifting_gratings_more_repeats": "drifting_gratings_75_repeats",
    "signal_noise_test_0_200_repeats": "test_movie_one",
    "signal_noise_test_0": "test_movie_one",
    "signal_noise_test_1": "test_movie_two",
    **{
        f"signal_noise_session_{n}": f"dense_movie_{word}"
        for n, word in enumerate(_NUMBER_WORDS[:6], start=1)
    },
}
_COLUMN_NAMES = {
    "Contrast": "contrast",
    "Ori": "orientation",
    "SF": "spatial_frequency",
    "TF": "temporal_frequency",
    "Phase": "phase",
    "Color": "color",
    "Image": "frame",
    "Pos_x": "x_position",
    "Pos_y": "y_position",
}
_RGB = re.compile(r"\[(-?\d*\.\d*,\s*)*-?\d*\.\d*\]")

_FIRST = ("stimulus_block", "start_time", "stop_time", "stimulus_name")

_Array = npt.NDArray[Any]


class StimulusTables(NamedTuple):
    """The joined stimulus table, all parameters included, and the distinct conditions in it."""

    presentations: pd.DataFrame
    conditions: pd.DataFrame


def _is_missing(values: _Array) -> npt.NDArray[np.bool_]:
    if values.dtype == object:
        return np.fromiter((v is None or v != v or v == "" for v in values.tolist()), bool, len(values))
    return np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)


def _put(pieces: list[tuple[slice, _Array]], total: int) -> _Array:
    """Lay one column's values from several tables into one array; rows of tables without it are missing."""
    kinds = {values.dtype.kind for _, values in pieces}
    covered = sum(len(values) for _, values in pieces)
    if kinds <= {"f", "i", "u"}:
        whole_numbers = kinds <= {"i", "u"} and covered == total
        column = np.zeros(total, np.int64) if whole_numbers else np.full(total, np.nan)
    elif kinds == {"b"} and covered == total:
        column = np.zeros(total, bool)
    else:
        column = np.full(total, "", dtype=object)
    for rows, values in pieces:
        column[rows] = values
    if column.dtype == object:
        column[[value == "N/A" for value in column.tolist()]] = ""
    return column


def _presentation_tables(file: File) -> list[str]:
    names = [name for name in file.intervals if name.endswith(schema.PRESENTATIONS_SUFFIX)]
    # A plain NWB file has trials or epochs instead; they serve as presentations of a stimulus of that name.
    return names or [name for name in file.intervals if name != "invalid_times"]


def _joined(file: File) -> dict[str, _Array]:
    """Read all stimulus tables into one set of columns, in order of start time."""
    pieces: dict[str, list[tuple[slice, _Array]]] = {"start_time": [], "stop_time": [], "stimulus_name": []}
    total = 0
    for name in _presentation_tables(file):
        table = file.table(f"{schema.INTERVALS}/{name}")
        rows = slice(total, total + len(table))
        total = rows.stop
        for column in table.columns:
            if column not in ("tags", "stimulus_index") and table.is_flat(column):
                pieces.setdefault(column, []).append((rows, table.column(column)))
        if "stimulus_name" not in table:
            shown = name.removesuffix(schema.PRESENTATIONS_SUFFIX)
            pieces["stimulus_name"].append((rows, np.full(len(table), shown, dtype=object)))
    columns = {name: _put(found, total) for name, found in pieces.items()}
    for name in ("start_time", "stop_time"):
        if columns[name].dtype.kind not in "fiu":
            raise FormatError(f"{file.name}: {schema.INTERVALS} has a {name} that is not a number")
        columns[name] = columns[name].astype(np.float64)
    order = np.argsort(columns["start_time"], kind="stable")
    return {name: values[order] for name, values in columns.items()}


def _to_boolean(columns: dict[str, _Array]) -> None:
    """Turn columns of only 0, 1 and missing to booleans, as AllenSDK does."""
    for name, values in columns.items():
        if values.dtype.kind == "f" and not name.endswith("_index") and name not in _FIRST[1:3]:
            missing = np.isnan(values)
            if ((values == 0) | (values == 1) | missing).all():
                flags = np.full(len(values), "", dtype=object)
                flags[~missing] = [bool(v) for v in values[~missing].tolist()]
                columns[name] = flags


def _split_color(columns: dict[str, _Array]) -> None:
    """Move RGB triplets from color to color_triplet; what is left are numbers."""
    if "color" not in columns:
        return
    color = columns["color"].astype(object)
    triplet = columns.get("color_triplet", np.full(len(color), "", dtype=object)).astype(object)
    number: dict[str, Any] = {}
    for row, value in enumerate(color.tolist()):
        if not isinstance(value, str):
            if value != value:
                color[row] = ""
        elif value and _RGB.match(value):
            triplet[row], color[row] = value, ""
        elif value:
            if value not in number:
                try:
                    number[value] = ast.literal_eval(value)
                except (ValueError, SyntaxError):
                    number[value] = value
            color[row] = number[value]
    columns["color"], columns["color_triplet"] = color, triplet


def _collapse(columns: dict[str, _Array]) -> dict[str, _Array]:
    """Merge columns that differ only in capitals (color, Color), where no row has both."""
    dropped: list[str] = []
    for name in list(columns):
        for other in (name.upper(), name.capitalize()):
            if other != name and other in columns:
                mine, theirs = _is_missing(columns[name]), _is_missing(columns[other])
                if (~mine & ~theirs).any():
                    continue
                take = mine & ~theirs
                merged = columns[name].astype(object) if take.any() else columns[name]
                merged[take] = columns[other][take]
                columns[name] = merged
                dropped.append(other)
                break
    return {name: values for name, values in columns.items() if name not in dropped}


def _standard_names(file: File, names: _Array) -> _Array:
    """Give stimuli their published names."""
    distinct = list(dict.fromkeys(names.tolist()))
    spelled = {
        name: re.sub(r"\d+", lambda m: _DIGITS.get(m[0], m[0]), name)
        if isinstance(name, str) and _MOVIE.search(name)
        else name
        for name in distinct
    }
    if any(isinstance(name, str) and "natural_movie_shuffled" in name for name in spelled.values()):
        matches = [_MOVIE.search(name) for name in spelled.values() if isinstance(name, str)]
        numbers = {match["number"] for match in matches if match}
        if len(numbers) != 1:
            raise FormatError(
                f"{file.name}: a shuffled natural movie is not said to be of any one movie: found {sorted(numbers)}"
            )
        number = numbers.pop()
        spelled = {
            old: f"natural_movie_{number}_shuffled"
            if isinstance(new, str) and new.startswith("natural_movie_shuffled")
            else new
            for old, new in spelled.items()
        }
    final = {old: _STIMULUS_NAMES.get(new, new) for old, new in spelled.items()}
    return np.asarray([final[name] for name in names.tolist()], dtype=object)


def _codes(values: _Array) -> npt.NDArray[np.intp]:
    """Number the distinct values of a column; missing is a value of its own."""
    import pandas as pd

    return np.asarray(pd.factorize(values)[0], dtype=np.intp)


def _condition_ids(parameters: dict[str, _Array], total: int) -> npt.NDArray[np.int64]:
    """Number the distinct rows over all parameters, in order of first appearance. Int64, (presentations,)."""
    combined = np.zeros(total, dtype=np.intp)
    for values in parameters.values():
        codes = _codes(values) + 1
        combined = _codes(combined * (codes.max(initial=0) + 1) + codes)
    return combined.astype(np.int64)


def _with_null(values: _Array) -> _Array:
    """Put "null" where a value is missing."""
    missing = _is_missing(values)
    if not missing.any():
        return values
    out = values.astype(object)
    out[missing] = NULL
    return out


def _tightest(values: list[Any]) -> _Array:
    """Give a list of Python values the dtype of its kind: bool, int64, float64, else object."""
    kinds = {type(value) for value in values}
    if kinds in ({bool}, {int}, {float}):
        return np.asarray(values)
    if kinds and kinds <= {int, float}:
        return np.asarray(values, dtype=np.float64)
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def stimulus_tables(file: File, invalid: pd.DataFrame) -> StimulusTables:
    """Build the stimulus table and its conditions.

    Parameters
    ----------
    file
        The session.
    invalid
        Its invalid times. A presentation that touches one tagged "stimulus" becomes an
        "invalid_presentation": of it only the times are kept.

    Returns
    -------
    StimulusTables
        `presentations`: index stimulus_presentation_id, in order of start time; times in s. `conditions`: index
        stimulus_condition_id, numbered by first appearance over every parameter, before any masking.
    """
    import pandas as pd

    columns = _joined(file)
    total = len(columns["start_time"])
    _to_boolean(columns)
    _split_color(columns)
    columns = _collapse(columns)
    columns["stimulus_name"] = _standard_names(file, columns["stimulus_name"])
    columns = {_COLUMN_NAMES.get(name, name): values for name, values in columns.items()}
    first = [name for name in _FIRST if name in columns]
    columns = {name: columns[name] for name in [*first, *sorted(set(columns) - set(first))]}

    parameters = {name: values for name, values in columns.items() if name not in NON_PARAMETERS}
    condition_ids = _condition_ids(parameters, total)
    _, first_rows = np.unique(condition_ids, return_index=True)
    conditions = frame_of(
        {name: _tightest(_with_null(values[first_rows]).tolist()) for name, values in parameters.items()},
        pd.Index(np.arange(len(first_rows), dtype=np.int64), name="stimulus_condition_id"),
    )

    times = ("start_time", "stop_time")
    table = {name: values if name in times else _with_null(values) for name, values in columns.items()}
    table["duration"] = columns["stop_time"] - columns["start_time"]
    table["stimulus_condition_id"] = condition_ids
    bad = overlapping(columns["start_time"], columns["stop_time"], tagged(invalid, ["stimulus"]))
    if bad.any():
        for name, values in table.items():
            if name == "stimulus_name":
                values[bad] = INVALID
            elif name not in times:
                masked = values if values.dtype == object else values.astype(np.float64)
                masked[bad] = np.nan
                table[name] = masked
    index = pd.Index(np.arange(total, dtype=np.int64), name="stimulus_presentation_id")
    return StimulusTables(frame_of(table, index), conditions)
