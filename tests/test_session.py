"""Session beyond what AllenSDK answers: plain files, what nwbin adds, and where it differs on purpose."""

from __future__ import annotations

import inspect
import pickle
import re
import shutil
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py  # noqa: TID251
import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.allen import lfp as lfp_reading
from nwbin.errors import ArgumentError, ArgumentTypeError, FormatError, InvalidSpikesWarning, LookupFailure
from nwbin.testing import write_session
from tests.small_files import table, write_small

QUIET = {"size": "tiny", "invalid_times": False, "channels": 32, "samples": 10, "repeats": 0.3}

# The public attributes and methods of AllenSDK 2.16.2's EcephysSession.
ECEPHYS_SESSION = """
DETAILED_STIMULUS_PARAMETERS age_in_days api channel_structure_intervals channels
conditionwise_spike_statistics ecephys_session_id from_nwb_path full_genotype
get_current_source_density get_inter_presentation_intervals_for_stimulus get_invalid_times get_lfp
get_parameter_values_for_stimulus get_pupil_data get_screen_gaze_data get_stimulus_epochs
get_stimulus_parameter_values get_stimulus_table inter_presentation_intervals invalid_times
mean_waveforms metadata num_channels num_probes num_stimulus_presentations num_units
optogenetic_stimulation_epochs presentationwise_spike_counts presentationwise_spike_times probes
rig_equipment_name rig_geometry_data running_speed session_start_time session_type sex specimen_name
spike_amplitudes spike_times stimulus_conditions stimulus_names stimulus_presentations
structure_acronyms structurewise_unit_counts units
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("session") / "session_1.nwb", seed=5, lfp=True, **QUIET)


@pytest.fixture
def session(path: Path) -> nwbin.Session:
    return nwbin.open(path)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("bare") / "session_2.nwb", seed=6, bare=True, **QUIET)


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(
        tmp_path_factory.mktemp("masked") / "session_3.nwb", seed=7, size="tiny", quirks=True
    )


def test_every_public_name_of_ecephys_session_is_there() -> None:
    theirs = ECEPHYS_SESSION.split()
    assert set(theirs) <= set(dir(nwbin.Session))
    arguments = list(inspect.signature(nwbin.Session.presentationwise_spike_counts).parameters)
    assert arguments[1:8] == [
        "bin_edges",
        "stimulus_presentation_ids",
        "unit_ids",
        "binarize",
        "dtype",
        "large_bin_size_threshold",
        "time_domain_callback",
    ]


def test_response_matrix(session: nwbin.Session) -> None:
    table = session.get_stimulus_table("static_gratings")
    units = session.units.index[::-1]
    matrix = session.response_matrix(table.index, units, window=(0.01, 0.2), label="orientation")
    shown = table[table["orientation"] != "null"]
    assert len(shown) < len(table), "a blank sweep has no orientation and is left out"
    assert matrix.presentation_ids.tolist() == shown.index.tolist()
    assert matrix.unit_ids.tolist() == units.tolist()
    assert matrix.y.tolist() == shown["orientation"].tolist()
    assert matrix.y.dtype == np.float64
    assert matrix.classes.tolist() == sorted(set(shown["orientation"]))
    assert matrix.X.shape == (len(shown), len(units))
    assert matrix.X.dtype == np.float64
    assert (
        repr(matrix)
        == f"<nwbin.ResponseMatrix: {len(shown)} trials x {len(units)} units, {len(matrix.classes)} classes>"
    )
    for column, unit in enumerate(units):
        times = session.spike_times[unit]
        by_hand = [((times >= t + 0.01) & (times <= t + 0.2)).sum() for t in shown["start_time"]]
        assert matrix.X[:, column].tolist() == by_hand
    rates = session.response_matrix(table.index, units, window=(0.01, 0.2), rate=True)
    np.testing.assert_allclose(rates.X, matrix.X / 0.19)


def test_tables_with_null_can_be_compared(session: nwbin.Session) -> None:
    table = session.get_stimulus_table("static_gratings")
    with pytest.raises(TypeError):
        table[table["orientation"] > 45]
    tidy = nwbin.export.tidy(table)
    some = tidy[tidy["orientation"] > 45]
    assert 0 < len(some) < len(table)
    assert nwbin.export.select(table, "orientation > 45").index.equals(some.index)


def test_response_matrix_says_what_was_hardly_meant(session: nwbin.Session) -> None:
    table = session.get_stimulus_table("static_gratings")
    with pytest.warns(
        nwbin.NwbinWarning, match=r"240 s long and the longest presentation 0\.25\d* s; .* seconds"
    ):
        session.response_matrix(table.index, window=(10, 250))
    with pytest.warns(
        nwbin.NwbinWarning,
        match=r"none of the [\d,]+ presentations has a value of 'color': .* values: orientation, phase, spatial_f",
    ):
        assert session.response_matrix(table.index, label="color").X.shape == (0, len(session.units))
    flashes = session.get_stimulus_table("flashes")
    with pytest.warns(
        nwbin.NwbinWarning, match=r"all \d+ presentations have the same 'orientation', 0\.0: .* values: color"
    ):
        assert session.response_matrix(flashes).classes.tolist() == [0.0]
    with pytest.warns(nwbin.NwbinWarning, match=r"the window is 250 s long .* times are in seconds"):
        session.presentationwise_spike_counts([0, 50, 250], flashes.index[:1], None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session.presentationwise_spike_counts([-np.inf, 0, np.inf], flashes.index[:1], None)
        frame = session.get_stimulus_table("natural_movie_one").index[:1]
        session.presentationwise_spike_counts(
            np.arange(0, 12.01, 0.1), frame, None
        )  # a clip from its first frame
        session.response_matrix(table.index, window=(-5, 5))  # the surroundings, in whole seconds
    with pytest.raises(ArgumentError, match=r"window must be \(from, to\) in seconds from onset, not 0\.25"):
        session.response_matrix(table.index, window=0.25)  # type: ignore[arg-type]
    with pytest.raises(
        ArgumentError, match=r"window must be \(from, to\) in seconds from onset, not \[\[0\], 1\]"
    ):
        session.response_matrix(table.index, window=[[0], 1])  # type: ignore[arg-type]


def test_one_label_is_said_once(session: nwbin.Session) -> None:
    flashes = session.get_stimulus_table("flashes").index
    with pytest.warns(nwbin.NwbinWarning, match="have the same 'stimulus_name', 'flashes'"):
        session.response_matrix(flashes, label="stimulus_name")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session.response_matrix(flashes[1:], label="stimulus_name")  # a loop over parts is not told again


def test_missing_labels_are_left_out(session: nwbin.Session) -> None:
    shown = session.get_stimulus_table("static_gratings").index
    labels = [pd.NA, None, np.nan, "null", *range(len(shown) - 4)]
    assert session.response_matrix(shown, label=labels).presentation_ids.tolist() == shown[4:].tolist()


def test_response_matrix_of_mixed_labels(session: nwbin.Session) -> None:
    matrix = session.response_matrix(None, label="spatial_frequency")
    numbers = [one for one in matrix.classes if not isinstance(one, str)]
    text = [one for one in matrix.classes if isinstance(one, str)]
    assert matrix.classes.tolist() == [*sorted(numbers), *sorted(text)]
    assert numbers
    assert text


def test_text_that_says_none_is_a_value(session: nwbin.Session) -> None:
    table = session.get_stimulus_table("flashes", include_detailed_parameters=True)
    assert set(table["mask"]) == {"None"}


@pytest.mark.parametrize("others", [[0, 1], [-1, 1]])
def test_numbers_that_no_signed_64_bits_hold(tmp_path: Path, others: list[int]) -> None:
    path, large = write_small(tmp_path / "small.nwb"), 2**64 - 1
    with h5py.File(path, "r+") as f:
        kinds = (np.uint64, np.uint64 if min(others) >= 0 else np.int64)
        for name, values, kind in zip(("trials", "epochs"), ([large, 3, 3, 3], others), kinds, strict=True):
            if name != "trials":
                table(
                    f["intervals"],
                    name,
                    np.arange(2),
                    {"start_time": np.arange(2.0), "stop_time": np.arange(2.0) + 1},
                )
            f["intervals"][name]["seed"] = np.array(values, kind)
    session, expected = nwbin.open(path), sorted([large, 3, 3, 3, *others])
    assert sorted(map(int, session.stimulus_presentations["seed"])) == expected
    assert set(map(int, session.stimulus_conditions["seed"])) == set(expected)


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


def test_labels_of_a_series_are_those_of_its_presentations(session: nwbin.Session) -> None:
    table = session.get_stimulus_table("flashes")
    backwards = table.index[::-1]
    by_name = session.response_matrix(backwards, label="color")
    for series in (table["color"], session.stimulus_presentations["color"]):
        assert session.response_matrix(backwards, label=series).y.tolist() == by_name.y.tolist()
    unnamed = pd.Series(table["color"].tolist())  # it does not say: then one after the other
    assert session.response_matrix(backwards, label=unnamed).y.tolist() == table["color"].tolist()


def test_averages_of_odd_samples() -> None:
    from nwbin.allen.averages import mean_of_intervals, means_of_samples

    start = np.arange(4.0)
    values = np.asarray([np.inf, 2.0, np.nan, 4.0])
    windows = np.asarray([[0.0, 2.0], [1.0, 4.0], [2.0, 3.0], [0.0, np.nan]])
    expected = [2.0, 3.0, np.nan, np.nan]
    np.testing.assert_array_equal(mean_of_intervals(start, start + 1, values, windows), expected)
    samples = pd.DataFrame({"a": values}, index=start + 0.5)
    np.testing.assert_array_equal(means_of_samples(samples, windows, pd.Index(range(4)))["a"], expected)
    assert np.isnan(mean_of_intervals(start[:0], start[:0], start[:0], windows)).all()


def test_electrodes_that_stand_twice(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "session_9.nwb"
    copy.write_bytes(path.read_bytes())
    with h5py.File(copy, "r+") as f:
        ids = f["general/extracellular_ephys/electrodes/id"]
        ids[1] = ids[0]
    with pytest.raises(nwbin.NwbinError, match=r"electrodes/id has the id \d+ more than once"):
        nwbin.open(copy).units  # noqa: B018


def test_response_matrix_labels(session: nwbin.Session) -> None:
    flashes = session.get_stimulus_table("flashes").index
    names = np.asarray(["a", "b"] * len(flashes))[: len(flashes)]
    matrix = session.response_matrix(flashes, label=names)
    assert matrix.y.tolist() == names.tolist()
    assert matrix.classes.tolist() == ["a", "b"]
    with pytest.raises(LookupFailure, match="no column 'orientaton'; did you mean 'orientation'"):
        session.response_matrix(flashes, label="orientaton")
    with pytest.raises(ArgumentError, match="one value a trial"):
        session.response_matrix(flashes, label=["a"])


def test_interval_rules_add_up(session: nwbin.Session) -> None:
    flashes = session.get_stimulus_table("flashes").index
    edges = np.linspace(0, 0.3, 7)
    for closed in ("left", "right"):
        fine = session.presentationwise_spike_counts(edges, flashes, None, closed=closed)
        whole = session.presentationwise_spike_counts(edges[[0, -1]], flashes, None, closed=closed)
        assert (fine.sum(axis=1).values == whole.values[:, 0, :]).all()


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
    monkeypatch.setattr("nwbin.session.Session._unknown", lambda *_: pytest.fail("why is not asked"))
    monkeypatch.setattr("nwbin.session.Session._times_of", lambda *_: pytest.fail("nothing is read"))
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


@pytest.mark.filterwarnings("ignore:.*has no columns for some unit filters")
def test_what_a_plain_file_lacks_is_named(tmp_path: Path) -> None:
    path = write_small(tmp_path / "small.nwb")
    with h5py.File(path, "r+") as f:
        f["units/waveform_mean"] = np.zeros((3, 5))
    session = nwbin.open(path)
    assert session.structure_acronyms == ["VISp"]
    with pytest.raises(LookupFailure, match="does not say which structures its units lie in"):
        session.structurewise_unit_counts  # noqa: B018
    with pytest.raises(
        FormatError, match=r"units/waveform_mean has no waveform_mean_index, .* File.unit_column reads it"
    ):
        session.mean_waveforms  # noqa: B018
    assert session.file.unit_column("waveform_mean", 3).shape == (5,)
    with pytest.raises(LookupFailure, match="units has no column 'spike_amplitudes'; there are"):
        session.spike_amplitudes  # noqa: B018


def test_what_is_given_at_opening_is_looked_at(path: Path, session: nwbin.Session) -> None:
    with pytest.raises(ArgumentTypeError, match=r"not of \w*Path; nwbin\.open\(path\) makes both"):
        nwbin.Session(path)  # type: ignore[arg-type]
    for name in ("external_channel_columns", "additional_unit_metrics"):
        with pytest.raises(
            ArgumentTypeError, match=rf"{name} must be a pandas\.DataFrame or a function .*, not str"
        ):
            nwbin.open(path, **{name: "table.csv"})  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match=r"probe_lfp_paths must map probe ids to paths, .* not str"):
        nwbin.open(path, probe_lfp_paths="lfp.nwb")  # type: ignore[arg-type]
    with pytest.warns(nwbin.NwbinWarning, match="additional_unit_metrics has no row for any unit of"):
        nwbin.open(path, additional_unit_metrics=session.units.reset_index()).units  # noqa: B018
    with pytest.warns(nwbin.NwbinWarning, match="external_channel_columns has no row for any channel of"):
        nwbin.open(path, external_channel_columns=session.channels.reset_index()).channels  # noqa: B018


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


def test_tables_serve_as_ids(session: nwbin.Session) -> None:
    flashes = session.get_stimulus_table("flashes")
    by_table = session.presentationwise_spike_counts([0, 0.1], flashes, session.units)
    assert by_table.equals(
        session.presentationwise_spike_counts([0, 0.1], flashes.index, session.units.index)
    )
    with pytest.raises(
        LookupFailure, match=r"for all of that stimulus: get_stimulus_table\('flashes'\).index"
    ):
        session.response_matrix("flashes")


def test_warnings_point_at_the_caller(masked: Path) -> None:
    with pytest.warns(nwbin.NwbinWarning) as given:
        nwbin.open(masked).presentationwise_spike_counts([0, 10], [0, 1], None)
    assert {one.filename for one in given} == {__file__}


def test_unknown_stimulus_warns(session: nwbin.Session) -> None:
    with pytest.warns(nwbin.NwbinWarning, match="no stimulus is called 'flashs'; did you mean 'flashes'"):
        assert session.get_stimulus_table("flashs").empty


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


def test_masked_presentations_have_times_only(masked: Path) -> None:
    table = nwbin.open(masked).stimulus_presentations
    rows = table[table["stimulus_name"] == "invalid_presentation"]
    assert len(rows)
    assert rows[["start_time", "stop_time"]].notna().all(axis=None)
    assert rows.drop(columns=["start_time", "stop_time", "stimulus_name"]).isna().all(axis=None)


def test_stimulus_columns_have_one_order(path: Path, masked: Path) -> None:
    for one in (path, masked):
        columns = nwbin.open(one).stimulus_presentations.columns.tolist()
        first = ["stimulus_block", "start_time", "stop_time", "stimulus_name"]
        last = ["duration", "stimulus_condition_id"]
        assert columns[:4] == first
        assert columns[-2:] == last
        assert columns[4:-2] == sorted(columns[4:-2])


def test_tables_are_the_callers_own(session: nwbin.Session) -> None:
    for name in ("units", "stimulus_presentations", "stimulus_conditions"):
        before = getattr(session, name)
        changed = getattr(session, name)
        changed.iloc[0, 0] = changed.iloc[1, 0]
        changed["extra"] = 1
        pd.testing.assert_frame_equal(getattr(session, name), before)


def test_bare_session(bare: Path) -> None:
    session = nwbin.open(bare)
    # AllenSDK's table has no columns here.
    assert session.invalid_times.empty
    assert session.invalid_times.columns.tolist() == ["start_time", "stop_time", "tags"]
    assert session.rig_geometry_data is None
    assert session.rig_equipment_name is None
    # AllenSDK prints a line and returns None.
    with pytest.warns(nwbin.NwbinWarning, match="has no eye tracking"):
        assert session.get_pupil_data() is None
    with pytest.warns(nwbin.NwbinWarning, match="has no eye tracking"):
        assert session.get_screen_gaze_data() is None
    with pytest.raises(LookupFailure, match="has no optogenetic stimulation"):
        session.optogenetic_stimulation_epochs  # noqa: B018
    assert session.metadata["num_units"] == session.num_units
    with pytest.raises(ArgumentTypeError, match=r"the LFP of probe \d+ is in a file of its own"):
        session.get_lfp(int(session.probes.index[0]))


def test_pickled_it_is_opened_as_it_was(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    with nwbin.open(path.name, amplitude_cutoff_maximum=0.05, isi_violations_maximum=None) as session:
        probe = int(session.probes.index[0])
        units, shown, lfp = session.units, session.stimulus_presentations, session.get_lfp(probe)
        paths = {one: str(at.relative_to(path.parent)) if isinstance(at, Path) and at.is_absolute() else str(at)
                 for one, at in session.probe_lfp_paths.items()}  # fmt: skip
        first = units.index[0]
        mappings = (session.spike_times, session.spike_amplitudes, session.mean_waveforms)
        of_first = [np.array(one[first]) for one in mappings]
        sent, sent_mappings = pickle.dumps(session), [pickle.dumps(one) for one in mappings]
        with nwbin.open(path.name, probe_lfp_paths=paths) as other:
            sent_with_paths = pickle.dumps(other)
    assert len(sent) < 2000  # nothing that was read
    monkeypatch.chdir(tmp_path)
    for one in (sent, sent_with_paths):
        with pickle.loads(one) as again:
            assert again.get_lfp(probe).equals(lfp)
            pd.testing.assert_frame_equal(again.stimulus_presentations, shown)
    with pickle.loads(sent) as again:
        pd.testing.assert_frame_equal(again.units, units)
        assert again.filters == session.filters
    for one, values in zip(sent_mappings, of_first, strict=True):
        assert len(one) < 3000
        np.testing.assert_array_equal(pickle.loads(one)[first], values)


def test_lfp_beside_the_session_in_either_naming(path: Path, tmp_path: Path) -> None:
    session = nwbin.open(path)
    probe = int(session.probes.index[0])
    whole = session.get_lfp(probe)
    times, channels = whole.time.values, whole.channel.values
    part = session.get_lfp(probe, time=(times[10], times[20]), channels=channels[[2, 0]])
    assert part.equals(whole.isel(time=slice(10, 21), channel=[2, 0]))
    lazy = session.get_lfp(probe, lazy=True)
    assert not lazy.variable._in_memory
    assert lazy.isel(time=[5, 3], channel=-1).equals(whole.isel(time=[5, 3], channel=-1))
    assert lazy.isel(time=7).equals(whole.isel(time=7))
    assert lazy.isel(time=slice(20, 10, -3)).equals(whole.isel(time=slice(20, 10, -3)))
    assert not lazy.variable._in_memory, "only the parts were read"
    assert lazy.equals(whole)
    with pytest.warns(nwbin.NwbinWarning, match=r"the LFP has no sample from -5 to -4 s; it runs from"):
        assert session.get_lfp(probe, time=(-5, -4)).sizes["time"] == 0
    with pytest.raises(LookupFailure, match="the LFP has no channel 1;"):
        session.get_lfp(probe, channels=[1])
    opened: list[nwbin.File] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lfp_reading, "File", lambda source: opened.append(nwbin.File(source)) or opened[-1])
        for lazily in (True, False):
            with pytest.raises(LookupFailure):
                session.get_lfp(probe, channels=[1], lazy=lazily)
    assert [repr(one).count("(closed)") for one in opened] == [1, 1], "what cannot be used is closed"
    dandi = tmp_path / "sub-1"
    dandi.mkdir()
    (dandi / "sub-1_ses-1.nwb").write_bytes(path.read_bytes())
    lfp = path.parent / f"probe_{probe}_lfp.nwb"
    (dandi / f"sub-1_ses-1_probe-{probe}_ecephys.nwb").write_bytes(lfp.read_bytes())
    again = nwbin.open(dandi / "sub-1_ses-1.nwb")
    assert again.get_lfp(probe).equals(whole)
    assert again.get_current_source_density(probe).dims == ("virtual_channel_index", "time")
    given = nwbin.open(path, probe_lfp_paths={probe: lambda: lfp})
    assert given.get_lfp(probe).equals(whole)


def test_running_speed_of_presentations(session: nwbin.Session) -> None:
    flashes = session.get_stimulus_table("flashes")
    found = session.presentationwise_running_speed(flashes.index)
    speed = session.running_speed
    for presentation, start, stop in zip(
        flashes.index, flashes["start_time"], flashes["stop_time"], strict=True
    ):
        overlap = (np.minimum(speed["end_time"], stop) - np.maximum(speed["start_time"], start)).clip(lower=0)
        by_hand = (overlap * speed["velocity"]).sum() / overlap.sum()
        np.testing.assert_allclose(found[presentation], by_hand)
    assert found.name == "running_speed"
    before = session.presentationwise_running_speed(flashes.index, window=(-1e6, -1e6 + 1))
    assert before.isna().all()


def test_pupil_of_presentations(session: nwbin.Session) -> None:
    spontaneous = session.get_stimulus_table("spontaneous")
    found = session.presentationwise_pupil_data(spontaneous.index)
    pupil = session.get_pupil_data()
    assert found is not None
    assert pupil is not None
    row = spontaneous.iloc[0]
    inside = pupil[(pupil.index >= row["start_time"]) & (pupil.index <= row["stop_time"])]
    np.testing.assert_allclose(found.iloc[0], inside.mean())
    assert found.columns.tolist() == pupil.columns.tolist()


def test_extra_columns_from_a_cache(path: Path) -> None:
    plain = nwbin.open(path)
    channels = plain.channels.index
    extra = pd.DataFrame(
        {
            "ecephys_structure_acronym": ["VISx"] * len(channels),
            "ecephys_structure_id": [5.0] * len(channels),
        },
        index=channels,
    )
    metrics = pd.DataFrame({"g_dsi_dg": [0.5]}, index=plain.units.index[:1])
    session = nwbin.open(path, external_channel_columns=lambda: extra, additional_unit_metrics=metrics)
    assert session.structure_acronyms == ["VISx"]
    assert session.structurewise_unit_counts.to_dict() == {"VISx": session.num_units}
    one = session.probes.index[0]
    labels, bounds = session.channel_structure_intervals(
        session.channels.index[session.channels["probe_id"] == one]
    )
    assert labels.tolist() == ["VISx"]
    assert bounds.tolist() == [0, (session.channels["probe_id"] == one).sum()]
    assert session.units["g_dsi_dg"].notna().sum() == 1
    assert session.units.index.tolist() == plain.units.index.tolist()


def test_drop_in_for_from_nwb_path(path: Path) -> None:
    session = nwbin.Session.from_nwb_path(str(path), api_kwargs={"filter_by_validity": False})
    assert not session.filters.filter_by_validity
    with pytest.raises(TypeError, match="unexpected keyword argument 'amplitude_maximum'"):
        nwbin.Session.from_nwb_path(str(path), amplitude_maximum=1)
    with pytest.raises(ArgumentError, match="nwbin reads NWB 2"):
        nwbin.Session.from_nwb_path(str(path), nwb_version=1)


def test_plain_file(shared: Path) -> None:
    """A file without Allen's columns still opens as a session."""
    session = nwbin.open(shared / "data" / "vcn_drifting_gratings_pseudo_population.nwb")
    with pytest.warns(nwbin.NwbinWarning, match="has no columns for some unit filters") as given:
        assert session.num_units == 1000
    assert len(given) == 1
    with np.load(shared / "data" / "vcn_drifting_gratings_pseudo_population_truth.npz") as stored_truth:
        truth = {name: stored_truth[name] for name in stored_truth.files}
    counts = session.presentationwise_spike_counts([0, 0.1], None, None)
    matrix = session.response_matrix(None, window=(0, 0.1))
    stored = next(values for values in truth.values() if values.shape == (200, 1000))
    assert (counts.values[:, 0, :] == stored).all()
    assert (stored == matrix.X).all()
    epochs = nwbin.open(shared / "data" / "neuropixels_A8604-211122.nwb")
    with pytest.warns(nwbin.NwbinWarning, match="3 of 3 units are kept"):
        assert epochs.units.index.tolist() == [6, 191, 206]
    assert epochs.stimulus_names == ["epochs"]
    assert epochs.ecephys_session_id == "A8604-211122"


