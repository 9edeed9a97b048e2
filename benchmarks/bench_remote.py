"""How quickly a question is answered of a session that lies on a server, against what else one could do.

    python benchmarks/bench_remote.py [FILE]           # a released-size session is written where none is given
    python benchmarks/bench_remote.py FILE --python lazynwb=path/to/python --python remfile=path/to/python
    python benchmarks/bench_remote.py --small          # a smoke test
    python benchmarks/bench_remote.py --readme README.md    # and put the table there

The question is the tutorial's: units, stimulus table, X and y of V1 for static gratings. The server is one on the
loopback interface, which waits 50 ms before each answer and sends 40 MB/s over each connection; what it is asked and
what it sends is counted there. Every contender answers in a fresh process, with what it imports, and the answers are
compared. lazynwb (which does not go with current Zarr), pynwb and remfile are found in environments of their own;
those that are not there are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from _data import machine
from _readme import Place, in_words

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from tests.remote.server import Server, serving  # noqa: E402 - it lies beside this folder

DELAY, RATE = 0.05, 40e6  # s, bytes a second of each connection
# Contender, what is kept or given beforehand, and what it is called in the table.
ROWS = (
    ("nwbin", "nothing", "nwbin, the first time"),
    ("nwbin", "cache", "nwbin, the second time (what was fetched is kept on the disk)"),
    ("nwbin", "index", "nwbin with an index, nothing kept"),
    ("lazynwb", "nothing", "lazynwb, the first time"),
    ("lazynwb", "cache", "lazynwb, the second time (its catalogue is kept on the disk)"),
    ("remfile", "nothing", "pynwb + remfile"),
    ("download", "nothing", "the whole file, then nwbin"),
    ("units", "nothing", "nwbin, units as AllenSDK shows them alone, the first time"),
    ("units", "cache", "the same, the second time"),
    ("units", "index", "the same with an index, nothing kept"),
)


def run(
    python: str, server: Server, contender: str, address: str, given: list[str], env: Any, limit: float
) -> Any:
    """Answer once in a fresh process; with how much the server was asked for."""
    server.asked.clear()
    server.sent = 0
    command = [python, str(HERE / "_remote_steps.py"), contender, address, *given]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False, env=env)
    except subprocess.TimeoutExpired:
        return {"failed": f"longer than {limit:.0f} s"}
    lines = done.stdout.strip().splitlines()
    found = (
        json.loads(lines[-1]) if done.returncode == 0 and lines else {"failed": done.stderr.strip()[-300:]}
    )
    return found | {"requests": len(server.asked), "bytes": server.sent}


def measure(
    server: Server, address: str, pythons: dict[str, str], given: Any, folder: Path
) -> dict[str, Any]:
    """Answer by every contender, several times; the quickest counts."""
    index = folder / "sessions.index"
    found: dict[str, Any] = {}
    for turn in range(given.runs):
        for number, (contender, before, label) in enumerate(ROWS):
            place = folder / f"kept-{turn}-{contender}"
            size = "0" if before == "index" else "10GB"
            env = os.environ | {"NWBIN_CACHE_DIR": str(place), "NWBIN_CACHE_SIZE": size}
            env["LAZYNWB_CATALOG_CACHE_PATH"] = f"{place}.sqlite"
            more = [str(index)] if before == "index" else []
            one = run(
                pythons.get(contender, sys.executable), server, contender, address, more, env, given.limit
            )
            if "missing" in one:
                continue
            if turn and one.get("seconds", 1e9) >= found[label].get("seconds", 1e9):
                continue
            found[label] = one | {"contender": contender, "number": number}
    return found


def table(found: dict[str, Any]) -> str:
    """The rows, whoever has failed in words."""
    lines = ["| | seconds | requests | MB |", "|---|--:|--:|--:|"]
    for label, one in found.items():
        name = label.replace("lazynwb", one.get("version", "lazynwb"), 1)
        if "failed" in one:
            lines.append(f"| {name} | fails: {one['failed'].splitlines()[-1][:80]} | | |")
            continue
        lines.append(
            f"| {name} | {in_words(one['seconds'])} | {one['requests']:,} | {in_words(one['bytes'] / 1e6)} |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--small", action="store_true", help="a tiny session, one run each")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--python", action="append", default=[], metavar="CONTENDER=PYTHON")
    parser.add_argument("--limit", type=float, default=600, help="seconds for one answer")
    parser.add_argument("--readme", type=Path, help="the file to put the table into")
    given = parser.parse_args(arguments)
    if given.readme and given.small:
        parser.error("the README shows a file of real size: leave out --small")
    place = Place(given.readme, "remote") if given.readme else None
    given.runs = 1 if given.small else given.runs
    pythons = dict(each.split("=", 1) for each in given.python)

    import nwbin
    from nwbin import cache

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = given.file
        if path is None:
            path = folder / "session.nwb"
            nwbin.testing.write_session(path, size="tiny" if given.small else "full", seed=0)
        with serving(files={"session.nwb": path}) as server:
            address = server.url("session.nwb")
            cache.write_index(address, folder / "sessions.index")
            server.delay, server.rate = (0.0, None) if given.small else (DELAY, RATE)
            found = measure(server, address, pythons, given, folder)
        size = (folder / "sessions.index").stat().st_size
    shown = table(found)
    print(shown)
    answers = {
        json.dumps(one["answer"]) for one in found.values() if "answer" in one and one["contender"] != "units"
    }
    for label, one in found.items():
        print(f"{label}: {one.get('answer', one.get('failed'))}")
    if len(answers) != 1:
        raise SystemExit("the answers differ")
    about = (
        f"A file of {path_size(given.file)}, an index of {size / 1e6:.2g} MB"
        if given.file
        else "A small file"
    )
    about += f"; {DELAY * 1000:.0f} ms and {RATE / 1e6:.0f} MB/s a connection; {machine()}."
    print(f"\n{about}")
    if place:
        place.fill(f"{shown}\n\n{about}")


def path_size(path: Path) -> str:
    """Its size in words."""
    return f"{path.stat().st_size / 1e9:.3g} GB"


if __name__ == "__main__":
    main()
