"""Data sets on servers whose sessions are Zarr stores: the answers are those of the same folder on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pandas as pd
import pytest

import nwbin
from nwbin.errors import FileAccessError, MissingFileError
from nwbin.storage.remote import _listing, _with_obstore, listing
from nwbin.testing import write_session
from tests.cli.asking import bad, good
from tests.remote.clouds import ASSETS, listed_as_s3, serving_dandi, serving_s3
from tests.remote.server import Asked, Server, serving
from tests.small_files import write_small

pytest.importorskip("obstore")
pytest.importorskip("zarr")
pytestmark = [
    pytest.mark.usefixtures("what_is_loaded_stays"),
    pytest.mark.filterwarnings("ignore:.*times during which spikes.*:nwbin.NwbinWarning"),
    pytest.mark.filterwarnings("ignore:.*has no columns for some unit filters:nwbin.NwbinWarning"),
]
IDS = [715093701, 766640955]


def make_tree(root: Path, file: Path) -> Path:
    """A session in each format of Zarr, as AllenSDK's cache has them, and a store that is no session."""
    from tests.zarr_nwb.writer import write_zarr

    for format, one in enumerate(IDS, 2):
        write_zarr(file, root / f"session_{one}" / f"session_{one}.nwb.zarr", format=format)
    (root / "counts.zarr").mkdir()
    (root / "counts.zarr" / "zarr.json").write_text("{}")
    return root


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("stores")
    return make_tree(root / "cache", write_small(root / "small.nwb"))


