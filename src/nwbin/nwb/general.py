"""What a file says of itself: its version, its session, its subject."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from nwbin.errors import FormatError
from nwbin.nwb import schema
from nwbin.storage.source import Source

__all__ = ["start_time", "stated_text", "stated_version", "subject"]


def stated_version(source: Source) -> str:
    """Return the version of NWB that a file states; raises FormatError if nwbin does not read it."""
    version = source.attribute("", "nwb_version")
    if version is None:
        old = source.value("nwb_version")
        if isinstance(old, str) and old.startswith("NWB-1"):
            raise FormatError(
                f"{source.name}: is an NWB 1 file ({old}); nwbin reads NWB 2, which all Visual Coding - Neuropixels "
                "sessions have been since May 2020: download the session again"
            )
        raise FormatError(
            f"{source.name}: is {source.format} but not NWB: it has no nwb_version attribute; "
            f"at its top are {', '.join(source.children('')[:8]) or 'no objects'}"
        )
    stated = str(version)
    numbers = tuple(int(n) for n in re.findall(r"\d+", stated)[:2])
    if numbers < schema.MIN_NWB_VERSION:
        raise FormatError(f"{source.name}: says nwb_version {stated}; nwbin reads NWB 2")
    return stated


def stated_text(source: Source, what: str) -> str | None:
    """Return what a file says under a name of :data:`nwbin.nwb.schema.GENERAL`; None where it says nothing."""
    value = source.value(schema.GENERAL[what])
    return None if value is None else str(value)


def start_time(source: Source) -> datetime | None:
    """Return when the session began; None where the file does not say."""
    text = stated_text(source, "session_start_time")
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise FormatError(
            f"{source.name}: session_start_time is {text!r}, not an ISO 8601 date and time"
        ) from error


def subject(source: Source) -> dict[str, Any]:
    """Return what the file says of the animal; {} if nothing."""
    if source.kind(schema.SUBJECT) != "group":
        return {}
    found = {k: v for k, v in source.attributes(schema.SUBJECT).items() if k not in schema.OF_THE_FORMAT}
    for name in source.children(schema.SUBJECT):
        found[name] = source.value(f"{schema.SUBJECT}/{name}")
    return found
