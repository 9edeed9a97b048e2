"""Faces of drifting and static gratings."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from nwbin.metrics._gratings import drifting_gratings, static_gratings
from nwbin.metrics.faces._base import StimulusAnalysis
from nwbin.metrics.faces._plots import raster

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DriftingGratings", "StaticGratings"]


class _Gratings(StimulusAnalysis):
    """What gratings have, whether they drift or not."""

    _col_ori: str
    _col_frequency: str  # temporal or spatial: a blank sweep has none

    @property
    def null_condition(self) -> Any:
        """The conditions that are blank sweeps: an index of stimulus_condition_id."""
        return self._where_null(self._col_frequency)

    @property
    def orivals(self) -> npt.NDArray[Any]:
        """The orientations, in degrees."""
        return self._values(self._col_ori)

    @property
    def number_ori(self) -> int:
        """How many orientations there are."""
        return len(self.orivals)


class DriftingGratings(_Gratings):
    """The metrics of drifting gratings, asked as AllenSDK's class of this name is.

    Parameters
    ----------
    ecephys_session, convention, seed, **kwargs
        As in :class:`StimulusAnalysis`.
    col_ori, col_tf, col_contrast
        What the orientation, temporal frequency and contrast are called in the stimulus table.
    trial_duration
        In s.

    Examples
    --------
    >>> DriftingGratings(session).metrics["pref_ori_dg"]
    """

    SUFFIX, NAME, PARAMS = "dg", "Drifting Gratings", "drifting_gratings"
    COLUMNS = (
        ("pref_ori_dg", float), ("pref_ori_multi_dg", bool), ("pref_tf_dg", float), ("pref_tf_multi_dg", bool),
        ("c50_dg", float), ("f1_f0_dg", float), ("mod_idx_dg", float), ("g_osi_dg", float), ("g_dsi_dg", float),
        ("firing_rate_dg", float), ("fano_dg", float), ("lifetime_sparseness_dg", float), ("run_pval_dg", float),
        ("run_mod_dg", float),
    )  # fmt: skip

    def __init__(
        self,
        ecephys_session: Any,
        col_ori: str = "orientation",
        col_tf: str = "temporal_frequency",
        col_contrast: str = "contrast",
        trial_duration: float | None = 2.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(ecephys_session, trial_duration, **kwargs)
        self._col_ori, self._col_frequency, self._col_contrast = col_ori, col_tf, col_contrast

    @property
    def _parameters(self) -> dict[str, str]:
        return {
            "orientation": self._col_ori, "temporal_frequency": self._col_frequency, "contrast": self._col_contrast,
        }  # fmt: skip

    def _computed(self) -> dict[str, npt.NDArray[Any]]:
        return drifting_gratings(self._view)

    @property
    def tfvals(self) -> npt.NDArray[Any]:
        """The temporal frequencies, in Hz."""
        return self._values(self._col_frequency)

    @property
    def number_tf(self) -> int:
        """How many temporal frequencies there are."""
        return len(self.tfvals)

    @property
    def contrastvals(self) -> npt.NDArray[Any]:
        """The contrasts."""
        return self._values(self._col_contrast)

    @property
    def number_contrast(self) -> int:
        """How many contrasts there are."""
        return len(self.contrastvals)

    @cached_property
    def stim_table_contrast(self) -> pd.DataFrame:
        """The presentations of gratings at many contrasts; without any, an empty table."""
        import pandas as pd

        table = self.ecephys_session.stimulus_presentations
        shown = table[table["stimulus_name"] == "drifting_gratings_contrast"]
        return shown if len(shown) else pd.DataFrame()

    @cached_property
    def stimulus_conditions_contrast(self) -> pd.DataFrame:
        """The conditions of :attr:`stim_table_contrast`."""
        table = self._session.stimulus_conditions
        return table[table.index.isin(self.stim_table_contrast["stimulus_condition_id"].unique())]

    @cached_property
    def conditionwise_statistics_contrast(self) -> pd.DataFrame:
        """Statistics of :attr:`stim_table_contrast` by unit and condition."""
        return self._session.conditionwise_spike_statistics(
            self.stim_table_contrast.index.values, self.unit_ids
        )

    def plot_raster(self, stimulus_condition_id: Any, unit_id: Any) -> None:
        """Draw the spikes of a unit during one condition, among temporal frequencies (rows) and orientations."""
        raster(
            self,
            stimulus_condition_id,
            unit_id,
            (self._col_frequency, self.tfvals),
            (self._col_ori, self.orivals),
        )


class StaticGratings(_Gratings):
    """The metrics of static gratings, asked as AllenSDK's class of this name is.

    Parameters
    ----------
    ecephys_session, convention, seed, **kwargs
        As in :class:`StimulusAnalysis`.
    col_ori, col_sf, col_phase
        What the orientation, spatial frequency and phase are called in the stimulus table.
    trial_duration
        In s.

    Examples
    --------
    >>> StaticGratings(session).metrics["pref_sf_sg"]
    """

    SUFFIX, NAME, PARAMS = "sg", "Static Gratings", "static_gratings"
    COLUMNS = (
        ("pref_sf_sg", float), ("pref_sf_multi_sg", bool), ("pref_ori_sg", float), ("pref_ori_multi_sg", bool),
        ("pref_phase_sg", float), ("pref_phase_multi_sg", bool), ("g_osi_sg", float), ("time_to_peak_sg", float),
        ("firing_rate_sg", float), ("fano_sg", float), ("lifetime_sparseness_sg", float), ("run_pval_sg", float),
        ("run_mod_sg", float),
    )  # fmt: skip

    def __init__(
        self,
        ecephys_session: Any,
        col_ori: str = "orientation",
        col_sf: str = "spatial_frequency",
        col_phase: str = "phase",
        trial_duration: float | None = 0.25,
        **kwargs: Any,
    ) -> None:
        super().__init__(ecephys_session, trial_duration, **kwargs)
        self._col_ori, self._col_frequency, self._col_phase = col_ori, col_sf, col_phase

    @property
    def _parameters(self) -> dict[str, str]:
        return {
            "orientation": self._col_ori,
            "spatial_frequency": self._col_frequency,
            "phase": self._col_phase,
        }

    def _computed(self) -> dict[str, npt.NDArray[Any]]:
        return static_gratings(self._view)

    @property
    def sfvals(self) -> npt.NDArray[Any]:
        """The spatial frequencies, in cycles a degree."""
        return self._values(self._col_frequency)

    @property
    def number_sf(self) -> int:
        """How many spatial frequencies there are."""
        return len(self.sfvals)

    @property
    def phasevals(self) -> npt.NDArray[Any]:
        """The phases."""
        return self._values(self._col_phase)

    @property
    def number_phase(self) -> int:
        """How many phases there are."""
        return len(self.phasevals)

    def plot_raster(self, stimulus_condition_id: Any, unit_id: Any) -> None:
        """Draw the spikes of a unit during one condition, among spatial frequencies (rows) and orientations."""
        raster(
            self,
            stimulus_condition_id,
            unit_id,
            (self._col_frequency, self.sfvals),
            (self._col_ori, self.orivals),
        )
