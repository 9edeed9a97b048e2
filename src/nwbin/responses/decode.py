"""Which stimulus was it? Linear discriminant analysis of spike counts, as in the usual first tutorial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin._optional import need
from nwbin.errors import ArgumentError

__all__ = ["Decoding", "decode"]


@dataclass(frozen=True)
class Decoding:
    """How well labels can be told from counts.

    Attributes
    ----------
    scores
        Accuracy in each fold, on trials the classifier had not seen: float64 (folds,).
    chance
        What always guessing the most frequent label would give.
    classes
        The labels, sorted.
    predicted
        The cross-validated prediction for each trial (trials,).
    confusion
        How many trials of each label (row) were taken for each (column): int64 (classes, classes).
    projection
        Every trial in the discriminant dimensions: float64 (trials, dimensions).
    held_out
        Which trials the projection was not fitted to: bool (trials,). Only these say something about others:
        with many neurons the fitted trials always fall into neat clusters.

    Examples
    --------
    >>> found = nwbin.decode.decode(matrix.X, matrix.y)
    >>> found.scores.shape, 0 < found.chance < 1
    ((5,), True)
    """

    scores: npt.NDArray[np.float64]
    chance: float
    classes: npt.NDArray[Any]
    predicted: npt.NDArray[Any]
    confusion: npt.NDArray[np.int64]
    projection: npt.NDArray[np.float64]
    held_out: npt.NDArray[np.bool_]

    def __repr__(self) -> str:
        trials, classes = len(self.predicted), len(self.classes)
        return (
            f"<nwbin.decode.Decoding: accuracy {self.accuracy:.3f}, chance {self.chance:.3f}; {trials:,} trials, "
            f"{classes:,} classes, {len(self.scores)} folds>"
        )

    @property
    def accuracy(self) -> float:
        """The mean of the scores."""
        return float(self.scores.mean())


def _check_arguments(components: int, shrinkage: float | str | None, folds: int) -> None:
    for name, value, least in (("components", components, 1), ("folds", folds, 2)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ArgumentError(f"{name} must be a whole number, {least} or more, not {value!r}")
    if shrinkage is None or (isinstance(shrinkage, str) and shrinkage == "auto"):
        return
    if not isinstance(shrinkage, int | float | np.number) or not 0 <= shrinkage <= 1:
        raise ArgumentError(f"shrinkage must be from 0 to 1, 'auto' or None, not {shrinkage!r}")


def _check_known(counts: npt.NDArray[np.float64], labels: npt.NDArray[Any]) -> None:
    """Refuse counts and labels that are missing, and labels that have no order among one another."""
    unknown = ~np.isfinite(counts)
    if unknown.any():
        trial, unit = np.argwhere(unknown)[0].tolist()
        raise ArgumentError(
            f"X has {counts[trial, unit]} in trial {trial}, unit {unit} (and {unknown.sum() - 1} more); counts must be "
            "finite: leave out those trials or units"
        )
    gone = np.asarray([one is None or one != one for one in labels.tolist()], dtype=bool)
    if gone.any():
        raise ArgumentError(
            f"{gone.sum()} of {len(labels)} trials have no label, trial {int(np.argmax(gone))} first; leave them out"
        )
    if labels.dtype == object:
        kinds = sorted({"text" if isinstance(one, str) else "numbers" for one in labels.tolist()})
        if len(kinds) > 1:
            raise ArgumentError(
                "labels are text and numbers at once, which have no order; make them one of the two"
            )


def _classes(
    labels: npt.NDArray[Any], folds: int
) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The distinct labels, each trial's number among them, and how many trials each has: enough for the folds."""
    # Text and numbers alike: scikit-learn does not take floats as classes where they are not whole.
    classes, code, trials = np.unique(labels, return_inverse=True, return_counts=True)
    if len(classes) < 2:
        raise ArgumentError(f"there is only one label ({classes.tolist()}): nothing to tell apart")
    if trials.min() < folds:
        few = int(np.argmin(trials))
        raise ArgumentError(
            f"label {classes.tolist()[few]!r} has {trials[few]} trial{'s' * int(trials[few] != 1)}, too few for "
            f"{folds} folds; leave it out, or ask for fewer folds"
        )
    return classes, code, trials


