"""The session is a face of parts that it holds: it shows their methods as if they were its own."""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path

import pytest

import nwbin
from nwbin.errors import ArgumentTypeError, LookupFailure

METHODS = [
    name
    for name, member in vars(nwbin.Session).items()
    if inspect.isfunction(member) and not name.startswith("_")
]


class Mine(nwbin.Session):
    """A session with something of one's own."""

    @property
    def short_units(self) -> list[int]:
        return self.units.index[:2].tolist()


def test_a_session_is_split_over_no_bases() -> None:
    assert nwbin.Session.__mro__ == (nwbin.Session, object)


@pytest.mark.parametrize("name", METHODS)
def test_methods_of_parts_look_like_the_sessions_own(name: str) -> None:
    method = getattr(nwbin.Session, name)
    assert method.__doc__
    assert method.__doc__.strip()
    assert (method.__module__.split(".")[:2], method.__qualname__) == (
        ["nwbin", "session"],
        f"Session.{name}",
    )
    first, *others = inspect.signature(method).parameters.values()
    assert first.name == "self"
    assert not any(one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD) for one in others)


def test_methods_of_parts_are_found() -> None:
    assert {"get_stimulus_table", "presentationwise_spike_counts", "get_lfp", "response_matrix"} <= set(
        METHODS
    )


def test_subclasses(path: Path) -> None:
    mine = Mine.from_nwb_path(path)
    assert type(mine) is Mine
    again = pickle.loads(pickle.dumps(mine))
    assert type(again) is Mine
    assert again.short_units == mine.short_units
    assert again.get_stimulus_table("flashes").equals(mine.get_stimulus_table("flashes"))


def test_a_mapping_of_units_travels_without_its_tables(session: nwbin.Session) -> None:
    before, times = len(pickle.dumps(session.spike_times)), session.spike_times
    unit = session.units.index[0]
    assert (pickle.loads(pickle.dumps(times))[unit] == times[unit]).all()
    session.stimulus_presentations, session.units, session.channels  # noqa: B018  read, and kept
    assert len(pickle.dumps(session.spike_times)) == before


def test_open_and_from_nwb_path_have_the_same_defaults(path: Path) -> None:
    by_open, by_class = nwbin.open(path), nwbin.Session.from_nwb_path(path)
    assert by_open.filters == by_class.filters
    assert by_open.file.mmap == by_class.file.mmap
    known = set(inspect.signature(nwbin.open).parameters) - {"path", "api_kwargs"}
    with pytest.raises(ArgumentTypeError, match="there are: ") as caught:
        nwbin.Session.from_nwb_path(path, nothing_like_it=1)
    assert set(str(caught.value).partition("there are: ")[2].split(", ")) == known


def test_a_file_object_opens_by_the_class_too(path: Path) -> None:
    with path.open("rb") as stream:
        session = nwbin.Session.from_nwb_path(stream)
        assert session.num_units == nwbin.open(path).num_units


def test_what_a_session_was_opened_with_is_not_exchanged(path: Path) -> None:
    """Tables are read once: other filters later would be said, and not applied."""
    with nwbin.open(path) as session:
        for name in ("filters", "file"):
            with pytest.raises(AttributeError):
                setattr(session, name, None)


class Noted(nwbin.Session):
    """A session whose state has something of its own."""

    note = ""

    def __getstate__(self) -> dict[str, object]:
        return {**super().__getstate__(), "note": self.note}


def test_a_subclass_may_have_more_state(path: Path) -> None:
    noted = Noted.from_nwb_path(path)
    noted.note = "mine"
    again = pickle.loads(pickle.dumps(noted))
    assert (again.note, again.num_units) == ("mine", noted.num_units)
    noted.close()
    again.close()


@pytest.mark.parametrize(
    "named", [{"amplitude_cutoff_maximum": float("0.1")}, {"filter_by_validity": True}], ids=str
)
def test_a_default_by_name_counts_less_than_api_kwargs(path: Path, named: dict[str, float]) -> None:
    name = next(iter(named))
    with nwbin.open(path, **named, api_kwargs={name: 0}) as session:  # type: ignore[arg-type] # of either kind
        assert getattr(session.filters, name) == 0


def test_python_names_what_was_called(session: nwbin.Session) -> None:
    with pytest.raises(TypeError, match=r"^Session\.presentationwise_spike_counts\(\) missing 3 required"):
        session.presentationwise_spike_counts()  # type: ignore[call-arg] # which is what is tested
    with pytest.raises(
        TypeError, match=r"^Session\.get_stimulus_table\(\) got an unexpected keyword argument"
    ):
        session.get_stimulus_table(stimulus="flashes")  # type: ignore[call-arg] # which is what is tested


def test_which_filters_leave_all_units_out(path: Path) -> None:
    with nwbin.open(path, presence_ratio_minimum=2) as session:
        number = len(session.file.unit_ids)
        said = (
            f"none of its {number} units passes the filters \\(left out by presence_ratio_minimum: {number}"
        )
        with pytest.warns(nwbin.NwbinWarning, match=said):
            assert session.num_units == 0
        with pytest.raises(
            LookupFailure, match=r"passes the filters; try .* \(left out by presence_ratio_min"
        ):
            session.select().units  # noqa: B018  it is looked for now