def test_file_without_intervals(tmp_path: Path) -> None:
    path = write_small(tmp_path / "x.nwb")
    with h5py.File(path, "a") as f:
        del f["intervals"]
    session = nwbin.open(path)
    table = session.stimulus_presentations
    assert table.shape == (0, 5)
    assert table.columns.tolist() == [
        "start_time",
        "stop_time",
        "stimulus_name",
        "duration",
        "stimulus_condition_id",
    ]
    assert session.stimulus_conditions.empty
    assert session.stimulus_names == []


def test_metadata_of_a_file_that_says_little(path: Path, tmp_path: Path) -> None:
    """What a file does not say is None; the rest is there."""
    little = write_small(tmp_path / "x.nwb")
    with h5py.File(little, "a") as f:
        del f["units"], f["general/subject"], f["general/extracellular_ephys/electrodes/location"]
        del f["session_start_time"], f["intervals"]
    session = nwbin.open(little)
    said = session.metadata
    assert set(said) == set(nwbin.open(path).metadata)
    assert (said["num_channels"], said["num_stimulus_presentations"], said["stimulus_names"]) == (
        1,
        0,
        [],
    )  # one is valid
    for name in ("specimen_name", "sex", "session_start_time", "num_units", "structure_acronyms"):
        assert said[name] is None
    with pytest.raises(LookupFailure, match="has no units table"):
        session.num_units  # noqa: B018
    with pytest.raises(LookupFailure, match="says nothing of brain structures"):
        session.structure_acronyms  # noqa: B018