def decode(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    components: int = 2,
    shrinkage: float | str | None = 0.2,
    folds: int = 5,
) -> Decoding:
    """Tell labels from counts by linear discriminant analysis (scikit-learn, eigen solver), cross-validated.

    Parameters
    ----------
    X
        (trials, units), such as ``session.response_matrix(...).X``.
    y
        (trials,) labels, numbers or text.
    components
        Dimensions of the projection at most: never more than units, nor than one less than there are classes.
    shrinkage
        Of the covariance towards its diagonal, 0 to 1, "auto", or None.
    folds
        Of the stratified cross-validation, without shuffling: a session drifts, and shuffled neighbours would
        be told by that.

    Returns
    -------
    Decoding

    Raises
    ------
    MissingDependencyError
        scikit-learn is not installed (extra "decode").
    ArgumentError
        There are fewer than two labels, or too few trials of one; a count or a label is missing; labels are text
        and numbers at once; an argument is outside its range; without shrinkage, the units are more than the
        trials can tell apart.

    Notes
    -----
    More units tell more apart: compare areas with the same number of units of each, drawn several times, by
    :func:`nwbin.responses.decode_over_neurons`. `chance` is one number; how far scores spread about it where there is
    nothing to tell is what labels in random order show, as in the example (1,000 of them for an interval to report).

    Examples
    --------
    >>> found = decode(matrix.X, matrix.y)
    >>> int(found.confusion.sum()) == len(matrix.y)
    True

    Scores where there is nothing to tell, and the interval that 95 % of them lie in:

    >>> rng = np.random.default_rng(0)
    >>> shuffled = [decode(matrix.X, rng.permutation(matrix.y)).scores.mean() for _ in range(20)]
    >>> low, high = np.quantile(shuffled, [0.025, 0.975])
    """
    _check_arguments(components, shrinkage, folds)
    need("sklearn", "decode", "linear discriminant analysis")
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.metrics import confusion_matrix
    from sklearn.model_selection import StratifiedKFold

    try:
        counts, labels = np.asarray(X, dtype=np.float64), np.asarray(y)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"X must be numbers, (trials, units), and y (trials,): {error}") from error
    if counts.ndim != 2 or labels.shape != (len(counts),):
        raise ArgumentError(
            f"X must be (trials, units) and y (trials,), not {counts.shape} and {labels.shape}"
        )
    if counts.shape[1] == 0:
        raise ArgumentError("there are no units to decode from")
    _check_known(counts, labels)
    classes, code, trials = _classes(labels, folds)
    if not counts.var(axis=0).any():
        raise ArgumentError("all trials have the same counts: nothing to tell apart; is the window right?")
    keep = min(components, len(classes) - 1, counts.shape[1])
    model = LinearDiscriminantAnalysis(solver="eigen", shrinkage=shrinkage, n_components=keep)
    predicted = np.empty_like(code)
    scores = []
    for fold, (train, test) in enumerate(StratifiedKFold(folds).split(counts, code)):
        try:
            model.fit(counts[train], code[train])
        except np.linalg.LinAlgError as error:
            raise ArgumentError(
                f"the covariance of {counts.shape[1]} units over {len(train)} trials cannot be inverted; give a "
                f"shrinkage above 0, such as 0.2, not {shrinkage}"
            ) from error
        predicted[test] = model.predict(counts[test])
        scores.append(np.mean(predicted[test] == code[test]))
        if fold == folds // 2:  # the middle of the session, as good as any
            projection = model.transform(counts)
            held_out = np.isin(np.arange(len(code)), test)
    return Decoding(
        scores=np.asarray(scores),
        chance=float(trials.max() / trials.sum()),
        classes=classes,
        predicted=classes[predicted],
        confusion=confusion_matrix(code, predicted).astype(np.int64),
        projection=np.asarray(projection, dtype=np.float64)[:, :keep],
        held_out=held_out,
    )
