"""Which presentations and which units: the options of every command that asks, and what they mean."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nwbin.cli._app import BOUND_GIVEN
from nwbin.cli._completing import interval_tables, stimulus_names, structures
from nwbin.cli._parse import ids_of, names_of
from nwbin.errors import ArgumentError, warn

if TYPE_CHECKING:
    from nwbin.responses.selection import Selection
    from nwbin.session import Session

__all__ = ["PresentationOptions", "UnitOptions", "WhereOption", "require_times", "selection_of"]

_UNITS = "Which units"

WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where", metavar="CONDITION", show_default=False,
        help="Only presentations or intervals that meet a condition, such as "
        "\"orientation != 'null' and contrast > 0.5\".",
    ),
]  # fmt: skip


@dataclass(frozen=True)
class PresentationOptions:
    """Which presentations, or rows of another table of intervals."""

    stimulus: Annotated[
        list[str] | None,
        typer.Option(
            "--stimulus", metavar="NAME", show_default=False, autocompletion=stimulus_names,
            help="A stimulus; may be given several times.",
        ),
    ] = None  # fmt: skip
    intervals: Annotated[
        str | None,
        typer.Option(
            "--intervals", metavar="TABLE", show_default=False, autocompletion=interval_tables,
            help="Instead of a stimulus, any table of intervals: trials, epochs.",
        ),
    ] = None  # fmt: skip
    where: WhereOption = None

    def provenance(self) -> dict[str, Any]:
        """What was asked for."""
        return {"stimulus": self.stimulus or None, "intervals": self.intervals, "where": self.where or None}

    def as_options(self) -> str:
        """What was asked for, as it stands on a command line."""
        named = [("--stimulus", one) for one in self.stimulus or []]
        named += [("--intervals", self.intervals or ""), ("--where", self.where or "")]
        return shlex.join(word for name, value in named if value for word in (name, value))


def _no_bound_with_all(ctx: typer.Context, param: typer.CallbackParam, value: float) -> float:
    """Refuse a bound beside --all, under which it would not be applied; 0, no bound, says the same."""
    source = ctx.get_parameter_source(str(param.name))
    given = source is not None and source.name == "COMMANDLINE"
    if given:
        ctx.meta[BOUND_GIVEN] = True
    if value and ctx.params.get("everything") and given:
        raise ArgumentError(f"{param.opts[0]} {value:g} is a quality filter, and --all is for none: give one")
    if given and value == 0 and "maximum" in str(param.name) and not ctx.params.get("everything"):
        column = str(param.name).removesuffix("_maximum")
        warn(
            f"{param.opts[0]} 0 sets no bound, as in AllenSDK; for units whose {column} is 0: --units '{column} == 0'"
        )
    return value


@dataclass(frozen=True)
class UnitOptions:
    """Which units: the filters before any condition are AllenSDK's."""

    units: Annotated[
        str | None,
        typer.Option(
            "--units", metavar="CONDITION|IDS", rich_help_panel=_UNITS, show_default=False,
            help="Only units that meet a condition, such as \"structure_acronym == 'VISp' and firing_rate > 1\"; "
            "or these, in this order: 950910007,950930110.",
        ),
    ] = None  # fmt: skip
    structures: Annotated[
        str | None,
        typer.Option(
            "--structures", metavar="A,B", rich_help_panel=_UNITS, show_default=False, autocompletion=structures,
            help="Only units in these brain structures, such as VISp,LGd.",
        ),
    ] = None  # fmt: skip
    everything: Annotated[
        bool,
        typer.Option(  # eager: known when the bounds are looked at
            "--all",
            rich_help_panel=_UNITS,
            is_eager=True,
            help='All units of the file: no bounds, also those not "good", on invalid channels, outside the brain.',
        ),
    ] = False
    amplitude_cutoff_maximum: Annotated[
        float,
        typer.Option(
            "--amplitude-cutoff-maximum", rich_help_panel=_UNITS, callback=_no_bound_with_all,
            help="Only units whose amplitude_cutoff is at most this; 0 for no bound.",
        ),
    ] = 0.1  # fmt: skip
    presence_ratio_minimum: Annotated[
        float,
        typer.Option(
            "--presence-ratio-minimum", rich_help_panel=_UNITS, callback=_no_bound_with_all,
            help="Only units whose presence_ratio is at least this; 0 for no bound.",
        ),
    ] = 0.95  # fmt: skip
    isi_violations_maximum: Annotated[
        float,
        typer.Option(
            "--isi-violations-maximum", rich_help_panel=_UNITS, callback=_no_bound_with_all,
            help="Only units whose isi_violations is at most this; 0 for no bound.",
        ),
    ] = 0.5  # fmt: skip

    def filters(self) -> dict[str, Any]:
        """The arguments of nwbin.open; with --all, units stay whose metrics are missing, too."""
        if self.everything:
            return {
                "filter_by_metrics": False,
                "filter_by_validity": False,
                "filter_out_of_brain_units": False,
            }
        return {
            "amplitude_cutoff_maximum": self.amplitude_cutoff_maximum,
            "presence_ratio_minimum": self.presence_ratio_minimum,
            "isi_violations_maximum": self.isi_violations_maximum,
        }


def selection_of(presentations: PresentationOptions, units: UnitOptions) -> Selection:
    """What is meant by these options."""
    from nwbin.responses.hints import Hints
    from nwbin.responses.selection import Selection

    as_options = Hints(
        every_unit="--all",
        unit_ids="for its ids: nwbin units FILE --all",
        stimulus="--stimulus {name}",
        several="{each}",
        bound="--{option} {value:g}",
        unbounded="--{option} 0",
        unfiltered=None,
        filter="--{option}",
        between=" ",
        instead=", or --all for no filters",
        of_units="--units",
        of_presentations="--where" if presentations.stimulus or presentations.intervals else "",
    )
    if presentations.stimulus and presentations.intervals is not None:
        raise ArgumentError("give --stimulus NAME, or --intervals TABLE for another table, not both")
    return Selection(
        presentations.stimulus or None,
        presentations.where,
        None if units.structures is None else names_of(units.structures, "--structures", "VISp,LGd"),
        ids_of(units.units) or units.units,
        intervals=presentations.intervals,
        hints=as_options,
    )


def require_times(session: Session, asked: PresentationOptions) -> None:
    """Raise where it is not said which times are meant, or said twice, and say which there are."""
    from nwbin._wording import first_of

    if bool(asked.stimulus) != bool(asked.intervals):
        return
    both = "either --stimulus or --intervals, not both" if asked.stimulus else "say which times"
    others = [name for name in session.file.intervals if not name.endswith("_presentations")]
    raise ArgumentError(
        f"{both}: --stimulus NAME ({first_of(session.stimulus_names)}), or --intervals TABLE for another table "
        f"({first_of(others)})"
    )
