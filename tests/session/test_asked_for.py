"""Ids, masks and tables that say what is asked for; and what is not what was meant."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.errors import ArgumentError, ArgumentTypeError, LookupFailure


def test_masks_must_fit(session: nwbin.Session) -> None:
    with pytest.raises(ArgumentError, match="a mask with one value for each of the table's"):
        session.presentationwise_spike_counts([0, 1], np.ones(3, dtype=bool), None)
    flashes = session.get_stimulus_table("flashes")
    for mask in (flashes["color"] == 1, session.units["snr"] > 1):
        with pytest.raises(
            ArgumentError, match=rf"this one has {len(mask)}, .* it means are mask\.index\[mask\]"
        ):
            session.presentationwise_spike_counts([0, 1], mask, None)


def test_what_is_not_what_was_asked_for_says_so(session: nwbin.Session) -> None:
    """Wrong types and orders of arguments: no answer, and an error of nwbin's own that helps."""
    flashes, units, probe = session.get_stimulus_table("flashes"), session.units, int(session.probes.index[0])
    count, matrix = session.presentationwise_spike_counts, session.response_matrix
    area = units["structure_acronym"].iloc[0]
    cases: list[tuple[Callable[[], object], type[Exception], str]] = [
        (lambda: count(flashes.index, [0, 0.05], units), LookupFailure, "0.05 .*; ids are .* not times, and come"),
        (lambda: count([0, 1], flashes["start_time"], units), LookupFailure, "ids are the stimulus table's index, not"),
        (lambda: count(["0", "1"], flashes, units), ArgumentTypeError, "bin_edges must be numbers in seconds"),
        (lambda: count(np.arange(3) * np.timedelta64(1, "ms"), flashes, units), ArgumentTypeError, "not timedelta64"),
        (lambda: count([0, 1], flashes, units, dtype="uint3"), ArgumentTypeError, "dtype 'uint3' is none"),
        (lambda: count([0, 1], flashes, area), LookupFailure, rf"units\.index\[units\.structure_acronym == '{area}'\]"),
        (lambda: matrix(flashes, units, (0.2, 0.1)), ArgumentError, r"from not more than to; not \(0\.2, 0\.1\)"),
        (lambda: matrix(flashes, units, ("0", "1")), ArgumentTypeError, "window must be numbers in seconds"),
        (lambda: matrix(flashes, units, (0, 0), rate=True), ArgumentError, "rates need a window of a length"),
        (lambda: matrix(flashes, units, (0, np.inf), rate=True), ArgumentError, "rates need a window of a length"),
        (lambda: matrix(flashes, label=["color", "contrast"]), ArgumentError, 'label="stimulus_condition_id" tells'),
        (lambda: matrix(flashes, label=None), ArgumentError, "label must be the name of a column, or have one value"),
        (lambda: matrix(flashes, label=flashes["color"].iloc[1:]), ArgumentError, "no value for 1 of .*the first"),
        (lambda: session.presentationwise_running_speed(flashes, window=3), ArgumentError, r"window must be"),
        (lambda: session.spike_times[units.index], ArgumentTypeError, "read one unit at a time: .* not by Index"),
        (lambda: session.get_lfp(session.probes), ArgumentTypeError, "get_lfp reads one probe at a time"),
        (lambda: session.get_lfp(session.probes["description"].iloc[0]), LookupFailure, f"this name is {probe}"),
        (lambda: session.get_lfp(probe, time=3), ArgumentError, r"time must be \(from, to\)"),
        (lambda: session.get_lfp(probe, time=("a", "b")), ArgumentError, r"time must be \(from, to\)"),
        (lambda: session.get_lfp(probe, time=(5, 4)), ArgumentError, r"time must be \(from, to\)"),
    ]  # fmt: skip
    for asked, kind, said in cases:
        with pytest.raises(kind, match=said):
            asked()
    with pytest.warns(nwbin.NwbinWarning, match="conditions are taken for presentations"):
        session.presentationwise_spike_times(flashes["stimulus_condition_id"])
    with pytest.warns(nwbin.NwbinWarning, match="no stimulus is called 3; there are"):
        assert session.get_stimulus_table(3).empty  # type: ignore[arg-type]
    channel = int(session.get_lfp(probe, lazy=True).channel[0])
    assert session.get_lfp(probe, channels=channel).equals(session.get_lfp(probe, channels=[channel]))


