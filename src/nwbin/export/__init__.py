"""Results in files: conditions on tables, tables and spike counts written whole or not at all, mean rates."""

from __future__ import annotations

from nwbin.export._bins import regular_edges
from nwbin.export._counts import Tiles, Windows
from nwbin.export._rates import mean_rates, rates_table
from nwbin.export._table import tidy, write_table
from nwbin.export._where import matches, select
from nwbin.export._whole import whole
from nwbin.export._writers import COUNT_ENDINGS, write_counts

__all__ = [
    "COUNT_ENDINGS",
    "Tiles",
    "Windows",
    "matches",
    "mean_rates",
    "rates_table",
    "regular_edges",
    "select",
    "tidy",
    "whole",
    "write_counts",
    "write_table",
]
