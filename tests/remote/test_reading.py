"""A file on a server gives what the file on the disk gives, in few requests."""

from __future__ import annotations

import hashlib
import hmac
import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin.check import check
from nwbin.errors import FileAccessError, MissingDependencyError, MissingFileError
from tests.remote.server import Asked, Server, serving
from tests.small_files import write_small

pytest.importorskip("obstore")


def same_files(there: nwbin.File, here: nwbin.File) -> None:
    pd.testing.assert_frame_equal(there.units, here.units)
    pd.testing.assert_frame_equal(there.electrodes, here.electrodes)
    pd.testing.assert_frame_equal(there.electrode_groups, here.electrode_groups)
    pd.testing.assert_frame_equal(there.devices, here.devices)
    assert list(there.intervals) == list(here.intervals)
    for name in here.intervals:
        pd.testing.assert_frame_equal(there.intervals[name], here.intervals[name])
    assert there.spike_trains() == here.spike_trains()
    assert there.subject == here.subject
    assert there.session_start_time == here.session_start_time


def same_sessions(there: nwbin.Session, here: nwbin.Session) -> None:
    pd.testing.assert_frame_equal(there.units, here.units)
    pd.testing.assert_frame_equal(there.stimulus_presentations, here.stimulus_presentations)
    pd.testing.assert_frame_equal(there.running_speed, here.running_speed)
    shown = here.get_stimulus_table("static_gratings").index
    units = here.units.index[::2]
    for one in (units[:3], units[1:5], here.units.index):  # some units more each time
        a = there.response_matrix(shown, one, label="orientation")
        b = here.response_matrix(shown, one, label="orientation")
        np.testing.assert_array_equal(a.X, b.X)
        np.testing.assert_array_equal(a.y, b.y)
    unit = int(units[0])
    np.testing.assert_array_equal(there.spike_amplitudes[unit], here.spike_amplitudes[unit])
    assert there.mean_waveforms[unit].equals(here.mean_waveforms[unit])


@pytest.mark.parametrize("layout", ["released", "chunked"])
def test_equal_to_the_file_on_the_disk(server: Server, sessions: dict[str, Path], layout: str) -> None:
    address, path = server.url(f"bucket/{layout}.nwb"), sessions[layout]
    with nwbin.File(address) as there, nwbin.File(path) as here:
        same_files(there, here)
    with nwbin.open(address) as there, nwbin.open(path) as here:
        same_sessions(there, here)
    assert check(address).to_dict()["findings"] == check(path).to_dict()["findings"]


@pytest.mark.parametrize("how", [{"libver": "latest"}, {"userblock_size": 512}, {"track_order": True}])
def test_other_forms_of_hdf5(tmp_path: Path, how: dict[str, Any]) -> None:
    """Of which nothing is foreseen: libhdf5 reads them by itself."""
    import h5py  # noqa: TID251 - nwbin writes no such files

    path = tmp_path / "other.nwb"
    with h5py.File(write_small(tmp_path / "small.nwb")) as old, h5py.File(path, "w", **how) as new:
        new.attrs.update(old.attrs)
        for name in old:
            old.copy(name, new)
    with (
        serving(files={"other.nwb": path}) as server,
        nwbin.File(server.url("other.nwb")) as there,
        nwbin.File(path) as here,
    ):
        same_files(there, here)


def tutorial(address: str) -> Any:
    with nwbin.open(address) as session:
        units = session.units.query("structure_acronym == 'VISp'").index
        shown = session.get_stimulus_table("static_gratings").index
        return session.response_matrix(shown, units, label="orientation").X


def test_few_requests(server: Server, sessions: dict[str, Path]) -> None:
    here = tutorial(str(sessions["released"]))
    np.testing.assert_array_equal(tutorial(server.url("bucket/released.nwb")), here)
    assert len(server.asked) <= 8
    assert server.asked[0].span == (0, 1 << 16)
    assert all("If-Match" in {key.title() for key in one.headers} for one in server.asked[1:])
    assert server.sent <= sessions["released"].stat().st_size + (1 << 16)


def test_a_session_says_what_it_is_without_asking(server: Server, sessions: dict[str, Path]) -> None:
    with nwbin.open(server.url("bucket/released.nwb")) as session:
        before = len(server.asked)
        assert repr(session) == f"<nwbin.Session, of {session.file!r}>"
        assert len(server.asked) == before
        number, shown = len(session.units), len(session.stimulus_presentations)
        before = len(server.asked)
        assert repr(session) == f"<nwbin.Session: {number} units, {shown} presentations, of {session.file!r}>"
        assert len(server.asked) == before


