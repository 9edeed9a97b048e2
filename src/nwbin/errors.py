"""What can go wrong, by kind.

Every error that nwbin raises on purpose is a :class:`NwbinError` and also the builtin exception that it
resembles, so that ``except KeyError`` and ``except nwbin.NwbinError`` both do what one expects. A message says
which file, which object in it, what was found there, and what to do. What it quotes of a file is data: whatever
a terminal would obey is spelt out (``\\x1b``) in every message, wherever it may be shown.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable
from typing import Any, Self

from nwbin._kept_back import taken
from nwbin._plain_text import printable

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "CountOverflowError",
    "FileAccessError",
    "FormatError",
    "GoneNameError",
    "InvalidSpikesWarning",
    "LateWindowsWarning",
    "LookupFailure",
    "MissingDependencyError",
    "MissingFileError",
    "NotEnoughMemoryError",
    "NothingChosen",
    "NwbinError",
    "NwbinWarning",
    "OverlapWarning",
    "UnappliedFiltersWarning",
    "nearest",
    "warn",
]


def _message(text: Any) -> Any:
    """A message fit to be shown; its own lines stay lines."""
    return printable(text, keep="\n\t") if isinstance(text, str) else text


class NwbinError(Exception):
    """Base of all errors raised by nwbin.

    Examples
    --------
    >>> try:
    ...     nwbin.bin_spikes({7: [0.1]}, [0.0], [0.5, 0.0])
    ... except nwbin.NwbinError as error:
    ...     print(type(error).__name__)
    ArgumentError
    """

    def __init__(self, *args: Any) -> None:
        # Here, and not where one is printed: logs, notebooks and other programs print them too.
        super().__init__(*map(_message, args))


class FileAccessError(NwbinError, OSError):
    """The file cannot be opened or read: no permission, not HDF5, a folder, truncated.

    Examples
    --------
    >>> nwbin.File("notes.txt")
    Traceback (most recent call last):
    nwbin.errors.FileAccessError: ...
    """


class MissingFileError(FileAccessError, FileNotFoundError):
    """There is no file at this path.

    Examples
    --------
    >>> nwbin.open("session_1.nwb")
    Traceback (most recent call last):
    nwbin.errors.MissingFileError: ...
    """


class FormatError(NwbinError, ValueError):
    """The file opens, but something in it is not what NWB says it must be.

    Examples
    --------
    >>> nwbin.bin_spikes({7: [0.2, 0.1]}, [0.0], [0.0, 0.5])
    Traceback (most recent call last):
    nwbin.errors.FormatError: ...
    """


class LookupFailure(NwbinError, KeyError):
    """A table, column, unit, presentation or stimulus of this name is not there.

    Examples
    --------
    >>> session.spike_times[1]
    Traceback (most recent call last):
    nwbin.errors.LookupFailure: ...
    """

    def __str__(self) -> str:
        # KeyError would show the repr of the message, quotes and escapes included.
        return str(self.args[0]) if self.args else ""


class NothingChosen(LookupFailure):
    """A session has none of what was asked for. A job over many sessions passes over it: that is no failure.

    Examples
    --------
    >>> session.select("flashes", presentations="color > 1").presentations
    Traceback (most recent call last):
    nwbin.errors.NothingChosen: ...
    """


class GoneNameError(NwbinError, AttributeError):
    """AllenSDK had this name once; the message has the one that came after it.

    Examples
    --------
    >>> nwbin.metrics.DriftingGratings(session).no_such_name
    Traceback (most recent call last):
    AttributeError: ...
    """


class ArgumentError(NwbinError, ValueError):
    """An argument has a value that makes no sense here.

    Examples
    --------
    >>> nwbin.bin_spikes({7: [0.1]}, [0.0], [0.5, 0.0])
    Traceback (most recent call last):
    nwbin.errors.ArgumentError: ...
    """


class ArgumentTypeError(NwbinError, TypeError):
    """An argument has the wrong type, or something needed was never given.

    Examples
    --------
    >>> nwbin.open("session.nwb", presence_ratio_minium=0.9)
    Traceback (most recent call last):
    nwbin.errors.ArgumentTypeError: ...
    """


class CountOverflowError(NwbinError, OverflowError):
    """A spike count is larger than the asked-for dtype can hold.

    Examples
    --------
    >>> nwbin.bin_spikes({7: np.arange(300) / 1000}, [0.0], [0.0, 1.0], dtype="uint8")
    Traceback (most recent call last):
    nwbin.errors.CountOverflowError: ...
    """


class NotEnoughMemoryError(NwbinError, MemoryError):
    """A result does not fit in memory.

    Examples
    --------
    >>> nwbin.bin_spikes({7: [0.1]}, np.zeros(10**6), np.arange(10**6))
    Traceback (most recent call last):
    nwbin.errors.NotEnoughMemoryError: ...
    """

    def __new__(cls, *args: Any) -> Self:
        # MemoryError's own refuses, if called by name, classes that have it from a second base. Dask's pickling does.
        return Exception.__new__(cls, *args)


class MissingDependencyError(NwbinError, ImportError):
    """An optional package is needed for this and is not installed.

    Examples
    --------
    >>> raise MissingDependencyError("decoding needs scikit-learn: pip install 'nwbin[decode]'")
    Traceback (most recent call last):
    nwbin.errors.MissingDependencyError: decoding needs scikit-learn: pip install 'nwbin[decode]'
    """


class NwbinWarning(UserWarning):
    """A warning given by nwbin: something was left out, or is probably not what was meant.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as heard:
    ...     warnings.simplefilter("always")
    ...     table = session.get_stimulus_table("flahses")
    >>> heard[0].category.__name__, len(table)
    ('NwbinWarning', 0)
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*map(_message, args))


