"""The tables of a session file: stimuli, electrodes, units; and the subject."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nwbin.testing import _extension
from nwbin.testing._object_writer import REFERENCE, TEXT, Storage
from nwbin.testing._plan import FUNCTIONAL_CONNECTIVITY, Plan
from nwbin.testing._spikes import Spikes
from nwbin.testing._stimuli import SPONTANEOUS, Presentations
from nwbin.testing._units import Probe, Unit

STARTED = "2019-01-19T00:54:18-08:00"
_ALLEN = _extension.NAME

# Columns of a stimulus table in their order; each table has those that its stimulus knows.
_PARAMETERS = (
    "temporal_frequency", "spatial_frequency", "orientation", "contrast", "x_position", "y_position", "color",
    "frame", "phase", "size", "mask", "opacity", "units", "Speed", "Dir", "coherence", "dotLife", "dotSize",
    "fieldPos", "fieldShape", "fieldSize", "nDots", "noiseDots",
)  # fmt: skip
_METRICS = (
    "quality", "amplitude_cutoff", "recovery_slope", "cluster_id", "spread", "velocity_below", "d_prime",
    "nn_miss_rate", "isolation_distance", "silhouette_score", "waveform_halfwidth", "PT_ratio",
    "cumulative_drift", "isi_violations", "presence_ratio", "snr", "l_ratio", "amplitude",
    "repolarization_slope", "local_index", "velocity_above", "nn_hit_rate", "peak_channel_id",
    "waveform_duration", "firing_rate", "max_drift",
)  # fmt: skip


def write_header(store: Storage, plan: Plan, *, identifier: str, description: str) -> None:
    store.header(
        identifier=identifier,
        description=f"{description}; synthetic, written by nwbin.testing with seed {plan.seed}",
        started=STARTED,
    )
    store.text("general/institution", "none: synthetic data")
    store.text("general/session_id", str(plan.session_id))
    store.text("general/stimulus", plan.stimulus_set)
    store.group("general/subject", "EcephysSpecimen", _ALLEN, specimen_name="synthetic-1", age_in_days=118.0)
    for name, value in {
        "genotype": "wt/wt" if plan.stimulus_set == FUNCTIONAL_CONNECTIVITY else "Sst-IRES-Cre/wt;Ai32/wt",
        "sex": "M",
        "species": "Mus musculus",
        "strain": "B6;129S",
        "subject_id": str(600_000_000 + plan.session_id % 100_000_000),
    }.items():
        store.text(f"general/subject/{name}", value)
    store.text("general/subject/age", "P118D", reference="birth")


def write_stimuli(store: Storage, plan: Plan, table: Presentations) -> None:
    """One intervals table a stimulus; every row points to its place in the series of all onsets."""
    module = store.module("stimulus", "when each presentation began")
    onsets = store.series(f"{module}/timestamps", table.start, table.start, "s")
    for name in table.names:
        rows = table.rows(name)
        path = f"intervals/{name}_presentations"
        known = table.conditions[name]
        parameters = [column for column in _PARAMETERS if column in known]
        columns = ["start_time", "stop_time", "stimulus_name"]
        grey = name == SPONTANEOUS
        columns += [] if grey else ["stimulus_block", *parameters]
        if not (grey and plan.layout == "released"):
            columns.append("stimulus_index")
        store.table(
            path, "TimeIntervals", np.arange(len(rows)), [*columns, "tags", "timeseries"],
            description=f"presentations of '{name}'",
        )  # fmt: skip
        store.column(f"{path}/start_time", table.start[rows], description="Start time of epoch, in seconds")
        store.column(f"{path}/stop_time", table.stop[rows], description="Stop time of epoch, in seconds")
        store.column(f"{path}/stimulus_name", np.full(len(rows), name, object), TEXT)
        if not grey:
            store.column(f"{path}/stimulus_block", table.block[rows])
        for column in parameters:
            text = isinstance(known[column][0], str)
            values = np.array(known[column], dtype=object if text else np.float64)
            store.column(f"{path}/{column}", values[table.condition[rows]], TEXT if text else np.float64)
        if "stimulus_index" in columns:
            number = -99 if grey else table.stimuli[name].index
            kind = np.float64 if plan.layout == "released" else np.int64
            store.column(f"{path}/stimulus_index", np.full(len(rows), number, kind))
        store.interval_links(path, ["stimulus_time_interval"] * len(rows), rows, onsets)


def write_electrodes(
    store: Storage, plan: Plan, probes: list[Probe], keep: NDArray[np.int64] | None = None
) -> None:
    """Devices, electrode groups and the electrodes table; `keep` chooses rows of a single probe."""
    for probe in probes:
        store.group(
            f"general/devices/{probe.name}", "EcephysProbe", _ALLEN, manufacturer="imec",
            description="Neuropixels 1.0 Probe", probe_id=probe.id, sampling_rate=probe.sampling_rate,
        )  # fmt: skip
        group = store.group(
            f"general/extracellular_ephys/{probe.name}", "EcephysElectrodeGroup", _ALLEN,
            description="Ecephys Electrode Group", location="See electrode locations", probe_id=probe.id,
            has_lfp_data=plan.lfp, lfp_sampling_rate=1249.9981185 if plan.lfp else float("nan"),
        )  # fmt: skip
        group["device"] = h5py.SoftLink(f"/general/devices/{probe.name}")

    def gather(values: Callable[[Probe], Any]) -> Any:
        parts = [np.asarray(values(probe)) for probe in probes]
        return np.concatenate(parts if keep is None else [parts[0][keep]])

    number = "local_index" if plan.layout == "released" else "probe_channel_number"
    path = "general/extracellular_ephys/electrodes"
    columns = (
        "location", "group", "group_name", "probe_vertical_position", "probe_horizontal_position", "probe_id",
        number, "valid_data", "x", "y", "z", "imp", "filtering",
    )  # fmt: skip
    ids = gather(lambda probe: probe.channel_id)
    store.table(
        path, "DynamicTable", ids, columns, namespace="hdmf-common", description="channels of all probes"
    )
    rows = len(ids)
    names = gather(lambda probe: [probe.name] * len(probe.number))
    references = np.empty(rows, object)
    groups = {probe.name: store.file[f"general/extracellular_ephys/{probe.name}"].ref for probe in probes}
    references[:] = [groups[name] for name in names]
    store.column(f"{path}/location", list(gather(lambda p: np.array(p.location, object))), TEXT)
    store.column(f"{path}/group", references, REFERENCE)
    store.column(f"{path}/group_name", list(names), TEXT)
    store.column(f"{path}/probe_vertical_position", gather(lambda probe: probe.vertical))
    store.column(f"{path}/probe_horizontal_position", gather(lambda probe: probe.horizontal))
    store.column(f"{path}/probe_id", gather(lambda probe: np.full(len(probe.number), probe.id)))
    store.column(f"{path}/{number}", gather(lambda probe: probe.number))
    store.column(f"{path}/valid_data", gather(lambda probe: probe.valid))
    coordinates = gather(lambda probe: probe.coordinates)
    for axis, name in enumerate("xyz"):
        store.column(f"{path}/{name}", coordinates[:, axis])
    store.column(f"{path}/imp", np.full(rows, np.nan))
    store.column(f"{path}/filtering", ["AP band: 500 Hz high-pass; LFP band: 1000 Hz low-pass"] * rows, TEXT)


def write_units(
    store: Storage, plan: Plan, units: list[Unit], trains: list[Spikes], seconds: float,
    step: Callable[[], None],
) -> None:  # fmt: skip
    """The units table; spikes and waveforms are drawn and written unit by unit."""
    path = "units"
    columns = [*_METRICS, "spike_times", "spike_amplitudes", "waveform_mean"]
    store.table(path, "Units", [unit.id for unit in units], columns, description="sorted units")
    for name in _METRICS:
        if name == "firing_rate":
            store.column(f"{path}/{name}", np.array([train.count / seconds for train in trains]))
        elif name == "quality":
            store.column(f"{path}/{name}", [str(unit.metrics[name]) for unit in units], TEXT)
        else:
            store.column(f"{path}/{name}", np.array([unit.metrics[name] for unit in units]))

    ends = np.cumsum([train.count for train in trains])
    spikes = int(ends[-1])
    times = store.appender(f"{path}/spike_times", (spikes,))
    amplitudes = store.appender(f"{path}/spike_amplitudes", (spikes,))
    waveforms = store.appender(f"{path}/waveform_mean", (len(units) * plan.channels, plan.samples))
    for unit, train in zip(units, trains, strict=True):
        when, size = train.draw()
        times.append(when)
        amplitudes.append(size)
        waveforms.append(_waveform(plan, unit))
        step()
    about = {
        "spike_times": "times of spikes, in seconds",
        "spike_amplitudes": "amplitudes of spikes, in volts",
    }
    for name, appender in (("spike_times", times), ("spike_amplitudes", amplitudes)):
        store.label(appender.close(), "VectorData", "hdmf-common", description=about[name])
        store.index(f"{path}/{name}", ends)
    store.label(
        waveforms.close(), "VectorData", "hdmf-common", unit="volts",
        description="mean waveforms, channels by samples for each unit",
    )  # fmt: skip
    store.index(f"{path}/waveform_mean", plan.channels * np.arange(1, len(units) + 1))


def _waveform(plan: Plan, unit: Unit) -> NDArray[np.float64]:
    """A trough and a later peak, largest on the peak channel and fading along the probe, in microvolts."""
    rng = plan.stream("waveform", unit.seed)
    milliseconds = (np.arange(plan.samples) / plan.samples - 0.3) * 82 / 30
    delay = float(unit.metrics["waveform_duration"])
    shape = -np.exp(-((milliseconds / 0.1) ** 2)) + 0.4 * np.exp(-(((milliseconds - delay) / 0.25) ** 2))
    away = np.abs(unit.probe.vertical - unit.probe.vertical[unit.position]) / (
        0.7 * float(unit.metrics["spread"])
    )
    noise = rng.standard_normal((plan.channels, plan.samples), dtype=np.float32)
    return np.asarray(
        float(unit.metrics["amplitude"]) * np.exp(-away)[:, None] * shape + 0.5 * noise, np.float64
    )
