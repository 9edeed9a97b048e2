"""Pictures: what is drawn, and that files are what their ending says."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

import nwbin
from nwbin.errors import ArgumentError, MissingDependencyError
from nwbin.plot import condition_colors, plot_decoding, plot_rates, plot_tuning_sheet, save_picture
from nwbin.responses.decode import decode
from nwbin.responses.rate_tables import mean_rates

START = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}


def steps_of(axes: Any) -> list[Any]:
    """The lines of steps: each keeps the rate of a bin over all of it."""
    from matplotlib.patches import StepPatch

    return [one for one in axes.patches if isinstance(one, StepPatch)]


@pytest.fixture(scope="module")
def rates() -> object:
    rng = np.random.default_rng(0)
    trains = nwbin.SpikeTrains.from_dict({u: np.sort(rng.uniform(0, 50, 500)) for u in range(20)})
    rows = pd.DataFrame({"start_time": np.arange(1, 49.0), "orientation": [0.0, 90.0, 180.0, 270.0] * 12})
    return mean_rates(trains, rows, np.linspace(-0.2, 0.5, 15), by="orientation")


@pytest.mark.parametrize("ending", sorted(START))
def test_decoding(tmp_path: Path, ending: str) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3 * 30.0
    found = decode(rng.normal(size=(60, 5)) + y[:, None] / 10, y)
    figure = plot_decoding(found, y, title="of nothing")
    scatter, confusion = figure.axes[:2]
    texts = [text.get_text() for text in scatter.get_legend().get_texts()]
    assert texts == ["0°", "30°", "60°"]
    assert "accuracy" in confusion.get_title()
    points = sum(len(one.get_offsets()) for one in scatter.collections)
    assert points == 60 + 3  # every trial, and the means
    path = save_picture(figure, tmp_path / f"x{ending}")
    first = path.read_bytes()
    assert first.startswith(START[ending])
    again = plot_decoding(found, y, title="of nothing")  # an axis stands for its figure
    assert save_picture(again.axes[0], path).read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_decoding_of_two_labels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.asarray(["left", "right"] * 20)
    figure = plot_decoding(decode(rng.normal(size=(40, 5)), y), y, label="side")
    assert figure.axes[0].get_ylabel() == "trial"
    save_picture(figure, tmp_path / "x.png")


def test_many_labels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(150) % 30
    save_picture(plot_decoding(decode(rng.normal(size=(150, 5)), y), y, label="frame"), tmp_path / "x.png")


def test_rates(tmp_path: Path, rates: object) -> None:
    figure = plot_rates(rates, duration=0.25, title="x")  # type: ignore[arg-type]
    assert len(steps_of(figure.axes[0])) == 4
    save_picture(figure, tmp_path / "mean.png")
    figure = plot_rates(rates, per_unit=True, most=6)  # type: ignore[arg-type]
    assert sum(axes.get_visible() for axes in figure.axes) == 6
    save_picture(figure, tmp_path / "units.png")
    save_picture(plot_rates(rates[:1, :, :1]), tmp_path / "one.png")  # type: ignore[index]
    with pytest.raises(ArgumentError, match="no rates to draw"):
        plot_rates(rates[:, :, :0])  # type: ignore[index]


def test_units_are_chosen_by_how_much_they_change_for_the_rate_that_they_have() -> None:
    """Else those that fire most are shown, whose noise is largest in Hz."""
    rng = np.random.default_rng(0)
    onsets = np.arange(1, 49.0)
    trains = nwbin.SpikeTrains.from_dict(
        {
            5: np.sort(rng.uniform(0, 50, 20000)),  # 400 Hz, whatever is shown
            6: np.sort(rng.uniform(0, 50, 250)),
            7: np.sort(np.concatenate([onsets + after for after in (0.11, 0.13)])),
            8: np.sort(np.concatenate([onsets + after for after in (0.11, 0.12, 0.13)])),
        }
    )
    rows = pd.DataFrame({"start_time": onsets, "orientation": [0.0, 90.0] * 24})
    few = mean_rates(trains, rows, np.linspace(-0.2, 0.5, 15), by="orientation")
    spread = few.std(("condition", "time_relative_to_stimulus_onset")).to_numpy()
    assert spread.argmax() == 0
    figure = plot_rates(few, per_unit=True, most=2)
    assert [axes.get_title() for axes in figure.axes if axes.get_visible()] == ["unit 8", "unit 7"]
    said = " ".join(figure.get_supxlabel().split())
    assert said.endswith("(2 of 4 units: those with the largest variance of the rate over its mean)")
    assert max(map(len, figure.get_supxlabel().splitlines())) <= 14 * figure.get_figwidth()
    every = plot_rates(few, per_unit=True)
    assert [axes.get_title() for axes in every.axes if axes.get_visible()] == [
        f"unit {one}" for one in (5, 6, 7, 8)
    ]
    sheet = plot_tuning_sheet([0, 1], [[90.0, 1.0], [100.0, 4.0]], by="x", unit_ids=[1, 2], most=1)
    assert [axes.get_title() for axes in sheet.axes] == ["unit 2"]


def test_rates_of_many_conditions(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    trains = nwbin.SpikeTrains.from_dict({u: np.sort(rng.uniform(0, 60, 300)) for u in range(5)})
    rows = pd.DataFrame({"start_time": np.arange(1, 49.0), "frame": np.arange(48) % 24})
    many = mean_rates(trains, rows, np.linspace(-0.2, 0.5, 15), by="frame")
    figure = plot_rates(many, duration=0.25)
    assert figure.axes[0].collections[0].get_array().shape == (24, 14)  # type: ignore[union-attr]
    assert len(figure.axes[0].get_lines()) == 2  # onset and end
    assert all(tick == round(tick) for tick in figure.axes[1].get_yticks())  # there is no unit 2.5
    assert all(axes.get_legend() is None for axes in figure.axes)
    assert [text.get_text() for text in figure.axes[2].texts] == ["24 values of frame"]
    save_picture(figure, tmp_path / "many.png")
    figure = plot_rates(many, per_unit=True)
    units = [axes for axes in figure.axes if axes.get_title()]
    assert len(units) == 5
    for number, axes in enumerate(units):
        drawn = axes.collections[0].get_array()
        highest = float(many[:, :, number].max())
        np.testing.assert_allclose(drawn, many[:, :, number] / highest)
        assert axes.get_title() == f"unit {number}, to {highest:.3g} Hz"
        assert len(axes.get_lines()) == 1  # onset; 24 lines would hide one another
    assert [text.get_text() for text in units[0].get_yticklabels()] == ["0", "4", "8", "12", "16", "20"]
    save_picture(figure, tmp_path / "units.png")
    silent = many.copy(data=np.zeros(many.shape))
    save_picture(plot_rates(silent, per_unit=True), tmp_path / "silent.png")


def test_colors_differ() -> None:
    for values, name in [
        (np.arange(0, 180, 30.0), "orientation"),
        (np.arange(0, 180, 22.5), "orientation"),
        (np.arange(5.0), "contrast"),
        (np.asarray(["a", "b", "c"]), "image"),
    ]:
        colors = np.asarray(condition_colors(values, name))[:, :3].astype(float)
        apart = np.abs(colors[:, None] - colors[None, :]).sum(axis=2)
        assert apart[~np.eye(len(values), dtype=bool)].min() > 0.2


def test_refusals(tmp_path: Path, rates: object, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArgumentError, match=r"ends in '\.jpeg'"):
        save_picture(plot_rates(rates), tmp_path / "x.jpeg")  # type: ignore[arg-type]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'nwbin\[plot\]'"):
        plot_rates(rates)  # type: ignore[arg-type]


def test_a_long_title_stays_in_the_picture(rates: Any) -> None:
    title = "drifting_gratings: 600 presentations, session 700000003 " * 2
    for some in (rates, rates.isel(unit_id=[0])):
        for per_unit in (False, True):
            figure = plot_rates(some, title=title, per_unit=per_unit)
            figure.savefig(io.BytesIO())
            box = figure._suptitle.get_window_extent()  # type: ignore[attr-defined]
            assert box.x0 >= 0
            assert box.x1 <= figure.bbox.x1


class NoTex:
    def __init__(self, *_: Any, **__: Any) -> None:
        raise AssertionError("TeX was asked")


@pytest.mark.parametrize("saved", ["by nwbin", "by matplotlib", "unpickled", "after zooming"])
@pytest.mark.slow
def test_a_matplotlibrc_with_tex(
    rates: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: str
) -> None:
    import matplotlib as mpl
    from matplotlib import texmanager

    for name in ("get_text_width_height_descent", "make_dvi", "make_png", "get_rgba"):
        monkeypatch.setattr(texmanager.TexManager, name, NoTex)
    y = np.arange(60) % 3 * 30.0
    with mpl.rc_context({"text.usetex": True}):
        figures = [plot_rates(rates, title="drifting_gratings: 50 % $ \\x")]
        if saved == "by nwbin":
            figures += [
                plot_rates(rates, per_unit=True, most=2),
                plot_decoding(decode(np.random.default_rng(0).normal(size=(60, 5)), y), y, label="a_b & c"),
            ]
        for figure in figures:
            if saved == "by nwbin":
                save_picture(figure, tmp_path / "x.png")
                continue
            if saved == "unpickled":
                figure = pickle.loads(pickle.dumps(figure))
            if saved == "after zooming":
                figure.savefig(io.BytesIO())
                figure.axes[0].locator_params(axis="x", nbins=30)
            figure.savefig(io.BytesIO(), bbox_inches="tight")  # as notebooks do
            assert not any(text.get_usetex() for text in figure.findobj(mpl.text.Text))
        assert mpl.rcParams["text.usetex"]
