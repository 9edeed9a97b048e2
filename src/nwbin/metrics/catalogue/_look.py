"""Looking things up in the catalogue: one entry, the whole as a table, or as text for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from nwbin.errors import ArgumentTypeError, LookupFailure, nearest
from nwbin.metrics.catalogue._entry import Metric
from nwbin.metrics.catalogue._quality import QUALITY, WAVEFORM
from nwbin.metrics.catalogue._sorting import DRIFT, ISOLATION
from nwbin.metrics.catalogue._stimulus import STIMULUS_METRICS
from nwbin.metrics.catalogue._unit_columns import PLACE, UNIT

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["all_entries", "catalogue", "describe", "entries_of", "entry_named", "glossary", "meaning_of"]

ENTRIES: dict[str, Metric] = {
    one.name: one for one in (*QUALITY, *WAVEFORM, *ISOLATION, *DRIFT, *STIMULUS_METRICS, *UNIT, *PLACE)
}
_OTHER_NAMES = {other: one for one in ENTRIES.values() for other in one.also}


def all_entries() -> list[Metric]:
    """Every entry, in the catalogue's order."""
    return list(ENTRIES.values())


def meaning_of(name: str) -> Metric | None:
    """What a column means, by its name or another that it goes by; None for one that is not in the catalogue."""
    return ENTRIES.get(name) or _OTHER_NAMES.get(name)


def entries_of(names: Iterable[str]) -> tuple[list[Metric], list[str]]:
    """The entries of some columns in the catalogue's order, each once; and the names of those that it lacks."""
    wanted, unknown = set(), []
    for name in names:
        one = meaning_of(name)
        if one is None:
            unknown.append(name)
        else:
            wanted.add(one.name)
    return [one for name, one in ENTRIES.items() if name in wanted], unknown


def describe(name: str) -> Metric:
    """Print what a metric, or another column of `units`, means; and return it.

    Parameters
    ----------
    name
        As in :attr:`nwbin.Session.units`, in a file, or in the published tables of metrics: "isi_violations".

    Returns
    -------
    Metric
        With the fields `name`, `group`, `meaning`, `measure` (unit of measure), `bounds` (range), `better`,
        `formula`, `source`, `origin`, `threshold`, `stimulus`, `note` and `also` (other names), all text.

    Raises
    ------
    LookupFailure
        There is none of this name; the message has the nearest (also a ``KeyError``).

    Examples
    --------
    >>> found = describe("presence_ratio")
    >>> found.threshold
    'at least 0.95'
    """
    found = entry_named(name)
    sys.stdout.write(f"{found}\n")
    return found


def entry_named(name: str) -> Metric:
    """Return what :func:`describe` prints."""
    if not isinstance(name, str):
        raise ArgumentTypeError(f"name must be text, such as 'isi_violations', not {type(name).__name__}")
    found = meaning_of(name)
    if found is None:
        known = [*ENTRIES, *_OTHER_NAMES]
        folded = next((one for one in known if one.casefold() == name.casefold()), None)
        hint = f"did you mean {folded!r}?" if folded else nearest(name, known)
        raise LookupFailure(f"the catalogue has no metric or column {name!r}; {hint}")
    return found


def catalogue() -> pd.DataFrame:
    """Return the whole catalogue as a table.

    Returns
    -------
    pandas.DataFrame
        Index `name`; the fields of :func:`describe` as columns, text.

    Examples
    --------
    >>> table = catalogue()
    >>> table.loc["isi_violations", "threshold"]
    'at most 0.5'
    """
    import pandas as pd

    return pd.DataFrame([one.to_dict() for one in ENTRIES.values()]).set_index("name")


def glossary(entries: Iterable[Metric] | None = None) -> str:
    """Return the catalogue as Markdown, a table for each group: for a README or a page.

    Parameters
    ----------
    entries
        Only these, in this order; by default all.

    Examples
    --------
    >>> print(glossary([meaning_of("presence_ratio")]))
    **Quality**
    ...
    """
    return "\n".join(_markdown(ENTRIES.values() if entries is None else entries))


def _markdown(entries: Iterable[Metric]) -> Iterator[str]:
    for group, members in groupby(entries, key=lambda one: one.group):
        yield from (f"**{group[:1].upper()}{group[1:]}**", "")
        yield "| column | what it says | unit | range | better | default filter | formula and source |"
        yield "|---|---|---|---|---|---|---|"
        for one in members:
            names = ", ".join(f"`{name}`" for name in (one.name, *one.also))
            said = f"{one.meaning} {one.note}".strip()
            formula = "; ".join(part for part in (one.formula, one.source) if part)
            cells = (names, said, one.measure, one.bounds, one.better, one.threshold, formula)
            # A bar in a formula would end the cell.
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
        yield ""
