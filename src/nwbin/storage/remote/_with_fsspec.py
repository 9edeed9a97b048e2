"""Files at any other address that fsspec knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nwbin.errors import MissingDependencyError
from nwbin.storage.remote._faults import Fault, Kind, fault_of_status
from nwbin.storage.remote._transport import Answer, State

__all__ = ["FsspecTransport"]

_TAGS = ("ETag", "etag", "e_tag", "md5Hash", "md5", "checksum")
_TIMES = ("LastModified", "Last-Modified", "last_modified", "mtime", "updated", "created")


class FsspecTransport:
    """One file of one of fsspec's file systems."""

    checked_afterwards = True
    place: str | None = None  # what fsspec tells of a file is no mark that speaks for every byte of it

    def __init__(self, address: str, name: str) -> None:
        import fsspec

        try:
            self._files, self._path = fsspec.core.url_to_fs(address)
        except ImportError as error:
            raise MissingDependencyError(f"{name}: {error}") from None
        except ValueError:
            raise Fault(Kind.OTHER, "fsspec knows no such kind of address") from None
        except Exception as error:
            raise _fault_of(error) from None

    def get(self, start: int, stop: int, state: State | None) -> Answer:
        try:
            now = self._looked_up() if state is None else state
            data = self._files.cat_file(self._path, start=start, end=min(stop, now.size))
        except Exception as error:
            raise _fault_of(error) from None
        # All of it or nothing: what has another length may begin with other bytes than were asked for.
        asked = min(stop, now.size) - start
        if len(data) > asked or (len(data) < asked and _is_page(data)):
            raise Fault(Kind.NO_RANGES)
        if len(data) < asked:
            self.check(now)
            raise Fault(Kind.SHORT)
        return Answer(now, start, iter([data]))

    def _looked_up(self) -> State:
        self._files.invalidate_cache()
        info = self._files.info(self._path)
        if info.get("type") == "directory":
            raise IsADirectoryError(self._path)
        size = info.get("size")
        if size is None:
            raise Fault(Kind.OTHER, "it does not tell the file's size")

        def first(names: tuple[str, ...]) -> Any:
            return next((str(info[name]) for name in names if info.get(name) is not None), None)

        return State(int(size), first(_TAGS), first(_TIMES))

    def check(self, state: State) -> None:
        """Raise Fault if the file has changed; fsspec's requests do not say so themselves."""
        try:
            now = self._looked_up()
        except Exception as error:
            raise _fault_of(error) from None
        if state.differs(now):
            raise Fault(Kind.CHANGED)

    def below(self, path: str) -> FsspecTransport:
        """Return what reads the file at a path below this one."""
        found = object.__new__(type(self))
        found._files, found._path = self._files, f"{self._path}/{path}"
        return found

    def whole(self) -> Iterator[Any]:
        """Ask for all there is."""
        try:
            yield self._files.cat_file(self._path)
        except Exception as error:
            raise _fault_of(error) from None


def _is_page(data: bytes) -> bool:
    return data[:64].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml"))


def _fault_of(error: BaseException) -> Fault:
    """Say what an error of fsspec's means. Its text may hold what is secret, so it goes no further."""
    if isinstance(error, Fault):
        return error
    if (of_http := _fault_of_http(error)) is not None:
        return of_http
    if isinstance(error, FileNotFoundError):
        # Of web servers fsspec says so whatever it was, when it asks what a file is like.
        cause = error.__cause__
        return (_fault_of_http(cause) if cause is not None else None) or Fault(Kind.MISSING)
    if isinstance(error, PermissionError):
        return Fault(Kind.REFUSED)
    if isinstance(error, IsADirectoryError):
        return Fault(Kind.OTHER, "it is a folder")
    if isinstance(error, OSError | TimeoutError | EOFError):
        return Fault(Kind.CONNECTION, type(error).__name__)
    return Fault(Kind.OTHER, type(error).__name__)


def _fault_of_http(error: BaseException) -> Fault | None:
    """Say what an error of aiohttp's means, by which fsspec asks web servers and clouds; None of another."""
    classes = {one.__name__ for one in type(error).__mro__ if one.__module__.startswith("aiohttp")}
    if "TooManyRedirects" in classes:
        return Fault(Kind.OTHER, "no address to go to")
    if "ClientResponseError" in classes:
        return fault_of_status(error.status)  # type: ignore[attr-defined] # aiohttp's
    if classes & {"ClientConnectionError", "ClientPayloadError"} or isinstance(error, TimeoutError):
        return Fault(Kind.CONNECTION, type(error).__name__)
    return None
