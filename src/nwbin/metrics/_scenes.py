"""Columns of natural scenes, dot motion, flashes and natural movies."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nwbin.metrics._tuning import image_selectivity
from nwbin.metrics.common import StimulusView, common_columns, levels_of, lifetime_sparseness
from nwbin.tables.missing import as_numbers

__all__ = ["dot_motion", "flashes", "natural_movie", "natural_scenes"]

Floats = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[Any]]
_BLOCK = 128  # units whose frames are counted at a time


def natural_scenes(view: StimulusView) -> Columns:
    """Compute the columns of natural scenes, for all units: name -> (units,)."""
    frame = as_numbers(view.parameter("frame"))
    images = levels_of(np.where(view.blank, np.nan, frame), view.session.convention)
    of_condition = view.condition_ids if view.session.convention == "allen" else frame
    found: Columns = {
        "pref_image_ns": np.append(of_condition.astype(np.float64), np.nan)[view.preferred],
        "pref_images_multi_ns": images.preferred(view.spike_mean)[1],
        "image_selectivity_ns": image_selectivity(view.spike_mean[:, ~view.blank]),
    }
    return found | common_columns(view)


def dot_motion(view: StimulusView) -> Columns:
    """Compute the columns of dot motion, for all units: name -> (units,)."""
    found: Columns = {}
    for parameter, column in (("Speed", "speed"), ("Dir", "dir")):
        levels = view.levels(parameter)
        place, found[f"pref_{column}_multi_dm"] = levels.preferred(view.spike_mean)
        found[f"pref_{column}_dm"] = levels.of(place)
    return found | common_columns(view)


def flashes(view: StimulusView) -> Columns:
    """Compute the columns of full-field flashes, for all units: name -> (units,)."""
    color = as_numbers(view.parameter("color"))
    on, off = np.flatnonzero(color == 1.0), np.flatnonzero(color == -1.0)
    ratio = np.full(len(view.trains), np.nan)
    mean = view.spike_mean
    if on.size and off.size:
        if view.session.convention == "corrected":  # of whatever else flashes differ in
            light, dark = mean[:, on].mean(axis=1), mean[:, off].mean(axis=1)
        else:
            light, dark = mean[:, on[0]], mean[:, off[0]]
        np.divide(light, dark, out=ratio, where=dark > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        psth = view.histogram / view.trials.number[:, None]
        sustained = psth.mean(axis=1) / psth.max(axis=1)
    return {"on_off_ratio_fl": ratio, "sustained_idx_fl": sustained, **common_columns(view)}


def natural_movie(view: StimulusView) -> Columns:
    """Compute the columns of a natural movie, for all units: name -> (units,).

    The firing rate over the movie's blocks (Hz); lifetime sparseness over frames; the frame of the largest mean
    response, the first of equals, NaN of a unit without spikes; reliability. Spikes of a frame are those in
    (start, stop] of its presentation.
    """
    suffix = view.kind.suffix
    frame = as_numbers(view.presentations["frame"].to_numpy()) if "frame" in view.presentations else None
    found = common_columns(view, ["firing_rate"])
    nothing = np.full(len(view.trains), np.nan)
    if frame is None or np.isnan(frame).all():
        names = ("lifetime_sparseness", "pref_frame", "reliability")
        return found | {f"{name}_{suffix}": nothing for name in names}
    known = np.flatnonzero(~np.isnan(frame))
    distinct, place = np.unique(frame[known], return_inverse=True)
    order = known[np.argsort(place.reshape(-1), kind="stable")]
    shown = np.bincount(place.reshape(-1))
    begins, repeats = np.cumsum(shown) - shown, repeats_of(frame)
    columns = np.empty((3, len(nothing)))
    for begin in range(
        0, len(nothing), _BLOCK
    ):  # there are so many frames that counts of all units are large
        units = slice(begin, begin + _BLOCK)
        counts = view.counts_to_stop(units)
        total = np.add.reduceat(counts[order], begins, axis=0, dtype=np.int64)
        mean = np.ascontiguousarray((total / shown[:, None]).T)
        columns[0, units] = lifetime_sparseness(mean)
        columns[1, units] = np.where(mean.max(axis=1) > 0, distinct[mean.argmax(axis=1)], np.nan)
        columns[2, units] = reliability(counts, repeats)
    names = ("lifetime_sparseness", "pref_frame", "reliability")
    return found | {f"{name}_{suffix}": values for name, values in zip(names, columns, strict=True)}


def repeats_of(frame: Floats) -> npt.NDArray[np.int64]:
    """Find the repeats of a movie: rows of its frames, (repeats, frames); -1 for a frame that a repeat lacks.

    A repeat begins where the number of the frame does not grow. Frames are those that were shown in any repeat; what
    has no number belongs to none. A repeat lacks those of its frames that are masked, as in invalid times.
    """
    known = np.flatnonzero(~np.isnan(frame))
    distinct, place = np.unique(frame[known], return_inverse=True)
    repeat = np.cumsum(np.append(True, ~(np.diff(frame[known]) > 0))) - 1
    rows = np.full((repeat[-1] + 1, len(distinct)), -1, dtype=np.int64)
    rows[repeat, place.reshape(-1)] = known
    return rows


def reliability(counts: npt.NDArray[np.integer], rows: npt.NDArray[np.int64]) -> Floats:
    """Return the mean correlation of every pair of repeats, each over the frames that both have.

    Parameters
    ----------
    counts
        (presentations, units).
    rows
        The presentations of each repeat, in order of frames, -1 for none: (repeats, frames).

    Returns
    -------
    numpy.ndarray
        float64 (units,). A pair of which one does not vary has no correlation, and is left out; NaN where all are.
    """
    if len(rows) < 2:
        return np.full(counts.shape[1], np.nan)
    return _of_whole_repeats(counts, rows) if (rows >= 0).all() else _of_pairs(counts, rows)


def _of_whole_repeats(counts: npt.NDArray[np.integer], rows: npt.NDArray[np.int64]) -> Floats:
    number = counts.shape[1]
    total, own, some = np.zeros((rows.shape[1], number)), np.zeros(number), np.zeros(number)
    for repeat in rows:
        shown = counts[repeat]
        x = shown - shown.mean(axis=0)
        varies = shown.min(axis=0) < shown.max(axis=0)
        x = np.divide(x, np.sqrt((x**2).sum(axis=0)), out=np.zeros_like(x), where=varies)
        total += x
        own += (x**2).sum(axis=0)
        some += varies
    # The square of a sum is each with itself, and each pair twice.
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(some > 1, ((total**2).sum(axis=0) - own) / (some * (some - 1)), np.nan)


def _of_pairs(counts: npt.NDArray[np.integer], rows: npt.NDArray[np.int64]) -> Floats:
    """The same where repeats lack frames: pair by pair. Sums of whole numbers are exact, and so is what varies."""
    there = (rows >= 0).astype(np.float64)
    shared = there @ there.T
    pairs = np.triu_indices(len(rows), 1)
    found = np.full(counts.shape[1], np.nan)
    for unit in range(len(found)):
        x = counts[rows, unit] * there  # -1 takes the last presentation, which counts nothing
        total, square = (
            x @ there.T,
            (x**2) @ there.T,
        )  # of each repeat, over the frames that the other has too
        together = (shared * (x @ x.T) - total * total.T)[pairs]
        spread = shared * square - total**2
        length = np.sqrt(spread * spread.T)[pairs]
        varies = length > 0
        if varies.any():
            found[unit] = (together[varies] / length[varies]).mean()
    return found
