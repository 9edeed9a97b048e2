"""Which files lie in a folder on a server, where the server says so."""

from __future__ import annotations

import re
from typing import NamedTuple

from nwbin._optional import need
from nwbin.errors import FileAccessError, MissingFileError
from nwbin.storage.addresses import scheme_of, shown
from nwbin.storage.remote._dandi import assets_of, described, newest_version
from nwbin.storage.remote._faults import Fault, error_of
from nwbin.storage.remote._opening import open_remote
from nwbin.storage.remote._retries import tried
from nwbin.storage.remote._s3 import bucket_and_key, s3_settings
from nwbin.storage.remote._whole_file import look_up

__all__ = ["Listed", "content_of", "listing", "state_now"]

_DANDISET = re.compile(r"dandi://(?:dandi/)?(?P<set>\d{6})(?:@(?P<version>[\w.]+))?(?:/(?P<path>[^?#]*))?")
_MOST = 1_000_000  # files in a folder


class Listed(NamedTuple):
    """A file on a server, as a listing has it.

    Attributes
    ----------
    path
        Below the folder, with slashes.
    address
        To open it by.
    size
        Bytes.
    tag
        By what it is known to be the same: its ETag; of an asset of the DANDI archive its number. A time of change in
        a list is written in another way, and more exactly, than in an answer, and is no such mark.
    """

    path: str
    address: str
    size: int
    tag: str | None


def listing(address: str) -> list[Listed]:
    """Return all files in a folder and in those in it, by path.

    Parameters
    ----------
    address
        ``s3://bucket/folder/``, or ``dandi://000021``, ``dandi://000021@version/folder/``.

    Raises
    ------
    MissingFileError, FileAccessError
        There is none, it may not be listed, or the server fails.
    MissingDependencyError
        obstore is not installed.
    """
    name = shown(address)
    need("obstore", "remote", f"{name}: a folder on a server")
    try:
        found = _of_dandi(address, name) if scheme_of(address) == "dandi" else _of_s3(address, name)
    except Fault as fault:
        raise error_of(fault, name) from None
    if not found:
        raise MissingFileError(f"{name}: there is nothing in this folder; check the address")
    return sorted(found)


def _of_s3(address: str, name: str) -> list[Listed]:
    from nwbin.storage.remote._with_obstore import listed_in_s3

    bucket, key = bucket_and_key(address, name, of="folder")
    settings, prefix = s3_settings(), key.strip("/")

    def ask() -> list[Listed]:
        found = []
        for one in listed_in_s3(bucket, prefix, settings.options(bucket), plain=settings.plain):
            path = str(one["path"])[len(prefix) :].strip("/")
            found.append(
                Listed(path, f"s3://{bucket}/{one['path']}", int(one["size"]), one.get("e_tag") or None)
            )
            if len(found) > _MOST:
                raise FileAccessError(
                    f"{name}: holds more than {_MOST:,} files; give the folder in it that is meant"
                )
        return found

    return tried(ask, name)


def _of_dandi(address: str, name: str) -> list[Listed]:
    match = _DANDISET.fullmatch(address)
    if match is None:
        raise FileAccessError(
            f"{name}: is no address of a dandiset; it should be dandi://000021, or dandi://000021@version/folder/"
        )
    number, begin = match["set"], (match["path"] or "").strip("/")
    version = match["version"] or newest_version(number, name)
    found = []
    for one in assets_of(number, version, f"{begin}/" if begin else "", name):
        path, asset, size = one.get("path"), one.get("asset_id"), one.get("size")
        if isinstance(path, str) and isinstance(asset, str) and isinstance(size, int):
            below = path[len(begin) :].strip("/")
            found.append(Listed(below, f"dandi://{number}@{version}/{path}", size, asset))
    return found


def state_now(address: str) -> tuple[int, str | None, str | None]:
    """Ask for the size and tag of a file, as :class:`Listed` has them; for its time of change where it has no tag."""
    name = shown(address)
    if scheme_of(address) == "dandi":
        try:
            asset = described(address, name)
        except Fault as fault:
            raise error_of(fault, name) from None
        return asset.size or -1, asset.identifier, None
    state = look_up(address).state
    return state.size, state.tag, None if state.tag else state.time


def content_of(address: str, most: int) -> tuple[bytes, tuple[int, str | None, str | None]]:
    """Return all bytes of a file, if they are not more than so many, and its state as of :func:`state_now`."""
    import numpy as np

    file = open_remote(address)
    if file.size > most:
        raise FileAccessError(
            f"{file.name}: has {file.size:,} bytes, more than the {most:,} that are read of it"
        )
    found = np.empty(file.size, np.uint8)
    file.read_into([(0, found)])
    if scheme_of(address) == "dandi":
        # No asset comes back once another has its place: the one that is there now was read, or an earlier one that
        # the caller's list may have, and then it is an error all the same.
        return found.tobytes(), state_now(address)
    state = file.state
    return found.tobytes(), (state.size, state.tag, None if state.tag else state.time)
