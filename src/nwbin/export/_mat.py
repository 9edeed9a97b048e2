"""MATLAB's files: version 7.3, which is HDF5, written by hand and block by block; and 5, by SciPy."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from nwbin._optional import need
from nwbin.errors import ArgumentError
from nwbin.export._disk_that_may_fill import SteadyFile, reserve, undisturbed
from nwbin.export._npz import labels_of
from nwbin.export._output import MatVersion, Output
from nwbin.responses.counts import LabelledCounts
from nwbin.storage.new_hdf5 import lists_of_characters, new_hdf5
from nwbin.tables.tidy import text_of_objects

__all__ = ["check_mat", "mat_columns", "write_mat_counts", "write_mat_variables"]

Variable: TypeAlias = "str | npt.NDArray[Any] | Mapping[str, Variable]"

_CLASSES = {"f8": "double", "f4": "single", "b1": "logical"}
_CLASSES |= {f"{kind}{size}": f"{'u' * (kind == 'u')}int{8 * size}" for kind in "iu" for size in (1, 2, 4, 8)}
_USER_BLOCK, _TEXT_BYTES = 512, 116
_LONGEST_NAME = 63
_MOST_BYTES_OF_5 = 2**31 - 1  # of one variable
_CHUNK = 1 << 20
# What MATLAB's language has for itself.
_KEYWORDS = {
    "break", "case", "catch", "classdef", "continue", "else", "elseif", "end", "for", "function", "global", "if",
    "otherwise", "parfor", "persistent", "return", "spmd", "switch", "try", "while",
}  # fmt: skip


def check_mat(target: Path, version: str, largest: int = 0) -> None:
    """Refuse, before any work is done, a version that there is not, or that cannot hold what there is."""
    if version not in get_args(MatVersion):
        raise ArgumentError(f"{target}: mat_version is '7.3' or '5', not {version!r}")
    if version == "5":
        need("scipy", "matlab", f"{target}: version 5 of .mat")
        if largest > _MOST_BYTES_OF_5:
            raise ArgumentError(f"{target}: version 5 of .mat holds 2 GB a variable; take mat_version='7.3'")


def mat_columns(columns: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Columns by names that MATLAB takes: letters, digits and _, a letter first, 63 at most, no two alike."""
    made: dict[str, npt.NDArray[Any]] = {}
    for name, values in columns.items():
        made[_free(name, made)] = values
    return made


def _free(name: str, taken: Collection[str]) -> str:
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)[:_LONGEST_NAME]
    if not plain[:1].isalpha() or plain in _KEYWORDS:
        plain = f"x_{plain}"[:_LONGEST_NAME]
    number, tried = 2, plain
    while tried in taken:
        tried = f"{plain[: _LONGEST_NAME - 5]}_{number}"
        number += 1
    return tried


def write_mat_variables(path: Path, variables: Mapping[str, Variable], version: MatVersion) -> None:
    """Write variables: text, arrays (those of one dimension as columns), or a dictionary of them as a struct."""
    if version == "5":
        _write_5(path, variables)
        return
    reserve(path, (1 << 20) + _size(variables))
    with SteadyFile(path) as disk:
        with undisturbed():
            file = new_hdf5(disk, user_block=_USER_BLOCK)
            try:
                for name, value in variables.items():
                    _put(file, name, value)
            finally:
                file.close()
        disk.check()
        _write_header(disk)
        disk.check()


def write_mat_counts(path: Path, output: Output) -> None:
    """Write counts and labels as variables; in version 7.3 the counts never are in memory as a whole."""
    variables = _variables(output)
    if output.mat_version == "5":
        _write_5(path, {**variables, "counts": output.counts.to_numpy()}, compress=output.compress)
        return
    counts = output.counts
    reserve(path, (1 << 20) + _size(variables))
    file: Any = None
    with SteadyFile(path) as disk:
        try:
            with undisturbed():
                file = new_hdf5(disk, user_block=_USER_BLOCK)
                for name, value in variables.items():
                    _put(file, name, value)
                array = _room(file, counts)
            disk.check()
            if array is not None:
                for rows, block in counts.blocks(
                    _block_bytes(counts, output.max_bytes), progress=output.progress
                ):
                    with undisturbed():
                        array[..., rows] = _stored(block).T  # MATLAB's first dimension is HDF5's last
                    disk.check()
        finally:
            with undisturbed():
                if file is not None:
                    file.close()
        disk.check()
        _write_header(disk)
        disk.check()


def _variables(output: Output) -> dict[str, Variable]:
    """Everything but the counts."""
    found: dict[str, Variable] = {}
    for name, values in labels_of(output).items():
        if values.dtype.names is not None:  # records
            found[name] = mat_columns({field: values[field] for field in values.dtype.names})
        elif name == "provenance":
            found[name] = json.dumps(dict(output.provenance))
        else:
            found[name] = values
    return found


def _size(value: Variable) -> int:
    if isinstance(value, Mapping):
        return sum(2048 + _size(one) for one in value.values())
    return 2 * len(value) if isinstance(value, str) else value.nbytes


# Version 7.3