class UnappliedFiltersWarning(NwbinWarning):
    """A file lacks columns that unit filters go by: these were not applied.

    Examples
    --------
    >>> import warnings
    >>> warnings.simplefilter("ignore", nwbin.errors.UnappliedFiltersWarning)  # of another lab's files
    """


class InvalidSpikesWarning(NwbinWarning):
    """What was asked for overlaps times during which spikes of some probes are invalid.

    Examples
    --------
    >>> import warnings
    >>> warnings.simplefilter("ignore", nwbin.errors.InvalidSpikesWarning)
    """


class LateWindowsWarning(NwbinWarning):
    """Windows begin after the last spike: what they are around may be of another clock, or of after the recording.

    Examples
    --------
    >>> import warnings
    >>> warnings.simplefilter("error", nwbin.errors.LateWindowsWarning)  # onsets of another clock: an error
    """


class OverlapWarning(NwbinWarning):
    """Windows overlap, so that a spike counts in several, or are not in order of time.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as heard:
    ...     warnings.simplefilter("always")
    ...     counts = nwbin.responses.AlignedCounts({7: [0.1]}, [0.0, 0.2], [0.0, 0.5])
    >>> [one.category.__name__ for one in heard]
    ['OverlapWarning']
    """


def warn(message: str, kind: type[NwbinWarning] = NwbinWarning) -> None:
    """Give a warning that points at the line outside nwbin that led to it.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as heard:
    ...     warnings.simplefilter("always")
    ...     warn("two units have no spikes")
    >>> str(heard[0].message)
    'two units have no spikes'
    """
    given = kind(message)
    if taken(given):
        return
    level, frame = 2, sys._getframe(1)
    # cached_property stands between a property and its first reader, and importing between a module and who first needs
    # it; the frames of the latter that are Python's own are none for `warnings` either.
    between = ("nwbin", "functools", "importlib")
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in between:
        frame = frame.f_back
        level += "importlib._bootstrap" not in frame.f_code.co_filename
    warnings.warn(given, stacklevel=level)


_MOST_MEANT = 4  # names that share a word; of more none is meant


def _of_these_words(name: str, names: list[str]) -> list[str]:
    """The names that hold all words of one, such as structure_acronym for "structure", where these are few."""
    words = set(re.split(r"[\W_]+", name.casefold())) - {""}
    if not any(len(word) > 2 for word in words):
        return []
    found = [one for one in names if words <= set(re.split(r"[\W_]+", one.casefold()))]
    return found if len(found) <= _MOST_MEANT else []


def nearest(name: object, known: Iterable[object], *, limit: int = 12) -> str:
    """Finish a "no such name" message: the closest known names, or the first few of all.

    Parameters
    ----------
    name
        What was asked for.
    known
        What there is.
    limit
        How many names to list at most.

    Returns
    -------
    str
        ``"did you mean 'a' or 'b'?"`` for text that is nearly one of them, or words of a few of them; else ``"there
        are: a, b, c, ..."``; ``"there are none"`` if empty.

    Examples
    --------
    >>> nearest("VISpp", ["VISp", "VISl", "LGd"])
    "did you mean 'VISp'?"
    """
    names = [printable(str(item)) for item in known]
    if not names:
        return "there are none"
    from difflib import get_close_matches

    # An id that looks like another is no more likely meant than any.
    close = get_close_matches(name, names, n=3, cutoff=0.7) if isinstance(name, str) else []
    if not close and isinstance(name, str):
        close = _of_these_words(name, names)
    if close:
        return "did you mean " + " or ".join(repr(item) for item in close) + "?"
    shown = ", ".join(names[:limit])
    return f"there are: {shown}, ... ({len(names)} in all)" if len(names) > limit else f"there are: {shown}"
