"""Commands take addresses as they take paths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nwbin.cli import app
from tests.remote.server import Server

pytest.importorskip("obstore")


def run(*line: str) -> Any:
    return CliRunner().invoke(app, list(line))


def test_the_same_words(server: Server, sessions: dict[str, Path], tmp_path: Path) -> None:
    address, path = server.url("bucket/released.nwb?signature=hush"), str(sessions["released"])
    for line in (["info", "{}", "--json"], ["stimuli", "{}"], ["units", "{}", "-o", "-"]):
        there, here = (run(*(part.format(file) for part in line)) for file in (address, path))
        assert there.exit_code == here.exit_code == 0, there.output
        assert there.stdout == here.stdout
    there, here = run("check", address, "--json"), run("check", path, "--json")
    assert there.exit_code == here.exit_code
    assert json.loads(there.stdout)["findings"] == json.loads(here.stdout)["findings"]
    done = run("count", address, "--stimulus", "flashes", "--window", "0,0.25", "-o", str(tmp_path / "x.npz"))
    assert done.exit_code == 0, done.output
    assert b"hush" not in (tmp_path / "x.npz").read_bytes()


def test_what_is_not_there(server: Server) -> None:
    for command in ("info", "check", "units"):
        done = run(command, server.url("nothing.nwb?signature=hush"))
        assert done.exit_code == 2
        assert "there is no such file on the server (HTTP 404); check the address" in done.output
        assert "hush" not in done.output
