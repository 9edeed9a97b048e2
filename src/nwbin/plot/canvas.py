"""What every picture has in common: an axis or a figure of its own, plain text, a file that is whole."""

from __future__ import annotations

import io
import os
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._atomic import atomic_write, check_target
from nwbin._kept_back import others_left_out
from nwbin._optional import need
from nwbin._plain_text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "MANY",
    "PICTURE_ENDINGS",
    "axes_or_new",
    "bare",
    "below",
    "edges_between",
    "figure_of",
    "head",
    "name_of",
    "new_figure",
    "picture_bytes",
    "save_picture",
    "sheet",
    "unit_title",
    "words",
    "wrapped",
]

MANY = 12  # more conditions than these are told apart by no legend: they get a row of colors, or a rank, each
_NOTEBOOK_DPI = 80
_LONGEST_LABEL = 24  # letters beside a unit's id, above a panel
PICTURE_ENDINGS = (".png", ".pdf", ".svg")


def new_figure(width: float, height: float) -> Figure:
    """A figure that belongs to no window and to no global state; inches."""
    need("matplotlib", "plot", "a picture")
    return _plain_figure()(figsize=(width, height), layout="constrained")


@cache
def _plain_figure() -> type[Figure]:
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    class PlainFigure(Figure):
        """A figure that is drawn without TeX, whatever matplotlibrc says: it would fail on names, or obey them."""

        def draw(self, renderer: Any) -> None:
            with mpl.rc_context({"text.usetex": False}):
                for text in self.findobj(Text):
                    text.set_usetex(False)
                super().draw(renderer)

        def _repr_png_(self) -> bytes:
            """What a notebook shows, also where pyplot, which would see to it, was never imported."""
            drawn = io.BytesIO()
            with _quiet():
                self.savefig(drawn, format="png", dpi=_NOTEBOOK_DPI)
            return drawn.getvalue()

    PlainFigure.__module__, PlainFigure.__qualname__ = __name__, "PlainFigure"  # by which pickles find it
    return PlainFigure


def __getattr__(name: str) -> Any:
    if name == "PlainFigure":
        return _plain_figure()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def axes_or_new(ax: Axes | None, width: float = 5.0, height: float = 3.6) -> Axes:
    """The axis that was given, or one of a figure of its own.

    In a notebook the new figure is one of pyplot's, for it is shown by that alone, and forgotten with its cell.
    Elsewhere it is nobody's: as many can be made as one likes.
    """
    if ax is not None:
        return ax
    if "ipykernel" in sys.modules:
        need("matplotlib", "plot", "a picture")
        from matplotlib import pyplot as plt

        shown: Figure = plt.figure(FigureClass=_plain_figure(), figsize=(width, height), layout="constrained")
        return shown.subplots()
    return new_figure(width, height).subplots()


def figure_of(axes: Axes) -> Figure:
    """The figure that an axis lies in."""
    figure: Figure = axes.get_figure(root=True)  # type: ignore[assignment]  # an axis always has one
    return figure


def head(figure: Figure, title: str) -> None:
    """Give a figure its title, on as many lines as it needs."""
    letters = int(figure.get_figwidth() * 12)  # of this size that an inch holds, and some to spare
    figure.suptitle(wrapped(words(title), letters), fontsize=11)


def below(figure: Figure, text: str) -> None:
    """Say what all panels of a sheet have in common, below them, in lines as wide as the sheet."""
    figure.supxlabel(wrapped(text, max(30, int(14 * figure.get_figwidth()))), fontsize=9)


def wrapped(text: str, letters: int) -> str:
    """Break a line into as few as have no more letters than these each, of about one length."""
    lines = textwrap.wrap(text, letters)
    while letters > 1 and len(lines) > 1:  # narrower for as long as that takes no line more
        letters -= 1
        narrower = textwrap.wrap(text, letters, break_long_words=False)
        if len(narrower) > len(lines) or max(map(len, narrower)) > letters:
            break
        lines = narrower
    return "\n".join(lines)


def unit_title(unit: Any, labels: Mapping[Any, str] | None = None) -> str:
    """What stands above a unit's panel: its id, and what else is said of it, such as where it lies."""
    key = unit.item() if isinstance(unit, np.generic) else unit
    label = (labels or {}).get(key)
    beside = label if isinstance(label, str) else ""  # a column of structures has NaN where none is known
    if len(beside) > _LONGEST_LABEL:
        beside = f"{beside[:_LONGEST_LABEL]}…"
    return f"unit {words(unit)}{', ' if beside else ''}{words(beside)}"


