"""Pictures that AllenSDK's classes draw, with the current figure of matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._optional import need
from nwbin.binning import align_spikes

if TYPE_CHECKING:
    from nwbin.metrics.faces._base import StimulusAnalysis

__all__ = ["histograms", "image", "raster"]

Axis = tuple[str, npt.NDArray[Any]]
_COLORS = ("darkslateblue", "grey")


def raster(
    face: StimulusAnalysis,
    condition: Any,
    unit_id: Any,
    down: Axis,
    across: Axis | None = None,
    *,
    upwards: bool = False,
) -> None:
    """Draw a unit's spikes during one condition: s from onset, a line for each presentation.

    Parameters
    ----------
    face
        Whose.
    condition, unit_id
        Which.
    down, across
        A parameter and its values, which the rows and columns of the grid of pictures go by. A condition that has none
        of them (a blank sweep) has no place, and is not drawn.
    upwards
        Whether values grow upwards.
    """
    need("matplotlib", "plot", "a raster")
    import matplotlib.pyplot as plt

    one = face.stimulus_conditions.loc[condition]
    places = [np.flatnonzero(values == one[name]) for name, values in (down, *([across] if across else []))]
    if any(place.size != 1 for place in places):
        return
    rows, columns = len(down[1]), len(across[1]) if across else 1
    row, column = int(places[0][0]), int(places[1][0]) if across else 0
    shown = face.stim_table[face.stim_table["stimulus_condition_id"] == condition]
    onsets = shown["start_time"].to_numpy(np.float64)
    longest = float((shown["stop_time"] - shown["start_time"]).max())
    trains = face._trains.select([unit_id])
    found = align_spikes(trains, onsets, (0.0, longest), closed="right")
    plt.subplot(rows, columns, (rows - 1 - row if upwards else row) * columns + column + 1)
    plt.scatter(found.time, found.presentation, c="k", s=1, alpha=0.25)
    plt.axis("off")


def histograms(face: StimulusAnalysis, unit_id: Any, conditions: list[Any]) -> None:
    """Draw a unit's PSTHs of some conditions over each other."""
    need("matplotlib", "plot", "a histogram")
    import matplotlib.pyplot as plt

    for color, condition in zip(_COLORS, conditions, strict=False):
        psth = face.conditionwise_psth.sel(unit_id=unit_id, stimulus_condition_id=condition).to_numpy()
        place = np.arange(len(psth))
        plt.bar(place - 0.5, psth, color=color, alpha=0.5, width=1.0)
        plt.step(place, psth, color=color)
    plt.axis("off")


def image(values: npt.NDArray[Any]) -> None:
    """Draw a map, dark where a unit fires much."""
    need("matplotlib", "plot", "a receptive field")
    import matplotlib.pyplot as plt

    plt.imshow(values, cmap="Greys")
    plt.axis("off")
