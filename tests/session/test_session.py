"""Session beyond what AllenSDK answers: plain files, what nwbin adds, and where it differs on purpose."""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path

import h5py  # noqa: TID251
import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.errors import ArgumentError, ArgumentTypeError, FormatError, LookupFailure
from tests.small_files import table, write_small

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


def test_a_session_says_what_it_is(path: Path, tmp_path: Path) -> None:
    with nwbin.open(path) as session:
        stored, rows = (
            len(session.file.unit_ids),
            sum(
                len(table)
                for name, table in session.file.intervals.items()
                if name.endswith("_presentations")
            ),
        )
        number = session.ecephys_session_id
        first = f"<nwbin.Session {number}: {stored} units in the file, {rows:,} presentations, of {session.file!r}>"
        assert str(session) == repr(session) == first
        assert not {"units", "channels", "stimuli"} & set(vars(session._tables))  # for which it read nothing
        passing, shown = session.num_units, session.num_stimulus_presentations
        assert 0 < passing < stored
        assert (
            repr(session)
            == f"<nwbin.Session {number}: {passing} units of {stored} in the file, {shown:,} presentations, "
            f"of {session.file!r}>"
        )
    assert repr(session) == f"<nwbin.Session: {passing} units, {shown:,} presentations, of {session.file!r}>"
    assert "(closed)" in repr(session)
    damaged = write_small(tmp_path / "small.nwb")
    with h5py.File(damaged, "a") as f:
        del f["units/id"], f["intervals/trials/id"]
    with nwbin.open(damaged) as session:
        assert repr(session) == f"<nwbin.Session {session.ecephys_session_id}, of {session.file!r}>"


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


def test_electrodes_that_stand_twice(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "session_9.nwb"
    copy.write_bytes(path.read_bytes())
    with h5py.File(copy, "r+") as f:
        ids = f["general/extracellular_ephys/electrodes/id"]
        ids[1] = ids[0]
    with pytest.raises(nwbin.NwbinError, match=r"electrodes/id has the id \d+ more than once"):
        nwbin.open(copy).units  # noqa: B018


def test_interval_rules_add_up(session: nwbin.Session) -> None:
    flashes = session.get_stimulus_table("flashes").index
    edges = np.linspace(0, 0.3, 7)
    for closed in ("left", "right"):
        fine = session.presentationwise_spike_counts(edges, flashes, None, closed=closed)
        whole = session.presentationwise_spike_counts(edges[[0, -1]], flashes, None, closed=closed)
        assert (fine.sum(axis=1).values == whole.values[:, 0, :]).all()


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


def test_warnings_point_at_the_caller(masked: Path) -> None:
    with pytest.warns(nwbin.NwbinWarning) as given:
        nwbin.open(masked).presentationwise_spike_counts([0, 10], [0, 1], None)
    assert {one.filename for one in given} == {__file__}


def test_unknown_stimulus_warns(session: nwbin.Session) -> None:
    with pytest.warns(nwbin.NwbinWarning, match="no stimulus is called 'flashs'; did you mean 'flashes'"):
        assert session.get_stimulus_table("flashs").empty


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
