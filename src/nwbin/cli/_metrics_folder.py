"""``nwbin metrics FOLDER``: the same over all sessions of a data set, into one table."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nwbin._wording import counted
from nwbin.cli._choosing import UnitOptions
from nwbin.cli._counting import FolderOptions
from nwbin.cli._folder import (
    _client,
    _noting_what_is_there,
    failure_of,
    in_words,
    print_passed_over,
    statuses_of,
)
from nwbin.cli._parse import ids_of
from nwbin.errors import ArgumentError, LookupFailure, NwbinError, NwbinWarning

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.dataset import Dataset, Results
    from nwbin.dataset.unit_metrics import UnitMetrics

__all__ = ["metrics_of_folder"]

_STATUSES = {"done": "done", "kept": "there already", "nothing": "without any of it", "failed": "failed"}


def metrics_of_folder(
    folder: Path | str,
    out: Path,
    work: UnitMetrics,
    units: UnitOptions,
    many: FolderOptions,
    threads: int | None,
    *,
    csv_as_is: bool,
    quiet: bool = False,
) -> tuple[pd.DataFrame, dict[str, Any], NwbinError | None]:
    """Work out metrics of all sessions, and write them as one table.

    Returns the table, what became of each session, and what is to be raised in the end: that some sessions failed.
    """
    from nwbin.dataset import Dataset
    from nwbin.dataset.unit_metrics import clear
    from nwbin.export import write_table

    data, parts = Dataset(folder), out.with_name(f"{out.name}.sessions")
    if not data.session_ids:
        raise ArgumentError(f"{folder}: holds no NWB files with units")
    with _client(many.scheduler) as client, _noting_what_is_there(parts):
        results = data.unit_metrics(
            work, parts, sessions=many.session_ids(), client=client, workers=many.workers, threads=threads,
            overwrite=many.overwrite, **units.filters(),
        )  # fmt: skip
    if not len(results):
        clear(results)
    _check_some(folder, results, many, data, work, units)
    if not quiet:
        _say(folder, results)
    if not len(results):
        raise failure_of(results)
    table = results.table()
    how = _provenance(folder, results, units, work)
    write_table(table, out, provenance=how, csv_as_is=csv_as_is)
    became = statuses_of(results)
    if not results.failed:
        clear(results)
        return table, became, None
    return table, became, failure_of(results)


def _check_some(
    folder: Path | str,
    results: Results,
    many: FolderOptions,
    data: Dataset,
    work: UnitMetrics,
    units: UnitOptions,
) -> None:
    """Say what is odd about the sessions; raise where there is nothing in any of them."""
    from nwbin.dataset.explain import reasons_together, units_in_no_session, warn_of_all

    number = len(results.report)
    if not number:
        of_all = counted(len(data.session_ids), "session")
        raise LookupFailure(f"{folder}: none of its {of_all} meets {many.sessions!r}")
    ids = ids_of(units.units)
    lost = (
        [] if ids is None or results.failed else units_in_no_session(data, results, ids, work.selection.hints)
    )
    if len(results.passed_over) == number:
        where = "its one session" if number == 1 else f"any of its {number:,} sessions"
        why = reasons_together(results.passed_over, number)
        raise LookupFailure("; ".join([f"{folder}: no metrics of {where}: {why}", *lost]))
    for one in lost:
        warnings.warn(one, NwbinWarning, stacklevel=2)
    warn_of_all(results)


def _say(folder: Path | str, results: Results) -> None:
    """Say what became of the sessions."""
    from nwbin.cli._console import output

    number = counted(len(results.report), "session")
    output().print(f"{folder}: {number}: {in_words(results, _STATUSES)}", soft_wrap=True)
    print_passed_over(results)


def _filters_applied(results: Results) -> Any:
    """The unit filters that were applied, as other outputs name them; by session where they differ.

    Which they are hangs on the columns that a file has.
    """
    found = {str(key): results[key].attrs["unit_filters"] for key in results}
    distinct = list(found.values())
    return distinct[0] if all(one == distinct[0] for one in distinct) else found


def _provenance(
    folder: Path | str, results: Results, units: UnitOptions, work: UnitMetrics
) -> dict[str, Any]:
    """Name the program, the folder, the sessions and what was asked for."""
    from nwbin import __version__
    from nwbin.cli.metrics import asked_of

    asked = {
        **asked_of(work),
        "unit_filters": _filters_applied(results),
        "units": units.units,
        "structures": units.structures,
    }
    return {
        "made_by": f"nwbin {__version__}",
        "source_folder": Path(folder).name,
        "session_ids": [str(one) for one in results],
        **{name: value for name, value in asked.items() if value is not None},
    }
