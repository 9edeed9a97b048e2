"""What the tests of data sets share: sessions, and functions that other processes can import."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import nwbin

IDS = [715093701, 750332458, 766640955]

OPEN = {"amplitude_cutoff_maximum": None, "presence_ratio_minimum": None, "isi_violations_maximum": None}


def same_matrices(
    found: Mapping[Any, nwbin.ResponseMatrix], expected: Mapping[Any, nwbin.ResponseMatrix]
) -> None:
    assert list(found) == list(expected) != []
    for one in expected:
        np.testing.assert_array_equal(found[one].X, expected[one].X)
        np.testing.assert_array_equal(found[one].y, expected[one].y)


def rates(session: nwbin.Session, scale: float = 1.0) -> float:
    return float(session.units["firing_rate"].mean()) * scale


def fails_for_one(session: nwbin.Session) -> int:
    if session.ecephys_session_id == IDS[1]:
        raise ValueError("no luck")
    return int(session.num_units)


def kill_once(session: nwbin.Session, flag: str) -> int:
    if session.ecephys_session_id == IDS[1] and not Path(flag).exists():
        Path(flag).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return int(session.num_units)
