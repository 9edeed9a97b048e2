"""What is found wrong with a file, as data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from nwbin._plain_text import printable
from nwbin.errors import NwbinError

__all__ = ["DAMAGED", "ERROR", "NOTE", "WARNING", "Finding", "Findings", "Report", "counted", "have"]

ERROR, WARNING, NOTE = "error", "warning", "note"
_ORDER = (ERROR, WARNING, NOTE)
DAMAGED = "download the file again, or ask whoever wrote it"


@dataclass(frozen=True)
class Finding:
    """One thing found in a file.

    Attributes
    ----------
    severity
        "error": something cannot be read, or its values are wrong. "warning": it can be read, but is probably
        not what was meant. "note": worth knowing.
    object
        The path inside the file, such as "units/spike_times_index"; "" for the file itself.
    finding
        What was found there.
    remedy
        What to do.

    Examples
    --------
    >>> Finding("error", "units/spike_times", "has 3 times that are not finite", "download the file again").severity
    'error'
    """

    severity: str
    object: str
    finding: str
    remedy: str


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes
    ----------
    file
        The file's name.
    findings
        Errors first, then warnings, then notes.
    looked_at
        How many objects of the file were visited.

    Examples
    --------
    >>> report = nwbin.check.check("session.nwb")
    >>> report.ok, len(report.findings), report.to_dict()["file"]
    (True, ..., 'session.nwb')
    """

    file: str
    findings: tuple[Finding, ...]
    looked_at: int

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings and notes are allowed."""
        return not any(found.severity == ERROR for found in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain lists, dicts, text and numbers."""
        return {
            "file": self.file,
            "ok": self.ok,
            "looked_at": self.looked_at,
            "findings": [asdict(found) for found in self.findings],
        }

    def to_json(self) -> str:
        """Return the report as JSON: file, ok, looked_at, findings (severity, object, finding, remedy)."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=True)

    def __str__(self) -> str:
        lines = [
            printable(f"{found.severity}: {found.object or 'the file'}: {found.finding}; {found.remedy}")
            for found in self.findings
        ]
        numbers = [(sum(f.severity == kind for f in self.findings), kind) for kind in _ORDER]
        counts = [counted(n, kind) for n, kind in numbers]
        looked_at = counted(self.looked_at, "object")
        return "\n".join([printable(f"{self.file}: {', '.join(counts)}; looked at {looked_at}"), *lines])


class Findings:
    """Gathers what is found in a file.

    Parameters
    ----------
    name
        The file's name, as it stands in errors.
    shown
        How many ids or rows are named in a finding about many.
    """

    def __init__(self, name: str, *, shown: int = 5) -> None:
        self.name = name
        self.looked_at = 0
        self._shown = shown
        self._found: list[Finding] = []

    def add(self, severity: str, where: str, finding: str, remedy: str = DAMAGED) -> None:
        """Add one finding."""
        self._found.append(Finding(severity, where, finding, remedy))

    def caught(self, where: str, error: NwbinError) -> None:
        """Make a finding of an error: its text says what was found and, after the last "; " or ": ", what to do."""
        text = str(error)
        for prefix in (f"{self.name}: ", f"{where}: ", f"{where} "):
            text = text.removeprefix(printable(prefix, keep="\n\t"))  # as it stands in an error
        said, _, remedy = text.rpartition("; ")
        finding = Finding(ERROR, where, said or text, remedy if said else DAMAGED)
        if finding not in self._found:
            self._found.append(finding)

    def some(self, values: list[Any]) -> str:
        """Name the first few of ids or rows."""
        shown = ", ".join(str(value) for value in values[: self._shown])
        return f"{shown}, ..." if len(values) > self._shown else shown

    def report(self) -> Report:
        """Return all that was found, errors first."""
        found = sorted(self._found, key=lambda each: _ORDER.index(each.severity))
        return Report(self.name, tuple(found), self.looked_at)


def counted(number: int, what: str) -> str:
    """A number and its noun, such as "1 row"."""
    return f"{number} {what}{'s' * (number != 1)}"


def have(number: int) -> str:
    """The verb after a number."""
    return "has" if number == 1 else "have"
