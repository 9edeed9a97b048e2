"""Pictures, with matplotlib (extra "plot"): an axis in, an axis out; sheets of many are figures of their own.

Each function of one panel takes ``ax=`` (by default it makes a figure) and returns the axis; :func:`save_picture`
writes either to .png, .pdf or .svg, whole or not at all. Colors are told apart by the colour-blind too, and every axis
says what it is measured in. What is drawn is counted elsewhere: ``nwbin.plot.answers`` and
``nwbin.plot.sessions`` do that for the commands.
"""

from __future__ import annotations

from nwbin.plot._correlogram import plot_correlogram
from nwbin.plot._decoding import plot_accuracy, plot_confusion, plot_decoding
from nwbin.plot._fields import plot_receptive_field, plot_receptive_fields
from nwbin.plot._raster import plot_population_raster, plot_raster
from nwbin.plot._rates import plot_psth, plot_rates
from nwbin.plot._session import (
    Overview,
    ProbePlaces,
    plot_blocks,
    plot_probes,
    plot_session,
    plot_signal,
)
from nwbin.plot._tuning import plot_tuning, plot_tuning_sheet
from nwbin.plot._units import plot_metric_scatter, plot_quality
from nwbin.plot.canvas import PICTURE_ENDINGS, save_picture
from nwbin.plot.colors import condition_colors

__all__ = [
    "PICTURE_ENDINGS",
    "Overview",
    "ProbePlaces",
    "condition_colors",
    "plot_accuracy",
    "plot_blocks",
    "plot_confusion",
    "plot_correlogram",
    "plot_decoding",
    "plot_metric_scatter",
    "plot_population_raster",
    "plot_probes",
    "plot_psth",
    "plot_quality",
    "plot_raster",
    "plot_rates",
    "plot_receptive_field",
    "plot_receptive_fields",
    "plot_session",
    "plot_signal",
    "plot_tuning",
    "plot_tuning_sheet",
    "save_picture",
]
