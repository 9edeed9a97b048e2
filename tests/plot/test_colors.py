"""Colors are told apart by everybody, and seen on white paper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from nwbin.plot import condition_colors
from nwbin.plot.colors import forms_of, titled
from tests.plot.sight import WITHOUT, contrast_with_white, nearest_pair

NAMES = np.asarray(["a", "b", "c", "d", "e", "f", "g"], dtype=object)


@pytest.mark.parametrize("without", sorted(WITHOUT))
@pytest.mark.parametrize(
    ("values", "name", "least"),
    [
        (np.arange(0, 180, 45.0), "orientation", 45),
        (np.arange(0, 180, 30.0), "orientation", 30),
        (np.arange(0, 180, 22.5), "orientation", 20),
        (np.asarray([-1.0, 1.0]), "color", 60),
        (np.arange(6.0), "contrast", 10),
        (NAMES[:3], "image", 50),
        (NAMES, "image", 15),
    ],
)
def test_colors_are_told_apart_without_any_kind_of_cones(
    values: np.ndarray, name: str, least: float, without: str
) -> None:
    assert nearest_pair(condition_colors(values, name), without) >= least


def test_the_measure_itself_knows_what_is_mixed_up() -> None:
    red_and_green: list[Any] = ["#b0402a", "#6b6a00"]
    assert nearest_pair(red_and_green, "none") > 40
    assert nearest_pair(red_and_green, "green") < 12


def test_many_numbers_have_two_forms_beside_their_colors() -> None:
    # Of neighbours on a long scale, which differ little, every other has another line and another point.
    assert forms_of(np.arange(12.0), "contrast") == [0, 1] * 6
    for form in (slice(0, None, 2), slice(1, None, 2)):
        colors = condition_colors(np.arange(12.0), "contrast")[form]
        assert min(nearest_pair(colors, without) for without in WITHOUT) >= 9
    assert forms_of(np.arange(4.0), "contrast") == [0] * 4
    assert forms_of(NAMES, "image") == list(range(7))


def test_what_is_no_angle_has_a_color_too() -> None:
    values = np.asarray([0.0, 225.0, np.nan])
    assert forms_of(values, "orientation") == [0, 1, 0]
    assert np.isfinite(np.asarray(condition_colors(values, "orientation"))).all()


@pytest.mark.parametrize("step", [90.0, 60.0, 45.0, 30.0, 22.5, 15.0])
@pytest.mark.parametrize("turn", [180.0, 360.0])
def test_of_angles_lines_of_one_form_have_colors_far_apart(step: float, turn: float) -> None:
    values = np.arange(0, turn, step)
    forms, least = np.asarray(forms_of(values, "orientation")), 30 if step > 15 else 20
    colors = np.asarray(condition_colors(values, "orientation"))
    for form in np.unique(forms):
        own = [tuple(one) for one in colors[forms == form]]
        assert len(own) == 1 or min(nearest_pair(own, without) for without in WITHOUT) >= least
    # What looks the same standing still has one color, and tells its directions by the form.
    if turn > 180:
        half = len(values) // 2
        assert np.allclose(colors[:half], colors[half:])
        assert (forms[:half] != forms[half:]).all()
    assert forms_of(np.asarray([0.0, 30.0, 60.0, 90.0, 120.0, 150.0]), "orientation") == [0] * 6
    # None so dark that a thin line of it is black.
    assert contrast_with_white([tuple(one) for one in colors]).max() < 13


@pytest.mark.parametrize(
    ("values", "name"), [(np.arange(0, 360, 15.0), "direction"), (np.arange(8.0), "x"), (NAMES, "image")]
)
def test_no_color_is_lost_on_white(values: np.ndarray, name: str) -> None:
    assert contrast_with_white(condition_colors(values, name)).min() > 1.9


def test_parameters_say_what_they_are_measured_in() -> None:
    assert titled("spatial_frequency") == "spatial_frequency (cycles/°)"
    assert titled("Ori") == "Ori (°)"
    assert titled("$x$") == r"\$x\$"