def test_only_what_is_asked_for(long: Path) -> None:
    """Trains that lie far apart come without what lies between, many at once, straight where they belong."""
    with serving(files={"long.nwb": long}) as server, nwbin.File(server.url("long.nwb")) as there:
        trains = there.spike_trains([7, 11])
        np.testing.assert_array_equal(trains[7], np.arange(1 << 20))
        np.testing.assert_array_equal(trains[11], np.arange(2 << 20, 3 << 20))
        assert server.sent < (2 * 8 << 20) + (5 << 20)
        before = len(server.asked)
        there.spike_trains([7])
        assert len(server.asked) == before  # it is there


# ------------------------------------------------------------------ kinds of addresses


def test_s3_without_credentials(server: Server, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
    with nwbin.File("s3://bucket/small.nwb") as there, nwbin.File(small) as here:
        assert there.name == "s3://bucket/small.nwb"
        same_files(there, here)
    assert not any("authorization" in key.lower() for one in server.asked for key in one.headers)
    with pytest.raises(FileAccessError, match=r"s3://bucket: names no file; it should be s3://bucket/path"):
        nwbin.File("s3://bucket")


def signed(one: Asked, secret: str) -> bool:
    """Whether a request's signature is the one that AWS's Signature Version 4 asks for."""
    headers = {key.lower(): value for key, value in one.headers.items()}
    match = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=(\w+)/(\d+)/([\w-]+)/s3/aws4_request, ?SignedHeaders=([\w;-]+), ?Signature=(\w+)",
        headers.get("authorization", ""),
    )
    if match is None:
        return False
    _, day, region, names, signature = match.groups()
    canonical = "\n".join(
        [one.method, f"/{one.path}", one.query]
        + [f"{name}:{headers[name].strip()}" for name in names.split(";")]
        + ["", names, headers["x-amz-content-sha256"]]
    )
    scope = f"{day}/{region}/s3/aws4_request"
    text = "\n".join(
        ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest() == signature


def test_s3_with_credentials(server: Server, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "me")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    server.fault = lambda number, one: None if signed(one, "hush") else ("status", 403)
    with nwbin.File("s3://bucket/small.nwb") as there, nwbin.File(small) as here:
        same_files(there, here)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(
        FileAccessError, match=r"s3://bucket/small\.nwb: the server does not let it be read \(HTTP 403\)"
    ):
        nwbin.File("s3://bucket/small.nwb")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    server.fault = None
    with nwbin.File("s3://bucket/small.nwb"):
        assert "authorization" not in {key.lower() for key in server.asked[-1].headers}


ASSET = "58703c97-c0a9-4736-b684-73c85c1a444a"


@pytest.mark.parametrize("inline", [True, False])
def test_dandi(server: Server, small: Path, monkeypatch: pytest.MonkeyPatch, inline: bool) -> None:
    def answer(content: Any) -> bytes:
        return json.dumps(content).encode()

    api, version = "api/dandisets/000021", "0.220126.1903"
    about = {"contentUrl": [f"{server.address}/api/assets/{ASSET}/download/", server.url("bucket/small.nwb")]}
    found = {"path": "sub-1/a.nwb", "asset_id": ASSET, **({"metadata": about} if inline else {})}
    near = {"path": "sub-1/a.nwb.old", "asset_id": "x", "metadata": {"contentUrl": ["http://127.0.0.1:9/"]}}
    server.files |= {
        f"{api}/": answer({"most_recent_published_version": {"version": version}}),
        f"{api}/versions/{version}/assets/": answer({"results": [near, found]}),
        f"{api}/versions/draft/assets/": answer({"results": [near]}),
        f"{api}/versions/{version}/assets/{ASSET}/": answer(about),
        f"api/assets/{ASSET}/": answer(about),
    }
    monkeypatch.setenv("NWBIN_DANDI_API", server.url("api"))
    with nwbin.File("dandi://000021/sub-1/a.nwb") as there, nwbin.File(small) as here:
        assert there.name == "dandi://000021/sub-1/a.nwb"
        same_files(there, here)
    assert server.asked[1].query == "path=sub-1%2Fa.nwb&metadata=true"
    for address in (f"api/assets/{ASSET}/download/", f"{api}/versions/{version}/assets/{ASSET}/"):
        with nwbin.File(server.url(address)) as there:
            assert there.identifier == "small"
    with pytest.raises(
        MissingFileError, match=r"version draft, has no such file; did you mean 'sub-1/a.nwb.old'"
    ):
        nwbin.File("dandi://000021@draft/sub-1/a.nwb")
    with pytest.raises(
        FileAccessError, match="is no address of a file in the archive; it should be dandi://000021/"
    ):
        nwbin.File("dandi://21")
    server.files[f"{api}/"] = b"<html>"
    with pytest.raises(FileAccessError, match=r"answer makes no sense here \(it should be JSON\)"):
        nwbin.File("dandi://000021/sub-1/a.nwb")


def test_fsspec_notices_a_change(long: Path) -> None:
    memory = pytest.importorskip("fsspec").filesystem("memory")
    memory.pipe("/there/a.nwb", long.read_bytes())
    with nwbin.File("memory://there/a.nwb") as there:
        memory.pipe("/there/a.nwb", long.read_bytes()[:-1])
        with pytest.raises(FileAccessError, match="has changed on the server since it was opened"):
            there.spike_trains()


def test_fsspec(sessions: dict[str, Path]) -> None:
    memory = pytest.importorskip("fsspec").filesystem("memory")
    path = sessions["released"]
    memory.pipe("/there/a.nwb", path.read_bytes())
    with nwbin.open("memory://there/a.nwb") as there, nwbin.open(path) as here:
        same_sessions(there, here)
    with nwbin.File("simplecache::memory://there/a.nwb") as there, nwbin.File(path) as here:
        assert there.units.equals(here.units)
    with pytest.raises(MissingFileError, match=r"memory://there/b\.nwb: there is no such file on the server"):
        nwbin.File("memory://there/b.nwb")
    with pytest.raises(FileAccessError, match=r"nosuch://x/a\.nwb: .*fsspec knows no such kind of address"):
        nwbin.File("nosuch://x/a.nwb")


def test_names_in_addresses(small: Path) -> None:
    with (
        serving(files={"a b/ü%41.nwb": small.read_bytes()}) as server,
        nwbin.File(server.url("a%20b/%C3%BC%2541.nwb")) as there,
    ):
        assert there.identifier == "small"


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        MissingDependencyError, match=r"https://h/a\.nwb: .*needs obstore, .*pip install 'nwbin\[remote\]'"
    ):
        nwbin.File("https://h/a.nwb?signature=hush")
    with pytest.raises(MissingDependencyError, match=r"gs://h/a\.nwb: .*needs fsspec, .*pip install"):
        nwbin.File("gs://h/a.nwb")


