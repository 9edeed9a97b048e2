"""Tables over sessions, merged, filtered and counted as AllenSDK's EcephysProjectCache shows them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbin.allen.unit_filters import UnitFilters
from nwbin.allen.units import METRIC_NAMES
from nwbin.errors import FormatError
from nwbin.tables.frames import frame_of
from nwbin.tables.missing import distinct

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Catalogue", "read_csv", "stack"]

# What AllenSDK keeps out of each table unless told otherwise.
_OF_SESSION = (
    "date_of_acquisition", "published_at", "specimen_id", "session_type", "isi_experiment_id", "age_in_days",
    "sex", "genotype", "has_nwb",
)  # fmt: skip
SUPPRESS_FROM_SESSION_TABLE = ("has_nwb", "isi_experiment_id", "date_of_acquisition")
SUPPRESS_FROM_PROBES = (
    "air_channel_index", "surface_channel_index", "lfp_temporal_subsampling_factor", *_OF_SESSION
)  # fmt: skip
SUPPRESS_FROM_CHANNELS = (*SUPPRESS_FROM_PROBES, "name")
SUPPRESS_FROM_UNITS = (
    "air_channel_index", "surface_channel_index", "has_nwb", "lfp_temporal_subsampling_factor",
    "epoch_name_quality_metrics", "epoch_name_waveform_metrics", "isi_experiment_id",
)  # fmt: skip


# What stands for no value: the list of the pandas that AllenSDK needs (1.5). Later ones have "None" too.
_MISSING = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "n/a", "nan", "null",
)  # fmt: skip


def read_csv(path: Path, index: str = "id") -> pd.DataFrame:
    """Read a table as AllenSDK's pandas does, whatever the version here; text is dtype object."""
    import pandas as pd

    # From 3.1 on pandas reads every number exactly; before, only when asked to.
    old = tuple(int(part) for part in pd.__version__.split(".")[:2]) < (3, 1)
    exact: dict[str, Any] = {"float_precision": "round_trip"} if old else {}
    try:
        table = pd.read_csv(
            path, index_col=index, low_memory=False, keep_default_na=False, na_values=list(_MISSING), **exact
        )
    except (ValueError, UnicodeDecodeError) as error:  # no such column, ragged rows, empty
        raise FormatError(f"{path}: cannot be read as a table with a column {index!r}: {error}") from error
    columns = {
        name: table[name].to_numpy()
        if table[name].dtype.kind in "iufb"
        else table[name].to_numpy(dtype=object)
        for name in table.columns
    }
    return frame_of(columns, table.index)


