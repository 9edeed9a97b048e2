"""Pictures within a page."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from nwbin.plot.canvas import figure_of, picture_bytes
from nwbin.report._parts import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["picture"]

_CSS_DPI = 96  # pixels of CSS to an inch
_DPI = 160  # of points: sharp on most screens, and on paper
_MOST = 300_000  # bytes of a drawing; one with more is shown as points


def picture(figure: Figure | Axes, alt: str, caption: str, *, dense: bool = False) -> Picture:
    """Put a figure into a page.

    Parameters
    ----------
    figure
        The figure, or an axis of it.
    alt
        What it shows, for those who do not see it.
    caption
        Below it.
    dense
        Made of many points: as PNG. Others as SVG, unless that turns out to be large.
    """
    whole: Figure = figure if hasattr(figure, "get_figwidth") else figure_of(figure)  # type: ignore[assignment]  # an axis has no width of its own
    kind, data = "svg+xml", b"" if dense else picture_bytes(whole, ".svg")
    if dense or len(data) > _MOST:
        kind, data = "png", picture_bytes(whole, ".png", dpi=_DPI)
    uri = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
    width, height = (round(_CSS_DPI * one) for one in (whole.get_figwidth(), whole.get_figheight()))
    return Picture(uri, width, height, alt, caption)
