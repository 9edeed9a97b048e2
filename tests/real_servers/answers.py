"""What a session on a server has to answer: what the file that it is answers here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.errors import FileAccessError

__all__ = ["SECRET", "refused", "same_answers"]

SECRET = "hush"  # is in each password and key, and must be in no message


def same_answers(address: str, path: Path) -> None:
    with nwbin.open(address) as there, nwbin.open(path) as here:
        pd.testing.assert_frame_equal(there.units, here.units)
        pd.testing.assert_frame_equal(there.stimulus_presentations, here.stimulus_presentations)
        some = here.stimulus_presentations.index[-50:]
        one, other = (
            session.response_matrix(some, window=(0.0, 0.1), label=np.arange(len(some)))
            for session in (there, here)
        )
        np.testing.assert_array_equal(one.X, other.X)
        assert there.file.spike_trains() == here.file.spike_trains()


def refused(address: str, message: str, kind: type[Exception] = FileAccessError) -> None:
    """It cannot be opened, which is said in these words, and without what is secret."""
    with pytest.raises(kind, match=message) as caught:
        nwbin.open(address)
    assert SECRET not in str(caught.value)
