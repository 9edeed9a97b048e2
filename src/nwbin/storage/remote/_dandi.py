"""Where the DANDI archive keeps a file.

``dandi://000021/sub-1/sub-1_ses-2.nwb`` is the file with that path in the dandiset's newest published version, or in
its draft where none was published; ``dandi://000021@0.220126.1903/...`` and ``dandi://000021@draft/...`` name the
version. The archive's API is asked for the version, for the asset with exactly that path, and for where its content
lies, a public address outside the API. An address of an asset in the API (``.../assets/<id>/download/``) is looked up
in the same way, so that not every request has to be sent on from there. ``NWBIN_DANDI_API`` names another archive's
API.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any
from urllib.parse import quote

from nwbin.errors import FileAccessError, MissingFileError, nearest
from nwbin.storage.remote._faults import Fault, Kind, error_of
from nwbin.storage.remote._retries import tried

__all__ = ["content_of_asset", "is_asset", "resolved"]

_API = "https://api.dandiarchive.org/api"
_ADDRESS = re.compile(r"dandi://(?:dandi/)?(?P<set>\d{6})(?:@(?P<version>[\w.]+))?/(?P<path>[^?#]+)")
_ASSET = re.compile(r"/(?:dandisets/\d{6}/versions/[\w.]+/)?assets/[0-9a-fA-F-]{36}/")
_LARGEST = 1 << 24  # bytes of an answer


def _api() -> str:
    return os.environ.get("NWBIN_DANDI_API", _API).rstrip("/")


def is_asset(address: str) -> bool:
    """Whether an address is that of an asset in the API."""
    rest = address.removeprefix(_api())
    return rest != address and _ASSET.fullmatch(rest.removesuffix("download/")) is not None


def content_of_asset(address: str, name: str) -> str:
    """Return the address of an asset's content."""
    return _content(_asked(address.removesuffix("download/"), name), name)


def resolved(address: str, name: str) -> str:
    """Return the address of the content that a ``dandi://`` address means."""
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise FileAccessError(
            f"{name}: is no address of a file in the archive; it should be dandi://000021/path/of/file.nwb, "
            "or dandi://000021@version/path/of/file.nwb"
        )
    place, version, path = f"{_api()}/dandisets/{match['set']}", match["version"], match["path"]
    if version is None:
        newest = _asked(f"{place}/", name).get("most_recent_published_version")
        version = str(newest.get("version", "draft")) if isinstance(newest, dict) else "draft"
    assets = f"{place}/versions/{version}/assets/"
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
    return _content(about, name)


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
