"""Small NWB files made with h5py alone, to be bent in every way a test needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - these files are not written by nwbin
import numpy as np

TEXT = h5py.string_dtype()
IDS = [7, 3, 11]
TRAINS = [np.array([0.1, 0.2, 0.2, 0.9]), np.array([]), np.array([-0.5, 0.25, 3.0])]
TIMES = np.concatenate(TRAINS)
ENDS = [4, 4, 7]


def label(node: Any, **attributes: Any) -> Any:
    for key, value in attributes.items():
        node.attrs[key] = value
    return node


def table(parent: Any, name: str, ids: Any, columns: dict[str, Any]) -> Any:
    group = label(parent.create_group(name), neurodata_type="DynamicTable", namespace="core")
    group.attrs["colnames"] = np.array([c for c in columns if not c.endswith("_index")], dtype=object)
    group["id"] = np.asarray(ids)
    for column, values in columns.items():
        group[column] = values
    return group


def write_small(path: Path, *, chunked: bool = False, index: Any = np.uint8) -> Path:
    """Three units (one without spikes), four trials, two electrodes; every kind of column."""
    with h5py.File(path, "w") as f:
        label(f, nwb_version="2.6.0", neurodata_type="NWBFile", namespace="core")
        f["identifier"] = "small"
        f["session_description"] = "made by a test"
        f["session_start_time"] = "2020-01-02T03:04:05+00:00"
        general = f.create_group("general")
        general["session_id"] = "s-1"
        subject = general.create_group("subject")
        subject["species"] = "Mus musculus"
        subject.attrs["strain"] = "wild"
        label(general.create_group("devices/probeA"), description="a probe", manufacturer="nobody")
        ephys = general.create_group("extracellular_ephys")
        label(ephys.create_group("groupA"), description="shank", location="V1")["device"] = h5py.SoftLink(
            "/general/devices/probeA"
        )
        flags = h5py.enum_dtype({"FALSE": 0, "TRUE": 1}, basetype="i1")
        table(
            ephys,
            "electrodes",
            [100, 101],
            {
                "x": np.array([1.5, np.nan], np.float32),
                "location": np.array(["VISp", ""], dtype=TEXT),
                "valid_data": np.array([1, 0], np.int8).astype(flags),
            },
        )
        ephys["electrodes"]["group"] = np.array([ephys["groupA"].ref] * 2, dtype=h5py.ref_dtype)
        units = table(
            f,
            "units",
            IDS,
            {
                "quality": np.array(["good", "noise", "gööd"], dtype=TEXT),
                "code": np.array([b"ab", b"c", b""], dtype="S4"),
                "rate": np.array([1.0, 2.0, np.nan]).astype(">f8"),
                "big": np.array([2**40, -1, 0]).astype(">i8"),
                "kept": np.array([1, 0, 1], np.int8).astype(flags),
                "pair": np.arange(6.0).reshape(3, 2),
                "tags": np.array(["a", "b", "c"], dtype=TEXT),
                "tags_index": np.array([1, 1, 3], index),
                "waveforms": np.arange(12.0).reshape(6, 2),
                "waveforms_index": np.array([2, 3, 6], index),
                "waveforms_index_index": np.array([1, 1, 3], index),
            },
        )
        units["electrode_group"] = np.array([ephys["groupA"].ref] * 3, dtype=h5py.ref_dtype)
        options: dict[str, Any] = {"chunks": (2,), "compression": "gzip", "shuffle": True} if chunked else {}
        units.create_dataset("spike_times", data=TIMES, **options)
        units.create_dataset("spike_times_index", data=np.array(ENDS, index), **options)
        trials = table(
            f.create_group("intervals"),
            "trials",
            np.arange(4),
            {
                "start_time": np.arange(4.0),
                "stop_time": np.arange(4.0) + 0.5,
                "contrast": np.array(["high", "low", "high", ""], dtype=TEXT),
            },
        )
        series = f.create_group("acquisition").create_group("wheel")
        series.create_dataset("data", data=np.arange(5, dtype=np.int16), **options).attrs["unit"] = "cm/s"
        series["starting_time"] = 2.0
        series["starting_time"].attrs["rate"] = 10.0
        kind = np.dtype([("idx_start", "<i4"), ("count", "<i4"), ("timeseries", h5py.ref_dtype)])
        trials["timeseries"] = np.array([(0, 1, series.ref)] * 4, dtype=kind)
    return path


def write_long_trains(path: Path, n: int) -> Path:
    """The same with so many spikes of each unit, at 0, 1, 2... s: more than is fetched with anything else."""
    write_small(path)
    with h5py.File(path, "a") as f:
        units = f["units"]
        del units["spike_times"], units["spike_times_index"]
        units["spike_times"] = np.arange(3 * n, dtype=float)
        units["spike_times_index"] = np.array([n, 2 * n, 3 * n])
    return path
