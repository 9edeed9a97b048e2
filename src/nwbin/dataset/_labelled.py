"""Values taken apart into JSON and arrays, and put together again: exactly, or not at all.

What JSON has of its own stands as it is. Everything else is an object with the key ``!``, which says its kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["UnknownKindError", "restored", "taken_apart"]

_MARK = "!"
_NUMBERS = "biufcmM"


class UnknownKindError(Exception):
    """A value, or something in it, is of a kind that is not written without pickle."""


Arrays = list[Any]


def taken_apart(value: Any, arrays: Arrays) -> Any:
    """Return what JSON can hold of a value; its arrays are put into a list."""
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {_MARK: "float", "value": str(value)}
    if kind is list:
        return [taken_apart(one, arrays) for one in value]
    if kind is tuple:
        return {_MARK: "tuple", "items": [taken_apart(one, arrays) for one in value]}
    if kind is dict:
        if all(type(name) is str for name in value) and _MARK not in value:
            return {name: taken_apart(one, arrays) for name, one in value.items()}
        items = [[taken_apart(name, arrays), taken_apart(one, arrays)] for name, one in value.items()]
        return {_MARK: "dict", "items": items}
    if kind is np.ndarray:
        return _of_array(value, arrays)
    if kind is np.str_:
        return {_MARK: "text", "value": str(value)}
    if isinstance(value, np.generic) and kind.__module__ == "numpy" and value.dtype.kind in _NUMBERS:
        return {_MARK: "number", "dtype": value.dtype.str, "bytes": value.tobytes().hex()}
    return _of_table(value, arrays)


def restored(said: Any, arrays: Arrays) -> Any:
    """Put a value together again."""
    if isinstance(said, list):
        return [restored(one, arrays) for one in said]
    if not isinstance(said, dict):
        return said
    if _MARK not in said:
        return {name: restored(one, arrays) for name, one in said.items()}
    return _KINDS[said[_MARK]](said, arrays)


# ---------------------------------------------------------------- arrays


def _of_array(values: Any, arrays: Arrays) -> Any:
    if values.dtype == object:
        items = [taken_apart(one, arrays) for one in values.reshape(-1).tolist()]
        return {_MARK: "objects", "shape": list(values.shape), "items": items}
    described = np.lib.format.dtype_to_descr(values.dtype)
    same = values.dtype.kind in f"{_NUMBERS}US" and np.lib.format.descr_to_dtype(described) == values.dtype
    if not same or values.dtype.metadata:
        raise UnknownKindError(values.dtype)
    arrays.append(values)
    return {_MARK: "array", "place": len(arrays) - 1}


def _to_objects(said: Any, arrays: Arrays) -> Any:
    made = np.empty(len(said["items"]), dtype=object)
    for place, one in enumerate(said["items"]):
        made[place] = restored(one, arrays)
    return made.reshape(said["shape"])


def _to_number(said: Any, arrays: Arrays) -> Any:
    return np.frombuffer(bytes.fromhex(said["bytes"]), dtype=np.dtype(said["dtype"]))[0]


# ---------------------------------------------------------------- tables


def _of_table(value: Any, arrays: Arrays) -> Any:
    """pandas' and xarray's; what has come back is compared with what went in before it counts as written."""
    import pandas as pd

    from nwbin.responses.matrix import ResponseMatrix

    own: Arrays = []
    kind = type(value)
    if kind is ResponseMatrix:
        names = ("X", "y", "classes", "presentation_ids", "unit_ids")
        return {_MARK: "matrix", "parts": [taken_apart(getattr(value, name), arrays) for name in names]}
    if kind is pd.DataFrame:
        columns = [_of_column(value.iloc[:, place], own) for place in range(value.shape[1])]
        index, names = _of_index(value.index, own), _of_index(value.columns, own)
        said = {_MARK: "frame", "index": index, "columns": names, "values": columns}
        compare: Callable[[Any, Any], Any] = _compare_frames
    elif kind is pd.Series:
        said = {_MARK: "series", "index": _of_index(value.index, own), "values": _of_column(value, own)}
        said["name"] = taken_apart(value.name, own)
        compare = _compare_series
    elif isinstance(value, pd.Index):
        said, compare = {_MARK: "index", "index": _of_index(value, own)}, _compare_indexes
    elif kind.__module__.partition(".")[0] == "xarray":
        said, compare = _of_xarray(value, own), _compare_xarray
    else:
        raise UnknownKindError(kind)
    if kind in (pd.DataFrame, pd.Series):
        said["attrs"] = taken_apart(value.attrs, own)
        if not value.flags.allows_duplicate_labels:
            raise UnknownKindError("flags")
    try:
        compare(restored(said, own), value)
    except AssertionError as difference:
        raise UnknownKindError(kind) from difference
    return _moved(said, own, arrays)


def _moved(said: Any, own: Arrays, arrays: Arrays) -> Any:
    """Count a table's arrays after those that are there already."""
    first = len(arrays)
    arrays.extend(own)

    def move(one: Any) -> Any:
        if isinstance(one, list):
            return [move(part) for part in one]
        if not isinstance(one, dict):
            return one
        if one.get(_MARK) == "array":
            return {**one, "place": one["place"] + first}
        return {name: move(part) for name, part in one.items()}

    return move(said)


