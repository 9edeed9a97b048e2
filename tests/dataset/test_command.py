"""Counting a folder from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nwbin.responses.counts import TIME
from tests.dataset.jobs import IDS

pytestmark = pytest.mark.filterwarnings("ignore:.*times during which spikes.*:nwbin.NwbinWarning")


def test_count_a_folder(trees: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("zarr")
    from nwbin.cli import app

    def run(*arguments: Any) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            app(["count", *map(str, arguments)])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    out = tmp_path / "x.zarr"
    job = [
        "--stimulus",
        "flashes",
        "--window",
        "0,0.25",
        "--bin",
        "0.05",
        "--structures",
        "VISp",
        "--workers",
        "1",
    ]
    assert run(trees["dandi"], *job, "-o", out)[1] == f"{out}: 3 sessions: 3 counted\n"
    assert xarray.open_zarr(out, group=f"session_{IDS[0]}", chunks=None).sizes[TIME] == 5
    assert "3 there already" in run(trees["dandi"], *job, "-o", out)[1]
    assert "1 session: 1 there already" in run(trees["dandi"], *job, "-o", out, "--sessions", IDS[0])[1]
    two = f"{IDS[0]}, {IDS[1]}"
    assert "2 sessions: 2 there already" in run(trees["dandi"], *job, "-o", out, "--sessions", two)[1]
    code, _, said = run(
        trees["dandi"], *job, "-o", tmp_path / "none.zarr", "--sessions", "session_type == 'x'"
    )
    assert (code, said) == (
        2,
        f"error: {trees['dandi']}: none of its 3 sessions meets \"session_type == 'x'\"\n",
    )
    assert not (tmp_path / "none.zarr").exists()
    code, _, said = run(trees["dandi"], *job, "-o", tmp_path / "none.zarr", "--sessions", "session_typ == 1")
    assert (code, "did you mean 'session_type'" in said) == (2, True)
    code, _, said = run(trees["dandi"], *job, "-o", tmp_path / "x.npz")
    assert code == 2
    assert "give a name that ends in .zarr" in said


@pytest.mark.usefixtures("workers_here")
def test_count_a_folder_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("zarr")
    from nwbin.cli import app

    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "session_9.nwb").write_bytes(b"no HDF5")
    asked = [bad, "--stimulus", "flashes", "--window", "0,0.25", "--workers", "1", "-o", tmp_path / "y.zarr"]
    with pytest.raises(SystemExit) as ended:
        app(["count", *map(str, asked)])
    said = capsys.readouterr()
    assert (ended.value.code, "1 failed" in said.out) == (2, True)
    assert said.err.startswith("error: 1 of 1 session failed")


@pytest.mark.usefixtures("workers_here")
@pytest.mark.slow
def test_count_a_folder_of_none_of_it(
    trees: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("zarr")
    from nwbin.cli import app

    def run(*arguments: Any) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            app(["count", str(trees["dandi"]), "-o", str(out), "--workers", "1", *map(str, arguments)])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    out = tmp_path / "x.zarr"
    window = ["--window", "0,0.25"]
    flashes = ["--stimulus", "flashes", *window]
    code, said, error = run("--stimulus", "flahses", *window)
    assert (code, said, error.count("\n")) == (2, "", 1)
    assert error.count("did you mean 'flashes'?") == 1
    code, said, error = run(*flashes, "--structures", "VISpp")
    assert (code, said, error.count("\n")) == (2, "", 1)
    assert "is in 'VISpp'; did you mean" in error
    code, _, error = run(*flashes, "--units", "firing_rat > 1")
    assert code == 2
    assert error.count("did you mean 'firing_rate'") == 1
    assert error.startswith("error: 3 of 3 sessions failed")
    assert not out.exists()

    code, said, error = run(*flashes, "--structures", "VISp,VISpp")
    assert (code, said) == (0, f"{out}: 3 sessions: 3 counted\n")
    assert "note: every session has no units in 'VISpp'\n" in error
    assert error.count("note: every") == 1
    assert "are invalid" not in error, "not while flashes were shown"
    code, _, error = run("--stimulus", "gabors", *window, "--overwrite")
    assert code == 0
    assert "note: 3 of 3 sessions have times during which spikes of some probes are invalid" in error
    code, _, error = run(*flashes)
    assert code == 2
    assert "or --overwrite" in error
    assert "overwrite=True" not in error
    assert run(*flashes, "--overwrite")[:2] == (0, f"{out}: 3 sessions: 3 counted\n")
