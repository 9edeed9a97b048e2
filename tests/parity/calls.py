"""The calls whose answers are recorded: each by its name, made on a session of either kind.

The same file runs beside AllenSDK (Python 3.10, old pandas, no nwbin) when answers are recorded, and beside
nwbin when they are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

CALLBACKS: dict[str, Callable[[Any], Any]] = {
    "callback_add": lambda d: d + 0.05 * np.arange(len(d))[:, None],
    "callback_swap": lambda d: d[::-1],
    "callback_bad_shape": lambda d: d[:-1],
    "callback_fewer_edges": lambda d: d[:, ::2],
    "callback_disorder": lambda d: d[:, ::-1],
    "callback_none_return": lambda d: None,
}

ATTRIBUTES = (
    "units",
    "channels",
    "probes",
    "stimulus_presentations",
    "_stimulus_presentations",
    "stimulus_conditions",
    "inter_presentation_intervals",
    "invalid_times",
    "metadata",
    "structure_acronyms",
    "structurewise_unit_counts",
    "running_speed",
    "optogenetic_stimulation_epochs",
    "rig_geometry_data",
    "rig_equipment_name",
    "specimen_name",
    "session_type",
    "full_genotype",
    "sex",
    "age_in_days",
    "num_units",
    "num_channels",
    "num_probes",
    "num_stimulus_presentations",
    "stimulus_names",
    "session_start_time",
    "ecephys_session_id",
    "spike_times",
    "spike_amplitudes",
    "mean_waveforms",
)

# name -> what to do with the session (and the id of the probe that has an LFP file)
QUESTIONS: dict[str, Callable[[Any, int], Any]] = {
    "get_invalid_times": lambda s, _: s.get_invalid_times(),
    "get_stimulus_epochs": lambda s, _: s.get_stimulus_epochs(),
    "get_stimulus_epochs_thr": lambda s, _: s.get_stimulus_epochs({"spontaneous": 5.0}),
    "get_stimulus_table:scalar": lambda s, _: s.get_stimulus_table("flashes"),
    "get_stimulus_table:two": lambda s, _: s.get_stimulus_table(["flashes", "gabors"]),
    "get_stimulus_table:unknown": lambda s, _: s.get_stimulus_table(["nope"]),
    "get_stimulus_table:detailed": lambda s, _: s.get_stimulus_table(
        ["gabors"], include_detailed_parameters=True
    ),
    "get_stimulus_table:unused": lambda s, _: s.get_stimulus_table(
        ["gabors"], include_unused_parameters=True
    ),
    "get_stimulus_parameter_values": lambda s, _: s.get_stimulus_parameter_values(),
    "get_stimulus_parameter_values_nulls": lambda s, _: s.get_stimulus_parameter_values(drop_nulls=False),
    "get_inter_presentation_intervals_for_stimulus": lambda s, _: (
        s.get_inter_presentation_intervals_for_stimulus(["gabors"])
    ),
    "api.get_running_speed_rotation": lambda s, _: s.api.get_running_speed(include_rotation=True),
    "api.get_raw_running_data": lambda s, _: s.api.get_raw_running_data(),
    "get_pupil_data": lambda s, _: s.get_pupil_data(),
    "get_screen_gaze_data": lambda s, _: s.get_screen_gaze_data(),
    "get_screen_gaze_data_filtered": lambda s, _: s.get_screen_gaze_data(include_filtered_data=True),
    "channel_structure_intervals": lambda s, _: s.channel_structure_intervals(s.channels.index.values),
    "spike_times_second_access": lambda s, _: s.spike_times,
    "mean_waveform_of_first_unit": lambda s, _: s.mean_waveforms[s.units.index.values[0]],
    "get_lfp": lambda s, probe: s.get_lfp(probe),
    "get_lfp_unmasked": lambda s, probe: s.get_lfp(probe, mask_invalid_intervals=False),
    "get_current_source_density": lambda s, probe: s.get_current_source_density(probe),
    "get_lfp_other_probe": lambda s, probe: s.get_lfp(next(p for p in s.probes.index if p != probe)),
    "get_lfp_unknown_probe": lambda s, _: s.get_lfp(1),
    "counts:bool_mask_ids": lambda s, _: s.presentationwise_spike_counts(
        np.array([0.0, 0.25]),
        s.stimulus_presentations.stimulus_name == "flashes",
        _mixed_units(s),
    ),
    "counts:index_ids": lambda s, _: s.presentationwise_spike_counts(
        np.array([0.0, 0.25]),
        s.stimulus_presentations[s.stimulus_presentations.stimulus_name == "flashes"].index,
        s.units.index[:4],
    ),
}


def _mixed_units(session: Any) -> Any:
    """Some units in an order that is not theirs."""
    ids = session.units.index.values
    return ids[np.random.default_rng(1).permutation(len(ids))[: min(8, len(ids))]]


def _ids(ids: Any) -> Any:
    return np.asarray(ids, dtype=np.int64) if isinstance(ids, list) else ids


def perform(session: Any, name: str, request: dict[str, Any] | None, lfp_probe: int) -> Any:
    """Make one recorded call.

    Parameters
    ----------
    session
        AllenSDK's EcephysSession or nwbin's Session.
    name
        The call's recorded name.
    request
        Its recorded arguments.
    lfp_probe
        The probe that has an LFP file.

    Raises
    ------
    NotImplementedError
        No call has this name.
    """
    kind, _, detail = name.partition(":")
    if name in QUESTIONS:
        return QUESTIONS[name](session, lfp_probe)
    if name in ATTRIBUTES:
        return getattr(session, name)
    if kind == "get_stimulus_table":
        return session.get_stimulus_table([detail])
    if kind == "get_stimulus_table_detailed":
        return session.get_stimulus_table([detail], include_detailed_parameters=True)
    if kind == "get_parameter_values_for_stimulus":
        return session.get_parameter_values_for_stimulus(detail)
    if request is None:
        raise NotImplementedError(name)
    options = dict(request)
    presentations = options.pop("stimulus_presentation_ids")
    units = options.pop("unit_ids")
    if kind == "counts":
        edges = options.pop("bin_edges")
        edges_dtype = options.pop("bin_edges_dtype")
        as_list = detail in ("ids_as_list", "int_list_edges", "mixed_list_edges")
        if "time_domain_callback" in options:
            options["time_domain_callback"] = CALLBACKS[detail]
        if isinstance(options.get("dtype"), str):
            options["dtype"] = bool if options["dtype"] == "bool" else getattr(np, options["dtype"])
        if not as_list:
            edges = np.asarray(edges, dtype=edges_dtype)
            if presentations != [] or detail != "empty_presentations_list":
                float_ids = detail == "float_ids" and isinstance(presentations, list)
                presentations = np.asarray(presentations, dtype=float) if float_ids else _ids(presentations)
            units = _ids(units)
        return session.presentationwise_spike_counts(edges, presentations, units, **options)
    if kind == "spike_times_by_presentation":
        return session.presentationwise_spike_times(_ids(presentations), _ids(units))
    if kind == "conditionwise":
        return session.conditionwise_spike_statistics(_ids(presentations), _ids(units), **options)
    raise NotImplementedError(name)
