"""Units by their metrics: how each is distributed, and one against another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._wording import counted
from nwbin.errors import ArgumentError, LookupFailure, nearest
from nwbin.plot.canvas import MANY, axes_or_new, bare, head, name_of, sheet, words
from nwbin.plot.colors import MARKERS, condition_colors, titled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["METRICS", "plot_metric_scatter", "plot_quality"]

# What metrics of units are measured in; "" for a share or a ratio. In this order they are drawn.
METRICS = {
    "firing_rate": "Hz", "presence_ratio": "", "isi_violations": "", "amplitude_cutoff": "", "snr": "",
    "nn_hit_rate": "", "d_prime": "", "isolation_distance": "", "L_ratio": "", "silhouette_score": "",
    "max_drift": "µm", "cumulative_drift": "µm", "waveform_amplitude": "µV", "waveform_duration": "ms",
    "waveform_halfwidth": "ms", "waveform_PT_ratio": "", "waveform_spread": "µm",
    "waveform_recovery_slope": "V/s", "waveform_repolarization_slope": "V/s",
    "waveform_velocity_above": "s/m", "waveform_velocity_below": "s/m",
}  # fmt: skip
_BEYOND = 99.0  # percent of units up to which the axis goes; the rest stand in the last bin

Bounds = Mapping[str, tuple[str, float]]


def _label(name: str) -> str:
    unit = METRICS.get(name, "")
    return f"{words(name)} ({unit})" if unit else titled(name)


def _numbers(units: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    if name not in units.columns:
        raise LookupFailure(f"the units have no column {name!r}; {nearest(name, units.columns)}")
    if units[name].dtype.kind not in "iufb":
        raise ArgumentError(f"the units' column {name!r} holds no numbers to draw")
    values: npt.NDArray[np.float64] = units[name].to_numpy().astype(np.float64)
    return values


def _passes(values: npt.NDArray[np.float64], sign: str, bound: float) -> npt.NDArray[np.bool_]:
    return values <= bound if sign == "<=" else values >= bound


def plot_quality(
    units: pd.DataFrame,
    *,
    bounds: Bounds | None = None,
    metrics: Sequence[str] | None = None,
    title: str = "",
) -> Figure:
    """Draw how each quality metric is distributed over units, and where its threshold lies.

    Parameters
    ----------
    units
        All units, none filtered: a column for each metric.
    bounds
        Metric to ("<=" or ">=", threshold): a line, what it leaves out paler, and how many pass.
    metrics
        Which, in this order; by default those of ``METRICS`` that the table has.
    title
        Put above.

    Returns
    -------
    matplotlib.figure.Figure
        A histogram for each metric. The axis goes to the 99th percentile; what lies beyond is in the last bin,
        which then says so.

    Raises
    ------
    ArgumentError
        There is no metric, or one holds no numbers.
    LookupFailure
        There is no such column.

    Examples
    --------
    >>> import pandas as pd
    >>> figure = plot_quality(pd.DataFrame({"snr": [1.0, 2.5, 3.0]}), bounds={"snr": (">=", 2.0)})
    >>> figure.axes[0].get_title()
    'snr >= 2: 2 of 3'
    """
    names = [name for name in METRICS if name in units.columns] if metrics is None else list(metrics)
    if not names or not len(units):
        raise ArgumentError(
            f"there is nothing to draw: {counted(len(units), 'unit')} with none of the metrics "
            f"{', '.join(list(METRICS)[:6])}, ..."
        )
    figure, panels = sheet(len(names), min(4, int(np.ceil(np.sqrt(len(names))))), 2.9, 2.2)
    for axes, name in zip(panels, names, strict=True):
        _distribution(axes, _numbers(units, name), name, (bounds or {}).get(name))
    figure.supylabel("units", fontsize=10)
    if title:
        head(figure, title)
    return figure


def _distribution(
    axes: Axes, values: npt.NDArray[np.float64], name: str, bound: tuple[str, float] | None
) -> None:
    there = values[np.isfinite(values)]
    axes.set_xlabel(_label(name), fontsize=9)
    axes.tick_params(labelsize=8)
    bare(axes)
    lost = len(values) - len(there)
    missing = f", {lost:,} without" if lost else ""
    if not len(there):
        axes.set_title(f"no values{missing}", fontsize=9)
        return
    low, high = (float(one) for one in np.percentile(there, [100 - _BEYOND, _BEYOND]))
    if there.min() >= 0 and low < 0.2 * high:
        low = 0.0
    if bound is not None and np.isfinite(bound[1]):
        low = min(low, bound[1])
        high = high if high > bound[1] else bound[1] + 0.2 * (bound[1] - low or 1.0)
    if not high > low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, 31)
    every = np.histogram(np.clip(there, low, high), edges)[0]
    axes.stairs(every, edges, fill=True, color="#A6CBE3" if bound is not None else "#0072B2")
    if bound is not None:
        sign, at = bound
        kept = there[_passes(there, sign, at)]
        axes.stairs(np.histogram(np.clip(kept, low, high), edges)[0], edges, fill=True, color="#0072B2")
        axes.axvline(at, color="#D55E00", linewidth=1.5, linestyle="--")
        axes.set_title(f"{words(name)} {sign} {at:g}: {len(kept):,} of {len(values):,}{missing}", fontsize=8)
    else:
        axes.set_title(f"median {np.median(there):.3g}{missing}", fontsize=8)
    said = []
    if beyond := int((there < low).sum()):
        said.append(f"{beyond:,} from {there.min():.3g}")
    if beyond := int((there > high).sum()):
        said.append(f"{beyond:,} to {there.max():.3g}")
    if said:  # above the bars, not over them
        axes.set_ylim(0, 1.2 * max(1, int(every.max())))
        axes.text(
            0.99, 0.97, f"beyond the axis: {', '.join(said)}", transform=axes.transAxes, ha="right", va="top",
            fontsize=7,
        )  # fmt: skip
    axes.set_xlim(low, high)
    axes.locator_params(axis="y", integer=True, nbins=5)
    axes.locator_params(axis="x", nbins=6)


def plot_metric_scatter(
    units: pd.DataFrame,
    x: str,
    y: str,
    *,
    by: str | None = None,
    bounds: Bounds | None = None,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw one metric of units against another.

    Parameters
    ----------
    units
        A row a unit.
    x, y
        Columns of numbers.
    by
        A column of names, such as structure_acronym: a color and a form for each of the most frequent seven, grey
        for the others.
    bounds
        Metric to ("<=" or ">=", threshold): a dashed line.
    log
        Logarithmic axes; what is not above 0 is then left out.
    ax
        Where to draw; by default a figure of its own.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    LookupFailure
        There is no such column.
    ArgumentError
        It holds no numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> ax = plot_metric_scatter(pd.DataFrame({"snr": [1.0, 2.0], "firing_rate": [5.0, 9.0]}), "snr", "firing_rate")
    >>> ax.get_ylabel()
    'firing_rate (Hz)'
    """
    across, up = _numbers(units, x), _numbers(units, y)
    good = np.isfinite(across) & np.isfinite(up)
    if log:
        good &= (across > 0) & (up > 0)
    axes = axes_or_new(ax, 5.6, 4.0)
    kinds = _kinds(units, by)
    size = float(np.clip(6000 / max(1, len(units)), 6, 30))
    for label, own, color, marker in kinds:
        mine = own & good
        if mine.any():
            axes.scatter(
                across[mine], up[mine], s=size, color=color, marker=marker, linewidth=0, alpha=0.75, label=label,
                rasterized=int(mine.sum()) > 20_000,
            )  # fmt: skip
    if log:
        axes.set_xscale("log")
        axes.set_yscale("log")
        _label_decades(axes)
    for name, line in ((x, axes.axvline), (y, axes.axhline)):
        if bounds and name in bounds and np.isfinite(bounds[name][1]):
            line(bounds[name][1], color="#D55E00", linestyle="--", linewidth=1.2)
    if by is not None:
        axes.legend(
            title=words(by), fontsize=8, title_fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1, 1)
        )  # fmt: skip
    left = len(units) - int(good.sum())
    axes.set_title(f"{counted(int(good.sum()), 'unit')}{f', {left:,} without' if left else ''}", fontsize=10)
    axes.set_xlabel(_label(x))
    axes.set_ylabel(_label(y))
    bare(axes)
    return axes


def _label_decades(axes: Axes) -> None:
    """1, 2, 5, 10, ... on logarithmic axes: between powers of ten matplotlib's own labels overlap."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())


def _kinds(units: pd.DataFrame, by: str | None) -> list[tuple[str, npt.NDArray[np.bool_], Any, str]]:
    """Label, which units, color and form, the most frequent kind first; what is left of many in grey, underneath."""
    if by is None:
        return [("", np.ones(len(units), bool), "#0072B2", "o")]
    if by not in units.columns:
        raise LookupFailure(f"the units have no column {by!r}; {nearest(by, units.columns)}")
    values = np.asarray(units[by].to_numpy(), dtype=object)
    frequent = units[by].value_counts().index.tolist()
    named = frequent[: min(len(MARKERS), MANY)]
    colors = condition_colors(np.asarray(named, dtype=object), by)
    kinds = [
        (name_of(one), np.asarray([v == one for v in values], dtype=bool), color, marker)
        for one, color, marker in zip(named, colors, MARKERS, strict=False)
    ]
    rest = ~np.any([own for _, own, _, _ in kinds], axis=0) if kinds else np.ones(len(units), bool)
    return [("other", rest, "0.75", "."), *kinds] if rest.any() else kinds
