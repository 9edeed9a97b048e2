"""The two stimulus sets, as data: what is shown, with which parameters, in which order of blocks.

Names, values, frame counts and how each value is typed in the tables follow the released sessions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from nwbin.testing._plan import BRAIN_OBSERVATORY, FUNCTIONAL_CONNECTIVITY

Value = str | float
NAN = float("nan")


@dataclass(frozen=True)
class Stimulus:
    """One kind of stimulus: a column is a constant, or a tuple of the values that it takes."""

    index: int
    on: int  # frames that a presentation lasts
    period: int  # frames from one onset to the next
    columns: Mapping[str, Value | tuple[Value, ...]]
    extra: tuple[Mapping[str, Value], ...] = ()  # conditions beside the product of the tuples
    blanks: float = 0.0  # the last of `extra` is a blank, shown this often for each other presentation
    movie: bool = False
    shuffled: bool = False

    def conditions(self, frames: int) -> dict[str, list[Value]]:
        """Every condition, column by column."""
        columns = {**self.columns, "frame": tuple(map(float, range(frames)))} if self.movie else self.columns
        axes = {name: value for name, value in columns.items() if isinstance(value, tuple)}
        rows = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
        rows += [dict(row) for row in self.extra]
        out: dict[str, list[Value]] = {}
        for name, value in columns.items():
            default = value[0] if isinstance(value, tuple) else value
            out[name] = [row.get(name, default) for row in rows]
        return out


_WHITE = "[1.0, 1.0, 1.0]"
_DEG: dict[str, Value | tuple[Value, ...]] = {"mask": "None", "opacity": 1.0, "units": "deg"}
_DIRECTIONS = tuple(45.0 * i for i in range(8))
_FOUR = (0.0, 45.0, 90.0, 135.0)
_POSITIONS = tuple(10.0 * i - 40.0 for i in range(9))
_WIDE: dict[str, Value | tuple[Value, ...]] = {"size": "[250.0, 250.0]", **_DEG}
_MOVIE: dict[str, Value | tuple[Value, ...]] = {
    "orientation": 0.0,
    "contrast": 1.0,
    "color": _WHITE,
    "frame": 0.0,
    "size": "[1920.0, 1080.0]",
    "opacity": 1.0,
    "units": "pix",
}


def _drifting(
    temporal: Value | tuple[Value, ...], spatial: Value, orientation: tuple[Value, ...],
    contrast: Value | tuple[Value, ...], phase: str,
) -> dict[str, Value | tuple[Value, ...]]:  # fmt: skip
    return {
        "temporal_frequency": temporal,
        "spatial_frequency": spatial,
        "orientation": orientation,
        "contrast": contrast,
        "color": _WHITE,
        "phase": phase,
        **_WIDE,
    }


_GABORS = Stimulus(
    0, 15, 15,
    {
        "temporal_frequency": 4.0,
        "spatial_frequency": "0.08",  # text here, a number for static gratings: so it is in real files
        "orientation": (0.0, 45.0, 90.0),
        "contrast": 0.8,
        "x_position": _POSITIONS,
        "y_position": _POSITIONS,
        "color": _WHITE,
        "phase": "[3644.93333333, 3644.93333333]",
        "size": "[20.0, 20.0]",
        "mask": "circle",
        "opacity": 1.0,
        "units": "deg",
    },
)  # fmt: skip
_FLASHES = Stimulus(
    1, 15, 120,
    {
        "spatial_frequency": "[0.0, 0.0]",
        "orientation": 0.0,
        "contrast": 0.8,
        "color": ("-1.0", "1.0"),
        "phase": "[0.0, 0.0]",
        "size": "[300.0, 300.0]",
        **_DEG,
    },
)  # fmt: skip

STIMULI: dict[str, dict[str, Stimulus]] = {
    BRAIN_OBSERVATORY: {
        "gabors": _GABORS,
        "flashes": _FLASHES,
        "drifting_gratings": Stimulus(
            2, 120, 180,
            _drifting(
                (1.0, 2.0, 4.0, 8.0, 15.0), "0.04", _DIRECTIONS, 0.8, "[21211.93333333, 21211.93333333]"
            ),
            extra=({"temporal_frequency": NAN, "orientation": NAN},),
            blanks=30 / 600,
        ),
        "natural_movie_one": Stimulus(3, 2, 2, _MOVIE, movie=True),
        "natural_movie_three": Stimulus(4, 2, 2, _MOVIE, movie=True),
        "natural_scenes": Stimulus(5, 15, 15, {"frame": tuple(map(float, range(-1, 118)))}),
        "static_gratings": Stimulus(
            6, 15, 15,
            {
                "spatial_frequency": (0.02, 0.04, 0.08, 0.16, 0.32),
                "orientation": (0.0, 30.0, 60.0, 90.0, 120.0, 150.0),
                "contrast": 0.8,
                "color": _WHITE,
                "phase": ("0.0", "0.25", "0.5", "0.75"),
                **_WIDE,
            },
            extra=({"spatial_frequency": NAN, "orientation": NAN, "phase": "N/A"},),
            blanks=189 / 5811,
        ),
    },
    FUNCTIONAL_CONNECTIVITY: {
        "gabors": _GABORS,
        "flashes": _FLASHES,
        "dot_motion": Stimulus(
            2, 60, 120,
            {
                "contrast": 1.0,
                "color": _WHITE,
                "opacity": 1.0,
                "units": "deg",
                "Speed": (0.0, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.04),
                "Dir": _FOUR,
                "coherence": 0.9,
                "dotLife": 200.0,
                "dotSize": 3.0,
                "fieldPos": "[0.0, 0.0]",
                "fieldShape": "sqr",
                "fieldSize": "[200.0, 200.0]",
                "nDots": 200.0,
                "noiseDots": "direction",
            },
            extra=({"Dir": 0.0, "Speed": 0.005, "coherence": 0.0},),
        ),
        "drifting_gratings_contrast": Stimulus(
            3, 30, 60,
            _drifting(
                2.0, "0.04", _FOUR, (0.01, 0.02, 0.04, 0.08, 0.13, 0.2, 0.35, 0.6, 1.0), "[1080.0, 1080.0]"
            ),
        ),
        "natural_movie_one_more_repeats": Stimulus(4, 2, 2, _MOVIE, movie=True),
        "natural_movie_one_shuffled": Stimulus(5, 2, 2, _MOVIE, movie=True, shuffled=True),
        "drifting_gratings_75_repeats": Stimulus(
            6, 120, 180, _drifting(2.0, 0.04, _FOUR, (0.1, 0.8), "[7200.0, 7200.0]")
        ),
    },
}  # fmt: skip

# Blocks in the order of the experiment: a stimulus, which part of its presentations, of how many.
BLOCKS = {
    BRAIN_OBSERVATORY: (
        ("gabors", 0, 1), ("flashes", 0, 1), ("drifting_gratings", 0, 3), ("natural_movie_three", 0, 2),
        ("natural_movie_one", 0, 2), ("drifting_gratings", 1, 3), ("natural_movie_three", 1, 2),
        ("drifting_gratings", 2, 3), ("static_gratings", 0, 3), ("natural_scenes", 0, 3),
        ("static_gratings", 1, 3), ("natural_scenes", 1, 3), ("natural_movie_one", 1, 2),
        ("natural_scenes", 2, 3), ("static_gratings", 2, 3),
    ),
    FUNCTIONAL_CONNECTIVITY: (
        ("gabors", 0, 1), ("flashes", 0, 1), ("dot_motion", 0, 1), ("drifting_gratings_contrast", 0, 1),
        ("natural_movie_one_more_repeats", 0, 2), ("natural_movie_one_shuffled", 0, 2),
        ("drifting_gratings_75_repeats", 0, 1), ("natural_movie_one_shuffled", 1, 2),
        ("natural_movie_one_more_repeats", 1, 2),
    ),
}  # fmt: skip
QUIET_BLOCKS = {BRAIN_OBSERVATORY: 15, FUNCTIONAL_CONNECTIVITY: 6}  # how many have grey before them
