"""Faces of natural scenes, natural movies, dot motion and flashes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin.errors import ArgumentError
from nwbin.metrics._scenes import dot_motion, flashes, natural_movie, natural_scenes
from nwbin.metrics.common import STIMULUS_KINDS, StimulusKind
from nwbin.metrics.faces._base import StimulusAnalysis
from nwbin.metrics.faces._plots import raster

__all__ = ["DotMotion", "Flashes", "NaturalMovies", "NaturalScenes"]


class NaturalScenes(StimulusAnalysis):
    """The metrics of natural scenes, asked as AllenSDK's class of this name is.

    Parameters
    ----------
    ecephys_session, convention, seed, **kwargs
        As in :class:`StimulusAnalysis`.
    col_image
        What the image's number is called in the stimulus table; -1 is a blank sweep.
    trial_duration
        In s.

    Examples
    --------
    >>> NaturalScenes(session).metrics["pref_image_ns"]
    """

    SUFFIX, NAME, PARAMS = "ns", "Natural Scenes", "natural_scenes"
    COLUMNS = (
        ("pref_image_ns", float), ("image_selectivity_ns", float), ("firing_rate_ns", float), ("fano_ns", float),
        ("time_to_peak_ns", float), ("lifetime_sparseness_ns", float), ("run_pval_ns", float), ("run_mod_ns", float),
        ("pref_images_multi_ns", bool),
    )  # fmt: skip

    def __init__(
        self,
        ecephys_session: Any,
        col_image: str = "frame",
        trial_duration: float | None = 0.25,
        **kwargs: Any,
    ) -> None:
        super().__init__(ecephys_session, trial_duration, **kwargs)
        self._col_image = col_image

    @property
    def _parameters(self) -> dict[str, str]:
        return {"frame": self._col_image}

    def _computed(self) -> dict[str, npt.NDArray[Any]]:
        return natural_scenes(self._view)

    @property
    def null_condition(self) -> Any:
        """The conditions that are blank sweeps: an index of stimulus_condition_id."""
        table = self.stimulus_conditions
        return table.index[table[self._col_image] == -1]

    @property
    def images(self) -> npt.NDArray[np.int64]:
        """The images' numbers, -1 of blank sweeps included."""
        return self._values(self._col_image).astype(np.int64)

    frames = images

    @property
    def images_nonblank(self) -> npt.NDArray[np.int64]:
        """The images' numbers."""
        return self.images[self.images >= 0]

    @property
    def number_images(self) -> int:
        """How many images there are, the blank one included."""
        return len(self.images)

    @property
    def number_nonblank(self) -> int:
        """How many images there are."""
        return len(self.images_nonblank)


