"""AllenSDK's rules of which ends belong to an interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nwbin.binning import Closed

__all__ = ["CLOSED_BINS", "CLOSED_SPIKES"]

CLOSED_BINS: Closed = "both"  # of bins: a spike on an inner edge counts in both
CLOSED_SPIKES: Closed = "right"  # of presentations: start < spike <= stop
