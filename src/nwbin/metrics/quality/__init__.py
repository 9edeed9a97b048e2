"""The quality of units: of their spikes, their amplitudes and their waveforms."""

from __future__ import annotations

from nwbin.metrics.quality._convention import CONVENTIONS, Convention, as_convention
from nwbin.metrics.quality._metrics import (
    QUALITY_COLUMNS,
    Duration,
    Progress,
    as_duration,
    quality_metrics,
    quality_of_file,
)

__all__ = [
    "CONVENTIONS",
    "QUALITY_COLUMNS",
    "Convention",
    "Duration",
    "Progress",
    "as_convention",
    "as_duration",
    "quality_metrics",
    "quality_of_file",
]
