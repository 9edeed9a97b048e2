"""Correlograms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nwbin.errors import ArgumentError
from nwbin.plot.canvas import axes_or_new, bare, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nwbin.binning import Correlograms

__all__ = ["plot_correlogram"]


def plot_correlogram(
    found: Correlograms, pair: int = 0, *, corrected: bool = False, ax: Axes | None = None
) -> Axes:
    """Draw the correlogram of a pair of units, or of a unit with itself.

    Parameters
    ----------
    found
        From :func:`nwbin.correlograms`.
    pair
        Which of its pairs: a row of ``found.pairs``.
    corrected
        Draw the counts less what jitter explains; otherwise the counts, and that as a line where it is known.
    ax
        Where to draw; by default a figure of its own.

    Returns
    -------
    matplotlib.axes.Axes
        Lag in ms, pairs of spikes a bin.

    Raises
    ------
    ArgumentError
        There is no such pair; or no expectation, for `corrected`.

    Examples
    --------
    >>> from nwbin import correlograms
    >>> ax = plot_correlogram(correlograms({7: [0.0, 0.01], 9: [0.004]}, 0.04, 0.002), pair=1)
    >>> ax.get_xlabel()
    'lag (ms)'
    """
    if not 0 <= pair < len(found.pairs):
        raise ArgumentError(f"pair must be 0 to {len(found.pairs) - 1}, a row of the pairs, not {pair}")
    axes = axes_or_new(ax, 5.0, 3.4)
    edges = found.edges * 1000
    first, second = (words(one) for one in found.pairs[pair].tolist())
    if corrected:
        axes.stairs(found.corrected[pair], edges, fill=True, color="#0072B2")
        axes.axhline(0, color="0.3", linewidth=0.8)
    else:
        axes.stairs(found.counts[pair], edges, fill=True, color="#0072B2")
        if found.expected is not None:
            axes.stairs(
                found.expected[pair], edges, baseline=None, color="black", linewidth=1.1,
                label="expected under jitter",
            )  # fmt: skip
            axes.legend(fontsize=8, frameon=False)
        axes.set_ylim(bottom=0)
    axes.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    axes.set_xlim(edges[0], edges[-1])
    width = float(np.diff(edges)[0])
    less = ", less what jitter explains" if corrected else ""
    axes.set_ylabel(f"pairs of spikes in {width:.3g} ms{less}")
    axes.set_xlabel("lag (ms)")
    said = f"unit {first} with itself" if first == second else f"spikes of {second} after those of {first}"
    axes.set_title(said, fontsize=10)
    bare(axes)
    return axes
