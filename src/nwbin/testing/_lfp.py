"""A probe's LFP file, which lies beside the session file."""

from __future__ import annotations

import h5py
import numpy as np

from nwbin.testing._behaviour import bad_probe_time
from nwbin.testing._object_writer import Storage
from nwbin.testing._plan import Plan
from nwbin.testing._stimuli import Presentations
from nwbin.testing._table_writer import write_electrodes, write_header
from nwbin.testing._units import Probe

RATE = 1249.9981185  # Hz, after every second sample was dropped


def write_lfp(store: Storage, plan: Plan, probe: Probe, table: Presentations) -> None:
    rng = plan.stream("lfp", probe.id)
    name = f"probe_{probe.id}_lfp"
    write_header(store, plan, identifier=str(probe.id), description="LFP of one probe")
    channels = np.linspace(2, plan.channels - 3, min(plan.lfp_channels, plan.channels // 2)).astype(np.int64)
    write_electrodes(store, plan, [probe], keep=channels)

    samples = int(plan.lfp_seconds * RATE)
    times = max(bad_probe_time(table) - 2.0, 0.0) + np.arange(samples) / RATE
    lag = np.linspace(0.0, np.pi, len(channels))  # theta turns its phase along the probe
    signal = 1.5e-4 * np.sin(2 * np.pi * 7.0 * times[:, None] + lag)
    signal += 4e-5 * rng.standard_normal(signal.shape, dtype=np.float32)
    container = f"acquisition/{name}"
    store.group(container, "LFP")
    path = f"{container}/{name}_data"
    store.series(path, signal, times, "volts", kind="ElectricalSeries", dtype=np.float32)
    store.column(
        f"{path}/electrodes", np.arange(len(channels)), kind="DynamicTableRegion", description="channels",
        table=store.file["general/extracellular_ephys/electrodes"].ref,
    )  # fmt: skip
    store.file[f"acquisition/{name}_data"] = h5py.SoftLink("/" + path)

    module = store.module("current_source_density", "response to flashes, as sinks and sources")
    path = f"{module}/ecephys_csd"
    store.group(path, "EcephysCSD", "ndx-aibs-ecephys")
    steps, places = plan.csd_shape
    seconds = np.linspace(-0.1, 0.25, steps, endpoint=False)
    depth = 10.0 * np.arange(places)
    sink = np.exp(-(((seconds - 0.06) / 0.02) ** 2))[:, None] * np.cos(2 * np.pi * depth / depth[-1])
    density = 1e-4 * (sink + 0.2 * rng.standard_normal((steps, places)))
    store.series(f"{path}/current_source_density", density, seconds, "V/cm^2")
    store.array(f"{path}/virtual_electrode_x_positions", np.full(places, 24.0), unit="um")
    store.array(f"{path}/virtual_electrode_y_positions", depth, unit="um")
