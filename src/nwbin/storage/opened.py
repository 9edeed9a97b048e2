"""Opening whatever holds a session: an HDF5 file, or a Zarr store."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import BinaryIO

from nwbin.errors import ArgumentError
from nwbin.storage.addresses import shown
from nwbin.storage.hdf5 import H5Source
from nwbin.storage.opening import StrPath
from nwbin.storage.source import Source
from nwbin.storage.stores import is_store

__all__ = ["open_source"]


def open_source(
    source: StrPath | BinaryIO,
    *,
    follow_external_links: bool = False,
    mmap: bool = True,
    ahead: Iterable[str] = (),
    whole: Mapping[str, int] | None = None,
    index: StrPath | None = None,
) -> Source:
    """Open a file or a store.

    Parameters
    ----------
    source
        A path (of a file, of a folder that is a Zarr store, or of one in a .zip file), an address, or a binary file
        object. An address whose path ends in ``.zarr`` is one of a store.
    follow_external_links, mmap, ahead, index
        As :class:`nwbin.storage.hdf5.H5Source` takes them. Links from a store into other stores are never followed.
    whole
        As :class:`nwbin.storage.zarr.ZarrSource` takes it.
    """
    if isinstance(source, str | os.PathLike) and is_store(source):
        if index is not None:
            raise ArgumentError(
                f"{shown(os.fspath(source))}: is a Zarr store, of which consolidated metadata are the index; "
                "leave index= out"
            )
        from nwbin.storage.zarr import ZarrSource  # what it needs, not everybody has

        return ZarrSource(
            source, follow_external_links=follow_external_links, mmap=mmap, ahead=ahead, whole=whole or {}
        )
    return H5Source(source, follow_external_links=follow_external_links, mmap=mmap, ahead=ahead, index=index)
