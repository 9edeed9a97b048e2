"""The data set is a face of parts that it holds, as the session is."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import nwbin


@pytest.fixture
def data(trees: dict[str, Path]) -> nwbin.Dataset:
    return nwbin.Dataset(trees["folder"])


METHODS = [
    name
    for name, member in vars(nwbin.Dataset).items()
    if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, classmethod))
]
# What scripts know.
PUBLIC = {
    "SUPPRESS_FROM_CHANNELS", "SUPPRESS_FROM_PROBES", "SUPPRESS_FROM_SESSION_TABLE", "SUPPRESS_FROM_UNITS", "files",
    "fixed", "from_lims", "from_warehouse", "get_all_ages", "get_all_full_genotypes", "get_all_session_types",
    "get_all_sexes", "get_channels", "get_natural_movie_template", "get_natural_scene_template", "get_probes",
    "get_session_data", "get_session_table", "get_structure_acronyms", "get_unit_analysis_metrics_by_session_type",
    "get_unit_analysis_metrics_for_session", "get_units", "kind", "map", "response_matrices", "root", "session_ids",
    "spike_counts", "spike_tables",
}  # fmt: skip


def test_a_data_set_is_split_over_no_bases() -> None:
    assert nwbin.Dataset.__mro__ == (nwbin.Dataset, object)
    assert {name for name in dir(nwbin.Dataset) if not name.startswith("_")} >= PUBLIC


@pytest.mark.parametrize("name", METHODS)
def test_methods_of_parts_look_like_the_data_sets_own(name: str) -> None:
    method = getattr(nwbin.Dataset, name)
    assert method.__doc__
    assert method.__qualname__ == f"Dataset.{name}"
    if inspect.ismethod(method):
        return
    assert method.__module__.startswith("nwbin.dataset")
    first, *_ = inspect.signature(method).parameters.values()
    assert first.name == "self"


@pytest.mark.parametrize("part", ["map", "spike_counts", "get_session_data", "get_natural_scene_template"])
def test_python_names_what_was_called(data: nwbin.Dataset, part: str) -> None:
    with pytest.raises(TypeError, match=rf"Dataset\.{part}\(\) missing 1 required positional argument"):
        getattr(data, part)()


class Half(nwbin.Dataset):
    """Only every second session is in its table."""

    def get_session_table(self, suppress: object = None) -> pd.DataFrame:  # type: ignore[override] # a test's
        return super().get_session_table(suppress=suppress).iloc[::2]  # type: ignore[arg-type] # a test's


def test_a_subclass_is_asked_for_its_own_tables(data: nwbin.Dataset) -> None:
    half = Half(data.root, cache=False)
    everyone, some = data.session_ids, half.get_session_table().index.tolist()
    assert len(some) < len(everyone)
    chosen = half.map(len_of_units, sessions="session_type == session_type", workers=0)
    assert list(chosen) == [one for one in everyone if one in some]
    assert Half.fixed.__func__ is nwbin.Dataset.fixed.__func__  # type: ignore[attr-defined] # of a bound method


def len_of_units(session: nwbin.Session) -> int:
    return len(session.units)


def test_it_travels_before_and_after_it_was_read(data: nwbin.Dataset) -> None:
    for _ in range(2):
        again = pickle.loads(pickle.dumps(data))
        assert (again.root, again.kind, again.session_ids) == (data.root, data.kind, data.session_ids)
        pd.testing.assert_frame_equal(again.get_units(), data.get_units())


def test_the_tables_of_a_data_set_need_nothing_of_its_jobs(tmp_path: Path) -> None:
    jobs = [
        "_run",
        "_pool",
        "_task",
        "_session_work",
        "_zarr_store",
        "_result_files",
        "_labelled",
        "_claim",
        "_results",
    ]
    script = (
        f"import sys, nwbin.dataset as d; d.Dataset({str(tmp_path)!r}, cache=False).session_ids\n"
        f"heavy = ['nwbin.responses', 'nwbin.export', 'nwbin.session', 'nwbin.binning._counts', 'pandas', 'xarray']\n"
        f"heavy += ['nwbin.dataset.' + one for one in {jobs!r}]\n"
        "print([one for one in heavy if one in sys.modules], d.Results, d.JobError, d.OtherJobError, d.Selection)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("[] <class 'nwbin.dataset._results.Results'>")
