"""Compare nwbin with what AllenSDK answered, call by call: `python -m tests.parity.report FOLDER [FOLDER ...]`.

A folder holds sessions, or is one: session_*.nwb, its LFP files, and allen/<mode>/ with the recorded answers.
Prints a table of every recorded output and whether it is equal, or which listed difference it is. The exit code
is 1 if anything differs that is not listed.
"""

from __future__ import annotations

import argparse
import builtins
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import nwbin
from tests.parity import compare
from tests.parity.bundle import Bundle
from tests.parity.calls import perform
from tests.parity.differences import DIFFERENCES, Case
from tests.parity.modes import MODES


class Verdict(NamedTuple):
    """What the comparison of one recorded output came to."""

    session: str
    mode: str
    call: str
    verdict: str  # "equal", the name of a listed difference, or ""
    problems: list[str]  # what differs, where it is not listed


def lfp_probe(folder: Path) -> int:
    """Return the probe whose LFP file lies in a session's folder."""
    return int(next(folder.glob("probe_*_lfp.nwb")).stem.split("_")[1])


def _answer(session: nwbin.Session, name: str, request: dict[str, Any], probe: int) -> Any:
    try:
        return perform(session, name, request or None, probe)
    except nwbin.NwbinError as error:
        return error


def _problems(case: Case, bundle: Bundle, warned: bool) -> list[str]:
    mine, call, name = case.mine, case.call, case.name
    if isinstance(mine, Exception):
        if call["ok"]:
            return [f"raises {type(mine).__name__}: {mine}"]
        # NumPy's and pandas' own kinds of error count as the builtin that they derive from.
        kind = getattr(builtins, call["error_type"], TypeError)
        return (
            [] if isinstance(mine, kind) else [f"{type(mine).__name__}, AllenSDK raises {call['error_type']}"]
        )
    if not call["ok"]:
        return [f"answers, AllenSDK raises {call['error_type']}: {call['error'][:80]}"]
    own = [
        w for w in call["warnings"] if w["category"] == "UserWarning" and w["file"] == "ecephys_session.py"
    ]
    missed = ["does not warn, AllenSDK does"] if own and not warned else []
    if case.frame is not None:
        stimulus_table = name.removeprefix("_").startswith(("stimulus_", "get_stimulus_table"))
        spike_table = name.startswith("spike_times_by_presentation")
        return missed + compare.frame_problems(
            mine, case.frame, any_column_order=stimulus_table, ties=spike_table
        )
    if call["type"] == "DataArray":
        return missed + compare.array_problems(mine, name, call, bundle)
    if "units" in call:
        return missed + compare.unit_problems(mine, call)
    if name == "spike_times_second_access":
        return [] if warned == bool(own) else ["warns at each access"]
    return missed + compare.value_problems(mine, call)


def _special(folder: Path, name: str, session: nwbin.Session, probe: int) -> Any:
    """Answer the calls that open the session anew."""
    path = next(folder.glob("session_*.nwb"))
    if name in ("get_lfp_without_paths", "get_csd_without_paths"):
        method = "get_lfp" if "lfp" in name else "get_current_source_density"
        return getattr(nwbin.open(path), method)(probe)
    if name.startswith("from_nwb_path"):
        opened = nwbin.Session.from_nwb_path(path, amplitude_cutoff_maximum=np.inf, filter_by_validity=False)
        return opened.num_units if name.endswith("num_units") else opened
    raise NotImplementedError(name)


def verdicts(folder: Path, mode: Path) -> Iterator[Verdict]:
    """Compare every recorded output of a session, opened in one way."""
    bundle, probe = Bundle(mode), lfp_probe(folder)
    path = next(folder.glob("session_*.nwb"))
    with nwbin.open(path, **MODES[mode.name]) as session:
        for name, call in bundle.calls.items():
            request = bundle.requests.get(name) or {}
            with warnings.catch_warnings(record=True) as given:
                warnings.simplefilter("always")
                if name == "open":
                    mine: Any = session
                elif name.startswith(("get_lfp_without", "get_csd_without", "from_nwb_path")):
                    mine = _special(folder, name, session, probe)
                else:
                    mine = _answer(session, name, request, probe)
                warned = any(issubclass(w.category, nwbin.NwbinWarning) for w in given)
                case = Case(name, request, mine, call, bundle.frames.get(name), session)
                problems = [] if name == "open" else _problems(case, bundle, warned)
                listed = [d.name for d in DIFFERENCES if d.explains(case)] if problems else []
            if not problems:
                yield Verdict(folder.name, mode.name, name, "equal", [])
            elif listed:
                yield Verdict(folder.name, mode.name, name, listed[0], [])
            else:
                yield Verdict(folder.name, mode.name, name, "", problems)


def session_folders(roots: list[Path]) -> list[Path]:
    """Return the folders that hold a session and recorded answers."""
    found = [root for root in roots if (root / "allen").is_dir()]
    return found + sorted(
        p for root in roots if root not in found for p in root.iterdir() if (p / "allen").is_dir()
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--brief", action="store_true", help="only totals, and what is not listed")
    options = parser.parse_args(arguments)
    totals: Counter[str] = Counter()
    folders = session_folders(options.folders)
    for folder in folders:
        for mode in sorted((folder / "allen").iterdir()):
            for row in verdicts(folder, mode):
                what = row.verdict or "DIFFERS: " + "; ".join(row.problems)
                totals[row.verdict or "DIFFERS"] += 1
                if not options.brief or not row.verdict:
                    print(f"{row.session:24} {row.mode:16} {row.call:52} {what}")
    print(f"\n{sum(totals.values())} outputs of {len(folders)} sessions")
    for verdict, number in totals.most_common():
        print(f"{number:6}  {verdict}")
    return 1 if totals["DIFFERS"] or not totals else 0


if __name__ == "__main__":
    sys.exit(main())
