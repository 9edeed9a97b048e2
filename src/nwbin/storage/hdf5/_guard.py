"""What keeps libhdf5 from never coming back with text of a file on a server.

A small file on the disk can be looked through before libhdf5 gets it; one on a server cannot. But all that libhdf5
reads of it goes through one place, and of the heap's collections it reads each from its first byte.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nwbin.errors import FileAccessError
from nwbin.storage.hdf5._heap import HEADER, LARGEST, is_endless

if TYPE_CHECKING:
    from nwbin.storage.remote import RemoteFile

__all__ = ["endless_text_refused"]


def endless_text_refused(remote: RemoteFile) -> Callable[[int], None]:
    """Return a function that looks at what libhdf5 is about to read from a byte of the file on.

    It raises FileAccessError at a collection of strings in which libhdf5 would go round for ever, and at one of more
    than 64 MiB, which it would fetch whole; libhdf5 makes them of kilobytes.
    """
    image = remote.image

    def look(start: int) -> None:
        if image.bytes[start : start + 4].tobytes() != b"GCOL" or not image.has(start, start + HEADER):
            return
        size = int.from_bytes(image.bytes[start + 8 : start + HEADER].tobytes(), "little")
        stop = min(start + size, image.size)
        if size > LARGEST:
            raise FileAccessError(
                f"{remote.name}: its text at byte {start:,} claims to take {size:,} bytes, more than any library "
                "writes in one; it is damaged: have it written again"
            )
        image.need([(start, stop)], alone=True)  # all of which libhdf5 asks for next
        if is_endless(image.bytes[start:stop].tobytes()):
            raise FileAccessError(
                f"{remote.name}: its text at byte {start:,} is overwritten with zeros; it is damaged: have it written "
                "again"
            )

    return look
