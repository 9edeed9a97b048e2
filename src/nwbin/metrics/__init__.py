"""What a unit is like, in numbers: its metrics from responses to stimuli, and the quality of its spikes."""

from __future__ import annotations

from nwbin.metrics.corrections import CORRECTIONS

__all__ = ["CORRECTIONS"]
