"""Many sessions in one folder: their tables, and jobs over all of them, here or on a Dask cluster."""

from __future__ import annotations

from nwbin.dataset._dataset import Dataset
from nwbin.dataset._results import JobError, Results
from nwbin.dataset._run import OtherJobError
from nwbin.responses.selection import Selection

__all__ = ["Dataset", "JobError", "OtherJobError", "Results", "Selection"]