def served(folder: Path, below: str = "") -> dict[str, bytes | Path]:
    return {
        f"{below}{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def here(tree: Path) -> nwbin.Dataset:
    return nwbin.Dataset(tree, cache=False)


@pytest.fixture
def s3(tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    monkeypatch.setenv("NWBIN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_with_obstore, "LISTED", 3)  # as the server lists
    with serving_s3(served(tree, "bucket/vcn/")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        yield server


def mean_rate(session: nwbin.Session) -> float:
    return float(session.units["rate"].mean())


def same(there: nwbin.Dataset, here: nwbin.Dataset) -> None:
    assert there.session_ids == here.session_ids == IDS
    with there.get_session_data(IDS[1]) as one, here.get_session_data(IDS[1]) as other:
        pd.testing.assert_frame_equal(one.units, other.units)
        pd.testing.assert_frame_equal(one.stimulus_presentations, other.stimulus_presentations)


def statuses(there: nwbin.Dataset, out: Path) -> list[str]:
    return [str(one) for one in there.map(mean_rate, workers=0, out=out).report["status"]]


def redone(where: str, change: Callable[[str], None], out: Path) -> list[list[str]]:
    """What is done again where nothing, a chunk, and the gathered metadata of a session change."""
    found = [statuses(nwbin.Dataset(where, cache=False), out)]
    for what in ("", "units/spike_times/c/0", "zarr.json"):
        if what:
            change(what)
        found.append(statuses(nwbin.Dataset(where, cache=False), out))
    return found


def test_in_s3(s3: Server, here: nwbin.Dataset, tmp_path: Path) -> None:
    there = nwbin.Dataset("s3://bucket/vcn/", cache=False)
    assert there.files["size"].tolist() == [0, 0]  # nobody says
    assert not any("/c/" in one.query for one in s3.asked)
    top = f"bucket/vcn/session_{IDS[1]}/session_{IDS[1]}.nwb.zarr/zarr.json"  # whether it gathers the others
    assert {one.path for one in s3.asked} == {"bucket", top}  # else lists alone
    same(there, here)
    for name in ("get_session_table", "get_probes", "get_units"):
        pd.testing.assert_frame_equal(getattr(there, name)(), getattr(here, name)())

    def change(what: str) -> None:
        s3.tags[f"bucket/vcn/session_{IDS[1]}/session_{IDS[1]}.nwb.zarr/{what}"] = '"new"'

    kept, once = ["kept", "kept"], ["kept", "done"]
    # That a chunk was written anew is not noticed: the documentation says so.
    assert redone("s3://bucket/vcn/", change, tmp_path / "out") == [["done", "done"], kept, kept, once]


@pytest.fixture
def web(s3: Server) -> Server:
    """A server that lists nothing: sessions.csv does."""
    s3.files["bucket/vcn/sessions.csv"] = "\n".join(["id", *map(str, IDS), "5"]).encode()
    return s3


LACKS = pytest.mark.filterwarnings("ignore:.*lacks probes.csv, channels.csv, units.csv:nwbin.NwbinWarning")


@LACKS
def test_on_a_web_server(web: Server, here: nwbin.Dataset, tmp_path: Path) -> None:
    where, s3 = web.url("bucket/vcn/"), web
    same(nwbin.Dataset(where, cache=False), here)

    def change(what: str) -> None:
        s3.tags[f"bucket/vcn/session_{IDS[1]}/session_{IDS[1]}.nwb.zarr/{what}"] = '"new"'

    kept, once = ["kept", "kept"], ["kept", "done"]
    assert redone(where, change, tmp_path / "out") == [["done", "done"], kept, kept, once]


@LACKS
def test_a_store_that_may_not_be_read_is_not_passed_over(web: Server) -> None:
    name = f"session_{IDS[1]}.nwb.zarr"
    web.fault = lambda number, one: ("status", 403) if f"{name}/" in one.path else None
    with pytest.raises(FileAccessError, match=rf"/{name}: .*does not let it be read \(HTTP 403\)"):
        nwbin.Dataset(web.url("bucket/vcn/"), cache=False)
    web.fault = lambda number, one: ("status", 403) if one.path.endswith(f"{name}/zarr.json") else None
    with pytest.raises(FileAccessError, match=rf"/{name}: zarr\.json: .*\(HTTP 403\)"):
        nwbin.Dataset(web.url("bucket/vcn/"), cache=False)
    web.files["bucket/vcn/sessions.csv"] = f"id\n{IDS[0]}".encode()  # of format 2
    assert nwbin.Dataset(web.url("bucket/vcn/"), cache=False).session_ids == IDS[:1]


def test_a_store_is_read_while_an_error_is_dealt_with(s3: Server, tree: Path) -> None:
    """By who may not list what is there, to whom S3 refuses what is not."""
    name = f"session_{IDS[0]}/session_{IDS[0]}.nwb.zarr"
    s3.fault = lambda number, one: None if one.path in s3.files else ("status", 403)
    try:
        nwbin.open("s3://bucket/vcn/other.nwb")
    except FileAccessError:
        with nwbin.open(f"s3://bucket/vcn/{name}") as there, nwbin.open(tree / name) as here:
            pd.testing.assert_frame_equal(there.units, here.units)


@LACKS
@pytest.mark.slow
def test_on_a_web_server_that_tells_sizes_alone(web: Server, tmp_path: Path) -> None:
    """A digest of the gathered metadata stands in for their mark."""
    web.time, web.tags = "", dict.fromkeys(web.files, "")
    top = f"bucket/vcn/session_{IDS[1]}/session_{IDS[1]}.nwb.zarr/zarr.json"
    where = web.url("bucket/vcn/")
    assert statuses(nwbin.Dataset(where, cache=False), tmp_path / "out") == ["done", "done"]
    assert statuses(nwbin.Dataset(where, cache=False), tmp_path / "out") == ["kept", "kept"]
    held = web.files[top]
    assert isinstance(held, Path)
    web.files[top] = held.read_bytes().replace(b"{", b"{ ", 1).replace(b": ", b":", 1)  # as long as it was
    assert statuses(nwbin.Dataset(where, cache=False), tmp_path / "out") == ["kept", "done"]


def test_in_the_archive(
    tree: Path, here: nwbin.Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serving_dandi(served(tree)) as server:
        monkeypatch.setenv("NWBIN_DANDI_API", f"{server.address}/api")
        there = nwbin.Dataset("dandi://000021", cache=False)
        assert there.files["size"].tolist() == here.files["size"].tolist()
        same(there, here)
        number = next(place.split("/")[1] for place in server.files if place.endswith("units/zarr.json"))

        def change(what: str) -> None:
            held = server.files[f"zarr/{number}/{what}"]
            assert isinstance(held, Path)
            content = held.read_bytes()
            server.files[f"zarr/{number}/{what}"] = (
                content + b" " if what.endswith("json") else content[:-1] + b"x"
            )

        # The archive's checksum is of chunks too. A damaged one is found by whoever reads it, here nobody.
        expected = [["done", "done"], ["kept", "kept"], ["kept", "done"], ["kept", "done"]]
        assert redone("dandi://000021", change, tmp_path / "out") == expected


@pytest.mark.slow
def test_in_an_archive_that_says_no_checksum(
    tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The content of an asset of a draft may change: nothing is known to be the same."""
    with serving_dandi(served(tree), digests=False) as server:
        monkeypatch.setenv("NWBIN_DANDI_API", f"{server.address}/api")
        for _ in range(2):
            assert statuses(nwbin.Dataset("dandi://000021", cache=False), tmp_path / "out") == [
                "done",
                "done",
            ]


def test_one_store_in_the_archive(tree: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = f"session_{IDS[1]}/session_{IDS[1]}.nwb.zarr"
    files = served(tree) | {"sub-1/file.zarr": b"no store"}
    with serving_dandi(files) as server:
        monkeypatch.setenv("NWBIN_DANDI_API", f"{server.address}/api")
        with nwbin.open(tree / name) as here:
            for address in (f"dandi://000021/{name}", f"dandi://000021@0.1/{name}/"):
                with nwbin.open(address) as there:
                    pd.testing.assert_frame_equal(there.units, here.units)
        with nwbin.File(f"dandi://000021/{name}") as file:
            assert file.name == f"dandi://000021/{name}"
        with pytest.raises(MissingFileError, match="has no such file"):
            nwbin.open("dandi://000021/session_5.nwb.zarr")
        with pytest.raises(FileAccessError, match="is a single file in the archive, and its name says"):
            nwbin.open("dandi://000021/sub-1/file.zarr")
        # By its number nobody can tell that it is one before the archive is asked.
        number = next(place.split("/")[1] for place in server.files if place.endswith("units/zarr.json"))
        asset = f"{server.address}/api/assets/{ASSETS.format(int(number))}/download/"
        with pytest.raises(FileAccessError, match="is a Zarr store in the archive, a folder of many files"):
            nwbin.open(asset)
        (failed,) = nwbin.download(asset, tmp_path).failed.values()
        assert "is a Zarr store in the archive, a folder of many files" in failed


def test_a_store_under_embargo(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server:
        api = f"{server.address}/api"
        monkeypatch.setenv("NWBIN_DANDI_API", api)
        about = {"contentUrl": [f"{api}/assets/x/download/"], "encodingFormat": "application/x-zarr"}
        found = {"results": [{"path": "a.nwb.zarr", "asset_id": "x", "metadata": about}]}
        server.answer = lambda one: pd.Series(found).to_json().encode()
        with pytest.raises(
            FileAccessError, match=r"where the files of this Zarr store lie; it may be under emb"
        ):
            nwbin.open("dandi://000021@draft/a.nwb.zarr")


def test_a_signature_is_for_one_file(s3: Server) -> None:
    address = s3.url(f"bucket/vcn/session_{IDS[1]}/session_{IDS[1]}.nwb.zarr")
    with pytest.raises(
        FileAccessError, match=r"\(a signature, say, is for one file, and holds for none of"
    ) as told:
        nwbin.open(f"{address}?X-Amz-Signature=hush")
    assert "hush" not in str(told.value)
    assert not s3.asked


# ---------------------------------------------------------------- what is listed

KEYS = [
    "a/one.nwb", "a/one.nwb.zarr/", "a/one.nwb.zarr/.zgroup", "a/one.nwb.zarr/.zmetadata",
    *(f"a/one.nwb.zarr/x/{n}" for n in range(50)),
    "a/one.nwb.zarr0", "a/one.nwb.zarra", "b#c.nwb.zarr/zarr.json", "b#c.nwb.zarr/x/c/0", "b#d.nwb",
    "counts.zarr/zarr.json", *(f"counts.zarr/in.nwb.zarr/{n}" for n in range(50)), "in.zarr.d/two.nwb",
    "z.nwb.zarr/.zgroup",
]  # fmt: skip
LISTED = [
    "a/one.nwb", "a/one.nwb.zarr", "a/one.nwb.zarr0", "a/one.nwb.zarra", "b#c.nwb.zarr", "b#d.nwb",
    "in.zarr.d/two.nwb", "z.nwb.zarr",
]  # fmt: skip


@pytest.mark.parametrize("below", ["", "deep/er/"])
def test_what_is_in_stores_is_not_listed(monkeypatch: pytest.MonkeyPatch, below: str) -> None:
    monkeypatch.setattr(_with_obstore, "LISTED", 3)
    with serving_s3({f"bucket/{below}{key}": b"content" for key in KEYS}) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        found = {one.path: one for one in listing(f"s3://bucket/{below}")}
        assert sorted(found) == sorted(LISTED)
        assert len(server.asked) <= 16  # of 116 objects, three in an answer
        whole = found["a/one.nwb"]
        assert (whole.size, whole.address) == (7, f"s3://bucket/{below}a/one.nwb")
        store = found["a/one.nwb.zarr"]
        assert (store.size, store.address) == (0, f"s3://bucket/{below}a/one.nwb.zarr")
        assert whole.tag is not None
        assert store.tag == f".zmetadata 7 {whole.tag.strip(chr(34))}"
        assert str(found["z.nwb.zarr"].tag).startswith("1 files ")  # nothing gathered: all that is there
        # A server that begins where it likes is only slower.
        asked: list[str] = []

        def everything(one: Asked) -> bytes | None:
            told = "&".join(part for part in one.query.split("&") if not part.startswith("start-after"))
            asked.extend(parse_qs(one.query).get("start-after", []))
            return listed_as_s3(server, one._replace(query=told))

        server.answer = everything
        assert {one.path: one for one in listing(f"s3://bucket/{below}")} == found
        assert asked


def test_a_store_is_no_data_set(s3: Server) -> None:
    with pytest.raises(FileAccessError, match=r"is a Zarr store; nwbin\.open reads one session"):
        nwbin.Dataset(f"s3://bucket/vcn/session_{IDS[1]}/session_{IDS[1]}.nwb.zarr/")
    s3.files["bucket/other/text"], s3.tags["bucket/other/text"] = b"x", '"x"'
    with pytest.raises(
        MissingFileError, match=r"neither \.nwb files of sessions nor Zarr stores \(\*\.nwb\."
    ):
        nwbin.Dataset("s3://bucket/other/")


@pytest.fixture
def ungathered(tree: Path, s3: Server, tmp_path: Path) -> Server:
    """The same with each store's metadata in documents of their own alone."""
    from tests.zarr_nwb.writer import write_zarr

    for path in [path for path in s3.files if ".nwb.zarr/" in path]:
        del s3.files[path], s3.tags[path]
    for format, one in enumerate(IDS, 2):
        place = f"session_{one}/session_{one}.nwb.zarr"
        write_zarr(tree.parent / "small.nwb", tmp_path / "bare" / place, format=format, consolidated=False)
    files = served(tmp_path / "bare", "bucket/vcn/")
    s3.files |= files
    s3.tags |= {path: f'"{number}"' for number, path in enumerate(files)}
    return s3


# Of each format: metadata of an array and of a group below the top, attributes, a chunk.
BELOW = {
    IDS[0]: ("units/id/.zarray", "units/.zattrs", ".zgroup", "units/spike_times/0"),
    IDS[1]: ("units/id/zarr.json", "units/zarr.json", "zarr.json", "units/spike_times/c/0"),
}


@pytest.mark.parametrize("one", IDS)
def test_a_store_without_gathered_metadata(ungathered: Server, tmp_path: Path, one: int) -> None:
    """A result of it hangs on all of its files, and is kept as long as they are the same."""
    where, out = "s3://bucket/vcn/", tmp_path / "out"
    once = ["done" if one == other else "kept" for other in IDS]
    assert statuses(nwbin.Dataset(where, cache=False), out) == ["done", "done"]
    assert statuses(nwbin.Dataset(where, cache=False), out) == ["kept", "kept"]
    for what in BELOW[one]:
        ungathered.tags[f"bucket/vcn/session_{one}/session_{one}.nwb.zarr/{what}"] = '"new"'
        assert statuses(nwbin.Dataset(where, cache=False), out) == once, what
        assert statuses(nwbin.Dataset(where, cache=False), out) == ["kept", "kept"], what


@pytest.mark.parametrize("one", IDS)
def test_a_store_without_gathered_metadata_that_changes_while_it_is_read(
    ungathered: Server, tmp_path: Path, one: int
) -> None:
    begin = f"bucket/vcn/session_{one}/session_{one}.nwb.zarr/"

    def changes(number: int, asked: Asked) -> None:
        if asked.path.startswith(f"{begin}units/rate/") and asked.path.endswith("/0"):
            ungathered.tags[begin + BELOW[one][0]] = '"new"'

    data = nwbin.Dataset("s3://bucket/vcn/", cache=False)
    ungathered.fault = changes
    failed = data.map(mean_rate, workers=0, out=tmp_path / "out").failed
    assert list(failed) == [one]
    assert "was changed while the job read it" in str(failed[one])


@pytest.mark.parametrize("status", [403, 404])
def test_a_store_that_may_not_be_read_leaves_the_others(s3: Server, tmp_path: Path, status: int) -> None:
    s3.fault = lambda number, one: ("status", status) if one.path.endswith("/zarr.json") else None
    assert statuses(nwbin.Dataset("s3://bucket/vcn/", cache=False), tmp_path / "out") == ["done", "failed"]


def test_a_store_with_too_long_metadata_leaves_the_others(
    s3: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_listing, "_LARGEST", 10)
    assert nwbin.Dataset("s3://bucket/vcn/", cache=False).session_ids == IDS


def test_more_files_than_are_listed_of_a_store(
    ungathered: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing tells whether it has changed: what was made of it is made anew."""
    monkeypatch.setattr(_listing, "_MOST_OF_STORE", 5)
    for _ in range(2):
        assert statuses(nwbin.Dataset("s3://bucket/vcn/", cache=False), tmp_path / "out") == ["done", "done"]


def test_an_index_is_of_files_alone(s3: Server, small: Path, tmp_path: Path) -> None:
    index = tmp_path / "sessions.index"
    assert "is a Zarr store, whose metadata are in one piece already" in bad(
        "index", "s3://bucket/vcn/", "-o", index
    )
    s3.files["bucket/vcn/sub-1_ses-5.nwb"], s3.tags["bucket/vcn/sub-1_ses-5.nwb"] = small, '"x"'
    said = good("index", "s3://bucket/vcn/", "-o", index)
    assert "1 file" in said
    assert "note: s3://bucket/vcn/: 2 Zarr stores left out" in said


@pytest.mark.slow
@pytest.mark.usefixtures("workers_here")
def test_commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    how: dict[str, Any] = {
        "size": "tiny",
        "channels": 16,
        "samples": 10,
        "repeats": 0.1,
        "units_per_probe": 6,
    }
    file = write_session(tmp_path / "session.nwb", seed=3, layout="chunked", **how)
    tree = make_tree(tmp_path / "cache", file)
    with serving_s3(served(tree, "bucket/vcn/")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        monkeypatch.setenv("NWBIN_CACHE", str(tmp_path / "kept"))
        check_commands(tree, tmp_path)


def check_commands(tree: Path, tmp_path: Path) -> None:
    tables = {}
    for where in (str(tree), "s3://bucket/vcn/"):
        out = tmp_path / f"{len(tables)}"
        said = good(
            "count", where, "--stimulus", "static_gratings", "--window", "0,0.25", "--workers", "1",
            "-o", f"{out}.zarr",
        )  # fmt: skip
        assert "2 sessions: 2 counted" in said
        good("metrics", where, "--workers", "1", "-o", f"{out}.csv")
        tables[where] = pd.read_csv(f"{out}.csv", comment="#")
    xarray = pytest.importorskip("xarray")
    for one in IDS:
        both = [
            xarray.open_zarr(tmp_path / f"{n}.zarr", group=f"session_{one}", chunks=None) for n in range(2)
        ]
        xarray.testing.assert_equal(*both)
    pd.testing.assert_frame_equal(*tables.values())
    assert len(next(iter(tables.values()))) > 5
