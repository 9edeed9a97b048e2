# ruff: noqa: TID251, PTH123 - contenders are measured as their users use them
"""One step by one contender in a process of its own: ``python _reading_steps.py CONTENDER STEP FILE``.

Prints a line of JSON. Needs nothing of nwbin, so that it also runs in AllenSDK's environment.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from importlib.metadata import PackageNotFoundError, version

import numpy as np

warnings.simplefilter("ignore")
SEED, MANY = 0, 100
MODULES = {
    "nwbin": ["nwbin", "nwbin.nwb.file", "nwbin.session", "pandas"],
    "h5py": ["h5py"],
    "allensdk": ["allensdk.brain_observatory.ecephys.ecephys_session"],
    "pynwb": ["pynwb"],
    "lazynwb": ["lazynwb"],
    "pynapple": ["pynapple"],
}


def some(ids):
    """A hundred units, spread over the file."""
    return np.sort(np.random.default_rng(SEED).choice(ids, min(MANY, len(ids)), replace=False))


def shown(name):
    """Whether a table of intervals holds presentations, as AllenSDK tells them."""
    return name.endswith("_presentations")


def flat(group):
    """The columns with one number or text a row, bytes as they come."""
    import h5py

    for name, node in group.items():
        ragged = f"{name}_index" in group or name.endswith("_index") or name == "timeseries"
        if not ragged and node.ndim == 1 and h5py.check_ref_dtype(node.dtype) is None:
            yield name, node[()]


# ------------------------------------------------------------------ nwbin


def nwbin_tutorial(path):
    import nwbin

    session = nwbin.open(path)
    units = session.units
    v1 = units.index[units["structure_acronym"] == "VISp"]
    table = session.get_stimulus_table("static_gratings")
    matrix = session.response_matrix(table.index, v1, window=(0.0, 0.25), label="orientation")
    return int(matrix.X.sum()), matrix.X.shape


def nwbin_units(path):
    import nwbin

    return len(nwbin.File(path).units)


def nwbin_shown(path):
    import nwbin

    return len(nwbin.open(path).units)


def nwbin_stimuli(path):
    import nwbin

    return len(nwbin.open(path).stimulus_presentations)


def nwbin_columns(path):
    import nwbin

    with nwbin.File(path) as f:
        return sum(len(f.table(f"intervals/{name}").frame()) for name in f.intervals)


def nwbin_spikes(path):
    import nwbin

    return int(nwbin.File(path).spike_trains().counts.sum())


def nwbin_hundred(path):
    import nwbin

    f = nwbin.File(path)
    return int(f.spike_trains(some(f.unit_ids)).counts.sum())


# ------------------------------------------------------------------ h5py


def h5py_units(path):
    import h5py

    with h5py.File(path) as f:
        return len(dict(flat(f["units"]))["id"])


def h5py_shown(path):
    import h5py

    with h5py.File(path) as f:
        ephys = f["general/extracellular_ephys"]
        dict(flat(ephys["electrodes"]))
        for group in [ephys[name] for name in ephys if name != "electrodes"] + list(
            f["general/devices"].values()
        ):
            dict(group.attrs)
        dict(flat(f["units"]))  # reads only: which units pass is not its to say


def h5py_columns(path):
    import h5py

    with h5py.File(path) as f:
        return sum(len(dict(flat(group))["id"]) for group in f["intervals"].values())


def h5py_stimuli(path):
    import h5py

    with h5py.File(path) as f:
        return sum(len(dict(flat(group))["id"]) for name, group in f["intervals"].items() if shown(name))


def h5py_spikes(path):
    import h5py

    with h5py.File(path) as f:
        return len(f["units/spike_times"][:])


def h5py_hundred(path):
    import h5py

    with h5py.File(path) as f:
        ids, ends = f["units/id"][:], f["units/spike_times_index"][:].astype(int)
        starts, node = np.r_[0, ends[:-1]], f["units/spike_times"]
        return sum(len(node[starts[i] : ends[i]]) for i in np.flatnonzero(np.isin(ids, some(ids))))


# ------------------------------------------------------------------ AllenSDK


def _allen(path):
    from allensdk.brain_observatory.ecephys.ecephys_session import EcephysSession

    return EcephysSession.from_nwb_path(path)


def allensdk_tutorial(path):
    session = _allen(path)
    units = session.units
    v1 = units.index[units["structure_acronym"] == "VISp"]
    table = session.get_stimulus_table("static_gratings")
    table = table[table["orientation"] != "null"]
    counts = session.presentationwise_spike_counts([0.0, 0.25], table.index.values, v1.values)
    return int(counts.values.sum()), (counts.shape[0], counts.shape[2])


def allensdk_shown(path):
    return len(_allen(path).units)


def allensdk_stimuli(path):
    return len(_allen(path).stimulus_presentations)


def allensdk_spikes(path):
    return sum(len(times) for times in _allen(path).spike_times.values())


# ------------------------------------------------------------------ pynwb, lazynwb, pynapple


def _pynwb(path):
    from pynwb import NWBHDF5IO

    return NWBHDF5IO(path, "r", load_namespaces=True).read()


def pynwb_units(path):
    units = _pynwb(path).units
    ragged = {name for name in units.colnames if type(units[name]).__name__ == "VectorIndex"}
    refs = {"electrode_group", "electrodes"}
    return len(units.to_dataframe(exclude=ragged | refs))


def pynwb_stimuli(path):
    tables = [table for name, table in _pynwb(path).intervals.items() if shown(name)]
    return sum(len(table.to_dataframe(exclude={"timeseries", "tags"})) for table in tables)


def pynwb_spikes(path):
    units = _pynwb(path).units
    return sum(len(units["spike_times"][i]) for i in range(len(units)))


def pynwb_hundred(path):
    units = _pynwb(path).units
    ids = np.asarray(units.id[:])
    return sum(len(units["spike_times"][int(i)]) for i in np.flatnonzero(np.isin(ids, some(ids))))


def lazynwb_units(path):
    import lazynwb

    return len(lazynwb.get_df(path, "units", exclude_array_columns=True))


def lazynwb_spikes(path):
    import lazynwb

    table = lazynwb.get_df(path, "units", include_column_names=["spike_times"], exclude_array_columns=False)
    return sum(len(times) for times in table["spike_times"])


def pynapple_spikes(path):
    import pynapple

    return sum(len(each) for each in pynapple.load_file(path)["units"].values())


# ------------------------------------------------------------------ chunks

nwbin_chunks, h5py_chunks = nwbin_spikes, h5py_spikes


def _status():
    with open("/proc/self/status") as f:
        lines = f.read().splitlines()
    with open("/proc/self/io") as f:
        read = int(f.readline().split()[1])
    peak = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
    return peak / 1024, read / 2**20


def main():
    """Run the step and say what it took."""
    contender, step, path = sys.argv[1:4]
    began = time.perf_counter()
    try:
        for module in MODULES[contender]:
            __import__(module)
    except ImportError as error:
        print(json.dumps({"missing": str(error)}))
        return
    imported = time.perf_counter()
    try:
        answer = globals()[f"{contender}_{step}"](path)
    except Exception as error:
        print(json.dumps({"failed": f"{type(error).__name__}: {error}"[:200]}))
        return
    ended = time.perf_counter()
    try:
        number = version(contender)
    except PackageNotFoundError:
        number = "?"
    try:
        peak, read = _status()
    except OSError:  # no /proc
        peak, read = 0.0, 0.0
    print(
        json.dumps(
            {
                "version": number,
                "answer": answer,
                "import": imported - began,
                "seconds": ended - imported,
                "peak": peak,
                "read": read,
            }
        )
    )


if __name__ == "__main__":
    main()
