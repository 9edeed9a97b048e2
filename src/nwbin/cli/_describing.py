"""``nwbin units --describe``: what columns mean, one in full or many in a line or two each."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from nwbin._wording import first_of
from nwbin.cli._console import put
from nwbin.cli._json import put_json
from nwbin.errors import LookupFailure, nearest, warn

if TYPE_CHECKING:
    from nwbin.metrics import Metric

__all__ = ["describe_all", "describe_columns", "describe_file"]

_WIDTH = 88


def describe_columns(names: list[str], *, as_json: bool = False) -> None:
    """Say all that the catalogue has of some columns."""
    from nwbin.metrics import describe
    from nwbin.metrics.catalogue import entry_named

    if as_json:
        _list([entry_named(name) for name in names], as_json=True)
        return
    for number, name in enumerate(names):
        if number:
            put("")
        describe(name)


def describe_all(*, as_json: bool = False) -> None:
    """Say of every column of the catalogue what it means."""
    from nwbin.metrics.catalogue import all_entries

    _list(all_entries(), as_json=as_json)


def describe_file(file: Path, names: list[str], *, as_json: bool = False) -> None:
    """Say what the columns of a file's units mean, or some of them."""
    import nwbin
    from nwbin.metrics.catalogue import entries_of, meaning_of

    with nwbin.open(
        file, filter_by_metrics=False, filter_by_validity=False, filter_out_of_brain_units=False
    ) as session:
        known = [str(name) for name in (session.units.index.name, *session.units.columns)]
        of_file = session.file.name
    if names:
        own = {entry.name for one in known if (entry := meaning_of(one)) is not None}
        for name in names:
            entry = meaning_of(name)
            if entry is None:
                raise LookupFailure(
                    f"the catalogue has no metric or column {name!r}; {nearest(name, known)} (in {of_file})"
                )
            if entry.name not in own:
                warn(f"{of_file}: its units have no column {name!r}")
        describe_columns(names, as_json=as_json)
        return
    found, unknown = entries_of(known)
    _list(found, as_json=as_json)
    if unknown:
        warn(f"{of_file}: of these columns the catalogue knows nothing: {first_of(unknown)}")


def _list(entries: Iterable[Metric], *, as_json: bool) -> None:
    if as_json:
        put_json([one.to_dict() for one in entries])
        return
    for group, members in groupby(entries, key=lambda one: one.group):
        put(f"{group[:1].upper()}{group[1:]}")
        for one in members:
            said = "; ".join(
                part
                for part in (
                    one.measure,
                    f"{one.better} is better" if one.better else "",
                    f"default filter {one.threshold}" if one.threshold else "",
                )
                if part
            )
            begin = f"  {one.name}{f' ({said})' if said else ''}: "
            put(fill(begin + one.meaning, _WIDTH, subsequent_indent="      "))
        put("")
    put("All that is known of one: nwbin units --describe NAME")