# ------------------------------------------------------------------ life


def test_pickled_as_its_address(server: Server) -> None:
    address = server.url("bucket/small.nwb?signature=hush")
    with nwbin.File(address) as file:
        text = repr(file)
        copy = pickle.dumps(file)
        with pickle.loads(copy) as again:
            assert again.spike_trains() == file.spike_trains()
        server.tags["bucket/small.nwb"] = '"another"'
        with pytest.raises(FileAccessError, match="is not the file that was opened first: it has changed"):
            pickle.loads(copy)
    assert text == f"<nwbin.File '{server.address}/bucket/small.nwb', NWB 2.6.0>"
    with pytest.raises(FileAccessError, match=r"small\.nwb: is closed"):
        file.units  # noqa: B018
    with pytest.raises(FileAccessError, match="is closed, and cannot be sent"):
        pickle.dumps(file)
    assert "(closed)" in repr(file)
    assert server.asked[-1].query == "signature=hush"  # which is in the pickle


def test_trains_outlive_the_file(server: Server, small: Path) -> None:
    with nwbin.File(server.url("bucket/small.nwb")) as file:
        trains = file.spike_trains()
    server.files.clear()
    with nwbin.File(small) as here:
        assert trains == here.spike_trains()


# ------------------------------------------------------------------ what others wrote


@pytest.mark.parametrize(
    "name", ["tiny_bo_chunked", "tiny_bo_released", "tiny_bo_released_bare", "tiny_fc_released"]
)
def test_recorded_sessions(shared: Path, name: str) -> None:
    """Files as AllenSDK's own writer makes them."""
    (path,) = (shared / "oracle/sessions" / name).glob("session_*.nwb")
    with serving(files={"x.nwb": path}) as server:
        with nwbin.File(server.url("x.nwb")) as there, nwbin.File(path) as here:
            same_files(there, here)
        with nwbin.open(server.url("x.nwb")) as there, nwbin.open(path) as here:
            pd.testing.assert_frame_equal(there.units, here.units)
            pd.testing.assert_frame_equal(there.stimulus_presentations, here.stimulus_presentations)