def stack(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put tables of several files below one another; a column that a file lacks is NaN there."""
    import pandas as pd

    filled = [frame for frame in frames if len(frame)] or list(frames[:1])
    if not filled:
        return pd.DataFrame(index=pd.Index([], name="id", dtype=np.int64))
    if len(filled) == 1:
        return filled[0]
    columns: dict[str, Any] = {}
    for name in dict.fromkeys(name for frame in filled for name in frame.columns):
        parts = [
            frame[name].to_numpy() if name in frame.columns else np.full(len(frame), np.nan)
            for frame in filled
        ]
        kinds = {part.dtype.kind for part in parts}
        mixed = len(kinds) > 1 and not kinds <= {"i", "u", "f"}
        columns[name] = np.concatenate([part.astype(object) if mixed else part for part in parts])
    values = np.concatenate([np.asarray(frame.index.to_numpy()) for frame in filled])
    index = pd.Index(values, name=filled[0].index.name)
    return frame_of(columns, index)


class Catalogue:
    """Four tables, as AllenSDK's cache keeps them in CSV files, and what is made of them.

    Parameters
    ----------
    sessions, probes, channels, units
        Each with index ``id``; probes have `ecephys_session_id`, channels `ecephys_probe_id`, units
        `ecephys_channel_id`. Where units have none (other labs' files), they have `ecephys_session_id`.
    from_file
        The tables come from a session's file, not from AllenSDK's CSV files: invalid channels and channels
        outside the brain are among them, and the unit filters for those apply.
    """

    def __init__(
        self,
        sessions: pd.DataFrame,
        probes: pd.DataFrame,
        channels: pd.DataFrame,
        units: pd.DataFrame,
        *,
        from_file: bool = False,
    ) -> None:
        if "structure_acronyms" in sessions.columns:
            lists = [ast.literal_eval(text) for text in sessions["structure_acronyms"]]
            sessions = sessions.drop(columns="structure_acronyms")
            sessions["ecephys_structure_acronyms"] = lists
        if {"lfp_sampling_rate", "lfp_temporal_subsampling_factor"} <= set(probes.columns):
            factor = probes["lfp_temporal_subsampling_factor"]
            probes = probes.assign(lfp_sampling_rate=probes["lfp_sampling_rate"] / factor)
        self._from_file = from_file
        self.sessions = sessions
        self._probes = probes
        self._channels = channels
        self._units = units.rename(columns=METRIC_NAMES)

    @classmethod
    def from_csv(cls, root: Path) -> Catalogue:
        """Read the tables of an AllenSDK cache."""
        return cls(*(read_csv(root / f"{name}.csv") for name in ("sessions", "probes", "channels", "units")))

    @cached_property
    def probes(self) -> pd.DataFrame:
        """Probes with the columns of their session."""
        return _joined(self._probes, self.sessions, "ecephys_session_id", ("_probe", "_session"))

    @cached_property
    def channels(self) -> pd.DataFrame:
        """Channels with the columns of their probe and session."""
        return _joined(self._channels, self.probes, "ecephys_probe_id", ("_channel", "_probe"))

    def units(self, filters: UnitFilters) -> pd.DataFrame:
        """Units that pass the filters, with the columns of their channel, probe and session.

        Bounds are inclusive and None is none; unlike in a session, 0 is a bound too, as in AllenSDK.
        """
        units = self._units
        bounds = (
            ("amplitude_cutoff", filters.amplitude_cutoff_maximum, "maximum"),
            ("presence_ratio", filters.presence_ratio_minimum, "minimum"),
            ("isi_violations", filters.isi_violations_maximum, "maximum"),
        )
        keep = np.ones(len(units), dtype=bool)
        for name, bound, kind in bounds:
            if filters.filter_by_metrics and name in units.columns:
                value = units[name].to_numpy(np.float64)
                if kind == "maximum":
                    keep &= value <= (np.inf if bound is None else bound)
                else:
                    keep &= value >= (-np.inf if bound is None else bound)
        if filters.filter_by_validity and "quality" in units.columns:
            keep &= (units["quality"] == "good").to_numpy()
            units = units.drop(columns="quality")
        units = units[keep]
        if filters.filter_out_of_brain_units and "ecephys_structure_id" in units.columns:
            units = units[units["ecephys_structure_id"].notna().to_numpy()]
        if "ecephys_channel_id" not in units.columns:
            return _joined(units, self.sessions, "ecephys_session_id", ("_unit", "_session"))
        units = _joined(units, self.channels, "ecephys_channel_id", ("_unit", "_channel"))
        if self._from_file:  # AllenSDK's CSV files do not say, and its cache filters neither
            if filters.filter_by_validity and "valid_data" in units.columns:
                units = units[units["valid_data"].to_numpy(bool)].drop(columns="valid_data")
            if filters.filter_out_of_brain_units and "ecephys_structure_acronym" in units.columns:
                units = units[units["ecephys_structure_acronym"].notna().to_numpy()]
        return units

    def units_of(self, session_id: Any) -> pd.Index[Any]:
        """Return the ids of all units of a session, whatever their quality."""
        units = _joined(self._units, self.channels, "ecephys_channel_id", ("_unit", "_channel"))
        mine = units[(units["ecephys_session_id"] == session_id).to_numpy()]
        found: pd.Index[Any] = mine.index
        return found

    @cached_property
    def _default_units(self) -> pd.DataFrame:
        return self.units(UnitFilters())

    def session_table(self) -> pd.DataFrame:
        """Sessions with how many units, channels and probes each has, and in which structures."""
        table = self.sessions.copy()
        key = "ecephys_session_id"
        _count(table, self._default_units, key, "unit_count")
        _count(table, self.channels, key, "channel_count")
        _count(table, self.probes, key, "probe_count")
        _structures(table, self.channels, key)
        return table

    def probe_table(self) -> pd.DataFrame:
        """Probes with how many units and channels each has, and in which structures."""
        table = self.probes.copy()
        _count(table, self._default_units, "ecephys_probe_id", "unit_count")
        _count(table, self.channels, "ecephys_probe_id", "channel_count")
        _structures(table, self.channels, "ecephys_probe_id")
        return table

    def channel_table(self) -> pd.DataFrame:
        """Channels with how many units each has."""
        table = self.channels.copy()
        _count(table, self._default_units, "ecephys_channel_id", "unit_count")
        return table


def _joined(table: pd.DataFrame, owners: pd.DataFrame, key: str, suffixes: tuple[str, str]) -> pd.DataFrame:
    """Add the columns of what each row belongs to.

    Rows of one owner stand together, owners in order of appearance: AllenSDK's order, which comes from the pandas
    that it needs; later ones leave rows where they are.
    """
    import pandas as pd

    if not owners.index.is_unique:
        twice = owners.index[owners.index.duplicated()][0]
        raise FormatError(f"the table that {key} points to has the id {twice} more than once")
    table = table.iloc[np.argsort(pd.factorize(table[key])[0], kind="stable")]
    place = owners.index.get_indexer(pd.Index(table[key].to_numpy()))
    table, place = table[place >= 0], place[place >= 0]
    both = set(table.columns) & set(owners.columns)
    columns: dict[str, Any] = {}
    for frame, suffix, rows in ((table, suffixes[0], slice(None)), (owners, suffixes[1], place)):
        for name in frame.columns:
            columns[name + suffix if name in both else name] = frame[name].to_numpy()[rows]
    return frame_of(columns, table.index)


def without(
    table: pd.DataFrame, names: str | Iterable[str], shown_as: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Leave out columns, where there are any of these names, and show others by another; they go by both."""
    hidden = {names} if isinstance(names, str) else set(names)
    new = dict(shown_as or {})
    gone = [name for name in table.columns if name in hidden or new.get(name) in hidden]
    return table.drop(columns=gone).rename(columns=new)


def _count(table: pd.DataFrame, of: pd.DataFrame, key: str, name: str) -> None:
    counts = of[key].value_counts() if key in of.columns else None
    table[name] = (
        np.zeros(len(table), np.int64)
        if counts is None
        else counts.reindex(table.index, fill_value=0).to_numpy(np.int64)
    )


def _structures(table: pd.DataFrame, channels: pd.DataFrame, key: str) -> None:
    """Add an array of the structures of each row's channels, in the order of channels; empty where it has none."""
    found: dict[Any, Any] = {}
    if "ecephys_structure_acronym" in channels.columns:
        grouped = channels.groupby(key)["ecephys_structure_acronym"]
        found = {one: np.asarray(distinct(part), dtype=object) for one, part in grouped}
    column = np.empty(len(table), dtype=object)
    for row, one in enumerate(table.index):
        column[row] = found.get(one, np.empty(0, dtype=object))
    table["ecephys_structure_acronyms"] = column
