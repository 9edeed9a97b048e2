"""Spike counts of many sessions in one Zarr store: a group a session, which xarray opens."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nwbin
from nwbin._optional import need
from nwbin.dataset._sinks import Stamp, write_json
from nwbin.dataset._work import SessionCounts
from nwbin.export import write_zarr_group

__all__ = ["ZarrStore"]


class ZarrStore:
    """A Zarr store with a group ``session_<id>`` for each session."""

    def __init__(self, root: Path) -> None:
        need("zarr", "zarr", f"{root}: a Zarr store")
        self.root = root

    def begin(self, spec: Mapping[str, Any]) -> None:
        self.root.mkdir(exist_ok=True)
        # Written anew, so that no list of an earlier run's sessions is taken for all while this one goes on.
        attributes = {"nwbin": {"version": nwbin.__version__, "spec": dict(spec)}}
        write_json(
            self.root / "zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": attributes}
        )

    def finish(self) -> None:
        import zarr

        with warnings.catch_warnings():  # as above
            warnings.simplefilter("ignore")
            zarr.consolidate_metadata(str(self.root))

    def target(self, key: int | str) -> Path:
        return self.root / f"session_{key}"

    def save(self, part: Path, key: int | str, value: SessionCounts, stamp: Stamp) -> None:
        try:
            said = {"version": nwbin.__version__, "stamp": stamp}
            attributes = {**value.about, "nwbin": said}
            write_zarr_group(part, value.counts, units=value.units, attributes=attributes)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise

    def stamp(self, target: Path) -> Stamp | None:
        try:
            text = (target / "zarr.json").read_text(encoding="utf-8")
            found: Stamp = json.loads(text)["attributes"]["nwbin"]["stamp"]
        except (OSError, KeyError, TypeError, ValueError):
            return None
        return found

    def load(self, target: Path) -> Any:
        import xarray as xr

        return xr.open_zarr(str(target), chunks=None)
