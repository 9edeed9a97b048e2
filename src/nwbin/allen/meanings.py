"""What some values in Visual Coding's stimulus tables mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["BLANK_FRAME", "name_of_no_value", "names_of_values"]

BLANK_FRAME = -1.0  # in place of an image: the screen was grey

_WITH_BLANKS = ("static_gratings", "drifting_gratings")  # and what is named after them

# (stimulus, column) -> value -> what a picture calls it.
_NAMES: Mapping[tuple[str, str], Mapping[float, str]] = {
    ("natural_scenes", "frame"): {BLANK_FRAME: "-1 (blank)"},
    ("flashes", "color"): {-1.0: "-1 (black)", 1.0: "1 (white)"},
}


def names_of_values(stimuli: Iterable[str], column: str | None) -> dict[Any, str]:
    """What values of a column mean in some stimuli, where that is more than a number.

    Parameters
    ----------
    stimuli
        Names of stimuli, such as the ``stimulus_name`` of some presentations.
    column
        The column; None for none.

    Returns
    -------
    dict
        Value to what it is called; empty where numbers are numbers.

    Examples
    --------
    >>> names_of_values(["natural_scenes"], "frame")
    {-1.0: '-1 (blank)'}
    """
    found: dict[Any, str] = {}
    for name in stimuli:
        found.update(_NAMES.get((str(name), str(column)), {}))
    return found


def name_of_no_value(stimuli: Iterable[str]) -> str:
    """What presentations without a value of a parameter are: blank sweeps, or such of which it is not known.

    Parameters
    ----------
    stimuli
        The stimuli of these presentations; none of tables that have no ``stimulus_name``.

    Returns
    -------
    str
        "blank" if all are gratings of the Visual Coding recordings, "missing" otherwise.

    Examples
    --------
    >>> name_of_no_value(["drifting_gratings"]), name_of_no_value(["bars"])
    ('blank', 'missing')
    """
    names = [str(one) for one in stimuli]
    return "blank" if names and all(one.startswith(_WITH_BLANKS) for one in names) else "missing"
