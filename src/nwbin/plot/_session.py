"""A session at a glance: what was shown when, running, what is invalid, the population's rate, where probes lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.errors import ArgumentError
from nwbin.plot.canvas import axes_or_new, bare, head, new_figure, words
from nwbin.plot.colors import INVALID

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Overview", "ProbePlaces", "plot_blocks", "plot_probes", "plot_session", "plot_signal"]

_TINTS = ("#CFE3F1", "#F3E3C3")  # neighbours on a probe: blue and yellow, which hardly anybody takes for one
_NARROW = 0.028  # of the whole depth: a structure thinner than this is not named, for want of room


@dataclass(frozen=True)
class ProbePlaces:
    """Where a probe's channels and units lie.

    Attributes
    ----------
    name
        The probe.
    channel_depth
        Of each channel, µm from the tip: float64 (channels,).
    structure
        Of each channel: text, or None outside the brain (channels,).
    unit_depth
        Of each unit: float64 (units,).

    Examples
    --------
    >>> depth = np.arange(0.0, 400.0, 20.0)
    >>> ProbePlaces("probeA", depth, np.repeat(["LGd", "VISp"], 10), depth[::2]).name
    'probeA'
    """

    name: str
    channel_depth: npt.NDArray[np.float64]
    structure: npt.NDArray[Any]
    unit_depth: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Overview:
    """What a picture of a whole session is made of. What a recording does not have is left empty.

    Attributes
    ----------
    blocks
        Stimulus (or table of intervals), from when and to when it was shown, s.
    running
        Edges of time, s (bins + 1,), and the mean speed in each, cm/s (bins,), NaN where nobody knows; or None.
    rate
        Edges of time, s (bins + 1,), and the mean rate of a unit in each, Hz (bins,); or None.
    units
        How many units `rate` is the mean of.
    invalid
        From when to when something is invalid, s, and what.
    probes
        Where each probe lies.

    Examples
    --------
    >>> Overview(blocks=[("flashes", 0.0, 60.0), ("gabors", 90.0, 300.0)]).span
    (0.0, 300.0)
    """

    blocks: Sequence[tuple[str, float, float]] = ()
    running: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None = None
    rate: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None = None
    units: int = 0
    invalid: Sequence[tuple[float, float, str]] = ()
    probes: Sequence[ProbePlaces] = ()

    @property
    def span(self) -> tuple[float, float] | None:
        """From the first to the last moment of any of it, s; None where nothing is known."""
        ends = [end for _, first, last in self.blocks for end in (first, last)]
        for signal in (self.running, self.rate):
            ends += [] if signal is None else [float(signal[0][0]), float(signal[0][-1])]
        return (min(ends), max(ends)) if ends else None


def plot_session(overview: Overview, *, title: str = "") -> Figure:
    """Draw a session at a glance.

    Parameters
    ----------
    overview
        What is known of it; :func:`nwbin.plot.sessions.overview_of` gathers it from a session.
    title
        Put above.

    Returns
    -------
    matplotlib.figure.Figure
        On one axis of time: stimuli, running speed, the mean rate of all units, with what is invalid hatched over
        each; below, the probes by depth, with their structures and units. What a recording does not have has no
        panel.

    Raises
    ------
    ArgumentError
        Nothing is known of it.

    Examples
    --------
    >>> figure = plot_session(Overview(blocks=[("flashes", 0.0, 60.0), ("gabors", 90.0, 300.0)]))
    >>> figure.axes[0].get_xlabel()
    'time (s)'
    """
    names = list(dict.fromkeys(name for name, _, _ in overview.blocks))
    timed: list[tuple[str, float]] = []
    if names:
        timed.append(("blocks", 0.5 + 0.22 * len(names)))
    timed += [(name, 1.25) for name in ("running", "rate") if getattr(overview, name) is not None]
    if not timed and not overview.probes:
        raise ArgumentError("there is nothing to draw: no stimuli, no running, no spikes, no probes")
    heights = [height for _, height in timed] + ([3.6] if overview.probes else [])
    figure = new_figure(10.0, sum(heights) + 1.2)
    places = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    first: Axes | None = None
    for k, (what, _) in enumerate(timed):
        axes = figure.add_subplot(places[k], sharex=first)
        first = first or axes
        if what == "blocks":
            plot_blocks(overview.blocks, ax=axes)
        elif what == "running" and overview.running is not None:
            plot_signal(*overview.running, ylabel="running\n(cm/s)", ax=axes)
        elif overview.rate is not None:
            plot_signal(*overview.rate, ylabel=f"mean rate of\n{overview.units:,} units (Hz)", ax=axes)
            axes.set_ylim(bottom=0)
        _mark_invalid(axes, overview.invalid, named=k == 0)
        if overview.span is not None:
            axes.set_xlim(*overview.span)
        axes.tick_params(labelbottom=k == len(timed) - 1)
        axes.set_xlabel("time (s)" if k == len(timed) - 1 else "")
    if overview.probes:
        _all_probes(figure, places[-1], overview.probes)
    figure.align_ylabels(figure.axes[: len(timed)])
    if title:
        head(figure, title)
    return figure


def plot_blocks(blocks: Sequence[tuple[str, float, float]], *, ax: Axes | None = None) -> Axes:
    """Draw when each stimulus was shown.

    Parameters
    ----------
    blocks
        Stimulus, from when, to when (s).
    ax
        Where to draw; by default a figure of its own.

    Returns
    -------
    matplotlib.axes.Axes
        A line a stimulus, in order of appearance.

    Examples
    --------
    >>> ax = plot_blocks([("flashes", 0.0, 60.0)])
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['flashes']
    """
    names = list(dict.fromkeys(name for name, _, _ in blocks))
    axes = axes_or_new(ax, 8.0, 0.8 + 0.25 * len(names))
    for k, name in enumerate(names):
        bars = [(first, last - first) for one, first, last in blocks if one == name]
        color = "0.75" if name == "spontaneous" else "#0072B2"
        axes.broken_barh(bars, (k - 0.35, 0.7), facecolor=color, edgecolor=color, linewidth=0.5)
    axes.set_yticks(range(len(names)), [words(name) for name in names], fontsize=8)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("time (s)")
    bare(axes)
    return axes


def plot_signal(edges: npt.ArrayLike, values: npt.ArrayLike, *, ylabel: str, ax: Axes | None = None) -> Axes:
    """Draw a signal over a session, in steps.

    Parameters
    ----------
    edges
        Of the bins of time, s: (bins + 1,).
    values
        In each: (bins,); NaN is a gap.
    ylabel
        What it is, with what it is measured in.
    ax
        Where to draw; by default a figure of its own.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> plot_signal([0.0, 1.0, 2.0], [3.0, 4.0], ylabel="running (cm/s)").get_xlabel()
    'time (s)'
    """
    axes = axes_or_new(ax, 8.0, 1.8)
    axes.stairs(np.asarray(values), np.asarray(edges), baseline=None, color="0.15", linewidth=0.8)
    axes.set_ylabel(ylabel, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.set_xlabel("time (s)")
    bare(axes)
    return axes


def _mark_invalid(axes: Axes, invalid: Sequence[tuple[float, float, str]], *, named: bool) -> None:
    for first, last, _ in invalid:
        # The line keeps a moment visible that is narrower than a point of the picture.
        axes.axvspan(first, last, facecolor="none", edgecolor=INVALID, hatch="////", linewidth=0.6, zorder=3)
    if named and invalid:
        said = ", ".join(list(dict.fromkeys(what for _, _, what in invalid))[:4])
        axes.set_title(f"hatched: invalid times ({words(said)})", fontsize=8, color=INVALID, loc="right")


def plot_probes(probes: Sequence[ProbePlaces], *, ax: Axes | None = None) -> Axes:
    """Draw where probes and their units lie.

    Parameters
    ----------
    probes
        The probes.
    ax
        Where to draw; by default a figure of its own.

    Returns
    -------
    matplotlib.axes.Axes
        A column a probe: its structures by depth, and beside them how many units lie at each depth.

    Raises
    ------
    ArgumentError
        There is none.

    Examples
    --------
    >>> depth = np.arange(0.0, 400.0, 20.0)
    >>> probe = ProbePlaces("probeA", depth, np.repeat(["LGd", "VISp"], 10), depth[::2])
    >>> plot_probes([probe]).get_ylabel()
    'distance from the tip (µm)'
    """
    if not probes:
        raise ArgumentError("there are no probes to draw")
    axes = axes_or_new(ax, 1.2 + 1.5 * len(probes), 4.0)
    depths = [one for probe in probes for part in (probe.channel_depth, probe.unit_depth) for one in part]
    lowest, highest = (min(depths), max(depths)) if depths else (0.0, 1.0)
    edges = np.arange(lowest, highest + 100, 50)
    counts = [np.histogram(probe.unit_depth, edges)[0] for probe in probes]
    most = max([1, *(int(one.max()) for one in counts if len(one))])
    for k, (probe, number) in enumerate(zip(probes, counts, strict=True)):
        for j, (name, first, last) in enumerate(_layers(probe)):
            axes.fill_between([k, k + 0.42], first, last, color=_TINTS[j % 2], linewidth=0)
            if last - first >= _NARROW * (highest - lowest):
                axes.text(k + 0.21, (first + last) / 2, words(name), ha="center", va="center", fontsize=7)
        axes.stairs(k + 0.45 + 0.48 * number / most, edges, baseline=k + 0.45, orientation="horizontal", fill=True,
                    color="0.35")  # fmt: skip
    called = [f"{words(probe.name)}\n{len(probe.unit_depth):,} units" for probe in probes]
    axes.set_xticks(np.arange(len(probes)) + 0.45, called, fontsize=8)
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.05, len(probes))
    axes.set_ylim(lowest, highest + 25)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_ylabel("distance from the tip (µm)", fontsize=9)
    axes.set_title(f"structures; in grey, units by depth (at most {most} in 50 µm)", fontsize=9)
    bare(axes)
    return axes


def _layers(probe: ProbePlaces) -> list[tuple[str, float, float]]:
    """Stretches of a probe in one structure, from the tip up; channels outside the brain are none."""
    order = np.argsort(probe.channel_depth, kind="stable")
    depth, names = probe.channel_depth[order], probe.structure[order]
    if not len(depth):
        return []
    found: list[tuple[str, float, float]] = []
    begin = 0
    for k in range(1, len(depth) + 1):
        if k < len(depth) and names[k] == names[begin]:
            continue
        if isinstance(names[begin], str) and names[begin]:
            last = depth[k] if k < len(depth) else depth[-1]
            found.append((names[begin], float(depth[begin]), float(last)))
        begin = k
    return found


def _all_probes(figure: Figure, place: Any, probes: Sequence[ProbePlaces]) -> None:
    plot_probes(probes, ax=figure.add_subplot(place))
