"""Files that lie on a server: their bytes, and what goes wrong on the way."""

from nwbin.storage.remote._folder import RemoteFolder
from nwbin.storage.remote._opening import open_remote, open_remote_folder
from nwbin.storage.remote._remote_file import RemoteFile

__all__ = ["RemoteFile", "RemoteFolder", "open_remote", "open_remote_folder"]
