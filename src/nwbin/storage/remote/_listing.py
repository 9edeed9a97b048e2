"""Which files lie in a folder on a server, where the server says so."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from nwbin._optional import need
from nwbin.errors import FileAccessError, MissingFileError
from nwbin.storage.addresses import scheme_of, shown
from nwbin.storage.remote._dandi import assets_of, described, described_asset, newest_version
from nwbin.storage.remote._faults import Fault, error_of, is_refusal, is_too_long
from nwbin.storage.remote._opening import open_remote, open_remote_folder
from nwbin.storage.remote._retries import tried
from nwbin.storage.remote._s3 import bucket_and_key, s3_settings
from nwbin.storage.remote._side_by_side import of_each
from nwbin.storage.remote._whole_file import look_up
from nwbin.storage.stores import GATHERED, gathers, is_store

__all__ = ["Listed", "content_of", "listing", "names_in", "state_now"]

_DANDISET = re.compile(r"dandi://(?:dandi/)?(?P<set>\d{6})(?:@(?P<version>[\w.]+))?(?:/(?P<path>[^?#]*))?")
_MOST = 1_000_000  # files in a folder
_MOST_OF_STORE = 100_000  # files of a store that gathers no metadata: a request for each thousand
_LARGEST = 1 << 26  # bytes of a store's metadata: with more it cannot be opened
_SESSION = ".nwb.zarr"  # the end of the name of a store that is a session
_INSIDE = re.compile(r"((?:[^/]+/)*?[^/]+\.zarr)/")  # a file's path in a store: the outermost one
_PLAIN = re.compile(r"[A-Za-z0-9_./=@+-]+")  # a key that is sent as it is
_BEHIND = (
    "/zzzz"  # where no more keys of a store are to be expected; those behind it are left out as they come
)


class Listed(NamedTuple):
    """A file on a server, as a listing has it.

    Attributes
    ----------
    path
        Below the folder, with slashes.
    address
        To open it by.
    size
        Bytes; 0 of a Zarr store of which nobody says.
    tag
        By what it is known to be the same: its ETag; of an asset of the DANDI archive its number; of a Zarr store see
        :func:`state_now`. A time of change in a list is written in another way, and more exactly, than in an answer,
        and is no such mark.
    """

    path: str
    address: str
    size: int
    tag: str | None


def listing(address: str) -> list[Listed]:
    """Return all files in a folder and in those in it, by path.

    A Zarr store of a session (``*.nwb.zarr``) counts as one file: what is in a store is no part of the list.

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
    bucket, store, prefix = _bucket(address, name)
    whole = f"s3://{bucket}/{prefix}/" if prefix else f"s3://{bucket}/"
    found, stores = tried(lambda: _objects(store, prefix, name), name)
    listed = [
        Listed(path, whole + path, int(one["size"]), one.get("e_tag") or None) for path, one in found.items()
    ]

    def look(path: str) -> Listed:
        place = f"{prefix}/{path}" if prefix else path
        return Listed(path, whole + path, 0, _mark_in_s3(store, place, f"{name}: {path}"))

    return listed + of_each(look, [path for path in stores if path.endswith(_SESSION)])


def _bucket(address: str, name: str) -> tuple[str, Any, str]:
    """Return the name of a bucket, what asks it, and what the keys of a folder there begin with."""
    from nwbin.storage.remote._with_obstore import s3_store

    bucket, key = bucket_and_key(address, name, of="folder")
    settings = s3_settings()
    return bucket, s3_store(bucket, settings.options(bucket), plain=settings.plain), key.strip("/")


def _mark_in_s3(store: Any, place: str, name: str) -> str | None:
    """Make a Zarr store's mark of that of its gathered metadata; where there are none, of those of all its files."""
    from nwbin.storage.remote._with_obstore import content_in_s3, directly_in_s3, listed_in_s3

    tops = {
        str(one["path"]).rpartition("/")[2]: one
        for one in tried(lambda: directly_in_s3(store, place), name)[0]
    }

    def gathered(document: str) -> bool:
        if document != "zarr.json":
            return True
        try:
            return gathers(tried(lambda: content_in_s3(store, f"{place}/{document}", _LARGEST), name))
        except FileAccessError as error:
            if not (is_refusal(error) or is_too_long(error) or isinstance(error, MissingFileError)):
                raise
            return False  # whoever opens it is told

    def of_all() -> str | None:
        found = []
        for one in listed_in_s3(store, place):
            found.append((str(one["path"])[len(place) :], int(one["size"]), one.get("e_tag") or None))
            if found[-1][2] is None or len(found) > _MOST_OF_STORE:
                return None
        return f"{len(found)} files {hashlib.sha256(repr(sorted(found)).encode()).hexdigest()}"

    document = next((one for one in GATHERED if one in tops), None)
    if document is not None and gathered(document):
        return mark(document, int(tops[document]["size"]), tops[document].get("e_tag") or None)
    return tried(of_all, name)


