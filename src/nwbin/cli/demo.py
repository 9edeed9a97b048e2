"""``nwbin demo``: the usual first tutorial on this data, from a file to decoded orientations."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nwbin.cli._files import given
from nwbin.cli._json import JsonOption, put_json
from nwbin.cli._parse import window_of
from nwbin.errors import ArgumentError, LookupFailure, nearest, warn
from nwbin.storage.addresses import shown_path

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.responses.decode import Decoding
    from nwbin.session import Session

__all__ = ["demo"]

_GRATINGS = ("static_gratings", "drifting_gratings")


class Clock:
    """How long each step took."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, float]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.steps.append((name, time.perf_counter() - begun))


def _write_synthetic(path: Path) -> Path:
    from nwbin.cli._console import progress
    from nwbin.testing import write_session

    with progress("writing a synthetic session") as report:
        # Enough units in V1 to decode well, few enough elsewhere to be quick.
        return write_session(path, size="small", units_per_probe=[20, 20, 160, 20, 20, 20], progress=report)


def _choose_units(session: Session, structure: str, least_rate: float) -> tuple[pd.DataFrame, str]:
    """The units of a structure that fire enough; of a file that does not say, what there is."""
    from nwbin.responses.hints import Hints
    from nwbin.responses.selection import Selection

    units, conditions, condition = session.select().source.units, [], None
    placed = "structure_acronym" in units.columns and units["structure_acronym"].notna().any()
    if placed:
        conditions.append(f"in {structure}")
    else:
        warn(f"{session.file.name} does not say which area units are in: all are taken")
    if "firing_rate" in units.columns:
        condition = f"firing_rate >= {least_rate!r}"
        conditions.append(f"firing at {least_rate:g} Hz or more")
    hints = Hints(every_unit="another --structure or --rate")
    chosen = Selection(structures=structure if placed else None, units=condition, hints=hints)
    return session.select(chosen).units, ", ".join(conditions) or "whatever their area"


def _choose_stimulus(session: Session, asked: str | None, label: str) -> tuple[str, pd.DataFrame]:
    names = session.stimulus_names
    if asked is not None and asked not in names:
        raise LookupFailure(f"{session.file.name}: has no stimulus {asked!r}; {nearest(asked, names)}")
    for name in [asked] if asked is not None else [*(n for n in _GRATINGS if n in names), *names]:
        table = session.select(name).presentations
        if label in table.columns and table[label].nunique() > 1:
            return str(name), table
    what = f"stimulus {asked!r}" if asked is not None else "stimulus"
    raise LookupFailure(
        f"{session.file.name}: no {what} has several values of {label!r}; choose with --stimulus and --label"
        f" (stimuli: {', '.join(names) or 'none'})"
    )


