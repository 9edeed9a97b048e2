"""Where the DANDI archive keeps a file.

``dandi://000021/sub-1/sub-1_ses-2.nwb`` is the file with that path in the dandiset's newest published version, or in
its draft where none was published; ``dandi://000021@0.220126.1903/...`` and ``dandi://000021@draft/...`` name the
version. The archive's API is asked for the version, for the asset with exactly that path, and for where its content
lies, a public address outside the API. An address of an asset in the API (``.../assets/<id>/download/``) is looked up
in the same way, so that not every request has to be sent on from there. ``NWBIN_DANDI_API`` names another archive's
API.

An asset is a file, or a Zarr store: a folder of many files, whose content lies below a public address. The archive's
checksum of a store is over all the files in it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from nwbin.errors import FileAccessError, MissingFileError, nearest
from nwbin.storage.remote._faults import Fault, Kind, error_of
from nwbin.storage.remote._retries import tried

__all__ = [
    "Asset",
    "asset_address",
    "assets_of",
    "described",
    "described_asset",
    "file_of",
    "is_asset",
    "newest_version",
    "resolved",
]

_API = "https://api.dandiarchive.org/api"
_ADDRESS = re.compile(r"dandi://(?:dandi/)?(?P<set>\d{6})(?:@(?P<version>[\w.]+))?/(?P<path>[^?#]+)")
_ASSET = re.compile(r"/(?:dandisets/\d{6}/versions/[\w.]+/)?assets/[0-9a-fA-F-]{36}/")
_LARGEST = 1 << 24  # bytes of an answer
_MOST_PAGES = 1000


def _api() -> str:
    return os.environ.get("NWBIN_DANDI_API", _API).rstrip("/")


def is_asset(address: str) -> bool:
    """Whether an address is that of an asset in the API."""
    rest = address.removeprefix(_api())
    return rest != address and _ASSET.fullmatch(rest.removesuffix("download/")) is not None


class Asset(NamedTuple):
    """A file in the archive, which never changes: another content is another asset.

    Attributes
    ----------
    place
        The address of its content.
    identifier
        The asset's own number; "" where the archive does not say.
    size, sha256
        Of its content, where the archive says.
    is_store
        Whether it is a Zarr store: its content is a folder.
    checksum
        Of a store, over all its files, where the archive says.
    """

    place: str
    identifier: str
    size: int | None
    sha256: str | None
    is_store: bool
    checksum: str | None

    @property
    def mark(self) -> str | None:
        """By what the content is known to be the same; None where it is not: a store of a draft may change."""
        if not self.is_store:
            return self.identifier
        return None if self.checksum is None else f"{self.identifier} {self.checksum}"


def asset_address(identifier: str) -> str:
    """Return the address, in the API, of an asset's content."""
    return f"{_api()}/assets/{quote(identifier, safe='')}/download/"


def resolved(address: str, name: str, *, folder: bool = False) -> str:
    """Return the address of the content that a ``dandi://`` address or an asset's own means: a file, or a store."""
    asset = described(address, name)
    if not folder:
        return file_of(asset, name).place
    if not asset.is_store:
        raise FileAccessError(
            f"{name}: is a single file in the archive, and its name says that it is a Zarr store, a folder; download "
            "it to see what it is"
        )
    if asset.place.startswith(_api()):
        raise FileAccessError(
            f"{name}: the archive does not say where the files of this Zarr store lie; it may be under embargo"
        )
    return asset.place.rstrip("/")


def file_of(asset: Asset, name: str) -> Asset:
    """Return an asset that is a file; raise FileAccessError if it is a store."""
    if asset.is_store:
        raise FileAccessError(
            f"{name}: is a Zarr store in the archive, a folder of many files, and is not read or got as one; "
            "nwbin.open reads it where it lies, at its path in the dandiset: dandi://000021/path/of/session.nwb.zarr"
        )
    return asset