def test_a_mask_of_conditions_is_no_list_of_conditions(session: nwbin.Session) -> None:
    table, bins = session.stimulus_presentations, [0, 0.05]
    condition = table["stimulus_condition_id"].iloc[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen = session.presentationwise_spike_counts(
            bins, table["stimulus_condition_id"] == condition, None
        )
    ids = chosen.stimulus_presentation_id.to_numpy()
    assert ids.tolist() == table.index[table["stimulus_condition_id"] == condition].tolist()


def test_tables_that_went_through_text_or_float32(session: nwbin.Session, tmp_path: Path) -> None:
    table = session.get_stimulus_table("flashes")
    expected = session.presentationwise_spike_counts([0, 0.05], table, None)
    table.to_csv(tmp_path / "flashes.csv", float_format="%.4f")
    rounded = pd.read_csv(tmp_path / "flashes.csv", index_col=0)
    for one in (rounded, table.astype({"start_time": "float32"}), table.assign(start_time="soon")):
        assert session.presentationwise_spike_counts([0, 0.05], one, None).equals(expected)


def test_a_look_into_a_mapping_of_units_is_cheap(
    session: nwbin.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    times, left_out = session.spike_times, set(session.file.unit_ids.tolist()) - set(session.units.index)
    monkeypatch.setattr(nwbin.File, "unit_table", property(lambda _: pytest.fail("why is not asked")))
    monkeypatch.setattr(nwbin.File, "spike_trains", lambda *_: pytest.fail("nothing is read"))
    assert left_out
    for one in (*left_out, -1, pd.NA, [1], "VISp"):
        assert one not in times
        assert times.get(one) is None  # type: ignore[call-overload]
    assert all(unit in times for unit in session.units.index)


def test_ids_that_cannot_be_compared(session: nwbin.Session) -> None:
    flashes, unit = session.get_stimulus_table("flashes").index, session.units.index[0]
    with pytest.raises(LookupFailure, match="<NA> is not the id of a unit"):
        session.spike_times[pd.NA]  # type: ignore[index]
    with pytest.raises(LookupFailure, match="<NA> is not the id of a unit"):
        session.presentationwise_spike_counts([0, 1], flashes, [pd.NA])
    with pytest.raises((LookupFailure, ArgumentError)):
        session.presentationwise_spike_counts([0, 1], flashes, [[unit]])
    with pytest.raises(
        LookupFailure, match=f"'{unit}' is not the id of a unit: ids are whole numbers, and this is"
    ):
        session.presentationwise_spike_counts([0, 1], flashes, [str(unit)])
    with pytest.raises(ArgumentTypeError, match="read one unit at a time"):
        session.spike_times[1, [2]]  # type: ignore[index]


def test_tables_of_other_ids_are_refused(session: nwbin.Session) -> None:
    """A table of the file has ids of its own, which are those of other presentations."""
    stored = session.file.intervals["flashes_presentations"]
    with pytest.raises(
        ArgumentError, match=r"by it 0 starts at [\d.]+ s, as a presentation at [\d.]+ s; give part of"
    ):
        session.response_matrix(stored, label="color")
    flashes = session.get_stimulus_table("flashes")
    with pytest.raises(ArgumentError, match="or the ids alone if its times were changed"):
        session.presentationwise_spike_times(flashes.assign(start_time=flashes["start_time"] + 0.1))
    assert len(session.presentationwise_spike_times(flashes[["color"]])) > 0


def test_unknown_ids_are_named(session: nwbin.Session) -> None:
    with pytest.raises(
        LookupFailure, match=r"session_1.nwb: 77123 is not the id of a unit; there are: "
    ) as caught:
        session.presentationwise_spike_counts([0, 1], [0], [np.int64(77123)])
    assert isinstance(caught.value, KeyError)
    with pytest.raises(LookupFailure, match="spike amplitudes: 77123 is not the id of a unit; there are"):
        session.spike_amplitudes[77123]
    with pytest.raises(LookupFailure, match="1000000 is not the id of a stimulus presentation"):
        session.presentationwise_spike_times([0, 10**6])


def test_swapped_ids_are_noticed(session: nwbin.Session) -> None:
    units, shown = session.units, session.get_stimulus_table("flashes")
    swapped = "presentations come first, then units; are they swapped?"
    for first, second in ((units, shown), (units.index, shown.index), (None, shown)):
        with pytest.raises(LookupFailure, match=swapped.replace("?", r"\?")):
            session.presentationwise_spike_counts([0, 0.1], first, second)
    with pytest.raises(
        LookupFailure, match=f"{units.index[0]} is not the id of a stimulus presentation, but of a unit"
    ):
        session.response_matrix(units.index.tolist(), shown.index.tolist())
    with pytest.raises(
        LookupFailure, match=f"{shown.index[0]} is not the id of a unit, but of a stimulus presentation"
    ):
        session.presentationwise_spike_times(shown.index.tolist(), shown.index.tolist())


def test_tables_serve_as_ids(session: nwbin.Session) -> None:
    flashes = session.get_stimulus_table("flashes")
    by_table = session.presentationwise_spike_counts([0, 0.1], flashes, session.units)
    assert by_table.equals(
        session.presentationwise_spike_counts([0, 0.1], flashes.index, session.units.index)
    )


def test_a_stimulus_is_asked_for_by_its_name(session: nwbin.Session) -> None:
    flashes = session.get_stimulus_table("flashes").index
    assert session.presentationwise_spike_counts([0, 0.1], "flashes", None).equals(
        session.presentationwise_spike_counts([0, 0.1], flashes, None)
    )
    by_name, by_ids = (session.response_matrix(one, label="color") for one in ("flashes", flashes))
    assert np.array_equal(by_name.X, by_ids.X)
    with pytest.raises(LookupFailure, match=r"given by its name alone, or by get_stimulus_table"):
        session.response_matrix(["flashes"])
