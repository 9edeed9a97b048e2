"""Decoded trials: where they fall, what was taken for what, and how well each label is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.plot.canvas import MANY, axes_or_new, bare, figure_of, head, name_of, new_figure, words
from nwbin.plot.colors import MARKERS, condition_colors, forms_of, is_angle, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nwbin.responses.decode import Decoding

__all__ = ["plot_accuracy", "plot_confusion", "plot_decoding"]

_WRITTEN = 12  # labels up to which the confusion's numbers are written


def plot_decoding(
    decoding: Decoding,
    y: npt.ArrayLike,
    *,
    label: str = "orientation",
    title: str = "",
    names: Mapping[Any, str] | None = None,
) -> Figure:
    """Draw trials in the discriminant dimensions, and what was taken for what.

    Parameters
    ----------
    decoding
        From :func:`nwbin.decode.decode`.
    y
        The trials' labels, as they were given to it: (trials,).
    label
        What the labels are; "orientation" is in degrees.
    title
        Put above.
    names
        What some labels are called, such as ``{-1: "-1 (blank)"}``.

    Returns
    -------
    matplotlib.figure.Figure
        Left: one point a trial; strong points were held out when the projection was fitted, faint ones were not;
        ringed ones are the means of those held out. With more than 12 labels, which no colors tell apart, the
        accuracy of each label in place of that, the best first.
        Right: the cross-validated confusion matrix, in percent of each label's trials.

    Examples
    --------
    >>> figure = plot_decoding(nwbin.decode.decode(matrix.X, matrix.y), matrix.y)
    """
    figure = new_figure(10.5, 5.0)
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1.0])
    if len(decoding.classes) > MANY:
        plot_accuracy(decoding, label=label, names=names, ax=left)
    else:
        _scatter(left, decoding, np.asarray(y), label, names)
    plot_confusion(decoding, label=label, names=names, ax=right)
    if title:
        head(figure, title)
    return figure


def _scatter(
    axes: Axes, decoding: Decoding, labels: npt.NDArray[Any], label: str, names: Mapping[Any, str] | None
) -> None:
    """One point a trial."""
    classes = decoding.classes
    colors = condition_colors(classes, label)
    unit = "°" if is_angle(label) else ""
    one_dimension = decoding.projection.shape[1] == 1
    code = np.searchsorted(classes, labels)
    # With two classes there is one dimension: the trial's number then takes the other axis.
    x = decoding.projection[:, 0]
    z = np.arange(len(labels)) if one_dimension else decoding.projection[:, 1]
    size = float(np.clip(12000 / len(labels), 5, 36))
    forms = np.asarray(forms_of(classes, label)) % len(MARKERS)
    # All labels of a form together, in order of time, so that none hides the others.
    for form in np.unique(forms):
        formed, marker = forms[code] == form, MARKERS[form]
        paint = np.asarray([colors[k] for k in code[formed]], dtype=object)
        held = decoding.held_out[formed]
        across, up = x[formed], z[formed]
        axes.scatter(
            across[~held], up[~held], s=size / 2.5, c=list(paint[~held]), alpha=0.25, linewidth=0, zorder=2,
            marker=marker,
        )  # fmt: skip
        axes.scatter(
            across[held], up[held], s=size, c=list(paint[held]), edgecolor="white", linewidth=0.3, zorder=3,
            marker=marker,
        )  # fmt: skip
    for k, (value, color) in enumerate(zip(classes, colors, strict=True)):
        own = decoding.held_out & (code == k)
        axes.scatter(
            x[own].mean(), z[own].mean(), s=110, color=color, edgecolor="black", linewidth=1.2, zorder=4,
            marker=MARKERS[forms[k]], label=f"{name_of(value, names)}{unit}",
        )  # fmt: skip
    axes.set_xlabel("discriminant 1")
    axes.set_ylabel("trial" if one_dimension else "discriminant 2")
    axes.set_title("one point a trial; strong: held out; ringed: their mean", fontsize=10)
    axes.legend(
        title=words(label), fontsize=8, title_fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0)
    )  # fmt: skip
    if not one_dimension:
        axes.set_aspect("equal", adjustable="datalim")
    bare(axes)


def _shares(decoding: Decoding) -> npt.NDArray[np.float64]:
    """Percent of each label's trials (row) that were taken for each (column)."""
    confusion = decoding.confusion
    shares: npt.NDArray[np.float64] = 100.0 * confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    return shares


