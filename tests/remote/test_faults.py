"""What goes wrong on the way: tried again where that helps, else one clear error; never a wrong number."""

from __future__ import annotations

import io
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nwbin
from nwbin.errors import FileAccessError, MissingFileError, NwbinError
from nwbin.storage.remote import _remote_file, _with_obstore, state_now
from tests.remote.server import Asked, Server, serving

pytest.importorskip("obstore")
TRIES = 5
Fault = Callable[[int, Asked], Any]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_with_obstore, "STALLED", timedelta(seconds=0.3))


@pytest.fixture
def served(long: Path, small: Path) -> Any:
    with serving(files={"long.nwb": long, "small.nwb": small, "empty.nwb": b""}) as server:
        yield server


def address(server: Server, name: str = "long.nwb") -> str:
    return server.address.replace("//", "//user:hush-1@") + f"/{name}?X-Amz-Signature=hush-2#hush-3"


def told(error: BaseException) -> str:
    """All that is shown of an error, with its traceback."""
    text = io.StringIO()
    traceback.print_exception(error, file=text)
    return text.getvalue()


# What happens -> what is said of it, and how often a request is made.
FOR_EVER: dict[str, tuple[Any, str, type[Exception], int]] = {
    "401": (("status", 401), r"does not let it be read \(HTTP 401\)", FileAccessError, 1),
    "403": (("status", 403), r"does not let it be read \(HTTP 403\): .* has expired", FileAccessError, 1),
    "404": (("status", 404), r"no such file on the server \(HTTP 404\)", MissingFileError, 1),
    "412": (
        ("status", 412),
        r"has changed on the server since it was opened \(HTTP 412\)",
        FileAccessError,
        1,
    ),
    "416": (("status", 416), r"no such bytes of it \(HTTP 416\)", FileAccessError, 1),
    "418": (("status", 418), r"makes no sense here \(HTTP 418\)", FileAccessError, 1),
    "429": (
        ("status", 429),
        r"overloaded or broken \(HTTP 429, 5 tries\); try later",
        FileAccessError,
        TRIES,
    ),
    "500": (("status", 500), r"overloaded or broken \(HTTP 500, 5 tries\)", FileAccessError, TRIES),
    "503": (("status", 503), r"overloaded or broken \(HTTP 503, 5 tries\)", FileAccessError, TRIES),
    "a page": ("html", "cannot give parts, or a proxy or a login page answers", FileAccessError, 1),
    "dropped": ("close", r"connection to the server fails \(5 tries\)", FileAccessError, TRIES),
    "cut": (("cut", 0), r"connection to the server fails \(5 tries\)", FileAccessError, TRIES),
    "stalled": (("stall", 0), r"fails \(no answer in time, 5 tries\)", FileAccessError, TRIES),
    "other bytes": (("shifted", 1), r"sent other bytes than were asked for", FileAccessError, 1),
    "sent on to nowhere": (
        ("redirect", "http://127.0.0.1:9/"),
        "connection to the server fails",
        FileAccessError,
        TRIES,
    ),
    "sent on in a circle": (("redirect", "/long.nwb"), "no address to go to", FileAccessError, 11),
}


@pytest.mark.parametrize("what", list(FOR_EVER))
@pytest.mark.parametrize("when", ["opening", "reading"])
def test_what_lasts_is_an_error(served: Server, what: str, when: str) -> None:
    fault, message, kind, tries = FOR_EVER[what]
    file, before = None, 0
    if when == "reading":
        file = nwbin.File(address(served))
        before = len(served.asked)
    served.fault = lambda number, one: fault
    read = file.spike_trains if file is not None else lambda units: nwbin.File(address(served))
    with pytest.raises(kind, match=rf"^http://127\.0\.0\.1:\d+/long\.nwb: .*{message}") as caught:
        read([3])  # 8 MiB, of which nothing was fetched
    assert isinstance(caught.value, NwbinError)
    assert len(served.asked) - before == tries
    assert "hush" not in told(caught.value)
    assert "secret-of-the-server" not in told(caught.value)


PASSES: dict[str, Any] = {
    "429": ("status", 429),
    "500": ("status", 500),
    "503": ("status", 503),
    "dropped": "close",
    "cut": ("cut", 0),
    "cut in the middle": ("cut", 3 << 20),
    "stalled": ("stall", 0),
    "stalled in the middle": ("stall", 3 << 20),
}


