"""What was probably meant by words that a command does not take: a stimulus' name, or more files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from nwbin.storage.addresses import is_address

__all__ = ["advice"]

_OF_FOLDERS = ("count", "metrics", "report", "info", "check")
_WRITING = ("count", "metrics", "report")  # to -o
_NAME = re.compile(r"[A-Za-z]\w*(?:,[A-Za-z]\w*)*")


def advice(message: str, command: Any, given: list[str]) -> str:
    """What to do, to stand after a message about the line that was given; empty where that is not known."""
    options = {name for one in command.params for name in one.opts}
    extra = re.search(r"unexpected extra argument\w*(?:\(s\))? \((.+)\)", message, re.DOTALL)
    words = [] if extra is None else _words_of(extra[1], given)
    if not words:
        return ""
    # Whether a file has such a stimulus is not known here; that there is no such file is.
    if all(_NAME.fullmatch(one) and not Path(one).exists() for one in words):
        names = [name for one in words for name in one.split(",")]
        if "--stimuli" in options:
            return f"; stimuli are named by --stimuli {','.join(names)}"
        if "--stimulus" in options:
            return f"; a stimulus is named by {' '.join(f'--stimulus {one}' for one in names)}"
    return _of_files(str(command.name), words)


def _words_of(text: str, given: list[str]) -> list[str]:
    """The arguments that a message joined by blanks, which they may hold themselves."""
    words, left = [], f"{text} "
    for one in given:
        if left.startswith(f"{one} "):
            words.append(one)
            left = left[len(one) + 1 :]
    return words


def _of_files(command: str, words: list[str]) -> str:
    """What to do with more files than one, where the words look like these."""
    if not all(is_address(one) or Path(one).suffix or Path(one).exists() for one in words):
        return ""
    each = "run it once for each file" + (", with an -o of its own" if command in _WRITING else "")
    if command not in _OF_FOLDERS:
        return f"; nwbin {command} takes one file: {each}"
    return (
        f"; nwbin {command} takes one file, or a folder: for several files give the folder that holds them, or a new "
        f"one with links to them (ln -s), or {each}"
    )
