"""Addresses of files: which text is one, and how one is shown without what is secret in it."""

from __future__ import annotations

import re

__all__ = ["chained", "is_address", "scheme_of", "shown", "shown_path"]

# A scheme of one letter is a drive of Windows. fsspec writes two schemes with "::" between them.
_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)(?:::|://)")
_LINK = re.compile(r"(?<=[A-Za-z0-9])::(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_SECRET = re.compile(r"^(?P<before>[A-Za-z][A-Za-z0-9+.-]*:/+)[^/?#]*@")
_ARGUMENTS = re.compile(r"[?#].*")


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


def _plain(address: str) -> str:
    if not address.startswith("dandi:"):  # where @ comes before a version
        address = _SECRET.sub(r"\g<before>", address)
    return _ARGUMENTS.sub("", address)
