"""Which address is read in which way."""

from __future__ import annotations

import os
from urllib.parse import quote

from nwbin._optional import need
from nwbin.errors import FileAccessError
from nwbin.storage.addresses import chained, scheme_of, shown, without_secrets
from nwbin.storage.remote._dandi import content_of_asset, is_asset, resolved
from nwbin.storage.remote._faults import Fault, error_of
from nwbin.storage.remote._index import Index
from nwbin.storage.remote._remote_file import RemoteFile
from nwbin.storage.remote._transport import Transport

__all__ = ["open_remote"]

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


def _transport(address: str, name: str) -> Transport:
    scheme = scheme_of(address)
    if scheme not in _OURS or len(chained(address)) > 1:
        need("fsspec", "remote", f"{name}: a file at such an address")
        from nwbin.storage.remote._with_fsspec import FsspecTransport

        return FsspecTransport(address, name)
    need("obstore", "remote", f"{name}: a file on a server")
    from nwbin.storage.remote._with_obstore import http_transport

    if scheme == "s3":
        return _s3(address, name)
    if scheme == "dandi":
        address = resolved(address, name)
    elif is_asset(address):
        address = content_of_asset(address, name)
    return http_transport(address)


def _s3(address: str, name: str) -> Transport:
    from nwbin.storage.remote._with_obstore import http_transport, s3_transport

    bucket, _, key = address.partition("://")[2].partition("/")
    if not bucket or not key:
        raise FileAccessError(f"{name}: names no file; it should be s3://bucket/path/of/file.nwb")
    environment = os.environ
    server = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    anonymous = environment.get("AWS_SKIP_SIGNATURE", "").lower() in ("true", "1", "yes")
    # Without a signature S3 is a web server, which finds a bucket's region by itself under this name.
    place = f"{server.rstrip('/')}/{bucket}" if server else f"https://{bucket}.s3.amazonaws.com"
    if not server and "." in bucket:  # for which the certificate does not hold
        place = f"https://s3.amazonaws.com/{bucket}"
    place = f"{place}/{quote(key)}"
    if environment.get("AWS_ACCESS_KEY_ID") and not anonymous:
        options = {"endpoint": server} if server else {}
        plain = bool(server) and str(server).startswith("http://")
        return s3_transport(bucket, key, options, plain=plain, place=without_secrets(place))
    return http_transport(place)
