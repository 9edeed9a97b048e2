"""Running commands in this process, and what is true of their answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import nwbin
from nwbin.cli import app

NWBIN = [sys.executable, "-m", "nwbin"]


def run(*args: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in args])


def good(*args: object) -> str:
    result = run(*args)
    assert result.exit_code == 0, result.output
    return result.output


def bad(*args: object) -> str:
    """The one line that a failure prints; that of --json as it is without."""
    result = run(*args)
    assert result.exit_code == 2, result.output
    lines = result.output.splitlines()
    if "--json" in args:
        said = [(kind, one["message"]) for line in lines for kind, one in json.loads(line).items()]
        lines = [f"{kind}: {message}" for kind, message in said]
    lines = [line for line in lines if not line.startswith("note: ")]
    assert len(lines) == 1, result.output
    assert lines[0].startswith("error: ")
    return lines[0]


def on_a_terminal(*args: object, **environment: str) -> str:
    """All that a terminal is shown, colours included."""
    pty = pytest.importorskip("pty")
    outer, inner = pty.openpty()
    with subprocess.Popen(
        [*NWBIN, *map(str, args)], stdout=inner, env={**os.environ, **environment}
    ) as process:
        os.close(inner)
        shown = b""
        while True:
            try:
                part = os.read(outer, 65536)
            except OSError:  # how Linux says that nothing more comes
                break
            if not part:
                break
            shown += part
        assert process.wait() == 0
    os.close(outer)
    return shown.decode()


def naive(session: nwbin.Session, begin: Any, end: Any, units: Any, closed: str) -> np.ndarray:
    """Windows x units by searching each unit's spikes."""
    first, last = {"left": ("left", "left"), "right": ("right", "right"), "both": ("left", "right")}[closed]
    spikes = [session.file.spike_trains([unit])[unit] for unit in units]
    return np.stack(
        [np.searchsorted(t, end, last) - np.searchsorted(t, begin, first) for t in spikes], axis=-1
    )
