"""The file, or the folder of files, that a command is given."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nwbin.storage.addresses import is_address
from nwbin.storage.stores import is_store

__all__ = ["FileArgument", "FileOrFilesArgument", "FileOrFolderArgument", "given", "is_folder"]


def given(text: str) -> Path | str:
    """What was given as a path, but an address as it is: a path would drop one of its slashes."""
    return text if is_address(text) else Path(text)


def _argument(what: str) -> Any:
    return typer.Argument(metavar="FILE", help=what, show_default=False, parser=given)


# Each is a Path, or an address as text; typer knows no parameters of two types.
FileArgument = Annotated[Any, _argument("An NWB file, or its address on a server.")]
FileOrFilesArgument = Annotated[Any, _argument("An NWB file, or a folder of them.")]
FileOrFolderArgument = Annotated[Any, _argument("An NWB file, or a folder of sessions.")]


def is_folder(path: Path | str) -> bool:
    """Whether many sessions are meant: a folder, or the manifest.json by which AllenSDK opens its cache."""
    if isinstance(path, str):
        return False
    if is_store(path):  # a folder too, but one session
        return False
    return path.is_dir() or (path.name == "manifest.json" and path.is_file())
