"""The stimulus table: every presentation of a session in one table, and its conditions.

A session has 70,000 presentations, but a column of its table holds a handful of distinct values. So columns are
kept as numbers into their distinct values (:mod:`nwbin.allen.columns`): names are standardised, colors parsed and
conditions told apart on the distinct values, and rows are only laid out at the end.
"""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nwbin.allen.columns import Column, Piece, joined, numbers
from nwbin.allen.invalid import overlapping, tagged
from nwbin.allen.null import NULL
from nwbin.errors import FormatError
from nwbin.nwb import schema
from nwbin.nwb.dynamic_table import DynamicTable
from nwbin.nwb.file import File
from nwbin.tables.frames import frame_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DETAILED_PARAMETERS", "NON_PARAMETERS", "StimulusTables", "stimulus_tables"]

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
_ASIDE = ("start_time", "stop_time", "tags", "stimulus_index")  # times are read first, the others not at all
_RGB = re.compile(r"\[(-?\d*\.\d*,\s*)*-?\d*\.\d*\]")

Columns = dict[str, Column]
Times = dict[str, npt.NDArray[np.float64]]


class StimulusTables(NamedTuple):
    """The joined stimulus table, all parameters included, and the distinct conditions in it."""

    presentations: pd.DataFrame
    conditions: pd.DataFrame


def presentation_tables(file: File) -> list[str]:
    """The tables of intervals that a session's presentations are read from, by name."""
    names = [name for name in file.intervals if name.endswith(schema.PRESENTATIONS_SUFFIX)]
    # A plain NWB file has trials or epochs instead; they serve as presentations of a stimulus of that name.
    return names or [name for name in file.intervals if name != "invalid_times"]


def _stored_columns(file: File) -> tuple[Times, Columns]:
    """Read all stimulus tables into one: its start and stop times, and its other columns, in order of start."""
    names = presentation_tables(file)
    tables = [file.table(f"{schema.INTERVALS}/{name}") for name in names]
    ends = np.cumsum([0, *map(len, tables)])
    total = int(ends[-1])
    stored = [np.arange(begin, end) for begin, end in pairwise(ends.tolist())]

    def times(name: str) -> npt.NDArray[np.float64]:
        parts = zip(stored, tables, strict=True)
        found = numbers([(rows, table.column(name)) for rows, table in parts if table.is_flat(name)], total)
        if found is None:
            raise FormatError(f"{file.name}: {schema.INTERVALS} has a {name} that is not a number")
        return found.astype(np.float64, copy=False)

    start, stop = times("start_time"), times("stop_time")
    order = np.argsort(start, kind="stable")
    place = np.empty(total, dtype=np.intp)
    place[order] = np.arange(total)
    plain = not any(name.endswith(schema.PRESENTATIONS_SUFFIX) for name in names)
    pieces: dict[str, list[Piece]] = {"stimulus_name": []}
    for name, table, begin, end in zip(names, tables, ends[:-1], ends[1:], strict=True):
        rows = place[begin:end]
        for column in table.columns:
            aside = column in _ASIDE and not (plain and column == "tags")
            if not aside and table.is_flat(column):
                values = table.text_codes(column)
                found = table.column(column) if values is None else values
                pieces.setdefault(column, []).append((rows, found))
            elif plain and table.is_list(column):  # such as tags, which in AllenSDK's tables are left out
                pieces.setdefault(column, []).append((rows, _listed(table, column)))
        if "stimulus_name" not in table:
            shown = name.removesuffix(schema.PRESENTATIONS_SUFFIX)
            pieces["stimulus_name"].append((rows, (np.zeros(len(table), dtype=np.intp), [shown])))
    columns = {name: joined(found, total) for name, found in pieces.items()}
    return {"start_time": start[order], "stop_time": stop[order]}, columns


def _listed(table: DynamicTable, column: str) -> tuple[npt.NDArray[np.intp], list[str]]:
    """A column of lists, as text: "a; b"."""
    texts = ["; ".join(map(str, one)) for one in table.lists(column)]
    distinct = list(dict.fromkeys(texts))
    place = {text: k for k, text in enumerate(distinct)}
    return np.asarray([place[text] for text in texts], dtype=np.intp), distinct


