"""The compiled function that fits of receptive fields call some hundred times a unit.

Preconditions: parameters float64 (5,), measured float64 (rows, columns). What is returned is new memory at every call:
MINPACK, which calls it, keeps what it was given.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nwbin.kernels.common import kernel
from nwbin.kernels.settings import config

__all__ = ["COMPILED", "residuals"]

_SETTINGS: Any = config
# Uncompiled it would be slower than NumPy.
COMPILED = not _SETTINGS.DISABLE_JIT


@kernel
def residuals(parameters, measured):
    """A Gaussian less a map: float64 (rows x columns,).

    parameters : height, centre row, centre column, standard deviation along rows and along columns.
    """
    height = parameters[0]
    rows, columns = measured.shape
    across = np.empty(columns)
    for c in range(columns):
        away = (parameters[2] - c) / parameters[4]
        across[c] = away * away
    found = np.empty(rows * columns)
    place = 0
    for r in range(rows):
        away = (parameters[1] - r) / parameters[3]
        down = away * away
        for c in range(columns):
            found[place] = height * math.exp(-(down + across[c]) / 2) - measured[r, c]
            place += 1
    return found
