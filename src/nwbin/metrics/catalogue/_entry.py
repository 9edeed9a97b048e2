"""What is said of one metric or column."""

from __future__ import annotations

from dataclasses import dataclass, fields
from textwrap import fill

__all__ = ["COMPUTED", "STORED", "Metric"]

# Where a value comes from.
COMPUTED = "computed"
STORED = "stored"

_LABELS = {
    "measure": "unit of measure",
    "bounds": "range",
    "better": "better",
    "threshold": "default filter",
    "stimulus": "stimulus",
    "formula": "formula",
    "source": "source",
    "origin": "where from",
    "note": "note",
}


@dataclass(frozen=True, repr=False)
class Metric:
    """A metric of a unit, or another column of a table of units.

    Attributes
    ----------
    name
        As in :attr:`nwbin.Session.units` or in the published tables of metrics.
    group
        Of the catalogue: "quality", "waveform", "isolation", "drift", "drifting gratings", ..., "unit", "place".
    meaning
        What it says, in a sentence or two.
    measure
        Its unit of measure: "Hz", "s", "um"; "" for what has none.
    bounds
        The range of its values.
    better
        "higher", "lower", or "" where neither is.
    formula
        How it is worked out.
    source
        The paper, or program, that the formula is from.
    origin
        "computed": nwbin works it out, of spikes, amplitudes, waveforms and stimuli. "stored": the file or a
        published table has it, and the rest of what it takes is not in these files.
    threshold
        AllenSDK's default filter, which is nwbin's too: "at most 0.5".
    stimulus
        The stimuli whose responses it describes.
    note
        What misleads.
    also
        Other names for it.

    Examples
    --------
    >>> found = nwbin.metrics.describe("presence_ratio")
    >>> found.group
    'quality'
    """

    name: str
    group: str
    meaning: str
    measure: str = ""
    bounds: str = ""
    better: str = ""
    formula: str = ""
    source: str = ""
    origin: str = STORED
    threshold: str = ""
    stimulus: str = ""
    note: str = ""
    also: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Metric {self.name}>"

    def __str__(self) -> str:
        return self.text()

    def text(self, width: int = 88) -> str:
        """All that is said of it, in lines of so many characters at most."""
        names = self.name + (f" (also {', '.join(self.also)})" if self.also else "")
        widest = max(map(len, _LABELS.values())) + 2
        lines = [fill(f"{names}: {self.group}", width), fill(self.meaning, width)]
        for name, label in _LABELS.items():
            if value := getattr(self, name):
                begin = f"  {label + ':':<{widest}}"
                lines.append(fill(value, width, initial_indent=begin, subsequent_indent=" " * len(begin)))
        return "\n".join(lines)

    def to_dict(self) -> dict[str, str]:
        """Its fields as text, the other names with commas between."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**found, "also": ", ".join(self.also)}
