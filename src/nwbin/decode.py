"""The door to decoding that scripts know; what it opens on is :mod:`nwbin.responses`."""

from __future__ import annotations

from nwbin.responses.decode import Decoding, decode
from nwbin.responses.populations import (
    PseudoPopulation,
    decode_over_neurons,
    decode_over_time,
    pseudo_population,
)

__all__ = [
    "Decoding",
    "PseudoPopulation",
    "decode",
    "decode_over_neurons",
    "decode_over_time",
    "pseudo_population",
]
