"""Which address is read in which way."""

from __future__ import annotations

from urllib.parse import quote

from nwbin._optional import need
from nwbin.errors import FileAccessError
from nwbin.storage.addresses import chained, scheme_of, shown, without_secrets
from nwbin.storage.remote._dandi import is_asset, resolved
from nwbin.storage.remote._faults import Fault, error_of
from nwbin.storage.remote._folder import RemoteFolder
from nwbin.storage.remote._index import Index
from nwbin.storage.remote._remote_file import RemoteFile
from nwbin.storage.remote._s3 import bucket_and_key, s3_settings
from nwbin.storage.remote._transport import Transport

__all__ = ["open_remote", "open_remote_folder"]

_OURS = ("http", "https", "s3", "dandi")


def open_remote(address: str, index: Index | None = None) -> RemoteFile:
    """Open a file on a server.

    Parameters
    ----------
    address
        ``http://``, ``https://``; ``s3://bucket/key``, without credentials unless the environment has some
        (``AWS_ACCESS_KEY_ID``), at the server that ``AWS_ENDPOINT_URL`` names, if it does;
        ``dandi://000021/path`` (see :mod:`nwbin.storage.remote._dandi`); or any other that fsspec knows.

    index
        What was fetched of it, and of others, at another time: see :mod:`nwbin.storage.remote._index`.

    Raises
    ------
    MissingDependencyError
        A package is needed that is not installed; the message has the line that installs it.
    MissingFileError, FileAccessError
        As for :class:`RemoteFile`.
    """
    name = shown(address)
    try:
        return RemoteFile(_transport(address, name), address, name, index)
    except Fault as fault:
        raise error_of(fault, name) from None


def open_remote_folder(address: str) -> RemoteFolder:
    """Find a folder on a server, of which files are read whole; `address` and errors as for :func:`open_remote`.

    It must have no arguments: a signature, say, is for one file. In the DANDI archive it is an asset that is a Zarr
    store.
    """
    name = shown(address)
    if "?" in address or "#" in address:
        raise FileAccessError(
            f"{name}: the address of a folder cannot have arguments (a signature, say, is for one file, and "
            "holds for none of those in it); give it without where it is public, give s3:// with credentials in the "
            "environment, or download the folder and give its path"
        )
    try:
        return RemoteFolder(_transport(address.rstrip("/"), name, folder=True), name)
    except Fault as fault:
        raise error_of(fault, name) from None


def _transport(address: str, name: str, *, folder: bool = False) -> Transport:
    """Return what asks the server of an address; `name` is for messages. Raises as :func:`open_remote`, or Fault."""
    scheme = scheme_of(address)
    if scheme not in _OURS or len(chained(address)) > 1:
        need("fsspec", "remote", f"{name}: a file at such an address")
        from nwbin.storage.remote._with_fsspec import FsspecTransport

        return FsspecTransport(address, name)
    need("obstore", "remote", f"{name}: a file on a server")
    from nwbin.storage.remote._with_obstore import http_transport

    if scheme == "s3":
        return _s3(address, name)
    if scheme == "dandi" or is_asset(address):
        address = resolved(address, name, folder=folder)
    return http_transport(address)


def _s3(address: str, name: str) -> Transport:
    from nwbin.storage.remote._with_obstore import http_transport, s3_transport

    bucket, key = bucket_and_key(address, name)
    settings = s3_settings()
    place = f"{settings.place(bucket)}/{quote(key)}"
    if settings.signed:
        options = settings.options(bucket)
        return s3_transport(bucket, key, options, plain=settings.plain, place=without_secrets(place))
    return http_transport(place)
