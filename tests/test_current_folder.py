"""What lies in the current folder is data: it is not run, and sets nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba  # noqa: TID251 - what it takes from the folder is what is tested
import numpy as np
import pytest

import nwbin
from nwbin.errors import FileAccessError
from nwbin.kernels import cache

SETTINGS = ".numba_config.yaml"
PATIENCE = 120  # seconds until a process is taken to hang
LOAD = """
import nwbin
try:
    import nwbin.kernels.compiled
except nwbin.NwbinError as error:
    print(type(error).__name__, error)
"""


def run(folder: Path, *arguments: str, **environment: str) -> str:
    """What Python prints, run in a folder with nothing else of ours on its import path."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=own,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# Settings for Numba


@pytest.mark.parametrize("text", ["cache_dir: .\nopt: 0\n", "broken: [\n", "- a list\n"])
def test_settings_for_numba_are_refused_before_it_reads_them(tmp_path: Path, text: str) -> None:
    (tmp_path / SETTINGS).write_text(text)
    said = run(tmp_path, "-P", "-c", LOAD)
    assert said.startswith("FileAccessError ")
    assert repr(str(tmp_path / SETTINGS)) in said
    assert "move that file away, or run from another folder" in said


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")
def test_settings_in_a_folder_gone_to_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def first(numbers: Any) -> Any:
        return numbers[0]

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    cache._folder.cache_clear()
    try:
        function = cache.kept(first, lambda given, **options: numba.njit(**options)(given))
        Path(SETTINGS).write_text("opt: 0\n")
        with pytest.raises(FileAccessError, match="has settings for Numba"):
            function(np.arange(3.0))
        Path(SETTINGS).unlink()
        assert function(np.arange(3.0)) == 0.0  # nothing has stuck
    finally:
        cache._folder.cache_clear()


def test_numba_has_no_say_in_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What a program that read such a file before has in Numba's settings.
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "mine"))
    assert cache._home().parent == tmp_path / "mine"
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    assert tmp_path / "data" not in cache._home().parents


# Programs


def loaded_by_python(folder: Path) -> set[str]:
    """The modules that Python itself imports for any ``-m``, the current folder first on its path."""
    (folder / "bare.py").write_text("import sys\nprint(*sys.modules)\n")
    return set(run(folder, "-m", "bare").split())


def test_no_module_is_taken_from_the_current_folder(tmp_path: Path) -> None:
    taken = loaded_by_python(tmp_path)
    names = (sys.stdlib_module_names | {"numpy", "h5py", "pandas", "numba", "typer", "click"}) - taken
    assert len(names) > 100
    data, ran = tmp_path / "data", tmp_path / "ran"
    data.mkdir()
    for name in names:
        (data / f"{name}.py").write_text(f"open({str(ran)!r}, 'a').write({name!r} + ' ')\n")
    said = run(data, "-m", "nwbin", "--version")
    assert not ran.exists(), ran.read_text()
    assert said == f"nwbin {nwbin.__version__}\n"
