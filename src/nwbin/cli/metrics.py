"""``nwbin metrics``: what units are like, in numbers, of one session or of a folder of them, to a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nwbin._wording import counted
from nwbin.cli._choosing import PresentationOptions, UnitOptions, selection_of
from nwbin.cli._console import put
from nwbin.cli._counting import FolderOptions
from nwbin.cli._csv import CsvAsIsOption, print_csv, refuse_as_is
from nwbin.cli._expand import expanded
from nwbin.cli._files import FileOrFolderArgument, is_folder
from nwbin.cli._json import JsonOption, put_json, refuse_json, say_written
from nwbin.cli._parse import names_of
from nwbin.errors import ArgumentError
from nwbin.storage.addresses import shown_path

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.dataset.unit_metrics import UnitMetrics

__all__ = ["MetricOptions", "metrics"]

_WHICH = "Which metrics"

OutOption = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="OUT", show_default=False,
        help="Ends in .parquet, .csv, .json or .mat; a row a unit. Of one file also - for CSV on standard output; or "
        "--json alone.",
    ),
]  # fmt: skip


@dataclass(frozen=True)
class MetricOptions:
    """Which metrics, by whose definitions."""

    quality: Annotated[
        bool,
        typer.Option("--quality", rich_help_panel=_WHICH, help="Only those of the quality of units."),
    ] = False
    stimulus: Annotated[
        bool,
        typer.Option("--stimulus", rich_help_panel=_WHICH, help="Only those of responses to stimuli."),
    ] = False
    stimuli: Annotated[
        str | None,
        typer.Option(
            "--stimuli", metavar="A,B", rich_help_panel=_WHICH, show_default=False,
            help="Only those of responses to these stimuli: drifting_gratings,flashes, or dg,fl; of quality too with "
            "--quality. Default: the published table's.",
        ),
    ] = None  # fmt: skip
    convention: Annotated[
        str | None,
        typer.Option(
            "--convention", metavar="NAME", rich_help_panel=_WHICH, show_default=False,
            help="Of responses: corrected (the default), or allen, AllenSDK's faults included. Of quality: allen (the "
            "default) or spikeinterface.",
        ),
    ] = None  # fmt: skip
    seed: Annotated[
        int,
        typer.Option(
            "--seed", min=0, rich_help_panel=_WHICH, help="Of what is drawn at random (p_value_rf)."
        ),
    ] = 0

    @property
    def _responses(self) -> bool:
        """Whether those of responses are asked for by name: whoever names stimuli does so."""
        return self.stimulus or self.stimuli is not None

    def work(self, units: UnitOptions) -> UnitMetrics:
        """What is to be done with each session."""
        from nwbin.dataset.unit_metrics import UnitMetrics
        from nwbin.metrics.stimulus import checked_stimuli

        both = self.quality == self._responses
        of_quality, of_responses = self._conventions()
        quality = of_quality if both or self.quality else None
        stimulus = of_responses if both or self._responses else None
        stimuli = None
        if self.stimuli is not None:
            stimuli = tuple(checked_stimuli(names_of(self.stimuli, "--stimuli"), of_responses))
        return UnitMetrics(selection_of(PresentationOptions(), units), quality, stimulus, stimuli, self.seed)

    def _conventions(self) -> tuple[Any, Any]:
        """Of quality, and of responses: one name may be of either, or of both."""
        from nwbin._atomic import one_of
        from nwbin.metrics.common import CONVENTIONS as OF_RESPONSES
        from nwbin.metrics.quality import CONVENTIONS as OF_QUALITY

        if self.convention is None:
            return "allen", "corrected"
        name = one_of("--convention", self.convention, dict.fromkeys([*OF_RESPONSES, *OF_QUALITY]))
        for only, known in ((self.quality, OF_QUALITY), (self._responses, OF_RESPONSES)):
            if only and self.quality != self._responses and name not in known:
                raise ArgumentError(f"--convention {name} is not one of these metrics: {', '.join(known)}")
        return (name if name in OF_QUALITY else "allen"), (name if name in OF_RESPONSES else "corrected")


@dataclass(frozen=True)
class ComparisonOptions:
    """Compared with what."""

    against: Annotated[
        Path | None,
        typer.Option(
            "--against", metavar="TABLE", rich_help_panel="Comparing", show_default=False,
            help="A published table of metrics (.csv, .parquet, .json; column ecephys_unit_id): show of each column in "
            "how many units it agrees.",
        ),
    ] = None  # fmt: skip
    tolerance: Annotated[
        float,
        typer.Option(
            "--tolerance", metavar="SHARE", min=0.0, rich_help_panel="Comparing",
            help="How far apart values may be to count as close, as a share of the published one.",
        ),
    ] = 1e-6  # fmt: skip


@expanded
def metrics(
    *,
    file: FileOrFolderArgument,
    out: OutOption = None,
    asked: MetricOptions,
    units: UnitOptions,
    comparison: ComparisonOptions,
    csv_as_is: CsvAsIsOption = False,
    threads: Annotated[
        int | None,
        typer.Option("--threads", metavar="N", min=1, show_default=False, help="Default: one for each core."),
    ] = None,
    as_json: JsonOption = False,
    folder: FolderOptions,
) -> None:
    """Work out metrics of units, of their quality and of their responses to stimuli, and write them to a file.

    One row a unit, with its session; what the columns mean, `nwbin units
    --describe` says. All are worked out anew: those of quality may differ from
    what the file stores under the same names, which `nwbin units` shows (of
    synthetic sessions some are drawn at random). Of a folder, each session's
    part is kept in OUT.sessions until all are done, so that the same command
    goes on where it was stopped. The file appears whole or not at all; one
    there is replaced.

    \b
    Examples:
      nwbin metrics session.nwb -o metrics.csv
      nwbin metrics session.nwb --stimuli drifting_gratings,flashes \\
          --units "firing_rate > 1" -o tuning.parquet
      nwbin metrics ecephys_cache_dir --quality --structures VISp -o quality.csv
    """
    from nwbin.cli._against import comparison_as_plain, published_table, show_comparison

    printed = _check_target(out, csv_as_is, as_json=as_json, compared=comparison.against is not None)
    work = asked.work(units)
    published = None if comparison.against is None else published_table(comparison.against)
    replaced, numbers, failed = out is not None and out.exists(), dict[str, Any](), None
    if is_folder(file):
        from nwbin.cli._metrics_folder import metrics_of_folder

        if printed or out is None:
            raise ArgumentError(
                f"{shown_path(file)}: metrics of a folder need a file, beside which finished sessions are kept: "
                "-o metrics.csv"
            )
        table, numbers["sessions"], failed = metrics_of_folder(
            file, out, work, units, folder, threads, csv_as_is=csv_as_is, quiet=as_json
        )
        said = counted(len(table), "unit")
    else:
        folder.refuse_for_file(file)
        table, said = _of_file(file, None if printed else out, work, units, threads, csv_as_is=csv_as_is)
    size = f"{counted(len(table.columns) - 1, 'metric')} of {said}"
    if published is not None and as_json:
        numbers["against"] = comparison_as_plain(table, published, comparison.tolerance)
    if printed or out is None:
        _print(table, numbers, as_json=as_json, csv_as_is=csv_as_is)
        return
    columns = [str(name) for name in table.columns[1:]]
    say_written(out, size, replaced=replaced, as_json=as_json, units=len(table), metrics=columns, **numbers)
    if published is not None and comparison.against is not None and not as_json:
        show_comparison(table, published, comparison.against, comparison.tolerance)
    if failed is not None:
        raise failed


def _check_target(out: Path | None, csv_as_is: bool, *, as_json: bool, compared: bool) -> bool:
    """Raise where the file could not be written in the end; whether the table is printed in its place."""
    from nwbin._atomic import check_target
    from nwbin._optional import need
    from nwbin.export import TABLE_ENDINGS

    refuse_json(as_json, out)
    refuse_as_is(csv_as_is, out)
    if out is None and not as_json:
        raise ArgumentError(
            "where to? Give -o metrics.csv (or .parquet, .json, .mat), -o - for CSV on standard output, or --json"
        )
    if out is None or str(out) == "-":
        if compared and not as_json:
            raise ArgumentError("--against and -o - both write to standard output: give -o a file")
        return True
    if check_target(out, TABLE_ENDINGS)[1] == ".parquet":
        need("pyarrow", "parquet", f"{out}: a .parquet file")
    return False


def _print(table: pd.DataFrame, numbers: dict[str, Any], *, as_json: bool, csv_as_is: bool) -> None:
    """Print the table: as JSON a list of units, or an object with that and the comparison."""
    from nwbin.export.table_files import to_json

    if not as_json:
        print_csv(table, as_is=csv_as_is)
    elif numbers:
        put_json({"units": json.loads(to_json(table)), **numbers})
    else:
        put(to_json(table))


def _of_file(
    file: Path,
    out: Path | None,
    work: UnitMetrics,
    units: UnitOptions,
    threads: int | None,
    *,
    csv_as_is: bool,
) -> tuple[pd.DataFrame, str]:
    """The table of one session, written if there is a file to write to; and of how many units, in words."""
    import nwbin
    from nwbin._threads import share
    from nwbin.cli._console import progress
    from nwbin.cli._provenance import provenance, provenance_of_units
    from nwbin.cli._totals import units_of_how_many
    from nwbin.export import write_table
    from nwbin.session.selectable import SelectableSession

    with share(threads), nwbin.open(file, **units.filters()) as session:
        chosen = work.units_of(session, partly=False)
        with progress("metrics") as report:
            table = work.of_units(session, chosen.index, threads, report)
        table.insert(0, "session_id", session.ecephys_session_id)
        if out is not None:
            how = provenance(
                session.file, **provenance_of_units(SelectableSession(session), units), **asked_of(work)
            )
            write_table(table, out, provenance=how, csv_as_is=csv_as_is)
        return table, units_of_how_many(session, len(table))


def asked_of(work: UnitMetrics) -> dict[str, Any]:
    """What was asked for besides units, for the file to say."""
    return {
        "quality_convention": work.quality, "stimulus_convention": work.stimulus,
        "stimuli": None if work.stimuli is None else list(work.stimuli),
        "seed": None if work.stimulus is None else work.seed,
    }  # fmt: skip
