"""Synthetic sessions are laid out as real files are; pynwb reads them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - the files are looked at as they are stored
import numpy as np
import pytest

from nwbin.testing import LAYOUTS, STIMULUS_SETS, write_session
from tests.testing.looking import FC, VERY_SMALL


@pytest.mark.parametrize("rows", [1 << 17, 300])  # more, and far fewer, than a unit has spikes
def test_layouts_hold_the_same_values(tmp_path: Path, rows: int) -> None:
    paths = [
        write_session(tmp_path / f"{layout}.nwb", size="tiny", layout=layout, chunk_rows=rows)
        for layout in LAYOUTS
    ]
    with h5py.File(paths[0]) as released, h5py.File(paths[1]) as chunked:
        for name in ("spike_times", "spike_amplitudes", "spike_times_index", "waveform_mean"):
            np.testing.assert_array_equal(released[f"units/{name}"][:], chunked[f"units/{name}"][:])
        for name in ("intervals/gabors_presentations/start_time", "processing/running/running_speed/data"):
            np.testing.assert_array_equal(released[name][:], chunked[name][:])
        assert released["units/spike_times"].chunks is None
        assert released["units/spike_times"].id.get_offset() is not None  # it can be mapped
        assert released["units/spike_times_index"].dtype == np.int64
        assert chunked["units/spike_times"].compression == "gzip"
        assert chunked["units/spike_times"].shuffle
        assert chunked["intervals/flashes_presentations/tags_index"].dtype == np.uint8
        assert "probe_channel_number" in chunked["general/extracellular_ephys/electrodes"]


@pytest.fixture
def pynwb() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the import alone: what other packages say of each other
        import pynwb
    return pynwb


# Released files have this field.
@pytest.mark.filterwarnings("ignore:The 'manufacturer' field is deprecated:DeprecationWarning")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("stimulus_set", STIMULUS_SETS)
@pytest.mark.slow
def test_pynwb_reads_everything(tmp_path: Path, pynwb: Any, layout: str, stimulus_set: str) -> None:
    path = write_session(
        tmp_path / "s.nwb", **VERY_SMALL, layout=layout, stimulus_set=stimulus_set, lfp=True, quirks=True
    )
    for file in sorted(tmp_path.iterdir()):
        with pynwb.NWBHDF5IO(str(file), "r") as io:
            nwb = io.read()
            assert {type(group).__name__ for group in nwb.electrode_groups.values()} == {
                "EcephysElectrodeGroup"
            }
            assert type(nwb.subject).__name__ == "EcephysSpecimen"
            assert len(nwb.electrodes.to_dataframe()) == len(nwb.electrodes.id)
            for table in nwb.intervals.values() if nwb.intervals else ():
                frame = table.to_dataframe()
                assert len(frame) == len(table.id)
            if file == path:
                units = nwb.units.to_dataframe()
                assert len(units) == 3
                assert units["waveform_mean"].iloc[0].shape == (16, 20)
                assert len(units["spike_times"].iloc[1]) == 0
                assert nwb.stimulus_notes == stimulus_set
            else:
                series = next(iter(nwb.acquisition.values()))
                assert next(iter(series.electrical_series.values())).electrodes.to_dataframe().shape[0] > 0
                assert nwb.processing["current_source_density"]["ecephys_csd"].time_series.data.shape == (
                    100,
                    24,
                )
            if layout == "chunked":  # index columns of released files are signed, which the schema forbids
                assert not pynwb.validate(io=io, use_cached_namespaces=False)


def structure(path: Path) -> dict[str, tuple[Any, ...]]:
    """Every object of a file but the cached schemas: its kind, storage, type and attributes."""
    found: dict[str, tuple[Any, ...]] = {}
    plain = ("neurodata_type", "namespace", "unit", "conversion", "offset", "resolution", "interval")
    with h5py.File(path) as file:

        def attributes(thing: Any) -> dict[str, Any]:
            out = {}
            for name, value in thing.attrs.items():
                if name == "colnames":
                    out[name] = sorted(value)
                elif isinstance(value, h5py.Reference):
                    out[name] = file[value].name
                else:
                    out[name] = value if name in plain else type(value).__name__
            return out

        def walk(group: Any) -> None:
            for name in group:
                link = group.get(name, getlink=True)
                if isinstance(link, h5py.SoftLink):
                    found[f"{group.name}/{name}"] = ("link", link.path)
                    continue
                thing = group[name]
                if isinstance(thing, h5py.Group):
                    found[thing.name] = ("group", attributes(thing))
                    if thing.name != "/specifications":
                        walk(thing)
                else:
                    text = h5py.check_string_dtype(thing.dtype)
                    kind = (str(thing.dtype), thing.ndim, text, bool(thing.chunks), thing.compression)
                    found[thing.name] = ("data", kind, attributes(thing))

        walk(file)
        found["/"] = ("root", sorted(file.attrs), file.attrs["nwb_version"])
    return found


@pytest.mark.parametrize(
    ("folder", "arguments"),
    [
        ("tiny_bo_released", {"quirks": True}),
        ("tiny_bo_chunked", {"layout": "chunked", "firing_rate": 6.0}),  # so that ends need 32 bits here too
        ("tiny_bo_released_bare", {"bare": True}),
        ("tiny_fc_released", {"stimulus_set": FC}),
    ],
)
def test_layout_is_that_of_allensdks_writer(
    tmp_path: Path, shared: Path, folder: str, arguments: dict[str, Any]
) -> None:
    (theirs,) = (shared / "oracle/sessions" / folder).glob("session_*.nwb")
    ours = structure(write_session(tmp_path / "s.nwb", size="tiny", **arguments))
    expected = structure(theirs)
    # AllenSDK's present writer leaves this column out; released files have it.
    assert ours.pop("/units/waveform_halfwidth")[0] == "data"
    ours["/units"][1]["colnames"].remove("waveform_halfwidth")
    assert ours == expected


def test_lfp_layout_is_that_of_allensdks_writer(tmp_path: Path, shared: Path) -> None:
    def named(found: dict[str, tuple[Any, ...]], probe: str) -> str:
        return str(sorted(found.items())).replace(probe, "ID")

    (theirs,) = (shared / "oracle/sessions/tiny_bo_released").glob("probe_*_lfp.nwb")
    write_session(tmp_path / "s.nwb", size="tiny", probes=["probeA"], lfp=True)
    (ours,) = tmp_path.glob("probe_*_lfp.nwb")
    expected = named(structure(theirs), theirs.name.split("_")[1])
    assert named(structure(ours), ours.name.split("_")[1]) == expected
