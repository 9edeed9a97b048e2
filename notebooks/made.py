"""Pages of the documentation that are read off the package: nothing in them is written by hand, so nothing is stale."""

from __future__ import annotations

import inspect
import re
import shutil
from collections.abc import Iterable, Iterator
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any

import nwbin

README = Path(__file__).parents[1] / "README.md"

# The rooms with a door of their own, in the order in which one needs them. An object is shown at the first that has it.
DOORS = {
    "nwbin": "The package",
    "nwbin.responses": "Answers from counts",
    "nwbin.metrics": "Metrics of units",
    "nwbin.decode": "Decoding",
    "nwbin.plot": "Pictures",
    "nwbin.export": "Files out",
    "nwbin.exchange": "Other libraries' objects",
    "nwbin.report": "Pages for a browser",
    "nwbin.check": "What is wrong with a file",
    "nwbin.dataset": "Many sessions",
    "nwbin.downloads": "Downloads",
    "nwbin.cache": "What is kept of files on servers",
    "nwbin.session": "What a session gives",
    "nwbin.trains": "Spike trains",
    "nwbin.binning": "Counting",
    "nwbin.testing": "Synthetic sessions",
    "nwbin.errors": "Errors and warnings",
}
# Of no door, but spoken of in docstrings.
BESIDE = {
    "nwbin.responses": [
        "nwbin.responses.rows.as_rows",
        "nwbin.estimates.paired_test",
        "nwbin.estimates.smoothing_matrix",
    ],
    "nwbin.metrics": ["nwbin.metrics.faces.StimulusAnalysis"],
    "nwbin.dataset": ["nwbin.dataset.unit_metrics.UnitMetrics"],
    "nwbin.export": ["nwbin.tables.conditions.matches", "nwbin.tables.tidy.tidy"],
    "nwbin.plot": ["nwbin.plot.sessions.overview_of"],
    "nwbin.session": ["nwbin.allen.queries.epochs"],
}
LARGE = ("Session", "Dataset", "File")  # classes with a page of their own


def write(folder: Path) -> None:
    """Write all of them into a folder, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in {**reference(), **pages()}.items():
        (folder / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """What is no reference, by name of file."""
    return {
        "glossary.md": glossary(),
        "command_line.md": command_line(),
        "interval_rule.svg": interval_rule(),
        "reading.md": from_readme("reading"),
        "session.md": from_readme("session"),
        "counting.md": from_readme("counting"),
        "differences.md": from_readme("differences"),
        "corrections.md": from_readme("corrections"),
        "house.md": section_of_readme("The house"),
    }


# ---------------------------------------------------------------- reference


def reference() -> dict[str, str]:
    """A page for each door, and for each large class; in reStructuredText, whose directives autodoc is made of."""
    texts: dict[str, str] = {}
    seen: set[int] = set()
    for door, title in DOORS.items():
        module = import_module(door)
        names = list(nwbin._HOME) if door == "nwbin" else list(module.__all__)
        objects = {name: getattr(module, name) for name in sorted(names, key=str.lower)}
        documented = {
            name: one for name, one in objects.items() if inspect.isroutine(one) or inspect.isclass(one)
        }
        here = {name: one for name, one in documented.items() if id(one) not in seen}
        seen.update(map(id, here.values()))
        parts = [
            *heading(f"{door}: {title[:1].lower()}{title[1:]}", door),
            overview(module),
            *table(door, here),
        ]
        parts += [f"- ``{name}`` = ``{one!r}``" for name, one in objects.items() if is_constant(one)]
        parts += elsewhere(door, set(documented) - set(here))
        for name, one in here.items():
            if name in LARGE:
                texts[f"class_{name}.rst"] = "\n".join(
                    [*heading(f"{door}.{name}"), *directive(f"{door}.{name}", one)]
                )
            else:
                parts += directive(f"{door}.{name}", one)
        for dotted in BESIDE.get(door, ()):
            owner, _, name = dotted.rpartition(".")
            parts += directive(dotted, getattr(import_module(owner), name))
        texts[f"api_{door.rpartition('.')[2]}.rst"] = "\n".join(parts) + "\n"
    return texts


def overview(module: Any) -> str:
    """What a module says of itself; nwbin's own overview is laid out for a terminal."""
    said = inspect.getdoc(module) or ""
    if module is nwbin:
        return (
            ".. code-block:: text\n\n"
            + "\n".join(f"    {line}".rstrip() for line in said.splitlines())
            + "\n"
        )
    return said + "\n"


def heading(title: str, module: str = "") -> list[str]:
    """A title, and what the names below it belong to."""
    line = ["", f".. py:module:: {module}", "   :no-index-entry:"] if module else []
    return [title, "=" * len(title), *line, ""]


def table(door: str, objects: dict[str, Any]) -> list[str]:
    """The first line of each."""
    lines = ["", ".. autosummary::", "   :nosignatures:", "", *(f"   {name}" for name in objects), ""]
    return lines if objects else []


