"""Which dtype counts come in, and how large a count it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from nwbin.errors import ArgumentTypeError

__all__ = ["CountType", "count_type", "smallest"]

_INT64_MAX = int(np.iinfo(np.int64).max)
_KERNEL_KINDS = {f"u{size}" for size in (1, 2, 4, 8)} | {"f4", "f8"}


@dataclass(frozen=True)
class CountType:
    """A dtype for counts. ``limit`` is the largest count it holds exactly; ``binarize``: only 0 and 1."""

    dtype: np.dtype[Any]
    binarize: bool
    limit: int

    @property
    def kernel(self) -> np.dtype[Any]:
        """What the kernels write: few kinds, since each is compiled by itself."""
        if self.dtype.kind == "f":
            return np.dtype(np.float32 if self.dtype.itemsize == 4 else np.float64)
        return np.dtype(f"u{self.dtype.itemsize}")

    @property
    def direct(self) -> bool:
        """Whether an array of dtype can be seen as one of kernel: same size, same bits for every count."""
        return self.dtype.isnative and self.dtype.itemsize == self.kernel.itemsize


def count_type(dtype: DTypeLike | None, binarize: bool) -> CountType:
    """Check the dtype asked for; None is uint16, or uint8 for binarized counts.

    Examples
    --------
    >>> count_type(None, binarize=False).dtype, count_type("uint8", binarize=False).limit
    (dtype('uint16'), 255)
    """
    try:
        kind = np.dtype((np.uint8 if binarize else np.uint16) if dtype is None else dtype)
    except TypeError as error:
        raise ArgumentTypeError(f"dtype {dtype!r} is none that NumPy knows: {error}") from None
    if kind.kind == "b":
        return CountType(kind, True, 1)
    if kind.kind in "iu":
        return CountType(kind, binarize, min(int(np.iinfo(kind).max), _INT64_MAX))
    if kind.kind == "f":
        # Beyond this, adding one may change nothing.
        return CountType(kind, binarize, min(2 ** (int(np.finfo(kind).nmant) + 1), 2**53))
    raise ArgumentTypeError(
        f"counts cannot be of dtype {kind}; use an integer, a float or bool (the default is uint16,"
        " uint8 if binarized)"
    )


def smallest(count: int, like: np.dtype[Any]) -> np.dtype[Any]:
    """The smallest dtype of the same kind that holds this count."""
    names = {"i": "i1 i2 i4 i8", "f": "f2 f4 f8"}.get(like.kind, "u1 u2 u4 u8").split()
    return next(np.dtype(name) for name in names if count_type(name, False).limit >= count)
