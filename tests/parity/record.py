"""Record what AllenSDK answers about sessions: `PYTHON -m tests.parity.record FOLDER [FOLDER ...] [--modes a,b]`.

To be run by a Python that has AllenSDK (3.10 or 3.11: `pip install "allensdk==2.16.2" "hdmf==3.14.6"`), from the
top of the project; nwbin is not needed there. Writes FOLDER/allen/<mode>/; see bundle.py for what.
"""

from __future__ import annotations

import os
import sys

# AllenSDK's column order hangs on the hash seed: this makes recordings repeat.
if os.environ.get("PYTHONHASHSEED") != "0":
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, [sys.executable, "-m", "tests.parity.record", *sys.argv[1:]])

import argparse
import contextlib
import gzip
import io
import json
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pynwb
import xarray as xr
from allensdk.brain_observatory.ecephys.ecephys_session import EcephysSession

from tests.parity.bundle import plain, sha
from tests.parity.calls import perform
from tests.parity.modes import MODES
from tests.parity.questions import SPECIAL, questions


def _frame(table: Any) -> dict[str, Any]:
    if isinstance(table, pd.Series):
        table = table.to_frame(name=table.name if table.name is not None else "<unnamed series>")
    index = table.index
    return {
        "index_names": [None if name is None else str(name) for name in index.names],
        "index_dtype": str(index.dtype),
        "index": [plain(value) for value in index.tolist()],
        "columns": [str(name) for name in table.columns],
        "dtypes": [str(dtype) for dtype in table.dtypes],
        "data": {str(name): [plain(value) for value in table[name].tolist()] for name in table.columns},
    }


class Recorder:
    """Makes calls and keeps their answers."""

    def __init__(self) -> None:
        self.calls: dict[str, dict[str, Any]] = {}
        self.frames: dict[str, dict[str, Any]] = {}
        self.arrays: dict[str, Any] = {}

    def __call__(self, name: str, make: Any) -> Any:
        printed, answer, call = io.StringIO(), None, {"ok": True}
        with warnings.catch_warnings(record=True) as given, contextlib.redirect_stdout(printed):
            warnings.simplefilter("always")
            try:
                answer = make()
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1].name
                call = {"ok": False, "error_type": type(error).__name__, "error": str(error), "where": where}
        kinds = {(w.category.__name__, str(w.message)[:300], Path(w.filename).name) for w in given}
        call["warnings"] = [{"category": c, "message": m, "file": f} for c, m, f in sorted(kinds)]
        if printed.getvalue():
            call["stdout"] = printed.getvalue()[:500]
        if call["ok"]:
            call.update(self._summary(name, answer))
        self.calls[name] = call
        return answer

    def _summary(self, name: str, answer: Any) -> dict[str, Any]:
        found: dict[str, Any] = {"type": type(answer).__name__}
        if isinstance(answer, (pd.DataFrame, pd.Series)):
            found["shape"] = list(answer.shape)
            self.frames[name] = _frame(answer)
        elif isinstance(answer, xr.DataArray):
            coords = {str(c): {"dtype": str(v.dtype)} for c, v in answer.coords.items()}
            found.update(
                dims=list(answer.dims), shape=list(answer.shape), dtype=str(answer.dtype), name=answer.name
            )
            found.update(
                coords=coords, sha256=sha(answer.values), sum=float(np.nansum(answer.values.astype(float)))
            )
            if answer.nbytes < 200_000:  # larger ones by their hash
                self.arrays[f"{name}.values"] = answer.values
            self.arrays.update({f"{name}.{c}": v.values for c, v in answer.coords.items()})
        elif isinstance(answer, dict) and name in ("spike_times", "spike_amplitudes"):
            found["units"] = {str(u): {"n": int(v.size), "sha256": sha(v)} for u, v in answer.items()}
        elif isinstance(answer, dict) and name == "mean_waveforms":
            found["units"] = {
                str(u): {
                    "shape": list(v.shape),
                    "sha256": sha(v.values),
                    "channels_sha256": sha(v.channel_id.values),
                }
                for u, v in answer.items()
            }
        elif isinstance(answer, dict):
            found["value"] = {str(k): plain(v) for k, v in answer.items()}
            found["value_dtypes"] = {
                str(k): str(getattr(v, "dtype", type(v).__name__)) for k, v in answer.items()
            }
        else:
            found["value"] = plain(answer)
        return found

    def save(self, folder: Path, requests: dict[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "calls.json").write_text(json.dumps(self.calls, default=plain))
        (folder / "requests.json").write_text(
            json.dumps({k: v for k, v in requests.items() if v is not None})
        )
        with gzip.GzipFile(folder / "frames.json.gz", "w", mtime=0) as stream:
            stream.write(json.dumps(self.frames, default=plain).encode())
        np.savez_compressed(folder / "arrays.npz", **self.arrays)


def record(folder: Path, mode: str) -> None:
    """Record one session, opened in one way."""
    path = str(next(folder.glob("session_*.nwb")))
    lfp = next(folder.glob("probe_*_lfp.nwb"))
    probe = int(lfp.stem.split("_")[1])

    def read_lfp() -> Any:
        return pynwb.NWBHDF5IO(str(lfp), "r", load_namespaces=True).read()

    recorder = Recorder()
    session = recorder(
        "open",
        lambda: EcephysSession.from_nwb_path(
            path, api_kwargs={**MODES[mode], "probe_lfp_paths": {probe: read_lfp}}
        ),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asked = questions(EcephysSession.from_nwb_path(path, api_kwargs=MODES[mode]))
    if mode not in ("default", "unfiltered"):
        asked = {name: asked[name] for name in ("units", "channels", "probes")}
    for name, request in asked.items():
        if name not in SPECIAL:
            recorder(name, lambda name=name, request=request: perform(session, name, request, probe))
    if SPECIAL[0] in asked:
        bare = EcephysSession.from_nwb_path(path)
        recorder(SPECIAL[0], lambda: bare.get_lfp(probe))
        recorder(SPECIAL[1], lambda: bare.get_current_source_density(probe))
        loose = recorder(
            SPECIAL[2],
            lambda: EcephysSession.from_nwb_path(
                path, amplitude_cutoff_maximum=np.inf, filter_by_validity=False
            ),
        )
        recorder(SPECIAL[3], lambda: loose.num_units)
    recorder.save(folder / "allen" / mode, asked)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--modes", default=",".join(MODES))
    options = parser.parse_args()
    for folder in options.folders:
        for mode in options.modes.split(","):
            record(folder, mode)
            print(f"{folder.name}: {mode}", flush=True)
