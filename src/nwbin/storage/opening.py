"""What can be said of a file before, and when, HDF5 cannot open it."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import BinaryIO

from nwbin.errors import FileAccessError, MissingFileError, nearest
from nwbin.storage.addresses import shown

__all__ = ["StrPath", "check_file_object", "check_path", "why_not"]

StrPath = str | os.PathLike[str]


def check_path(source: StrPath) -> Path:
    """Return a file's path; raise an error that says so if there is no readable file with anything in it."""
    path = Path(source)
    try:
        path = path.expanduser()
        if path.is_dir():
            raise FileAccessError(f"{path}: is a folder; give the path of one .nwb file in it")
        if not path.exists():
            if re.match(r"[a-z][a-z0-9+]+:/", str(path)):  # of whose two slashes a Path drops one
                raise MissingFileError(
                    f"{shown(str(source))}: is an address, not a path; give it as text, as it is"
                )
            from difflib import SequenceMatcher

            folder = path.parent
            if not folder.is_dir():
                raise MissingFileError(f"{path}: no such file; the folder {folder} is not there")
            files = sorted(
                p.name for p in folder.iterdir() if p.is_file() and p.name.lower().endswith(".nwb")
            )
            files.sort(key=lambda name: -SequenceMatcher(None, name, path.name).ratio())
            hint = nearest(path.name, files) if files else "there are no .nwb files"
            raise MissingFileError(f"{path}: no such file; in its folder, {hint}")
        if not path.is_file():
            raise FileAccessError(f"{path}: is a pipe or a device; give the path of a .nwb file")
        with path.open("rb") as stream:
            start = stream.read(8)
    except PermissionError as error:
        raise FileAccessError(
            f"{path}: no permission to read it; check its owner and mode (or those of its folder)"
        ) from error
    # A name too long, with a NUL, a loop of links, a disk error; the home of nobody.
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, FileAccessError):
            raise
        raise FileAccessError(f"{path}: cannot be read ({error}); check the path") from error
    if not start:
        raise FileAccessError(f"{path}: is empty (0 bytes); download it again")
    return path


def check_file_object(source: object) -> str:
    """Return a file object's name; raise an error that says so if HDF5 cannot be read through it."""
    if not (hasattr(source, "read") and hasattr(source, "seek")):
        raise FileAccessError(
            f"expected a path or an open binary file object, but got {type(source).__name__}; pass the file's path"
        )
    name = getattr(source, "name", None)
    name = os.fspath(name) if isinstance(name, str | os.PathLike) else f"<{type(source).__name__}>"
    if getattr(source, "closed", False):
        raise FileAccessError(
            f"{name}: the file object is closed; open it, and keep it open while it is read"
        )
    if isinstance(source, io.TextIOBase):
        raise FileAccessError(f"{name}: the file object reads text; open it with mode 'rb'")
    if hasattr(source, "seekable") and not source.seekable():
        raise FileAccessError(
            f"{name}: the file object cannot seek; save what it gives to a file, and give the path of that"
        )
    return str(name)


def why_not(error: Exception, source: Path | BinaryIO) -> str:
    """Say in the user's terms why HDF5 would not open a file."""
    text = str(error)
    if match := re.search(r"truncated file: eof = (\d+).*stored_eof = (\d+)", text):
        return (
            f"is truncated: it has {int(match[1]):,} bytes of the {int(match[2]):,} that it should have; "
            "download it again"
        )
    if "signature not found" in text:
        start = b""
        if isinstance(source, Path):
            with source.open("rb") as stream:
                start = stream.read(16)
        else:
            source.seek(0)
            start = source.read(16)
        if start.lstrip().startswith(b"<"):
            return (
                f"is a web page, or XML, and no NWB file (it starts with {start!r}): check the address, or where it "
                "was downloaded from"
            )
        return f"is not an HDF5 file (it starts with {start!r}); NWB files are HDF5: check the download"
    if "unable to lock" in text:
        return (
            "is locked: another program is writing it; wait for that to end "
            "(or set HDF5_USE_FILE_LOCKING=FALSE if it is not so)"
        )
    if match := re.search(r"(\w+) driver should be used", text):
        return (
            f"is a part of a file that HDF5 keeps in several ({match[1]} driver); make one file of them, with "
            "HDF5's h5repack, say, and give the path of that"
        )
    if "already open for write" in text or "consistency flags" in text:
        return "is being written, or its writer did not end cleanly; wait, or write it again"
    return f"cannot be opened as HDF5 ({text}); it is probably damaged: download it again"