def elsewhere(door: str, names: Iterable[str]) -> Iterator[str]:
    """Which names are described at another door."""
    found = ", ".join(f"``{door}.{name}``" for name in sorted(names, key=str.lower))
    if found:
        yield from ("", f"Described elsewhere: {found}.", "")


def is_constant(one: Any) -> bool:
    """Whether it is shown by its value: short, and the same in every process."""
    return isinstance(one, str | tuple | list | int | float) and len(repr(one)) < 200


def directive(dotted: str, one: Any) -> list[str]:
    """What autodoc is asked for."""
    if not inspect.isclass(one):
        return ["", f".. autofunction:: {dotted}", ""]
    if issubclass(one, BaseException):
        return ["", f".. autoexception:: {dotted}", "   :show-inheritance:", ""]
    fields = getattr(one, "_fields", ())  # of a named tuple, whose docstring says what they are
    left_out = [f"   :exclude-members: {', '.join(fields)}"] if fields else []
    return ["", f".. autoclass:: {dotted}", "   :members:", *left_out, ""]


# ---------------------------------------------------------------- glossary and commands


def glossary() -> str:
    """Every column and metric of the catalogue, with an anchor by its name."""
    table = nwbin.metrics.catalogue()
    lines = [
        "# What columns and metrics mean", "",
        "Made from `nwbin.metrics.catalogue()`. The same of one of them: `nwbin units --describe isi_violations`, or",
        "`nwbin.metrics.describe(\"isi_violations\")`. \"Computed\" is what nwbin works out itself, by",
        "`session.quality_metrics()` and `session.stimulus_metrics()`; \"stored\" is what files and published tables",
        "have, and what it takes to work it out is not in these files.", "",
    ]  # fmt: skip
    for group, members in table.groupby("group", sort=False):
        lines += [f"## {str(group)[:1].upper()}{str(group)[1:]}", ""]
        for name, row in members.iterrows():
            lines += [f"({name})=", f"### `{name}`", "", plain(f"{row['meaning']} {row['note']}"), ""]
            facts = {
                "Other names": row["also"], "Unit of measure": row["measure"], "Range": row["bounds"],
                "Better": row["better"], "Default filter": row["threshold"], "Formula": row["formula"],
                "Stimuli": row["stimulus"], "Origin": row["origin"], "Source": row["source"],
            }  # fmt: skip
            lines += [f"- {what}: {plain(said(value))}" for what, value in facts.items() if said(value)]
            lines.append("")
    return "\n".join(lines)


def said(value: Any) -> str:
    """A cell of the catalogue as text."""
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def plain(text: str) -> str:
    """Text that Markdown takes as it stands."""
    escaped = re.sub(r"([\\`*_{}\[\]<>|$~])", r"\\\1", " ".join(text.split()))
    return re.sub(r"(?<![\w-])--[a-z][a-z-]*", r"`\g<0>`", escaped)


def command_line() -> str:
    """Every command with its arguments and options, as its --help has them."""
    import typer

    from nwbin.cli import app

    program: Any = typer.main.get_command(app)
    lines = [
        "# The command line", "",
        "Made from the program itself; `nwbin COMMAND --help` says the same. FILE is a path or, where files are read,",
        "an address on a server. `--debug` works anywhere on the line and shows where an error arose.", "",
        "`nwbin --version` says which version this is.", "",
    ]  # fmt: skip
    for name, command in sorted(program.commands.items()):
        parameters = [
            one for one in command.params if not getattr(one, "hidden", False) and one.name != "help"
        ]
        arguments = [shown_as(one) for one in parameters if one.param_type_name == "argument"]
        lines += [
            f"## nwbin {name}",
            "",
            "```text",
            f"nwbin {name} {' '.join([*arguments, '[OPTIONS]'])}",
            "```",
            "",
        ]
        lines += [plain_help(command.help or ""), ""]
        for one in parameters:
            names = ", ".join(f"`{form}`" for form in (*one.opts, *one.secondary_opts)) or f"`{one.name}`"
            if one.param_type_name == "argument":
                names = f"`{shown_as(one)}`"
            elif one.metavar:
                names += f" `{one.metavar}`"
            lines += [names, f": {plain(getattr(one, 'help', None) or '')}{default_of(one)}", ""]
    return "\n".join(lines)


def shown_as(argument: Any) -> str:
    """How an argument stands in a command's usage."""
    return str(argument.metavar or argument.name.upper())


def plain_help(text: str) -> str:
    """A command's help: paragraphs, and lines as they stand where click is told (by a backspace) not to wrap them."""
    parts = []
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if not paragraph.startswith("\b"):
            parts.append(plain(paragraph))
            continue
        first, _, rest = paragraph.removeprefix("\b").strip("\n").partition("\n")
        parts.append(plain(first) if first.endswith(":") else f"```text\n{first}\n```")
        if rest:
            parts.append(f"```text\n{inspect.cleandoc(rest)}\n```")
    return "\n\n".join(parts)


