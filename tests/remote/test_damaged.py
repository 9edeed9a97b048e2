"""Of a damaged file, what is fetched ahead is a guess: it must end, and answers are those of the file on the disk."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nwbin
from nwbin.errors import NwbinError
from nwbin.storage.hdf5 import _ahead
from nwbin.storage.remote import _image, _opening, _ranges, _remote_file
from nwbin.storage.remote._transport import Answer, State
from tests.small_files import write_small

ADDRESS = "memory-of-a-test://x.nwb"


SMALL: list[tuple[Any, str, int]] = [
    (_image, "BLOCK", 256),
    (_ranges, "GAP", 0),
    (_remote_file, "_FIRST", 256),
    (_remote_file, "_AHEAD", 256),
    (_ahead, "_AROUND", 0),
    (_ahead, "_BETWEEN", 0),
    (_ahead, "_END", 0),
]


class InMemory:
    """A server that is none."""

    checked_afterwards = False
    place = None

    def __init__(self, content: bytes) -> None:
        self.content, self.requests = content, 0

    def get(self, start: int, stop: int, state: State | None) -> Answer:
        self.requests += 1
        return Answer(State(len(self.content), None, None), start, iter([self.content[start:stop]]))

    def check(self, state: State) -> None:
        pass


def answers(source: Any) -> Iterator[tuple[str, str]]:
    """What a file says, or the kind of error that it raises, one thing at a time."""

    def asked(what: Any) -> str:
        try:
            return str(what())
        except NwbinError as error:
            return type(error).__name__

    try:
        file = nwbin.File(source)
    except NwbinError as error:
        yield "open", type(error).__name__
        return
    with file:
        yield "units", asked(lambda: file.units.to_csv())
        yield "electrodes", asked(lambda: file.electrodes.to_csv())
        yield "groups", asked(lambda: file.electrode_groups.to_csv())
        yield "intervals", asked(lambda: {name: table.to_csv() for name, table in file.intervals.items()})
        yield "trains", asked(lambda: {unit: train.tolist() for unit, train in file.spike_trains().items()})
        yield "subject", asked(lambda: file.subject)


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    data = np.frombuffer(content, np.uint8).copy()
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(0, len(data)))
        kind = rng.integers(0, 4)
        if kind == 0:  # a bit
            data[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:  # an address or a length
            at = at // 8 * 8
            words = [0, 1, 96, 1 << 20, (1 << 63) - 1, (1 << 64) - 1, int(rng.integers(0, len(data)))]
            word = words[int(rng.integers(0, len(words)))]
            data[at : at + 8] = np.frombuffer(word.to_bytes(8, "little"), np.uint8)[: len(data) - at]
        elif kind == 2:
            data[at : at + int(rng.integers(1, 200))] = 0
        else:  # one structure in another's place
            other = int(rng.integers(0, len(data) - 64)) // 8 * 8
            part = data[other : other + 64].copy()
            at = min(at // 8 * 8, len(data) - 64)
            data[at : at + 64] = part
    return data.tobytes()


@pytest.mark.parametrize("form", ["contiguous", "chunked"])
@pytest.mark.parametrize("block", range(4))
@pytest.mark.slow
def test_the_same_of_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, block: int
) -> None:
    whole = write_small(tmp_path / "x.nwb", chunked=form == "chunked").read_bytes()
    for module, name, value in SMALL:  # so that not all of it comes at once
        monkeypatch.setattr(module, name, value)
    path = tmp_path / "damaged.nwb"
    rng = np.random.default_rng([block, form == "chunked"])
    for _ in range(7):
        content = damaged(whole, rng)
        path.write_bytes(content)
        server = InMemory(content)
        monkeypatch.setattr(_opening, "_transport", lambda address, name, server=server: server)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            there, here = dict(answers(ADDRESS)), dict(answers(path))
        assert there == here
        assert server.requests < 200


def test_garbage_of_h5py_is_collected_while_bytes_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """On whatever thread that happens: it takes HDF5's lock, which whoever waits for the bytes must not have."""
    import gc

    import h5py  # noqa: TID251 - its objects are the garbage

    whole = write_small(tmp_path / "x.nwb").read_bytes()
    for module, name, value in SMALL:
        monkeypatch.setattr(module, name, value)

    class Collecting(InMemory):
        def get(self, start: int, stop: int, state: State | None) -> Answer:
            gc.collect()
            return super().get(start, stop, state)

    monkeypatch.setattr(_opening, "_transport", lambda address, name: Collecting(whole))
    other = h5py.File(tmp_path / "x.nwb")
    gc.collect()
    gc.freeze()  # what is there already need not be looked at each time
    request.addfinalizer(gc.unfreeze)
    for ahead in (True, False):
        if not ahead:
            monkeypatch.setattr(_ahead.ReadAhead, "objects", lambda self, *args, **kwargs: None)
        with nwbin.File(ADDRESS) as file:
            for _ in range(3):
                circle: list[Any] = [other["units"], other["units/id"]]
                circle.append(circle)
                del circle
                assert len(file.intervals["trials"]) == 4
                assert file.electrodes.shape == (2, 3)
    other.close()
