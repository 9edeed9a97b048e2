"""Spike counts of many sessions in one Zarr store: a group a session, which xarray opens."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import nwbin
from nwbin._kept_back import others_left_out
from nwbin._optional import need
from nwbin.binning import Progress
from nwbin.dataset._claim import Claim
from nwbin.dataset._session_work import SessionCounts
from nwbin.dataset._sinks import ForeignResultError, Written, is_there, named, place_of, write_json
from nwbin.dataset._stamps import Stamp, content_of, entries, is_content, read_json, stamp_entry, strange_in
from nwbin.errors import FileAccessError, FormatError
from nwbin.export import write_zarr_group

__all__ = ["ZarrStore"]

_META = "zarr.json"
_OF_ZARR_2 = (".zgroup", ".zarray", ".zattrs", ".zmetadata")
# What belongs to an array: its folder, its description, and its chunks by their places.
_IN_ARRAY = re.compile(r"|zarr\.json|c(/\d+)*")


def missing_files(group: Path) -> Iterator[Path]:
    """The files that a group's arrays list and that are not there, or empty."""
    listed = (read_json(group / _META) or {}).get("consolidated_metadata", {}).get("metadata", {})
    if not listed:
        yield group / _META
    for name in listed:
        said = read_json(group / name / _META)
        if said is None:
            yield group / name / _META
            continue
        chunk = said["chunk_grid"]["configuration"]["chunk_shape"]
        grid = [math.ceil(size / step) for size, step in zip(said["shape"], chunk, strict=True)]
        for place in np.ndindex(*grid):
            file = group.joinpath(name, "c", *map(str, place))
            if not file.is_file() or not file.stat().st_size:
                yield file


class ZarrStore:
    """A Zarr store with a group ``session_<id>`` for each session."""

    def __init__(self, root: Path) -> None:
        need("zarr", "zarr", f"{root}: a Zarr store")
        self.root = root

    def begin(self, spec: Mapping[str, Any]) -> None:
        at = self.root / _META
        if is_there(at) and not isinstance(_own(at).get("spec"), dict):
            raise ForeignResultError(at, "was not written by a job")
        for name in _OF_ZARR_2:
            if is_there(self.root / name):
                raise ForeignResultError(self.root / name, "belongs to a store of Zarr 2")
        self.root.mkdir(exist_ok=True)
        # Written anew, so that no list of an earlier run's sessions is taken for all while this one goes on.
        attributes = {"nwbin": {"version": nwbin.__version__, "spec": dict(spec)}}
        write_json(at, {"zarr_format": 3, "node_type": "group", "attributes": attributes})

    def finish(self) -> None:
        import zarr

        with others_left_out("Consolidated metadata is"):  # as in write_zarr_group
            zarr.consolidate_metadata(str(self.root))

    def place(self, key: int | str) -> Path:
        return place_of(self.root, key)

    def written(self, key: int | str, *, older: bool = False) -> Written | None:
        place = self.place(key)
        if not is_there(place):
            return None
        said = _own(place / _META)
        if not isinstance(said.get("stamp"), dict):
            raise ForeignResultError(place, "has no stamp of a job")
        listed = said.get("content")
        try:
            if not is_content(listed):
                _refuse_unlisted(place, said, older)
                return Written(said["stamp"], False)
            found = _content(place)
            strange = strange_in(place, listed, found)
        except ForeignResultError:
            raise
        except OSError as error:
            raise ForeignResultError(
                place, f"cannot be read to its end ({error.strerror or error})"
            ) from error
        if strange:
            raise ForeignResultError(
                place, f"has in it what no job can be shown to have written ({named(strange)})"
            )
        return Written(said["stamp"], found == listed)

    def save(
        self,
        claim: Claim,
        key: int | str,
        value: SessionCounts,
        stamp: Stamp,
        ready: Callable[[], None],
        advanced: Progress,
    ) -> None:
        with claim.part() as folder:
            part = folder / self.place(key).name
            write_zarr_group(part, value.counts, units=value.units, attributes=value.about, progress=advanced)
            claim.check()
            for file in missing_files(part):
                raise FileAccessError(
                    f"{self.place(key)}: {file.relative_to(part)} was lost while it was written"
                )
            made = read_json(part / _META) or {}
            made["attributes"]["nwbin"] = {**stamp_entry(stamp), "content": _content(part)}
            write_json(part / _META, made)
            old = [] if self.written(key, older=True) is None else [self.place(key)]
            claim.put(folder, [(part, self.place(key))], old, ready)

    def load(self, key: int | str) -> Any:
        import xarray as xr

        found = self.written(key)
        if found is None or not found.whole:
            raise FormatError(f"{self.place(key)}: the result is not there any more, or not all of it")
        return xr.open_zarr(str(self.place(key)), chunks=None)


def _content(group: Path) -> dict[str, Any]:
    """What a group consists of: its files, and what describes them but for the stamp."""
    described = read_json(group / _META) or {}
    attributes = described.get("attributes")
    if isinstance(attributes, dict):
        attributes.pop("nwbin", None)
    return content_of(group, _META, described)


def _refuse_unlisted(group: Path, said: Mapping[str, Any], older: bool) -> None:
    """Raise a ForeignResultError unless a group without a list is to be replaced and is all an earlier version's."""
    stamp, arrays = said["stamp"], _listed_arrays(group)
    if "content" in said or not isinstance(stamp.get("spec"), dict) or "file" not in stamp or not arrays:
        raise ForeignResultError(group, "has a stamp that does not list what it consists of")
    strange = []
    for name, _ in entries(group):
        array, _, rest = name.partition("/")
        if name != _META and (array not in arrays or not _IN_ARRAY.fullmatch(rest)):
            strange.append(name)
    if strange:
        raise ForeignResultError(
            group, f"has in it what no job can be shown to have written ({named(sorted(strange))})"
        )
    if not older:
        raise ForeignResultError(
            group, "is of an earlier version of nwbin (which overwrite=True, or --overwrite, replaces)"
        )


def _listed_arrays(group: Path) -> Mapping[str, Any]:
    """The arrays that a group says it has."""
    consolidated = (read_json(group / _META) or {}).get("consolidated_metadata")
    listed = consolidated.get("metadata") if isinstance(consolidated, dict) else None
    return listed if isinstance(listed, dict) else {}


def _own(path: Path) -> dict[str, Any]:
    """What nwbin itself says in a group's attributes."""
    attributes = (read_json(path) or {}).get("attributes")
    said = attributes.get("nwbin") if isinstance(attributes, dict) else None
    return said if isinstance(said, dict) else {}