def _of_column(values: Any, arrays: Arrays) -> Any:
    import pandas as pd

    dtype = values.dtype
    if isinstance(dtype, np.dtype):
        return taken_apart(values.to_numpy(), arrays)
    if type(dtype) is pd.StringDtype:
        missing = "NA" if dtype.na_value is pd.NA else "nan"
        items = [None if gone else one for gone, one in zip(values.isna(), values, strict=True)]
        if not all(one is None or type(one) is str for one in items):
            raise UnknownKindError(dtype)
        return {_MARK: "strings", "storage": dtype.storage, "missing": missing, "items": items}
    if type(dtype) is pd.CategoricalDtype:
        codes = taken_apart(np.asarray(values.array.codes), arrays)
        categories = _of_index(dtype.categories, arrays)
        return {_MARK: "categories", "codes": codes, "categories": categories, "ordered": bool(dtype.ordered)}
    raise UnknownKindError(dtype)


def _to_strings(said: Any, arrays: Arrays) -> Any:
    import pandas as pd

    missing: Any = pd.NA if said["missing"] == "NA" else np.nan
    # Older versions of pandas know strings with NA only.
    more = {} if missing is pd.NA else {"na_value": missing}
    dtype: Any = pd.StringDtype(said["storage"], **more)
    return pd.array([missing if one is None else one for one in said["items"]], dtype=dtype)


def _to_categories(said: Any, arrays: Arrays) -> Any:
    import pandas as pd

    categories = _to_index(said["categories"], arrays)
    return pd.Categorical.from_codes(
        restored(said["codes"], arrays), categories=categories, ordered=said["ordered"]
    )


def _of_index(index: Any, arrays: Arrays) -> Any:
    import pandas as pd

    names = [taken_apart(name, arrays) for name in index.names]
    if type(index) is pd.RangeIndex:
        return {"kind": "range", "range": [index.start, index.stop, index.step], "names": names}
    if type(index) is pd.MultiIndex:
        levels = [_of_index(level, arrays) for level in index.levels]
        codes = [taken_apart(np.asarray(one), arrays) for one in index.codes]
        return {"kind": "several", "levels": levels, "codes": codes, "names": names}
    if type(index) not in (pd.Index, pd.DatetimeIndex, pd.TimedeltaIndex):
        raise UnknownKindError(type(index))
    if getattr(index, "freq", None) is not None:
        raise UnknownKindError("freq")
    return {"kind": "plain", "values": _of_column(index, arrays), "names": names}


def _to_index(said: Any, arrays: Arrays) -> Any:
    import pandas as pd

    names = [restored(name, arrays) for name in said["names"]]
    if said["kind"] == "range":
        start, stop, step = said["range"]
        return pd.RangeIndex(start, stop, step, name=names[0])
    if said["kind"] == "several":
        levels = [_to_index(level, arrays) for level in said["levels"]]
        codes = [restored(one, arrays) for one in said["codes"]]
        return pd.MultiIndex(levels=levels, codes=codes, names=names, verify_integrity=False)
    values = restored(said["values"], arrays)
    return pd.Index(values, dtype=values.dtype, name=names[0])


def _to_frame(said: Any, arrays: Arrays) -> Any:
    import pandas as pd

    index = _to_index(said["index"], arrays)
    columns = {place: _series(one, index, arrays) for place, one in enumerate(said["values"])}
    frame = pd.DataFrame(columns, index=index)
    frame.columns = _to_index(said["columns"], arrays)
    frame.attrs = restored(said["attrs"], arrays) if "attrs" in said else {}
    return frame


def _to_series(said: Any, arrays: Arrays) -> Any:
    series = _series(said["values"], _to_index(said["index"], arrays), arrays)
    series.name = restored(said["name"], arrays)
    series.attrs = restored(said["attrs"], arrays) if "attrs" in said else {}
    return series


