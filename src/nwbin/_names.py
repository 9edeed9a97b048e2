"""Ids as names of files: whatever text a recording holds becomes one plain name, and never a way out of a folder.

The name of an id consists of ASCII letters, digits and ``. _ - +`` only, is no more than 150 characters long, and
is another one for every other id, also where the file system takes ``A`` for ``a`` or changes how accents are
written (macOS, Windows). Ids that are plain already, such as ``715093703`` and ``sub-1_ses-2``, stay as they are.
"""

from __future__ import annotations

import hashlib
import re

__all__ = ["safe_name"]

_PLAIN = re.compile(r"[A-Za-z0-9_.-]")
_LONGEST = 150  # together with what is put before and after it, less than the 255 that file systems take
_KEPT = 80  # characters of an id that is too long, before the digest

# Windows takes these for devices, whatever ending follows.
_DEVICES = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE | re.DOTALL
)


def safe_name(identifier: int | str) -> str:
    """Return the name under which an id may stand in a path, as one file, folder or Zarr group.

    Parameters
    ----------
    identifier
        Any id that was read from a file: number or text.

    Returns
    -------
    str
        The same for the same id, and distinct for distinct ones: also if upper and lower case are not told apart.
        What is not plain is written as its bytes in UTF-8, ``+2f`` for ``/``; ``+u`` and a number that follow say
        which letters are capitals; of an id that is too long there are the first characters, ``+h`` and its
        SHA-256. The whole of it can be read back, but for those too long.

    Notes
    -----
    A number and its digits as text have the same name.

    Examples
    --------
    >>> safe_name(715093703), safe_name("sub-1_ses-2")
    ('715093703', 'sub-1_ses-2')
    >>> safe_name("x/../../precious")
    'x+2f+2e+2e+2f+2e+2e+2fprecious'
    >>> safe_name("Mouse"), safe_name("mouse")
    ('Mouse+u1', 'mouse')
    """
    text = str(identifier)
    pieces = [one if _stays(text, place) else _escaped(one) for place, one in enumerate(text)]
    name = "".join(pieces) or "+"
    letters = [one for one in pieces if len(one) == 1 and one.isalpha()]
    capitals = sum(1 << place for place, one in enumerate(letters) if one.isupper())
    name += f"+u{capitals:x}" if capitals else ""
    if len(name) <= _LONGEST:
        return name
    begin = ""
    for piece in pieces:  # no escape is cut in two
        if len(begin) + len(piece) > _KEPT:
            break
        begin += piece
    return f"{begin}+h{hashlib.sha256(_bytes(text)).hexdigest()[:40]}"


def _stays(text: str, place: int) -> bool:
    """Whether a character means nothing but itself at its place, in a path, in a shell and on Windows."""
    one = text[place]
    if not _PLAIN.fullmatch(one):
        return False
    if one == ".":  # no "..", nothing hidden, and Windows drops dots at the end
        return (
            0 < place < len(text) - 1
            and text[place - 1] != "."
            and _PLAIN.fullmatch(text[place - 1]) is not None
        )
    if one == "-":
        return place > 0
    return place > 0 or not _DEVICES.fullmatch(text)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _escaped(one: str) -> str:
    return "".join(f"+{byte:02x}" for byte in _bytes(one))
