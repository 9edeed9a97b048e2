"""Files that lie on a server: their bytes, what is kept of them, and what goes wrong on the way."""

from nwbin.storage.remote._dandi import asset_address, is_asset
from nwbin.storage.remote._faults import is_refusal
from nwbin.storage.remote._folder import RemoteFolder
from nwbin.storage.remote._index import Index, Part, write_index_file
from nwbin.storage.remote._kept import Entry, Kept, Shelf, keeping_in, kept
from nwbin.storage.remote._kept_part import (
    KeptPart,
    digest_of,
    file_record,
    is_of,
    recorded,
    write_record,
)
from nwbin.storage.remote._listing import Listed, content_of, listing, names_in, state_now
from nwbin.storage.remote._opening import open_remote, open_remote_folder
from nwbin.storage.remote._remote_file import RemoteFile
from nwbin.storage.remote._side_by_side import of_each
from nwbin.storage.remote._transport import State
from nwbin.storage.remote._whole_file import WholeFile, fetch, look_up

__all__ = [
    "Entry",
    "Index",
    "Kept",
    "KeptPart",
    "Listed",
    "Part",
    "RemoteFile",
    "RemoteFolder",
    "Shelf",
    "State",
    "WholeFile",
    "asset_address",
    "content_of",
    "digest_of",
    "fetch",
    "file_record",
    "is_asset",
    "is_of",
    "is_refusal",
    "keeping_in",
    "kept",
    "listing",
    "look_up",
    "names_in",
    "of_each",
    "open_remote",
    "open_remote_folder",
    "recorded",
    "state_now",
    "write_index_file",
    "write_record",
]
