"""Panels: an axis in, the same axis out; what is drawn is what was given; units of measure on every axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

pytest.importorskip("matplotlib")


from matplotlib.figure import Figure

import nwbin
from nwbin.errors import ArgumentError, LookupFailure
from nwbin.plot import (
    Overview,
    ProbePlaces,
    plot_blocks,
    plot_correlogram,
    plot_metric_scatter,
    plot_population_raster,
    plot_probes,
    plot_psth,
    plot_quality,
    plot_raster,
    plot_rates,
    plot_receptive_field,
    plot_receptive_fields,
    plot_session,
    plot_signal,
    plot_tuning,
    plot_tuning_sheet,
)
from nwbin.responses.rate_tables import mean_rates
from tests.plot.test_rates_and_decoding import steps_of

PLACES = {"y_position": [-10.0, 0.0, 10.0], "x_position": [-20.0, 0.0, 20.0, 40.0]}
UNITS = pd.DataFrame(
    {"snr": [1.0, 2.0, np.nan, 4.0], "firing_rate": [0.5, 5.0, 9.0, 40.0], "area": list("aabb")}
)


def field(unit: int = 0) -> Any:
    values = np.zeros((3, 4))
    values[1, 2] = 8.0 + unit
    return xr.DataArray(values, dims=list(PLACES), coords=PLACES)


def rates(bins: int = 5, units: int = 1, by: str | None = "orientation") -> Any:
    rng = np.random.default_rng(0)
    trains = nwbin.SpikeTrains.from_dict({u + 7: np.sort(rng.uniform(0, 50, 500)) for u in range(units)})
    rows = pd.DataFrame({"start_time": np.arange(1, 49.0), "orientation": [0.0, 90.0] * 24})
    return mean_rates(trains, rows, np.linspace(-0.2, 0.5, bins + 1), by=by)


CORRELOGRAM = nwbin.correlograms({7: [0.0, 0.01, 0.02], 9: [0.004]}, 0.04, 0.002, jitter=0.01)
PROBE = ProbePlaces(
    "probeA", np.arange(0.0, 400.0, 20.0), np.repeat(["LGd", "VISp"], 10), np.arange(0.0, 400, 40)
)
PANELS = {
    "psth": lambda ax: plot_psth(rates(), ax=ax),
    "raster": lambda ax: plot_raster([0, 1], [0.1, 0.2], presentations=2, window=(-0.1, 0.3), ax=ax),
    "population": lambda ax: plot_population_raster([0, 1], [0.1, 0.2], units=3, window=(0, 1), ax=ax),
    "tuning": lambda ax: plot_tuning([0, 45], [1.0, 2.0], by="orientation", ax=ax),
    "field": lambda ax: plot_receptive_field(field(), ax=ax),
    "correlogram": lambda ax: plot_correlogram(CORRELOGRAM, ax=ax),
    "scatter": lambda ax: plot_metric_scatter(UNITS, "snr", "firing_rate", by="area", ax=ax),
    "blocks": lambda ax: plot_blocks([("flashes", 0.0, 9.0)], ax=ax),
    "signal": lambda ax: plot_signal([0.0, 1.0], [3.0], ylabel="running (cm/s)", ax=ax),
    "probes": lambda ax: plot_probes([PROBE], ax=ax),
}  # fmt: skip
NO_MEASURE = {"presentation", "unit", "snr", "pairs of spikes in 2 ms", ""}


@pytest.mark.parametrize("name", sorted(PANELS))
def test_an_axis_in_an_axis_out(name: str) -> None:
    ax = Figure().subplots()
    assert PANELS[name](ax) is ax
    alone = PANELS[name](None)
    assert alone.get_figure() is not None
    for label in (alone.get_xlabel(), alone.get_ylabel()):
        assert "(" in label or label in NO_MEASURE, label
    for shown in (ax, alone):
        assert shown.get_title() == alone.get_title()


def test_a_raster_puts_conditions_together() -> None:
    given: list[Any] = [90.0, 0.0, None, 90.0]
    ax = plot_raster(
        [0, 1, 2, 3], [0.01, 0.02, 0.03, 0.04], presentations=4, window=(0, 0.1), conditions=given, by="orientation"
    )  # fmt: skip
    assert [one.get_text() for one in ax.get_yticklabels()] == ["0", "90", "missing"]
    named = plot_raster(
        [0], [0.01], presentations=2, window=(0, 1), conditions=[None, 0], by="x", names={None: "blank"}
    )
    assert [one.get_text() for one in named.get_yticklabels()] == ["0", "blank"]
    drawn = [one.get_segments() for one in ax.collections]
    at = {round(part[0][0], 2): part[0][1] for segments in drawn for part in segments}
    assert {time: int(row) for time, row in at.items()} == {0.02: 0, 0.01: 1, 0.04: 2, 0.03: 3}
    assert ax.get_ylim() == (4.0, 0.0)  # the first at the top
    with pytest.raises(ArgumentError, match="presentations 0 to 1, not 0 to 2"):
        plot_raster([0, 2], [0.1, 0.2], presentations=2, window=(0, 1))
    with pytest.raises(ArgumentError, match="a row and a time for each spike"):
        plot_raster([0, 1], [0.1], presentations=2, window=(0, 1))
    with pytest.raises(ArgumentError, match="4 presentations take as many conditions"):
        plot_raster([0], [0.1], presentations=4, window=(0, 1), conditions=[1.0], by="x")


def test_a_raster_without_spikes_has_its_rows() -> None:
    assert plot_raster([], [], presentations=9, window=(0, 1)).get_ylim() == (9.0, 0.0)
    assert plot_population_raster([], [], units=3, window=(0, 1)).get_ylim() == (3.0, 0.0)


def test_a_tuning_curve() -> None:
    values = [0.02, 0.04, 0.08, 0.16, 0.32]
    ax = plot_tuning(values, [1, 2, 3, 2, 1], [0.1] * 5, by="spatial_frequency", blank=0.5)
    assert ax.get_xscale() == "log"
    assert [one.get_text() for one in ax.texts] == [" blank"]
    assert ax.get_xlabel() == "spatial_frequency (cycles/°)"
    np.testing.assert_array_equal(ax.get_lines()[0].get_ydata(), [1, 2, 3, 2, 1])
    assert plot_tuning([0, 90, 180, 270], [1] * 4, by="orientation").get_xscale() == "linear"
    images = plot_tuning(np.arange(118), np.arange(118.0), by="frame")
    np.testing.assert_array_equal(images.get_lines()[0].get_ydata(), np.arange(118.0)[::-1])
    assert images.texts[0].get_text() == "best: 117, 116, 115"
    named = plot_tuning([-1.0, 1.0], [4, 2], by="color", names={-1.0: "-1 (black)"})
    assert [one.get_text() for one in named.get_xticklabels()] == ["-1 (black)", "1"]
    two = plot_tuning([0, 90], [[1, 2], [3, 4]], by="orientation", others=[1, 2], other="temporal_frequency")
    legend = two.get_legend()
    assert legend is not None
    assert legend.get_title().get_text() == "temporal_frequency (Hz)"
    with pytest.raises(ArgumentError, match="3 values take a mean for each"):
        plot_tuning([1, 2, 3], [1, 2], by="x")
    with pytest.raises(ArgumentError, match="as many values of others"):
        plot_tuning([1, 2], [[1, 2], [3, 4]], by="x", others=[1])


def test_a_sheet_of_tuning_curves_has_those_that_vary_most() -> None:
    mean = np.asarray([[1.0, 5.0, 2.0], [1.0, 9.0, 3.0]])
    figure = plot_tuning_sheet([0, 90], mean, by="orientation", unit_ids=[7, 8, 9], most=2)
    assert [axes.get_title() for axes in figure.axes] == ["unit 8", "unit 9"]
    assert "2 of 3 units" in figure.get_supxlabel()
    with pytest.raises(ArgumentError, match="means of"):
        plot_tuning_sheet([0, 90], mean[:1], by="x", unit_ids=[7, 8, 9])
    images = plot_tuning_sheet(range(30), np.ones((30, 1)), by="frame", unit_ids=[7])
    assert "by rank in each (30 values)" in images.get_supxlabel()


def test_a_receptive_field_has_its_places() -> None:
    drawn = plot_receptive_field(field()[::-1, ::-1])  # whatever the order that they are stored in
    mesh = drawn.collections[0]
    np.testing.assert_array_equal(mesh.get_array(), field().to_numpy())
    assert drawn.get_xlim() == (-30.0, 50.0)
    assert drawn.get_ylim() == (-15.0, 15.0)
    sheet = xr.concat([field(0), field(5), 0 * field()], dim=xr.Variable("unit_id", [4, 5, 6]))
    figure = plot_receptive_fields(sheet, most=2, title="x", unit_labels={5: "VISp"})
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["5\nVISp, 0 to 13 Hz", "4\n0 to 8 Hz"]
    likely = plot_receptive_fields(sheet, most=2, p_values={4: 0.5, 5: 1 / 1001, 6: 1.0})
    titles = [axes.get_title() for axes in likely.axes if axes.get_title()]
    assert titles == ["5, p 0.001\n0 to 13 Hz", "4, p 0.5\n0 to 8 Hz"]
    assert " ".join(likely.get_supxlabel().split()).endswith(
        "stand out most; p: of a map as uneven by chance"
    )
    for wrong in (sheet, field().rename(x_position="x")):
        with pytest.raises(ArgumentError, match="has the dimensions y_position, x_position"):
            plot_receptive_field(wrong)
    with pytest.raises(ArgumentError, match="no receptive field to draw"):
        plot_receptive_field(field()[:0])


def test_the_scale_of_a_receptive_field_is_of_its_own_rates() -> None:
    busy = field() + 40  # Hz, whatever the place
    alone = plot_receptive_field(busy)
    assert alone.collections[0].get_clim() == (40.0, 48.0)
    assert [axes.get_ylabel() for axes in alone.figure.axes][1:] == ["firing rate (Hz); colors begin at 40"]
    assert plot_receptive_field(busy, vmin=0.0).collections[0].get_clim() == (0.0, 48.0)
    still = plot_receptive_field(field())
    assert [axes.get_ylabel() for axes in still.figure.axes][1:] == ["firing rate (Hz)"]
    flat = 0 * busy + 3
    drawn = plot_receptive_fields(xr.concat([busy, flat], dim=xr.Variable("unit_id", [4, 5])))
    first, second, bar = drawn.axes
    assert [first.get_title(), second.get_title()] == ["4\n40 to 48 Hz", "5\n3 to 3 Hz"]
    np.testing.assert_array_equal(first.collections[0].get_array(), field() / 8)
    np.testing.assert_array_equal(second.collections[0].get_array(), np.zeros((3, 4)))
    assert [one.get_text() for one in bar.get_yticklabels()] == [
        "the unit's\nlowest rate",
        "the unit's\nhighest rate",
    ]


def test_quality_counts_what_passes() -> None:
    figure = plot_quality(UNITS, bounds={"snr": (">=", 2.0)}, title="x")
    assert [axes.get_title() for axes in figure.axes] == ["median 7", "snr >= 2: 2 of 4, 1 without"]
    snr = figure.axes[1]
    every, kept = steps_of(snr)
    assert (every.get_data().values.sum(), kept.get_data().values.sum()) == (3, 2)
    assert [axes.get_xlabel() for axes in figure.axes] == ["firing_rate (Hz)", "snr"]
    with pytest.raises(LookupFailure, match="did you mean 'snr'"):
        plot_quality(UNITS, metrics=["snrr"])
    with pytest.raises(ArgumentError, match="holds no numbers"):
        plot_quality(UNITS, metrics=["area"])
    with pytest.raises(ArgumentError, match="nothing to draw"):
        plot_quality(UNITS[["area"]])


def test_a_scatter_leaves_out_what_has_no_place() -> None:
    ax = plot_metric_scatter(UNITS, "snr", "firing_rate", by="area", bounds={"snr": (">=", 2.0)})
    assert ax.get_title() == "3 units, 1 without"
    legend = ax.get_legend()
    assert legend is not None
    assert [one.get_text() for one in legend.get_texts()] == ["a", "b"]
    assert len({one.get_paths()[0].vertices.shape for one in ax.collections}) == 2  # a form each
    with pytest.raises(LookupFailure, match="no column 'areas'"):
        plot_metric_scatter(UNITS, "snr", "firing_rate", by="areas")


def test_a_correlogram() -> None:
    ax = plot_correlogram(CORRELOGRAM, 1)
    assert ax.get_title() == "spikes of 9 after those of 7"
    counts, expected = steps_of(ax)
    np.testing.assert_array_equal(counts.get_data().values, CORRELOGRAM.counts[1])
    np.testing.assert_array_equal(expected.get_data().values, CORRELOGRAM.expected[1])  # type: ignore[index]
    less = steps_of(plot_correlogram(CORRELOGRAM, 1, corrected=True))[0]
    np.testing.assert_array_equal(less.get_data().values, CORRELOGRAM.corrected[1])
    with pytest.raises(ArgumentError, match="pair must be 0 to 2"):
        plot_correlogram(CORRELOGRAM, 3)


def test_a_session_has_a_panel_for_what_it_has() -> None:
    edges = np.asarray([0.0, 5.0, 10.0])
    whole = Overview(
        [("flashes", 0.0, 4.0), ("gabors", 5.0, 9.0), ("flashes", 9.0, 10.0)], (edges, np.asarray([1.0, np.nan])),
        (edges, np.asarray([3.0, 4.0])), 12, [(2.0, 2.5, "probeA")], [PROBE],
    )  # fmt: skip
    figure = plot_session(whole, title="x")
    assert len(figure.axes) == 4
    assert whole.span == (0.0, 10.0)
    assert [one.get_text() for one in figure.axes[0].get_yticklabels()] == ["flashes", "gabors"]
    assert "probeA" in figure.axes[0].get_title(loc="right")
    assert figure.axes[2].get_ylabel() == "mean rate of\n12 units (Hz)"
    assert [axes.get_xlabel() for axes in figure.axes[:3]] == ["", "", "time (s)"]
    assert len(plot_session(Overview(blocks=[("trials", 0.0, 1.0)])).axes) == 1
    with pytest.raises(ArgumentError, match="nothing to draw"):
        plot_session(Overview())
    with pytest.raises(ArgumentError, match="no probes"):
        plot_probes([])


def test_the_structures_of_a_probe() -> None:
    names = np.asarray(["LGd"] * 4 + [None] * 2 + ["VISp"] * 4, dtype=object)
    ax = plot_probes([ProbePlaces("p", np.arange(0.0, 200.0, 20.0), names, np.asarray([10.0, 10.0, 190.0]))])
    assert [one.get_text() for one in ax.texts] == ["LGd", "VISp"]
    assert [one.get_text() for one in ax.get_xticklabels()] == ["p\n3 units"]
    assert "at most 2 in 50" in ax.get_title()


def test_one_bin_is_a_tuning_curve_or_a_message() -> None:
    one = plot_rates(rates(1))
    assert one.axes[0].get_xlabel() == "orientation (°)"
    assert one.axes[0].get_title() == "unit 7: mean of 24 trials each"
    assert len(plot_rates(rates(1, 5), per_unit=True, most=3).axes) == 3
    many = plot_rates(rates(1, 3), per_unit=True, unit_labels={7: "VISp", 8: "x" * 50, 9: ""})
    assert [one.get_title() for one in many.axes] == ["unit 7, VISp", f"unit 8, {'x' * 24}…", "unit 9"]
    np.testing.assert_allclose(
        many.axes[0].get_lines()[0].get_ydata().max(), many.axes[0].get_ylim()[1] / 1.08
    )
    for units in (1, 5):
        with pytest.raises(ArgumentError, match="narrower bins"):
            plot_rates(rates(1, units, by=None))
    with pytest.raises(ArgumentError, match="1 panel or more"):
        plot_rates(rates(), most=0)


def test_a_rate_is_that_of_its_bin_up_to_its_edges() -> None:
    found = rates(5)
    figure = plot_rates(found, duration=0.25, sem=found * 0 + 1.0)
    assert len(figure.axes) == 1  # one unit: no row of colors below
    assert figure.axes[0].get_title() == "unit 7: mean of 24 trials each, ± s.e.m. over trials"
    found["presentations"][0] = 23
    labelled = plot_rates(found, unit_labels={7: "LGd"})
    assert labelled.axes[0].get_title() == "unit 7, LGd: mean of 23 to 24 trials each"
    unknown = plot_rates(found.drop_vars("presentations"))
    assert unknown.axes[0].get_title() == "unit 7: mean of trials"
    for k, step in enumerate(steps_of(figure.axes[0])):
        np.testing.assert_array_equal(step.get_data().values, found[k, :, 0])
        np.testing.assert_allclose(step.get_data().edges, np.linspace(-0.2, 0.5, 6))
    with pytest.raises(ArgumentError, match="rates have the dimensions"):
        plot_psth(found.rename(unit_id="unit"))


def test_titles_are_broken_into_lines_of_one_length() -> None:
    from nwbin.plot.canvas import wrapped

    assert wrapped("short enough", 20) == "short enough"
    title = "drifting_gratings, 0 to 2 s, session 700000001 (synthetic data)"
    lines = wrapped(title, 55).splitlines()
    assert " ".join(lines) == title
    assert len(lines) == 2
    assert max(map(len, lines)) - min(map(len, lines)) < 16  # and not one word by itself
    assert wrapped("x" * 30, 12).splitlines() == ["x" * 12, "x" * 12, "x" * 6]
    assert wrapped("", 12) == ""


def test_a_blank_rate_is_named_once() -> None:
    one = plot_tuning([0, 90], [2.0, 3.0], by="orientation", blank=1.0)
    assert [text.get_text() for text in one.texts] == [" blank"]
    other = plot_tuning([0, 90], [2.0, 3.0], by="orientation", blank=1.0, names={None: "missing"})
    assert [text.get_text() for text in other.texts] == [" missing"]
    many = plot_tuning(
        [1, 2], [[2.0, 3.0], [1.0, 2.0]], by="x", others=[0.0, 180.0], other="direction", blank=1.0
    )
    assert not len(many.texts)
    legend = many.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["0", "180", "blank"]


def test_curves_over_many_names_have_no_empty_legend() -> None:
    names = np.asarray([f"image {k}" for k in range(30)], dtype=object)
    axes = plot_tuning(names, np.ones((2, 30)), by="image", others=[0, 1], other="phase")
    assert axes.get_legend() is None
