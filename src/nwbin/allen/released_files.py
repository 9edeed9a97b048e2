"""The released Visual Coding - Neuropixels files: where each lies, how long it is, and its digest.

They are listed in ``released_files.csv`` beside this module: facts, taken from the archive's own listing (dandisets
000021 and 000022). The Allen Institute's bucket has the same files under names of its own; their sizes there were
compared for half of the sessions, their digests for none.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files as _resources
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BUCKET", "CACHE_FOLDER", "ReleasedFile", "files", "released"]

BUCKET = "s3://allen-brain-observatory"
CACHE_FOLDER = "visual-coding-neuropixels/ecephys-cache"  # in it: the folder of AllenSDK's cache


class ReleasedFile(NamedTuple):
    """One file of the data set.

    Attributes
    ----------
    session_id, session_type
        Whose it is.
    probe_id
        Of the probe whose LFP it holds; None for the session's own file.
    dandiset, dandi_path, dandi_asset_id, dandi_blob
        Where the DANDI archive keeps it.
    size
        Bytes.
    sha256
        Of all its bytes, as the archive gives it.
    dandi_etag
        The archive's own mark.
    s3_key
        Its name in the Allen Institute's bucket.
    """

    session_id: int
    probe_id: int | None
    session_type: str
    dandiset: str
    dandi_path: str
    dandi_asset_id: str
    dandi_blob: str
    size: int
    sha256: str
    dandi_etag: str
    s3_key: str


@cache
def released() -> tuple[ReleasedFile, ...]:
    """Return all files, each session's own before those of its probes."""
    text = _resources("nwbin.allen").joinpath("released_files.csv").read_text(encoding="utf-8")
    return tuple(map(_of_row, csv.DictReader(text.splitlines())))


def _of_row(row: dict[str, Any]) -> ReleasedFile:
    numbers: dict[str, Any] = {
        "session_id": int(row["session_id"]),
        "probe_id": int(row["probe_id"]) if row["probe_id"] else None,
        "size": int(row["size"]),
    }
    return ReleasedFile(**{**row, **numbers})


def files() -> pd.DataFrame:
    """Return the list of the released Visual Coding - Neuropixels files.

    Returns
    -------
    pandas.DataFrame
        A row a file: `session_id`, `probe_id` (missing for a session's own file, else the probe whose LFP it holds),
        `session_type`, `dandiset`, `dandi_path`, `dandi_asset_id`, `dandi_blob`, `size` (bytes), `sha256`,
        `dandi_etag`, `s3_key` (in the bucket allen-brain-observatory).

    Notes
    -----
    From the listings of dandisets 000021 and 000022, of 2023. That the bucket's files are the same to the byte was seen
    of the sizes of 28 sessions; it was not seen of their digests.

    Examples
    --------
    >>> listed = nwbin.files()
    >>> int(listed["probe_id"].isna().sum())
    58
    """
    import pandas as pd

    rows = released()
    columns: dict[str, object] = {name: [getattr(row, name) for row in rows] for name in ReleasedFile._fields}
    columns["session_id"] = np.array([row.session_id for row in rows], np.int64)
    columns["size"] = np.array([row.size for row in rows], np.int64)
    columns["probe_id"] = pd.array([row.probe_id for row in rows], dtype="Int64")
    return pd.DataFrame(columns)
