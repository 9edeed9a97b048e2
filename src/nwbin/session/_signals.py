"""The signals of a session: running, eye tracking, LFP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.allen import behavior, invalid, lfp, responses
from nwbin.allen.averages import mean_of_intervals, means_of_samples
from nwbin.binning import as_window
from nwbin.errors import ArgumentTypeError
from nwbin.nwb.file import File
from nwbin.session._lookup import Ids, Lookup
from nwbin.session._part_of_session import Part
from nwbin.session._session_tables import SessionTables

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["SessionApi", "Signals"]


@dataclass(eq=False, repr=False)
class Signals(Part):
    """What else was recorded during a session."""

    tables: SessionTables
    lookup: Lookup
    given_lfp_paths: Mapping[int, lfp.LfpSource] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.given_lfp_paths, Mapping | None):
            raise ArgumentTypeError(
                "probe_lfp_paths must map probe ids to paths, {probe_id: path}, not "
                f"{type(self.given_lfp_paths).__name__}"
            )

    @cached_property
    def running_speed(self) -> pd.DataFrame:
        return behavior.running_speed(self.tables.file)

    @cached_property
    def optogenetic_stimulation_epochs(self) -> pd.DataFrame:
        return behavior.optogenetic_stimulation(self.tables.file)

    def get_pupil_data(self) -> pd.DataFrame | None:
        """Return ellipse fits of eye, pupil and corneal reflection by time; None, and a warning, without them.

        Examples
        --------
        >>> session.get_pupil_data().columns.tolist()
        """
        return behavior.pupil_data(self.tables.file)

    def get_screen_gaze_data(self, include_filtered_data: bool = False) -> pd.DataFrame | None:
        """Return gaze positions on the screen by time; None (and a warning) without eye tracking.

        Examples
        --------
        >>> session.get_screen_gaze_data().columns.tolist()
        """
        return behavior.screen_gaze_data(self.tables.file, include_filtered_data=include_filtered_data)

    def _windows(self, shown: pd.DataFrame, window: tuple[float, float] | None) -> npt.NDArray[np.float64]:
        if window is None:
            return responses.presentation_windows(shown)
        return (
            shown["start_time"].to_numpy(np.float64)[:, None]
            + np.asarray(as_window(window), dtype=np.float64)[None, :]
        )

    def presentationwise_running_speed(
        self, stimulus_presentation_ids: Ids = None, window: tuple[float, float] | None = None
    ) -> pd.Series[float]:
        """Return the mean running speed during each presentation, in cm/s, weighted by time.

        Parameters
        ----------
        stimulus_presentation_ids
            Which presentations; all by default.
        window
            From and to, in s from onset, in place of the presentation's own start and stop.

        Returns
        -------
        pandas.Series
            By stimulus_presentation_id; NaN where there is no running data.

        Examples
        --------
        >>> gratings = session.get_stimulus_table("drifting_gratings")
        >>> session.presentationwise_running_speed(gratings.index)
        """
        import pandas as pd

        shown = self.lookup.presentations(stimulus_presentation_ids)
        speed = self.running_speed
        mean = mean_of_intervals(
            speed["start_time"].to_numpy(),
            speed["end_time"].to_numpy(),
            speed["velocity"].to_numpy(np.float64),
            self._windows(shown, window),
        )
        return pd.Series(mean, index=shown.index, name="running_speed")

    def presentationwise_pupil_data(
        self, stimulus_presentation_ids: Ids = None, window: tuple[float, float] | None = None
    ) -> pd.DataFrame | None:
        """Return the mean of each column of :meth:`get_pupil_data` during each presentation, missing samples left out.

        Parameters are those of :meth:`presentationwise_running_speed`. None without eye tracking.

        Examples
        --------
        >>> gratings = session.get_stimulus_table("drifting_gratings")
        >>> session.presentationwise_pupil_data(gratings.index)
        """
        data = self.get_pupil_data()
        if data is None:
            return None
        shown = self.lookup.presentations(stimulus_presentation_ids)
        return means_of_samples(data, self._windows(shown, window), shown.index)

    @cached_property
    def lfp_paths(self) -> Mapping[int, lfp.LfpSource]:
        if self.given_lfp_paths is not None:
            return dict(self.given_lfp_paths)
        return lfp.find_lfp_files(self.tables.file.path, self.tables.probes.index.tolist())

    def get_lfp(
        self,
        probe_id: int,
        mask_invalid_intervals: bool = True,
        *,
        time: tuple[float, float] | None = None,
        channels: int | Iterable[int] | None = None,
        lazy: bool = False,
    ) -> xr.DataArray:
        """Read a probe's LFP.

        Parameters
        ----------
        probe_id
            The probe.
        mask_invalid_intervals
            Put NaN where the probe's data are invalid.
        time
            Only samples from here to there, in s: only they are read. A whole probe is gigabytes.
        channels
            Only these channel ids.
        lazy
            Read nothing yet: what is selected from the result is read when it is used. The LFP file stays open
            for as long as the result lives.

        Returns
        -------
        xarray.DataArray
            "LFP" in V, dims (time, channel).

        Examples
        --------
        >>> probe = session.probes.index[0]
        >>> session.get_lfp(probe, time=(27.0, 27.5)).dims
        ('time', 'channel')
        """
        if np.ndim(probe_id):
            raise ArgumentTypeError(
                f"get_lfp reads one probe at a time: give one id of probes.index, not {type(probe_id).__name__}"
            )
        bad = None
        if mask_invalid_intervals:
            row = int(self.lookup.rows(self.tables.probes.index, probe_id, "probe")[0])
            bad = invalid.tagged(
                self.tables.invalid_times, ["all_probes", self.tables.probes["description"].iloc[row]]
            )
        source = lfp.open_lfp(self.lfp_paths, probe_id, self.tables.file)
        try:
            found = lfp.part_of(lfp.lazy_lfp(source, probe_id, bad), time, channels)
            if lazy:
                return found
            found.load()
        except BaseException:
            source.close()
            raise
        source.close()
        return found

    def get_current_source_density(self, probe_id: int) -> xr.DataArray:
        """Read a probe's current source density after flashes: dims (virtual_channel_index, time in s).

        Examples
        --------
        >>> session.get_current_source_density(session.probes.index[0]).dims
        """
        with lfp.open_lfp(self.lfp_paths, probe_id, self.tables.file) as source:
            return lfp.current_source_density(source)


class SessionApi:
    """``session.api``: what AllenSDK scripts read past the session."""

    def __init__(self, file: File) -> None:
        self._file = file

    def get_running_speed(self, include_rotation: bool = False) -> pd.DataFrame:
        """Return the running speed, if asked with the wheel's net_rotation (radians)."""
        return behavior.running_speed(self._file, include_rotation=include_rotation)

    def get_raw_running_data(self) -> pd.DataFrame:
        """Return the wheel's raw rotation (radians) and voltages (V) at each frame_time (s)."""
        return behavior.raw_running_data(self._file)

    def get_rig_metadata(self) -> dict[str, Any] | None:
        """Return the rig's geometry and equipment; None if not in the file."""
        geometry = behavior.rig_geometry(self._file)
        return (
            None
            if geometry is None
            else {"geometry": geometry, "equipment": behavior.rig_equipment(self._file)}
        )
