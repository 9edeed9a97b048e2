"""A session in other libraries' objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nwbin.allen.null import tidy
from nwbin.binning import Closed, as_window, bin_edges
from nwbin.binning.edges import multiples, whole_bins
from nwbin.errors import ArgumentError, LookupFailure, nearest
from nwbin.responses.counts import AlignedCounts
from nwbin.session._asked import Asked, Window
from nwbin.session._lookup import Ids, Lookup

if TYPE_CHECKING:
    import pandas as pd

    from nwbin import exchange
    from nwbin.exchange.torch_trials import TrialCounts

__all__ = ["OtherTools"]


class OtherTools(Asked):
    """Hands the session on; :class:`nwbin.session._asked.Asked` has what the arguments mean."""

    def to_pynapple(
        self, unit_ids: Ids = None, *, stimuli: str | Iterable[str] | None = None
    ) -> exchange.Pynapple:
        """Make pynapple's objects: units (TsGroup), stimuli (name -> IntervalSet), running_speed (Tsd).

        Parameters
        ----------
        unit_ids
            Which units; None for all.
        stimuli
            Names of stimuli; None for all, () for none.

        Returns
        -------
        nwbin.exchange.Pynapple
            See :func:`nwbin.exchange.to_pynapple`.

        Raises
        ------
        MissingDependencyError
            Pynapple is not installed (extra "pynapple").
        LookupFailure
            There is no such unit or stimulus.

        Examples
        --------
        >>> data = session.to_pynapple(session.units.index[:3], stimuli="flashes")
        >>> data.units.restrict(data.stimuli["flashes"]).index.tolist() == sorted(session.units.index[:3])
        True
        """
        from nwbin import exchange

        return exchange.to_pynapple(self._session, unit_ids, stimuli=stimuli)

    def to_neo(self, unit_ids: Ids = None, *, stimuli: str | Iterable[str] | None = None) -> Any:
        """Make a Block of Neo, for Elephant: spike trains, an Epoch for each stimulus, the running speed.

        Parameters
        ----------
        unit_ids
            Which units, in this order; None for all.
        stimuli
            Names of stimuli; None for all, () for none.

        Returns
        -------
        neo.Block
            See :func:`nwbin.exchange.to_neo`.

        Raises
        ------
        MissingDependencyError
            Neo is not installed (extra "neo").
        LookupFailure
            There is no such unit or stimulus.

        Examples
        --------
        >>> len(session.to_neo(session.units.index[:3], stimuli="flashes").segments[0].spiketrains)
        3
        """
        from nwbin import exchange

        return exchange.to_neo(self._session, unit_ids, stimuli=stimuli)

    def to_spikeinterface(
        self, unit_ids: Ids = None, *, sampling_frequency: float = 30_000.0, t_start: float = 0.0
    ) -> Any:
        """Make a sorting of SpikeInterface: a spike lies in the frame nearest to it.

        Parameters
        ----------
        unit_ids
            Which units, in this order; None for all.
        sampling_frequency, t_start
            Frames in a second, Hz; and where frame 0 lies, s. See :func:`nwbin.exchange.to_spikeinterface`, also for
            the rule.

        Returns
        -------
        spikeinterface.core.BaseSorting

        Raises
        ------
        MissingDependencyError
            SpikeInterface is not installed (extra "spikeinterface").
        ArgumentError, LookupFailure
            As there.

        Examples
        --------
        >>> sorting = session.to_spikeinterface()
        >>> frames = sorting.get_unit_spike_train(session.units.index[0])
        """
        from nwbin import exchange

        return exchange.to_spikeinterface(
            self._session, unit_ids, sampling_frequency=sampling_frequency, t_start=t_start
        )

    def to_polars(
        self,
        presentations: str | Iterable[str] | Ids = None,
        unit_ids: Ids = None,
        *,
        window: Window | None = None,
        bin_width: float | None = None,
        edges: npt.ArrayLike | None = None,
        where: str | None = None,
        zeros: bool = True,
        dtype: npt.DTypeLike | None = None,
        closed: Closed = "left",
        threads: int | None = None,
    ) -> Any:
        """Count spikes around the start of presentations, into a polars.DataFrame with a row for each count.

        Parameters
        ----------
        presentations, unit_ids, where
            A stimulus's name, or which presentations; which units; a condition on the presentations.
        window, bin_width, edges
            From and to, and the width of a bin, s from onset; or any edges, (bins + 1,). By default one bin of as long
            as a presentation.
        zeros
            Whether bins without a spike have rows.
        dtype, closed, threads
            As in :func:`nwbin.bin_spikes`.

        Returns
        -------
        polars.DataFrame
            See :func:`nwbin.exchange.counts_to_polars`; tables become frames by :func:`nwbin.exchange.to_polars`.

        Raises
        ------
        MissingDependencyError
            Polars or PyArrow is not installed (extra "polars").
        LookupFailure, NothingChosen, ArgumentError
            As :meth:`psth`.

        Examples
        --------
        >>> import polars as pl
        >>> counts = session.to_polars("flashes", bin_width=0.01)
        >>> counts.group_by("color", "bin_start").agg(pl.col("count").mean()).height  # 2 colors, 25 bins
        50
        """
        rows, ids = self._asked(presentations, unit_ids, where)
        bounds = self._edges(rows, window, bin_width, edges)
        trains = self._trains("to_polars", rows, ids, [bounds[[0, -1]]], threads)
        counts = AlignedCounts(trains, tidy(rows), bounds, closed=closed, dtype=dtype, threads=threads)
        from nwbin import exchange

        return exchange.counts_to_polars(counts, zeros=zeros)

    def to_torch(
        self,
        presentations: str | Iterable[str] | Ids = None,
        unit_ids: Ids = None,
        *,
        window: Window | None = None,
        bin_width: float | None = None,
        edges: npt.ArrayLike | None = None,
        where: str | None = None,
        label: str | npt.ArrayLike | None = None,
        layout: exchange.Layout = "dense",
        dtype: npt.DTypeLike = "float32",
        closed: Closed = "left",
        threads: int | None = None,
    ) -> exchange.TorchTrials:
        """Count spikes around the start of presentations, into a tensor of PyTorch.

        Parameters
        ----------
        presentations, unit_ids, where
            A stimulus's name, or which presentations; which units; a condition on the presentations.
        window, bin_width, edges
            From and to, and the width of a bin, s from onset; or any edges, (bins + 1,). By default one bin of as long
            as a presentation.
        label
            A column, such as "orientation", or a value for each presentation; those without one are left out.
        layout, dtype, closed, threads
            See :func:`nwbin.exchange.to_torch`.

        Returns
        -------
        nwbin.exchange.TorchTrials
            X (presentations, bins, units), y (presentations,), classes.

        Raises
        ------
        MissingDependencyError
            PyTorch is not installed (extra "torch").
        LookupFailure, NothingChosen, ArgumentError
            As :meth:`psth`.

        Examples
        --------
        >>> trials = session.to_torch("static_gratings", bin_width=0.01, label="orientation")
        >>> trials.X.shape[1:] == (25, session.num_units), trials.classes.tolist()
        (True, [0.0, 30.0, 60.0, 90.0, 120.0, 150.0])
        """
        rows, ids = self._asked(presentations, unit_ids, where)
        bounds = self._edges(rows, window, bin_width, edges)
        trains = self._trains("to_torch", rows, ids, [bounds[[0, -1]]], threads)
        from nwbin import exchange

        return exchange.to_torch(
            trains,
            tidy(rows),
            bounds,
            label=label,
            layout=layout,
            dtype=dtype,
            closed=closed,
            threads=threads,
        )

    def to_torch_dataset(
        self,
        presentations: str | Iterable[str] | Ids = None,
        unit_ids: Ids = None,
        *,
        window: Window | None = None,
        bin_width: float | None = None,
        edges: npt.ArrayLike | None = None,
        where: str | None = None,
        label: str | npt.ArrayLike | None = None,
        dtype: npt.DTypeLike = "float32",
        closed: Closed = "left",
        threads: int | None = 1,
    ) -> TrialCounts:
        """Make a ``torch.utils.data.Dataset`` of presentations, which counts those that it is asked for.

        Parameters
        ----------
        presentations, unit_ids, window, bin_width, edges, where, label, dtype, closed
            As in :meth:`to_torch`.
        threads
            Of counting.

        Returns
        -------
        torch.utils.data.Dataset
            See :func:`nwbin.exchange.to_torch_dataset`.

        Raises
        ------
        MissingDependencyError, LookupFailure, NothingChosen, ArgumentError
            As :meth:`to_torch`.

        Examples
        --------
        >>> from torch.utils.data import DataLoader
        >>> trials = session.to_torch_dataset("drifting_gratings", bin_width=0.1, label="orientation")
        >>> counts, labels = next(iter(DataLoader(trials, batch_size=64, shuffle=True)))
        """
        rows, ids = self._asked(presentations, unit_ids, where)
        bounds = self._edges(rows, window, bin_width, edges)
        trains = self._trains("to_torch_dataset", rows, ids, [bounds[[0, -1]]], threads)
        from nwbin import exchange

        return exchange.to_torch_dataset(
            trains, tidy(rows), bounds, label=label, dtype=dtype, closed=closed, threads=threads
        )

    def count_grid(
        self,
        stimulus: str | Window,
        bin_width: float,
        unit_ids: Ids = None,
        *,
        closed: Closed = "left",
        dtype: npt.DTypeLike = "float64",
        threads: int | None = None,
    ) -> exchange.CountGrid:
        """Count spikes on a regular grid of time over a stimulus's blocks: for scikit-learn, NeMoS and other models.

        Parameters
        ----------
        stimulus
            The stimulus's name: the grid goes over each of its blocks (:meth:`get_stimulus_epochs`). Or two
            times, from and to, s.
        bin_width
            Of each bin, s.
        unit_ids
            Which units, in this order; None for all.
        closed, dtype, threads
            See :func:`nwbin.exchange.count_grid`.

        Returns
        -------
        nwbin.exchange.CountGrid
            counts (bins, units); ``design("orientation")`` makes regressors, ``values("orientation")`` labels of what
            was shown, ``to_pynapple()`` a TsdFrame.

        Raises
        ------
        LookupFailure
            There is no such stimulus or unit.
        ArgumentError, NotEnoughMemoryError
            See :func:`nwbin.exchange.count_grid`.

        Examples
        --------
        >>> grid = session.count_grid("drifting_gratings", 0.05)
        >>> X, names = grid.design("orientation", "temporal_frequency")
        >>> names[:2], len(X) == len(grid.counts)
        (['orientation=0', 'orientation=45'], True)
        """
        if isinstance(stimulus, str):
            spans, shown = self._blocks(stimulus)
        else:
            spans = np.asarray([as_window(stimulus)])
            shown = self._session.stimulus_presentations
        ids = Lookup(self._session._tables.seen).unit_ids(unit_ids)
        self._session.warn_of_invalid_spikes("count_grid", ids, spans[:, 0], spans[:, 1])
        trains = self._session.file.spike_trains(ids)
        from nwbin import exchange

        return exchange.count_grid(
            trains, spans, bin_width, presentations=tidy(shown), closed=closed, dtype=dtype, threads=threads
        )

    def _blocks(self, name: str) -> tuple[npt.NDArray[np.float64], pd.DataFrame]:
        """From when to when a stimulus's blocks last, and its presentations."""
        session = self._session
        if name not in session.stimulus_names:
            raise LookupFailure(
                f"{session.file.name}: there is no stimulus {name!r}; {nearest(name, session.stimulus_names)}"
            )
        blocks = session.get_stimulus_epochs()
        blocks = blocks[(blocks["stimulus_name"] == name).to_numpy()]
        return blocks[["start_time", "stop_time"]].to_numpy(np.float64), session.get_stimulus_table(name)

    def _edges(
        self,
        rows: pd.DataFrame,
        window: Window | None,
        bin_width: float | None,
        edges: npt.ArrayLike | None,
    ) -> npt.NDArray[np.float64]:
        """The edges of bins, s from onset; as many whole bins as a presentation holds, where there is no window."""
        if edges is not None:
            if window is not None or bin_width is not None:
                raise ArgumentError("give either edges, or a window and a bin_width")
            return bin_edges(edges)
        span = self._window(rows, window)
        if window is not None or bin_width is None:
            return bin_edges(None, span, bin_width)
        if not (bin_width > 0 and (number := whole_bins(*span, bin_width))):
            raise ArgumentError(
                f"no bin of {bin_width:g} s fits into a presentation, of {span[1]:g} s; give a window, or another width"
            )
        return multiples(0.0, bin_width, number)
