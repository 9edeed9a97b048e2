"""The file format as data: where things lie, and what they are called, in an NWB 2 file."""

from __future__ import annotations

__all__ = [
    "ACQUISITION",
    "AT_OPENING",
    "DEVICES",
    "ELECTRODES",
    "ELECTRODE_GROUPS",
    "GENERAL",
    "INTERVALS",
    "INVALID_TIMES",
    "MIN_NWB_VERSION",
    "NEVER_READ",
    "OF_THE_FORMAT",
    "PRESENTATIONS_SUFFIX",
    "PROCESSING",
    "SPIKE_AMPLITUDES",
    "SPIKE_TIMES",
    "SUBJECT",
    "UNITS",
    "WAVEFORM_MEAN",
    "WHOLE",
]

UNITS = "units"
ELECTRODES = "general/extracellular_ephys/electrodes"
ELECTRODE_GROUPS = "general/extracellular_ephys"
DEVICES = "general/devices"
INTERVALS = "intervals"
SUBJECT = "general/subject"
PROCESSING = "processing"
ACQUISITION = "acquisition"

# Ragged columns of the units table.
SPIKE_TIMES = "spike_times"
SPIKE_AMPLITUDES = "spike_amplitudes"
WAVEFORM_MEAN = "waveform_mean"

PRESENTATIONS_SUFFIX = "_presentations"
INVALID_TIMES = "invalid_times"

# A reference to a time series for each row of each intervals table: slow to read, and of no use here.
NEVER_READ = frozenset({"timeseries", "timeseries_index"})

# NWB 1 kept units and stimuli elsewhere; from 2.0 on the layout below holds.
MIN_NWB_VERSION = (2, 0)

# What nwbin reads of the general part of a file: attribute of File -> (path, what it is).
GENERAL = {
    "identifier": "identifier",
    "session_id": "general/session_id",
    "session_description": "session_description",
    "session_start_time": "session_start_time",
    "stimulus_notes": "general/stimulus",
    "institution": "general/institution",
    "lab": "general/lab",
    "experiment_description": "general/experiment_description",
}

# Groups that nearly everybody needs: of a file on a server they are fetched in one go when it is opened.
AT_OPENING = (UNITS, ELECTRODES, f"{ELECTRODE_GROUPS}/*", DEVICES)

# Attributes of any object that NWB keeps for itself.
OF_THE_FORMAT = ("namespace", "neurodata_type", "object_id")

# Datasets of times that differ: so many of them or more cannot all be the same, as they would be if a part of the file
# that holds nothing else had been left out. A single one may well be 0.
WHOLE = {SPIKE_TIMES: 1, "start_time": 2, "stop_time": 2, "timestamps": 2}
