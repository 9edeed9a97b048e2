# ruff: noqa: TID251 - contenders are measured as their users use them
"""The tutorial's work by one contender on a file on a server, in a process of its own.

``python _remote_steps.py CONTENDER ADDRESS [INDEX]``. Prints a line of JSON. Needs nothing of nwbin, so that it also
runs in other environments.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

warnings.simplefilter("ignore")
WINDOW = (0.0, 0.25)
UNITS = ["id", "quality", "amplitude_cutoff", "presence_ratio", "isi_violations", "peak_channel_id"]
CHANNELS = ["id", "location", "valid_data"]
GRATINGS = ["start_time", "orientation"]


# ------------------------------------------------------------------ nwbin


def nwbin(address, index=None):
    import nwbin

    session = nwbin.open(address) if index is None else nwbin.open(address, index=index)
    units = session.units
    v1 = units.index[units["structure_acronym"] == "VISp"]
    table = session.get_stimulus_table("static_gratings")
    matrix = session.response_matrix(table.index, v1, window=WINDOW, label="orientation")
    return int(matrix.X.sum()), matrix.X.shape


def units(address, index=None):
    """Units as AllenSDK shows them, and no more."""
    import nwbin

    session = nwbin.open(address) if index is None else nwbin.open(address, index=index)
    return len(session.units), session.units.shape


def download(address, index=None):
    """The whole file, over one connection, and the work on the copy."""
    from urllib.request import urlopen

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "session.nwb"
        with urlopen(address) as stream, path.open("wb") as out:
            while data := stream.read(1 << 20):
                out.write(data)
        return nwbin(path)


# ------------------------------------------------------------------ others


def chosen(units, channels):
    """Rows of the units that AllenSDK shows by default and that lie in V1."""
    location = dict(zip(np.asarray(channels["id"]).tolist(), channels["location"], strict=True))
    valid = dict(zip(np.asarray(channels["id"]).tolist(), channels["valid_data"], strict=True))
    peak = np.asarray(units["peak_channel_id"]).tolist()
    good = np.array([str(value) == "good" for value in units["quality"]])
    good &= np.array([location.get(one) == "VISp" and bool(valid.get(one)) for one in peak])
    good &= np.asarray(units["amplitude_cutoff"], float) <= 0.1
    good &= np.asarray(units["presence_ratio"], float) >= 0.95
    good &= np.asarray(units["isi_violations"], float) <= 0.5
    return np.flatnonzero(good)


def counted(gratings, trains):
    """X, by binary search: spikes of each unit in [a, b] around each presentation that has an orientation."""
    orientation = np.array([float(value) for value in gratings["orientation"]])
    onsets = np.asarray(gratings["start_time"], float)[~np.isnan(orientation)]
    lo, hi = onsets + WINDOW[0], onsets + WINDOW[1]
    found = [
        np.searchsorted(train, hi, side="right") - np.searchsorted(train, lo, side="left") for train in trains
    ]
    matrix = np.array(found).T
    return int(matrix.sum()), matrix.shape


def remfile(address, index=None):
    """pynwb through remfile: its tables, its spike times."""
    import h5py
    import remfile
    from pynwb import NWBHDF5IO

    nwb = NWBHDF5IO(file=h5py.File(remfile.File(address), "r"), load_namespaces=True).read()

    def columns(table, names):
        return {name: table.id[:] if name == "id" else table[name][:] for name in names}

    rows = chosen(columns(nwb.units, UNITS), columns(nwb.electrodes, CHANNELS))
    gratings = columns(nwb.intervals["static_gratings_presentations"], GRATINGS)
    return counted(gratings, [nwb.units["spike_times"][int(row)] for row in rows])


def lazynwb(address, index=None):
    """lazynwb: data frames of some columns, and the spike times of the units that are wanted."""
    import lazynwb
    from lazynwb._hdf5 import range_reader

    made = range_reader._cached_store_from_url

    def plain(url, *, client_options=None, **how):  # its store takes https only, and the link here is plain
        return made(url, client_options={**(client_options or {}), "allow_http": True}, **how)

    range_reader._cached_store_from_url = plain
    about = {"as_polars": True, "disable_progress": True, "exact_path": True}

    def columns(path, names):
        return lazynwb.get_df(address, path, include_column_names=names, **about)

    units = columns("/units", UNITS)
    rows = chosen(units, columns("/general/extracellular_ephys/electrodes", CHANNELS))
    gratings = columns("/intervals/static_gratings_presentations", GRATINGS)
    return counted(gratings, lazynwb_trains(lazynwb, address, units, rows))


def lazynwb_trains(lazynwb, address, units, rows):
    ids = np.asarray(units["id"])[rows].tolist()
    import polars as pl

    lazy = lazynwb.scan_nwb(address, "/units")
    found = lazy.filter(pl.col("id").is_in(ids)).select("id", "spike_times").collect()
    return [np.asarray(train) for train in found["spike_times"]]


PACKAGES = {"remfile": ("pynwb", "remfile"), "lazynwb": ("lazynwb",)}


def main():
    contender, address, *index = sys.argv[1:]
    try:
        versions = [f"{name} {version(name)}" for name in PACKAGES.get(contender, ("nwbin",))]
    except PackageNotFoundError:
        print(json.dumps({"missing": contender}))
        return
    begin = time.perf_counter()
    answer, shape = globals()[contender](address, *index)
    seconds = time.perf_counter() - begin  # with what it imports
    print(json.dumps({"seconds": seconds, "answer": [answer, list(shape)], "version": " + ".join(versions)}))


if __name__ == "__main__":
    main()
