"""What a recording is asked before anything of it is chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Reasons", "Selectable"]


class Reasons(Protocol):
    """Why the filters leave a unit out."""

    @property
    def reasons(self) -> Sequence[str]:
        """One clause each, such as "its quality is 'noise'"."""

    @property
    def keeping(self) -> Sequence[str]:
        """The names of the filters to lift."""

    @property
    def lacks_place(self) -> bool:
        """Its channel or probe is missing, which no filter has a part in."""


class Selectable(Protocol):
    """What a recording is asked before anything of it is chosen."""

    @property
    def name(self) -> str:
        """Of its file, for messages."""

    @property
    def missing_text(self) -> str | None:
        """The word that its tables hold where something is missing."""

    @property
    def stimulus_names(self) -> Sequence[str]:
        """The stimuli shown."""

    def stimulus_table(self, names: Sequence[str] | None) -> pd.DataFrame:
        """The presentations of some stimuli, or of all, by id; `start_time` in s."""

    @property
    def intervals(self) -> Mapping[str, pd.DataFrame]:
        """Every table of intervals by its name."""

    @property
    def structure_columns(self) -> Sequence[str]:
        """Columns that may say which structure a unit lies in, the best first."""

    @property
    def units(self) -> pd.DataFrame:
        """The units that pass the filters, by id."""

    @property
    def unit_ids(self) -> npt.NDArray[Any]:
        """Of all units, whatever the filters: (units,)."""

    def every_unit(self) -> pd.DataFrame:
        """All units by id, whatever the filters."""

    def why_left_out(
        self, unit_ids: Sequence[Any], bound_as: Callable[[str, float], str]
    ) -> Sequence[Reasons]:
        """Why some units are not among :attr:`units`; `bound_as` writes a bound."""
