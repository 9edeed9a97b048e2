"""What a session's units answer to its stimuli: rates, tuning, tests, latencies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy.typing as npt

from nwbin import responses
from nwbin.binning import Closed, as_seconds, as_window, bin_edges
from nwbin.errors import ArgumentError
from nwbin.responses.groups import By
from nwbin.responses.time_axes import median_duration, time_axis
from nwbin.responses.windows import overlap_unsaid
from nwbin.session._asked import Asked, Window
from nwbin.session._lookup import Ids

if TYPE_CHECKING:
    import xarray as xr

    from nwbin.estimates import Kernel, PairedTest
    from nwbin.responses.rates import Normalize
    from nwbin.responses.tuning_curves import Preferred

__all__ = ["Answers"]


class Answers(Asked):
    """Rates, tuning, tests and latencies; :class:`nwbin.session._asked.Asked` has what the arguments mean."""

    def psth(
        self,
        presentations: str | Iterable[str] | Ids = None,
        unit_ids: Ids = None,
        *,
        window: Window | None = None,
        bin_width: float | None = None,
        edges: npt.ArrayLike | None = None,
        by: By = None,
        where: str | None = None,
        baseline: Window | None = None,
        normalize: Normalize | None = None,
        smooth: float | None = None,
        kernel: Kernel = "gaussian",
        closed: Closed = "left",
        threads: int | None = None,
    ) -> xr.Dataset:
        """Average firing rates over presentations by condition, in bins around their start.

        Parameters
        ----------
        presentations, unit_ids, where
            A stimulus's name, or which presentations; which units; a condition on the presentations.
        window, bin_width
            From and to, and the width of a bin, s. By default a little more than a presentation in 40 to 100 bins, as
            in ``nwbin psth``.
        edges
            In place of those: any edges of bins, (bins + 1,) s from onset.
        by
            A column, such as "orientation", or several: conditions are what was shown of their values.
        baseline, normalize, smooth, kernel, closed, threads
            See :func:`nwbin.responses.psth`.

        Returns
        -------
        xarray.Dataset
            firing_rate, sem (Hz), presentations; dims (condition, time_relative_to_stimulus_onset, unit_id).

        Raises
        ------
        LookupFailure
            There is no such stimulus, presentation, unit or column.
        NothingChosen
            No presentation is left.
        ArgumentError
            See :func:`nwbin.responses.psth`.

        Examples
        --------
        >>> session.psth("drifting_gratings", by="orientation", window=(-0.5, 2))
        """
        rows, ids = self._asked(presentations, unit_ids, where)
        own = edges is None and window is None
        if edges is None:
            start, stop, width = time_axis(
                median_duration(rows), None if window is None else as_window(window), bin_width
            )
            edges = bin_edges(None, (start, stop), width)
        elif window is not None or bin_width is not None:
            raise ArgumentError("give either edges, or a window and a bin_width")
        bounds = bin_edges(as_seconds(edges, "edges"))
        trains = self._trains("psth", rows, ids, [bounds[[0, -1]], baseline], threads)
        with overlap_unsaid(own):
            return responses.psth(
                trains, self._tidy(rows, by), bounds, by=by, baseline=baseline, normalize=normalize,
                smooth=smooth, kernel=kernel, closed=closed, threads=threads,
            )  # fmt: skip

    def tuning(
        self,
        presentations: str | Iterable[str] | Ids,
        by: By = "orientation",
        unit_ids: Ids = None,
        *,
        window: Window | None = None,
        where: str | None = None,
        preferred: Preferred = "marginal",
        resamples: int = 1000,
        seed: int = 0,
        closed: Closed = "left",
        threads: int | None = None,
    ) -> xr.Dataset:
        """Average responses by one or more parameters of a stimulus, and find the preferred values.

        Parameters
        ----------
        presentations, unit_ids, where
            A stimulus's name, or which presentations; which units; a condition on the presentations.
        by
            The parameters: a column, or several.
        window
            From and to, s from onset; by default the presentation.
        preferred, resamples, seed, closed, threads
            See :func:`nwbin.responses.tuning`.

        Returns
        -------
        xarray.Dataset
            firing_rate, sem (Hz), dims (parameters, unit_id); presentations; preferred and confidence of each
            parameter, by unit_id.

        Raises
        ------
        LookupFailure, NothingChosen, ArgumentError
            As :meth:`psth`.

        Examples
        --------
        >>> session.tuning("drifting_gratings", ["orientation", "temporal_frequency"])
        """
        rows, ids = self._asked(presentations, unit_ids, where)
        span = self._window(rows, window)
        trains = self._trains("tuning", rows, ids, [span], threads)
        with overlap_unsaid(window is None):
            return responses.tuning(
                trains, self._tidy(rows, by), by, span, preferred=preferred, resamples=resamples, seed=seed,
                closed=closed, threads=threads,
            )  # fmt: skip

    def responsive(
        self,
        presentations: str | Iterable[str] | Ids,
        baseline: Window,
        unit_ids: Ids = None,
        *,
        window: Window | None = None,
        where: str | None = None,
        test: PairedTest = "wilcoxon",
        permutations: int = 10_000,
        alpha: float = 0.05,
        seed: int = 0,
        closed: Closed = "left",
        threads: int | None = None,
    ) -> xr.Dataset:
        """Test for each unit whether its rate during presentations differs from that in a baseline window.

        Parameters
        ----------
        presentations, unit_ids, where
            A stimulus's name, or which presentations; which units; a condition on the presentations.
        baseline, window
            From and to, s from onset: what is compared. By default `window` is the presentation.
        test, permutations, alpha, seed, closed, threads
            See :func:`nwbin.responses.responsive`.

        Returns
        -------
        xarray.Dataset
            By unit_id: response_rate, baseline_rate (Hz), effect_size, p and q of the test and of the permutations,
            responsive.

        Raises
        ------
        MissingDependencyError
            SciPy is not installed (extra "metrics").
        LookupFailure, NothingChosen, ArgumentError
            As :meth:`psth`.

        Examples
        --------
        >>> session.responsive("drifting_gratings", (-0.5, 0)).responsive.sum()
        """
        rows, ids = self._asked(presentations, unit_ids, where)
        span = self._window(rows, window)
        trains = self._trains("responsive", rows, ids, [span, baseline], threads)
        return responses.responsive(
            trains, rows[["start_time"]], span, baseline, test=test, permutations=permutations, alpha=alpha, seed=seed,
            closed=closed, threads=threads,
        )  # fmt: skip

    def latency(
        self,
        presentations: str | Iterable[str] | Ids,
        unit_ids: Ids = None,
        *,
        window: Window = (0.0, 0.25),
        where: str | None = None,
        baseline: Window | None = None,
        bin_width: float = 0.002,
        smooth: float = 0.005,
        kernel: Kernel = "gaussian",
        resamples: int = 1000,
        confidence: float = 0.95,
        seed: int = 0,
        closed: Closed = "left",
        threads: int | None = None,
    ) -> xr.Dataset:
        """Say how soon after onset each unit answers: by its first spike, and by half the height of its rate.

        Parameters
        ----------
        presentations, unit_ids, where
            A stimulus's name, or which presentations; which units; a condition on the presentations.
        window, baseline, bin_width, smooth, kernel, resamples, confidence, seed, closed, threads
            See :func:`nwbin.responses.latency`.

        Returns
        -------
        xarray.Dataset
            By unit_id, s: first_spike and half_height, each with _low and _high.

        Raises
        ------
        MissingDependencyError
            SciPy is not installed (extra "metrics").
        LookupFailure, NothingChosen, ArgumentError
            As :meth:`psth`.

        Examples
        --------
        >>> session.latency("flashes", baseline=(-0.1, 0), resamples=50).first_spike
        """
        rows, ids = self._asked(presentations, unit_ids, where)
        trains = self._trains("latency", rows, ids, [as_window(window), baseline], threads)
        return responses.latency(
            trains, rows[["start_time"]], window, baseline=baseline, bin_width=bin_width, smooth=smooth, kernel=kernel,
            resamples=resamples, confidence=confidence, seed=seed, closed=closed, threads=threads,
        )  # fmt: skip
