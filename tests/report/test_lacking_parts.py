"""Sessions that lack parts: a page that says what is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - these files are bent
import numpy as np
import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

import nwbin
from nwbin.testing import write_session
from tests.report.conftest import page_of
from tests.report.reading import check_page
from tests.small_files import table, write_small

pytestmark = [pytest.mark.filterwarnings("ignore::nwbin.NwbinWarning"), pytest.mark.usefixtures("undrawn")]


def no_intervals(f: Any) -> None:
    del f["intervals"]


def no_units(f: Any) -> None:
    del f["units"]


def empty_units(f: Any) -> None:
    del f["units"]
    table(f, "units", np.array([], np.int64), {
        "spike_times_index": np.array([], np.uint8), "spike_times": np.array([], np.float64),
    })  # fmt: skip


def one_unit(f: Any) -> None:
    del f["units"]
    table(
        f,
        "units",
        [5],
        {"spike_times_index": np.array([3], np.uint8), "spike_times": np.array([0.1, 0.2, 2.1])},
    )


def no_spikes(f: Any) -> None:
    del f["units/spike_times"], f["units/spike_times_index"]


def no_electrodes(f: Any) -> None:
    del f["general/extracellular_ephys"], f["units/electrode_group"]


def nothing(f: Any) -> None:
    for name in ("units", "intervals", "general", "acquisition"):
        del f[name]


def trials_without_a_parameter(f: Any) -> None:
    del f["intervals/trials/contrast"]
    f["intervals/trials"].attrs["colnames"] = np.array(["start_time", "stop_time"], dtype=object)


def as_it_is(f: Any) -> None:
    pass


LACKING = {
    no_intervals: "the file has no stimuli and no other intervals",
    no_units: "The file has no units",
    empty_units: "The table of units is empty",
    one_unit: "",
    no_spikes: "The file has no spike times",
    no_electrodes: "",
    nothing: "The file has no units",
    trials_without_a_parameter: "",
    as_it_is: "The file has no metrics of its units' quality",
}


@pytest.mark.parametrize("bend", LACKING, ids=lambda one: one.__name__)
def test_a_plain_file(bend: Callable[[Any], None], tmp_path: Path) -> None:
    path = write_small(tmp_path / "plain.nwb")
    with h5py.File(path, "r+") as f:
        bend(f)
    page = page_of(path)
    check_page(page)
    assert any(LACKING[bend] in one for one in page.notes), page.notes
    assert any(one.startswith("There are no receptive fields") for one in page.notes)
    assert any("no running speed" in one for one in page.notes)
    assert not any("Synthetic" in one for one in page.notes)


def test_a_session_without_some_of_its_parts(tmp_path: Path) -> None:
    path = write_session(
        tmp_path / "session_3.nwb", size="tiny", seed=3, bare=True, invalid_times=False, session_id=3, probes=1,
        units_per_probe=6,
    )  # fmt: skip
    with h5py.File(path, "r+") as f:
        del f["processing/running"]
        gabors = next(name for name in f["intervals"] if name.startswith("gabor"))
        del f["intervals"][gabors]
        f["units/presence_ratio"][...] = 0.0  # no unit passes
    page = page_of(path)
    check_page(page)
    assert page.facts["units that pass, of all"] == "0 of 6"
    for said in ("The file marks no times as invalid.", "There are no responses: no unit passes the filters.",
                 "There are no receptive fields: no unit passes the filters."):  # fmt: skip
        assert said in page.notes
    assert any("no running speed" in one for one in page.notes)
    assert len(page.tables["units-table"]) == 7


def test_damage_is_said_and_the_rest_is_there(tmp_path: Path) -> None:
    path = write_small(tmp_path / "damaged.nwb")
    with h5py.File(path, "r+") as f:
        f["units/spike_times"][...] = f["units/spike_times"][...][::-1]  # they descend
    page = page_of(path)
    check_page(page)
    assert any(row[0] == "error" for row in page.tables["findings"][1:])
    assert any("could not be worked out" in one for one in page.notes)
    assert len(page.tables["units-table"]) == 4


@pytest.mark.slow
def test_files_of_other_labs(shared: Path) -> None:
    files = [
        *sorted((shared / "data").glob("*.nwb")),
        *sorted((shared / "oracle" / "sessions").glob("*/session_*.nwb")),
    ]
    assert files
    for path in files:
        check_page(page_of(path))


def test_a_file_that_is_none_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.nwb"
    path.write_bytes(b"no HDF5")
    with pytest.raises(nwbin.errors.FileAccessError):
        nwbin.report.report(path, tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()
