"""Compare stores that hdmf-zarr has written with what they were made of: ``python -m tests.zarr_nwb.against``.

Arguments: a folder of stores as ``.ci/export_zarr.py`` leaves it, and the files in the order that they had there.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import nwbin
from nwbin.errors import NwbinWarning
from tests.zarr_nwb.same import same_files, same_sessions, trains_of


def compare(folder: Path, files: list[Path]) -> None:
    for number, path in enumerate(files):
        store = folder / f"{number}_{path.name}.zarr"
        began = time.perf_counter()
        with nwbin.File(store) as there, nwbin.File(path) as here:
            objects = same_files(there, here, exported=True)
            is_session = here.has("units/peak_channel_id") and not isinstance(trains_of(here), str)
        answers: list[str] = []
        if is_session:
            with nwbin.open(store) as there, nwbin.open(path) as here:
                answers = same_sessions(there, here)
        took = time.perf_counter() - began
        print(f"{path.parent.name}/{path.name}: {objects} objects the same; {took:.1f} s")
        if answers:
            print("   and of the session " + ", ".join(answers))


if __name__ == "__main__":
    warnings.simplefilter("ignore", NwbinWarning)
    compare(Path(sys.argv[1]), [Path(one) for one in sys.argv[2:]])
