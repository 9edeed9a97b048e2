"""What commands that draw have in common: where the picture goes, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nwbin.cli._json import say_written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from nwbin.cli._choosing import PresentationOptions

__all__ = ["MaxPanelsOption", "PictureOption", "WindowOption", "picture_to", "write_picture"]

PictureOption = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="PICTURE", show_default=False,
        help="Ends in .png, .svg or .pdf. Default: named after the command and the stimulus, .png.",
    ),
]  # fmt: skip
MaxPanelsOption = Annotated[
    int,
    typer.Option(
        "--max-panels", metavar="N", min=1, help="Of many units at most so many, those that stand out most."
    ),
]
WindowOption = Annotated[
    str | None,
    typer.Option(
        "--window",
        metavar="FROM,TO",
        show_default=False,
        help="Seconds from onset. Default: the presentation.",
    ),
]


def named_after(command: str, asked: PresentationOptions | None) -> Path:
    """The file that a command writes where none is named."""
    from nwbin._names import safe_name

    if asked is None:
        return Path(f"{command}.png")
    what = "-".join([*(asked.stimulus or []), *([asked.intervals] if asked.intervals else [])])
    return Path(f"{command}-{safe_name(what or 'none')}.png")


def picture_to(
    out: Path | None, command: str, asked: PresentationOptions | None = None, *, numbers: str = ""
) -> Path:
    """Where a picture goes: what would be missing at the end is said before any work.

    `numbers` says how to get the numbers that are drawn, to whoever asks for a table of them.
    """
    from nwbin._atomic import check_target
    from nwbin._optional import need
    from nwbin.errors import ArgumentError
    from nwbin.export import TABLE_ENDINGS
    from nwbin.plot import PICTURE_ENDINGS

    target = out or named_after(command, asked)
    if numbers and target.suffix.lower() in TABLE_ENDINGS:
        raise ArgumentError(
            f"{target}: nwbin {command} draws pictures ({', '.join(PICTURE_ENDINGS)}); for the numbers: {numbers}"
        )
    check_target(target, PICTURE_ENDINGS)
    need("matplotlib", "plot", f"{target}: a picture")
    return target


def write_picture(picture: Figure | Axes, out: Path, said: str, *, as_json: bool, **numbers: Any) -> None:
    """Save a picture, and say what it shows."""
    from nwbin.plot import save_picture

    replaced = out.exists()
    save_picture(picture, out)
    say_written(out, said, replaced=replaced, as_json=as_json, **numbers)
