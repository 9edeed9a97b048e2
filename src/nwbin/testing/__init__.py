"""Synthetic Visual Coding sessions, for tests, examples and benchmarks."""

from __future__ import annotations

from nwbin.testing._plan import LAYOUTS, SIZES, STIMULUS_SETS
from nwbin.testing._units import PASSING, QUIRKS
from nwbin.testing._write import write_session

__all__ = ["LAYOUTS", "PASSING", "QUIRKS", "SIZES", "STIMULUS_SETS", "write_session"]
