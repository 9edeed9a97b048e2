"""A session as AllenSDK shows it: the same names, arguments, filters, ids and labels."""

from __future__ import annotations

from nwbin.session._open import open
from nwbin.session._session import Session
from nwbin.session.chosen import Chosen

__all__ = ["Chosen", "Session", "open"]
