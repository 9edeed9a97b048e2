"""Files that lie on a server: their bytes, and what goes wrong on the way."""

from nwbin.storage.remote._opening import open_remote
from nwbin.storage.remote._remote_file import RemoteFile

__all__ = ["RemoteFile", "open_remote"]