def described(address: str, name: str) -> Asset:
    """Return what the archive says of the asset at a ``dandi://`` address, or at an asset's own."""
    if is_asset(address):
        return _asset(_asked(address.removesuffix("download/"), name), name)
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise FileAccessError(
            f"{name}: is no address of a file in the archive; it should be dandi://000021/path/of/file.nwb, "
            "or dandi://000021@version/path/of/file.nwb"
        )
    path, version = match["path"].rstrip("/"), match["version"] or newest_version(match["set"], name)
    assets = f"{_api()}/dandisets/{match['set']}/versions/{version}/assets/"
    found = _asked(f"{assets}?path={quote(path, safe='')}&metadata=true", name).get("results")
    found = found if isinstance(found, list) else []
    known = {str(one.get("path")): one for one in found if isinstance(one, dict)}
    if path not in known:
        raise MissingFileError(
            f"{name}: dandiset {match['set']}, version {version}, has no such file; {nearest(path, known)}"
        )
    asset = known[path]
    about = asset.get("metadata")
    if not isinstance(about, dict) or "contentUrl" not in about:
        about = _asked(f"{assets}{quote(str(asset.get('asset_id')), safe='')}/", name)
    return _asset({**about, "identifier": asset.get("asset_id")}, name)


def described_asset(identifier: str, name: str) -> Asset:
    """Return what the archive says of the asset with a number."""
    return _asset(_asked(f"{_api()}/assets/{quote(identifier, safe='')}/", name), name)


def newest_version(dandiset: str, name: str) -> str:
    """Return a dandiset's newest published version, or "draft" where none was published."""
    newest = _asked(f"{_api()}/dandisets/{dandiset}/", name).get("most_recent_published_version")
    version = str(newest.get("version", "draft")) if isinstance(newest, dict) else "draft"
    return version if re.fullmatch(r"[\w.]+", version) else "draft"


def assets_of(dandiset: str, version: str, begin: str, name: str) -> Iterator[dict[str, Any]]:
    """Yield what the archive lists of the files of a dandiset's version whose paths begin in some way."""
    place = f"{_api()}/dandisets/{dandiset}/versions/{quote(version, safe='')}/assets/"
    for number in range(1, _MOST_PAGES + 1):  # by number: no request goes where an answer says
        answer = _asked(f"{place}?page={number}&page_size=1000&path={quote(begin, safe='')}", name)
        results = answer.get("results")
        yield from (one for one in (results if isinstance(results, list) else []) if isinstance(one, dict))
        if not answer.get("next") or not results:
            return
    raise error_of(Fault(Kind.OTHER, f"its list has more than {_MOST_PAGES:,} pages"), name)


def _asset(about: dict[str, Any], name: str) -> Asset:
    size, digests, number = about.get("contentSize"), about.get("digest"), about.get("identifier")
    digests = digests if isinstance(digests, dict) else {}
    sha256, checksum = digests.get("dandi:sha2-256"), digests.get("dandi:dandi-zarr-checksum")
    known = isinstance(sha256, str) and re.fullmatch(r"[0-9a-fA-F]{64}", sha256)
    return Asset(
        _content(about, name),
        number if isinstance(number, str) else "",
        size if isinstance(size, int) and size >= 0 else None,
        sha256.lower() if isinstance(sha256, str) and known else None,
        checksum is not None or about.get("encodingFormat") == "application/x-zarr",
        checksum if isinstance(checksum, str) and checksum else None,
    )


def _content(about: dict[str, Any], name: str) -> str:
    """Return where an asset's content lies, by what the API says of the asset: outside the API, where it can be."""
    told = about.get("contentUrl")
    places = [one for one in told if isinstance(one, str)] if isinstance(told, list) else []
    schemes = ("https://", "http://") if _api().startswith("http://") else ("https://",)
    places = [one for one in places if one.startswith(schemes)]
    places.sort(key=lambda one: one.startswith(_api()))
    if not places:
        raise FileAccessError(
            f"{name}: the archive does not say where the file's content lies; it may be under embargo, or no NWB file"
        )
    return places[0]


def _asked(address: str, name: str) -> dict[str, Any]:
    from nwbin.storage.remote._with_obstore import whole

    try:
        answer = json.loads(tried(lambda: whole(address, _LARGEST), name))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        raise error_of(Fault(Kind.OTHER, "it should be JSON"), name) from None
    if not isinstance(answer, dict):
        raise error_of(Fault(Kind.OTHER, "it should be a JSON object"), name)
    return answer
