"""What a unit is like, in numbers: its metrics from responses to stimuli, and the quality of its spikes."""

from __future__ import annotations

from nwbin.metrics.catalogue import Metric, catalogue, describe, glossary
from nwbin.metrics.comparison import compare_metrics
from nwbin.metrics.corrections import CORRECTIONS
from nwbin.metrics.quality import quality_metrics

__all__ = [
    "CORRECTIONS",
    "Metric",
    "catalogue",
    "compare_metrics",
    "describe",
    "glossary",
    "quality_metrics",
]
