"""Which bins show what happens around presentations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nwbin.errors import ArgumentError, ArgumentTypeError
from nwbin.responses.windows import lengths_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["median_duration", "time_axis"]


def median_duration(rows: pd.DataFrame) -> float:
    """How long a presentation lasts, in s: the median; 0 where the table does not say."""
    lasting = lengths_of(rows)
    lasting = lasting[~np.isnan(lasting)]
    return float(np.median(lasting)) if lasting.size else 0.0


def time_axis(
    duration: float, window: tuple[float, float] | None = None, width: float | None = None
) -> tuple[float, float, float]:
    """Choose bins around a presentation: 40 to 100 of them, of a round width, and one edge at its start.

    Parameters
    ----------
    duration
        Of a presentation, in s; what is not more than 0, of events and of ends that nobody knows, is taken for 1.
    window, width
        From and to, and the width of a bin, in s, where these are asked for.

    Returns
    -------
    tuple
        First edge, last edge, width, in s.

    Raises
    ------
    ArgumentError, ArgumentTypeError
        The width is not a number of seconds, or not more than 0.

    Examples
    --------
    >>> time_axis(0.25)
    (-0.1, 0.375, 0.005)
    >>> time_axis(2.0, (0, 1))
    (0.0, 1.0, 0.005)
    """
    if width is not None:
        if isinstance(width, bool) or not isinstance(width, int | float | np.integer | np.floating):
            raise ArgumentTypeError(f"the width of a bin must be a number of seconds, not {width!r}")
        if not 0 < width < np.inf:
            raise ArgumentError(f"the width of a bin must be more than 0 s, not {width:g}")
    if not duration > 0:
        duration = 1.0
    start, stop = window or (-min(0.4 * duration, 0.5), min(1.5 * duration, 3.0))
    if width is None:
        # 1, 2 or 5 times a power of ten
        steps = [round(m * 10.0**k, 6) for k in range(-4, 2) for m in (1, 2, 5)]
        width = next((one for one in steps if (stop - start) / one <= 100), steps[-1])
        if window is not None:
            fits = [one for one in steps if one >= width / 2 and abs((stop - start) / one % 1) < 1e-9]
            width = fits[0] if fits else (stop - start) / 80
    if window is None:
        start, stop = -max(1, round(-start / width)) * width, max(1, round(stop / width)) * width
    return float(f"{start:.12g}"), float(f"{stop:.12g}"), float(f"{width:.12g}")
