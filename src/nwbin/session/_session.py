"""The session itself, and how to open one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from inspect import signature
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from nwbin._hdf5 import StrPath
from nwbin._keywords import names_checked, refuse_unknown
from nwbin.allen import lfp
from nwbin.allen.units import UnitFilters
from nwbin.errors import ArgumentError, ArgumentTypeError
from nwbin.file import File
from nwbin.session._signals import SessionSignals
from nwbin.session._spikes import SessionSpikes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Session", "open"]


class Session(SessionSpikes, SessionSignals):
    """A Visual Coding - Neuropixels session. Use :func:`nwbin.open` to make one.

    Every attribute and method of AllenSDK's EcephysSession is here under its name; tables are read at first use
    and kept. It is a context manager. Pickled, as on its way to a worker process, it is its file's path and how it
    was opened: tables are read anew there, and what was changed in them stays behind.

    Parameters
    ----------
    file
        The session's file.
    filters
        Which units to keep.
    probe_lfp_paths, external_channel_columns, additional_unit_metrics
        See :func:`nwbin.open`.
    """

    @classmethod
    def from_nwb_path(
        cls,
        path: StrPath,
        nwb_version: int = 2,
        api_kwargs: Mapping[str, Any] | None = None,
        test: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Open a session as AllenSDK's EcephysSession.from_nwb_path does; :func:`nwbin.open` is the plain way.

        Parameters
        ----------
        path
            The session's NWB file.
        nwb_version
            2 or more.
        api_kwargs, **kwargs
            Arguments of :func:`nwbin.open`, in a dictionary or by name; where both have one, the latter counts.
        test
            Of no effect: a file that cannot be read is refused in any case.

        Returns
        -------
        Session
            Of the class that it is called on.
        """
        if int(nwb_version) < 2:
            raise ArgumentError(f"{path}: nwbin reads NWB 2 files only, not nwb_version={nwb_version}")
        return cls._opened(path, _defaults() | _known(api_kwargs) | _known(kwargs))

    @classmethod
    def _opened(cls, path: StrPath | BinaryIO, arguments: Mapping[str, Any]) -> Self:
        filters = UnitFilters(**{field.name: arguments[field.name] for field in fields(UnitFilters)})
        return cls(File(path, mmap=arguments["mmap"]), filters, **{name: arguments[name] for name in _TABLES})

    def __getstate__(self) -> dict[str, Any]:
        state = {
            name: self.__dict__[name] for name in ("file", "filters", "_channel_columns", "_unit_metrics")
        }
        paths = self._lfp_paths
        if paths is not None:  # the other process may have another working folder
            paths = {
                one: Path(at).absolute() if isinstance(at, str | Path) else at for one, at in paths.items()
            }
        return {**state, "_lfp_paths": paths}

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<nwbin.Session of {self.file.name!r}>"


# Arguments of `open` that a Session is made with, besides the filters.
_TABLES = ("probe_lfp_paths", "external_channel_columns", "additional_unit_metrics")


def _defaults() -> dict[str, Any]:
    """Return the arguments of `open` that say how to open a file, with their defaults."""
    found = {name: parameter.default for name, parameter in signature(open).parameters.items()}
    return {name: value for name, value in found.items() if name not in ("path", "api_kwargs")}


def _known(arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return arguments of `open` that were given in a dictionary, once there is no other among them."""
    if not isinstance(arguments, Mapping | None):
        raise ArgumentTypeError(
            f"api_kwargs must be a dictionary of arguments of nwbin.open, not {type(arguments).__name__}"
        )
    refuse_unknown(arguments or {}, _defaults(), "nwbin.open")
    return dict(arguments or {})


@names_checked
def open(
    path: StrPath | BinaryIO,
    *,
    amplitude_cutoff_maximum: float | None = 0.1,
    presence_ratio_minimum: float | None = 0.95,
    isi_violations_maximum: float | None = 0.5,
    filter_by_validity: bool = True,
    filter_out_of_brain_units: bool = True,
    filter_by_metrics: bool = True,
    probe_lfp_paths: Mapping[int, lfp.LfpSource] | None = None,
    external_channel_columns: Callable[[], pd.DataFrame] | pd.DataFrame | None = None,
    additional_unit_metrics: Callable[[], pd.DataFrame] | pd.DataFrame | None = None,
    mmap: bool = True,
    api_kwargs: Mapping[str, Any] | None = None,
) -> Session:
    """Open a session file.

    Parameters
    ----------
    path : str, os.PathLike or binary file object
        The session's NWB file. Any NWB 2 file with units works: a filter whose column it lacks is not applied.
    amplitude_cutoff_maximum, presence_ratio_minimum, isi_violations_maximum : float or None
        Quality bounds on units, inclusive; None (or 0) for no bound. The defaults are AllenSDK's.
    filter_by_validity : bool
        Keep only units of quality "good" on channels with valid data.
    filter_out_of_brain_units : bool
        Keep only units whose peak channel lies in the brain.
    filter_by_metrics : bool
        False: none of these bounds, and units stay whose metric is NaN, which AllenSDK drops even where a bound is
        None.
    probe_lfp_paths : mapping, optional
        Probe id -> path of its LFP file. By default files beside the session file are found by themselves.
    external_channel_columns, additional_unit_metrics : pandas.DataFrame or function, optional
        Columns by channel id that replace or add to `channels`; metrics by unit id that are added to `units`.
    mmap : bool, default True
        Map the file into memory where that can be done. False copies whatever is read: for a file that others may
        write to while it is open; see :class:`nwbin.File`. Holds for the probes' LFP files too.
    api_kwargs : mapping, optional
        Any of the arguments above in a dictionary, as AllenSDK's EcephysSession.from_nwb_path takes them. An
        argument given by name, other than its default, counts more.

    Returns
    -------
    Session

    Raises
    ------
    ArgumentTypeError
        There is no argument of such a name; the message has the nearest (also a ``TypeError``).

    Examples
    --------
    >>> session = nwbin.open("session_715093703.nwb")                             # doctest: +SKIP
    >>> v1 = session.units.query("structure_acronym == 'VISp'").index             # doctest: +SKIP
    >>> gratings = session.get_stimulus_table("static_gratings").index            # doctest: +SKIP
    >>> m = session.response_matrix(gratings, v1, window=(0.01, 0.25))            # doctest: +SKIP
    """
    arguments = {
        "amplitude_cutoff_maximum": amplitude_cutoff_maximum,
        "presence_ratio_minimum": presence_ratio_minimum,
        "isi_violations_maximum": isi_violations_maximum,
        "filter_by_validity": filter_by_validity,
        "filter_out_of_brain_units": filter_out_of_brain_units,
        "filter_by_metrics": filter_by_metrics,
        "probe_lfp_paths": probe_lfp_paths,
        "external_channel_columns": external_channel_columns,
        "additional_unit_metrics": additional_unit_metrics,
        "mmap": mmap,
    }
    defaults = _defaults()
    for name, value in _known(api_kwargs).items():
        if arguments[name] is defaults[name]:
            arguments[name] = value
    return Session._opened(path, arguments)
