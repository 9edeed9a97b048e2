"""Compiled functions kept on the disk: damage, strangers, full disks, races; counts are right whatever happens."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numba  # noqa: TID251 - what it does with a cache is what is tested
import numpy as np
import pytest

import nwbin
from nwbin.errors import NwbinWarning
from nwbin.kernels import cache
from tests.disks import FileSizeLimit

pytestmark = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")
posix = pytest.mark.skipif(os.name == "nt", reason="folders have no such modes there")
NUMBERS = np.arange(5.0)


def add_up(numbers: Any) -> Any:
    total = 0.0
    for number in numbers:
        total += number
    return total


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache of this test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(folder))
    monkeypatch.setattr(cache, "_said", set())
    cache._folder.cache_clear()
    yield folder
    cache._folder.cache_clear()


def taken(*arrays: Any) -> list[bool]:
    """Sum up arrays as a new process would; whether the code for each came from the cache."""
    made: list[Any] = []

    def jit(function: Any, **options: Any) -> Any:
        made.append(numba.njit(**options)(function))
        return made[-1]

    cache._folder.cache_clear()
    cache._said.clear()
    function = cache.kept(add_up, jit)
    for array in arrays or [NUMBERS]:
        assert function(array) == array.sum()
    return [bool(sum(one.stats.cache_hits.values())) for one in made]


def files(place: Path, ending: str) -> list[Path]:
    found = [path for path in place.rglob(f"*{ending}") if path.is_file()]
    assert found
    return found


def test_the_next_process_compiles_nothing(place: Path) -> None:
    assert taken(NUMBERS, NUMBERS.astype(np.float32)) == [False, False]
    assert taken(NUMBERS, NUMBERS.astype(np.float32)) == [True, True]


def test_types_are_told_apart_and_compiled_once(place: Path) -> None:
    locked = NUMBERS.copy()
    locked.flags.writeable = False
    view = np.arange(10.0)[5:]
    assert len(taken(NUMBERS, NUMBERS.copy(), view, locked, np.arange(10.0)[::2], NUMBERS.astype("f4"))) == 4


class Foreign:
    """A pickle that makes a file as it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def garble(path: Path) -> None:
    path.write_bytes(b"\x1b[31mno pickle at all")


def replace(path: Path) -> None:
    path.write_bytes(pickle.dumps("nothing that Numba knows"))


def of_another_shape(path: Path) -> None:
    path.write_bytes(pickle.dumps(numba.__version__) + pickle.dumps(3))


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_link(path: Path) -> None:
    moved = path.with_suffix(".moved")
    path.rename(moved)
    path.symlink_to(moved)


@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", [cut, empty, garble, replace, of_another_shape, make_folder, make_link])
def test_a_damaged_cache_is_passed_over(place: Path, ending: str, damage: Callable[[Path], None]) -> None:
    taken()
    for path in files(place, ending):
        damage(path)
    if ending == ".nbi" and damage is replace:  # an index of another Numba: written anew
        assert taken() == [False]
        return
    with pytest.warns(NwbinWarning) as said:
        taken(NUMBERS, NUMBERS.astype(np.float32))
    assert len(said) == 1
    assert str(next(place.iterdir())) in str(said[0].message)
    assert "delete that folder" in str(said[0].message)
    assert "\x1b" not in str(said[0].message)


@posix
@pytest.mark.parametrize("where", ["above", "home", "folder", "file"])
def test_what_others_can_write_is_not_read(place: Path, where: str, tmp_path: Path) -> None:
    taken()
    mark = tmp_path / "mark"
    for path in [*files(place, ".nbi"), *files(place, ".nbc")]:
        path.write_bytes(pickle.dumps(Foreign(mark)))
    opened = {
        "above": place,
        "home": next(place.iterdir()),
        "folder": files(place, ".nbi")[0].parent,
        "file": files(place, ".nbi")[0],
    }[where]
    opened.chmod(0o777)
    with pytest.warns(NwbinWarning, match=re.escape(f"'{opened}' is another user's, or others can write")):
        assert taken() == [False]
    assert not mark.exists()
    opened.chmod(0o700)
    taken()
    assert mark.exists()  # the user's own is read: the pickles would have run


