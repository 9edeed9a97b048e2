"""The two stimulus sets: what is shown, in which order, and when.

Facts of the experiment (names, parameter values, block order, frame counts, how each value is typed in the
tables) follow the released sessions; the draws and the clock are our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from numpy.typing import NDArray

from nwbin.testing._plan import BRAIN_OBSERVATORY, Plan

FRAME = 1 / 59.95  # seconds: a nominal 60 Hz monitor as it runs
SPONTANEOUS = "spontaneous"

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
    "functional_connectivity": {
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
_BLOCKS = {
    BRAIN_OBSERVATORY: (
        ("gabors", 0, 1), ("flashes", 0, 1), ("drifting_gratings", 0, 3), ("natural_movie_three", 0, 2),
        ("natural_movie_one", 0, 2), ("drifting_gratings", 1, 3), ("natural_movie_three", 1, 2),
        ("drifting_gratings", 2, 3), ("static_gratings", 0, 3), ("natural_scenes", 0, 3),
        ("static_gratings", 1, 3), ("natural_scenes", 1, 3), ("natural_movie_one", 1, 2),
        ("natural_scenes", 2, 3), ("static_gratings", 2, 3),
    ),
    "functional_connectivity": (
        ("gabors", 0, 1), ("flashes", 0, 1), ("dot_motion", 0, 1), ("drifting_gratings_contrast", 0, 1),
        ("natural_movie_one_more_repeats", 0, 2), ("natural_movie_one_shuffled", 0, 2),
        ("drifting_gratings_75_repeats", 0, 1), ("natural_movie_one_shuffled", 1, 2),
        ("natural_movie_one_more_repeats", 1, 2),
    ),
}  # fmt: skip
_QUIET_BLOCKS = {BRAIN_OBSERVATORY: 15, "functional_connectivity": 6}  # how many have grey before them


@dataclass
class Presentations:
    """Every presentation in order of time, `spontaneous` included."""

    stimuli: Mapping[str, Stimulus]
    conditions: dict[str, dict[str, list[Value]]]
    names: list[str]  # `spontaneous` is the last
    stimulus: NDArray[np.int64]  # into `names`
    condition: NDArray[np.int64]  # row of conditions[name]; 0 where spontaneous
    block: NDArray[np.float64]  # NaN where spontaneous
    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    shown: tuple[NDArray[np.float64], NDArray[np.float64]] = field(init=False)  # before any quirk

    def __post_init__(self) -> None:
        self.shown = (self.start.copy(), self.stop.copy())

    def __len__(self) -> int:
        return len(self.start)

    def rows(self, name: str) -> NDArray[np.int64]:
        if name not in self.names:
            return np.empty(0, np.int64)
        return np.flatnonzero(self.stimulus == self.names.index(name)).astype(np.int64)

    @property
    def end(self) -> float:
        return float(np.max(self.stop))


def make_presentations(plan: Plan) -> Presentations:
    """Draw the stimulus table and put it on the monitor's clock."""
    stimuli = STIMULI[plan.stimulus_set]
    names = [*stimuli, SPONTANEOUS]
    conditions: dict[str, dict[str, list[Value]]] = {}
    orders: dict[str, NDArray[np.int64]] = {}
    for name, stimulus in stimuli.items():
        amount = plan.presentations[name]
        frames = amount[0] if isinstance(amount, tuple) else 0
        conditions[name] = stimulus.conditions(frames)
        orders[name] = _order(plan, name, stimulus, conditions[name])
    conditions[SPONTANEOUS] = {}

    pieces: list[tuple[int, NDArray[np.int64], float, int, int]] = []
    for number, (name, part, parts) in enumerate(_BLOCKS[plan.stimulus_set]):
        if number < _QUIET_BLOCKS[plan.stimulus_set]:
            seconds = plan.spontaneous[min(number, 2)]
            grey = max(1, round(seconds / FRAME))
            pieces.append((len(names) - 1, np.zeros(1, np.int64), NAN, grey, grey))
        order = _part(orders[name], plan.presentations[name], part, parts)
        stimulus = stimuli[name]
        pieces.append((names.index(name), order, float(number), stimulus.on, stimulus.period))

    sizes = [len(order) for _, order, _, _, _ in pieces]
    on = np.repeat([p[3] for p in pieces], sizes)
    period = np.repeat([p[4] for p in pieces], sizes)
    first = sizes[0]  # the first gabor is one frame short in released sessions
    on[first] -= 1
    period[first] -= 1
    begin = np.cumsum(period) - period
    rng = plan.stream("clock")
    # Times are those of measured frames: a few microseconds of jitter, and the end of a presentation is the
    # very number at which the next one starts.
    frame_times = rng.uniform(12.0, 20.0) + np.arange(begin[-1] + on[-1] + 1) * FRAME
    frame_times += np.clip(rng.normal(0.0, 4e-6, frame_times.size), -2e-5, 2e-5)
    table = Presentations(
        stimuli=stimuli,
        conditions=conditions,
        names=names,
        stimulus=np.repeat([p[0] for p in pieces], sizes),
        condition=np.concatenate([p[1] for p in pieces]),
        block=np.repeat([p[2] for p in pieces], sizes),
        start=frame_times[begin],
        stop=frame_times[begin + on],
    )
    if plan.quirks:
        _add_quirks(table)
    return table


def _order(
    plan: Plan, name: str, stimulus: Stimulus, conditions: Mapping[str, list[Value]]
) -> NDArray[np.int64]:
    rng = plan.stream("order/" + name)
    amount = plan.presentations[name]
    count = len(next(iter(conditions.values())))
    if isinstance(amount, tuple):
        frames = rng.permutation(count) if stimulus.shuffled else np.arange(count)
        return np.tile(frames, amount[1]).astype(np.int64)
    blank = count - 1 if stimulus.blanks else None
    kinds = count - (blank is not None)
    # As balanced as the number allows: whole decks, and one short deck.
    whole, rest = divmod(amount, kinds)
    deck = np.concatenate([np.tile(np.arange(kinds), whole), rng.permutation(kinds)[:rest]])
    if blank is not None:
        deck = np.concatenate([deck, np.full(max(1, round(amount * stimulus.blanks)), blank)])
    return rng.permutation(deck).astype(np.int64)


def _part(
    order: NDArray[np.int64], amount: int | tuple[int, int], part: int, parts: int
) -> NDArray[np.int64]:
    if isinstance(amount, tuple):  # whole repeats of a movie
        runs = np.array_split(np.arange(amount[1]), parts)[part]
        return order.reshape(amount[1], -1)[runs].ravel()
    return np.array_split(order, parts)[part]


def _add_quirks(table: Presentations) -> None:
    """Overlaps, gaps too small to see and a presentation of no length, as some real tables have them."""
    overlapping = "natural_scenes" if "natural_scenes" in table.names else "drifting_gratings_contrast"
    for place, overlap in ((10, 0.02), (20, 1e-6), (30, 0.1)):
        rows = table.rows(overlapping)
        if place < len(rows):
            table.start[rows[place]] = table.stop[rows[place] - 1] - overlap
    rows = table.rows("static_gratings" if "static_gratings" in table.names else "gabors")
    for place, gap in ((5, 1e-9), (6, 1e-6), (7, 1e-4), (8, 1e-3)):
        if place + 1 < len(rows):
            table.stop[rows[place]] = table.start[rows[place] + 1] - gap
    if len(rows) > 12:
        table.stop[rows[12]] = table.start[rows[12]]
