"""Disks that are full."""

from __future__ import annotations

import pytest


class FileSizeLimit:
    """A disk that is full after so many bytes, as far as a process can have one to itself."""

    def __init__(self, most: int) -> None:
        self.most = most

    def __enter__(self) -> None:
        self.resource = pytest.importorskip("resource")
        self.before = self.resource.getrlimit(self.resource.RLIMIT_FSIZE)
        self.resource.setrlimit(self.resource.RLIMIT_FSIZE, (self.most, self.before[1]))

    def __exit__(self, *error: object) -> None:
        self.resource.setrlimit(self.resource.RLIMIT_FSIZE, self.before)
