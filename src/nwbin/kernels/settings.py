"""Numba, imported by nobody else, and only where the current folder gives it no settings.

Numba takes settings from a file in the current folder, as it is imported and again whenever it compiles, and it
has no public way to do without. But what lies among a user's data is data: such a file could name a cache whose
pickles are then run, or fail to be read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nwbin.errors import FileAccessError

__all__ = ["config", "intrinsic", "njit", "numba", "refuse_settings_here", "types"]

_FILE = ".numba_config.yaml"


def refuse_settings_here() -> None:
    """Raise FileAccessError where Numba would take settings from the current folder."""
    if Path(_FILE).is_file():
        raise FileAccessError(
            f"{str(Path(_FILE).absolute())!r} has settings for Numba, which obeys such a file wherever it is the"
            " current folder's; nwbin compiles nothing by what lies among data: move that file away, or run from"
            " another folder (settings of your own can be given as NUMBA_... environment variables)"
        )


refuse_settings_here()

import numba  # noqa: E402 - it would have read them
from numba import extending as _extending  # noqa: E402 - the same again
from numba import njit, types  # noqa: E402 - the same again

# The variables of the environment are documented, this mirror of them hardly: whoever asks does without, too.
config: Any = getattr(numba, "config", None)

# Typed by Numba as what it decorates, and not as what kernels call.
intrinsic: Any = _extending.intrinsic
