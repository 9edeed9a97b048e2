"""Many sessions in one folder: their tables, and jobs over all of them, here or on a Dask cluster."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nwbin.dataset._dataset import Dataset

if TYPE_CHECKING:
    from nwbin.dataset._results import JobError, Results
    from nwbin.dataset._run import OtherJobError
    from nwbin.responses.selection import Selection

__all__ = ["Dataset", "JobError", "OtherJobError", "Results", "Selection"]

# Of jobs, and loaded by the first: public name -> the module it lives in.
_HOME = {
    "JobError": "nwbin.dataset._results",
    "OtherJobError": "nwbin.dataset._run",
    "Results": "nwbin.dataset._results",
    "Selection": "nwbin.responses.selection",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'nwbin.dataset' has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(_HOME[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
