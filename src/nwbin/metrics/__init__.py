"""What a unit is like, in numbers: its metrics from responses to stimuli, and the quality of its spikes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nwbin.metrics.catalogue import Metric, catalogue, describe, glossary
from nwbin.metrics.comparison import compare_metrics
from nwbin.metrics.corrections import CORRECTIONS
from nwbin.metrics.quality import quality_metrics

if TYPE_CHECKING:
    from nwbin.metrics.faces import (
        DotMotion,
        DriftingGratings,
        Flashes,
        NaturalMovies,
        NaturalScenes,
        ReceptiveFieldMapping,
        StaticGratings,
    )

__all__ = [
    "CORRECTIONS",
    "DotMotion",
    "DriftingGratings",
    "Flashes",
    "Metric",
    "NaturalMovies",
    "NaturalScenes",
    "ReceptiveFieldMapping",
    "StaticGratings",
    "catalogue",
    "compare_metrics",
    "describe",
    "glossary",
    "quality_metrics",
]

# Public name -> the module that it lives in. They are looked for at first use: a session needs none of them.
_HOME = {name: "nwbin.metrics.faces" for name in __all__ if name not in globals()}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'nwbin.metrics' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
