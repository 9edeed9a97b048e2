"""``nwbin download``: session files, whole and checked, onto this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nwbin._wording import counted, first_of
from nwbin.cli._json import JsonOption, put_json
from nwbin.errors import ArgumentError

if TYPE_CHECKING:
    from nwbin.downloads import Downloads

__all__ = ["download"]

WhatArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="WHAT...", show_default=False, help="Ids of released sessions, or addresses."),
]
ToOption = Annotated[
    Path | None,
    typer.Option("--to", metavar="FOLDER", show_default=False, help="Where they go."),
]


def download(
    what: WhatArgument = None,
    to: ToOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All 58 released sessions: 145 GB, with --lfp 852 GB.")
    ] = False,
    listing: Annotated[
        bool, typer.Option("--list", help="Show which sessions there are, and download nothing.")
    ] = False,
    lfp: Annotated[bool, typer.Option("--lfp", help="Of sessions given by id also their LFP.")] = False,
    source: Annotated[
        str,
        typer.Option("--source", metavar="s3|dandi", help="Of sessions given by id: from where."),
    ] = "s3",
    tables: Annotated[
        bool,
        typer.Option(
            "--tables/--no-tables", help="From s3: also sessions.csv, units.csv, ..., if not there."
        ),
    ] = True,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="Files at a time.")] = 2,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read files that are there already, and compare their SHA-256.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are there and are not what was asked for.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Download session files: checked, and taken up again after any interruption.

    Sessions given by id go to the places of AllenSDK's cache, which nwbin and
    AllenSDK then both use; files of other addresses to FOLDER/NAME. A file
    has its name once it is whole. Ends with 1 where a file failed: the same
    command goes on with what is missing.

    \b
    Examples:
      nwbin download --list
      nwbin download 715093703 766640955 --to ecephys_cache_dir
      nwbin download --all --source dandi --jobs 4 --to ecephys_cache_dir
      nwbin download --to . \\
          dandi://000021/sub-699733573/sub-699733573_ses-715093703.nwb
    """
    asked: list[Any] = ["all"] if everything else []
    asked += what or []
    if listing:
        _list(what or [], as_json)
        return
    if not asked:
        raise ArgumentError(
            "what is to be downloaded? Give ids or addresses, or --all (--list shows what there is)"
        )
    if to is None:
        raise ArgumentError("where to? Give --to FOLDER")
    from nwbin.cli._app import say
    from nwbin.downloads import download as get_all

    how: dict[str, Any] = {"source": source, "jobs": jobs, "verify": verify, "overwrite": overwrite}
    try:
        found = get_all(asked, to, lfp=lfp, tables=tables, **how)
    except KeyboardInterrupt:
        say("note", f"{to}: what came is kept; the same command goes on from there")
        raise
    _say(to, found, as_json)


def _say(to: Path, found: Downloads, as_json: bool) -> None:
    """One line, or JSON; a line for each file that failed, and the exit code."""
    from nwbin._atomic import size_text
    from nwbin.cli._app import say
    from nwbin.cli._console import put

    if as_json:
        rows = found.report.reset_index().to_dict(orient="records")
        put_json({"folder": str(to), "files": rows})
    else:
        by_status = {name: [one for one in found if one.status == name] for name in _STATUSES}
        said = [f"{len(some)} {_STATUSES[name]}" for name, some in by_status.items() if some]
        size = sum(one.got for one in found)
        came = f"; {size_text(size)} came" if size else ""
        unchecked = sum(one.checked == "size" for one in found)
        more = (
            f"; of {counted(unchecked, 'file')} only the size could be checked: no digest of them is known"
            if unchecked
            else ""
        )
        put(f"{to}: {counted(len(found), 'file')}: {', '.join(said)}{came}{more}")
    for why in _together(found.failed):
        say("error", why)
    if found.failed:
        raise typer.Exit(1)


def _together(failed: Mapping[str, str]) -> list[str]:
    """One line for each fault: files of the same place that failed in the same way are named once.

    What went wrong stands after the address; of that the place is the server, or the bucket.
    """
    alike: dict[tuple[str, str], list[str]] = {}
    for address, why in failed.items():
        scheme, _, rest = address.partition("://")
        place, said = f"{scheme}://{rest.partition('/')[0]}", why.removeprefix(f"{address}: ")
        alike.setdefault((place, said) if said != why else (address, why), []).append(address)
    lines = []
    for (place, said), addresses in alike.items():
        if len(addresses) == 1:
            lines.append(failed[addresses[0]])
            continue
        lines.append(
            f"{place}: {said} ({counted(len(addresses), 'file')}: {_names(addresses)}); what came is kept, and "
            "the same command goes on with the rest"
        )
    return lines


def _names(addresses: list[str]) -> str:
    return first_of([one.rstrip("/").rpartition("/")[2] for one in addresses], 4)


_STATUSES = {
    "done": "downloaded", "kept": "there already", "absent": "not on the server", "failed": "failed",
}  # fmt: skip


def _list(what: list[str], as_json: bool) -> None:
    import pandas as pd

    from nwbin._atomic import size_text
    from nwbin.allen.released_files import files
    from nwbin.cli._console import frame_table, output

    table = files()
    if what:
        unknown = set(what) - set(table["session_id"].astype(str))
        if unknown:
            raise ArgumentError(f"there is no released session {', '.join(sorted(unknown))}")
        table = table[table["session_id"].astype(str).isin(what)]
    if as_json:
        put_json([{k: None if pd.isna(v) else v for k, v in row.items()} for row in table.to_dict("records")])
        return
    own = table["probe_id"].isna()
    sessions = table[own].set_index("session_id")
    lfp = table[~own].groupby("session_id")["size"]
    shown = pd.DataFrame(
        {
            "session_type": sessions["session_type"],
            "size": [size_text(size) for size in sessions["size"]],
            "lfp_files": lfp.count().reindex(sessions.index, fill_value=0),
            "lfp_size": [size_text(size) for size in lfp.sum().reindex(sessions.index, fill_value=0)],
            "dandi": "dandi://" + sessions["dandiset"] + "/" + sessions["dandi_path"],
        },
        index=sessions.index,
    )
    frame_table(shown, output(), for_all="--json")
