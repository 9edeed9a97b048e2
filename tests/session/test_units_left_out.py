"""Unit filters: what keeps a unit, why one is left out; times during which spikes are invalid."""

from __future__ import annotations

import re
import shutil
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py  # noqa: TID251
import numpy as np
import pytest

import nwbin
from nwbin.errors import ArgumentError, ArgumentTypeError, InvalidSpikesWarning, LookupFailure


def test_units_left_out_say_by_which_filter(session: nwbin.Session, path: Path) -> None:
    """What the message says is done, and the unit is there; each kind of reason occurs."""
    seen = set()
    for unit in session.file.unit_ids:
        if unit in session.units.index:
            continue
        with pytest.raises(
            LookupFailure, match=f"{unit} is not the id of a unit that passed the filters"
        ) as caught:
            session.presentationwise_spike_times([0], [unit])
        with pytest.raises(LookupFailure, match=re.escape(str(caught.value).partition(": ")[2])):
            session.spike_times[unit]
        why, _, how = str(caught.value).partition(": to keep it, open the session with ")
        value = session.file.units.loc[unit]
        for column, bound in (("amplitude_cutoff", 0.1), ("presence_ratio", 0.95), ("isi_violations", 0.5)):
            name = column + ("_minimum" if column == "presence_ratio" else "_maximum")
            there = re.search(rf"its {column} is ([-\d.e]+), (more|less) than {name}={bound}", why)
            passes = value[column] >= bound if name.endswith("minimum") else value[column] <= bound
            assert (there is not None) == (not passes and not np.isnan(value[column]))
            assert there is None or float(there[1]) == pytest.approx(value[column], rel=1e-5)
            if there:
                seen.add(column)
        if "filter_by_metrics" in how:
            assert "is NaN, which no bound lets through" in why
            seen.add("NaN")
        seen |= set(re.findall("filter_[a-z_]+", how))
        with nwbin.open(path, **eval(f"dict({how})")) as loose:
            assert unit in loose.units.index
    assert seen >= {"amplitude_cutoff", "presence_ratio", "isi_violations", "filter_by_validity", "NaN"}
    assert "filter_out_of_brain_units" in seen


def test_units_without_their_channel_or_probe_are_not_laid_to_the_filters(
    session: nwbin.Session, path: Path, tmp_path: Path
) -> None:
    unit = int(session.units.index[0])
    channel = session.units.loc[unit, "peak_channel_id"]

    def said(opened: nwbin.Session) -> str:
        with pytest.raises(LookupFailure, match=f"{unit} is not the id of a unit that passed") as caught:
            opened.spike_times[unit]
        assert len(opened.file.spike_trains([unit]).times)
        why = str(caught.value).partition("filters; ")[2]
        why, _, way = why.partition("; session.file.")
        assert way == f"spike_trains([{unit}]) reads it all the same"
        return why

    rest = session.channels[["structure_acronym"]].drop(index=channel)
    for validity in (True, False):
        opened = nwbin.open(path, external_channel_columns=rest, filter_by_validity=validity)
        assert said(opened) == f"external_channel_columns has no row for its peak channel {channel}"

    copy = tmp_path / "session_9.nwb"
    shutil.copy(path, copy)
    with h5py.File(copy, "r+") as f:
        ids = f["units/id"][:]
        f["units/peak_channel_id"][int(np.flatnonzero(ids == unit)[0])] = 5
    unfiltered = {
        "amplitude_cutoff_maximum": None,
        "presence_ratio_minimum": None,
        "isi_violations_maximum": None,
        "filter_by_validity": False,
        "filter_out_of_brain_units": False,
    }
    for filters in ({}, unfiltered):
        with pytest.warns(nwbin.NwbinWarning, match="1 of .* units have a peak_channel_id whose electrode"):
            assert said(nwbin.open(copy, **filters)) == "its peak channel 5 is no electrode of the file"  # type: ignore[arg-type]

    copy = tmp_path / "session_10.nwb"
    shutil.copy(path, copy)
    with h5py.File(copy, "r+") as f:
        electrodes = f["general/extracellular_ephys/electrodes"]
        electrodes["probe_id"][int(np.flatnonzero(electrodes["id"][:] == channel)[0])] = 6
    with pytest.warns(nwbin.NwbinWarning, match="units have a peak_channel_id whose electrode or probe"):
        assert said(nwbin.open(copy)) == "its probe 6 is not in the file"


def test_all_that_keeps_a_unit_is_said(session: nwbin.Session, path: Path, tmp_path: Path) -> None:
    """A channel that is neither valid nor in the brain needs two arguments."""
    unit = int(session.units.index[0])
    copy = tmp_path / "session_9.nwb"
    shutil.copy(path, copy)
    with h5py.File(copy, "r+") as f:
        electrodes = f["general/extracellular_ephys/electrodes"]
        row = int(np.flatnonzero(electrodes["id"][:] == session.units.loc[unit, "peak_channel_id"])[0])
        electrodes["valid_data"][row] = False
        electrodes["location"][row] = ""
    with pytest.raises(LookupFailure, match=r"has no valid data; .* lies in no structure") as caught:
        nwbin.open(copy).spike_times[unit]
    how = str(caught.value).partition(": to keep it, open the session with ")[2]
    assert unit in nwbin.open(copy, **eval(f"dict({how})")).units.index


