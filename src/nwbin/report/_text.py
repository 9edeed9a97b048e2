"""Values as the cells and facts of a page: numbers in few digits, long text cut."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from nwbin.nwb.file import File

__all__ = ["ABSENT", "cell", "file_name", "hours", "lasting", "stimuli_counted", "without_path"]

ABSENT = "\N{EN DASH}"  # a value that is not there: to be seen, and said by screen readers
_MINUTES = 120.0  # s, from which on these are counted
_LONGEST = 400  # characters; a cell is no place for a book


def cell(value: Any, *, longest: int = _LONGEST) -> str:
    """A value as text.

    Examples
    --------
    >>> cell(float("nan")), cell(3.14159265), cell(1275860013), cell(True), cell("VISp")
    ('–', '3.142', '1275860013', 'yes', 'VISp')
    """
    if value is None:
        return ABSENT
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return _number(float(value))
    if isinstance(value, list | tuple | np.ndarray):
        value = ", ".join(cell(one) for one in list(value)[:20]) + (", …" if len(value) > 20 else "")
    text = str(value)
    if not text:
        return ABSENT
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest:,} more characters)"


def _number(value: float) -> str:
    if math.isnan(value):
        return ABSENT
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value.is_integer() and abs(value) < 1e15:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 1000 else f"{value:.4g}"


def lasting(seconds: float) -> str:
    """A length of time: in seconds, and in hours or minutes."""
    return hours(seconds) if seconds < _MINUTES else f"{seconds:,.0f} s ({hours(seconds)})"


def hours(seconds: float) -> str:
    """A length of time, in what one counts it in."""
    if seconds < _MINUTES:
        return f"{seconds:.4g} s"
    return f"{seconds / 3600:.2f} h" if seconds >= 5400 else f"{seconds / 60:.1f} min"


def stimuli_counted(number: int) -> str:
    """How many stimuli."""
    return f"{number:,} {'stimulus' if number == 1 else 'stimuli'}"


def file_name(file: File) -> str:
    """A file's own name: where it lies on this machine is nobody's business; an address stays one."""
    return file.name if file.path is None else Path(file.path).name


def without_path(text: str, file: File) -> str:
    """A message, with the file's own name in place of its path."""
    if file.path is None:
        return text
    for path in (file.name, str(file.path)):
        text = text.replace(path, file_name(file))
    return text
