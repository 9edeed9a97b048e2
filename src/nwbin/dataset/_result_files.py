"""Results in single files: tables, matrices, and whatever a function of the user's returns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin._optional import need
from nwbin.binning import Progress
from nwbin.dataset._claim import Claim
from nwbin.dataset._sinks import ForeignResultError, Written, is_there, place_of
from nwbin.dataset._stamps import (
    Stamp,
    file_entry,
    is_entry,
    is_lost_file,
    is_same_file,
    read_json,
    stamp_entry,
)
from nwbin.dataset._value_files import read_value, write_value
from nwbin.errors import FormatError
from nwbin.export import write_table

if TYPE_CHECKING:
    from nwbin.responses.matrix import ResponseMatrix

__all__ = ["MatrixFolder", "TableFolder", "ValueFolder"]

_STAMPS = ".nwbin"  # with a dot first, so that whoever reads the folder as one table passes it over
_OTHER = "its size or digest is not that of its stamp"


class _Folder:
    """A file a session, and its stamp in a folder beside them."""

    endings: tuple[str, ...] = ()

    def __init__(self, root: Path) -> None:
        self.root = root

    def begin(self, spec: Mapping[str, Any]) -> None:
        stamps = self.root / _STAMPS
        if is_there(stamps) and (stamps.is_symlink() or not stamps.is_dir()):
            raise ForeignResultError(stamps, "is no folder, and a job keeps its stamps in one of this name")
        stamps.mkdir(parents=True, exist_ok=True)

    def finish(self) -> None:
        pass

    def place(self, key: int | str) -> Path:
        return place_of(self.root, key)

    def _stamp_path(self, key: int | str) -> Path:
        return self.root / _STAMPS / f"{self.place(key).name}.json"

    def _parts(self, key: int | str) -> tuple[Stamp, Path, dict[str, Any]] | None:
        """The stamp, file and entry of what a job has written for a session."""
        place, at = self.place(key), self._stamp_path(key)
        possible = [place.with_name(place.name + ending) for ending in self.endings]
        there = [path for path in possible if is_there(path)]
        if not is_there(at):
            if there:
                raise ForeignResultError(there[0], f"has no stamp of a job ({_STAMPS}/{at.name} beside it)")
            return None
        said = read_json(at) or {}
        stamp, entry = said.get("stamp"), said.get("result")
        named = [path for path in possible if is_entry(entry) and path.name == entry.get("name")]
        if not isinstance(stamp, dict) or not is_entry(entry) or not named:
            raise ForeignResultError(at, "is no stamp of a job")
        strange = [path for path in there if path != named[0] or not path.is_file()]
        if strange:
            raise ForeignResultError(strange[0], f"is not what the stamp of a job names ({named[0].name})")
        return stamp, named[0], entry

    def written(self, key: int | str, *, older: bool = False) -> Written | None:
        found = self._parts(key)
        if found is None:
            return None
        stamp, path, entry = found
        whole = is_same_file(path, entry)
        if not whole and not is_lost_file(path):
            raise ForeignResultError(path, f"is not what a job has written ({_OTHER})")
        return Written(stamp, whole)

    def save(
        self,
        claim: Claim,
        key: int | str,
        value: Any,
        stamp: Stamp,
        ready: Callable[[], None],
        advanced: Progress,
    ) -> None:
        with claim.part() as folder:
            made = self._write(folder / self.place(key).name, key, value, stamp)
            part = folder / "stamp.json"
            said = {**stamp_entry(stamp), "result": file_entry(made)}
            part.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
            self.written(key)  # raises where what is there by now is no job's
            found = self._parts(key)
            old = [found[1]] if found and found[1].exists() else []
            # The stamp first: what a killed job leaves is then a stamp without its file, and never a file that
            # nobody can be shown to have written.
            target = self.place(key).with_name(made.name)
            claim.put(folder, [(part, self._stamp_path(key)), (made, target)], old, ready)

    def remove(self, key: int | str) -> None:
        if self.written(key) is not None and (found := self._parts(key)) is not None:
            found[1].unlink(missing_ok=True)  # the stamp last: without it, nobody knows whose the result is
            self._stamp_path(key).unlink(missing_ok=True)

    def remove_if_empty(self) -> None:
        for folder in (self.root / _STAMPS, self.root):
            with suppress(OSError):
                folder.rmdir()

    def _write(self, part: Path, key: int | str, value: Any, stamp: Stamp) -> Path:
        """Write a result under a name to which its ending is added; return the file."""
        raise NotImplementedError

    def _found(self, key: int | str) -> tuple[Path, dict[str, Any]]:
        found = self._parts(key)
        if found is None or is_lost_file(found[1]):
            raise FormatError(f"{self.place(key)}: the result is not there any more, or not all of it")
        if not is_same_file(found[1], found[2]):
            raise FormatError(
                f"{found[1]}: is not what the job has written ({_OTHER}), so that it is not read; move it away and "
                "run the job again"
            )
        return found[1], found[2]


class ValueFolder(_Folder):
    """Whatever a function returns: ``.json`` or ``.npz`` where that holds it exactly, else ``.pkl``."""

    endings = (".json", ".npz", ".pkl")

    def _write(self, part: Path, key: int | str, value: Any, stamp: Stamp) -> Path:
        return write_value(part, value)

    def load(self, key: int | str) -> Any:
        path, entry = self._found(key)
        if path.suffix != ".pkl":
            return read_value(path)
        data = path.read_bytes()  # once: what is compared is what is opened
        if hashlib.sha256(data).hexdigest() != entry.get("sha256"):
            raise FormatError(
                f"{path}: is not what the job has written ({_OTHER}), and opening a pickle can run code: it stays "
                "closed; move it away and run the job again"
            )
        import pickle

        return pickle.loads(data)


class TableFolder(_Folder):
    """Parquet files with a column session_id: ``pandas.read_parquet(folder)`` reads all of them as one table."""

    endings = (".parquet",)

    def __init__(self, root: Path) -> None:
        need("pyarrow", "parquet", f"{root}: Parquet")
        super().__init__(root)

    def _write(self, part: Path, key: int | str, value: Any, stamp: Stamp) -> Path:
        import pandas as pd

        kind = np.int64 if isinstance(key, int) else object
        index = pd.Index([key] * len(value), name="session_id", dtype=kind)
        path = part.with_name(f"{part.name}.parquet")
        return write_table(value.set_axis(index, axis=0), path, provenance={"stamp": stamp})

    def load(self, key: int | str) -> Any:
        import pandas as pd

        return pd.read_parquet(self._found(key)[0])


class MatrixFolder(_Folder):
    """Response matrices as .npz files: X, y, classes, presentation_ids, unit_ids."""

    endings = (".npz",)

    def _write(self, part: Path, key: int | str, value: ResponseMatrix, stamp: Stamp) -> Path:
        said = json.dumps({"stamp": stamp})
        y = _without_objects(value.y)
        # Labels of a number and of text may read alike, 0.04 and "0.04": then they are one class.
        classes = _without_objects(value.classes) if y is value.y else np.unique(y)
        path = part.with_name(f"{part.name}.npz")
        with path.open("wb") as file:
            np.savez(
                file, X=value.X, y=y, classes=classes,
                presentation_ids=value.presentation_ids, unit_ids=_without_objects(value.unit_ids),
                provenance=np.asarray(said),
            )  # fmt: skip
        return path

    def load(self, key: int | str) -> ResponseMatrix:
        from nwbin.responses.matrix import ResponseMatrix

        with np.load(self._found(key)[0], allow_pickle=False) as stored:
            parts = [stored[name] for name in ("X", "y", "classes", "presentation_ids", "unit_ids")]
        return ResponseMatrix(*(part.astype(object) if part.dtype.kind == "U" else part for part in parts))


def _without_objects(values: Any) -> Any:
    """Text in place of objects: what is neither text nor a number is written as text."""
    return np.asarray([str(one) for one in values], dtype=np.str_) if values.dtype.kind == "O" else values
