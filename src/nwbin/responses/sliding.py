"""Windows that slide over the time around a presentation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nwbin.errors import ArgumentError
from nwbin.responses.matrix import check_window

__all__ = ["sliding_windows"]


def sliding_windows(window: tuple[float, float], width: float, step: float) -> npt.NDArray[np.float64]:
    """Make windows of one width that start one step after the other.

    Parameters
    ----------
    window
        Where they lie: from and to, s; the first starts where it starts, the last ends where it ends or before.
    width, step
        In s.

    Returns
    -------
    numpy.ndarray
        float64 (windows, 2), s.

    Examples
    --------
    >>> sliding_windows((0, 0.5), 0.25, 0.125).tolist()
    [[0.0, 0.25], [0.125, 0.375], [0.25, 0.5]]
    """
    first, last = check_window(window, rate=True)
    for name, value in (("width", width), ("step", step)):
        if not 0 < value < np.inf:
            raise ArgumentError(f"{name} must be more than 0 s, not {value!r}")
    number = int((last - first - width) / step + 1e-7)
    if last - first < width * (1 - 1e-9):
        raise ArgumentError(f"the window from {first:g} to {last:g} s is shorter than {width:g} s")
    starts = first + np.arange(max(number, 0) + 1) * float(step)
    return np.stack([starts, starts + float(width)], axis=1)