@pytest.mark.parametrize("what", list(PASSES))
def test_what_passes_is_tried_again(served: Server, what: str) -> None:
    """Every second request fails; where some bytes came, it goes on behind them."""
    served.fault = lambda number, one: None if number % 2 else PASSES[what]
    with nwbin.File(address(served)) as file:
        served.asked.clear()
        trains = file.spike_trains([3])
        np.testing.assert_array_equal(trains[3], np.arange(1 << 20, 2 << 20))
    starts = [one.span[0] for one in served.asked if one.span]
    assert len(starts) == 2
    if what.endswith("in the middle"):
        assert (1 << 20) < starts[1] - starts[0] <= 3 << 20


def test_many_ranges_of_which_some_fail(long: Path, served: Server) -> None:
    """As many threads read: what failed is read again, and what came is not."""
    failed: set[Any] = set()

    def fault(number: int, one: Asked) -> Any:
        if one.span in failed:
            return None
        failed.add(one.span)
        return ("status", 503)

    with nwbin.File(address(served)) as file, nwbin.File(long) as here:
        served.fault = fault
        assert file.spike_trains() == here.spike_trains()
        served.fault = None
        assert len(failed) >= 2


@pytest.mark.parametrize("tags", ["strong", "weak", "none but a time", "nothing but its size"])
def test_a_file_that_changes(long: Path, tags: str) -> None:
    content = long.read_bytes()
    tag = {"strong": '"1"', "weak": 'W/"1"'}.get(tags, "")
    with serving(files={"x.nwb": content}, tags={"x.nwb": tag}) as server:
        if tags == "nothing but its size":
            server.time = ""
        with nwbin.File(server.url("x.nwb")) as file:
            server.files["x.nwb"] = content[:100] + bytes(len(content) - 100)
            if tags == "none but a time":
                server.time = "Fri, 02 Jan 2026 00:00:00 GMT"
            elif tags == "nothing but its size":
                server.files["x.nwb"] = content + b"1"
            else:
                server.tags["x.nwb"] = tag.replace("1", "2")
            for _ in range(2):
                with pytest.raises(
                    FileAccessError, match=r"x\.nwb: has changed on the server since it was opened"
                ):
                    file.spike_trains()
            assert all(
                one.headers.get("if-match") == ('"1"' if tags == "strong" else None)
                for one in server.asked[1:]
            )


def test_sent_on_to_another_server(long: Path, served: Server) -> None:
    """As archives do. A name and a password stay with the server that they are for."""
    with serving(files={"elsewhere.nwb": long}) as other:
        served.fault = lambda number, one: ("redirect", other.url("elsewhere.nwb?signed=yes"))
        with nwbin.File(address(served)) as file, nwbin.File(long) as here:
            assert file.spike_trains() == here.spike_trains()
        assert {key.lower(): value for key, value in served.asked[0].headers.items()}[
            "authorization"
        ].startswith("Basic ")
        assert other.asked
        assert not any(key.lower() == "authorization" for one in other.asked for key in one.headers)


def test_what_is_no_nwb_file(served: Server, long: Path) -> None:
    served.files |= {
        "page.nwb": b"<!DOCTYPE html><html>Sign in</html>",
        "text.nwb": b"trial,start",
        "half.nwb": long.read_bytes()[:9999],
    }
    for name, message in {
        "page.nwb": "is a web page, or XML, and no NWB file",
        "text.nwb": "is not an HDF5 file",
        "half.nwb": "is truncated: it has 9,999 bytes",
        "empty.nwb": "no such bytes of it|is empty",
    }.items():
        with pytest.raises(FileAccessError, match=rf"/{name}: .*({message})"):
            nwbin.File(address(served, name))


def test_no_server(served: Server) -> None:
    with pytest.raises(
        FileAccessError, match=r"^http://127\.0\.0\.1:9/x\.nwb: the connection to the server fails"
    ):
        nwbin.File("http://me:hush@127.0.0.1:9/x.nwb?hush")
    for odd in ("http://", "https:///x.nwb", "http://[::1/x.nwb", "http://127.0.0.1:99999/x.nwb"):
        with pytest.raises(NwbinError):
            nwbin.File(odd)


