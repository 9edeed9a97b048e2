"""Which bins, how to write, and how many sessions: the options of ``nwbin count``, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nwbin.cli._csv import CsvAsIsOption, refuse_as_is
from nwbin.cli._parse import numbers_of, window_of
from nwbin.errors import ArgumentError, ArgumentTypeError
from nwbin.storage.addresses import shown_path

if TYPE_CHECKING:
    import numpy as np

    from nwbin.binning import Closed

__all__ = ["BinOptions", "FolderOptions", "OutOption", "WritingOptions", "refuse_standard_output"]

_BINS, _OUT, _MANY = "Which bins", "How to write", "Many sessions"

OutOption = Annotated[
    Path,
    typer.Option(
        "-o", "--output", metavar="OUT", show_default=False,
        help="Ends in .npz, .nc, .mat, .csv or .parquet; .zarr for a folder of sessions.",
    ),
]  # fmt: skip


@dataclass(frozen=True)
class BinOptions:
    """Which bins."""

    edges: Annotated[
        str | None,
        typer.Option(
            "--edges", metavar="A,B,...", rich_help_panel=_BINS, show_default=False, help="Edges, s from onset."
        ),
    ] = None  # fmt: skip
    window: Annotated[
        str | None,
        typer.Option(
            "--window", metavar="FROM,TO", rich_help_panel=_BINS, show_default=False,
            help="One bin, s from onset; with --bin, as many as fit exactly.",
        ),
    ] = None  # fmt: skip
    bin_width: Annotated[
        float | None,
        typer.Option(
            "--bin", metavar="WIDTH", rich_help_panel=_BINS, show_default=False,
            help="Width of a bin, s. With --intervals and no window, bins tile each interval from its start.",
        ),
    ] = None  # fmt: skip
    closed: Annotated[
        str | None,
        typer.Option(
            "--closed", metavar="left|right|both", rich_help_panel=_BINS, show_default=False,
            help="Which ends belong to a bin. Default: both around onsets, as in AllenSDK (a spike on an inner edge"
            " counts twice); left where bins tile intervals (every spike counts once).",
        ),
    ] = None  # fmt: skip
    binarize: Annotated[
        bool, typer.Option("--binarize", rich_help_panel=_BINS, help="1 where there is any spike.")
    ] = False

    def around(self, *, onsets: bool) -> np.ndarray[Any, Any] | None:
        """The edges that are asked for, s from onset; None where bins are to tile each interval."""
        from nwbin.binning import bin_edges

        if self.edges is not None:
            if self.bin_width is not None or self.window is not None:
                raise ArgumentError("give --edges, or --bin and --window, not both")
            return bin_edges(numbers_of(self.edges, "--edges"))
        if self.window is not None:
            return bin_edges(None, window_of(self.window), self.bin_width)
        if self.bin_width is None:
            raise ArgumentError(
                "say which bins: --edges 0,0.05,0.1, or --window 0,0.25, or --bin 0.05 --window 0,0.5"
            )
        if onsets:
            raise ArgumentError(
                f"--bin {self.bin_width:g} needs a window around the onset of each presentation, such as --window 0,0.5"
            )
        return None

    def rule(self, *, tiled: bool) -> Closed:
        """Which ends belong to a bin."""
        from nwbin._atomic import one_of
        from nwbin.allen.responses import CLOSED_BINS
        from nwbin.binning import CLOSED_RULES

        return one_of("--closed", self.closed or ("left" if tiled else CLOSED_BINS), CLOSED_RULES)

    def provenance(self, edges: np.ndarray[Any, Any] | None, rule: Closed) -> dict[str, Any]:
        """What was asked for."""
        return {
            "closed": rule, "binarize": self.binarize or None,
            "bin_width": self.bin_width if edges is None else None,
            "edges": edges.tolist() if edges is not None and edges.size <= 64 else None,
            "window": self.window, "bin": self.bin_width,
        }  # fmt: skip


@dataclass(frozen=True)
class WritingOptions:
    """How to write."""

    dtype: Annotated[
        str | None,
        typer.Option(
            "--dtype", metavar="TYPE", rich_help_panel=_OUT, show_default=False,
            help="Of the counts. Default: uint16; uint8 if binarized.",
        ),
    ] = None  # fmt: skip
    layout: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="matrix|long", rich_help_panel=_OUT, show_default=False,
            help="Of tables: a column for each unit (matrix, the default), or a row for each count (long).",
        ),
    ] = None  # fmt: skip
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels", metavar="A,B", rich_help_panel=_OUT, show_default=False,
            help="Columns of the presentations to keep as labels (default: all; none).",
        ),
    ] = None  # fmt: skip
    compress: Annotated[
        bool, typer.Option("--compress", rich_help_panel=_OUT, help="Compress an .npz: smaller and slower.")
    ] = False
    csv_as_is: CsvAsIsOption = False
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads", metavar="N", min=1, rich_help_panel=_OUT, show_default=False,
            help="Default: one for each core.",
        ),
    ] = None  # fmt: skip

    def refuse_for_folder(self, folder: Path) -> None:
        """Raise if anything is given that is for a single file."""
        given = {"--format": self.layout, "--labels": self.labels, "--compress": self.compress or None,
                 "--csv-as-is": self.csv_as_is or None}  # fmt: skip
        _refuse(given, f"is for a single file, and {folder} is a folder")

    def check_for(self, out: Path) -> None:
        """Raise where a single file cannot be written so."""
        from nwbin._atomic import check_target, one_of
        from nwbin.export import COUNT_ENDINGS

        ending = out.suffix.lower()
        if ending == ".zarr":
            raise ArgumentError(
                f"{out}: a Zarr store is for a folder of sessions; of a single file give a name in "
                f"{', '.join(COUNT_ENDINGS)}"
            )
        check_target(out, COUNT_ENDINGS)
        refuse_as_is(self.csv_as_is, out)
        if self.compress and ending != ".npz":
            raise ArgumentError(f"--compress is for .npz; {ending} is compressed by itself, or is text")
        if self.layout is not None:
            one_of("--format", self.layout, ("matrix", "long"))

    def label_names(self) -> list[str] | None:
        """The columns to keep as labels; None for all."""
        if self.labels is None:
            return None
        return [one.strip() for one in self.labels.split(",") if one.strip() and one.strip() != "none"]

    def count_type(self) -> np.dtype[Any] | None:
        """The type of the counts."""
        import numpy as np

        if self.dtype is None:
            return None
        try:
            dtype = np.dtype(self.dtype)
        except TypeError:
            dtype = np.dtype(object)
        if dtype.kind not in "iufb":
            raise ArgumentTypeError(
                f"--dtype {self.dtype!r} is no kind of number; try uint8, uint16, uint32, float32 or bool"
            )
        return dtype


@dataclass(frozen=True)
class FolderOptions:
    """Many sessions."""

    sessions: Annotated[
        str | None,
        typer.Option(
            "--sessions", metavar="CONDITION", rich_help_panel=_MANY, show_default=False,
            help="Of a folder: only sessions that meet a condition (\"session_type == 'functional_connectivity'\"), "
            "or ids with a comma between.",
        ),
    ] = None  # fmt: skip
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", metavar="N", min=1, rich_help_panel=_MANY, show_default=False,
            help="Processes on this machine. Default: one for each core.",
        ),
    ] = None  # fmt: skip
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler", metavar="ADDRESS", rich_help_panel=_MANY, show_default=False,
            help="Work on a Dask cluster: tcp://host:port, or a scheduler file.",
        ),
    ] = None  # fmt: skip
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", rich_help_panel=_MANY, help="Of a folder: count every session again, whatever is there."
        ),
    ] = False  # fmt: skip

    def refuse_for_file(self, file: Path) -> None:
        """Raise if anything is given that is for a folder of sessions."""
        given = {"--sessions": self.sessions, "--workers": self.workers, "--scheduler": self.scheduler,
                 "--overwrite": self.overwrite or None}  # fmt: skip
        _refuse(given, f"is for a folder of sessions, and {shown_path(file)} is not one")

    def session_ids(self) -> list[int] | str | None:
        """The ids of the sessions that are asked for, or a condition; None for all."""
        if self.sessions is None or not all(one.strip().isdecimal() for one in self.sessions.split(",")):
            return self.sessions
        return [int(one) for one in self.sessions.split(",")]


def refuse_standard_output(out: Path) -> None:
    """Raise where counts are to be printed: other commands print what they make as CSV."""
    if str(out) == "-":
        raise ArgumentError(
            "-o -: counts go to a file, whole or not at all: -o counts.csv, and then what reads it; nwbin psth and "
            "nwbin metrics print theirs"
        )


def _refuse(given: dict[str, Any], why: str) -> None:
    """Raise if any of these options was given: passed over, it would not do what one thinks it did."""
    for option, value in given.items():
        if value is not None:
            raise ArgumentError(f"{option} {why}")
