"""The file, or the folder of files, that a command is given."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from nwbin.errors import ArgumentError
from nwbin.storage.addresses import is_address, shown
from nwbin.storage.stores import is_store

__all__ = [
    "FileArgument", "FileOrFilesArgument", "FileOrFolderArgument", "given", "is_folder", "refuse_folder_address",
]  # fmt: skip


def given(text: str) -> Path | str:
    """What was given as a path, but an address as it is: a path would drop one of its slashes."""
    return text if is_address(text) else Path(text)


def _argument(what: str) -> Any:
    return typer.Argument(metavar="FILE", help=what, show_default=False, parser=given)


# Each is a Path, or an address as text; typer knows no parameters of two types.
FileArgument = Annotated[Any, _argument("An NWB file, or its address on a server.")]
FileOrFilesArgument = Annotated[Any, _argument("An NWB file, or a folder of them.")]
FileOrFolderArgument = Annotated[Any, _argument("An NWB file, or a folder of sessions.")]


_DANDISET = re.compile(r"dandi://(?:dandi/)?\d{6}(?:@[\w.]+)?")


def is_folder(path: Path | str) -> bool:
    """Whether many sessions are meant: a folder, or the manifest.json by which AllenSDK opens its cache.

    Of addresses those that end in "/", and those of a whole dandiset.
    """
    if isinstance(path, str):
        return path.endswith("/") or _DANDISET.fullmatch(path) is not None
    if is_store(path):  # a folder too, but one session
        return False
    return path.is_dir() or (path.name == "manifest.json" and path.is_file())


def refuse_folder_address(path: Path | str, command: str) -> None:
    """Raise for a folder on a server, where a command looks into each file of a folder on this machine."""
    if isinstance(path, str):
        raise ArgumentError(
            f"{shown(path)}: nwbin {command} looks at folders on this machine, and at single files on servers; "
            "give the address of a file"
        )
