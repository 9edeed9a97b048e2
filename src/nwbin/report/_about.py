"""Sections that say what the session is, and what is wrong with its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nwbin._atomic import size_text
from nwbin._wording import counted
from nwbin.check import Report, check
from nwbin.report._parts import Code, Facts, Note, Part, Table
from nwbin.report._text import ABSENT, cell, hours, without_path

if TYPE_CHECKING:
    from nwbin.report._recording import Recording

__all__ = ["problems", "session_facts"]

_MOST_FINDINGS = 200
# Of the subject: what stands first, and how it is called.
_SUBJECT = {
    "subject_id": "Subject", "specimen_name": "Specimen", "species": "Species", "genotype": "Genotype",
    "strain": "Strain", "sex": "Sex", "age_in_days": "Age (days)", "age": "Age",
}  # fmt: skip


def session_facts(recording: Recording) -> list[Part]:
    """What the session is: the numbers one asks for first, and whatever the file says of itself."""
    parts: list[Part] = []
    if recording.synthetic:
        parts.append(Note("Synthetic data: the file says that it was made up, not recorded.", "bad"))
    with recording.saying(parts, "What the session is"):
        said = recording.summary
        span = recording.overview.span
        units = said["units"]
        large = [
            ("units that pass, of all", f"{units['passing']:,} of {units['all']:,}"),
            ("spikes of all units", f"{units['spikes']:,}" if "spikes" in units else ABSENT),
            ("probes", f"{said['probes']:,}"),
            ("stimuli", f"{len(recording.stimuli):,}"),
            ("long", hours(span[1] - span[0]) if span else ABSENT),
        ]
        parts += [Facts(large, large=True), Facts(_rows(recording, said))]
    parts.append(
        Code(
            f"import nwbin\n{recording.opened}\nsession.metadata\n"
            "from nwbin.session.overview import summary\nsummary(session)"
        )
    )
    parts.append(
        Note(
            "The first lines open the session: put the path of your copy there. All code on this page goes on from "
            "them.",
            "plain",
        )
    )
    return parts


def _rows(recording: Recording, said: dict[str, Any]) -> list[tuple[str, str]]:
    file = recording.session.file
    subject = said["subject"]
    known = [(name, subject[key]) for key, name in _SUBJECT.items() if key in subject]
    others = [(str(key), value) for key, value in subject.items() if key not in _SUBJECT]
    rows = [
        ("Session", recording.number),
        ("Type", said["session_type"]),
        *known,
        *others,
        ("Began", said["start"]),
        ("Institution", said["institution"]),
        ("Description", said["description"]),
        ("Identifier", file.identifier),
        ("File", recording.name),
        ("Size", size_text(file.size)),
        ("NWB version", said["nwb_version"]),
    ]
    return [(cell(name), cell(value)) for name, value in rows if value not in (None, "")]


def problems(recording: Recording) -> tuple[list[Part], dict[str, int]]:
    """What a check finds wrong with the file, and how many findings of each kind."""
    session, parts = recording.session, list[Part]()
    if session.file.path is None:
        parts.append(
            Note(
                f"The file was not checked: it is not on this machine. nwbin check {recording.name} does.",
                "missing",
            )
        )
        return parts, {}
    found = check(session.file.path)
    numbers = {
        kind: sum(one.severity == kind for one in found.findings) for kind in ("error", "warning", "note")
    }
    said = ", ".join(counted(number, kind) for kind, number in numbers.items())
    tone = "bad" if numbers["error"] else "good"
    parts.append(
        Note(
            f"{said[0].upper()}{said[1:]}; looked at {counted(found.looked_at, 'object')} of the file.", tone
        )
    )
    if found.findings:
        parts.append(_table(recording, found))
    parts.append(Code("print(nwbin.check.check(path))  # or: nwbin check FILE"))
    return parts, numbers


def _table(recording: Recording, found: Report) -> Table:
    rows = [
        [
            cell(one.severity), cell(one.object or "the file"),
            cell(without_path(one.finding, recording.session.file)), cell(one.remedy),
        ]
        for one in found.findings[:_MOST_FINDINGS]
    ]  # fmt: skip
    more = len(found.findings) - len(rows)
    caption = "What nwbin check finds" + (f"; {counted(more, 'more finding')} not shown" if more else "")
    return Table("findings", caption, ["Kind", "Where", "What was found", "What to do"], rows)
