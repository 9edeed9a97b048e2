"""Closing: it succeeds, and leaves the error that led to it alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - its closing is made to fail
import numpy as np
import pytest

import nwbin
from nwbin.errors import FileAccessError, FormatError
from tests.small_files import write_small


class Stubborn:
    """An h5py file that cannot let go of some objects, as those of some damaged files cannot."""

    def __init__(self, file: Any, failures: int) -> None:
        self._file, self.left = file, failures

    def __bool__(self) -> bool:
        return bool(self._file)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def close(self) -> None:
        if self.left:
            self.left -= 1
            raise RuntimeError("Can't decrement id ref count (can't close)")
        self._file.close()


@pytest.mark.parametrize("failures", [1, 1000])
def test_an_error_is_not_masked_by_closing(tmp_path: Path, failures: int) -> None:
    path = write_small(tmp_path / "small.nwb")
    with h5py.File(path, "a") as h5:
        del h5["units/id"]
        h5["units/id"] = np.array([7, 3, 7])
    f = nwbin.File(path)
    real = f._source._file.h5
    f._source._file.h5 = Stubborn(real, failures)
    with pytest.raises(FormatError, match="units/id holds 7 more than once"), f:
        f.spike_trains()
    assert bool(real) == (failures > 1)  # the second try closes it
    with pytest.raises(FileAccessError, match="is closed"):
        _ = f.units
    real.close()


def test_closing_a_file_that_does_not_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_small(tmp_path / "small.nwb")
    with h5py.File(path, "a") as h5:
        del h5.attrs["nwb_version"]
    opened = h5py.File
    monkeypatch.setattr(
        "nwbin._hdf5._file.h5py.File", lambda *args, **kwargs: Stubborn(opened(*args, **kwargs), 1)
    )
    with pytest.raises(FormatError, match="is HDF5 but not NWB"):
        nwbin.File(path)