def test_channel_that_stands_twice_in_external_columns(path: Path) -> None:
    extra = pd.DataFrame({"ecephys_structure_id": [1, 2]}, index=nwbin.open(path).channels.index[[3, 3]])
    with pytest.raises(ArgumentError, match=r"external_channel_columns has the channel \d+ more than once"):
        nwbin.open(path, external_channel_columns=extra).units  # noqa: B018


def test_damaged_file_reads_its_tables(shared: Path) -> None:
    session = nwbin.open(shared / "data" / "vcn_760693773_first_10_rows.nwb")
    assert session.ecephys_session_id == 760693773
    assert len(session.stimulus_presentations) == 80
    with pytest.warns(
        nwbin.NwbinWarning, match="7 of 10 units have a peak_channel_id whose electrode or probe"
    ):
        assert "waveform_halfwidth" in session.units.columns
    with pytest.raises(
        nwbin.NwbinError, match=r"units/spike_times_index\[0\] is \d+, but .* holds only 10 values"
    ):
        session.presentationwise_spike_counts([0, 1], None, session.units.index[:1])


@pytest.mark.filterwarnings("ignore::nwbin.errors.NwbinWarning")
@pytest.mark.parametrize("use_rates", [False, True])
@pytest.mark.parametrize("units", [None, slice(None, None, -1)])
def test_statistics_are_the_same_whatever_units_are_counted_together(
    masked: Path, monkeypatch: pytest.MonkeyPatch, use_rates: bool, units: slice | None
) -> None:
    with nwbin.open(masked) as session:
        ids = None if units is None else session.units.index[units]
        whole = session.conditionwise_spike_statistics(unit_ids=ids, use_rates=use_rates)
        monkeypatch.setattr("nwbin.allen.responses._BLOCK", 3 * 8 * len(session.stimulus_presentations))
        by_three = session.conditionwise_spike_statistics(unit_ids=ids, use_rates=use_rates)
    pd.testing.assert_frame_equal(by_three, whole, check_exact=True)
