"""What a session in Zarr has to have in common with the HDF5 file that it was made of: everything that nwbin reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import nwbin
from nwbin.errors import NwbinError

__all__ = ["same_files", "same_sessions", "trains_of"]

# Written by the exporting program itself: what it was made with, and its own copy of NWB's definitions.
OTHER = {"specifications", "file_create_date"}
# Attributes that pynwb makes what they are in its own version of NWB when it exports a file, or adds, or leaves out.
PYNWBS = {"namespace", "neurodata_type", "reference", "offset", "description", "strain"}


def same_objects(there: Any, here: Any, path: str = "", *, exported: bool = False) -> int:
    """Compare all objects below a path: names, links, attributes, shapes, dtypes and values; returns how many."""
    names = [name for name in here.children(path) if name not in OTHER]
    assert [name for name in there.children(path) if name not in OTHER] == names, path
    count = 0
    for name in names:
        at = f"{path}/{name}".strip("/")
        assert there.kind(at) == here.kind(at), at
        assert there.link(at) == here.link(at), at
        same_attributes(there.attributes(at), here.attributes(at), at, PYNWBS if exported else set())
        count += 1
        if here.link(at)[0] != "hard":
            continue
        if here.kind(at) == "group":
            count += same_objects(there, here, at, exported=exported)
            continue
        one, other = there.layout(at), here.layout(at)
        assert (one.shape, one.kind) == (other.shape, other.kind), at
        if one.kind not in ("number", "bool", "text"):
            continue
        a, b = there.read(at), here.read(at)
        assert a.dtype == b.dtype, at
        np.testing.assert_array_equal(a, b, err_msg=at)
    return count


def same_attributes(there: dict[str, Any], here: dict[str, Any], at: str, but: set[str]) -> None:
    assert set(there) - but == set(here) - but, (at, sorted(set(there) ^ set(here)))
    for key in set(here) - but:
        np.testing.assert_array_equal(there[key], here[key], err_msg=f"{at}@{key}")


def same_files(there: nwbin.File, here: nwbin.File, *, exported: bool = False) -> int:
    """Compare two open files; returns how many objects were compared.

    `exported`: pynwb has written one of them anew, which makes some of its attributes others.
    """
    for name in (
        "identifier", "session_id", "session_description", "stimulus_notes", "institution",
        "session_start_time",
    ):  # fmt: skip
        assert getattr(there, name) == getattr(here, name), name
    assert exported or (there.nwb_version, there.subject) == (here.nwb_version, here.subject)
    assert there.subject.items() - {("strain", None)} <= here.subject.items()
    for name in ("electrode_groups", "devices"):
        pd.testing.assert_frame_equal(getattr(there, name), getattr(here, name))
    for name in ("units", "electrodes"):
        if here.has("units" if name == "units" else "general/extracellular_ephys/electrodes"):
            pd.testing.assert_frame_equal(getattr(there, name), getattr(here, name))
    assert list(there.intervals) == list(here.intervals)
    for name in here.intervals:
        pd.testing.assert_frame_equal(there.intervals[name], here.intervals[name])
    if here.has("units/spike_times"):
        assert trains_of(there) == trains_of(here)
        for unit in here.unit_ids[:3].tolist():
            for name in here.unit_table.columns:
                same_values(unit_value(there, name, unit), unit_value(here, name, unit), name)
    return same_objects(there._source, here._source, exported=exported)


def trains_of(file: nwbin.File) -> Any:
    """All spike trains, or the name of the error that there is instead."""
    try:
        return file.spike_trains()
    except NwbinError as error:  # of files that were cut down to a few rows
        return type(error).__name__


def unit_value(file: nwbin.File, name: str, unit: int) -> Any:
    try:
        return file.unit_column(name, unit)
    except NwbinError as error:
        return type(error).__name__


def same_values(there: Any, here: Any, name: str) -> None:
    if isinstance(here, list):
        assert len(there) == len(here), name
        for a, b in zip(there, here, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)
    else:
        np.testing.assert_array_equal(there, here, err_msg=name)


SESSION = (
    "units", "channels", "probes", "stimulus_presentations", "stimulus_conditions", "running_speed", "invalid_times",
    "inter_presentation_intervals", "stimulus_names", "structure_acronyms", "structurewise_unit_counts", "metadata",
    "age_in_days", "sex", "full_genotype", "session_type", "specimen_name", "num_units", "num_probes",
    "num_stimulus_presentations", "rig_geometry_data", "rig_equipment_name", "session_start_time",
)  # fmt: skip


def same_sessions(there: nwbin.Session, here: nwbin.Session) -> list[str]:
    """Compare two sessions; returns what was compared."""
    done = list(SESSION)
    for name in SESSION:
        same_answers(getattr(there, name), getattr(here, name), name)
    for ask in (
        lambda s: s.get_pupil_data(), lambda s: s.get_screen_gaze_data(), lambda s: s.get_stimulus_epochs(),
        lambda s: s.get_stimulus_table(), lambda s: s.optogenetic_stimulation_epochs,
    ):  # fmt: skip
        same_answers(answer(ask, there), answer(ask, here), "asked")
    done += ["pupil_data", "screen_gaze_data", "stimulus_epochs", "stimulus_table", "optogenetic epochs"]
    ids = here.units.index
    for mapping in ("spike_times", "spike_amplitudes", "mean_waveforms"):
        assert list(getattr(there, mapping)) == list(getattr(here, mapping)), mapping
        for unit in ids[:5].tolist():
            same_answers(getattr(there, mapping)[unit], getattr(here, mapping)[unit], mapping)
        done.append(mapping)
    shown = here.stimulus_presentations.index[:60]
    for ask in (
        lambda s: s.presentationwise_spike_counts([0, 0.05, 0.1, 0.25], shown, ids),
        lambda s: s.presentationwise_spike_times(shown, ids),
        lambda s: s.conditionwise_spike_statistics(shown, ids),
        lambda s: s.response_matrix(shown, ids).X,
        lambda s: s.response_matrix(shown, ids).y,
    ):
        same_answers(ask(there), ask(here), "counts")
    done += [
        "presentationwise_spike_counts",
        "presentationwise_spike_times",
        "conditionwise_spike_statistics",
        "X",
        "y",
    ]
    return done


def answer(ask: Any, session: nwbin.Session) -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ask(session)
        except NwbinError as error:
            return type(error).__name__


def same_answers(there: Any, here: Any, name: str) -> None:
    assert type(there) is type(here), name
    if isinstance(here, pd.DataFrame):
        pd.testing.assert_frame_equal(there, here)
    elif isinstance(here, pd.Series):
        pd.testing.assert_series_equal(there, here)
    elif hasattr(here, "identical"):
        assert there.identical(here), name
    elif isinstance(here, dict):
        assert list(there) == list(here), name
        for key in here:
            same_answers(there[key], here[key], f"{name}[{key}]")
    else:
        np.testing.assert_array_equal(there, here, err_msg=name)
