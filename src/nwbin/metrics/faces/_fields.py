"""Face of receptive fields, mapped with gabors."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.errors import LookupFailure, nearest
from nwbin.metrics.common import common_columns
from nwbin.metrics.faces._base import StimulusAnalysis
from nwbin.metrics.faces._plots import raster
from nwbin.metrics.receptive_fields import FieldOptions, field_columns, field_maps
from nwbin.responses.counts import UNIT
from nwbin.responses.position_maps import positions_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ReceptiveFieldMapping"]

_TOP = 40.0  # degrees: y_position of AllenSDK's first row
_STATS = ("azimuth_rf", "elevation_rf", "width_rf", "height_rf", "area_rf", "p_value_rf", "on_screen_rf")


class ReceptiveFieldMapping(StimulusAnalysis):
    """Receptive fields and their metrics, asked as AllenSDK's class of this name is.

    Parameters
    ----------
    ecephys_session, convention, seed, **kwargs
        As in :class:`StimulusAnalysis`.
    col_pos_x, col_pos_y
        What the positions are called in the stimulus table.
    trial_duration
        In s.
    minimum_spike_count
        Units with fewer spikes in all trials have no receptive field.
    mask_threshold
        How many standard deviations below its maximum a smoothed map is cut: 0.5 by default as in AllenSDK's class,
        1.0 in its batch run and so in the published tables.

    Examples
    --------
    >>> fields = ReceptiveFieldMapping(session, mask_threshold=1.0)
    >>> fields.get_receptive_field(session.units.index[0])
    """

    SUFFIX, NAME, PARAMS = "rf", "Receptive Field Mapping", "receptive_field_mapping"
    COLUMNS = (
        ("azimuth_rf", float), ("elevation_rf", float), ("width_rf", float), ("height_rf", float), ("area_rf", float),
        ("p_value_rf", float), ("on_screen_rf", bool), ("firing_rate_rf", float), ("fano_rf", float),
        ("time_to_peak_rf", float), ("lifetime_sparseness_rf", float), ("run_mod_rf", float), ("run_pval_rf", float),
    )  # fmt: skip

    def __init__(
        self,
        ecephys_session: Any,
        col_pos_x: str = "x_position",
        col_pos_y: str = "y_position",
        trial_duration: float | None = 0.25,
        minimum_spike_count: float = 10.0,
        mask_threshold: float = 0.5,
        **kwargs: Any,
    ) -> None:
        super().__init__(ecephys_session, trial_duration, **kwargs)
        self._col_pos_x, self._col_pos_y = col_pos_x, col_pos_y
        self._minimum_spike_count, self._mask_threshold = minimum_spike_count, mask_threshold

    @property
    def _parameters(self) -> dict[str, str]:
        return {"x_position": self._col_pos_x, "y_position": self._col_pos_y}

    def _computed(self) -> dict[str, npt.NDArray[Any]]:
        options = FieldOptions(self.trial_duration, self._minimum_spike_count, self._mask_threshold)
        found = field_columns(
            self._trains,
            self._view.presentations,
            convention=self._convention,
            seed=self._seed,
            options=options,
        )
        return found | common_columns(self._view)

    @property
    def elevations(self) -> npt.NDArray[Any]:
        """The y positions, in degrees."""
        return self._values(self._col_pos_y)

    @property
    def number_elevations(self) -> int:
        """How many y positions there are."""
        return len(self.elevations)

    @property
    def azimuths(self) -> npt.NDArray[Any]:
        """The x positions, in degrees."""
        return self._values(self._col_pos_x)

    @property
    def number_azimuths(self) -> int:
        """How many x positions there are."""
        return len(self.azimuths)

    @cached_property
    def receptive_fields(self) -> xr.Dataset:
        """Spikes in [0, 0.249] s, added up by position.

        `spike_counts`, dims as the positions are called, then unit_id, ascending: y is counted downwards from the
        top of the screen (40 - y_position), so that row 0 is its top. NaN where nothing was shown.
        :meth:`nwbin.Session.receptive_fields` has positions as they are, and means.
        """
        import xarray as xr

        shown = self._view.presentations
        positions = positions_of(shown)
        there = positions.cell >= 0
        at = positions._replace(cell=positions.cell[there])
        order = np.argsort(self.unit_ids, kind="stable")
        maps: npt.NDArray[Any] = field_maps(self._trains, self._view.starts[there], at)[order].transpose(
            1, 2, 0
        )
        gaps = at.presentations[::-1] == 0
        if gaps.any():
            maps = np.where(gaps[:, :, None], np.nan, maps)
        coords = {
            self._col_pos_y: _TOP - positions.y[::-1], self._col_pos_x: positions.x, UNIT: self.unit_ids[order],
        }  # fmt: skip
        return xr.Dataset({"spike_counts": (tuple(coords), maps)}, coords=coords)

    def get_receptive_field(self, unit_id: Any) -> npt.NDArray[Any]:
        """One unit's map, row 0 at the top of the screen: (rows, columns).

        Raises
        ------
        LookupFailure
            The unit is not among `unit_ids`.
        """
        if unit_id not in self.unit_ids:
            raise LookupFailure(
                f"{unit_id!r} is not the id of a unit here; {nearest(unit_id, self.unit_ids)}"
            )
        found: npt.NDArray[Any] = self.receptive_fields["spike_counts"].sel(unit_id=unit_id).to_numpy()
        return found

    _get_rf = get_receptive_field

    def _get_rf_stats(self, unit_id: Any) -> tuple[Any, ...]:
        return tuple(self._of_unit(name, unit_id) for name in _STATS)

    def plot_raster(self, stimulus_condition_id: Any, unit_id: Any) -> None:
        """Draw the spikes of a unit during one condition, where on the screen that was."""
        raster(
            self, stimulus_condition_id, unit_id, (self._col_pos_y, self.elevations),
            (self._col_pos_x, self.azimuths), upwards=True,
        )  # fmt: skip

    def plot_rf(self, unit_id: Any) -> None:
        """Draw a unit's map."""
        from nwbin.metrics.faces._plots import image

        image(self.get_receptive_field(unit_id))
