"""What two doors are asked is answered alike: a file and a folder, one command and another, Python and options."""

from __future__ import annotations

from pathlib import Path

import h5py  # noqa: TID251
import numpy as np
import pytest

import nwbin
from nwbin.dataset import Selection
from tests.cli.asking import bad, good, run
from tests.small_files import TEXT, write_small

pytestmark = pytest.mark.filterwarnings("ignore:.*unit filters, which were not applied:nwbin.NwbinWarning")


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> Path:
    made = tmp_path / "sessions"
    made.mkdir()
    (made / "session_1.nwb").symlink_to(tiny)
    return made


@pytest.fixture
def other_lab(tmp_path: Path) -> Path:
    """A session whose units say where they lie by themselves."""
    made = tmp_path / "lab"
    made.mkdir()
    with h5py.File(write_small(made / "session_1.nwb"), "a") as file:
        file["units/location"] = np.array(["VISp", "CA1", "VISp"], dtype=TEXT)
        file["units"].attrs["colnames"] = [*file["units"].attrs["colnames"], "location"]
    return made


def test_structures_by_location_in_a_folder_as_in_a_file(other_lab: Path, here: Path) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("zarr")
    asked = ("--all", "--structures", "VISp", "--intervals", "trials", "--window", "0,0.5", "-o")
    good("count", other_lab / "session_1.nwb", *asked, "x.npz")
    assert "1 counted" in good("count", other_lab, *asked, "x.zarr")
    group = next(one.name for one in Path("x.zarr").glob("session_*"))
    found = xarray.open_zarr("x.zarr", group=group, consolidated=False)
    with np.load("x.npz") as of_file:
        assert found["unit_id"].to_numpy().tolist() == of_file["unit_ids"].tolist() == [7, 11]
        assert (found["spike_counts"].to_numpy() == of_file["counts"]).all()
        assert found["interval_id"].to_numpy().tolist() == of_file["interval_ids"].tolist()


def test_where_is_for_presentations_and_units_for_units(tiny: Path) -> None:
    condition = "firing_rate > 3"
    now, of_old = run("units", tiny, "--units", condition), run("units", tiny, "--where", condition)
    assert (now.exit_code, of_old.exit_code) == (0, 0)
    assert now.stdout == of_old.stdout
    assert now.stdout.count("\n") > 2
    assert now.stderr == ""
    assert of_old.stderr.startswith("note: --where is for presentations")
    assert of_old.stderr.count("\n") == 1
    assert "--where" not in good("units", "--help")


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (["--stimulus", "flahses"], "has no stimulus 'flahses'; did you mean 'flashes'?"),
        (
            ["--stimulus", "flashes,gabors"],
            "has no stimulus 'flashes,gabors'; for several, write --stimulus flashes --stimulus gabors",
        ),
        (["--intervals", "flashes"], "has no intervals table 'flashes'; it is a stimulus: --stimulus flashes"),
        (["--stimulus", "flashes", "--where", "color == 7"], " of stimulus flashes meets 'color == 7'; color has -1.0"),
        (["--stimulus", "flashes", "--structures", "visp"], "none of its units is in 'visp'; did you mean 'VISp'?"),
        (["--stimulus", "flashes", "--units", "snr > 1e6"], " meets 'snr > 1e6'; snr is "),
        (["--stimulus", "flashes", "--presence-ratio-minimum", "2"],
         "passes the filters; try --all (left out by --presence-ratio-minimum: "),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("workers_here")
def test_a_folder_is_told_what_a_file_is(
    tiny: Path, folder: Path, here: Path, asked: list[str], answer: str
) -> None:
    pytest.importorskip("zarr")
    of_file = bad("count", tiny, *asked, "--window", "0,0.2", "-o", "x.npz")
    of_folder = bad("count", folder, *asked, "--window", "0,0.2", "-o", "x.zarr", "--workers", "1")
    assert answer in of_file
    assert of_folder == f"error: {folder}: nothing to count in its one session: " + of_file.split(": ", 2)[2]


def test_invalid_times_are_no_stimulus(tiny: Path, here: Path) -> None:
    said = bad("psth", tiny, "--stimulus", "nope")
    assert "has no stimulus 'nope'; there are: " in said
    assert "flashes" in said
    assert "invalid_times" not in said


@pytest.mark.usefixtures("workers_here")
def test_a_folder_names_the_options_that_keep_a_unit(tiny: Path, folder: Path, here: Path) -> None:
    pytest.importorskip("zarr")
    with nwbin.open(tiny, amplitude_cutoff_maximum=0) as lax, nwbin.open(tiny) as session:
        one = next(unit for unit in lax.units.index if unit not in session.units.index)
    asked = ("--stimulus", "flashes", "--window", "0,0.2", "--units", one, "-o")
    why = bad("count", tiny, *asked, "x.npz").split(": ", 2)[2]
    assert why.endswith("to keep it: --amplitude-cutoff-maximum 0, or --all for no filters")
    assert f": {why}; unit {one} is left out everywhere" in bad(
        "count", folder, *asked, "x.zarr", "--workers", "1"
    )
    job = nwbin.Dataset(folder).spike_tables("x", "flashes", units=[one], workers=0)
    assert "open the session with" not in job.passed_over[1]
    assert job.passed_over[1].endswith("; to keep it: amplitude_cutoff_maximum=None")


def test_get_units_takes_the_filters_of_open(tiny: Path, folder: Path) -> None:
    lax = {"filter_by_metrics": False, "filter_by_validity": False, "filter_out_of_brain_units": False}
    with nwbin.open(tiny, **lax) as session:
        everyone = session.units.index
    data = nwbin.Dataset(folder, cache=False)
    assert sorted(data.get_units(**lax).index) == sorted(everyone)
    assert len(data.get_units()) < len(everyone), "one of them for its metric that is NaN"


def test_a_job_takes_a_selection_in_place_of_its_parts(folder: Path, here: Path) -> None:
    data = nwbin.Dataset(folder)
    parts = {"presentations": "start_time > 0", "structures": "VISp"}
    label = {"label": "color", "workers": 0}
    one = data.response_matrices(Selection("flashes", **parts), **label)[1]
    other = data.response_matrices("flashes", **parts, **label)[1]
    assert (one.X == other.X).all()
    assert one.presentation_ids.tolist() == other.presentation_ids.tolist()
    with pytest.raises(nwbin.NwbinError, match="a Selection says all of it"):
        data.response_matrices(Selection("flashes"), structures="VISp", **label)


@pytest.mark.parametrize(
    ("asked", "what"),
    [(["--stimulus", "gabors"], "presentation"), (["--intervals", "gabors_presentations"], "interval")],
)
def test_invalid_times_are_told_of_by_what_was_asked_for(
    tiny: Path, here: Path, asked: list[str], what: str
) -> None:
    for command in (["count", "-o", "x.npz"], ["psth", "-o", "x.csv"]):
        said = good(command[0], tiny, *asked, "--window", "0,20", *command[1:])
        assert f"{what}s overlap times during which spikes of some probes are invalid (" in said
        assert f"exclude such {what}s where they matter" in said
