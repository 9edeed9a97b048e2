"""Opening: paths and file objects, and what is said of those that cannot be read."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - files are bent, and compared with h5py's own reading
import numpy as np
import pytest

import nwbin
from nwbin.errors import FileAccessError, FormatError, MissingFileError
from nwbin.storage.hdf5 import H5Source
from tests.small_files import TIMES, TRAINS, write_small


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_small(tmp_path / "small.nwb")


# ------------------------------------------------------------------ paths


def test_not_there(small: Path) -> None:
    with pytest.raises(
        MissingFileError, match=r"smal\.nwb: no such file; in its folder, did you mean 'small.nwb'\?"
    ):
        nwbin.File(small.with_name("smal.nwb"))
    with pytest.raises(FileNotFoundError, match=r"x\.nwb: no such file; the folder \S*none is not there"):
        nwbin.File(small.parent / "none" / "x.nwb")
    (small.parent / "sessions" / "session_1").mkdir(parents=True)  # no files, and yet not empty
    with pytest.raises(MissingFileError, match=r"in its folder, there are no \.nwb files"):
        nwbin.File(small.parent / "sessions" / "x.nwb")


def test_folder_and_others(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match=r"is a folder; give the path of one \.nwb file in it"):
        nwbin.File(tmp_path)
    with pytest.raises(FileAccessError, match=r"cannot be read|no such file"):
        nwbin.File("a\0b.nwb")
    with pytest.raises(FileAccessError, match=r"~nosuchuser/x\.nwb: cannot be read .*; check the path"):
        nwbin.File("~nosuchuser/x.nwb")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.nwb")
        with pytest.raises(FileAccessError, match="is a pipe or a device"):  # and no waiting for a writer
            nwbin.File(tmp_path / "pipe.nwb")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\); download it again"),
        (b"trial,start\n1,2\n", r"is not an HDF5 file \(it starts with b'trial,start.*check the download"),
        (b"\x89HDF\r\n\x1a\n", "cannot be opened as HDF5 .* probably damaged: download it again"),
        (b"\x89HDF\r\n\x1a\n" + b"\xff" * 500, "cannot be opened as HDF5 .* download it again"),
    ],
)
def test_not_hdf5(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.nwb"
    path.write_bytes(content)
    with pytest.raises(FileAccessError, match=rf"x\.nwb: {message}"):
        nwbin.File(path)
    if content:
        with pytest.raises(FileAccessError, match=message):
            nwbin.File(io.BytesIO(content))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(small: Path) -> None:
    small.chmod(0)
    with pytest.raises(FileAccessError, match="no permission to read it; check its owner and mode"):
        nwbin.File(small)


def test_no_permission_as_the_system_says_it(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(FileAccessError, match="no permission to read it; check its owner and mode"):
        nwbin.File(small)


@pytest.mark.slow
def test_truncated_before_every_byte(small: Path) -> None:
    """``python -m tests.fuzzing --cuts`` has `check` look at each of these files too."""
    whole = small.stat().st_size
    for size in range(whole - 1, -1, -1):
        os.truncate(small, size)
        with pytest.raises(
            FileAccessError, match=r"small\.nwb: .*(download it again|check the download)"
        ) as caught:
            nwbin.File(small)
        if size > whole // 2:
            assert f"is truncated: it has {size:,} bytes of the {whole:,} that it should" in str(caught.value)


def test_being_written(tmp_path: Path) -> None:
    path = tmp_path / "x.nwb"
    with h5py.File(path, "w", libver="latest") as f:
        f.attrs["nwb_version"] = "2.6.0"
        f.flush()
        copy = tmp_path / "copy.nwb"
        copy.write_bytes(path.read_bytes())  # what another program sees; this one has the file open itself
        with pytest.raises(
            FileAccessError, match=r"copy\.nwb: is being written, or its writer did not end cleanly; wait"
        ):
            nwbin.File(copy)


def test_one_file_of_several(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x%d.nwb", "w", driver="family", memb_size=1 << 20) as f:
        f.attrs["nwb_version"] = "2.6.0"
    with pytest.raises(FileAccessError, match=r"x0\.nwb: is a part of .*family driver.*h5repack"):
        nwbin.File(tmp_path / "x0.nwb")


def test_nwb_1_and_early_files(tmp_path: Path) -> None:
    path = tmp_path / "old.nwb"
    with h5py.File(path, "w") as f:
        f["nwb_version"] = "NWB-1.0.6"
    with pytest.raises(FormatError, match=r"is an NWB 1 file \(NWB-1.0.6\); nwbin reads NWB 2.*download"):
        nwbin.File(path)
    with h5py.File(path, "w") as f:
        f["other"] = 1
    with pytest.raises(
        FormatError, match="is HDF5 but not NWB: it has no nwb_version attribute; at its top are other"
    ):
        nwbin.File(path)
    for version in ("1.0", "unknown"):
        with h5py.File(path, "w") as f:
            f.attrs["nwb_version"] = version
        with pytest.raises(FormatError, match=f"says nwb_version {version}; nwbin reads NWB 2"):
            nwbin.File(path)


# ------------------------------------------------------------------ file objects


def test_file_objects(small: Path) -> None:
    with small.open("rb") as stream, nwbin.File(stream) as f:
        np.testing.assert_array_equal(f.spike_trains().times, TIMES)
        assert f.path is None
        assert f.name == str(small)
    memory = io.BytesIO(small.read_bytes())
    with nwbin.File(memory) as f:
        np.testing.assert_array_equal(f.spike_trains([11]).times, TRAINS[2])
        assert f.units["quality"].tolist() == ["good", "noise", "gööd"]
        assert f.name == "<BytesIO>"
    assert not memory.closed


def test_file_objects_of_fsspec(small: Path) -> None:
    """As files on a server are read; here they are in memory."""
    memory = pytest.importorskip("fsspec").filesystem("memory")
    memory.pipe("/small.nwb", small.read_bytes())
    with memory.open("/small.nwb") as stream, nwbin.File(stream) as there, nwbin.File(small) as here:
        assert there.units.equals(here.units)
        assert there.spike_trains() == here.spike_trains()


def test_a_file_object_that_fails(small: Path) -> None:
    class Line(io.BytesIO):
        cut = False

        def readinto(self, buffer: Any) -> int:
            if self.cut:
                raise ConnectionError("connection reset by peer")
            return super().readinto(buffer)

    line = Line(small.read_bytes())
    with nwbin.File(line) as f:
        line.cut = True
        with pytest.raises(FileAccessError, match=r"<Line>: .* \(connection reset by peer\); .*: try again"):
            f.units  # noqa: B018


WRONG_SOURCES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a number": (
        lambda p: 3,
        "expected a path or an open binary file object, but got int; pass the file's path",
    ),
    "an h5py file": (lambda p: h5py.File(p), "but got File; pass the file's path"),
    "text": (lambda p: p.open(), r"small\.nwb: the file object reads text; open it with mode 'rb'"),
    "closed": (lambda p: closed(p.open("rb")), r"small\.nwb: the file object is closed; open it, and keep"),
    "a pipe": (lambda p: end_of_a_pipe(), "cannot seek; save what it gives to a file"),
    "an address in a path": (
        lambda p: Path("s3://bucket/a.nwb"),
        "is an address, not a path; give it as text",
    ),
}


def closed(stream: Any) -> Any:
    stream.close()
    return stream


def end_of_a_pipe() -> Any:
    here, there = os.pipe()
    os.close(there)
    return os.fdopen(here, "rb")


@pytest.mark.parametrize("what", list(WRONG_SOURCES))
def test_what_is_no_file(small: Path, what: str) -> None:
    make, message = WRONG_SOURCES[what]
    source = make(small)
    try:
        with pytest.raises(FileAccessError, match=message):
            nwbin.File(source)
    finally:
        if hasattr(source, "close"):
            source.close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="where open files are listed")
def test_errors_that_are_kept_keep_no_file_open(tmp_path: Path) -> None:
    path = tmp_path / "bad.h5"
    path.write_bytes(b"x" * 1000)
    errors = []
    for _ in range(5):
        with pytest.raises(FileAccessError) as error:
            H5Source(path)
        errors.append(error.value)
    opened = Path("/proc/self/fd").iterdir()
    assert path not in [one.readlink() for one in opened if one.is_symlink()]
