"""Completion in a shell: commands, options, and the names that the file on the line has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nwbin.cli import app
from tests.small_files import write_small

PROGRAM = f"#!{sys.executable}\nimport sys\nfrom nwbin.cli import main\nsys.argv[0] = 'nwbin'\nmain()\n"
BASH = shutil.which("bash")


def completed(words: str) -> list[str]:
    """What the program answers a shell with, the cursor at the end of the line."""
    shell = {"_NWBIN_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = CliRunner().invoke(app, [], prog_name="nwbin", env=shell)
    assert done.exit_code == 0
    return done.output.split()  # errors, too, were there any


def test_the_names_of_the_files_stimuli(tiny: Path, tmp_path: Path) -> None:
    for command in ("psth", "count"):
        found = completed(f"nwbin {command} {tiny} --stimulus natural_m")
        assert sorted(found) == ["natural_movie_one", "natural_movie_three"]
    assert completed(f"nwbin rf {tiny} --stimulus flashes --stimulus ga") == ["gabors"]
    assert {"VISp", "VISam"} <= set(completed(f"nwbin rf {tiny} --structures VIS"))
    assert "VISp,VISam" in completed(f"nwbin rf {tiny} --structures VISp,VIS")
    assert "VISp,VISp" not in completed(f"nwbin rf {tiny} --structures VISp,VIS")
    other = write_small(tmp_path / "small.nwb")
    assert completed(f"nwbin raster {other} --intervals t") == ["trials"]
    # What cannot be read, or is not there, or lies on a server, is silence.
    (tmp_path / "broken.nwb").write_bytes(b"no HDF5")
    for given in ("", str(tmp_path / "broken.nwb"), "none.nwb", "https://127.0.0.1:9/x.nwb"):
        assert completed(f"nwbin psth {given} --stimulus f".replace("  ", " ")) == [], given


@pytest.mark.slow
@pytest.mark.skipif(BASH is None or os.name == "nt", reason="needs bash")
def test_in_bash_itself(tiny: Path, tmp_path: Path) -> None:
    """As bash does it: what --show-completion prints is read, and its function called as for the key."""
    home, program = tmp_path / "home", tmp_path / "bin" / "nwbin"
    home.mkdir()
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    script = f"""
nwbin --show-completion > shown || exit 1
nwbin --install-completion > said || exit 1
source "$HOME/.bashrc"
complete -p nwbin
ask() {{
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
    "$(complete -p nwbin | sed 's/.*-F \\([^ ]*\\).*/\\1/')" nwbin
    echo "${{COMPREPLY[@]}}"
}}
ask nwbin ra
ask nwbin psth --max
ask nwbin psth {tiny} --stimulus fl
"""
    environment = {
        **os.environ,
        "HOME": str(home),
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        [str(BASH), "--norc", "-c", script], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    lines = done.stdout.splitlines()
    assert lines[1:] == ["raster", "--max-panels", "flashes"], done.stderr
    assert lines[0].startswith("complete ")
    assert "complete" in (tmp_path / "shown").read_text()
