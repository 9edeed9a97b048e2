"""How messages write what would help: as it is written where the question was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Hints"]

# What filters that are on or off go by, where they cannot be named.
_SWITCHES = {
    "filter_by_metrics": "a metric that is NaN",
    "filter_by_validity": "quality or validity",
    "filter_out_of_brain_units": "place outside the brain",
}


@dataclass(frozen=True)
class Hints:
    """Plain text that travels with a question, to a worker too. By default arguments, as in Python.

    Attributes
    ----------
    every_unit
        How no unit filter at all is asked for.
    unit_ids
        Where the ids of all units are found.
    stimulus, several
        How a stimulus, `name`, is asked for; and some `names`, or each of them by itself (`each`).
    bound, unbounded
        How the bound of a filter is written (`name`, `option`, `value`), and how none.
    unfiltered
        How a filter that has no bound is lifted; None where only `every_unit` does that.
    filter
        What a filter is called.
    of_units, of_presentations
        How a condition on either is asked for; "" where it cannot be.
    between, instead
        What stands between several filters that are lifted, and what could be done in place of that.
    """

    every_unit: str = "filter_by_metrics=False, filter_by_validity=False, filter_out_of_brain_units=False"
    unit_ids: str = "for its ids: session.file.unit_ids"
    stimulus: str = "stimulus={name!r}"
    several: str = "stimulus={names!r}"
    bound: str = "{name}={value:g}"
    unbounded: str = "{name}=None"
    unfiltered: str | None = "{name}=False"
    filter: str = "{name}"
    between: str = ", "
    instead: str = ""
    of_units: str = "units="
    of_presentations: str = "presentations="

    def of_stimuli(self, names: Sequence[str]) -> str:
        """How some stimuli are asked for."""
        each = [self.stimulus.format(name=name) for name in names]
        return each[0] if len(each) == 1 else self.several.format(names=list(names), each=" ".join(each))

    def of_bound(self, name: str, value: float) -> str:
        """How the bound of a filter is written."""
        return self.bound.format(name=name, option=name.replace("_", "-"), value=value)

    def of_filter(self, name: str) -> str:
        """What a filter is called."""
        if self.unfiltered is None and name in _SWITCHES:  # there is no option for it
            return _SWITCHES[name]
        return self.filter.format(name=name, option=name.replace("_", "-"))

    def left_out_by(self, filters: Mapping[str, int]) -> str:
        """How many units each filter leaves out, those of most first, in brackets; nothing where none does."""
        most_first = sorted(filters.items(), key=lambda one: -one[1])
        said = ", ".join(f"{self.of_filter(name)}: {number:,}" for name, number in most_first if number)
        return f" (left out by {said})" if said else ""

    def of_lifting(self, filters: Sequence[str]) -> str:
        """How these filters are lifted."""
        switches = [name for name in filters if name.startswith("filter_")]
        if switches and self.unfiltered is None:
            return self.every_unit
        forms = [(self.unfiltered or "") if name in switches else self.unbounded for name in filters]
        lifted = [
            form.format(name=name, option=name.replace("_", "-"))
            for form, name in zip(forms, filters, strict=True)
        ]
        return f"{self.between.join(lifted)}{self.instead}"
