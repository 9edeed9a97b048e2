"""Sessions on nginx, as an institute's web server has them: the answers of the file here, or one clear error."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import nwbin
from nwbin.errors import FileAccessError, MissingFileError
from tests.cli.asking import bad, good
from tests.real_servers.answers import SECRET, refused, same_answers
from tests.real_servers.conftest import free_ports, listens, needed, running

pytest.importorskip("obstore")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::nwbin.errors.OverlapWarning"),
    pytest.mark.filterwarnings("ignore:.*times during which spikes.*:nwbin.NwbinWarning"),
]

CONFIG = """
daemon off; {user} worker_processes 1; pid nginx.pid; error_log error.log;
events {{ worker_connections 64; }}
http {{
  log_format asked '$status $body_bytes_sent $request_method $uri $http_range';
  access_log access.log asked;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  types {{}} default_type application/octet-stream;
  root files;
  server {{
    listen 127.0.0.1:{port};
    location /slow/ {{ alias files/; limit_rate 4m; }}
    location /moved/ {{ rewrite ^/moved/(.*)$ http://127.0.0.1:{other}/$1 redirect; }}
    location /locked/ {{ alias files/; auth_basic "files"; auth_basic_user_file passwords; }}
    location /closed/ {{ deny all; }}
    location /whole/ {{ alias files/; max_ranges 0; }}
    location /packed/ {{ alias files/; gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any; }}
    location /untagged/ {{ alias files/; etag off; }}
    location /busy/ {{ return 503; }}
    location /page/ {{ return 200 "<!DOCTYPE html><title>Sign in</title>"; }}
  }}
  server {{ listen 127.0.0.1:{other}; }}
  {encrypted}
}}
"""
LAST = "/looked-at"


class Nginx(NamedTuple):
    folder: Path
    address: str
    config: tuple[str | Path, ...]
    port: int
    stack: ExitStack

    def url(self, path: str, *, name: str = "") -> str:
        return f"http://{name}127.0.0.1:{self.port}/{path}"

    def start(self) -> None:
        self.stack.enter_context(running(self.config, self.folder, lambda: listens(self.port)))

    def asked(self) -> list[tuple[int, int, str, str]]:
        """Status, bytes, path and range of each request since this was called last."""
        # A line is written behind the answer, and by the one worker before it takes another request.
        last = HTTPConnection("127.0.0.1", self.port, timeout=60)
        last.request("GET", LAST)
        last.getresponse().read()
        last.close()
        log = self.folder / "access.log"
        text = log.read_text()
        with log.open("r+") as stream:
            stream.truncate(0)  # nginx appends
        found = re.findall(r"^(\d+) (\d+) GET (\S+) (.+)$", text, flags=re.MULTILINE)
        return [(int(status), int(sent), path, span) for status, sent, path, span in found if path != LAST]


def certificate(folder: Path) -> bool:
    """Make a certificate that nobody vouches for."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return False
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return True


@pytest.fixture
def nginx(tmp_path: Path, session_file: Path) -> Iterator[Nginx]:
    program = needed("nginx", "Debian: apt-get install nginx-light")
    folder = tmp_path / "nginx"
    (folder / "files").mkdir(parents=True)
    shutil.copy(session_file, folder / "files" / "session.nwb")
    (folder / "files" / "empty.nwb").touch()
    (folder / "passwords").write_text(f"me:{{PLAIN}}{SECRET}\n")
    port, other, third = free_ports(3)
    encrypted = ""
    if certificate(folder):
        encrypted = f"server {{ listen 127.0.0.1:{third} ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem; }}"
    user = "user root;" if os.geteuid() == 0 else ""  # else its worker could not enter the folder
    config = CONFIG.format(user=user, port=port, other=other, encrypted=encrypted)
    for word in ("alias ", "root ", "auth_basic_user_file "):
        config = config.replace(f"{word}files", f"{word}{folder}/files")
    config = config.replace("user_file passwords", f"user_file {folder}/passwords")
    for word in ("cert.pem", "key.pem"):
        config = config.replace(f" {word};", f" {folder}/{word};")
    (folder / "nginx.conf").write_text(config)
    with ExitStack() as stack:
        line = (program, "-p", f"{folder}/", "-c", folder / "nginx.conf", "-e", folder / "error.log")
        found = Nginx(folder, f"https://127.0.0.1:{third}" if encrypted else "", line, port, stack)
        found.start()
        yield found


@pytest.mark.parametrize("way", ["", "slow/", "moved/", "packed/", "untagged/"])
def test_equal(nginx: Nginx, session_file: Path, way: str) -> None:
    same_answers(nginx.url(f"{way}session.nwb"), session_file)
    asked = [one for one in nginx.asked() if one[0] != 302]
    assert asked
    assert all(status == 206 and span.startswith("bytes=") for status, _, _, span in asked)


def test_only_what_is_asked_for(nginx: Nginx, session_file: Path) -> None:
    with nwbin.open(nginx.url("session.nwb")) as there, nwbin.open(session_file) as here:
        unit = here.units.index[0]
        assert there.file.spike_trains([unit]) == here.file.spike_trains([unit])
    sent = sum(one[1] for one in nginx.asked())
    assert 0 < sent < session_file.stat().st_size / 2


def test_a_recorded_session(nginx: Nginx, recorded: Path) -> None:
    shutil.copy(recorded, nginx.folder / "files" / "recorded.nwb")
    same_answers(nginx.url("recorded.nwb"), recorded)


def test_who_may_read(nginx: Nginx, session_file: Path) -> None:
    same_answers(nginx.url("locked/session.nwb", name=f"me:{SECRET}@"), session_file)
    unread = (
        r"^http://127\.0\.0\.1:\d+/(locked|closed)/session\.nwb: the server does not let it be read \(HTTP "
    )
    refused(nginx.url("locked/session.nwb"), rf"{unread}401\)")
    refused(nginx.url("locked/session.nwb", name=f"me:{SECRET}-not@"), rf"{unread}401\)")
    refused(nginx.url(f"closed/session.nwb?X-Amz-Signature={SECRET}"), rf"{unread}403\)")
    assert len(nginx.asked()) > 3  # each refusal is one request
    assert SECRET not in bad("units", nginx.url("locked/session.nwb", name=f"you:{SECRET}@"))


def test_what_is_not_there(nginx: Nginx) -> None:
    refused(nginx.url("other.nwb"), r"no such file on the server \(HTTP 404\)", MissingFileError)
    refused(
        nginx.url("empty.nwb"), "gave something whole where a part of the file was asked for"
    )  # all of nothing
    refused(nginx.url("page/session.nwb"), "a proxy or a login page answers in its place")
    refused(nginx.url("whole/session.nwb"), "it cannot give parts")


def test_what_is_overloaded(nginx: Nginx) -> None:
    refused(nginx.url("busy/session.nwb"), r"overloaded or broken \(HTTP 503, 5 tries\); try later")
    assert [one[0] for one in nginx.asked()] == [503] * 5


@pytest.mark.parametrize("way", ["", "untagged/", "moved/"])
@pytest.mark.parametrize("how", ["another", "cut"])
def test_replaced_while_open(nginx: Nginx, long_trains: Path, way: str, how: str) -> None:
    content = long_trains.read_bytes()
    shutil.copy(long_trains, nginx.folder / "files" / "long.nwb")
    new = content[:100] + bytes(len(content) - 100) if how == "another" else content[:5000]
    with nwbin.File(nginx.url(f"{way}long.nwb")) as opened:
        file = nginx.folder / "files" / "long.nwb"
        (file.parent / "new").write_bytes(new)
        os.utime(file.parent / "new", (1e9, 1e9))
        (file.parent / "new").replace(file)
        for _ in range(2):
            with pytest.raises(FileAccessError, match=r"has changed on the server|no such bytes"):
                opened.spike_trains()
    if how == "another":
        assert any(status in (206, 412) for status, *_ in nginx.asked())


def test_the_server_goes_and_comes_back(nginx: Nginx, long_trains: Path) -> None:
    shutil.copy(long_trains, nginx.folder / "files" / "long.nwb")
    with nwbin.File(nginx.url("long.nwb")) as there, nwbin.File(long_trains) as here:
        nginx.stack.close()
        with pytest.raises(FileAccessError, match=r"connection to the server fails \(5 tries\)"):
            there.spike_trains()
        nginx.start()
        assert there.spike_trains() == here.spike_trains()


def test_a_certificate_that_nobody_vouches_for(nginx: Nginx) -> None:
    if not nginx.address:
        pytest.skip("needs openssl, to make a certificate")
    refused(f"{nginx.address}/session.nwb", r"^https://.*: the connection to the server fails")


def test_a_store(nginx: Nginx, session_file: Path, store: Path) -> None:
    shutil.copytree(store, nginx.folder / "files" / "session.nwb.zarr")
    for way in ("", "whole/", "moved/", "packed/"):
        same_answers(nginx.url(f"{way}session.nwb.zarr"), session_file)
    refused(nginx.url("other.zarr"), "is no Zarr store", MissingFileError)
    refused(nginx.url("page/session.nwb.zarr"), "a proxy or a login page answers in its place")
    with nwbin.open(nginx.url("session.nwb.zarr")) as session:
        chunks = nginx.folder / "files" / "session.nwb.zarr" / "units" / "spike_times" / "c"
        (chunks / "0").unlink()
        with pytest.raises(FileAccessError, match=r"its chunk c/0, of .* values, is not there"):
            session.file.spike_trains()


def arrays(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as found:
        return {name: found[name] for name in found.files if name != "provenance"}


def test_commands(nginx: Nginx, session_file: Path, tmp_path: Path) -> None:
    address = nginx.url("session.nwb")
    words = ("--stimulus", "flashes", "--window", "0,0.25")
    for place, out in ((address, tmp_path / "there.npz"), (session_file, tmp_path / "here.npz")):
        good("count", place, *words, "-o", out)
    there, here = arrays(tmp_path / "there.npz"), arrays(tmp_path / "here.npz")
    assert there.keys() == here.keys()
    np.testing.assert_array_equal(there["counts"], here["counts"])
    good("download", nginx.url("locked/session.nwb", name=f"me:{SECRET}@"), "--to", tmp_path)
    assert (tmp_path / "session.nwb").read_bytes() == session_file.read_bytes()
    said = [path.read_bytes() for path in tmp_path.glob(".*") if path.is_file()]
    assert not any(SECRET.encode() in text for text in said)
    good("index", address, "-o", tmp_path / "sessions.index")
    nginx.asked()
    with (
        nwbin.open(address, index=tmp_path / "sessions.index") as indexed,
        nwbin.open(session_file) as here_too,
    ):
        assert indexed.units.equals(here_too.units)
    assert len(nginx.asked()) == 1