def _split_color(columns: Columns) -> None:
    """Move RGB triplets from color to color_triplet; what is left are numbers."""
    if "color" not in columns:
        return
    color = columns["color"]
    is_triplet = [isinstance(value, str) and _RGB.match(value) is not None for value in color.values]
    triplets = color.mapped([v if t else None for v, t in zip(color.values, is_triplet, strict=True)])
    numbers: list[Any] = []
    for value, triplet in zip(color.values, is_triplet, strict=True):
        try:
            numbers.append(None if triplet else ast.literal_eval(value) if isinstance(value, str) else value)
        except (ValueError, SyntaxError):
            numbers.append(value)
    columns["color"] = color.mapped(numbers)
    known = columns.get("color_triplet")
    columns["color_triplet"] = triplets if known is None else triplets.filled_from(known)


def _collapse(columns: Columns) -> Columns:
    """Merge columns that differ only in capitals (color, Color), where no row has both."""
    dropped: list[str] = []
    for name in list(columns):
        for other in (name.upper(), name.capitalize()):
            if other != name and other in columns:
                if (~columns[name].missing & ~columns[other].missing).any():
                    continue
                columns[name] = columns[name].filled_from(columns[other])
                dropped.append(other)
                break
    return {name: column for name, column in columns.items() if name not in dropped}


def _standard_names(file: File, names: list[Any]) -> list[Any]:
    """Give stimuli their published names."""
    spelled = [
        re.sub(r"\d+", lambda m: _DIGITS.get(m[0], m[0]), name)
        if isinstance(name, str) and _MOVIE.search(name)
        else name
        for name in names
    ]
    if any(isinstance(name, str) and "natural_movie_shuffled" in name for name in spelled):
        matches = [_MOVIE.search(name) for name in spelled if isinstance(name, str)]
        numbers = {match["number"] for match in matches if match}
        if len(numbers) != 1:
            raise FormatError(
                f"{file.name}: a shuffled natural movie is not said to be of any one movie: found {sorted(numbers)}"
            )
        number = numbers.pop()
        spelled = [
            f"natural_movie_{number}_shuffled"
            if isinstance(name, str) and name.startswith("natural_movie_shuffled")
            else name
            for name in spelled
        ]
    return [_STIMULUS_NAMES.get(name, name) if isinstance(name, str) else name for name in spelled]


def _condition_ids(parameters: Columns, total: int) -> npt.NDArray[np.int64]:
    """Number the distinct rows over all parameters, in order of first appearance. Int64, (presentations,)."""
    import pandas as pd

    combined = np.zeros(total, dtype=np.int64)
    size = 1
    for column in parameters.values():
        codes, number = column.equal_codes()
        if size * number >= 2**62:
            combined, distinct = pd.factorize(combined)
            size = len(distinct)
        combined = combined * number + codes
        size *= number
    return np.asarray(pd.factorize(combined)[0], dtype=np.int64)


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

    times, columns = _stored_columns(file)
    total = len(times["start_time"])
    columns = {
        name: column if name.endswith("_index") else column.with_booleans()
        for name, column in columns.items()
    }
    _split_color(columns)
    columns = _collapse(columns)
    shown = columns["stimulus_name"]
    columns["stimulus_name"] = shown.mapped(_standard_names(file, shown.values), missing="spontaneous")
    columns = {_COLUMN_NAMES.get(name, name): column for name, column in columns.items()}
    columns = {
        name: columns[name] for name in sorted(columns, key=lambda name: (name != "stimulus_name", name))
    }

    parameters = {name: column for name, column in columns.items() if name not in NON_PARAMETERS}
    condition_ids = _condition_ids(parameters, total)
    _, first_rows = np.unique(condition_ids, return_index=True)
    conditions = frame_of(
        {name: column.taken(first_rows).array(NULL, tight=True) for name, column in parameters.items()},
        pd.Index(np.arange(len(first_rows), dtype=np.int64), name="stimulus_condition_id"),
    )

    laid_out: dict[str, npt.NDArray[Any]] = {name: column.array(NULL) for name, column in columns.items()}
    block = {"stimulus_block": laid_out.pop("stimulus_block")} if "stimulus_block" in laid_out else {}
    table = {**block, **times, **laid_out}
    table["duration"] = times["stop_time"] - times["start_time"]
    table["stimulus_condition_id"] = condition_ids
    bad = overlapping(times["start_time"], times["stop_time"], tagged(invalid, ["stimulus"]))
    if bad.any():
        for name, values in table.items():
            if name == "stimulus_name":
                values[bad] = INVALID
            elif name not in times:
                # Numbers become float64, for the NaN; anything else, true and false too, keeps its values.
                dtype = np.float64 if values.dtype.kind in "fiu" else object
                masked = values.astype(dtype, copy=False)
                masked[bad] = np.nan
                table[name] = masked
    index = pd.Index(np.arange(total, dtype=np.int64), name="stimulus_presentation_id")
    return StimulusTables(frame_of(table, index), conditions)