def demo(
    file: Annotated[
        Any,
        typer.Argument(
            metavar="FILE",
            help="An NWB file, or its address. Default: a synthetic session.",
            show_default=False,
            parser=given,
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="PICTURE", help="Where the picture goes (.png, .pdf, .svg)."),
    ] = Path("nwbin-demo.png"),
    stimulus: Annotated[
        str | None,
        typer.Option(
            "--stimulus", metavar="NAME", show_default=False, help="Default: static gratings, else drifting."
        ),
    ] = None,
    label: Annotated[str, typer.Option("--label", metavar="COLUMN", help="What to decode.")] = "orientation",
    window: Annotated[
        str | None,
        typer.Option(
            "--window",
            metavar="FROM,TO",
            show_default=False,
            help="Count spikes here, s from onset. Default: 0.01,0.25, or 0,0.1 for a file without areas.",
        ),
    ] = None,
    structure: Annotated[str, typer.Option("--structure", metavar="NAME", help="The units' area.")] = "VISp",
    rate: Annotated[
        float, typer.Option("--rate", metavar="HZ", help="The least firing rate of a unit.")
    ] = 0.5,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep", metavar="SESSION.nwb", show_default=False, help="Keep the synthetic session here."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Decode which grating was shown from the spikes of visual cortex: the tutorial, in one command.

    Without a file it writes a synthetic session first. Then: look at the
    session, choose units by area and firing rate, choose presentations, count
    spikes (X: trials by units) with labels y, tell the labels by linear
    discriminant analysis (eigen solver, shrinkage 0.2, 2 components, 5-fold
    cross-validation), and draw the trials.

    \b
    Examples:
      nwbin demo
      nwbin demo session_715093703.nwb --stimulus drifting_gratings -o x.png
    """  # fmt: skip
    from nwbin._atomic import check_target
    from nwbin._optional import need_all
    from nwbin.plot import PICTURE_ENDINGS

    # Before any work: what would be missing at the end.
    check_target(out, PICTURE_ENDINGS)
    need_all({"sklearn": "decode", "matplotlib": "plot"}, "nwbin demo")
    if file is not None and keep is not None:
        raise ArgumentError("--keep keeps the synthetic session, which is not written where a file is given")
    asked = None if window is None else window_of(window)
    clock = Clock()
    with ExitStack() as stack:
        if file is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nwbin-")))
            with clock.step("write a synthetic session"):
                file = _write_synthetic(keep or folder / "synthetic_session.nwb")
            kept = keep
        else:
            kept = file
        shown = _tutorial(file, out, stimulus, label, asked, structure, rate, clock, as_json)
        if not as_json:
            _show_next(kept, shown)


def _tutorial(
    file: Path | str, out: Path, stimulus: str | None, label: str, asked: tuple[float, float] | None, structure: str,
    rate: float, clock: Clock, as_json: bool,
) -> str:  # fmt: skip
    """Do it, and say what was found; the stimulus that was chosen."""
    import nwbin
    from nwbin.plot import plot_decoding, save_picture
    from nwbin.plot.answers import names_in
    from nwbin.plot.sessions import title_of
    from nwbin.responses.decode import decode

    rows: list[tuple[str, str]] = []

    with ExitStack() as stack:
        with clock.step("open the file, read its tables"):
            session = stack.enter_context(nwbin.open(file))
            total, passing = len(session.file.unit_ids), len(session.units)
            shown = len(session.stimulus_presentations)
        name = session.ecephys_session_id or session.file.identifier
        kind = f", {session.session_type}" if session.session_type else ""
        rows.append(("session", f"{name}{kind} ({Path(session.file.name).name})"))
        rows.append(
            ("holds", f"{total:,} units ({passing:,} pass the quality filters), {shown:,} presentations")
        )
        with clock.step("choose units and presentations"):
            units, how = _choose_units(session, structure, rate)
            chosen, table = _choose_stimulus(session, stimulus, label)
        areas = "structure_acronym" in units.columns
        window = asked or ((0.01, 0.25) if areas else (0.0, 0.1))
        rows.append(("units", f"{len(units):,} {how}"))
        rows.append(("stimulus", f"{chosen}, {len(table):,} presentations"))
        with clock.step("count spikes"):
            matrix = session.response_matrix(table.index, units.index, window=window, label=label)
        classes = ", ".join(
            f"{c:g}" if isinstance(c, float) else str(c) for c in matrix.classes.tolist()[:12]
        )
        rows.append(("X", f"{matrix.X.shape[0]:,} trials x {matrix.X.shape[1]:,} units, {matrix.X.sum():,.0f} spikes"
                          f" from {window[0]:g} to {window[1]:g} s after onset"))  # fmt: skip
        rows.append(("y", f"{label}: {classes}{' ...' if len(matrix.classes) > 12 else ''}"))
        with clock.step("decode (5-fold cross-validation)"):
            found = decode(matrix.X, matrix.y)
        rows += _accuracy(found)
        with clock.step("draw the picture"):
            title = title_of(session, f"{len(units):,} units {how}", chosen.replace("_", " "))
            names = names_in(table, label)
            save_picture(plot_decoding(found, matrix.y, label=label, title=title, names=names), out)
        rows.append(("picture", str(out)))
    if as_json:
        put_json({
            "output": str(out), "session": str(name), "units": units.index.tolist(), "stimulus": chosen,
            "label": label, "window": list(window), "classes": matrix.classes.tolist(), "trials": len(matrix.y),
            "accuracy": found.accuracy, "chance": found.chance, "folds": found.scores.tolist(),
            "seconds": dict(clock.steps),
        })  # fmt: skip
    else:
        _show(rows, clock)
    return chosen


def _accuracy(found: Decoding) -> list[tuple[str, str]]:
    """How well labels were told, and what that is compared with."""
    folds = len(found.scores)
    each = ", ".join(f"{one:.1%}" for one in found.scores)
    of_each = f"{1 / folds:.0%} of the trials of each class, in their order"
    return [
        ("accuracy", f"{found.accuracy:.1%} of trials told right, the mean of {folds} folds: {each}"),
        ("", f"(cross-validated: each fold, {of_each}, is told by what was learnt from the other folds)"),
        (
            "chance",
            f"{found.chance:.1%}, by always guessing the most frequent of {len(found.classes)} classes",
        ),
    ]


def _show(rows: list[tuple[str, str]], clock: Clock) -> None:
    """What was found, and how long each step took."""
    from nwbin.cli._console import grid, output, show

    console = output()
    show(console, grid("", rows))
    console.print()
    steps: list[tuple[str, Any]] = [*clock.steps, ("in all", sum(seconds for _, seconds in clock.steps))]
    width = max(len(step) for step, _ in steps)
    for step, seconds in steps:
        console.print(f"  {step:<{width}}  {seconds:7.2f} s")


def _show_next(file: Path | str | None, stimulus: str) -> None:
    """What to do next: with the session that was shown, if it is still there, or with one's own."""
    import shlex

    from nwbin.cli._console import put

    name = "session.nwb" if file is None else shlex.quote(shown_path(file))
    lines = [
        f"nwbin info {name}", f"nwbin report {name} -o report.html",
        f"nwbin psth {name} --stimulus {shlex.quote(stimulus)} -o psth.png",
    ]  # fmt: skip
    if file is None:
        lines.insert(
            0, "nwbin demo --keep session.nwb    # keeps the synthetic session; or take a file of your own:"
        )
    lines.append(
        f"nwbin demo {name} --structure NAME --window FROM,TO    # another area, another time; --label, --stimulus"
    )
    lines.append("nwbin download --list            # which recordings there are")
    put("\nnext:\n" + "\n".join(f"  {one}" for one in lines))