def names_in(address: str, folders: Sequence[str]) -> list[tuple[list[str], list[str]]] | None:
    """Return the names of what lies directly in some folders of one on a server, asked for side by side.

    Parameters
    ----------
    address
        Of the one.
    folders
        Their paths there; "" is the one itself.

    Returns
    -------
    list of (list of str, list of str), or None
        For each those of files, and those of folders; None where the server lists nothing: all but S3, and S3 if it is
        not allowed.
    """
    if scheme_of(address) != "s3":
        return None
    from nwbin.storage.remote._with_obstore import directly_in_s3

    name = shown(address)
    _, store, prefix = _bucket(address, name)

    def look(folder: str) -> tuple[list[str], list[str]]:
        place = "/".join(part for part in (prefix, folder) if part)
        called = f"{name}: {folder}" if folder else name
        files, inside = tried(lambda: directly_in_s3(store, place), called)
        return [str(one["path"]).rpartition("/")[2] for one in files], inside

    try:
        return of_each(look, folders)
    except FileAccessError as error:
        if not is_refusal(error):
            raise
        return None


def _objects(store: Any, prefix: str, name: str) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the objects below a prefix by their paths there, and the Zarr stores among them, whose own are left out.

    S3 lists in the order of keys. At the first of a store the list is begun anew behind its last one: a request for
    each store, in place of one for each thousand of its chunks.
    """
    from nwbin.storage.remote._with_obstore import listed_in_s3

    found: dict[str, dict[str, Any]] = {}
    stores: dict[str, None] = {}
    after, done = None, False
    while not done:
        done = True
        for one in listed_in_s3(store, prefix, after):
            path = str(one["path"])[len(prefix) :].strip("/")
            inside = _INSIDE.match(path)
            if inside is None:
                found[path] = one
            elif inside[1] not in stores:
                stores[inside[1]] = None
                if _PLAIN.fullmatch(inside[1]):
                    before = f"{prefix}/" if prefix else ""
                    after, done = f"{before}{inside[1]}{_BEHIND}", False
                    break
            if len(found) + len(stores) > _MOST:
                raise FileAccessError(
                    f"{name}: holds more than {_MOST:,} files; give the folder in it that is meant"
                )
    for path in stores:  # some tools put an empty object there for a folder
        found.pop(path, None)
    return found, list(stores)


def _of_dandi(address: str, name: str) -> list[Listed]:
    match = _DANDISET.fullmatch(address)
    if match is None:
        raise FileAccessError(
            f"{name}: is no address of a dandiset; it should be dandi://000021, or dandi://000021@version/folder/"
        )
    number, begin = match["set"], (match["path"] or "").strip("/")
    version = match["version"] or newest_version(number, name)
    found, stores = [], []
    for one in assets_of(number, version, f"{begin}/" if begin else "", name):
        path, asset, size = one.get("path"), one.get("asset_id"), one.get("size")
        if isinstance(path, str) and isinstance(asset, str) and isinstance(size, int):
            below = path[len(begin) :].strip("/")
            listed = Listed(below, f"dandi://{number}@{version}/{path}", size, asset)
            if not one.get("zarr"):
                found.append(listed)
            elif path.endswith(_SESSION):
                stores.append(listed)

    def look(one: Listed) -> Listed:
        asset = described_asset(str(one.tag), shown(one.address))
        return one._replace(size=asset.size or 0, tag=asset.mark)  # as state_now has them

    return found + of_each(look, stores)


def mark(document: str, size: int, said: str | None) -> str | None:
    """Make a store's mark of that of the document that gathers its metadata."""
    return None if said is None else f"{document} {size} {said.strip(chr(34))}"


def state_now(address: str) -> tuple[int, str | None, str | None]:
    """Ask for the size and tag of a file, as :class:`Listed` has them; for its time of change where it has no tag.

    A Zarr store is known by its consolidated metadata: their ETag (or time, or, of a server that tells neither,
    SHA-256) and size. They change where arrays come, go, grow, are described otherwise or get other attributes. They do
    not where values are written into chunks of an array that stays as it is: this is not noticed. The DANDI archive
    says a checksum of all files of a store, which notices that too. A store without consolidated metadata, which only
    in S3 can be read, is known by the names, sizes and ETags of all its files, chunks too; of more than 100,000 of them
    nothing is known.
    """
    name = shown(address)
    try:
        if scheme_of(address) == "dandi":
            asset = described(address, name)
            return asset.size or (0 if asset.is_store else -1), asset.mark, None
        if is_store(address) and scheme_of(address) == "s3":
            return 0, _mark_in_s3(*_bucket(address, name)[1:], name), None
    except Fault as fault:
        raise error_of(fault, name) from None
    if is_store(address):
        return _state_of_store(address)
    state = look_up(address).state
    return state.size, state.tag, None if state.tag else state.time


def _state_of_store(address: str) -> tuple[int, str | None, str | None]:
    folder = open_remote_folder(address)
    refused: FileAccessError | None = None
    for document in GATHERED:
        try:
            said = folder.mark(document, _LARGEST, known=True)
        except FileAccessError as error:
            if not is_refusal(error):
                raise
            refused = error
            continue
        if isinstance(said, bytes):
            return 0, f"{document} {said.hex()}", None
        if said is not None:
            return 0, mark(document, said.size, said.tag), None if said.tag else said.time
    if refused is None and folder.mark(".zgroup", _LARGEST, known=True) is not None:
        return 0, None, None  # format 2, nothing gathered: no document tells of changes in the others
    raise refused or MissingFileError(
        f"{folder.name}: is no Zarr store: none of {', '.join(GATHERED)}, .zgroup is at its top; check the address"
    )


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
