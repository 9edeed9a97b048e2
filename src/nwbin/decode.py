"""The door to decoding that scripts know; what it opens on is :mod:`nwbin.responses.decode`."""

from __future__ import annotations

from nwbin.responses.decode import Decoding, decode

__all__ = ["Decoding", "decode"]
