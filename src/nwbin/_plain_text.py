r"""Text of a file made fit to be shown: what a terminal would obey, and what cannot be seen, is spelt out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from unicodedata import category

__all__ = ["printable"]

# Controls, formats (bidirectional overrides, zero-width joiners), surrogates, separators of lines and paragraphs.
_SPELT_OUT = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
_UNUSUAL = re.compile(r"[^\x20-\x7e]")
_SHORT = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}


def _spelt(character: str) -> str:
    if category(character) not in _SPELT_OUT:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python holds a byte that is no UTF-8
        code -= 0xDC00
    return _SHORT.get(character) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )


def printable(text: str, keep: Iterable[str] = ()) -> str:
    r"""Spell out the characters of a text that a terminal would obey, or that nobody would see.

    Parameters
    ----------
    text
        What a file holds: a name, a cell, a message that quotes one.
    keep
        Control characters that stay, such as the ends of our own lines.

    Returns
    -------
    str
        The same text with ``\x1b`` for an escape, ``\u202e`` for a right-to-left override, ``\xff`` for a byte that
        was no UTF-8. Letters, combining marks and symbols of any script stay as they are.

    Examples
    --------
    >>> printable("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    if text.isprintable():
        return text
    kept = frozenset(keep)
    return _UNUSUAL.sub(lambda found: found[0] if found[0] in kept else _spelt(found[0]), text)
