"""What nwbin downloads by ids is a cache that AllenSDK's EcephysProjectCache and nwbin.Dataset both open."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

import nwbin
from nwbin.allen.released_files import BUCKET, CACHE_FOLDER, ReleasedFile
from nwbin.downloads import _wanted
from tests.caches import make_allen
from tests.parity.ask_cache import plain
from tests.parity.cache_compare import differences
from tests.remote.clouds import serving_s3

ALLENSDK = os.environ.get("NWBIN_ALLENSDK_PYTHON")
SESSION = 715093701
QUESTIONS = [
    ["get_session_table", {}], ["get_probes", {}], ["get_units", {}],
    ["get_session_data.num_units", {"session_id": SESSION}],
    ["get_session_data.structurewise_unit_counts", {"session_id": SESSION}],
    ["get_session_data.channels", {"session_id": SESSION}],
]  # fmt: skip


def released_as(folder: Path) -> list[ReleasedFile]:
    """The session's files, as the list of the data set would have them."""
    found = []
    for path in sorted((folder / f"session_{SESSION}").glob("*.nwb"), reverse=True):
        probe = int(path.stem.split("_")[1]) if path.name.startswith("probe_") else None
        content = path.read_bytes()
        key = f"{CACHE_FOLDER}/session_{SESSION}/{path.name}"
        found.append(
            ReleasedFile(
                SESSION, probe, "brain_observatory_1.1", "", "", "", "", len(content),
                hashlib.sha256(content).hexdigest(), "", key,
            )
        )  # fmt: skip
    return found


@pytest.mark.slow
@pytest.mark.skipif(not ALLENSDK, reason="set NWBIN_ALLENSDK_PYTHON to a Python that has AllenSDK 2.16.2")
@pytest.mark.filterwarnings("ignore::nwbin.NwbinWarning")
def test_both_open_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")
    written = nwbin.testing.write_session(
        tmp_path / f"session_{SESSION}.nwb", size="tiny", session_id=SESSION, lfp=True
    )
    there = make_allen(tmp_path / "there", [written])
    (there / "manifest.json").unlink()  # nwbin's own is to serve
    monkeypatch.setattr(_wanted, "released", lambda: released_as(there))
    bucket = f"{BUCKET.removeprefix('s3://')}/{CACHE_FOLDER}"
    served = {
        f"{bucket}/{one.relative_to(there).as_posix()}": one for one in there.rglob("*") if one.is_file()
    }
    cache = tmp_path / "cache"
    with serving_s3(dict(served)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
        nwbin.download(SESSION, cache, lfp=True).raise_if_failed()
    visible = {str(one.relative_to(cache)) for one in cache.rglob("[!.]*") if one.is_file()}
    assert visible == {
        *(str(one.relative_to(there)) for one in there.rglob("*") if one.is_file()),
        "manifest.json",
    }

    (tmp_path / "questions.json").write_text(json.dumps(QUESTIONS))
    script = Path(__file__).with_name("ask_cache.py")
    subprocess.run(
        [str(ALLENSDK), "-W", "ignore", str(script), str(cache / "manifest.json"),
         str(tmp_path / "questions.json"), str(tmp_path / "answers.json")],
        check=True, capture_output=True,
    )  # fmt: skip
    data = nwbin.Dataset(manifest=cache / "manifest.json", cache=False)
    for (name, how), theirs in zip(
        QUESTIONS, json.loads((tmp_path / "answers.json").read_text()), strict=True
    ):
        method, _, attribute = str(name).partition(".")
        value = getattr(data, method)(**how)
        value = getattr(value, attribute) if attribute else value
        assert "value" in theirs, theirs
        assert not differences(json.loads(json.dumps(plain(value))), theirs["value"]), name
