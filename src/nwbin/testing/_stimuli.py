"""A session's stimulus table: which presentation follows which, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nwbin.testing._plan import Plan
from nwbin.testing._sets import BLOCKS, NAN, QUIET_BLOCKS, STIMULI, Stimulus, Value

FRAME = 1 / 59.95  # seconds: a nominal 60 Hz monitor as it runs
SPONTANEOUS = "spontaneous"


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
    for number, (name, part, parts) in enumerate(BLOCKS[plan.stimulus_set]):
        if number < QUIET_BLOCKS[plan.stimulus_set]:
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