@posix
@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
def test_a_pipe_is_not_opened(place: Path, ending: str) -> None:
    taken()
    pipe = files(place, ending)[0]
    pipe.unlink()
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="neither a file nor a folder"):
        cache._refuse_unsafe(place)  # first by itself: who opens the pipe waits for ever
    with pytest.warns(NwbinWarning, match=re.escape(f"'{pipe}' is neither a file nor a folder")):
        assert taken() == [False]


@posix
def test_what_belongs_to_another_user_is_not_read(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken()
    me = os.geteuid()
    monkeypatch.setattr(cache, "_masters", lambda: (me, me + 1, 0))
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.warns(NwbinWarning, match="is another user's"):
        assert taken() == [False]


@posix
def test_whose_group_may_write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import grp
    import pwd

    cache._is_private.cache_clear()
    tmp_path.chmod(0o775)
    user = pwd.getpwuid(os.geteuid())
    for name, members, private in (
        (user.pw_name, [], True),
        (user.pw_name, [user.pw_name], True),
        (user.pw_name, ["another"], False),
        ("staff", [], False),
    ):
        group = grp.struct_group((name, "x", user.pw_gid, members))
        monkeypatch.setattr(grp, "getgrgid", lambda number, group=group: group)
        monkeypatch.setattr(pwd, "getpwuid", lambda number: user)
        cache._is_private.cache_clear()
        assert cache._is_private(user.pw_gid) is private
        assert not cache._is_private(user.pw_gid + 1)
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    cache._is_private.cache_clear()
    assert not cache._is_private(user.pw_gid)  # nobody knows this user
    cache._is_private.cache_clear()


@posix
def test_a_full_disk(place: Path) -> None:
    with (
        FileSizeLimit(1000),
        pytest.warns(NwbinWarning, match=r"no compiled kernels can be kept.*File too large"),
    ):
        assert taken(NUMBERS, NUMBERS.astype(np.float32)) == [
            False,
            False,
        ]  # compiled once each, all the same
    assert taken() == [False]  # with room again
    assert taken() == [True]


def test_no_place_for_a_cache(place: Path) -> None:
    place.touch()
    with pytest.warns(NwbinWarning, match="set NUMBA_CACHE_DIR to a folder that only you can write") as said:
        taken(NUMBERS, NUMBERS.astype(np.float32))
    assert len(said) == 1


def test_nobody_without_a_home(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.warns(NwbinWarning, match="no compiled kernels can be kept"):
        assert taken() == [False]


@pytest.mark.parametrize("name", ["stats", "compile", "signatures"])
def test_a_numba_that_lacks_a_name(place: Path, name: str) -> None:
    class Newer:
        """A dispatcher of a Numba that has lost a public name."""

        def __init__(self, compiled: Any) -> None:
            self.compiled = compiled

        def __getattr__(self, asked: str) -> Any:
            if asked == name:
                raise AttributeError(name)
            return getattr(self.compiled, asked)

        def __call__(self, *arguments: Any) -> Any:
            return self.compiled(*arguments)

    def jit(function: Any, **options: Any) -> Any:
        return Newer(numba.njit(**options)(function))

    function = cache.kept(add_up, jit)
    if name == "signatures":  # is asked for only where something went wrong
        assert function(NUMBERS) == 10.0
        garble(files(place, ".nbi")[0])
        function = cache.kept(add_up, jit)
    with pytest.warns(NwbinWarning, match="AttributeError|UnpicklingError"):
        assert function(NUMBERS) == 10.0


def test_a_numba_without_settings(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_config", None)
    with pytest.warns(NwbinWarning, match="no compiled kernels can be kept.*AttributeError"):
        assert taken() == [False]


def test_a_numba_that_heeds_no_cache_dir(place: Path, tmp_path: Path) -> None:
    def jit(function: Any, **options: Any) -> Any:
        before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(tmp_path / "elsewhere")
        try:
            return numba.njit(**options)(function)
        finally:
            numba.config.CACHE_DIR = before

    with pytest.warns(NwbinWarning, match="Numba keeps its files elsewhere"):
        assert cache.kept(add_up, jit)(NUMBERS) == 10.0
    assert not list((tmp_path / "elsewhere").rglob("*.nb?"))


def test_what_older_sources_left_is_removed(place: Path) -> None:
    taken()
    home = next(place.iterdir())
    old = home / "0123456789ab"
    next(home.iterdir()).rename(old)
    assert taken() == [False]
    assert not old.exists()


@posix
def test_what_goes_while_it_is_looked_through(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As where two processes begin at once, and the other removes what older sources left.
    taken()
    home = next(place.iterdir())
    old = home / "0123456789ab"
    shutil.copytree(next(home.iterdir()), old)
    look = os.scandir

    def late(path: Any) -> Any:
        if not isinstance(path, int) and Path(path) == old:
            monkeypatch.setattr(os, "scandir", look)
            shutil.rmtree(old)
        return look(path)

    monkeypatch.setattr(os, "scandir", late)
    cache._refuse_unsafe(home)
    assert not old.exists()


# Processes


def _sum_up(place: str, kinds: list[str]) -> list[float]:
    os.environ["NUMBA_CACHE_DIR"] = place
    cache._folder.cache_clear()
    function = cache.kept(add_up, lambda given, **options: numba.njit(**options)(given))
    return [float(function(NUMBERS.astype(kind))) for kind in kinds]


def test_processes_that_race_take_no_code_for_another(place: Path) -> None:
    # Each process starts with another type in an empty folder; what it finds there later has to be that type's.
    kinds = ["f8", "f4", "i8"]
    jobs = [(str(place), kinds), (str(place), kinds[::-1])]
    with get_context("spawn").Pool(2) as pool:
        assert pool.starmap(_sum_up, jobs, chunksize=1) == [[10.0] * 3] * 2
    assert taken(*(NUMBERS.astype(kind) for kind in kinds)) == [True] * 3
    assert len({path.parent for path in files(place, ".nbi")}) == 3


SCRIPT = """
import os, warnings
import numpy as np, nwbin
assert nwbin.__file__.startswith(os.environ["EXPECTED_HOME"])
values, totals = np.arange(0, 100, 0.1), np.zeros(99, np.int64)
onsets = np.arange(99.0)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    from nwbin.kernels.compiled import count_rows
    count_rows(values, np.array([0, 500]), np.array([500, 1000]), onsets, onsets + 0.55, True, totals)
print(totals.sum())
print(*(f"{type(one.message).__name__}: {one.message}" for one in said), sep="\\n")
"""


def in_a_copy(tmp_path: Path, script: str = SCRIPT, **environment: str) -> list[str]:
    """Count with a copy of the package; the sum, and the warnings."""
    if not (tmp_path / "nwbin").exists():
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(nwbin.__file__).parent, tmp_path / "nwbin", ignore=ignored)
    own = {"PYTHONPATH": str(tmp_path), "EXPECTED_HOME": str(tmp_path), "NUMBA_BOUNDSCHECK": "0"}
    own |= {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, **own, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_counts_are_right_beside_a_damaged_cache(tmp_path: Path) -> None:
    right, *said = in_a_copy(tmp_path)
    assert said == [""]
    written = {path: path.stat().st_mtime_ns for path in files(tmp_path, ".nbc")}
    assert in_a_copy(tmp_path) == [right, ""]
    assert {path: path.stat().st_mtime_ns for path in files(tmp_path, ".nbc")} == written
    for path in written:
        cut(path)
    again, warning = in_a_copy(tmp_path)
    assert again == right
    assert warning.startswith("NwbinWarning: no compiled kernels can be kept in")


def test_a_change_in_any_file_is_noticed(tmp_path: Path) -> None:
    script = "from nwbin.kernels import cache; print(cache._folder())"
    before = in_a_copy(tmp_path, script)
    assert in_a_copy(tmp_path, script) == before
    with (tmp_path / "nwbin" / "kernels" / "common.py").open("a") as file:
        file.write("\n# changed\n")
    assert in_a_copy(tmp_path, script) != before
