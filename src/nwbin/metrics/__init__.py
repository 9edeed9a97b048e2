"""What a unit is like, in numbers: its metrics from responses to stimuli, and the quality of its spikes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nwbin.metrics.catalogue import Metric, catalogue, describe, glossary

if TYPE_CHECKING:
    from nwbin.metrics.comparison import compare_metrics
    from nwbin.metrics.corrections import CORRECTIONS
    from nwbin.metrics.faces import (
        DotMotion,
        DriftingGratings,
        Flashes,
        NaturalMovies,
        NaturalScenes,
        ReceptiveFieldMapping,
        StaticGratings,
    )
    from nwbin.metrics.quality import quality_metrics

# Public name -> the module that it lives in. They are looked for at first use: a session needs few of them.
_HOME = {
    "CORRECTIONS": "corrections",
    "DotMotion": "faces",
    "DriftingGratings": "faces",
    "Flashes": "faces",
    "NaturalMovies": "faces",
    "NaturalScenes": "faces",
    "ReceptiveFieldMapping": "faces",
    "StaticGratings": "faces",
    "compare_metrics": "comparison",
    "quality_metrics": "quality",
}
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


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"nwbin.metrics.{_HOME[name]}"), name)
    raise AttributeError(f"module 'nwbin.metrics' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