def sheet(number: int, columns: int, width: float, height: float, **shared: Any) -> tuple[Figure, list[Axes]]:
    """A figure of panels of one size, in inches, so many to a line; what is left of the last line stays empty."""
    columns = min(columns, number)
    if number > columns:  # so many to a line, or one less, that the last line is fullest
        columns = min((columns, columns - 1), key=lambda n: (-number) % n if n > 1 else number)
    lines = -(-number // columns)
    figure = new_figure(width * columns + 0.8, height * lines + 0.8)
    grid = figure.subplots(lines, columns, squeeze=False, **shared)
    panels = list(grid.flat)
    for axes in panels[number:]:
        axes.set_visible(False)
    for axes in panels[
        max(0, number - columns) : number
    ]:  # those with nothing below them say what the axis is
        axes.tick_params(labelbottom=True)
    return figure, panels[:number]


@contextmanager
def _quiet() -> Iterator[None]:
    """What matplotlib says of fonts and room is of no use to whoever asked for a picture of spikes."""
    with (
        others_left_out("", category=UserWarning, module="matplotlib"),
        others_left_out("(?s).*(layout|Glyph|tight)", category=UserWarning),
    ):
        yield


def save_picture(figure: Figure | Axes, path: str | os.PathLike[str], *, dpi: int = 300) -> Path:
    """Save a picture, whole or not at all; the ending (.png, .pdf, .svg) is the format.

    Parameters
    ----------
    figure
        A figure, or an axis of it: the whole figure is saved.
    path
        Where to; a file that is there is replaced. The same picture, drawn anew, gives the same bytes.
    dpi
        Points to an inch, of ``.png``, and of what is many points in the others.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ArgumentError
        The ending is none of these.
    FileAccessError
        It cannot be written.

    Examples
    --------
    >>> save_picture(nwbin.plot.plot_correlogram(nwbin.correlograms([[0.0, 0.01]], 0.04, 0.002)), "pair.pdf").name
    'pair.pdf'
    """
    target, ending = check_target(path, PICTURE_ENDINGS)
    with atomic_write(target) as unfinished:
        _save(figure, unfinished, ending, dpi)
    return target


def picture_bytes(figure: Figure | Axes, ending: str, *, dpi: int = 300) -> bytes:
    """Return a picture as :func:`save_picture` would write it to a file of this ending."""
    drawn = io.BytesIO()
    _save(figure, drawn, ending, dpi)
    return drawn.getvalue()


def _save(figure: Figure | Axes, to: Path | io.BytesIO, ending: str, dpi: int) -> None:
    import matplotlib as mpl

    whole: Any = figure if hasattr(figure, "savefig") else figure.get_figure(root=True)
    # A moment of its own in every file would make equal pictures differ.
    aside = {".svg": {"Date": None}, ".pdf": {"CreationDate": None, "ModDate": None}}.get(ending, {})
    # Letters that stay letters in a PDF: journals ask for these.
    how: Any = {"svg.hashsalt": "nwbin", "pdf.fonttype": 42}
    with mpl.rc_context(how), _quiet():
        whole.savefig(to, dpi=dpi, format=ending[1:], metadata=aside)


def words(text: object) -> str:
    """Text for a picture: matplotlib takes what stands between two $ for a formula, or fails to."""
    return printable(str(text)).replace("$", r"\$")


def name_of(value: Any, names: Mapping[Any, str] | None = None) -> str:
    """A value as it is called in a picture: by a name of its own, a number in a few digits, or its text."""
    if names and value in names:
        return words(names[value])
    if isinstance(value, int | float | np.number):
        return f"{float(value):.6g}"
    return words(value)


def bare(axes: Axes) -> None:
    """Take the frame's upper and right line away."""
    axes.spines[["top", "right"]].set_visible(False)


def edges_between(centers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Edges half-way between neighbours, and as far out at the ends: (n,) to (n + 1,)."""
    if len(centers) == 1:
        return np.asarray([centers[0] - 0.5, centers[0] + 0.5])
    half = np.diff(centers) / 2
    return np.concatenate([[centers[0] - half[0]], centers[:-1] + half, [centers[-1] + half[-1]]])
