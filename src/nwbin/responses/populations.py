"""Decoding from populations: over time, over the number of neurons, and from neurons of several sessions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin._wording import counted, first_of
from nwbin.binning import Closed, as_seconds
from nwbin.errors import ArgumentError, ArgumentTypeError, warn
from nwbin.estimates import generator, resamples_of
from nwbin.responses.decode import decode
from nwbin.responses.labelling import TIME, Labelled, dataset
from nwbin.responses.matrix import ResponseMatrix, check_window, response_matrix
from nwbin.responses.rows import as_rows
from nwbin.responses.windows import warn_of_windows
from nwbin.trains import Trains, as_trains

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["PseudoPopulation", "decode_over_neurons", "decode_over_time", "pseudo_population"]

Floats = npt.NDArray[np.float64]


def decode_over_time(
    trains: Trains,
    presentations: Any,
    labels: Any,
    windows: npt.ArrayLike,
    *,
    shrinkage: float | str | None = 0.2,
    folds: int = 5,
    closed: Closed = "left",
    threads: int | None = None,
) -> xr.Dataset:
    """Decode labels from the counts of one window after the other.

    Parameters
    ----------
    trains
        The spikes, as :func:`nwbin.bin_spikes` takes them.
    presentations
        A table with `start_time` in s, or onsets in s: the trials.
    labels
        Each trial's label, numbers or text: (trials,).
    windows
        (windows, 2), from and to, s from start_time; they may overlap, as :func:`nwbin.responses.sliding_windows` do.
    shrinkage, folds
        As in :func:`nwbin.decode.decode`: each window has a classifier of its own, fitted without the trials that it
        is tried on; the folds are the same for all windows.
    closed, threads
        As in :func:`nwbin.count_in_windows`.

    Returns
    -------
    xarray.Dataset
        accuracy (time_relative_to_stimulus_onset, fold), float64, share of trials; chance, what always guessing the
        most frequent label would give. A window whose counts cannot be decoded, as where all trials have the same, has
        NaN. Coordinates: the middle of each window, bin_start, bin_stop, s.

    Raises
    ------
    MissingDependencyError
        scikit-learn is not installed (extra "decode").
    ArgumentError
        As :func:`nwbin.decode.decode`, where it holds of all windows.

    Examples
    --------
    >>> shown = session.get_stimulus_table("drifting_gratings", include_unused_parameters=True)
    >>> shown = nwbin.export.tidy(shown).dropna(subset="orientation")
    >>> windows = nwbin.responses.sliding_windows((0, 1), width=0.5, step=0.25)
    >>> found = decode_over_time(session, shown, shown["orientation"], windows)
    >>> found.accuracy.dims, found.sizes["time_relative_to_stimulus_onset"]
    (('time_relative_to_stimulus_onset', 'fold'), 3)
    """
    rows, units = as_rows(presentations), as_trains(trains)
    spans = np.atleast_2d(as_seconds(windows, "windows"))
    if spans.ndim != 2 or spans.shape[1] != 2 or not len(spans):
        raise ArgumentError(f"windows must be (from, to) in s, one or more; not of shape {spans.shape}")
    warn_of_windows(rows, [spans.min(), spans.max()])
    accuracy, chance, wrong = np.full((len(spans), 0), np.nan), np.nan, None
    for at, (first, last) in enumerate(spans.tolist()):
        check_window((first, last), rate=False)
        matrix = response_matrix(units, rows, labels, (first, last), closed=closed, threads=threads)
        try:
            found = decode(matrix.X, matrix.y, shrinkage=shrinkage, folds=folds)
        except ArgumentError as error:
            wrong = error
            continue
        if not accuracy.size:
            accuracy = np.full((len(spans), len(found.scores)), np.nan)
        accuracy[at], chance = found.scores, found.chance
    if not accuracy.size and wrong is not None:  # nothing to decode from in any window
        raise wrong
    values: dict[str, Labelled] = {
        "accuracy": ((TIME, "fold"), accuracy, {"units": "1", "long_name": "share of trials"}),
        "chance": ((), np.asarray(chance), {"units": "1"}),
    }
    middle = spans[:, 0] + (spans[:, 1] - spans[:, 0]) / 2
    coordinates: dict[str, Labelled] = {
        TIME: ((TIME,), middle, {"units": "s", "long_name": "middle of the window"}),
        "bin_start": ((TIME,), spans[:, 0], {"units": "s"}),
        "bin_stop": ((TIME,), spans[:, 1], {"units": "s"}),
    }
    return dataset(values, coordinates, {"folds": folds, "neurons": len(units), "closed": closed})


def decode_over_neurons(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    numbers: Iterable[int] | None = None,
    *,
    draws: int = 20,
    seed: int = 0,
    shrinkage: float | str | None = 0.2,
    folds: int = 5,
) -> xr.Dataset:
    """Decode labels from more and more neurons.

    Parameters
    ----------
    X
        (trials, units), such as ``session.response_matrix(...).X`` or that of :func:`pseudo_population`.
    y
        (trials,) labels.
    numbers
        Of neurons. By default 1, 2, 5, 10, 20, 50, ... and all.
    draws, seed
        How many sets of so many neurons are drawn, without replacement, and of which seed. A larger set of a draw
        holds its smaller ones. All neurons are one set: the draws are then the same.
    shrinkage, folds
        As in :func:`nwbin.decode.decode`.

    Returns
    -------
    xarray.Dataset
        accuracy (neurons, draw), float64, the mean over folds of the share of trials; chance. A set whose counts
        cannot be decoded, as where they are the same in all trials (of one label), has NaN.

    Raises
    ------
    MissingDependencyError
        scikit-learn is not installed (extra "decode").
    ArgumentError
        A number is not between 1 and the number of units; and as :func:`nwbin.decode.decode`.

    Examples
    --------
    >>> found = decode_over_neurons(matrix.X, matrix.y, [1, 5], draws=4)
    >>> found.accuracy.shape
    (2, 4)
    """
    whole = decode(X, y, shrinkage=shrinkage, folds=folds)  # refuses at the door what is wrong
    counts = np.asarray(X, dtype=np.float64)
    units = counts.shape[1]
    draws = resamples_of(draws, 1, "draws")
    if numbers is None:
        steps = [m * 10**k for k in range(9) for m in (1, 2, 5)]
        numbers = [*(one for one in steps if one < units), units]
    sizes = [
        resamples_of(one, 1, "a number of neurons")
        for one in np.atleast_1d(np.asarray(numbers, dtype=object)).tolist()
    ]
    if not sizes or max(sizes) > units:
        raise ArgumentError(f"numbers of neurons must be from 1 to {units}, how many there are; not {sizes}")
    rng = generator(seed, "neurons")
    orders = [rng.permutation(units) for _ in range(draws)]
    accuracy = np.full((len(sizes), draws), np.nan)
    for at, size in enumerate(sizes):
        for draw, order in enumerate(orders):
            some = counts[:, np.sort(order[:size])]
            if size == units:
                accuracy[at] = whole.accuracy
                break
            # What is wrong with all of them was said above; with some, that they do not vary.
            with suppress(ArgumentError):
                accuracy[at, draw] = decode(some, y, shrinkage=shrinkage, folds=folds).accuracy
    values: dict[str, Labelled] = {
        "accuracy": (("neurons", "draw"), accuracy, {"units": "1", "long_name": "share of trials"}),
        "chance": ((), np.asarray(whole.chance), {"units": "1"}),
    }
    coordinates: dict[str, Labelled] = {"neurons": (("neurons",), np.asarray(sizes), {})}
    attributes = {"folds": folds, "draws": draws, "seed": seed, "trials": len(counts)}
    return dataset(values, coordinates, attributes)


@dataclass(frozen=True, eq=False)
class PseudoPopulation:
    """Neurons of several sessions as if they had been recorded together.

    Attributes
    ----------
    X
        float64 (trials, units). The units of one session have in a row what they did in one trial; those of another
        what they did in another trial of the same label.
    y
        Each row's label: (trials,).
    classes
        The labels, sorted.
    unit_ids
        (units,).
    sessions
        Of which session each unit is, by its place in `names`: int64 (units,).
    names
        The sessions, as they were given.
    presentation_ids
        Of each session the trial that each row is made of: (sessions, trials).

    Examples
    --------
    >>> matrix = nwbin.responses.response_matrix({7: [0.1, 1.1, 1.2]}, [0.0, 1.0], ["a", "b"], (0, 0.5))
    >>> nwbin.responses.pseudo_population({"monday": matrix, "tuesday": matrix})
    <nwbin.responses.PseudoPopulation: 2 trials x 2 units of 2 sessions, 2 classes>
    """

    X: Floats
    y: npt.NDArray[Any]
    classes: npt.NDArray[Any]
    unit_ids: npt.NDArray[Any]
    sessions: npt.NDArray[np.int64]
    names: tuple[Any, ...]
    presentation_ids: npt.NDArray[Any]

    def __repr__(self) -> str:
        trials, neurons = self.X.shape
        return (
            f"<nwbin.responses.PseudoPopulation: {trials:,} trials x {neurons:,} units of "
            f"{counted(len(self.names), 'session')}, {len(self.classes):,} classes>"
        )


def pseudo_population(
    matrices: Mapping[Any, ResponseMatrix] | Iterable[ResponseMatrix],
    *,
    trials_per_class: int | None = None,
    seed: int | None = 0,
) -> PseudoPopulation:
    """Put neurons of several sessions together, trial by trial of the same label.

    Parameters
    ----------
    matrices
        Of each session, by name: as from ``session.response_matrix(...)`` or ``dataset.response_matrices(...)``.
    trials_per_class
        How many trials of each label are taken from each session; by default as many as every session has of every
        label. Labels that one of the sessions does not have are left out, with a warning.
    seed
        Which of a session's trials are taken, where it has more, is drawn, and no trial is taken twice: what a decoder
        is tried on it has not seen in any neuron. Trials stay in order of time, so that a decoder with folds without
        shuffling (:func:`nwbin.decode.decode`) keeps what is near in time together. None: the first ones.

    Returns
    -------
    PseudoPopulation
        `X` and `y` for :func:`nwbin.decode.decode`; rows go through the labels in turn.

    Raises
    ------
    ArgumentError
        There are no matrices, no label is in all, or a session has too few trials of one.

    Examples
    --------
    >>> matrix = response_matrix({7: [0.1, 1.1, 1.2]}, [0.0, 1.0], ["a", "b"], (0, 0.5))
    >>> found = pseudo_population([matrix, matrix])
    >>> found.X.tolist(), found.y.tolist(), found.sessions.tolist()
    ([[1.0, 1.0], [2.0, 2.0]], ['a', 'b'], [0, 1])
    """
    if isinstance(matrices, Mapping):
        given = dict(matrices)
    else:
        given = dict(enumerate(matrices))
    odd = next((one for one in given.values() if not isinstance(one, ResponseMatrix)), None)
    if odd is not None:
        raise ArgumentTypeError(
            f"matrices must be ResponseMatrix, of each session one; not {type(odd).__name__}"
        )
    if not given:
        raise ArgumentError("there are no response matrices")
    classes = _shared_classes(given)
    having = {name: [int((one.y == label).sum()) for label in classes] for name, one in given.items()}
    fewest = min(min(found) for found in having.values())
    number = fewest if trials_per_class is None else resamples_of(trials_per_class, 1, "trials_per_class")
    if number > fewest:
        name = next(name for name, found in having.items() if min(found) < number)
        label = classes[int(np.argmin(having[name]))]
        raise ArgumentError(
            f"session {name!r} has {counted(min(having[name]), 'trial')} of label {label!r}, too few for "
            f"trials_per_class={number}"
        )
    rng = None if seed is None else generator(seed, "trials")
    parts, ids = [], []
    for one in given.values():
        rows = np.empty((number, len(classes)), np.intp)
        for at, label in enumerate(classes):
            there = np.flatnonzero(one.y == label)
            if rng is not None:
                there = np.sort(rng.permutation(there)[:number])
            rows[:, at] = there[:number]
        parts.append(one.X[rows.ravel()])
        ids.append(np.asarray(one.presentation_ids)[rows.ravel()])
    y = np.empty((number, len(classes)), dtype=object)
    y[:] = classes
    kind = next(iter(given.values())).y.dtype
    return PseudoPopulation(
        X=np.concatenate(parts, axis=1),
        y=y.ravel().astype(kind),
        classes=np.asarray(classes, dtype=kind),
        unit_ids=np.concatenate([np.asarray(one.unit_ids) for one in given.values()]),
        sessions=np.repeat(np.arange(len(given)), [one.X.shape[1] for one in given.values()]),
        names=tuple(given),
        presentation_ids=np.stack(ids),
    )


def _shared_classes(given: Mapping[Any, ResponseMatrix]) -> list[Any]:
    """The labels that all sessions have, in order."""
    first, *others = given.values()
    classes = [
        one for one in first.classes.tolist() if all(one in other.classes.tolist() for other in others)
    ]
    every = {one for matrix in given.values() for one in matrix.classes.tolist()}
    if not classes:
        raise ArgumentError(f"no label is in all sessions; there are: {first_of(sorted(map(str, every)))}")
    if without := [one for one in every if one not in classes]:
        names = first_of(sorted(map(str, without)))
        warn(f"{counted(len(without), 'label')} ({names}) that not all sessions have, left out")
    return classes