def default_of(one: Any) -> str:
    """What is taken where an option is not given, if that says something."""
    value = getattr(one, "default", None)
    shown = getattr(one, "show_default", True)
    if not shown or value is None or value is False or callable(value) or value in ((), [], ""):
        return ""
    return f" Default: {plain(str(value))}."


# ---------------------------------------------------------------- of the README


def from_readme(name: str) -> str:
    """What a tool has written between its two comments in the README."""
    found = re.search(
        rf"<!-- {name}:[^\n]*-->\n(.*?)<!-- end of {name} -->", README.read_text(encoding="utf-8"), re.DOTALL
    )
    if found is None:
        raise LookupError(f"README.md has no part between <!-- {name}: ... --> and <!-- end of {name} -->")
    return found[1]


def section_of_readme(title: str) -> str:
    """A section of the README, without its heading; what it points at within the README is only named."""
    found = re.search(
        rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)",
        README.read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    if found is None:
        raise LookupError(f"README.md has no section {title!r}")
    text = re.sub(r"^```\n(.*?)^```$", r"```text\n\1```", found[1], flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"\[([^\]]*)\]\(#[^)]*\)", r"\1", text)


# ---------------------------------------------------------------- the picture


def interval_rule() -> str:
    """Spikes on and between edges, and what each rule counts, counted by nwbin; colors are those of the page."""
    edges, spikes = [0.0, 0.25, 0.5, 0.75], [0.0, 0.1, 0.25, 0.4, 0.6, 0.75]
    left, scale, top = 150.0, 620.0, 40.0

    def x(time: float) -> float:
        return left + scale * time

    out = [
        '<svg class="interval-rule" viewBox="0 0 720 330" width="720" height="330" role="img" '
        'xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="14" fill="currentColor" '
        'stroke="currentColor">',
        "<title>Which spikes each rule counts in which bin</title>",
        "<desc>Three bins of 0.25 s and six spikes, three of them on edges. "
        + " ".join(f"closed={rule}: {counts}." for rule, counts in counted(spikes, edges).items())
        + "</desc>",
        f'<text x="10" y="{top + 5}" stroke="none">spikes</text>',
    ]
    out += [
        f'<line x1="{x(t)}" x2="{x(t)}" y1="{top - 14}" y2="{top + 14}" stroke-width="3"/>' for t in spikes
    ]
    for edge in edges:
        out.append(
            f'<line x1="{x(edge)}" x2="{x(edge)}" y1="{top + 20}" y2="275" stroke-dasharray="2 5" opacity="0.6"/>'
        )
        out.append(f'<text x="{x(edge)}" y="297" text-anchor="middle" stroke="none">{edge:g}</text>')
    out.append(
        f'<text x="{x(0.375)}" y="320" text-anchor="middle" stroke="none">seconds from onset: the edges</text>'
    )
    brackets = {"left": "[a, b)", "right": "(a, b]", "both": "[a, b]"}
    for row, (rule, counts) in enumerate(counted(spikes, edges).items()):
        y = top + 68 + 70 * row
        out.append(
            f'<text x="10" y="{y - 4}" stroke="none" font-weight="bold">{escape(brackets[rule])}</text>'
        )
        out.append(f'<text x="10" y="{y + 14}" stroke="none" font-size="12">closed="{rule}"</text>')
        for k, count in enumerate(counts):
            # Neighbours side by side, or one above the other where both have the edge that they share.
            height = y + (8 if rule == "both" and k % 2 else -8 if rule == "both" else 0)
            a, b = x(edges[k]), x(edges[k + 1])
            gap = 0 if rule == "both" else 7
            first, last = a + (gap if rule == "right" else gap / 7), b - (gap if rule == "left" else gap / 7)
            out.append(f'<line x1="{first}" x2="{last}" y1="{height}" y2="{height}" stroke-width="2"/>')
            for end, closed in ((first, rule != "right"), (last, rule != "left")):
                fill = "currentColor" if closed else "var(--color-background-primary, white)"
                out.append(f'<circle cx="{end}" cy="{height}" r="4.5" fill="{fill}" stroke-width="2"/>')
            where = f'x="{(a + b) / 2}" y="{height - 8}" text-anchor="middle"'
            out.append(f'<text {where} stroke="none" font-size="16">{count}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def counted(spikes: list[float], edges: list[float]) -> dict[str, list[int]]:
    """The counts in the bins, by each rule."""
    rules: dict[str, list[int]] = {}
    for rule in ("left", "right", "both"):
        rules[rule] = nwbin.bin_spikes({7: spikes}, [0.0], edges, closed=rule)[0, :, 0].tolist()
    return rules
