"""Where a fresh process's time goes, as a picture: steps, below them imports by package and functions by room.

Three kinds of runs say it: plain ones what each step takes of the processor, ones under -X importtime what importing a
package's own modules takes of it, and one whose second round is profiled how the rest is shared out among functions (a
second round, because by then everything is imported). `python _flame.py SCRIPT FILE` is that last one, and prints JSON.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import _first_steps

import nwbin

FLOOR = ("numpy", "pandas", "pyarrow", "h5py")
OURS, OWN = "nwbin", "Python's own"
HOME = Path(nwbin.__file__).parent
ROWS = (0.0, 0.5, 1.2, 1.9, 3.7)  # where rows begin, and the last one ends
COLORS = {
    "whole": "#e8e8e8",
    "step": "#d4d4d4",
    "floor": "#8fa9c4",
    "other imports": "#c7d5e3",
    "our imports": "#f6b26b",
    "our functions": "#e67c52",
    "others' functions": "#f3d27a",
}
SAID = {
    "floor": "import of numpy, pandas, pyarrow, h5py",
    "other imports": "import of Python's own modules and other packages",
    "our imports": "import of nwbin",
    "our functions": "nwbin's functions, by room",
    "others' functions": "functions of packages, called by nwbin",
}


class Part(NamedTuple):
    """A stretch of time, and what it is made of."""

    label: str
    seconds: float
    kind: str
    parts: tuple[Part, ...] = ()


def package_of(module: str) -> str:
    """The package that a module belongs to."""
    package = module.split(".")[0]
    return OWN if package in sys.stdlib_module_names or package.startswith("_") else package


def imports_by_step(text: str) -> dict[str, dict[str, float]]:
    """Seconds of each package's own modules in each step, from what -X importtime and the steps write."""
    steps: dict[str, dict[str, float]] = {}
    took: dict[str, float] = defaultdict(float)
    for line in text.splitlines():
        if line.startswith("step: "):
            steps[line.removeprefix("step: ")] = dict(took)
            took.clear()
        elif line.startswith("import time:") and "self [us]" not in line:
            own, _, name = line.removeprefix("import time:").split("|")
            took[package_of(name.strip())] += int(own) / 1e6
    return steps


# ------------------------------------------------------------------ functions, in a process of their own


def room_of(file: str) -> str | None:
    """What a function belongs to, by its file: a room of nwbin, a package, or (None) whoever calls it."""
    path = Path(file)
    if path.is_relative_to(HOME):
        inside = path.relative_to(HOME).parts
        return f"{OURS}.{inside[0]}" if len(inside) > 1 else OURS
    return path.parts[path.parts.index("site-packages") + 1] if "site-packages" in path.parts else None


def seconds_by_room(profile: cProfile.Profile) -> dict[str, float]:
    """Share a profile out: functions of Python's own count for whoever calls them."""
    took: dict[str, float] = defaultdict(float)
    stats: Any = pstats.Stats(profile)
    for (file, _, _), (_, _, own, _, callers) in stats.stats.items():
        room = room_of(file)
        if room is not None:
            took[room] += own
            continue
        for (caller, _, _), (_, _, part, _) in callers.items():
            took[room_of(caller) or OWN] += part
    return dict(took)


def profiled(script: str, path: str) -> dict[str, dict[str, float]]:
    """Seconds by room of each step of a script, once everything that it needs is imported."""
    steps = {"counts": _first_steps.counts, "tutorial": _first_steps.tutorial}[script]
    steps(_first_steps.opened(OURS, path))
    found: dict[str, dict[str, float]] = {}
    profile = cProfile.Profile()

    def lap(step: str) -> None:
        profile.disable()
        found[step] = seconds_by_room(profile)
        profile.clear()
        profile.enable()

    _first_steps.lap = lap
    profile.enable()
    steps(_first_steps.opened(OURS, path))
    profile.disable()
    return found


# ------------------------------------------------------------------ parts


