"""Decoding of labels from counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nwbin.errors import (
    ArgumentError,
)
from nwbin.responses.decode import decode


def test_decode_refuses_at_the_door() -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(60, 5)), np.arange(60) % 3
    hole, endless = x.copy(), x.copy()
    hole[7, 2], endless[1, 1] = np.nan, np.inf
    some: Any = y.astype(object)
    some[4] = None
    mixed: Any = y.astype(object)
    mixed[4] = "null"
    wide = rng.normal(size=(60, 100))
    cases: list[tuple[Any, Any, dict[str, Any], str]] = [
        (hole, y, {}, r"X has nan in trial 7, unit 2 \(and 0 more\); counts must be finite"),
        (endless, y, {}, "X has inf in trial 1, unit 1"),
        (x, np.where(y == 1, np.nan, y), {}, "20 of 60 trials have no label, trial 1 first"),
        (x, some, {}, "1 of 60 trials have no label, trial 4 first"),
        (x, mixed, {}, "labels are text and numbers at once"),
        ([["a"]] * 60, y, {}, "X must be numbers"),
        ([[1.0], [1.0, 2.0]], [1, 2], {}, "X must be numbers"),
        (
            wide,
            y,
            {"shrinkage": None},
            "100 units over 48 trials cannot be inverted; .* above 0, such as 0.2, not None",
        ),
        (x[:, [0, 0]], y, {"shrinkage": 0}, "2 units over 48 trials cannot be inverted"),
        *(
            (x, y, {"folds": one}, "folds must be a whole number, 2 or more, not")
            for one in (1, 2.5, True, None)
        ),
        *(
            (x, y, {"components": one}, "components must be a whole number, 1 or more")
            for one in (0, -1, 1.5)
        ),
        *(
            (x, y, {"shrinkage": one}, "shrinkage must be from 0 to 1, 'auto' or None, not")
            for one in (2, -0.1, "atuo")
        ),
        (x, y, {"shrinkage": np.nan}, "shrinkage must be from 0 to 1"),
    ]
    for counts, labels, more, message in cases:
        with pytest.raises(ArgumentError, match=message):
            decode(counts, labels, **more)
    for shrinkage in (0, 1, None, "auto", np.float32(0.5)):
        assert decode(x, y, shrinkage=shrinkage, folds=np.int64(2)).scores.shape == (2,)  # type: ignore[arg-type]


def test_decode() -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(3)
    y = np.repeat([0.0, 22.5, 45.0], 40)[rng.permutation(120)]
    told = decode(rng.normal(size=(120, 10)) + 4 * (y[:, None] == np.asarray([0, 22.5, 45] + [99] * 7)), y)
    assert told.accuracy > 0.95
    assert told.scores.shape == (5,)
    assert told.chance == pytest.approx(1 / 3)
    assert told.confusion.sum() == 120
    assert told.projection.shape == (120, 2)
    assert told.held_out.sum() == 24
    assert (told.predicted == y).mean() == pytest.approx(told.accuracy)
    nothing = decode(rng.normal(size=(120, 10)), y)
    assert nothing.accuracy < 0.55
    one = decode(y[:, None] + rng.normal(size=(120, 1)) / 99, y)
    assert one.projection.shape == (120, 1), "a single unit has a single dimension"
    assert repr(one).startswith(
        "<nwbin.decode.Decoding: accuracy 1.000, chance 0.333; 120 trials, 3 classes, 5 folds"
    )
    two = decode(rng.normal(size=(60, 2)), ["a", "b"] * 30)
    assert two.projection.shape == (60, 1)
    for x, labels, message in [
        (np.ones((6, 2)), [1] * 6, "only one label"),
        (np.ones((6, 2)), [1, 2] * 3, "label 1 has 3 trials, too few for 5 folds"),
        (np.ones((6, 2)), [1, 2, 2, 2, 2, 2], "label 1 has 1 trial, too few for 5 folds"),
        (np.ones((20, 2)), [1, 2] * 10, "same counts"),
        (np.ones((20, 0)), [1, 2] * 10, "no units"),
        (np.ones(20), [1, 2] * 10, "X must be"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            decode(x, labels)