class DotMotion(StimulusAnalysis):
    """The metrics of dot motion, asked as AllenSDK's class of this name is.

    Parameters
    ----------
    ecephys_session, convention, seed, **kwargs
        As in :class:`StimulusAnalysis`.
    col_dir, col_speeds
        What the direction and the speed are called in the stimulus table.
    trial_duration
        In s.

    Examples
    --------
    >>> DotMotion(functional_connectivity).metrics["pref_dir_dm"]
    """

    SUFFIX, NAME, PARAMS = "dm", "Dot Motion", "dot_motion"
    COLUMNS = (
        ("pref_speed_dm", float), ("pref_speed_multi_dm", bool), ("pref_dir_dm", float), ("pref_dir_multi_dm", bool),
        ("firing_rate_dm", float), ("fano_dm", float), ("time_to_peak_dm", float), ("lifetime_sparseness_dm", float),
        ("run_mod_dm", float), ("run_pval_dm", float),
    )  # fmt: skip

    def __init__(
        self,
        ecephys_session: Any,
        col_dir: str = "Dir",
        col_speeds: str = "Speed",
        trial_duration: float | None = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(ecephys_session, trial_duration, **kwargs)
        self._col_dir, self._col_speed = col_dir, col_speeds

    @property
    def _parameters(self) -> dict[str, str]:
        return {"Dir": self._col_dir, "Speed": self._col_speed}

    def _computed(self) -> dict[str, npt.NDArray[Any]]:
        return dot_motion(self._view)

    @property
    def directions(self) -> npt.NDArray[Any]:
        """The directions, in degrees."""
        return self._values(self._col_dir)

    @property
    def number_directions(self) -> int:
        """How many directions there are."""
        return len(self.directions)

    @property
    def speeds(self) -> npt.NDArray[Any]:
        """The speeds."""
        return self._values(self._col_speed)

    @property
    def number_speeds(self) -> int:
        """How many speeds there are."""
        return len(self.speeds)

    def plot_raster(self, stimulus_condition_id: Any, unit_id: Any) -> None:
        """Draw the spikes of a unit during one condition, among speeds (rows) and directions."""
        raster(
            self,
            stimulus_condition_id,
            unit_id,
            (self._col_speed, self.speeds),
            (self._col_dir, self.directions),
        )


class Flashes(StimulusAnalysis):
    """The metrics of full-field flashes, asked as AllenSDK's class of this name is.

    Parameters
    ----------
    ecephys_session, convention, seed, **kwargs
        As in :class:`StimulusAnalysis`.
    col_color
        What the color (1 or -1) is called in the stimulus table.
    trial_duration
        In s.

    Examples
    --------
    >>> Flashes(session).metrics["on_off_ratio_fl"]
    """

    SUFFIX, NAME, PARAMS = "fl", "Flashes", "flashes"
    COLUMNS = (
        ("on_off_ratio_fl", float), ("sustained_idx_fl", float), ("firing_rate_fl", float), ("time_to_peak_fl", float),
        ("fano_fl", float), ("lifetime_sparseness_fl", float), ("run_pval_fl", float), ("run_mod_fl", float),
    )  # fmt: skip

    def __init__(
        self,
        ecephys_session: Any,
        col_color: str = "color",
        trial_duration: float | None = 0.25,
        **kwargs: Any,
    ) -> None:
        super().__init__(ecephys_session, trial_duration, **kwargs)
        self._col_color = col_color

    @property
    def _parameters(self) -> dict[str, str]:
        return {"color": self._col_color}

    def _computed(self) -> dict[str, npt.NDArray[Any]]:
        return flashes(self._view)

    @property
    def colors(self) -> npt.NDArray[Any]:
        """The colors: -1 black, 1 white."""
        return self._values(self._col_color)

    @property
    def number_colors(self) -> int:
        """How many colors there are."""
        return len(self.colors)

    def _get_on_off_ratio(self, unit_id: Any) -> float:
        return float(self._of_unit("on_off_ratio_fl", unit_id))

    def plot_raster(self, stimulus_condition_id: Any, unit_id: Any) -> None:
        """Draw the spikes of a unit during one condition, one color above the other."""
        raster(self, stimulus_condition_id, unit_id, (self._col_color, self.colors))

    def plot_response(self, unit_id: Any) -> None:
        """Draw the PSTHs of both colors."""
        from nwbin.metrics.faces._plots import histograms

        conditions = self.stimulus_conditions
        histograms(
            self, unit_id, [conditions.index[conditions[self._col_color] == one][0] for one in self.colors]
        )


class NaturalMovies(StimulusAnalysis):
    """The metrics of a natural movie. AllenSDK's class of this name cannot compute any: this one goes by nwbin's.

    Parameters
    ----------
    ecephys_session, seed, **kwargs
        As in :class:`StimulusAnalysis`; stimulus_key says which movie, natural_movie_one by default.
    trial_duration
        Of a frame, in s; by default the median of its presentations.
    convention
        "corrected" only.

    Raises
    ------
    ArgumentError
        By another convention there is nothing to compute.

    Examples
    --------
    >>> NaturalMovies(session).metrics["pref_frame_nm1"]
    """

    SUFFIX, NAME, PARAMS = "nm1", "Natural Movies", "natural_movies"

    def __init__(
        self,
        ecephys_session: Any,
        trial_duration: float | None = None,
        *,
        convention: str = "corrected",
        **kwargs: Any,
    ) -> None:
        super().__init__(ecephys_session, trial_duration, convention=convention, **kwargs)
        if self.convention == "allen":
            raise ArgumentError(
                "AllenSDK cannot compute metrics of natural movies; convention='corrected' can"
            )

    @property
    def _kind(self) -> StimulusKind:
        third = STIMULUS_KINDS["nm3"]
        return third if str(self._stimulus_key).lower() in third.names else STIMULUS_KINDS["nm1"]

    @property
    def METRICS_COLUMNS(self) -> list[tuple[str, type]]:
        """Names and types of the metrics."""
        names = ("firing_rate", "lifetime_sparseness", "pref_frame", "reliability")
        return [(f"{name}_{self._kind.suffix}", float) for name in names]

    @property
    def trial_duration(self) -> float:
        """How long a frame lasts, in s."""
        return self._view.trial_duration

    def _computed(self) -> dict[str, npt.NDArray[Any]]:
        return natural_movie(self._view)