def parts_of(
    script: str,
    took: dict[str, float],
    imports: dict[str, dict[str, float]],
    functions: dict[str, dict[str, float]],
) -> Part:
    """Put together what a script's time is made of.

    Parameters
    ----------
    took
        Seconds of each step.
    imports
        And of it those that importing each package's modules took.
    functions
        By what, and in which proportions, the rest is shared out.
    """
    steps = []
    for step, whole in took.items():
        groups: dict[str, list[Part]] = {kind: [] for kind in SAID}
        for package, seconds in sorted(imports.get(step, {}).items(), key=lambda one: -one[1]):
            ours = package == OURS
            kind = "our imports" if ours else "floor" if package in FLOOR else "other imports"
            groups[kind].append(Part(package, seconds, kind))
        rest = max(0.0, whole - sum(part.seconds for parts in groups.values() for part in parts))
        shares = functions.get(step, {})
        total = sum(shares.values()) or 1.0
        for room, share in sorted(shares.items(), key=lambda one: -one[1]):
            kind = "our functions" if room.startswith(OURS) else "others' functions"
            groups[kind].append(Part(room, rest * share / total, kind))
        steps.append(Part(step, whole, "step", tuple(_grouped(groups))))
    return Part(script, sum(took.values()), "whole", tuple(steps))


def _grouped(groups: dict[str, list[Part]]) -> Iterator[Part]:
    for kind, parts in groups.items():
        if parts:
            yield Part(
                "functions" if "functions" in kind else "import",
                sum(part.seconds for part in parts),
                kind,
                tuple(parts),
            )


def seconds_of(part: Part, kind: str) -> float:
    """How long what is of a kind takes in all."""
    if part.kind == kind:
        return part.seconds
    return sum(seconds_of(one, kind) for one in part.parts)


def table(part: Part) -> str:
    """The picture's sums, in words."""
    lines = [f"| {part.label} | ms | % |", "|---|--:|--:|"]
    for kind, said in SAID.items():
        took = seconds_of(part, kind)
        lines.append(f"| {said} | {1000 * took:,.0f} | {100 * took / part.seconds:.0f} |")
    return "\n".join([*lines, f"| all | {1000 * part.seconds:,.0f} | 100 |"])


# ------------------------------------------------------------------ the picture


def draw(wholes: list[Part], target: Path) -> None:
    """Draw scripts one below the other: x is time, and each row what the row above is made of."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = OURS  # the same picture of the same numbers
    mpl.rcParams["svg.fonttype"] = "none"  # text stays text
    figure = Figure(figsize=(12, 3.6 * len(wholes) + 0.6), layout="constrained")
    axes = figure.subplots(len(wholes), squeeze=False)[:, 0]
    longest = 1000 * max(whole.seconds for whole in wholes)
    for axis in axes:
        axis.set(
            xlim=(0, longest),
            ylim=(ROWS[-1], 0),
            yticks=[],
            xlabel="ms of processor time, the interpreter's start included",
        )
        axis.spines[["top", "left", "right"]].set_visible(False)
    figure.canvas.draw()  # labels are fitted to where things will be
    for axis, whole in zip(axes, wholes, strict=True):
        _draw_part(axis, whole, 0.0, 0, whole.seconds)
    handles = [mpl.patches.Patch(color=COLORS[kind], label=said) for kind, said in SAID.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    figure.savefig(target, metadata={"Date": None} if target.suffix == ".svg" else {}, dpi=130)


def _draw_part(axis: Any, part: Part, start: float, row: int, whole: float) -> None:
    width, top, height = 1000 * part.seconds, ROWS[row], ROWS[row + 1] - ROWS[row]
    axis.broken_barh(
        [(start, width)],
        (top + 0.02, height - 0.04),
        facecolor=COLORS[part.kind],
        edgecolor="white",
        linewidth=0.5,
    )
    took, percent = f"{width:,.0f} ms", f"{100 * part.seconds / whole:.0f}%"
    for text, angle in (
        (f"{part.label}: {took}, {percent}", 0),
        (f"{part.label}\n{took}\n{percent}", 0),
        (f"{part.label}, {took}", 90),
        (part.label, 90),
    ):
        label = axis.text(
            start + width / 2, top + height / 2, text, ha="center", va="center", fontsize=7, rotation=angle
        )
        box = label.get_window_extent().transformed(axis.transData.inverted())
        if abs(box.width) < 0.97 * width and abs(box.height) < 0.95 * height:
            break
        label.remove()
    for one in part.parts:
        _draw_part(axis, one, start, row + 1, whole)
        start += 1000 * one.seconds


if __name__ == "__main__":
    print(json.dumps(profiled(*sys.argv[1:])))
