"""What a session must have for its metrics to be asked through a face, and what is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from nwbin.errors import ArgumentTypeError
from nwbin.trains import SpikeTrains

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SessionLike", "check_session", "trains_of"]


class SessionLike(Protocol):
    """The part of AllenSDK's EcephysSession that faces go by: an nwbin.Session, or AllenSDK's own."""

    @property
    def units(self) -> pd.DataFrame:
        """By unit_id."""

    @property
    def stimulus_presentations(self) -> pd.DataFrame:
        """By stimulus_presentation_id."""

    @property
    def stimulus_conditions(self) -> pd.DataFrame:
        """By stimulus_condition_id."""

    @property
    def running_speed(self) -> pd.DataFrame:
        """start_time, end_time (s), velocity (cm/s)."""

    @property
    def spike_times(self) -> Mapping[Any, npt.NDArray[np.float64]]:
        """Unit id -> spike times in s."""

    def get_stimulus_table(self, stimulus_names: Any) -> pd.DataFrame:
        """The presentations of some stimuli."""

    def conditionwise_spike_statistics(self, stimulus_presentation_ids: Any, unit_ids: Any) -> pd.DataFrame:
        """Statistics by unit and condition."""

    def presentationwise_spike_times(self, stimulus_presentation_ids: Any, unit_ids: Any) -> pd.DataFrame:
        """Every spike during some presentations."""


_NEEDED = ("units", "stimulus_presentations", "stimulus_conditions", "spike_times", "get_stimulus_table")


def check_session(given: Any) -> SessionLike:
    """Return a session, once it is one.

    Raises
    ------
    ArgumentTypeError
        It is none.
    """
    # The class is asked: asking the session itself would read its tables.
    lacking = [name for name in _NEEDED if not hasattr(type(given), name)]
    if lacking:
        hint = (
            "; nwbin.open(path) makes one of a file"
            if isinstance(given, str) or hasattr(given, "__fspath__")
            else ""
        )
        raise ArgumentTypeError(
            f"a session is needed (nwbin's or AllenSDK's), not {type(given).__name__}{hint}"
        )
    session: SessionLike = given
    return session


def trains_of(session: SessionLike, unit_ids: npt.NDArray[Any]) -> SpikeTrains:
    """Return the spikes of some units, in this order."""
    read = getattr(session, "file", None)
    if hasattr(read, "spike_trains"):
        found: SpikeTrains = read.spike_trains(unit_ids)  # type: ignore[union-attr]  # a file of nwbin's
        return found
    # Of AllenSDK's session: a dictionary of arrays that nobody has looked at yet.
    return SpikeTrains.from_dict({one: np.sort(session.spike_times[one]) for one in unit_ids.tolist()})
