"""What writers that were killed have left: the next one clears it away, and only that."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nwbin._atomic import atomic_write
from nwbin._processes import this_process
from nwbin._unfinished import clear_unfinished, unfinished_name
from nwbin.dataset._claim import claimed
from nwbin.errors import FileAccessError

GONE = 2**22 + 1  # more than any process's number


def left(target: Path, **owner: object) -> Path:
    """A name as another process would give it."""
    me = this_process()
    said = {"host": me.host, "boot": me.boot, "pid": GONE, "started": 5, **owner}
    old = f".{me.host}{me.boot}-{me.pid}-{me.started}-"
    new = f".{said['host']}{said['boot']}-{said['pid']}-{said['started']}-"
    name = unfinished_name(target).name
    assert old in name
    return target.with_name(name.replace(old, new))


def test_a_killed_writer_s_file_goes(tmp_path: Path) -> None:
    """The whole way: a process that is killed while it writes, and the next one on the same file."""
    target = tmp_path / "x.csv"
    code = (
        "import os, sys\nfrom nwbin._atomic import atomic_write\n"
        "with atomic_write(sys.argv[1]) as part:\n    part.write_text('half')\n    os._exit(9)"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code, str(target)], check=False)
        assert len(list(tmp_path.iterdir())) == 1  # the second has removed the first one's
    with atomic_write(target) as part:
        part.write_text("all")
    assert [one.name for one in tmp_path.iterdir()] == ["x.csv"]
    assert target.read_text() == "all"


def test_only_what_nobody_finishes_goes(tmp_path: Path) -> None:
    target = tmp_path / "x.csv"
    week = 8 * 24 * 3600
    gone = [
        left(target),
        left(target, host="0" * 8),
        tmp_path / f".x.csv.{'0' * 12}.part",
        tmp_path / f".x.csv.{'0' * 8}-1-1-{'0' * 12}.part",
        left(target, pid=0),
    ]
    stay = [
        unfinished_name(target),  # this process's
        left(target, pid=os.getppid(), started=0),
        left(target, host="1" * 8),  # another machine's
        tmp_path / f".x.csv.{'1' * 12}.part",  # older versions'
        tmp_path / f".x.csv.{'1' * 8}-{GONE}-1-{'0' * 12}.part",
        left(tmp_path / "y.csv"),  # of another output
        tmp_path / ".x.csv.notes.part",  # the user's
        tmp_path / ".x.csv",
        target,
    ]
    for path in [*gone, *stay]:
        path.write_text("")
    folder = left(target)
    folder.mkdir()
    (folder / "inside").write_text("")
    for path in gone[1:4]:
        old = path.stat().st_mtime - week
        os.utime(path, (old, old))
    clear_unfinished(target)
    assert sorted(tmp_path.iterdir()) == sorted(stay)


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("")
    left(tmp_path / "x.csv").symlink_to(precious)
    clear_unfinished(tmp_path / "x.csv")
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["precious", "thesis.txt"]


def test_what_runs_have_left_goes(tmp_path: Path) -> None:
    out = tmp_path / "out"
    gone = [left(tmp_path / ".out.parts"), left(out), left(out)]
    for path in gone:
        path.mkdir()
        (path / "owner.json").write_text("{}")
    with claimed(out) as claim:
        assert {str(one) for one in tmp_path.iterdir()} == {claim.lock, claim.parts}
    assert list(tmp_path.iterdir()) == []


def test_processes() -> None:
    me = this_process()
    assert me.is_here
    now = time.time()
    assert not me.is_gone(now)
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert replace(me, pid=done.pid, started=0).is_gone(now)
    assert not replace(me, host="0" * 8, pid=done.pid).is_gone(now)  # another machine's cannot be seen
    if me.started:
        assert replace(me, started=me.started + 1).is_gone(now)  # the number is another's now


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with (
        pytest.raises(FileAccessError, match="is a folder, which is not replaced"),
        atomic_write(tmp_path / "x") as part,
    ):
        part.write_text("")
    assert re.fullmatch("x", *[one.name for one in tmp_path.iterdir()])