def _series(said: Any, index: Any, arrays: Arrays) -> Any:
    import pandas as pd

    values = restored(said, arrays)
    return pd.Series(values, index=index, dtype=values.dtype)


def _compare_frames(one: Any, other: Any) -> None:
    import pandas as pd

    pd.testing.assert_frame_equal(one, other, check_exact=True, check_freq=True, check_flags=True)
    for mine, theirs in ((one.index, other.index), (one.columns, other.columns)):
        _compare_indexes(mine, theirs)


def _compare_series(one: Any, other: Any) -> None:
    import pandas as pd

    pd.testing.assert_series_equal(one, other, check_exact=True, check_freq=True, check_flags=True)
    _compare_indexes(one.index, other.index)


def _compare_indexes(one: Any, other: Any) -> None:
    import pandas as pd

    pd.testing.assert_index_equal(one, other, exact=True, check_exact=True)
    assert type(one) is type(other)
    assert one.dtype == other.dtype


# ---------------------------------------------------------------- xarray


def _of_xarray(value: Any, arrays: Arrays) -> Any:
    import xarray as xr

    if type(value) not in (xr.DataArray, xr.Dataset) or any(
        type(one).__name__ != "PandasIndex" for one in value.xindexes.values()
    ):
        raise UnknownKindError(type(value))
    coords = [[name, _of_variable(one.variable, arrays)] for name, one in value.coords.items()]
    if type(value) is xr.DataArray:
        said = {"values": _of_variable(value.variable, arrays), "name": taken_apart(value.name, arrays)}
    else:
        data = [[name, _of_variable(one.variable, arrays)] for name, one in value.data_vars.items()]
        said = {"values": data, "attrs": taken_apart(value.attrs, arrays)}
    if value.encoding or not all(type(name) is str for name, _ in coords):
        raise UnknownKindError(type(value))
    return {_MARK: type(value).__name__, "coords": coords, **said}


def _of_variable(variable: Any, arrays: Arrays) -> Any:
    if variable.chunks is not None or variable.encoding or not all(type(one) is str for one in variable.dims):
        raise UnknownKindError(type(variable))
    values = taken_apart(np.asarray(variable.to_numpy()), arrays)
    return [list(variable.dims), values, taken_apart(variable.attrs, arrays)]


def _to_variable(said: Any, arrays: Arrays) -> Any:
    import xarray as xr

    dims, values, attrs = said
    return xr.Variable(dims, restored(values, arrays), restored(attrs, arrays))


def _to_xarray(said: Any, arrays: Arrays) -> Any:
    import xarray as xr

    coords = {name: _to_variable(one, arrays) for name, one in said["coords"]}
    if said[_MARK] == "DataArray":
        variable = _to_variable(said["values"], arrays)
        name = restored(said["name"], arrays)
        return xr.DataArray(variable.values, coords, variable.dims, name, variable.attrs)
    data = {name: _to_variable(one, arrays) for name, one in said["values"]}
    return xr.Dataset(data, coords, restored(said["attrs"], arrays))


def _compare_xarray(one: Any, other: Any) -> None:
    assert one.identical(other)
    assert list(one.coords) == list(other.coords)
    assert set(one.xindexes) == set(other.xindexes)
    mine, theirs = dict(one.coords.items()), dict(other.coords.items())
    if type(one).__name__ == "DataArray":
        mine[None], theirs[None] = one, other
    else:
        mine.update(one.data_vars.items())
        theirs.update(other.data_vars.items())
    for name in theirs:
        assert mine[name].dtype == theirs[name].dtype


_KINDS: dict[str, Callable[[Any, Arrays], Any]] = {
    "float": lambda said, arrays: float(said["value"]),
    "tuple": lambda said, arrays: tuple(restored(one, arrays) for one in said["items"]),
    "dict": lambda said, arrays: {restored(k, arrays): restored(v, arrays) for k, v in said["items"]},
    "text": lambda said, arrays: np.str_(said["value"]),
    "number": _to_number,
    "array": lambda said, arrays: arrays[said["place"]],
    "objects": _to_objects,
    "matrix": lambda said, arrays: _to_matrix(said, arrays),
    "frame": _to_frame,
    "series": _to_series,
    "index": lambda said, arrays: _to_index(said["index"], arrays),
    "strings": _to_strings,
    "categories": _to_categories,
    "DataArray": _to_xarray,
    "Dataset": _to_xarray,
}


def _to_matrix(said: Any, arrays: Arrays) -> Any:
    from nwbin.responses.matrix import ResponseMatrix

    return ResponseMatrix(*(restored(one, arrays) for one in said["parts"]))
