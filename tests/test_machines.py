"""Machines and containers of one name: none takes another's hold of an output for one that is over, or for its own."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from nwbin import _processes
from nwbin._processes import this_process
from nwbin._unfinished import clear_unfinished
from nwbin.dataset._claim import claimed
from nwbin.errors import FileAccessError
from tests.test_unfinished import GONE, left

# machine-id, boot id, namespace of process numbers
OWN = "pid:[4026531836]"
MACHINE = ("a" * 32, "boot 1", OWN)
STARTED_AGAIN = ("a" * 32, "boot 2", OWN)
ANOTHER = ("b" * 32, "boot 3", OWN)
CONTAINER = ("", "boot 1", "pid:[4026532300]")
BESIDE_IT = ("", "boot 1", "pid:[4026532400]")
OF_AN_IMAGE = ("c" * 32, "boot 1", "pid:[4026532300]")
ELSEWHERE = ("c" * 32, "boot 3", "pid:[4026532300]")
SILENT = ("", "boot 1", OWN)
SILENT_AGAIN = ("", "boot 2", OWN)
NOT_LINUX = ("", "", "")
LONG_AGO = 1e9

linux = pytest.mark.skipif(sys.platform != "linux", reason="machines say nothing of their starts")


def be(monkeypatch: pytest.MonkeyPatch, machine: tuple[str, str, str]) -> None:
    monkeypatch.setattr(_processes, "_told_apart", lambda: machine)


def hold(out: Path, pid: int, written: float) -> Path:
    """Leave the hold of a run with this process's start and some number."""
    lock = out.with_name(f".{out.name}.parts")
    lock.mkdir()
    owner = lock / "owner.json"
    said = {"name": "vm", **asdict(replace(this_process(), pid=pid)), "run": "other"}
    owner.write_text(json.dumps(said))
    os.utime(owner, (written, written))
    return lock


@pytest.mark.parametrize(
    ("there", "here"),
    [
        (MACHINE, ANOTHER), (CONTAINER, BESIDE_IT), (OF_AN_IMAGE, ELSEWHERE), (MACHINE, CONTAINER),
        (CONTAINER, MACHINE), (SILENT, SILENT_AGAIN), (MACHINE, NOT_LINUX), (NOT_LINUX, MACHINE),
    ],
)  # fmt: skip
@pytest.mark.parametrize("pid", [GONE, os.getpid()], ids=["gone", "own"])
@pytest.mark.parametrize("written", [LONG_AGO, None], ids=["old", "new"])
def test_of_another_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: Any, here: Any, pid: int, written: float | None
) -> None:
    out = tmp_path / "out"
    be(monkeypatch, there)
    lock = hold(out, pid, written or time.time())
    part = left(out, pid=pid)
    part.write_text("")
    before = (lock / "owner.json").read_bytes()
    be(monkeypatch, here)
    with pytest.raises(FileAccessError) as said, claimed(out):
        pass
    text = str(said.value)
    assert f"process {pid} on vm, which is another machine or container, or was started again" in text
    assert text.endswith(f"if it is no more, remove {lock}")
    assert (lock / "owner.json").read_bytes() == before
    clear_unfinished(out)
    assert part.exists()


@pytest.mark.parametrize("machine", [MACHINE, CONTAINER, OF_AN_IMAGE, SILENT, NOT_LINUX])
def test_of_its_own_a_machine_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: Any) -> None:
    out = tmp_path / "out"
    be(monkeypatch, machine)
    lock = hold(out, os.getpid(), time.time())
    with pytest.raises(FileAccessError, match=r"\(process \d+ on vm\); wait for it"), claimed(out):
        pass
    (lock / "owner.json").unlink()
    lock.rmdir()
    hold(out, GONE, time.time())
    left(out).write_text("")
    with claimed(out):
        pass
    assert not list(tmp_path.iterdir())


@linux
def test_a_machine_that_was_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its runs are over, also where a process has the number; but not of a copy of it that runs at the same time."""
    out = tmp_path / "out"
    be(monkeypatch, MACHINE)
    lock = hold(out, os.getpid(), time.time())
    part = left(out, pid=os.getpid())
    part.write_text("")
    be(monkeypatch, STARTED_AGAIN)
    with pytest.raises(FileAccessError, match="another machine or container"), claimed(out):
        pass
    clear_unfinished(out)
    assert part.exists()
    for path in (lock / "owner.json", part):
        os.utime(path, (LONG_AGO, LONG_AGO))
    with claimed(out):
        pass
    assert not list(tmp_path.iterdir())


def test_the_hold_of_an_older_version(tmp_path: Path) -> None:
    out = tmp_path / "out"
    lock = out.with_name(".out.parts")
    lock.mkdir()
    (lock / "owner.json").write_text(json.dumps({"host": "vm", "pid": GONE, "started": 5, "run": "old"}))
    with pytest.raises(FileAccessError, match=r"process .* on vm, which is another machine"), claimed(out):
        pass


@linux
def test_what_this_machine_says() -> None:
    _, boot, numbering = _processes._told_apart()
    assert boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert numbering == f"pid:[{Path('/proc/self/ns/pid').stat().st_ino}]"
    me = this_process()
    assert me == this_process()
    assert all(len(one) == 8 for one in (me.host, me.boot))
