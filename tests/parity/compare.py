"""Compare nwbin's answer with AllenSDK's recorded one: values, dtypes, order, names, kinds of exception."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from tests.parity.bundle import Bundle, plain, sha


def _same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; 1, 1.0 and True are three things, NaN is NaN."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (left != left and right != right)
    return type(left) is type(right) and left == right


def _first_difference(mine: list[Any], theirs: list[Any]) -> str:
    if len(mine) != len(theirs):
        return f"{len(mine)} values, AllenSDK has {len(theirs)}"
    row = next(at for at, pair in enumerate(zip(mine, theirs, strict=True)) if not _same(*pair))
    return f"row {row}: {mine[row]!r}, AllenSDK has {theirs[row]!r}"


def frame_problems(mine: Any, theirs: dict[str, Any], *, any_column_order: bool, ties: bool) -> list[str]:
    """List how a table differs from a recorded one.

    Parameters
    ----------
    mine
        nwbin's data frame or series.
    theirs
        The recorded table.
    any_column_order
        AllenSDK's column order in stimulus tables is that of a Python set of strings: chance.
    ties
        Rows with the same index may come in another order (AllenSDK sorts spikes with an unstable sort).
    """
    if isinstance(mine, pd.Series):
        mine = mine.to_frame(name=mine.name if mine.name is not None else "<unnamed series>")
    if not isinstance(mine, pd.DataFrame):
        return [f"a {type(mine).__name__} in place of a table"]
    problems: list[str] = []
    names = [str(name) for name in mine.columns]
    if (sorted(names) != sorted(theirs["columns"])) if any_column_order else (names != theirs["columns"]):
        return [f"columns {names}, AllenSDK has {theirs['columns']}"]
    index_names = [None if name is None else str(name) for name in mine.index.names]
    if index_names != theirs["index_names"]:
        problems.append(f"index named {index_names}, AllenSDK has {theirs['index_names']}")
    if theirs["index"] and str(mine.index.dtype) != theirs["index_dtype"]:
        problems.append(f"index of {mine.index.dtype}, AllenSDK has {theirs['index_dtype']}")
    index = [plain(value) for value in mine.index.tolist()]
    dtypes = dict(zip(theirs["columns"], theirs["dtypes"], strict=True))
    data = {name: [plain(value) for value in mine[name].tolist()] for name in mine.columns}
    recorded = theirs["data"]
    if ties and len(index) == len(theirs["index"]):
        order = sorted(range(len(index)), key=lambda row: (index[row], *(data[c][row] for c in names)))
        data = {name: [values[row] for row in order] for name, values in data.items()}
        index = [index[row] for row in order]
        order = sorted(
            range(len(index)), key=lambda row: (theirs["index"][row], *(recorded[c][row] for c in names))
        )
        recorded = {name: [values[row] for row in order] for name, values in recorded.items()}
    if not _same(index, theirs["index"]):
        problems.append(f"index {_first_difference(index, theirs['index'])}")
    for name in names:
        if len(mine) and str(mine[name].dtype) != dtypes[name]:
            problems.append(f"{name} is {mine[name].dtype}, AllenSDK has {dtypes[name]}")
        if not _same(data[name], recorded[name]):
            problems.append(f"{name} {_first_difference(data[name], recorded[name])}")
    return problems


def array_problems(mine: Any, name: str, call: dict[str, Any], bundle: Bundle) -> list[str]:
    """List how a labelled array differs from a recorded one."""
    if not isinstance(mine, xr.DataArray):
        return [f"a {type(mine).__name__} in place of a labelled array"]
    problems = [
        f"{what} {found!r}, AllenSDK has {wanted!r}"
        for what, found, wanted in (
            ("dims", list(mine.dims), call["dims"]),
            ("shape", list(mine.shape), call["shape"]),
            ("dtype", str(mine.dtype), call["dtype"]),
            ("name", mine.name, call["name"]),
            (
                "coordinates",
                {c: str(v.dtype) for c, v in mine.coords.items()},
                {c: v["dtype"] for c, v in call["coords"].items()},
            ),
        )
        if found != wanted
    ]
    if problems:
        return problems
    stored = bundle.arrays.get(f"{name}.values")
    if stored is None:
        if sha(mine.values) != call["sha256"]:
            problems.append("values differ (by their hash)")
    elif not np.array_equal(mine.values, stored, equal_nan=stored.dtype.kind == "f"):
        wrong = np.flatnonzero(
            ~((mine.values == stored) | ((mine.values != mine.values) & (stored != stored)))
        )
        problems.append(f"{wrong.size} of {stored.size} values differ")
    problems += [
        f"coordinate {c} differs"
        for c in call["coords"]
        if f"{name}.{c}" in bundle.arrays
        and not np.array_equal(
            mine.coords[c].values,
            bundle.arrays[f"{name}.{c}"],
            equal_nan=call["coords"][c]["dtype"][0] == "f",
        )
    ]
    return problems


def unit_problems(mine: Any, call: dict[str, Any]) -> list[str]:
    """List how a mapping of units (spike times, amplitudes, waveforms) differs from a recorded one."""
    if not isinstance(mine, Mapping):
        return [f"a {type(mine).__name__} in place of a mapping"]
    recorded: dict[str, Any] = call["units"]
    if [str(unit) for unit in mine] != list(recorded):
        return [f"units {list(mine)[:5]}..., AllenSDK has {list(recorded)[:5]}..."]
    problems = []
    for unit, values in mine.items():
        wanted = recorded[str(unit)]
        found: dict[str, Any] = {"sha256": sha(values)}
        if isinstance(values, xr.DataArray):
            found = {
                "shape": list(values.shape),
                "sha256": sha(values.values),
                "channels_sha256": sha(values.channel_id.values),
            }
        else:
            found["n"] = int(values.size)
        problems += [f"unit {unit}: {key} differs" for key, value in found.items() if value != wanted[key]]
    return problems


def moment(said: str) -> tuple[list[int], float | None]:
    """Return the date and time of a datetime's repr as its numbers, and its zone in seconds from UTC."""
    clock, _, zone = said.removeprefix("datetime.datetime(").partition(", tzinfo=")
    numbers = [int(one) for one in re.findall(r"\d+", clock)]
    if not zone:
        return numbers, None
    if zone.startswith(("tzutc()", "datetime.timezone.utc", "TzInfo(UTC)")):
        return numbers, 0.0
    if found := re.match(r"tzoffset\((?:None|'[^']*'), (-?\d+)\)", zone):
        return numbers, float(found[1])
    found = re.match(r"datetime\.timezone\(datetime\.timedelta\((.*?)\)", zone)
    assert found, f"a zone of a kind not known here: {zone}"
    parts = {name: float(value) for name, value in re.findall(r"(\w+)=(-?\d+)", found[1])}
    return numbers, dt.timedelta(**parts).total_seconds()


def value_problems(mine: Any, call: dict[str, Any]) -> list[str]:
    """List how a plain value, array or dictionary differs from a recorded one."""
    if isinstance(mine, dict) and "value_dtypes" in call:
        found = {str(k): plain(v) for k, v in mine.items()}
        problems = (
            [] if list(found) == list(call["value"]) or set(found) == set(call["value"]) else ["keys differ"]
        )
        problems += [
            f"{k} differs" for k in found if k in call["value"] and not _same(found[k], call["value"][k])
        ]
        dtypes = {str(k): str(getattr(v, "dtype", type(v).__name__)) for k, v in mine.items()}
        return problems + [f"{k} is {dtypes[k]}" for k in dtypes if dtypes[k] != call["value_dtypes"].get(k)]
    found = plain(mine)
    wanted = call.get("value")
    if call["type"] == "datetime":
        return [] if moment(repr(mine)) == moment(str(wanted)) else [f"{mine!r}, AllenSDK has {wanted}"]
    if isinstance(wanted, str) and len(wanted) == 64 and isinstance(mine, np.ndarray):
        return [] if sha(mine) == wanted else ["values differ (by their hash)"]
    return [] if _same(found, wanted) else [f"{found!r}, AllenSDK has {wanted!r}"]
