"""How a session is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import TYPE_CHECKING, Any, BinaryIO

from nwbin._keywords import names_checked
from nwbin.allen import lfp
from nwbin.session._arguments import known_arguments
from nwbin.session._session import Session
from nwbin.storage.opening import StrPath

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["open"]


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
    index: StrPath | None = None,
    api_kwargs: Mapping[str, Any] | None = None,
) -> Session:
    """Open a session file.

    Parameters
    ----------
    path : str, os.PathLike or binary file object
        The session's NWB file, or its address on a server, as :class:`nwbin.File` takes them.
        Any NWB 2 file with units works: a filter whose column it lacks is not applied.
    amplitude_cutoff_maximum, presence_ratio_minimum, isi_violations_maximum : float or None
        Quality bounds on units, inclusive; None (or 0) for no bound. The defaults are AllenSDK's.
    filter_by_validity : bool
        Keep only units of quality "good" on channels with valid data.
    filter_out_of_brain_units : bool
        Keep only units whose peak channel lies in the brain.
    filter_by_metrics : bool
        False: none of these bounds, and units stay whose metric is NaN, which AllenSDK drops even where a bound is
        None. Units that are not "good", on invalid channels, or outside the brain are still left out: every unit of
        the file is there with all three filters False (from the shell ``--all``).
    probe_lfp_paths : mapping, optional
        Probe id -> path of its LFP file. By default files beside the session file are found by themselves.
    external_channel_columns, additional_unit_metrics : pandas.DataFrame or function, optional
        Columns by channel id that replace or add to `channels`; metrics by unit id that are added to `units`.
    mmap : bool, default True
        Map the file into memory where that can be done. False copies whatever is read: for a file that others may
        write to while it is open; see :class:`nwbin.File`. Holds for the probes' LFP files too.
    index : str or os.PathLike, optional
        The path of an index that knows the file on its server; see :class:`nwbin.File`.
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
    >>> session = nwbin.open("session_715093703.nwb")
    >>> v1 = session.units.query("structure_acronym == 'VISp'").index
    >>> gratings = session.get_stimulus_table("static_gratings").index
    >>> m = session.response_matrix(gratings, v1, window=(0.01, 0.25))
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
        "index": index,
    }
    left = {name: parameter.default for name, parameter in signature(open).parameters.items()}
    for name, value in known_arguments(api_kwargs).items():
        if _is_default(arguments[name], left[name]):
            arguments[name] = value
    return Session.from_nwb_path(path, api_kwargs=arguments)


def _is_default(value: Any, default: Any) -> bool:
    """Whether an argument says nothing: numbers by their value, tables (which have no single answer) as they are."""
    return value is default or (isinstance(value, int | float) and bool(value == default))
