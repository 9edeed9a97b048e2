"""Results in files, whole or not at all: tables and spike counts; conditions on tables, and tidy copies of them."""

from __future__ import annotations

from nwbin.allen.null import matches, select, tidy
from nwbin.export._zarr import write_zarr_group
from nwbin.export.count_files import COUNT_ENDINGS, write_counts
from nwbin.export.table_files import TABLE_ENDINGS, write_table

__all__ = [
    "COUNT_ENDINGS",
    "TABLE_ENDINGS",
    "matches",
    "select",
    "tidy",
    "write_counts",
    "write_table",
    "write_zarr_group",
]
