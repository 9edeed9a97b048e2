"""The `ndx-aibs-ecephys` extension, cached in each file so that pynwb alone can open it.

The type, attribute and dataset names are part of the file format; the descriptions are our own.
"""

from __future__ import annotations

import json
from typing import Any

NAME = "ndx-aibs-ecephys"
VERSION = "0.2.0"
_SOURCE = "ndx-aibs-ecephys.extension"


def _attribute(name: str, dtype: str, doc: str) -> dict[str, Any]:
    return {"name": name, "dtype": dtype, "doc": doc}


def _vector(name: str, doc: str) -> dict[str, Any]:
    unit = _attribute("unit", "text", "what the numbers are measured in")
    return {"name": name, "dtype": "float32", "shape": [None], "doc": doc, "attributes": [unit]}


def _group(name: str, parent: str, doc: str, **content: Any) -> dict[str, Any]:
    return {"neurodata_type_def": name, "neurodata_type_inc": parent, "doc": doc, **content}


_TYPES = [
    _group(
        "EcephysProbe", "Device", "one Neuropixels probe",
        attributes=[
            _attribute("sampling_rate", "float64", "samples a second in the spike band"),
            _attribute("probe_id", "int", "number that names the probe"),
        ],
    ),
    _group(
        "EcephysElectrodeGroup", "ElectrodeGroup", "the channels of one probe",
        attributes=[
            _attribute("has_lfp_data", "bool", "whether there is an LFP file of this probe"),
            _attribute("probe_id", "int", "number that names the probe"),
            _attribute("lfp_sampling_rate", "float64", "samples a second in the LFP file"),
        ],
    ),
    _group(
        "EcephysSpecimen", "Subject", "the animal",
        attributes=[
            _attribute("specimen_name", "text", "full name of the animal"),
            _attribute("age_in_days", "float", "age on the day of the recording"),
        ],
    ),
    _group(
        "EcephysEyeTrackingRigMetadata", "NWBDataInterface", "where camera, light and monitor stand",
        attributes=[_attribute("equipment", "text", "name of the rig")],
        datasets=[
            _vector("monitor_position", "x, y, z of the monitor"),
            _vector("camera_position", "x, y, z of the camera"),
            _vector("led_position", "x, y, z of the light"),
            _vector("monitor_rotation", "rotation of the monitor about x, y, z"),
            _vector("camera_rotation", "rotation of the camera about x, y, z"),
        ],
    ),
    _group(
        "EcephysCSD", "NWBDataInterface", "current source density and where it was computed",
        groups=[{"neurodata_type_inc": "TimeSeries", "doc": "the density, samples by virtual channels"}],
        datasets=[
            _vector("virtual_electrode_x_positions", "horizontal position of each virtual channel"),
            _vector("virtual_electrode_y_positions", "vertical position of each virtual channel"),
        ],
    ),
]  # fmt: skip

_NAMESPACE = {
    "name": NAME,
    "version": VERSION,
    "doc": "types of Visual Coding - Neuropixels files, as nwbin writes them for its tests",
    "author": "The nwbin developers",
    "schema": [{"namespace": "core"}, {"source": _SOURCE}],
}


def cached_specification() -> dict[str, str]:
    """What to store: path below `/specifications` -> JSON text."""
    root = f"{NAME}/{VERSION}"
    return {
        f"{root}/namespace": json.dumps({"namespaces": [_NAMESPACE]}),
        f"{root}/{_SOURCE}": json.dumps({"groups": _TYPES}),
    }
