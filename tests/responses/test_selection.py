"""Which rows and units are meant: of one recording, and of one among many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from nwbin.errors import FormatError, LookupFailure, NothingChosen, NwbinWarning
from nwbin.responses.hints import Hints
from nwbin.responses.selection import Selection


class Why(NamedTuple):
    reasons: list[str]
    keeping: list[str]
    lacks_place: bool = False


class Recording:
    """Two stimuli and a table of trials; five units, of which two are left out: 9, for it is noise, and 8."""

    name = "x.nwb"
    missing_text = "none"
    stimulus_names = ("bars", "dots")
    structure_columns = ("area", "location")
    unit_ids = np.array([5, 7, 3, 9, 8])

    def __init__(self) -> None:
        start = pd.Series([0.0, 1.0, np.nan, 3.0])
        self._shown = pd.DataFrame({"name": ["bars", "dots", "bars", "bars"], "start_time": start})
        self._shown["angle"] = pd.Series([0, "none", 90, 90], dtype=object)
        self.intervals = {"trials": pd.DataFrame({"start_time": [0.0, 1.0], "answer": [np.nan, 1.5]})}
        self._units = pd.DataFrame({"location": ["V1", "V1", "V2", "V3", "V1"]}, index=self.unit_ids)

    def stimulus_table(self, names: Sequence[str] | None) -> pd.DataFrame:
        return self._shown if names is None else self._shown[self._shown["name"].isin(list(names))]

    @property
    def units(self) -> pd.DataFrame:
        return self._units.loc[[5, 7, 3]]

    def every_unit(self) -> pd.DataFrame:
        return self._units

    def why_left_out(self, unit_ids: Sequence[Any], bound_as: Callable[[str, float], str]) -> list[Why]:
        known = {
            9: Why(["it is noise"], ["filter_noise"]),
            8: Why([f"more than {bound_as('snr', 2)}"], ["snr"]),
        }
        return [known[one] for one in unit_ids]


def rows_of(*args: Any, partly: bool = False, **more: Any) -> list[int]:
    return Selection(*args, **more).presentations_of(Recording(), partly=partly).index.tolist()


def units_of(partly: bool = False, **more: Any) -> list[int]:
    return Selection(**more).units_of(Recording(), partly=partly).index.tolist()


def test_presentations_without_a_time_are_left_out_with_a_note() -> None:
    with pytest.warns(NwbinWarning, match="1 row of stimulus bars has no start_time and is left out"):
        assert rows_of("bars") == [0, 3]
    assert rows_of("bars", "angle == 0") == [0]
    assert rows_of("dots", "angle == 'none'") == [1]
    with pytest.raises(NothingChosen, match="no row of stimulus bars that was chosen has a start_time"):
        rows_of("bars", "index == 2")
    with pytest.raises(
        NothingChosen, match=r"none of 3 rows of stimulus bars meets 'angle > 90'; angle has 0.0, 90.0$"
    ):
        rows_of("bars", "angle > 90")


def test_another_column_as_time_zero() -> None:
    trials = Selection("trials", align="answer")
    table = trials.presentations_of(Recording())
    assert table["start_time"].to_dict() == {1: 1.5}
    assert table.index.name == "interval_id"
    with pytest.raises(LookupFailure, match="no column 'answr' to align to; did you mean 'answer'"):
        rows_of("trials", align="answr")
    recording = Recording()
    recording.intervals["marks"] = pd.DataFrame({"time": [1.0]})
    with pytest.raises(FormatError, match="table 'marks' has no start_time"):
        Selection(intervals="marks").presentations_of(recording)


def test_names_that_one_recording_among_many_lacks() -> None:
    for asked in ({"stimulus": ["dots", "bras"]}, {"intervals": "bras"}):
        with pytest.raises(LookupFailure, match="'bras'") as error:
            rows_of(**asked)
        assert not isinstance(error.value, NothingChosen)
    with pytest.warns(NwbinWarning, match=r"^has no stimulus 'bras'$"):
        assert rows_of(["dots", "bras"], partly=True) == [1]
    for asked in ({"stimulus": ["bras"]}, {"stimulus": ["bras", "x"]}, {"intervals": "bras"}):
        with pytest.raises(NothingChosen, match="'bras'"):
            rows_of(**asked, partly=True)
    with pytest.raises(LookupFailure) as error:
        units_of(structures=["V1", "V9"])
    assert not isinstance(error.value, NothingChosen)
    with pytest.warns(NwbinWarning, match=r"^has no units in 'V9'$"):
        assert units_of(partly=True, structures=["V1", "V9"]) == [5, 7]
    with pytest.raises(NothingChosen, match="is in 'V3'; 1 unit in it is left out by the filters: filter_by"):
        units_of(partly=True, structures="V3")


def test_units_by_their_ids() -> None:
    assert units_of(units=[3, 5]) == [3, 5]
    assert units_of(units=[3, 5], partly=True) == [5, 3], "order means nothing among many"
    assert units_of(units=[3, 5, 1], partly=True) == [5, 3]
    with pytest.raises(LookupFailure, match="has no unit 1; for its ids"):
        units_of(units=[3, 1])
    with pytest.raises(NothingChosen, match="has no units 1, 2;"):
        units_of(units=[1, 2], partly=True)
    with pytest.warns(NwbinWarning, match="unit 3 is not among units in V1, and left out"):
        assert units_of(units=[3, 5], structures="V1") == [5]
    with pytest.raises(NothingChosen, match="none of the units 3 is in V1"):
        units_of(units=[3], structures="V1")
    with pytest.raises(
        NothingChosen, match="meets 'index == 8'; 1 unit left out by the filters does: filter_by"
    ):
        units_of(units="index == 8")


def test_what_would_keep_a_unit_is_written_as_it_was_asked() -> None:
    with pytest.raises(LookupFailure, match=r"unit 8 is left out: more than snr=2; to keep it: snr=None$"):
        units_of(units=[8])
    with pytest.raises(LookupFailure, match=r"to keep them: filter_noise=False, snr=None$"):
        units_of(units=[9, 8])
    with pytest.warns(NwbinWarning, match="unit 8 is left out: more than snr=2"):
        assert units_of(units=[8, 5], partly=True) == [5]
    options = Hints(
        every_unit="--all", bound="--{option} {value:g}", unbounded="--{option} 0", unfiltered=None
    )
    with pytest.raises(LookupFailure, match=r"more than --snr 2; to keep it: --snr 0$"):
        units_of(units=[8], hints=options)
    with pytest.raises(LookupFailure, match=r"to keep them: --all$"):
        units_of(units=[9, 8], hints=options)


def test_hints_are_no_part_of_what_is_chosen() -> None:
    assert Selection("bars", hints=Hints(every_unit="--all")) == Selection("bars")
    assert "hints" not in Selection("bars").spec()
    assert "intervals" not in Selection("bars").spec(), (
        "results from before there was such a part are taken up"
    )
    assert Selection(intervals="trials").spec() != Selection("trials").spec()


def test_a_hint_that_cannot_be_given_hides_nothing() -> None:
    class NoPresentations(Recording):
        def stimulus_table(self, names: Sequence[str] | None) -> pd.DataFrame:
            raise FormatError("the presentations cannot be read")

    class NoUnits(Recording):
        @property
        def units(self) -> pd.DataFrame:
            raise FormatError("the units cannot be read")

    for chosen, recording in (
        (Selection(units="angle > 3"), NoPresentations()),
        (Selection("no such stimulus", units="angle > 3"), Recording()),
    ):
        with pytest.raises(LookupFailure, match="there is no column 'angle'"):
            chosen.units_of(recording)
    with pytest.raises(LookupFailure, match="there is no column 'location'"):
        Selection("bars", "location == 'V1'").presentations_of(NoUnits())
