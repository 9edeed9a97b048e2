"""What a table of units says besides metrics: which unit it is, and where it lies."""

from __future__ import annotations

from nwbin.metrics.catalogue._entry import Metric

__all__ = ["PLACE", "UNIT"]

UNIT = (
    Metric(
        "unit_id", "unit", "The unit's number, the same in every file and table of the data set.",
        also=("id", "ecephys_unit_id"),
    ),
    Metric("cluster_id", "unit", "The number that the spike sorter gave the unit on its probe."),
    Metric(
        "local_index", "unit", "The unit's place among those of its probe, from 0.",
        note="Of a channel, as in the electrodes table of released files, it is the channel's number on the probe.",
        also=("local_index_unit",),
    ),
    Metric(
        "quality", "unit", "Whether the waveform looks like a spike's or like noise.", bounds="'good' or 'noise'",
        formula="a classifier of mean waveforms, looked over by hand", source="Siegle et al. 2021, "
        "doi:10.1038/s41586-020-03171-x", threshold="'good'",
        note="Says nothing of contamination or of missed spikes.",
    ),
    Metric(
        "peak_channel_id", "unit", "The channel on which the spike is largest; its id in `channels`.",
        also=("ecephys_channel_id",),
    ),
    Metric("spike_count", "unit", "How many spikes the unit has.", bounds="0 and more"),
)  # fmt: skip

_CCF = (
    "Allen Mouse Common Coordinate Framework, Wang et al. 2020, Cell 181:936, doi:10.1016/j.cell.2020.04.007"
)
_PEAK = "of the unit's peak channel"

PLACE = (
    Metric(
        "structure_acronym", "place", f"The brain structure {_PEAK}, such as VISp (primary visual cortex) or LGd.",
        source=_CCF, threshold="in the brain",
        note="Missing or empty outside the brain. Layers and shells are left off.",
        also=("ecephys_structure_acronym",),
    ),
    Metric("ecephys_structure_id", "place", f"The number of the brain structure {_PEAK}.", source=_CCF),
    *(
        Metric(
            f"{axis}_ccf_coordinate", "place", f"Where the peak channel lies from {way}.", "um", "0 and more",
            source=_CCF, note="Missing where the probe was not found in the brain's images.",
        )
        for axis, way in (
            ("anterior_posterior", "front to back"), ("dorsal_ventral", "top to bottom"),
            ("left_right", "left to right"),
        )
    ),
    Metric("location", "place", "The place of the probe, as the file calls it; in other labs' files, of the unit."),
    Metric(
        "probe_channel_number", "place", f"The number {_PEAK} on its probe, from the tip.", bounds="0 to 383",
        also=("channel_local_index", "peak_channel", "local_index_channel"),
    ),
    Metric(
        "probe_vertical_position", "place", f"The distance {_PEAK} from the probe's tip, along it.", "um",
        "20 to 3840",
    ),
    Metric("probe_horizontal_position", "place", f"The place {_PEAK} across the probe.", "um", "11 to 59"),
    Metric("probe_id", "place", "The number of the probe in the data set.", also=("ecephys_probe_id",)),
    Metric(
        "probe_description", "place", "The name of the probe in its session: probeA to probeF.",
        also=("probe_name", "name"),
    ),
    Metric(
        "probe_sampling_rate", "place", "Samples per second of the band that spikes are found in.", "Hz",
        "about 30,000",
    ),
    Metric("probe_lfp_sampling_rate", "place", "Samples per second of the probe's LFP.", "Hz", "about 1,250 or 2,500"),
    Metric("probe_has_lfp_data", "place", "Whether there is an LFP file of the probe.", bounds="true or false"),
    Metric("filtering", "place", "By what filter the probe's signal went.", also=("filtering_channel",)),
    Metric("valid_data", "place", f"Whether the data {_PEAK} are sound.", bounds="true or false", threshold="true"),
    Metric("ecephys_session_id", "place", "The number of the session in the data set.", also=("session_id",)),
)  # fmt: skip