def test_filters_must_be_numbers(path: Path) -> None:
    for value in ("0.1", [0.1], 1j):
        for name in ("amplitude_cutoff_maximum", "presence_ratio_minimum", "isi_violations_maximum"):
            with pytest.raises(
                ArgumentTypeError,
                match=re.escape(f"{name} must be a number, or None for no bound; not {value!r}"),
            ):
                nwbin.open(path, **{name: value})  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="isi_violations_maximum is NaN"):
        nwbin.open(path, isi_violations_maximum=float("nan"))
    with pytest.raises(ArgumentTypeError, match="filter_by_validity must be True or False, not 'no'"):
        nwbin.open(path, filter_by_validity="no")  # type: ignore[arg-type]
    numpy = {"amplitude_cutoff_maximum": np.float32(1), "filter_by_validity": np.False_}
    plain = {"amplitude_cutoff_maximum": 1, "filter_by_validity": False}
    for flag, bound in ((np.int64(0), np.array(1.0)), (np.array(False), np.array(1))):
        scalars = {"amplitude_cutoff_maximum": bound, "filter_by_validity": flag}
        assert nwbin.open(path, **scalars).units.equals(nwbin.open(path, **plain).units)  # type: ignore[arg-type]
    assert nwbin.open(path, **numpy).units.equals(nwbin.open(path, **plain).units)  # type: ignore[arg-type]


def test_all_units_can_be_had(path: Path) -> None:
    every = {"filter_by_validity": False, "filter_out_of_brain_units": False}
    unbounded = dict.fromkeys(
        ("amplitude_cutoff_maximum", "presence_ratio_minimum", "isi_violations_maximum")
    )
    stored = nwbin.File(path).units
    unknown = stored.index[stored["amplitude_cutoff"].isna()]
    assert len(unknown) == 1
    as_allensdk = nwbin.open(path, **unbounded, **every).units.index  # type: ignore[arg-type]
    assert unknown[0] not in as_allensdk
    found = nwbin.open(path, filter_by_metrics=False, **every).units.index
    assert sorted(found) == sorted([*as_allensdk, *unknown])
    with pytest.raises(ArgumentTypeError, match="filter_by_metrics must be True or False"):
        nwbin.open(path, filter_by_metrics=0.1)  # type: ignore[arg-type]


def test_invalid_spikes_warn_once(masked: Path) -> None:
    session = nwbin.open(masked)
    with pytest.warns(nwbin.NwbinWarning, match="spikes of some probes are invalid"):
        session.spike_times  # noqa: B018
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session.spike_times  # noqa: B018


def test_invalid_spikes_are_told_of_where_they_are_asked_for(masked: Path) -> None:
    session = nwbin.open(masked)
    table, invalid, units = session.stimulus_presentations, session.invalid_times, session.units
    of_probe = {
        tags[-1]: (start, stop)
        for start, stop, tags in zip(
            invalid["start_time"], invalid["stop_time"], invalid["tags"], strict=True
        )
        if tags[0] == "EcephysProbe"
    }
    (mine, (start, stop)), (other, _) = list(of_probe.items())[:2]
    hit = ((table["start_time"] <= stop) & (table["stop_time"] >= start)).to_numpy()
    far = ~(
        (table["start_time"] <= invalid["stop_time"].iloc[:-1].max() + 10)
        & (table["stop_time"] >= start - 20)
    )
    ids = [units.index[units["probe_description"] == name] for name in (mine, other)]

    def heard(asked: Callable[[], object]) -> list[str]:
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always")
            asked()
        return [str(one.message) for one in given if one.category is InvalidSpikesWarning]

    some = table.index[hit]
    assert heard(lambda: session.presentationwise_spike_counts([0, 0.01], table.index[far], ids[0])) == []
    assert (
        heard(lambda: session.response_matrix(some, ids[0], window=(-9e3, -8e3), label="stimulus_name")) == []
    )
    assert not any(mine in one for one in heard(lambda: session.presentationwise_spike_times(some, ids[1])))
    [said] = heard(lambda: session.presentationwise_spike_times(some, ids[0]))
    assert f"{len(some)} of {len(some)} presentations overlap" in said
    assert f"({mine} {start:.6g} to {stop:.6g} s" in said
    assert other not in said
    assert heard(lambda: session.presentationwise_spike_times(some, ids[0])) == []
    [said] = heard(lambda: session.conditionwise_spike_statistics(None, None))
    assert mine in said
    assert other in said
    edges = [0, float(table["duration"].loc[some].min())]
    count = partial(session.presentationwise_spike_counts, edges, some, ids[0])
    assert heard(lambda: count(time_domain_callback=lambda times: times + 9e4)) == []
    assert len(heard(lambda: count(time_domain_callback=lambda times: times))) == 1
