"""Which files are meant by ids and addresses, and where each goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from nwbin._names import safe_name
from nwbin.allen.released_files import BUCKET, CACHE_FOLDER, ReleasedFile, released
from nwbin.errors import ArgumentError, ArgumentTypeError, LookupFailure, nearest
from nwbin.storage.addresses import is_address, shown
from nwbin.storage.remote import asset_address, is_asset

__all__ = ["SOURCES", "Source", "Wanted", "wanted_files"]

Source = Literal["s3", "dandi"]
SOURCES: tuple[Source, ...] = ("s3", "dandi")
_TABLES = (
    "sessions", "probes", "channels", "units", "brain_observatory_1.1_analysis_metrics",
    "functional_connectivity_analysis_metrics",
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """One file to be downloaded.

    Attributes
    ----------
    address, target
        From where, and to where.
    size, sha256
        What it must be, where that is known beforehand.
    is_table
        It is one of the small tables of the data set: one that is there already is left as it is, whatever is in it,
        and one that the server does not have is no failure.
    """

    address: str
    target: Path
    size: int | None = None
    sha256: str | None = None
    is_table: bool = False


def wanted_files(
    what: int | str | Iterable[int | str], folder: Path, *, lfp: bool, source: Source, tables: bool
) -> list[Wanted]:
    """Return the files that are meant; each once.

    Raises
    ------
    LookupFailure
        There is no session of such an id.
    ArgumentError
        Something is neither an id nor an address, or two addresses would get one name.
    """
    alone = isinstance(what, str) or hasattr(what, "__index__")
    asked: list[Any] = [what] if alone else list(what)  # type: ignore[arg-type] # numbers of NumPy are numbers
    sessions, others = _sorted_out(asked)
    found = [
        _released(one, folder, source)
        for session in dict.fromkeys(sessions)
        for one in released()
        if one.session_id == session and (lfp or one.probe_id is None)
    ]
    if sessions and tables and source == "s3":
        found = [*_tables(dict.fromkeys(sessions), folder), *found]
    found += [_elsewhere(one, folder) for one in dict.fromkeys(others)]
    by_target: dict[str, Wanted] = {}
    for wanted in found:
        other = by_target.setdefault(str(wanted.target), wanted)
        if other is not wanted:
            raise ArgumentError(
                f"{shown(other.address)} and {shown(wanted.address)} would both become {wanted.target}; download them "
                "one after the other, into folders of their own"
            )
    return found


def _sorted_out(asked: list[Any]) -> tuple[list[int], list[str]]:
    known = list(dict.fromkeys(one.session_id for one in released()))
    sessions: list[int] = []
    addresses: list[str] = []
    for one in asked:
        if isinstance(one, str) and is_address(one):
            addresses.append(one)
        elif one == "all":
            sessions += known
        elif isinstance(one, bool) or not (isinstance(one, str) or hasattr(one, "__index__")):
            raise ArgumentTypeError(
                f"what to download is ids of sessions, or addresses as text, not {type(one).__name__}"
            )
        elif isinstance(one, str) and not one.isdecimal():
            raise ArgumentError(
                f"{one!r} is neither a session's id, nor an address (https://, s3://, dandi://)"
            )
        elif int(one) not in known:
            raise LookupFailure(
                f"there is no session {int(one)} in the data set; {nearest(str(int(one)), map(str, known))} "
                "(nwbin.files(), or nwbin download --list, has them all)"
            )
        else:
            sessions.append(int(one))
    return sessions, addresses


def _released(one: ReleasedFile, folder: Path, source: Source) -> Wanted:
    address = f"{BUCKET}/{one.s3_key}" if source == "s3" else asset_address(one.dandi_asset_id)
    name = f"session_{one.session_id}" if one.probe_id is None else f"probe_{one.probe_id}_lfp"
    target = folder / f"session_{one.session_id}" / f"{name}.nwb"
    return Wanted(address, target, one.size, one.sha256)


def _tables(sessions: Iterable[int], folder: Path) -> Iterator[Wanted]:
    """What AllenSDK's cache has besides: of all sessions, and the metrics of each."""
    own = [f"session_{one}/session_{one}_analysis_metrics" for one in sessions]
    for name in (*_TABLES, *own):
        yield Wanted(f"{BUCKET}/{CACHE_FOLDER}/{name}.csv", folder / f"{name}.csv", is_table=True)


def _elsewhere(address: str, folder: Path) -> Wanted:
    """A file at any address: its name is made of the address's last part, and of nothing that a server says."""
    place, asset = shown(address), is_asset(address)
    if asset:
        place = place.removesuffix("download/")  # what is left ends in the asset's own number
    name = unquote(place.rstrip("/").rpartition("/")[2]) + (".nwb" if asset else "")
    stem, dot, ending = name.rpartition(".")
    plain = dot and stem and ending.isascii() and ending.isalnum() and ending.islower() and len(ending) < 6
    return Wanted(address, folder / (f"{safe_name(stem)}.{ending}" if plain else safe_name(name)))
