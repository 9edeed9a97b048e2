"""What may be said of how a session is to be opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from nwbin._keywords import refuse_unknown
from nwbin.allen.unit_filters import UnitFilters
from nwbin.errors import ArgumentTypeError

__all__ = ["DEFAULTS", "FILTERS", "known_arguments"]

FILTERS = tuple(field.name for field in fields(UnitFilters))
# Arguments of `nwbin.open`, besides the path, and their defaults.
DEFAULTS: dict[str, Any] = {
    **{field.name: field.default for field in fields(UnitFilters)},
    "probe_lfp_paths": None,
    "external_channel_columns": None,
    "additional_unit_metrics": None,
    "mmap": True,
    "index": None,
}


def known_arguments(arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return arguments of `nwbin.open` that were given in a dictionary, once there is no other among them."""
    if not isinstance(arguments, Mapping | None):
        raise ArgumentTypeError(
            f"api_kwargs must be a dictionary of arguments of nwbin.open, not {type(arguments).__name__}"
        )
    refuse_unknown(arguments or {}, DEFAULTS, "nwbin.open")
    return dict(arguments or {})
