"""What is taken for usual in an HDF5 file."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["USUAL", "Limits"]


class Limits(NamedTuple):
    """Up to where a file's data are what they should be, and libhdf5 may have them."""

    small_bytes: int = 1 << 20
    """Up to so many, chunks without filters are left to libhdf5: that is quicker than to look up where they lie."""
    most_compressed: int = 1100
    """Data that claim to have been shrunk more than so many times are damaged, or hold nothing."""


USUAL = Limits()
