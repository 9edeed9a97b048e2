"""What is in a folder of NWB files, as plain numbers and text: to be printed, or written as JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nwbin._kept_back import own_kept_back
from nwbin.dataset._folder_layouts import find_sessions
from nwbin.dataset._session_files import size_of
from nwbin.errors import LookupFailure, NwbinError
from nwbin.session import open
from nwbin.session.overview import contents

__all__ = ["nwb_files", "overview"]


def nwb_files(folder: Path) -> list[Path]:
    """The NWB files of a folder and the folders in it, in order; none is an error. Hidden ones are passed over."""
    layout = find_sessions(folder)
    root = layout.root
    paths = sorted(
        {path for path in root.rglob("*.nwb") if path.is_file()}
        | {path for one in layout.files for path in (one.path, *one.lfp.values()) if isinstance(path, Path)}
    )
    paths = [path for path in paths if not any(p.startswith(".") for p in path.relative_to(root).parts)]
    if not paths:
        raise LookupFailure(f"{folder}: holds no .nwb files")
    return paths


def overview(folder: Path, progress: Callable[[int, int], object]) -> dict[str, Any]:
    """Gather what each file of a folder holds, or why it cannot be read.

    Parameters
    ----------
    folder
        The folder, or AllenSDK's manifest.json in it.
    progress
        Called with (files done, files in all).
    """
    layout = find_sessions(folder)
    beside = {path for one in layout.files for path in one.lfp.values()}
    known = {one.path: one for one in layout.files}
    paths = [path for path in nwb_files(folder) if path not in beside]
    files = []
    for number, path in enumerate(paths):
        progress(number, len(paths))
        lfp = known[path].lfp if path in known else {}
        one = {
            "file": str(path.relative_to(layout.root)),
            "size": size_of(path),
            "lfp_files": len(lfp),
        }
        try:
            one |= _of_file(path)
        except (NwbinError, OSError) as error:
            one["error"] = str(error)
        files.append(one)
    size = sum(map(size_of, {*paths, *beside}))
    return {
        "folder": str(folder),
        "kind": layout.kind,
        "size": size,
        "lfp_files": len(beside),
        "files": files,
    }


def _of_file(path: Path) -> dict[str, Any]:
    with own_kept_back(), open(path) as session:
        return contents(session)
