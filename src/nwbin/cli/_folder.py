"""``nwbin count FOLDER``: the same, over all sessions of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nwbin.cli._choose import Quality, names_of
from nwbin.errors import ArgumentError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["count_folder"]


def _client(scheduler: str) -> Any:
    from nwbin.dataset._sinks import need

    need("distributed", "dask", f"--scheduler {scheduler}: a Dask cluster")
    import distributed

    client: Any = distributed.Client
    try:
        if Path(scheduler).is_file():
            return client(scheduler_file=scheduler)
        return client(scheduler, timeout=30)
    except (OSError, ValueError) as error:  # nobody answers there, or it is no address
        raise ArgumentError(f"--scheduler {scheduler}: cannot be reached: {error}") from error


def count_folder(
    folder: Path,
    out: Path,
    *,
    stimulus: list[str] | None,
    edges: np.ndarray[Any, Any] | None,
    quality: Quality,
    sessions: str | None,
    structures: str | None,
    workers: int | None,
    scheduler: str | None,
    **how: Any,
) -> None:
    """Count into a Zarr store, and say what became of each session."""
    from nwbin.cli._console import output
    from nwbin.dataset import Dataset
    from nwbin.dataset._results import JobError

    if out.suffix.lower() != ".zarr":
        raise ArgumentError(
            f"{out}: the counts of a whole folder go to a Zarr store: give a name that ends in .zarr"
        )
    if edges is None:
        raise ArgumentError(
            "over a folder, bins lie around the start of each presentation: give --window or --edges"
        )
    filters: dict[str, Any] = {
        "amplitude_cutoff_maximum": quality.amplitude_cutoff_maximum,
        "presence_ratio_minimum": quality.presence_ratio_minimum,
        "isi_violations_maximum": quality.isi_violations_maximum,
    }
    if quality.everything:
        filters = dict.fromkeys(filters)
        filters |= {"filter_by_validity": False, "filter_out_of_brain_units": False}
    areas = names_of(structures)
    data = Dataset(folder)
    if not data.session_ids:
        raise ArgumentError(f"{folder}: holds no NWB files with units")
    chosen: Any = int(sessions) if sessions is not None and sessions.isdecimal() else sessions
    client = None if scheduler is None else _client(scheduler)
    try:
        results = data.spike_counts(
            out, stimulus, edges=edges, structures=areas, sessions=chosen, client=client, workers=workers,
            **how, **filters,
        )  # fmt: skip
    finally:
        if client is not None:
            client.close()
    console = output()
    status = results.report["status"].value_counts().to_dict()
    words = {"done": "counted", "kept": "there already", "nothing": "without any of it", "failed": "failed"}
    said = ", ".join(f"{status[name]} {word}" for name, word in words.items() if name in status)
    console.print(f"{out}: {len(results.report)} sessions: {said or 'none'}", markup=False)
    if results.failed:
        failed = "; ".join(f"{key}: {why}" for key, why in results.failed.items())
        raise JobError(
            f"{len(results.failed)} of {len(results.report)} sessions failed (the same command tries only them again): "
            f"{failed}"
        )
