"""A session's answers: the right presentations and units, and then those of nwbin.responses."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import nwbin
from nwbin import responses
from nwbin.errors import ArgumentError, InvalidSpikesWarning, LookupFailure, NothingChosen, NwbinWarning
from nwbin.export import tidy
from nwbin.testing import write_session

pytestmark = pytest.mark.filterwarnings("ignore:the time windows of neighbouring")
QUIET = {"size": "tiny", "invalid_times": False, "channels": 32, "samples": 10, "repeats": 0.3}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_session(tmp_path_factory.mktemp("answers") / "session.nwb", seed=5, **QUIET)


@pytest.fixture(scope="module")
def session(path: Path) -> nwbin.Session:
    return nwbin.open(path)


@pytest.fixture(scope="module")
def units(session: nwbin.Session) -> Any:
    return session.units.index[::-3]


def shown_of(session: nwbin.Session, stimulus: str) -> pd.DataFrame:
    return tidy(session.get_stimulus_table(stimulus))


def test_psth(session: nwbin.Session, units: Any) -> None:
    rows = shown_of(session, "drifting_gratings")
    found = session.psth("drifting_gratings", units, by="orientation", edges=[-0.5, 0, 1, 2])
    truth = responses.psth(session.spike_trains(units), rows, [-0.5, 0, 1, 2], by="orientation")
    xr.testing.assert_identical(found, truth)
    assert found["unit_id"].values.tolist() == units.tolist()
    assert not np.isnan(found["condition"]).any(), "blank sweeps are of no condition"
    by_default = session.psth("drifting_gratings")
    start, stop = by_default["bin_start"].values[0], by_default["bin_stop"].values[-1]
    assert start < 0 < 2 < stop
    assert by_default["unit_id"].values.tolist() == session.units.index.tolist()
    regular = session.psth("drifting_gratings", units, window=(0, 1), bin_width=0.25)
    assert regular["bin_start"].values.tolist() == [0, 0.25, 0.5, 0.75]


def test_the_same_presentations_in_every_way(session: nwbin.Session, units: Any) -> None:
    table = session.get_stimulus_table("drifting_gratings")
    some = table[[one != "null" and one > 45 for one in table["orientation"]]]
    ask: dict[str, Any] = {"unit_ids": units, "by": "orientation", "edges": [0.0, 1.0]}
    truth = session.psth("drifting_gratings", where="orientation > 45", **ask)
    assert 0 < int(truth["presentations"].sum()) == len(some) < len(table)
    for same in (some, some.index, some.index.tolist(), ["drifting_gratings"]):
        xr.testing.assert_identical(session.psth(same, where="orientation > 45", **ask), truth)
    mine = some.assign(mine=["a", "b"] * (len(some) // 2) + ["a"] * (len(some) % 2))
    own = session.psth(mine, units, by="mine", edges=[0.0, 1.0])
    assert own["condition"].values.tolist() == ["a", "b"], "a column of one's own"


def test_tuning(session: nwbin.Session, units: Any) -> None:
    rows = shown_of(session, "drifting_gratings")
    by = ["orientation", "temporal_frequency"]
    found = session.tuning("drifting_gratings", by, units, window=(0, 2), resamples=20)
    truth = responses.tuning(session.spike_trains(units), rows, by, (0, 2), resamples=20)
    xr.testing.assert_identical(found, truth)
    lasting = float(np.median(rows["stop_time"] - rows["start_time"]))
    assert session.tuning("drifting_gratings", resamples=0).attrs["window"] == [0.0, lasting]


def test_tests_and_latencies(session: nwbin.Session, units: Any) -> None:
    pytest.importorskip("scipy")
    trains = session.spike_trains(units)
    rows = shown_of(session, "flashes")
    found = session.responsive("flashes", (-0.2, 0), units, window=(0, 0.2), permutations=100)
    xr.testing.assert_identical(
        found, responses.responsive(trains, rows, (0, 0.2), (-0.2, 0), permutations=100)
    )
    late = session.latency("flashes", units, window=(0, 0.2), resamples=10)
    xr.testing.assert_identical(late, responses.latency(trains, rows, (0, 0.2), resamples=10))


def test_what_varies(session: nwbin.Session, units: Any) -> None:
    trains, rows = session.spike_trains(units), shown_of(session, "drifting_gratings")
    by = "orientation"
    asked: dict[str, Any] = {"window": (0.0, 1.0), "by": by}
    xr.testing.assert_identical(
        session.noise_correlations("drifting_gratings", units, **asked),
        responses.noise_correlations(trains, rows, (0.0, 1.0), by=by),
    )
    xr.testing.assert_identical(
        session.signal_correlations("drifting_gratings", units, **asked),
        responses.signal_correlations(trains, rows, (0.0, 1.0), by),
    )
    windows = responses.sliding_windows((0, 1), 0.5, 0.25)
    xr.testing.assert_identical(
        session.fano_factor("drifting_gratings", units, by="orientation", windows=windows),
        responses.fano_factor(trains, rows, windows, by="orientation"),
    )
    natural = session.signal_correlations("natural_scenes", units[:2])  # each image is a condition
    assert natural.attrs["conditions"] == len(shown_of(session, "natural_scenes")["frame"].unique())
    movie = shown_of(session, "natural_movie_one")
    xr.testing.assert_identical(
        session.reliability("natural_movie_one", units, by="frame", window=(0, 1 / 30), method="pairwise"),
        responses.reliability(trains, movie, (0, 1 / 30), "frame", method="pairwise"),
    )


def test_decoding(session: nwbin.Session, units: Any) -> None:
    pytest.importorskip("sklearn")
    shown = session.get_stimulus_table("static_gratings")
    windows = responses.sliding_windows((0.0, 0.2), 0.1, 0.1)
    found = session.decode_over_time("static_gratings", windows, units, label="orientation", folds=2)
    matrix = session.response_matrix(shown, units, (0.0, 0.1), "orientation", closed="left")
    from nwbin.decode import decode

    np.testing.assert_array_equal(found["accuracy"][0], decode(matrix.X, matrix.y, folds=2).scores)
    more = session.decode_over_neurons("static_gratings", units, [1, 3], window=(0, 0.1), draws=2, folds=2)
    assert more["accuracy"].shape == (2, 2)


@pytest.mark.filterwarnings("ignore::nwbin.errors.NwbinWarning")
def test_invalid_presentations_are_left_out(tmp_path: Path) -> None:
    with nwbin.open(write_session(tmp_path / "x.nwb", seed=7, size="tiny", quirks=True)) as session:
        every = session.stimulus_presentations
        bad = every["stimulus_name"] == "invalid_presentation"
        assert bad.any()
        with pytest.warns(InvalidSpikesWarning, match="times during which spikes of some probes are invalid"):
            found = session.psth(edges=[0.0, 0.1])
        assert found["presentations"].values.tolist() == [len(every) - bad.sum()]
        with pytest.raises(NothingChosen, match="no presentation is left"):
            session.psth(every.index[bad])


def test_what_is_not_there_is_said(session: nwbin.Session, units: Any) -> None:
    cases: list[tuple[Callable[[], object], type[Exception], str]] = [
        (lambda: session.psth("drifting_grating"), LookupFailure, "did you mean 'drifting_gratings'"),
        (lambda: session.psth("flashes", [1]), LookupFailure, "1 is not the id of a unit"),
        (lambda: session.psth([-5]), LookupFailure, "-5 is not the id of a stimulus presentation"),
        (lambda: session.psth("flashes", where="color > 5"), NothingChosen, "none of .* meets 'color > 5'"),
        (lambda: session.psth(session.get_stimulus_table("flashes"), where="color > 5"), NothingChosen, "color has"),
        (lambda: session.psth("flashes", by="colour"), LookupFailure, "did you mean 'color'"),
        (lambda: session.psth("flashes", edges=[0, 1], window=(0, 1)), ArgumentError, "either edges, or a window"),
        (lambda: session.tuning("flashes", "color", window=(1, 0)), ArgumentError, "from not more than to"),
        (lambda: session.decode_over_time("flashes", [0, 0.1], label="colour"), LookupFailure, "did you mean 'color'"),
    ]  # fmt: skip
    for ask, kind, message in cases:
        with pytest.raises(kind, match=message):
            ask()


def test_windows_that_are_odd_are_said(session: nwbin.Session) -> None:
    with pytest.warns(NwbinWarning, match="the time windows of neighbouring presentations overlap"):
        session.psth("drifting_gratings", edges=[0.0, 20.0])
    with pytest.warns(NwbinWarning, match=r"the window is 250 s long .* times are in seconds"):
        session.tuning("flashes", "color", window=(0, 250), resamples=0)


METHODS = ["psth", "tuning", "responsive", "latency", "noise_correlations", "signal_correlations", "reliability",
           "fano_factor", "decode_over_time", "decode_over_neurons"]  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_arguments_have_the_same_defaults_in_both_doors(name: str) -> None:
    ours = inspect.signature(getattr(nwbin.Session, name)).parameters
    theirs = inspect.signature(getattr(responses, name)).parameters
    for argument in set(ours) & set(theirs) - {"by", "window", "windows", "presentations", "edges"}:
        if theirs[argument].default is not inspect.Parameter.empty:
            assert ours[argument].default == theirs[argument].default, argument
    assert ours["closed"].default == "left"
    assert re.search(
        rf":func:`nwbin\.(responses|decode)\.{name}`", inspect.getdoc(getattr(nwbin.Session, name)) or ""
    )


def test_an_answer_holds_no_session_open(path: Path) -> None:
    import gc
    import weakref

    session = nwbin.open(path)
    session.psth("flashes", edges=[0.0, 0.1])
    gone = weakref.ref(session)
    gc.disable()
    try:
        del session
        assert gone() is None, "a cycle would keep the file open until somebody collects it"
    finally:
        gc.enable()
