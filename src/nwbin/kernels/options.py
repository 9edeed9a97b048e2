"""What every compiled function is written for: Numba's options, and how much is done at once."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from nwbin.kernels.settings import config, njit

__all__ = ["CHECKED", "EIGHT", "FEW", "HALF", "LANES", "TILE", "compiled", "helper"]

# Spikes compared at once: two vectors of 8 where there is AVX-512, and as good elsewhere. Loads are not checked,
# so whoever compares LANES, or HALF, from a position on must know that as many are left.
LANES = 16
HALF = LANES // 2

# Windows counted together, where they hold few spikes: as many as times fill one vector where there is AVX-512.
EIGHT = 8

# Units handled together by the walking kernels: enough independent searches in flight to hide one's latency,
# few enough that their spikes stream and their cursors stay in the first-level cache.
TILE = 32

# Spikes of a unit that are put into bins together with the other units'; a unit with more is done by itself.
FEW = 8


def _is_set(name: str) -> bool:
    """Whether one of Numba's switches is on; where Numba does not say, by the variable that its manual names."""
    found = getattr(config, name, None)
    return os.environ.get(f"NUMBA_{name}", "0") not in ("", "0") if found is None else bool(found)


# Nothing is compiled, or every access is checked: no place for functions that go around Numba's own arrays.
CHECKED = _is_set("BOUNDSCHECK") or _is_set("DISABLE_JIT")

# The one place for Numba's options.
compiled: Any = partial(njit, nogil=True, error_model="numpy")

# For what only kernels call. It is part of them in their cache, and needs no cache of its own.
helper = compiled()
