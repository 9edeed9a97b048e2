"""Synthetic sessions as h5py alone sees them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - the files are looked at as they are stored
import numpy as np

from nwbin.testing import STIMULUS_SETS

BO, FC = STIMULUS_SETS

VERY_SMALL: dict[str, Any] = {
    "size": "tiny", "probes": 1, "units_per_probe": 3, "channels": 16, "repeats": 0.05,
}  # fmt: skip


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def trains(file: h5py.File) -> list[np.ndarray]:
    ends = file["units/spike_times_index"][:].astype(np.int64)
    return np.split(file["units/spike_times"][:], ends[:-1])


def passing(file: h5py.File) -> np.ndarray:
    """AllenSDK's default filters, written out."""
    units, electrodes = file["units"], file["general/extracellular_ephys/electrodes"]
    row = {channel: i for i, channel in enumerate(electrodes["id"][:])}
    peak = [row[channel] for channel in units["peak_channel_id"][:]]
    location = electrodes["location"].asstr()[:][peak]
    return (
        (units["amplitude_cutoff"][:] <= 0.1)
        & (units["presence_ratio"][:] >= 0.95)
        & (units["isi_violations"][:] <= 0.5)
        & (units["quality"].asstr()[:] == "good")
        & electrodes["valid_data"][:][peak]
        & (location != "None")
        & (location != "")
    )


def area(file: h5py.File) -> np.ndarray:
    electrodes = file["general/extracellular_ephys/electrodes"]
    where = dict(zip(electrodes["id"][:], electrodes["location"].asstr()[:], strict=True))
    return np.array([where[channel] for channel in file["units/peak_channel_id"][:]])
