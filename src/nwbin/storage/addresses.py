"""Addresses of files: which text is one, and how one is shown without what is secret in it."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

__all__ = ["chained", "is_address", "scheme_of", "shown", "shown_path", "without_secrets"]

# A scheme of one letter is a drive of Windows. fsspec writes two schemes with "::" between them.
_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)(?:::|://)")
_LINK = re.compile(r"(?<=[A-Za-z0-9])::(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_SECRET = re.compile(r"^(?P<before>[A-Za-z][A-Za-z0-9+.-]*:/+)[^/?#]*@")
_ARGUMENTS = re.compile(r"[?#].*")
# Arguments that sign an address, for some hours; and the one that says which of an object's versions is meant.
_SIGNING = re.compile(
    r"x-amz-(algorithm|credential|date|expires|security-token|signature|signedheaders|checksum-mode)|awsaccesskeyid"
    r"|x-goog-(algorithm|credential|date|expires|signature|signedheaders)|googleaccessid"
    r"|signature|expires|policy|key-pair-id",
    re.IGNORECASE,
)
_VERSION = "versionId"


def is_address(source: object) -> bool:
    """Whether something is the address of a file on a server, as text; a path in text is none."""
    return isinstance(source, str) and _ADDRESS.match(source) is not None


def scheme_of(address: str) -> str:
    """Return an address's scheme, in small letters, such as ``"https"``."""
    match = _ADDRESS.match(address)
    return match["scheme"].lower() if match else ""


def shown(address: str) -> str:
    """Return an address fit for messages: without names, passwords, signatures and other arguments."""
    return "::".join(_plain(part) for part in chained(address))


def chained(address: str) -> list[str]:
    """The parts of a chain of fsspec's, such as ``"simplecache::https://..."``; of another address itself."""
    return _LINK.split(address)


def shown_path(source: object) -> str:
    """Return a path, or an address without what is secret in it, for messages."""
    return shown(source) if isinstance(source, str) else str(source)


def without_secrets(address: str) -> str | None:
    """Return a web address without names, passwords and signatures, by which a file is known for good.

    None where it has other arguments: they may say which file is meant, or be secret, and which cannot be known.
    """
    try:
        parts = urlsplit(address)
        arguments = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return None
    left = [(name, value) for name, value in arguments if not _SIGNING.fullmatch(name)]
    if parts.scheme not in ("http", "https") or any(name != _VERSION for name, _ in left):
        return None
    host = parts.netloc.rpartition("@")[2].lower()
    return urlunsplit((parts.scheme, host, parts.path, urlencode(left), ""))


def _plain(address: str) -> str:
    if not address.startswith("dandi:"):  # where @ comes before a version
        address = _SECRET.sub(r"\g<before>", address)
    return _ARGUMENTS.sub("", address)
