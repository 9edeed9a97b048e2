"""A web server on the loopback interface: gives parts of files, slowly if it should, and fails as it is told."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

__all__ = ["Asked", "Server", "serving"]

_SLICE = 1 << 16


class Asked(NamedTuple):
    """One request that came."""

    method: str
    path: str
    query: str
    span: tuple[int, int] | None  # first byte, and the one behind the last
    headers: dict[str, str]


@dataclass
class Server:
    """What is served, and what goes wrong.

    Attributes
    ----------
    files
        Path below the server's name -> content.
    tags
        Path -> ETag; by default one that stays the same. "" for none.
    time
        Last-Modified. "" for none.
    delay, rate
        Seconds before each answer; bytes a second of each connection.
    fault
        Asked for each request, with its number from 0: a fault's name and what belongs to it, or None.
    answer
        Asked for each request: what is answered in place of a file, or None.
    asked
        The requests that came.
    """

    files: dict[str, bytes | Path] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    rate: float | None = None
    fault: Callable[[int, Asked], Any] | None = None
    answer: Callable[[Asked], bytes | None] | None = None
    asked: list[Asked] = field(default_factory=list)
    sent: int = 0
    ranges: bool = True
    time: str = "Thu, 01 Jan 2026 00:00:00 GMT"
    address: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        return f"{self.address}/{path}"


def _content(held: bytes | Path, start: int, stop: int) -> Iterator[bytes]:
    if isinstance(held, bytes):
        for at in range(start, stop, _SLICE):
            yield held[at : min(stop, at + _SLICE)]
        return
    with held.open("rb") as stream:
        stream.seek(start)
        for at in range(start, stop, _SLICE):
            yield stream.read(min(stop - at, _SLICE))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else headers and body go out 40 ms apart
    what: Server

    def log_message(self, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        what, parts = self.what, urlsplit(self.path)
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        span = (int(match[1]), int(match[2]) + 1) if match else None
        one = Asked(
            self.command, unquote(parts.path).lstrip("/"), parts.query, span, dict(self.headers.items())
        )
        with what.lock:
            number = len(what.asked)
            what.asked.append(one)
        if what.delay:
            what.over.wait(what.delay)
        fault = what.fault(number, one) if what.fault else None
        name, extra = fault if isinstance(fault, tuple) else (fault, None)
        said = what.answer(one) if what.answer and name is None else None
        if said is not None:
            self._say(200, said)
        elif name == "status":
            self._say(int(extra), b"<Error><Message>secret-of-the-server</Message></Error>")
        elif name == "redirect":
            self._say(302, b"", {"Location": extra})
        elif name == "html":
            self._say(200, b"<!DOCTYPE html><title>Log in</title>", {"Content-Type": "text/html"})
        elif name == "close":
            self.close_connection = True
        else:
            self._file(one, name, extra)

    def _say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _file(self, one: Asked, fault: str | None, extra: Any) -> None:
        what = self.what
        held = what.files.get(one.path)
        if held is None:
            self._say(404, b"")
            return
        size = len(held) if isinstance(held, bytes) else held.stat().st_size
        tag = what.tags.get(one.path, '"one"')
        wanted = self.headers.get("If-Match")
        if wanted is not None and wanted != tag:
            self._say(412, b"")
            return
        ranges = what.ranges and fault != "whole"
        start, stop = (0, size) if one.span is None or not ranges else one.span
        stop = min(stop, size)
        if one.span is not None and ranges and start >= size:
            self._say(416, b"", {"Content-Range": f"bytes */{size}"})
            return
        ranged = one.span is not None and ranges
        self.send_response(206 if ranged else 200)
        if ranged:
            shift = int(extra) if fault == "shifted" else 0
            self.send_header("Content-Range", f"bytes {start + shift}-{stop - 1 + shift}/{size}")
        if tag:
            self.send_header("ETag", tag)
        if what.time:
            self.send_header("Last-Modified", what.time)
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        self._body(_content(held, start, stop), fault, extra)

    def _body(self, slices: Iterator[bytes], fault: str | None, extra: Any) -> None:
        began, sent = time.monotonic(), 0
        for data in slices:
            if fault == "cut" and sent + len(data) > extra:  # ends early, and closes
                self.wfile.write(data[: max(0, extra - sent)])
                self.close_connection = True
                return
            if fault == "stall" and sent + len(data) > extra:
                self.what.over.wait(60)
                self.close_connection = True
                return
            with self.what.lock:  # before it goes: whoever has it finds it counted
                self.what.sent += len(data)
            self.wfile.write(data)
            sent += len(data)
            if self.what.rate:
                ahead = sent / self.what.rate - (time.monotonic() - began)
                if ahead > 0:
                    time.sleep(ahead)


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that goes away in the middle is none of the test's concern


@contextmanager
def serving(**how: Any) -> Iterator[Server]:
    """Run a server, and end it."""
    what = Server(**how)
    handler = type("Handler", (_Handler,), {"what": what})
    server = _Quiet(("127.0.0.1", 0), handler)
    what.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield what
    finally:
        what.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
