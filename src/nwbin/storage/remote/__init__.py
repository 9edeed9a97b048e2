"""Files that lie on a server: their bytes, and what goes wrong on the way."""

from nwbin.storage.remote._dandi import asset_address, is_asset
from nwbin.storage.remote._folder import RemoteFolder
from nwbin.storage.remote._kept_part import (
    KeptPart,
    digest_of,
    file_record,
    is_of,
    recorded,
    write_record,
)
from nwbin.storage.remote._listing import Listed, content_of, listing, state_now
from nwbin.storage.remote._opening import open_remote, open_remote_folder
from nwbin.storage.remote._remote_file import RemoteFile
from nwbin.storage.remote._whole_file import WholeFile, fetch, look_up

__all__ = [
    "KeptPart",
    "Listed",
    "RemoteFile",
    "RemoteFolder",
    "WholeFile",
    "asset_address",
    "content_of",
    "digest_of",
    "fetch",
    "file_record",
    "is_asset",
    "is_of",
    "listing",
    "look_up",
    "open_remote",
    "open_remote_folder",
    "recorded",
    "state_now",
    "write_record",
]