def plot_confusion(
    decoding: Decoding,
    *,
    label: str = "orientation",
    names: Mapping[Any, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the cross-validated confusion matrix, in percent of each label's trials.

    Parameters
    ----------
    decoding
        From :func:`nwbin.decode.decode`.
    label, names
        As for :func:`plot_decoding`. Numbers are written up to 12 labels.
    ax
        Where to draw; by default a figure of its own.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> ax = plot_confusion(nwbin.decode.decode(matrix.X, matrix.y))
    """
    axes = axes_or_new(ax, 5.0, 4.4)
    share, number = _shares(decoding), len(decoding.classes)
    few = number <= _WRITTEN
    # Of many labels most of the picture would be nearly white: the scale then ends at what there is.
    highest = 100.0 if few else max(1.0, float(np.ceil(share.max())))
    image = axes.imshow(share, cmap="Greys", vmin=0, vmax=highest, interpolation="nearest")
    called = [name_of(value, names) for value in decoding.classes]
    step = max(1, -(-number // 20))
    size = 8 if number > 8 else 10
    axes.set_xticks(range(0, number, step), called[::step], rotation=0 if few else 90, fontsize=size)
    axes.set_yticks(range(0, number, step), called[::step], fontsize=size)
    if few:
        for row, column in np.ndindex(share.shape):
            axes.text(
                column, row, f"{share[row, column]:.0f}", ha="center", va="center", fontsize=8,
                color="white" if share[row, column] > 55 else "black",
            )  # fmt: skip
    axes.set_xlabel(f"decoded {titled(label)}")
    axes.set_ylabel(f"shown {titled(label)}")
    axes.set_title(f"accuracy {decoding.accuracy:.1%}, chance {decoding.chance:.1%}", fontsize=10)
    figure_of(axes).colorbar(image, ax=axes, label="% of the label's trials", shrink=0.8)
    return axes


def plot_accuracy(
    decoding: Decoding,
    *,
    label: str = "orientation",
    names: Mapping[Any, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how many of each label's trials were told rightly, the best label first.

    Parameters
    ----------
    decoding
        From :func:`nwbin.decode.decode`.
    label, names
        As for :func:`plot_decoding`.
    ax
        Where to draw; by default a figure of its own.

    Returns
    -------
    matplotlib.axes.Axes
        A step a label, chance as a dashed line; the best and the worst five are named.

    Examples
    --------
    >>> ax = plot_accuracy(nwbin.decode.decode(matrix.X, matrix.y), label="frame")
    """
    axes = axes_or_new(ax, 6.0, 3.6)
    right = np.diag(_shares(decoding))
    order = np.argsort(-right, kind="stable")
    number = len(order)
    axes.bar(np.arange(number) + 0.5, right[order], width=1.0, color="#0072B2", linewidth=0)
    axes.axhline(100 * decoding.chance, color="black", linestyle="--", linewidth=1.0)
    axes.text(
        number, 100 * decoding.chance, f" chance {decoding.chance:.1%}", va="bottom", ha="right", fontsize=8
    )
    axes.set_xlim(0, number)
    axes.set_ylim(0, 105)
    called = [name_of(value, names) for value in decoding.classes[order]]
    if number > 2 * MANY:
        ends = f"best: {', '.join(called[:5])}; worst: {', '.join(called[-5:])}"
        axes.set_title(f"{number} values of {words(label)}\n{ends}", fontsize=9)
    else:
        axes.set_xticks(np.arange(number) + 0.5, called, rotation=90, fontsize=8)
        axes.set_title(f"{number} values of {words(label)}", fontsize=10)
    axes.set_xlabel(f"{titled(label)}, by accuracy{', rank' if number > 2 * MANY else ''}")
    axes.set_ylabel("told rightly (% of its trials)")
    bare(axes)
    return axes
