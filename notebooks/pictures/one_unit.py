"""Draw the picture at the top of the README: what nwbin knows of one unit of a synthetic session.

python notebooks/pictures/one_unit.py       # writes one_unit.png beside itself
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt

import nwbin
from nwbin import plot
from nwbin.allen.null import tidy
from nwbin.plot.answers import raster_of, receptive_fields_of, tuning_of

WINDOW = (-0.5, 2.5)  # s around the onset of gratings that last 2 s


def draw(session: nwbin.Session, unit: int) -> plt.Figure:
    """Three panels: spikes by direction, the tuning curve, the receptive field."""
    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(10.5, 3.7), width_ratios=[1.5, 1.0, 1.0], layout="constrained"
    )
    trains = session.file.spike_trains([unit])
    gratings = tidy(session.get_stimulus_table("drifting_gratings")).dropna(subset="orientation")
    spikes = raster_of(trains, gratings, WINDOW, by="orientation")
    plot.plot_raster(
        spikes.presentation, spikes.time, presentations=len(gratings), window=WINDOW, by="orientation",
        conditions=spikes.conditions, duration=2.0, ax=left,
    )  # fmt: skip
    found = tuning_of(trains, gratings, ["orientation"], (0.0, 2.0))
    plot.plot_tuning(found.values, found.mean[..., 0], found.sem[..., 0], by="orientation", ax=middle)
    middle.tick_params(axis="x", labelsize=8)
    field = receptive_fields_of(trains, tidy(session.get_stimulus_table("gabors")), (0.03, 0.15))
    plot.plot_receptive_field(field[0], ax=right)
    figure.suptitle(f"unit {unit}, {session.units.structure_acronym[unit]} (synthetic data)", fontsize=10)
    return figure


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = nwbin.testing.write_session(Path(folder) / "session.nwb", size="small", seed=4)
        with nwbin.open(path) as session:
            best = session.units.firing_rate.idxmax()
            plot.save_picture(draw(session, int(best)), Path(__file__).with_name("one_unit.png"), dpi=110)
