"""The stimuli that have metrics: their names in sessions, their columns' suffix, how long a trial lasts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["STIMULUS_KINDS", "StimulusKind"]


@dataclass(frozen=True)
class StimulusKind:
    """One kind of stimulus.

    Attributes
    ----------
    suffix
        Of its columns: "dg".
    name
        What people call it; the first of its names in sessions.
    names
        Its names in sessions, in lower case.
    trial_duration
        In s; None for that of the frames, as in movies.
    blank
        The parameter whose missing value, or for natural scenes -1, marks a blank sweep; None where there are none.
    by_prefix
        Whether a session's name need only begin with one of the names.
    """

    suffix: str
    name: str
    names: tuple[str, ...]
    trial_duration: float | None
    blank: str | None = None
    by_prefix: bool = False

    def found_in(self, names: Iterable[str]) -> str | None:
        """Return the first of a session's stimuli that is of this kind, None if there is none."""
        for name in names:
            lower = str(name).lower()
            if lower in self.names or (self.by_prefix and lower.startswith(self.names)):
                return name
        return None


STIMULUS_KINDS: dict[str, StimulusKind] = {
    kind.suffix: kind
    for kind in (
        StimulusKind(
            "dg",
            "drifting_gratings",
            ("drifting_gratings", "drifting_gratings_75_repeats"),
            2.0,
            "temporal_frequency",
        ),
        StimulusKind("sg", "static_gratings", ("static_gratings",), 0.25, "spatial_frequency"),
        StimulusKind(
            "ns", "natural_scenes", ("natural_scenes", "natural_images", "natural images"), 0.25, "frame"
        ),
        StimulusKind("dm", "dot_motion", ("dot_motion", "motion_stimulus"), 1.0),
        StimulusKind("fl", "flashes", ("flashes", "flash"), 0.25, by_prefix=True),
        StimulusKind("rf", "gabors", ("gabors", "gabor", "receptive_field_mapping"), 0.25, by_prefix=True),
        StimulusKind(
            "nm1", "natural_movie_one", ("natural_movie_one", "natural_movie_one_more_repeats"), None
        ),
        StimulusKind("nm3", "natural_movie_three", ("natural_movie_three",), None),
    )
}
