"""Jobs over all sessions of a data set: a function of the user's, counts, matrices, spike tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.allen.rules import CLOSED_BINS, CLOSED_SPIKES
from nwbin.dataset._opener import Opener
from nwbin.errors import ArgumentTypeError, nearest
from nwbin.storage.opening import StrPath

# What counts, writes and works on many processes is imported where a job begins: tables need none of it.
if TYPE_CHECKING:
    from nwbin.binning import Closed
    from nwbin.dataset._results import Results
    from nwbin.dataset._session_work import Work
    from nwbin.dataset._sinks import Sink
    from nwbin.responses.selection import Selection

__all__ = ["Jobs"]

_RUN = ("client", "workers", "threads", "overwrite", "progress")
_FILTERS = (
    "amplitude_cutoff_maximum", "presence_ratio_minimum", "isi_violations_maximum", "filter_by_validity",
    "filter_out_of_brain_units", "filter_by_metrics",
)  # fmt: skip


@dataclass(eq=False, repr=False)
class Jobs:
    """What a data set can have done with all its sessions; what is common to all jobs, :class:`nwbin.Dataset` says."""

    opener: Opener

    def _run(
        self, work: Work, sink: Sink | None, sessions: Any, title: str, options: dict[str, Any]
    ) -> Results:
        from nwbin.dataset._run import run_job

        unknown = set(options) - {*_RUN, *_FILTERS}
        if unknown:
            name = sorted(unknown)[0]
            raise ArgumentTypeError(f"there is no argument {name!r}; {nearest(name, [*_RUN, *_FILTERS])}")
        filters = {name: options[name] for name in _FILTERS if name in options}
        run = {name: options[name] for name in _RUN if name in options}
        return run_job(self.opener.of_sessions(sessions, filters), work, sink, title=title, **run)

    def map(
        self,
        /,
        function: Callable[..., Any],
        *,
        sessions: Any = None,
        arguments: dict[str, Any] | None = None,
        out: StrPath | None = None,
        **options: Any,
    ) -> Results:
        """Call ``function(session)`` for each session, and gather what it returns.

        Parameters
        ----------
        function
            Takes a :class:`nwbin.Session`, which is closed after the call. Small results come back to this
            process, up to 64 MB each.
        arguments
            Further arguments of the function, by name.
        out
            Folder for the results. With it the job can be taken up again, and results may be large. Numbers, text,
            lists, dictionaries, arrays, tables of pandas and xarray and response matrices are written as ``.json``
            or ``.npz``, from which they come back exactly and which cannot run code. Anything else is a pickle
            (``.pkl``), and opening a pickle can run whatever its writer liked. Its digest (SHA-256) is in its stamp,
            ``.nwbin/session_<id>.json``, and is compared before it is opened: a pickle that was damaged or exchanged
            stays closed. That does not protect you from somebody who can write to the folder, and so exchange both:
            of a folder that you were given, open no pickle.
        sessions, **options
            See :class:`nwbin.Dataset`.

        Returns
        -------
        Results
            By session id.

        Examples
        --------
        >>> def mean_rate(session):
        ...     return session.units["firing_rate"].mean()
        >>> dict(data.map(mean_rate, workers=4))
        """
        from nwbin.dataset._result_files import ValueFolder
        from nwbin.dataset._session_work import Call

        if not callable(function):
            raise ArgumentTypeError(f"function must be callable, not {type(function).__name__}")
        sink = None if out is None else ValueFolder(_path(out))
        return self._run(Call(function, dict(arguments or {})), sink, sessions, "sessions", options)

    def spike_counts(
        self,
        /,
        out: StrPath,
        stimulus: str | Sequence[str] | Selection | None = None,
        *,
        edges: npt.ArrayLike | None = None,
        window: tuple[float, float] | None = None,
        bin_width: float | None = None,
        presentations: str | None = None,
        structures: str | Sequence[str] | None = None,
        units: str | Sequence[Any] | None = None,
        align: str = "start_time",
        closed: Closed = CLOSED_BINS,
        binarize: bool = False,
        dtype: str | None = None,
        sessions: Any = None,
        **options: Any,
    ) -> Results:
        """Count spikes in bins around each presentation, into a Zarr store.

        Parameters
        ----------
        out
            The store: a folder, such as "counts.zarr". It has a group ``session_<id>`` for each session with
            `spike_counts` (stimulus_presentation_id, time_relative_to_stimulus_onset, unit_id; the first is interval_id
            for another table), the presentations' parameters, the bins' edges and the units' columns:
            ``xarray.open_zarr(out, group="session_715093703")``.
        stimulus, presentations, structures, units, align
            Which presentations and units; see :class:`Selection`. One of these may be given in place of them all.
        edges
            (bins + 1,) s from each start. Or:
        window, bin_width
            The first and the last edge, and the width of the bins between them (one bin by default), in s.
        closed
            "both" (AllenSDK's rule: a spike on an inner edge counts in both bins), "left" [a, b), "right" (a, b].
        binarize
            1 where there was any spike.
        dtype
            Of the counts: uint16 by default, uint8 when binarized.
        sessions, **options
            See :class:`nwbin.Dataset`.

        Returns
        -------
        Results
            xarray datasets by session id, read as they are used.

        Examples
        --------
        >>> done = data.spike_counts("counts.zarr", "flashes", window=(0, 0.25), bin_width=0.05, structures="VISp")
        >>> done[715093703].spike_counts.dims
        ('stimulus_presentation_id', 'time_relative_to_stimulus_onset', 'unit_id')
        """
        from nwbin.binning import bin_edges
        from nwbin.dataset._session_work import Counts
        from nwbin.dataset._zarr_store import ZarrStore
        from nwbin.responses.selection import as_selection

        bins = tuple(bin_edges(edges, window, bin_width).tolist())
        selection = as_selection(stimulus, presentations, structures, units, align)
        work = Counts(selection, bins, closed, binarize, None if dtype is None else np.dtype(dtype).name)
        return self._run(work, ZarrStore(_path(out)), sessions, "counting", options)

    def response_matrices(
        self,
        /,
        stimulus: str | Sequence[str] | Selection | None = None,
        *,
        window: tuple[float, float] = (0.01, 0.25),
        label: str = "orientation",
        presentations: str | None = None,
        structures: str | Sequence[str] | None = None,
        units: str | Sequence[Any] | None = None,
        align: str = "start_time",
        closed: Closed = CLOSED_BINS,
        rate: bool = False,
        sessions: Any = None,
        out: StrPath | None = None,
        **options: Any,
    ) -> Results:
        """Make a matrix for decoding (trials x units, and labels) of each session.

        Parameters
        ----------
        stimulus, presentations, structures, units, align
            Which presentations and units; see :class:`Selection`. One of these may be given in place of them all.
        window, label, closed, rate
            See :meth:`nwbin.Session.response_matrix`, whose defaults these are.
        out
            Folder for the matrices (.npz); by default they come back to this process.
        sessions, **options
            See :class:`nwbin.Dataset`.

        Returns
        -------
        Results
            :class:`nwbin.ResponseMatrix` by session id.

        Examples
        --------
        >>> done = data.response_matrices("flashes", label="color", window=(0.03, 0.25))
        >>> done[715093703].classes.tolist()
        [-1.0, 1.0]
        """
        from nwbin.dataset._result_files import MatrixFolder
        from nwbin.dataset._session_work import Matrices
        from nwbin.responses.matrix import check_window
        from nwbin.responses.selection import as_selection

        selection = as_selection(stimulus, presentations, structures, units, align)
        work = Matrices(selection, check_window(window, rate), label, closed, rate)
        sink = None if out is None else MatrixFolder(_path(out))
        return self._run(work, sink, sessions, "matrices", options)

    def spike_tables(
        self,
        /,
        out: StrPath,
        stimulus: str | Sequence[str] | Selection | None = None,
        *,
        window: tuple[float, float] | None = None,
        presentations: str | None = None,
        structures: str | Sequence[str] | None = None,
        units: str | Sequence[Any] | None = None,
        align: str = "start_time",
        closed: Closed = CLOSED_SPIKES,
        sessions: Any = None,
        **options: Any,
    ) -> Results:
        """List every spike of the chosen units in the chosen presentations, into a folder of Parquet files.

        Parameters
        ----------
        out
            The folder; ``pandas.read_parquet(out)`` reads all sessions as one table, with a column session_id.
        stimulus, presentations, structures, units, align
            Which presentations and units; see :class:`Selection`. One of these may be given in place of them all.
        window
            Take spikes from the first to the second time from each start, in s; by default from start to stop.
        closed
            Which ends belong to it: as AllenSDK's presentationwise_spike_times, (start, stop].
        sessions, **options
            See :class:`nwbin.Dataset`.

        Returns
        -------
        Results
            Tables by session id.

        Examples
        --------
        >>> done = data.spike_tables("spikes", "flashes", structures="VISp")
        >>> pd.read_parquet("spikes")["session_id"].unique().tolist()
        """
        from nwbin.binning import as_window
        from nwbin.dataset._result_files import TableFolder
        from nwbin.dataset._session_work import SpikeTables
        from nwbin.responses.selection import as_selection

        selection = as_selection(stimulus, presentations, structures, units, align)
        bounds = None if window is None else as_window(window)
        return self._run(
            SpikeTables(selection, bounds, closed), TableFolder(_path(out)), sessions, "spike tables", options
        )


def _path(out: StrPath) -> Path:
    # Workers may have another working folder.
    return Path(out).absolute()
