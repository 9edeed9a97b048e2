"""The file, or the folder of files, that a command is given."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["FileArgument", "FileOrFilesArgument", "FileOrFolderArgument", "is_folder"]

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="An NWB file.", show_default=False)]
FileOrFilesArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="An NWB file, or a folder of them.", show_default=False)
]
FileOrFolderArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="An NWB file, or a folder of sessions.", show_default=False)
]


def is_folder(path: Path) -> bool:
    """Whether many sessions are meant: a folder, or the manifest.json by which AllenSDK opens its cache."""
    return path.is_dir() or (path.name == "manifest.json" and path.is_file())
