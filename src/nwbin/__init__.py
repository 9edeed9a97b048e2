"""nwbin: read Visual Coding - Neuropixels NWB files and count their spikes, without AllenSDK.

The public names are resolved on first use, so that ``import nwbin`` costs next to nothing and a program that
only counts arrays never loads pandas or HDF5.
"""

# ``python -m nwbin`` runs this with the current folder, where files lie and not programs, first on the import path:
# nothing is imported here, nor from __future__, that Python has not loaded for any ``-m`` by then.
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nwbin import testing
    from nwbin.binning import (
        AlignedSpikes,
        Correlograms,
        align_spikes,
        bin_spikes,
        bin_spikes_sparse,
        correlograms,
        count_in_windows,
        iter_bin_spikes,
    )
    from nwbin.dataset import Dataset
    from nwbin.errors import NwbinError, NwbinWarning
    from nwbin.nwb.file import File
    from nwbin.responses.matrix import ResponseMatrix
    from nwbin.session import Session, open
    from nwbin.trains import SpikeTrains

__version__ = "0.1.0"

# public name -> the module it lives in
_HOME = {
    "AlignedSpikes": "nwbin.binning",
    "Correlograms": "nwbin.binning",
    "Dataset": "nwbin.dataset",
    "File": "nwbin.nwb.file",
    "NwbinError": "nwbin.errors",
    "NwbinWarning": "nwbin.errors",
    "ResponseMatrix": "nwbin.responses.matrix",
    "Session": "nwbin.session",
    "SpikeTrains": "nwbin.trains",
    "align_spikes": "nwbin.binning",
    "bin_spikes": "nwbin.binning",
    "iter_bin_spikes": "nwbin.binning",
    "bin_spikes_sparse": "nwbin.binning",
    "correlograms": "nwbin.binning",
    "count_in_windows": "nwbin.binning",
    "open": "nwbin.session",
}
_MODULES = (
    "binning",
    "cache",
    "check",
    "dataset",
    "decode",
    "errors",
    "export",
    "metrics",
    "plot",
    "responses",
    "testing",
)

__all__ = [
    "AlignedSpikes",
    "Correlograms",
    "Dataset",
    "File",
    "NwbinError",
    "NwbinWarning",
    "ResponseMatrix",
    "Session",
    "SpikeTrains",
    "__version__",
    "align_spikes",
    "bin_spikes",
    "bin_spikes_sparse",
    "correlograms",
    "count_in_windows",
    "iter_bin_spikes",
    "open",
    "testing",
]


def __getattr__(name: str) -> "Any":
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return import_module(f"nwbin.{name}")
    raise AttributeError(f"module 'nwbin' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
