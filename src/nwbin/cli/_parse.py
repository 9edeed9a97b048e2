"""What is written in an option: numbers, windows, names, ids."""

from __future__ import annotations

import re

from nwbin._wording import first_of
from nwbin.errors import ArgumentError

__all__ = ["ids_of", "names_of", "numbers_of", "window_of"]

_SHOWN = 3  # ids that a message lists


def names_of(text: str, option: str, such: str = "") -> list[str]:
    """Read "VISp,LGd"."""
    names = [one.strip() for one in text.split(",") if one.strip()]
    if not names:
        example = f"such as {such}; " if such else ""
        raise ArgumentError(f"{option} needs names with a comma between, {example}not {text!r}")
    return names


def ids_of(text: str | None) -> list[int] | None:
    """Read "950910007,950930110", with commas, blanks or both between; None where it is a condition."""
    # A condition names a column, or compares; what is of digits and signs alone was meant as ids.
    if text is None or not re.fullmatch(r"[\s\d.,;+\-()\[\]]*\d[\s\d.,;+\-()\[\]]*", text):
        return None
    listed, such = text.strip(), "such as 950910007,950930110"
    if listed[0] in "([" or listed[-1] in ")]":
        if listed[0] + listed[-1] not in ("()", "[]"):
            raise ArgumentError(f"the unit ids {text!r} have a bracket without its other; write them {such}")
        listed = listed[1:-1]
    named = [one for one in re.split(r"[\s,;]+", listed) if one]
    if wrong := [one for one in named if not one.isdecimal()]:
        raise ArgumentError(
            f"there is no unit {first_of(wrong, _SHOWN)}: the ids of units are whole numbers, {such}"
        )
    ids = [int(one) for one in named]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise ArgumentError(f"the unit ids {text!r} name {first_of(twice, _SHOWN)} more than once")
    return ids


def numbers_of(text: str, option: str, least: int = 2) -> list[float]:
    """Read "0,0.05,0.1"."""
    try:
        values = [float(part) for part in text.replace(";", ",").split(",") if part.strip()]
    except ValueError:
        raise ArgumentError(
            f"{option} must be numbers in seconds with commas between, not {text!r}"
        ) from None
    if len(values) < least:
        raise ArgumentError(f"{option} needs at least {least} numbers with a comma between, got {text!r}")
    return values


def window_of(text: str, option: str = "--window") -> tuple[float, float]:
    """Read "0,0.5"."""
    values = numbers_of(text, option)
    if len(values) == 2 and not values[0] < values[1]:
        raise ArgumentError(f"{option} must be from and to, and from less than to, in seconds; not {text!r}")
    if len(values) != 2:
        raise ArgumentError(
            f"{option} must be two numbers, from and to in seconds, such as 0,0.5; not {text!r}"
        )
    return values[0], values[1]
