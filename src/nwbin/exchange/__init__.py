"""Sessions in other libraries' objects: pynapple, Neo, SpikeInterface, PyTorch, polars; and counts on a regular grid.

What is given is a :class:`nwbin.Session`, a :class:`nwbin.File`, or whatever else is taken for spike trains, and what
comes out is the other library's own. None of the libraries is loaded before it is asked for; where one is missing, the
error says how to install it. Spike times are handed over as they lie in memory, not copied, wherever the library
allows it; they are read-only.
"""

from __future__ import annotations

from nwbin.exchange.grids import CountGrid, count_grid
from nwbin.exchange.of_neo import to_neo
from nwbin.exchange.of_polars import counts_to_polars, to_polars
from nwbin.exchange.of_pynapple import Pynapple, to_interval_set, to_pynapple
from nwbin.exchange.of_spikeinterface import to_spikeinterface
from nwbin.exchange.of_torch import Layout, TorchTrials, to_torch, to_torch_dataset

__all__ = [
    "CountGrid",
    "Layout",
    "Pynapple",
    "TorchTrials",
    "count_grid",
    "counts_to_polars",
    "to_interval_set",
    "to_neo",
    "to_polars",
    "to_pynapple",
    "to_spikeinterface",
    "to_torch",
    "to_torch_dataset",
]