def _write_header(disk: SteadyFile) -> None:
    """Say at the beginning of the file, where HDF5 left room, that it is MATLAB's."""
    said = b"MATLAB 7.3 MAT-file, Platform: nwbin, Created on: Thu Jan  1 00:00:00 1970 HDF5 schema 1.00 ."
    with undisturbed():
        disk.seek(0)
        # After the text no offset of a subsystem, the version, and the order of bytes.
        disk.write(said.ljust(_TEXT_BYTES) + bytes(8) + b"\x00\x02IM")


def _stored(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Numbers as one of the kinds that MATLAB has, in the machine's order of bytes."""
    if values.dtype.kind == "b":
        return values.view(np.uint8)
    if values.dtype == np.float16:
        return values.astype(np.float32)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _class_of(dtype: np.dtype[Any]) -> str:
    kind = f"{dtype.kind}{dtype.itemsize}"
    return "single" if kind == "f2" else _CLASSES[kind]


def _describe(node: Any, name: str) -> None:
    """Say which of MATLAB's classes a dataset is of."""
    node.attrs["MATLAB_class"] = np.bytes_(name)
    if name in ("logical", "char"):
        node.attrs["MATLAB_int_decode"] = np.int32(1 if name == "logical" else 2)


def _put(parent: Any, name: str, value: Variable) -> None:
    if isinstance(value, Mapping):
        group = parent.create_group(name)
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        if value:
            group.attrs["MATLAB_fields"] = lists_of_characters(list(value))
        for field, one in value.items():
            _put(group, field, one)
        return
    if isinstance(value, str):
        value = np.asarray([value])
    if value.dtype.kind in "UTO":
        kind, array = "char", _characters(text_of_objects(value, name))
    elif value.dtype.kind in "biuf":
        kind, array = _class_of(value.dtype), _stored(value)
    else:  # dates and the like
        kind, array = "char", _characters(value.astype(np.str_))
    if array.ndim < 2:
        array = array.reshape(-1, 1)
    if array.size:
        node = parent.create_dataset(name, data=np.ascontiguousarray(array.T))
    else:  # an empty array is its size
        node = parent.create_dataset(name, data=np.asarray(array.shape, dtype=np.uint64))
        node.attrs["MATLAB_empty"] = np.uint8(1)
    _describe(node, kind)


def _characters(texts: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    """Texts as rows of UTF-16 characters, those that are shorter with spaces after them: (texts, longest)."""
    units = [np.frombuffer(str(one).encode("utf-16-le", "replace"), dtype="<u2") for one in texts.tolist()]
    made = np.full((len(units), max(map(len, units), default=0)), ord(" "), dtype=np.uint16)
    for row, one in zip(made, units, strict=True):
        row[: len(one)] = one
    return made


def _room(file: Any, counts: LabelledCounts) -> Any:
    """Make room for the counts; None where there are none."""
    kind = _class_of(counts.dtype)
    if 0 in counts.shape:
        _put(file, "counts", np.empty(counts.shape, counts.dtype))
        return None
    stored = _stored(np.empty(0, counts.dtype)).dtype
    array = file.create_dataset(
        "counts", shape=counts.shape[::-1], dtype=stored, chunks=_chunks(counts.shape, stored.itemsize),
        compression="gzip", compression_opts=1, shuffle=stored.itemsize > 1,
    )  # fmt: skip
    _describe(array, kind)
    return array


def _rows_at_once(shape: tuple[int, ...], itemsize: int) -> int:
    """Rows of a chunk: few enough for blocks to hold several."""
    row_bytes = max(1, math.prod(shape[1:]) * itemsize)
    return max(1, min(shape[0], 1024, (8 << 20) // row_bytes))


def _chunks(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Chunks of about 1 MB, in HDF5's order of dimensions: few units, some bins, some rows."""
    rows = _rows_at_once(shape, itemsize)
    units = min(shape[-1], 64)
    left = max(1, _CHUNK // (rows * units * itemsize))
    between = [min(size, left) for size in shape[1:-1]]  # bins, if they are a dimension of their own
    return (units, *between, rows)


def _block_bytes(counts: LabelledCounts, most: int) -> int:
    """The size of blocks of whole chunks, so that no chunk is compressed twice, within what is allowed."""
    row_bytes = max(1, math.prod(counts.shape[1:]) * counts.dtype.itemsize)
    rows = _rows_at_once(counts.shape, counts.dtype.itemsize)
    return max(row_bytes, most // (rows * row_bytes) * rows * row_bytes or most)


# Version 5


def _write_5(path: Path, variables: Mapping[str, Variable], *, compress: bool = False) -> None:
    from scipy.io import savemat

    plain = {name: _plain_5(value, name) for name, value in variables.items()}
    with path.open("wb") as file:
        savemat(file, plain, format="5", long_field_names=True, do_compression=compress, oned_as="column")


def _plain_5(value: Variable, name: str) -> Any:
    if isinstance(value, Mapping):
        return {field: _plain_5(one, field) for field, one in value.items()}
    if isinstance(value, str):
        return value
    if value.dtype.kind in "biuf":
        return value.astype(np.float32) if value.dtype == np.float16 else value
    texts = text_of_objects(value, name) if value.dtype.kind in "UTO" else value
    return texts.astype(np.str_)
