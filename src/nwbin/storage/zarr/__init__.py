"""Zarr stores, in the layout of hdmf-zarr: on the disk, in .zip files, on servers; formats 2 and 3."""

from nwbin.storage.zarr._source import ZarrSource

__all__ = ["ZarrSource"]
