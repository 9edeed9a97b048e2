"""Files of which parts are read, wherever they lie."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import IO, Protocol

import numpy as np

from nwbin.storage.remote import RemoteFile

__all__ = ["FileInMemory", "FileOfStream", "FileOnServer", "PartsOfFile"]


class PartsOfFile(Protocol):
    """A file of which parts are read."""

    @property
    def size(self) -> int:
        """In bytes."""

    def read(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the bytes from each first one to before each second one; all lie in the file."""


class FileOfStream:
    """A file that is open here."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream, self.size = stream, size

    def read(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        found = []
        for start, stop in spans:
            self._stream.seek(start)
            found.append(self._stream.read(stop - start))
            if len(found[-1]) != stop - start:
                raise ValueError(f"a file ends before byte {stop:,}: it was cut meanwhile")
        return found


class FileInMemory(FileOfStream):
    """A file that was read whole."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(io.BytesIO(raw), len(raw))


class FileOnServer:
    """A file on a server."""

    def __init__(self, file: RemoteFile, *, alone: bool) -> None:
        self._file, self.size, self._alone = file, file.size, alone

    def read(self, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        outs = [np.empty(stop - start, np.uint8) for start, stop in spans]
        self._file.read_into(
            [(start, out) for (start, _), out in zip(spans, outs, strict=True)], alone=self._alone
        )
        return [out.tobytes() for out in outs]
