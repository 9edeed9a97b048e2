"""Jobs over all sessions that make one table: the metrics of their units, a row for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nwbin.dataset._jobs import Jobs, _path

# Metrics are imported where a job begins: tables need none of it.
if TYPE_CHECKING:
    from nwbin.dataset._results import Results
    from nwbin.dataset.unit_metrics import UnitMetrics
    from nwbin.metrics.common import Convention as StimulusConvention
    from nwbin.metrics.quality import Convention
    from nwbin.metrics.stimulus import StimulusChoice
    from nwbin.storage.opening import StrPath

__all__ = ["MetricJobs"]


@dataclass(eq=False, repr=False)
class MetricJobs:
    """Metrics of the units of all sessions; what is common to all jobs, :class:`nwbin.Dataset` says."""

    jobs: Jobs

    def quality_metrics(
        self,
        /,
        out: StrPath | None = None,
        *,
        convention: Convention = "allen",
        structures: str | Sequence[str] | None = None,
        units: str | Sequence[Any] | None = None,
        sessions: Any = None,
        **options: Any,
    ) -> Results:
        """Work out the quality of the units of all sessions; see :meth:`nwbin.Session.quality_metrics`.

        Parameters
        ----------
        out
            Folder for the results, a file a session. With it the job can be taken up again: the same line does only
            what is missing, failed, or made from a file that has changed.
        convention : {"allen", "spikeinterface"}
            Whose definitions.
        structures, units
            Which units; see :class:`Selection`.
        sessions, **options
            See :class:`nwbin.Dataset`.

        Returns
        -------
        Results
            Tables by session id, index unit_id; :meth:`.Results.table` has all in one, with a column `session_id`.

        Examples
        --------
        >>> found = data.quality_metrics("quality", structures="VISp")
        >>> found.table().groupby("session_id")["isi_violations"].median()
        """
        from nwbin.dataset.unit_metrics import UnitMetrics
        from nwbin.metrics.quality import as_convention
        from nwbin.responses.selection import Selection

        work = UnitMetrics(Selection(structures=structures, units=units), as_convention(convention))
        return self.unit_metrics(work, out, sessions=sessions, **options)

    def stimulus_metrics(
        self,
        /,
        stimuli: StimulusChoice = None,
        out: StrPath | None = None,
        *,
        convention: StimulusConvention = "corrected",
        seed: int = 0,
        structures: str | Sequence[str] | None = None,
        units: str | Sequence[Any] | None = None,
        sessions: Any = None,
        **options: Any,
    ) -> Results:
        """Work out how the units of all sessions answer the stimuli; see :meth:`nwbin.Session.stimulus_metrics`.

        Parameters
        ----------
        stimuli
            Names of stimuli, or suffixes of columns ("dg"); by default those of the published table of each session.
        out
            Folder for the results, as for :meth:`quality_metrics`.
        convention : {"corrected", "allen"}
            By AllenSDK's rules with their faults mended, or as they are.
        seed
            Of what is drawn at random: a unit's values do not hang on which others are asked for.
        structures, units
            Which units; see :class:`Selection`.
        sessions, **options
            See :class:`nwbin.Dataset`.

        Returns
        -------
        Results
            Tables by session id, index unit_id; :meth:`.Results.table` has all in one, with a column `session_id`, and
            NaN where a session's stimulus set lacks a column.

        Examples
        --------
        >>> found = data.stimulus_metrics(["drifting_gratings", "flashes"], "metrics")
        >>> found.table()["g_osi_dg"].median()
        """
        from nwbin.dataset.unit_metrics import UnitMetrics
        from nwbin.metrics.common import as_convention
        from nwbin.metrics.stimulus import checked_stimuli
        from nwbin.responses.selection import Selection

        work = UnitMetrics(
            Selection(structures=structures, units=units),
            stimulus=as_convention(convention),
            stimuli=None if stimuli is None else tuple(checked_stimuli(stimuli, convention)),
            seed=seed,
        )
        return self.unit_metrics(work, out, sessions=sessions, **options)

    def unit_metrics(
        self, /, work: UnitMetrics, out: StrPath | None = None, *, sessions: Any = None, **options: Any
    ) -> Results:
        """Work out metrics of any kind, or of both at once, as ``nwbin metrics`` does.

        Parameters
        ----------
        work
            Which metrics of which units: a :class:`nwbin.dataset.unit_metrics.UnitMetrics`.
        out, sessions, **options
            As for :meth:`quality_metrics`.

        Returns
        -------
        Results
            Tables by session id, index unit_id; of each, ``attrs["unit_filters"]`` names the filters that were applied.

        Examples
        --------
        >>> from nwbin.dataset.unit_metrics import UnitMetrics
        >>> both = UnitMetrics(nwbin.responses.Selection(structures="VISp"), quality="allen", stimulus="corrected")
        >>> data.unit_metrics(both, "all metrics").table()
        """
        from nwbin.dataset._result_files import ValueFolder

        sink = None if out is None else ValueFolder(_path(out))
        return self.jobs._run(work, sink, sessions, "metrics", options)
