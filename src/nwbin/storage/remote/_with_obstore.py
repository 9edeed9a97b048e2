"""Files on web servers and in S3, through obstore."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import unquote_to_bytes

from nwbin.storage.addresses import without_secrets
from nwbin.storage.remote._faults import Fault, Kind, fault_of_status
from nwbin.storage.remote._transport import Answer, State

__all__ = ["ObstoreTransport", "http_transport", "s3_transport"]

CONNECT, STALLED = timedelta(seconds=10), timedelta(seconds=30)
_WHOLE = timedelta(minutes=10)  # for one answer, at most 16 MiB: 28 kB/s
LISTED = 1000  # objects: S3 lists no more in an answer
_PART = 1 << 20  # bytes that are handed on at a time, at the least

_NAME = re.compile(r"(?P<scheme>https?://)(?P<name>[^/?#]*)@", re.IGNORECASE)
_STATUS = re.compile(r"status code:? (\d{3})")


_process: int | None = None  # in which obstore was used first


def _refuse_forked() -> None:
    """Raise in a forked child of a process that used obstore: its threads are not there, and it would wait for ever."""
    global _process
    if _process is None:
        _process = os.getpid()
    if _process != os.getpid():
        raise Fault(Kind.FORKED)


def _client(*, plain: bool) -> Any:
    return {
        "allow_http": plain,
        "connect_timeout": CONNECT,
        "read_timeout": STALLED,
        "timeout": _WHOLE,
        "user_agent": "nwbin",
    }


# nwbin tries again by itself: so it can say how often, and go on where an answer broke off.
_NO_RETRIES: Any = {"max_retries": 0, "retry_timeout": timedelta(seconds=0)}


def http_transport(address: str) -> ObstoreTransport:
    """Return what reads a file at a http or https address."""
    from obstore.store import HTTPStore

    address, name = _without_name(address)
    client = _client(plain=address.lower().startswith("http://"))
    if name is not None:
        client["default_headers"] = {"authorization": f"Basic {b64encode(name).decode()}"}
    try:
        store = HTTPStore.from_url(address, client_options=client, retry_config=_NO_RETRIES)
    except Exception:
        raise Fault(Kind.OTHER, "it is no valid address") from None
    return ObstoreTransport(store, "", without_secrets(address))


def _without_name(address: str) -> tuple[str, bytes | None]:
    """Take the user's name and password out of an address: obstore would drop them."""
    match = _NAME.match(address)
    if match is None:
        return address, None
    return match["scheme"] + address[match.end() :], unquote_to_bytes(match["name"])


def s3_transport(
    bucket: str, key: str, options: dict[str, Any], *, plain: bool, place: str | None
) -> ObstoreTransport:
    """Return what reads an object in S3, which lies at a place, with the credentials of the environment."""
    return ObstoreTransport(s3_store(bucket, options, plain=plain), key, place)


def s3_store(bucket: str, options: dict[str, Any], *, plain: bool) -> Any:
    """Return obstore's view of a bucket."""
    from obstore.store import S3Store

    client = _client(plain=plain)
    try:
        return S3Store(bucket, client_options=client, retry_config=_NO_RETRIES, **options)
    except Exception:
        raise Fault(
            Kind.OTHER, "it is no valid address, or the environment's settings of S3 are wrong"
        ) from None


class ObstoreTransport:
    """One object of an obstore store."""

    checked_afterwards = False  # each answer says what it is of, before its bytes are taken

    def __init__(self, store: Any, path: str, place: str | None = None) -> None:
        self._store, self._path, self.place = store, path, place

    def get(self, start: int, stop: int, state: State | None) -> Answer:
        options: dict[str, Any] = {"range": (start, stop)}
        # A weak tag never matches (RFC 9110); what changed is then seen by the answer's own.
        if state is not None and state.tag is not None and not state.tag.startswith("W/"):
            options["if_match"] = state.tag
        answer = self._asked(options)
        meta = answer.meta
        time = meta.get("last_modified")
        # obstore says 1 January 1970 where the server says nothing: that would be the same of any content.
        known = time is not None and time.timestamp() > 0
        found = State(int(meta["size"]), meta.get("e_tag"), str(time) if known else None)
        return Answer(found, int(answer.range[0]), _parts(answer))

    def below(self, path: str) -> ObstoreTransport:
        """Return what reads the object at a path below this one."""
        return ObstoreTransport(self._store, f"{self._path}/{path}" if self._path else path)

    def whole(self) -> Iterator[Any]:
        """Ask for all there is."""
        return _parts(self._asked({}))

    def check(self, state: State) -> None:
        """Do nothing: each answer says itself of which state it is."""

    def _asked(self, options: Any) -> Any:
        import obstore

        _refuse_forked()
        try:
            return obstore.get(self._store, self._path, options=options)
        except Exception as error:
            raise fault_of(error) from None


def _parts(answer: Any) -> Iterator[Any]:
    try:
        yield from answer.stream(min_chunk_size=_PART)
    except Exception as error:
        raise fault_of(error) from None


def fault_of(error: Exception) -> Fault:
    """Say what an error of obstore's means. Its text may hold the address with its signature, so it goes no further."""
    kind, text = type(error).__name__, str(error)
    if match := _STATUS.search(text):
        return fault_of_status(int(match[1]))
    if kind in _BY_NAME:
        return Fault(_BY_NAME[kind])
    if "kind: Timeout" in text or "TimedOut" in text:
        return Fault(Kind.CONNECTION, "no answer in time")
    if "source: NotPartial" in text:  # of S3; of other web servers it is a NotSupportedError
        return Fault(Kind.NO_RANGES)
    if "UnexpectedRange" in text:
        return Fault(Kind.OTHER, "it sent other bytes than were asked for")
    if "kind: Builder" in text or "kind: Redirect" in text:
        return Fault(Kind.OTHER, "no address to go to")
    return Fault(Kind.CONNECTION)


_BY_NAME = {
    "NotFoundError": Kind.MISSING,
    "PermissionDeniedError": Kind.REFUSED,
    "UnauthenticatedError": Kind.REFUSED,
    "PreconditionError": Kind.CHANGED,
    "NotSupportedError": Kind.NO_RANGES,
}


def whole(address: str, most: int) -> bytes:
    """Return all that an address answers, if that is not more than so many bytes."""
    return _all_of(http_transport(address), most)


def content_in_s3(store: Any, key: str, most: int) -> bytes:
    """Return all bytes of an object in a bucket, if that is not more than so many."""
    return _all_of(ObstoreTransport(store, key), most)


def _all_of(transport: ObstoreTransport, most: int) -> bytes:
    found = bytearray()
    for part in transport.whole():
        found += part
        if len(found) > most:
            raise Fault(Kind.TOO_LONG, f"it is longer than {most:,} bytes")
    return bytes(found)


def listed_in_s3(store: Any, prefix: str, after: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield what S3 says of the objects below a prefix, those whose keys are behind another; a page at a time."""
    import obstore

    _refuse_forked()
    try:
        for some in obstore.list(store, prefix or None, offset=after, chunk_size=LISTED):
            yield from map(dict, some)
    except Exception as error:
        raise fault_of(error) from None


def directly_in_s3(store: Any, prefix: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what S3 says of the objects in a folder, and the names of the folders there."""
    import obstore

    _refuse_forked()
    try:
        found = obstore.list_with_delimiter(store, prefix or None)
    except Exception as error:
        raise fault_of(error) from None
    folders = [str(path).rstrip("/").rpartition("/")[2] for path in found["common_prefixes"]]
    return [dict(one) for one in found["objects"]], folders
