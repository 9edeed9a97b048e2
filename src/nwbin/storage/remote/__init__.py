"""Files that lie on a server: their bytes, what is kept of them, and what goes wrong on the way."""

from nwbin.storage.remote._index import Index, Part, write_index_file
from nwbin.storage.remote._kept import Entry, Kept, Shelf, keeping_in, kept
from nwbin.storage.remote._opening import open_remote
from nwbin.storage.remote._remote_file import RemoteFile
from nwbin.storage.remote._transport import State

__all__ = [
    "Entry",
    "Index",
    "Kept",
    "Part",
    "RemoteFile",
    "Shelf",
    "State",
    "keeping_in",
    "kept",
    "open_remote",
    "write_index_file",
]