def test_plain_http_is_not_slipped_in(served: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """From an encrypted address nobody is sent on to one that is not."""
    seen: list[Any] = []
    real = _with_obstore._client
    monkeypatch.setattr(_with_obstore, "_client", lambda *, plain: seen.append(plain) or real(plain=plain))
    _with_obstore.http_transport("https://example.org/x.nwb")
    _with_obstore.http_transport("http://example.org/x.nwb")
    assert seen == [False, True]


def test_links_to_other_places_are_not_followed(tmp_path: Path) -> None:
    """No request goes to an address, and no file is read, that a file names."""
    import h5py  # noqa: TID251 - nwbin writes no such files

    from tests.small_files import write_small

    path = write_small(tmp_path / "x.nwb")
    with serving() as server:
        with h5py.File(path, "a") as f:
            f["general/elsewhere"] = h5py.ExternalLink(server.url("other.nwb"), "/units")
            del f["units/spike_times"]
            f["units"].create_dataset("spike_times", (7,), float, external=[(str(tmp_path / "raw"), 0, 56)])
        server.files["x.nwb"] = path
        with nwbin.File(server.url("x.nwb")) as file:
            with pytest.raises(nwbin.NwbinError, match=r"is a link to another file, .* is not followed"):
                file.has("general/elsewhere")
            with pytest.raises(nwbin.NwbinError, match="keeps its data in another file"):
                file.spike_trains()
        assert {one.path for one in server.asked} == {"x.nwb"}


def test_a_forked_child(served: Server) -> None:
    """obstore's threads are not there in a forked child: it says so, and does not hang."""
    import os

    if not hasattr(os, "fork"):
        pytest.skip("no fork")
    with nwbin.File(address(served)) as file:
        child = os.fork()
        if child == 0:
            try:
                file.spike_trains()
                os._exit(1)
            except NwbinError:
                os._exit(0)
            except BaseException:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """Have it come; where the tests run in the background, it is ignored otherwise."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def seen_at_once(server: Server, ctrl_c: Callable[[], None], ask: Callable[[], object]) -> None:
    answered, asked = threading.Event(), iter([True])

    def silent(number: int, one: Asked) -> None:
        if one.path == "sessions.csv":
            return
        if next(asked, False):  # the first of those that are under way
            ctrl_c()
        server.over.wait(5)
        answered.set()

    server.fault = silent
    with pytest.raises(KeyboardInterrupt):
        ask()
    assert not answered.is_set()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_with_obstore, "STALLED", timedelta(seconds=30))


@pytest.mark.usefixtures("patient")
def test_ctrl_c_is_seen_while_a_server_keeps_silent(served: Server, ctrl_c: Callable[[], None]) -> None:
    with nwbin.File(address(served)) as file:
        seen_at_once(served, ctrl_c, file.spike_trains)


SILENT: dict[str, Callable[[Server], object]] = {
    "a file of the archive": lambda server: nwbin.File("dandi://000021/small.nwb"),
    "a store": lambda server: nwbin.File(server.url("small.nwb.zarr")),
    "what a file is like": lambda server: state_now(server.url("small.nwb")),
    "what a store is like": lambda server: state_now("s3://bucket/small.nwb.zarr"),
    "a data set in S3": lambda server: nwbin.Dataset("s3://bucket/", cache=False),
    "a data set on a web server": lambda server: nwbin.Dataset(server.address, cache=False),
}


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("ask", SILENT.values(), ids=list(SILENT))
def test_ctrl_c_is_seen_before_the_first_answer(
    served: Server,
    ctrl_c: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[Server], object],
) -> None:
    served.files["sessions.csv"] = b"id\n1\n2\n"
    monkeypatch.setenv("NWBIN_DANDI_API", served.url("api"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", served.address)
    seen_at_once(served, ctrl_c, lambda: ask(served))


def test_counted(served: Server) -> None:
    with nwbin.File(address(served)) as file:
        remote = file._source._file.remote
        assert isinstance(remote, _remote_file.RemoteFile)
        assert remote.requests == len(served.asked)
        assert remote.fetched == served.sent
