"""What pictures of a whole session show: gathered from it, and whether its data are synthetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.binning import bin_spikes
from nwbin.errors import LookupFailure, NwbinError
from nwbin.nwb import schema
from nwbin.plot._session import Overview, ProbePlaces
from nwbin.session.selectable import SelectableSession

if TYPE_CHECKING:
    import pandas as pd

    from nwbin.session import Session

__all__ = ["is_synthetic", "overview_of", "quality_of", "title_of"]

_BINS = 600  # of time, in a picture of a whole session


def is_synthetic(session: Session) -> bool:
    """Whether a file says of itself that its data were made up, as those of :mod:`nwbin.testing` do."""
    said = (session.file.institution, session.file.session_description)
    return any("synthetic data" in text or "; synthetic," in text for text in said if text)


def title_of(session: Session, *parts: str) -> str:
    """A picture's title: what it shows, of which session, and that the data are synthetic where they are."""
    number = session.ecephys_session_id
    name = number if isinstance(number, int) else session.file.session_id or number or session.file.name
    synthetic = " (synthetic data)" if is_synthetic(session) else ""
    return ", ".join([*(part for part in parts if part), f"session {name}{synthetic}"])


def overview_of(session: Session) -> Overview:
    """Gather what a picture of a session shows: see :class:`nwbin.plot.Overview`.

    Parameters
    ----------
    session
        The session. The rate is that of the units that pass its filters.

    Returns
    -------
    Overview
        What the file does not have is left empty.
    """
    blocks = _blocks(session)
    invalid = [
        (float(first), float(last), _said(tags))
        for first, last, tags in zip(*(session.invalid_times[name] for name in ("start_time", "stop_time", "tags")),
                                     strict=True)
    ] if "tags" in session.invalid_times.columns else []  # fmt: skip
    running = _running(session)
    counted = _rate(session)
    units = session.num_units if counted is not None else 0
    return Overview(blocks, running, counted, units, invalid, _probes(session))


def _said(tags: Any) -> str:
    names = [str(one) for one in np.atleast_1d(np.asarray(tags, dtype=object))]
    return names[-1].replace("_", " ") if names else "invalid"


def _blocks(session: Session) -> list[tuple[str, float, float]]:
    """When each stimulus was shown; of a file without stimuli, when the rows of other tables lie."""
    found: list[tuple[str, float, float]] = []
    try:
        epochs = session.get_stimulus_epochs()
        for name, first, last in zip(
            epochs["stimulus_name"], epochs["start_time"], epochs["stop_time"], strict=True
        ):
            if np.isfinite(first) and np.isfinite(last):
                found.append((str(name), float(first), float(last)))
    except NwbinError:  # no table of intervals at all, or none with times
        return []
    return found


def _running(session: Session) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    try:
        speed = session.running_speed
    except LookupFailure:
        return None
    velocity = speed["velocity"].to_numpy(np.float64)
    time = speed["start_time"].to_numpy(np.float64)
    there = np.isfinite(velocity) & np.isfinite(time)
    if not there.any():
        return None
    first, last = time[there].min(), time[there].max()
    if not first < last:
        return None
    edges = np.linspace(first, last, _BINS + 1)
    number = np.histogram(time[there], edges)[0]
    total = np.histogram(time[there], edges, weights=velocity[there])[0]
    return edges, np.divide(total, number, out=np.full(_BINS, np.nan), where=number > 0)


def _rate(session: Session) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    if not session.file.has(f"{schema.UNITS}/{schema.SPIKE_TIMES}") or not session.num_units:
        return None
    trains = session.file.spike_trains(session.units.index.to_numpy())
    ends = [end for spikes in trains.values() if len(spikes) for end in (float(spikes[0]), float(spikes[-1]))]
    if not ends or not min(ends) < max(ends):
        return None
    last = max(ends)
    edges = np.linspace(min(ends), last, _BINS + 1)
    edges[-1] = np.nextafter(last, np.inf)  # bins are [a, b): the last spike is in, too
    counts = bin_spikes(trains, [0.0], edges, dtype=np.uint32)[0]
    return edges, counts.sum(axis=1) / np.diff(edges) / len(trains)


def _probes(session: Session) -> list[ProbePlaces]:
    channels, probes, depth = session.channels, session.probes, "probe_vertical_position"
    units = session.units if session.file.has(schema.UNITS) else None
    if not {"probe_id", depth} <= set(channels.columns) or units is None or depth not in units.columns:
        return []
    found = []
    # Of a cache's tables, or of the file.
    column = next((one for one in SelectableSession.structure_columns if one in channels.columns), None)
    for probe, name in probes["description"].items():
        mine = channels[(channels["probe_id"] == probe).to_numpy()]
        structure = mine[column].to_numpy(dtype=object) if column else np.full(len(mine), None)
        own = (
            units[(units["probe_id"] == probe).to_numpy()] if "probe_id" in units.columns else units.iloc[:0]
        )
        found.append(
            ProbePlaces(
                str(name), mine[depth].to_numpy(np.float64), structure, own[depth].to_numpy(np.float64)
            )
        )
    return found


def quality_of(session: Session) -> tuple[pd.DataFrame, dict[str, tuple[str, float]]]:
    """All units of a session, none filtered, and the thresholds by which it filters them.

    Returns
    -------
    tuple
        The table, and metric to ("<=" or ">=", threshold), infinite ones left out.
    """
    units = SelectableSession(session).every_unit()
    bounds = {name: (sign, at) for name, sign, at in session.filters.bounds() if np.isfinite(at)}
    return units, bounds
