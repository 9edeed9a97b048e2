"""Spike trains: the spike times of many units, checked once; and whatever else is taken for them."""

from __future__ import annotations

from nwbin.trains._spike_trains import SpikeTrains
from nwbin.trains._taking import Trains, as_trains

__all__ = ["SpikeTrains", "Trains", "as_trains"]
