"""The one place that reads HDF5: whatever is above it sees paths, plain NumPy arrays and plain Python values."""

from nwbin.storage.hdf5._limits import Limits
from nwbin.storage.hdf5._source import H5Source
from nwbin.storage.hdf5._storage_layout import Layout
from nwbin.storage.opening import StrPath

__all__ = ["H5Source", "Layout", "Limits", "StrPath"]
