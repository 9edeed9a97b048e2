"""Where results are kept: one file or Zarr group a session, there whole or not at all, each saying how it was made."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nwbin._atomic import atomic_write
from nwbin._optional import need
from nwbin.export import write_table

if TYPE_CHECKING:
    from nwbin.session import ResponseMatrix

__all__ = ["MatrixFolder", "PickleFolder", "Sink", "TableFolder", "commit", "write_json"]

Stamp = dict[
    str, Any
]  # what is done ("spec") to which file ("file": size, mtime); equal stamps, equal results


class Sink(Protocol):
    """A folder of results. Workers save, the caller loads: both have only its path in common."""

    root: Path

    def begin(self, spec: Mapping[str, Any]) -> None:
        """Make what must be there before the first result."""

    def finish(self) -> None:
        """Do what is to be done after the last result."""

    def target(self, key: int | str) -> Path:
        """Where a session's result is, once there."""

    def save(self, part: Path, key: int | str, value: Any, stamp: Stamp) -> None:
        """Write a result under another name."""

    def stamp(self, target: Path) -> Stamp | None:
        """How the result there was made; None where there is none."""

    def load(self, target: Path) -> Any:
        """Read a result."""


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole or not at all."""
    with atomic_write(path) as part:
        part.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def commit(part: Path, target: Path) -> None:
    """Put a finished result in its place, a folder too; what was there before goes."""
    if target.is_dir():  # no system replaces folders that hold something
        target.replace(part.with_name(f"{part.name}.old"))
    part.replace(target)
    shutil.rmtree(part.with_name(f"{part.name}.old"), ignore_errors=True)


class _Folder:
    ending = ""

    def __init__(self, root: Path) -> None:
        self.root = root

    def begin(self, spec: Mapping[str, Any]) -> None:
        self.root.mkdir(exist_ok=True)

    def finish(self) -> None:
        pass

    def target(self, key: int | str) -> Path:
        return self.root / f"session_{key}{self.ending}"


class PickleFolder(_Folder):
    """Any Python values, as pickles. Load only what you wrote yourself, as with every pickle."""

    ending = ".pkl"

    def save(self, part: Path, key: int | str, value: Any, stamp: Stamp) -> None:
        with part.open("wb") as file:
            pickle.dump(stamp, file)
            pickle.dump(value, file)

    def stamp(self, target: Path) -> Stamp | None:
        try:
            with target.open("rb") as file:
                found: Stamp = pickle.load(file)
        except Exception:  # damaged in whatever way: it is made again
            return None
        return found

    def load(self, target: Path) -> Any:
        with target.open("rb") as file:
            pickle.load(file)
            return pickle.load(file)


class TableFolder(_Folder):
    """Parquet files with a column session_id: ``pandas.read_parquet(folder)`` reads all of them as one table."""

    ending = ".parquet"

    def __init__(self, root: Path) -> None:
        need("pyarrow", "parquet", f"{root}: Parquet")
        super().__init__(root)

    def save(self, part: Path, key: int | str, value: Any, stamp: Stamp) -> None:
        import pandas as pd

        index = pd.Index(
            [key] * len(value), name="session_id", dtype=np.int64 if isinstance(key, int) else object
        )
        write_table(value.set_axis(index, axis=0), part, provenance={"stamp": stamp})

    def stamp(self, target: Path) -> Stamp | None:
        import pyarrow.parquet as pq

        try:
            found: Stamp = json.loads(pq.read_metadata(target).metadata[b"nwbin"])["stamp"]
        except Exception:  # damaged in whatever way: it is made again
            return None
        return found

    def load(self, target: Path) -> Any:
        import pandas as pd

        return pd.read_parquet(target)


class MatrixFolder(_Folder):
    """Response matrices as .npz files: X, y, classes, presentation_ids, unit_ids."""

    ending = ".npz"

    def save(self, part: Path, key: int | str, value: ResponseMatrix, stamp: Stamp) -> None:
        said = json.dumps({"stamp": stamp})
        y = _without_objects(value.y)
        # Labels of a number and of text may read alike, 0.04 and "0.04": then they are one class.
        classes = _without_objects(value.classes) if y is value.y else np.unique(y)
        with part.open("wb") as file:
            np.savez(
                file, X=value.X, y=y, classes=classes,
                presentation_ids=value.presentation_ids, unit_ids=_without_objects(value.unit_ids),
                provenance=np.asarray(said),
            )  # fmt: skip

    def stamp(self, target: Path) -> Stamp | None:
        try:
            # Opened here, because np.load leaves a file open that is no whole archive.
            with target.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                found: Stamp = json.loads(str(stored["provenance"]))["stamp"]
        except Exception:  # damaged in whatever way: it is made again
            return None
        return found

    def load(self, target: Path) -> ResponseMatrix:
        from nwbin.session import ResponseMatrix

        with np.load(target, allow_pickle=False) as stored:
            parts = [stored[name] for name in ("X", "y", "classes", "presentation_ids", "unit_ids")]
        return ResponseMatrix(*(part.astype(object) if part.dtype.kind == "U" else part for part in parts))


def _without_objects(values: Any) -> Any:
    """Text in place of objects: what is neither text nor a number is written as text."""
    return np.asarray([str(one) for one in values], dtype=np.str_) if values.dtype.kind == "O" else values
