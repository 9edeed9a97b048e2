"""What a file on a server can make nwbin and libhdf5 do is bounded, and so is what is kept of it in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - nwbin writes no such files
import numpy as np
import pytest

import nwbin
from nwbin._memory import Room
from nwbin.errors import FileAccessError, NotEnoughMemoryError, NwbinWarning
from nwbin.storage.hdf5 import H5Source, _ahead
from nwbin.storage.remote import _image, _opening
from tests.remote.test_damaged import ADDRESS, SMALL, InMemory, answers
from tests.small_files import write_small


def serve(monkeypatch: pytest.MonkeyPatch, path: Path) -> InMemory:
    server = InMemory(path.read_bytes())
    monkeypatch.setattr(_opening, "_transport", lambda address, name: server)
    return server


def with_many_texts(path: Path) -> Path:
    """More attributes than stand in a header: libhdf5 has to find their text by itself."""
    with h5py.File(path, "w", libver="latest") as f:
        for k in range(20):
            f.attrs[f"a{k}"] = f"text number {k}"
    return path


READ = """
import sys
from pathlib import Path
from nwbin.storage.hdf5 import H5Source
from nwbin.storage.remote import _opening
from tests.remote.test_damaged import ADDRESS, InMemory
content = Path(sys.argv[1]).read_bytes()
_opening._transport = lambda address, name: InMemory(content)
source = H5Source(ADDRESS)
try:
    print(sorted(source.attributes("").items())[0])
except Exception as error:
    print(type(error).__name__, error)
"""


def read(path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)],
        capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    return done.stdout.strip()


def test_text_that_libhdf5_would_read_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = with_many_texts(tmp_path / "x.h5")
    assert H5Source(path).attribute("", "a0") == "text number 0"
    raw = bytearray(path.read_bytes())
    at = raw.find(b"GCOL")
    whole = bytes(raw)
    raw[at + 16 : at + 4096] = bytes(4080)
    path.write_bytes(raw)
    assert (
        read(path) == f"FileAccessError {ADDRESS}: its text at byte {at:,} is overwritten with zeros; it is "
        "damaged: have it written again"
    )
    raw = bytearray(whole)
    raw[at + 8 : at + 16] = (1 << 40).to_bytes(8, "little")
    path.write_bytes(raw)
    server = InMemory(bytes(raw))
    monkeypatch.setattr(_opening, "_transport", lambda address, name: server)
    with pytest.raises(
        FileAccessError, match="claims to take 1,099,511,627,776 bytes, more than any library"
    ):
        H5Source(ADDRESS).attribute("", "a0")


def test_many_small_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in SMALL:
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(_ahead.ReadAhead, "objects", lambda self, *args, **kwargs: None)
    serve(monkeypatch, write_small(tmp_path / "x.nwb"))
    with nwbin.File(ADDRESS) as file:
        assert len(file.units) == 3
        monkeypatch.setattr(_image, "MOST_MISSES", 1)
        with pytest.raises(FileAccessError, match=r"x\.nwb: HDF5 asks for more than 1 small parts of it one"):
            file.electrodes  # noqa: B018


@pytest.mark.parametrize("most", [0, 1 << 12])
def test_what_is_fetched_ahead_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    for module, name, value in SMALL:
        monkeypatch.setattr(module, name, value)
    path = write_small(tmp_path / "x.nwb")
    serve(monkeypatch, path)
    right = dict(answers(path))
    monkeypatch.setattr(_ahead, "_MOST_AHEAD", most)
    sizes: list[int] = []
    real = _ahead.ReadAhead._waves

    def waves(self: Any, **how: Any) -> Any:
        before = self._remote.fetched
        found = real(self, **how)
        run = found.run

        def counted() -> None:
            run()
            if "most" not in how:
                sizes.append(self._remote.fetched - before)

        found.run = counted
        return found

    monkeypatch.setattr(_ahead.ReadAhead, "_waves", waves)
    assert dict(answers(ADDRESS)) == right
    assert max(sizes) <= 4 * most  # in blocks


def test_what_does_not_fit_in_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nwbin._memory.room", lambda root=None: Room(1 << 30, 1 << 30, "this machine"))
    image = _image.Image(1 << 32, lambda targets, alone: pytest.fail("it was fetched"), "x")
    with pytest.raises(NotEnoughMemoryError, match=r"^x: 2,147,483,648 bytes of the file take 2\.147 GB"):
        image.need([(0, 1 << 31)])


def test_nor_what_is_kept_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nwbin._memory.room", lambda root=None: Room(1 << 30, 1 << 30, "this machine"))
    image = _image.Image(
        1 << 32, lambda targets, alone: None, "x", lambda spans, put: pytest.fail("it was recalled")
    )
    with pytest.raises(NotEnoughMemoryError, match=r"^x: 2,147,483,648 bytes of the file take 2\.147 GB"):
        image.need([(0, 1 << 31)])


def test_large_values_are_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What libhdf5 alone can decode is not kept in memory on its way."""
    path = tmp_path / "x.h5"
    data = np.random.default_rng(0).integers(-(2**31), 2**31 - 1, 3 << 20, dtype=np.int32)
    with h5py.File(path, "w") as f:
        f.create_dataset("x", data=data, chunks=(1 << 20,), scaleoffset=0)
    server = serve(monkeypatch, path)
    source = H5Source(ADDRESS)
    with pytest.warns(NwbinWarning, match="under scaleoffset"):
        found = source.read("x")
    np.testing.assert_array_equal(found, data)
    image = source._file.remote.image  # type: ignore[union-attr]
    assert image._there.sum() * _image.BLOCK < 1 << 20
    assert server.requests < 40
    source.close()


def test_memory_goes_when_the_file_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, write_small(tmp_path / "x.nwb"))
    file = nwbin.File(ADDRESS)
    trains = file.spike_trains()
    units = file.units
    image = file._source._file.remote.image  # type: ignore[union-attr]
    assert image.bytes.size
    file.close()
    assert image.bytes.size == 0
    with nwbin.File(tmp_path / "x.nwb") as here:
        assert trains == here.spike_trains()
        assert units.equals(here.units)
    with pytest.raises(FileAccessError, match="is closed"):
        file.units  # noqa: B018
    with pytest.raises(FileAccessError, match="is closed; nothing can be read from it any more"):
        image.need([(0, 10)])


@pytest.mark.parametrize("how", ["address", "file object"])
def test_a_program_that_leaves_a_file_open_ends_well(tmp_path: Path, how: str) -> None:
    path = write_small(tmp_path / "x.nwb")
    opened = f"nwbin.File({ADDRESS!r})" if how == "address" else f"nwbin.File(open({str(path)!r}, 'rb'))"
    script = (
        "from pathlib import Path; import nwbin; from nwbin.storage.remote import _opening\n"
        "from tests.remote.test_damaged import ADDRESS, InMemory\n"
        f"content = Path({str(path)!r}).read_bytes()\n"
        "_opening._transport = lambda address, name: InMemory(content)\n"
        f"file = {opened}\nprint(len(file.units))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, cwd=Path(__file__).parents[2])
    assert (done.stdout, done.returncode) == (b"3\n", 0), done.stderr
