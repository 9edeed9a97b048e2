"""Write NWB files anew as Zarr, by hdmf-zarr, in an environment that has it: `python export_zarr.py FOLDER FILE...`."""

# ruff: noqa: T201
from __future__ import annotations

import os
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

# Before 0.14 it pickles references, and looks at what it has pickled itself.
os.environ["NUMCODECS_ALLOW_UNSAFE_PICKLE_DECODE"] = "1"

from hdmf_zarr.nwb import NWBZarrIO
from pynwb import NWBHDF5IO

warnings.simplefilter("ignore")
print(", ".join(f"{name} {version(name)}" for name in ("hdmf-zarr", "zarr", "hdmf", "pynwb")))
for number, file in enumerate(map(Path, sys.argv[2:])):
    target = Path(sys.argv[1]) / f"{number}_{file.name}.zarr"
    with NWBHDF5IO(str(file), "r", load_namespaces=True) as source, NWBZarrIO(str(target), mode="w") as out:
        out.export(src_io=source, write_args={"link_data": False})
    print(file, "->", target)
