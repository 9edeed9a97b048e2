"""``nwbin cache`` and ``nwbin index``: what is kept on this disk of files on servers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nwbin._wording import counted
from nwbin.cli._json import JsonOption, put_json

__all__ = ["cache", "index"]


def cache(
    address: Annotated[
        str | None, typer.Argument(metavar="[ADDRESS]", help="Only of this file.", show_default=False)
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove what is kept.")] = False,
    add: Annotated[
        Path | None, typer.Option(metavar="INDEX", help="Put in what an index has.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is kept on this disk of files on servers, or empty it.

    What is fetched is kept in a folder of yours, up to 10 GB, and not
    fetched again as long as the server names the same ETag and size.
    NWBIN_CACHE_DIR names another folder, NWBIN_CACHE_SIZE (5GB, 0 for
    nothing at all) another bound.

    \b
    Examples:
      nwbin cache
      nwbin cache --clear
    """
    from nwbin._atomic import size_text
    from nwbin.cache import add_index, status
    from nwbin.cache import clear as remove
    from nwbin.cli._console import put
    from nwbin.errors import ArgumentError

    if clear and add is not None:
        raise ArgumentError("--clear and --add: give one of them")
    if clear:
        n_bytes = remove(address)
        folder = status().folder
        if as_json:
            put_json({"folder": str(folder), "removed": n_bytes})
        else:
            put(f"{folder}: {size_text(n_bytes)} removed")
        return
    if add is not None:
        number = add_index(add)
        if not as_json:
            put(f"{add}: what it has of {counted(number, 'file')} is kept now")
    found = status().to_dict()
    if address is not None:
        from nwbin.storage.addresses import shown

        found["files"] = [one for one in found["files"] if one["address"] == shown(address)]
    if as_json:
        put_json(found)
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    from rich.table import Table

    from nwbin._atomic import size_text
    from nwbin.cli._console import grid, output, show, text

    console = output()
    bound = size_text(found["bound"]) if found["bound"] else "nothing is kept (NWBIN_CACHE_SIZE)"
    rows = [
        ("folder", found["folder"]),
        ("bound", bound),
        ("kept", f"{size_text(found['n_bytes'])} in {counted(found['n_files'], 'file')}"),
    ]
    show(console, grid("", rows))
    if not found["files"]:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, right in (("kept", True), ("of", True), ("last used", False), ("address", False)):
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "address")
    for one in found["files"]:
        used = (one["last_used"] or "")[:16].replace("T", " ")
        table.add_row(
            size_text(one["n_bytes"]), size_text(one["size"]), used, text(one["address"] or "(not known)")
        )
    console.print()
    show(console, table)


def index(
    addresses: Annotated[
        list[str],
        typer.Argument(metavar="ADDRESS...", help="Of files, or folders, on servers.", show_default=False),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="The index.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Write an index of files on servers, with which they are opened at once.

    It has their structure and tables, but no spikes: some megabytes a
    session, in one file that can be handed on. It holds for a file as long
    as the server names the same ETag and size. nwbin cache --add puts it
    where every command finds it; in Python, nwbin.open(address, index=...).

    A false index is believed, as a false file is: take one only from where
    you would take the data.

    \b
    For instance:
      nwbin index s3://bucket/a.nwb s3://bucket/b.nwb -o sessions.index
      nwbin index s3://bucket/ecephys-cache/ -o sessions.index
    """
    from nwbin._atomic import size_text
    from nwbin.cache import write_index
    from nwbin.cli._console import progress
    from nwbin.cli._json import say_written

    replaced, files = out.exists(), _files_at(addresses)
    with progress("reading") as report:
        n_bytes = write_index(files, out, progress=report)
    number = len(files)
    said = f"{counted(number, 'file')}, {size_text(n_bytes)} of them"
    say_written(out, said, replaced=replaced, as_json=as_json, files=number, bytes_of_files=n_bytes)


def _files_at(addresses: list[str]) -> list[str]:
    """Each address once, and instead of a folder's those of its sessions; Zarr stores need no index."""
    from nwbin.cli._files import is_folder
    from nwbin.dataset import Dataset
    from nwbin.errors import warn
    from nwbin.storage.addresses import is_address, shown
    from nwbin.storage.stores import is_store

    found: list[str] = []
    for one in addresses:
        many = is_address(one) and is_folder(one) and not is_store(one)
        files = Dataset(one).files["path"].tolist() if many else [one]
        indexed = [file for file in files if not is_store(file)]
        if 0 < len(indexed) < len(files):
            left = counted(len(files) - len(indexed), "Zarr store")
            warn(f"{shown(one)}: {left} left out: their metadata are in one piece already")
        found += indexed or files  # where there are stores alone, it is said what they are
    return list(dict.fromkeys(found))
