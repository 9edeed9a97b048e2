"""What a session's units do together, from trial to trial and over time: correlations, reliability, decoding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy.typing as npt

from nwbin import responses
from nwbin.allen.responses import labelled_trials
from nwbin.binning import Closed, as_seconds
from nwbin.responses.groups import By
from nwbin.responses.matrix import response_matrix
from nwbin.responses.windows import overlap_unsaid
from nwbin.session._asked import Asked, Window
from nwbin.session._lookup import Ids

if TYPE_CHECKING:
    import xarray as xr

    from nwbin.responses.variability import Method

__all__ = ["PopulationAnswers"]


class PopulationAnswers(Asked):
    """Correlations, reliability and decoding; :class:`nwbin.session._asked.Asked` has what the arguments mean."""

    def noise_correlations(
        self,
        presentations: str | Iterable[str] | Ids,
        unit_ids: Ids = None,
        *,
        by: By = "stimulus_condition_id",
        window: Window | None = None,
        where: str | None = None,
        scaled: bool = True,
        closed: Closed = "left",
        threads: int | None = None,
    ) -> xr.DataArray:
        """Correlate what units do beyond what the stimulus explains, from presentation to presentation.

        Parameters
        ----------
        presentations, unit_ids, where
            A stimulus's name, or which presentations; which units; a condition on the presentations.
        by
            What makes a condition: a column, or several.
        window
            From and to, s from onset; by default the presentation.
        scaled, closed, threads
            See :func:`nwbin.responses.noise_correlations`.

        Returns
        -------
        xarray.DataArray
            "noise_correlation", dims (unit_id, other_unit_id).

        Raises
        ------
        LookupFailure, NothingChosen, ArgumentError
            As :meth:`psth`.

        Examples
        --------
        >>> found = session.noise_correlations("drifting_gratings")
        >>> found.dims
        ('unit_id', 'other_unit_id')
        """
        rows, ids = self._asked(presentations, unit_ids, where)
        span = self._window(rows, window)
        trains = self._trains("noise_correlations", rows, ids, [span], threads)
        with overlap_unsaid(window is None):
            return responses.noise_correlations(
                trains, self._tidy(rows, by), span, by=by, scaled=scaled, closed=closed, threads=threads
            )

    def signal_correlations(
        self,
        presentations: str | Iterable[str] | Ids,
        unit_ids: Ids = None,
        *,
        by: By = "stimulus_condition_id",
        window: Window | None = None,
        where: str | None = None,
        closed: Closed = "left",
        threads: int | None = None,
    ) -> xr.DataArray:
        """Correlate the mean responses of units over conditions: are they tuned alike?

        Parameters
        ----------
        presentations, unit_ids, by, window, where
            As in :meth:`noise_correlations`.
        closed, threads
            See :func:`nwbin.responses.signal_correlations`.

        Returns
        -------
        xarray.DataArray
            "signal_correlation", dims (unit_id, other_unit_id).

        Raises
        ------
        LookupFailure, NothingChosen, ArgumentError
            As :meth:`psth`.

        Examples
        --------
        >>> session.signal_correlations("drifting_gratings", by="orientation").attrs
        """
        rows, ids = self._asked(presentations, unit_ids, where)
        span = self._window(rows, window)
        trains = self._trains("signal_correlations", rows, ids, [span], threads)
        with overlap_unsaid(window is None):
            return responses.signal_correlations(
                trains, self._tidy(rows, by), span, by, closed=closed, threads=threads
            )

    def reliability(
        self,
        presentations: str | Iterable[str] | Ids,
        unit_ids: Ids = None,
        *,
        by: By = "stimulus_condition_id",
        window: Window | None = None,
        bin_width: float | None = None,
        where: str | None = None,
        method: Method = "split_half",
        splits: int = 100,
        spearman_brown: bool = True,
        seed: int = 0,
        closed: Closed = "left",
        threads: int | None = None,
    ) -> xr.Dataset:
        """Say how much of each unit's response repeats when the same is shown again.

        Parameters
        ----------
        presentations, unit_ids, by, window, where
            As in :meth:`noise_correlations`. Of a movie every frame is a condition (by="frame"): its default window
            is that of the frame.
        bin_width, method, splits, spearman_brown, seed, closed, threads
            See :func:`nwbin.responses.reliability`; "pairwise" compares repeats of a movie.

        Returns
        -------
        xarray.Dataset
            By unit_id: reliability, and what it was made of.

        Raises
        ------
        LookupFailure, NothingChosen, ArgumentError
            As :meth:`psth`.

        Examples
        --------
        >>> session.reliability("drifting_gratings", by="orientation", splits=20).reliability
        """
        rows, ids = self._asked(presentations, unit_ids, where)
        span = self._window(rows, window)
        trains = self._trains("reliability", rows, ids, [span], threads)
        with overlap_unsaid(window is None):
            return responses.reliability(
                trains, self._tidy(rows, by), span, by, bin_width=bin_width, method=method, splits=splits,
                spearman_brown=spearman_brown, seed=seed, closed=closed, threads=threads,
            )  # fmt: skip

    def fano_factor(
        self,
        presentations: str | Iterable[str] | Ids,
        unit_ids: Ids = None,
        *,
        by: By = "stimulus_condition_id",
        windows: npt.ArrayLike | None = None,
        where: str | None = None,
        closed: Closed = "left",
        threads: int | None = None,
    ) -> xr.Dataset:
        """Divide the variance of counts over presentations by their mean, by condition and window.

        Parameters
        ----------
        presentations, unit_ids, by, where
            As in :meth:`noise_correlations`.
        windows
            (windows, 2) s from onset, as :func:`nwbin.responses.sliding_windows` makes them; by default one, the
            presentation.
        closed, threads
            See :func:`nwbin.responses.fano_factor`.

        Returns
        -------
        xarray.Dataset
            fano_factor, mean_count, variance, dims (condition, time_relative_to_stimulus_onset, unit_id).

        Raises
        ------
        LookupFailure, NothingChosen, ArgumentError
            As :meth:`psth`.

        Examples
        --------
        >>> windows = nwbin.responses.sliding_windows((0, 1), width=0.5, step=0.25)
        >>> session.fano_factor("drifting_gratings", windows=windows, by="orientation").fano_factor
        """
        rows, ids = self._asked(presentations, unit_ids, where)
        spans = as_seconds(self._window(rows, None) if windows is None else windows, "windows")
        trains = self._trains("fano_factor", rows, ids, [spans], threads)
        with overlap_unsaid(windows is None):
            return responses.fano_factor(
                trains, self._tidy(rows, by), spans, by=by, closed=closed, threads=threads
            )

    def decode_over_time(
        self,
        presentations: str | Iterable[str] | Ids,
        windows: npt.ArrayLike,
        unit_ids: Ids = None,
        *,
        label: str | npt.ArrayLike = "orientation",
        where: str | None = None,
        shrinkage: float | str | None = 0.2,
        folds: int = 5,
        closed: Closed = "left",
        threads: int | None = None,
    ) -> xr.Dataset:
        """Decode what was shown from the counts of one window after the other.

        Parameters
        ----------
        presentations, unit_ids, where
            A stimulus's name, or which presentations; which units; a condition on the presentations.
        windows
            (windows, 2) s from onset, as :func:`nwbin.responses.sliding_windows` makes them.
        label
            A column of the presentations, or a label for each that is left by `where`; those without are left out, as
            in :meth:`response_matrix`.
        shrinkage, folds, closed, threads
            See :func:`nwbin.responses.decode_over_time`.

        Returns
        -------
        xarray.Dataset
            accuracy (time_relative_to_stimulus_onset, fold); chance.

        Raises
        ------
        MissingDependencyError
            scikit-learn is not installed (extra "decode").
        LookupFailure, NothingChosen, ArgumentError
            As :meth:`psth`, and as :func:`nwbin.decode.decode`.

        Examples
        --------
        >>> windows = nwbin.responses.sliding_windows((0, 1), width=0.5, step=0.25)
        >>> session.decode_over_time("drifting_gratings", windows, label="orientation").accuracy.mean("fold")
        """
        rows, ids = self._asked(presentations, unit_ids, where)
        rows, labels = labelled_trials(rows, label, self._session.file.name)
        spans = as_seconds(windows, "windows")
        trains = self._trains("decode_over_time", rows, ids, [spans], threads)
        return responses.decode_over_time(
            trains, rows, labels, spans, shrinkage=shrinkage, folds=folds, closed=closed, threads=threads
        )

    def decode_over_neurons(
        self,
        presentations: str | Iterable[str] | Ids,
        unit_ids: Ids = None,
        numbers: Iterable[int] | None = None,
        *,
        label: str | npt.ArrayLike = "orientation",
        window: Window | None = None,
        where: str | None = None,
        draws: int = 20,
        seed: int = 0,
        shrinkage: float | str | None = 0.2,
        folds: int = 5,
        closed: Closed = "left",
        threads: int | None = None,
    ) -> xr.Dataset:
        """Decode what was shown from more and more neurons.

        Parameters
        ----------
        presentations, unit_ids, label, where
            As in :meth:`decode_over_time`.
        window
            From and to, s from onset; by default the presentation.
        numbers, draws, seed, shrinkage, folds
            See :func:`nwbin.responses.decode_over_neurons`.
        closed, threads
            See :func:`nwbin.responses.response_matrix`.

        Returns
        -------
        xarray.Dataset
            accuracy (neurons, draw); chance.

        Raises
        ------
        MissingDependencyError
            scikit-learn is not installed (extra "decode").
        LookupFailure, NothingChosen, ArgumentError
            As :meth:`psth`, and as :func:`nwbin.decode.decode`.

        Examples
        --------
        >>> session.decode_over_neurons("drifting_gratings", numbers=[1, 5], draws=3, label="orientation").accuracy
        """
        rows, ids = self._asked(presentations, unit_ids, where)
        rows, labels = labelled_trials(rows, label, self._session.file.name)
        span = self._window(rows, window)
        trains = self._trains("decode_over_neurons", rows, ids, [span], threads)
        matrix = response_matrix(trains, rows, labels, span, closed=closed, threads=threads)
        return responses.decode_over_neurons(
            matrix.X, matrix.y, numbers, draws=draws, seed=seed, shrinkage=shrinkage, folds=folds
        )
