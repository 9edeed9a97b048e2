"""The session files of a data set: where they lie, and which session each of them is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nwbin.dataset._folder_layouts import Layout, SessionFile, as_id, by_id
from nwbin.dataset._index import Index
from nwbin.dataset._server_folders import ServerFile
from nwbin.errors import LookupFailure, NwbinError, nearest
from nwbin.nwb import schema
from nwbin.nwb.file import File
from nwbin.storage.stores import state_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SessionFiles", "size_of"]


@dataclass(eq=False, repr=False)
class SessionFiles:
    """A folder's sessions by id."""

    layout: Layout
    index: Index

    @property
    def root(self) -> Path:
        return self.layout.root

    @property
    def name(self) -> str:
        """The folder, or its address without what is secret in it, for messages."""
        return self.layout.name

    @cached_property
    def by_id(self) -> dict[Any, SessionFile]:
        """Session id -> its file. Where names do not say, the files do; NWB files without units are left out."""
        named: list[tuple[Any, SessionFile]] = []
        said = [file.session_id for file in self.layout.files]
        for file in self.layout.files:
            if file.session_id is not None:
                if said.count(file.session_id) > 1 and _lacks_units(file.path):
                    continue  # DANDI may have a session's behaviour or images in a file beside it
                named.append((file.session_id, file))
                continue
            try:
                record = self.index.record(file.path)
            except LookupFailure:
                continue  # no units table: behaviour, imaging, or an LFP file under another name
            except (NwbinError, OSError):
                named.append((file.path.stem, file))  # the job that meets it says what is wrong
                continue
            named.append((as_id(record.identifier), file))
        return by_id(self.root, named)

    def all_by_id(self) -> dict[Any, SessionFile]:
        return self.by_id

    @property
    def counted(self) -> tuple[int, bool]:
        """How many there are, and whether these are sessions: nothing is looked into for that."""
        known = "by_id" in self.__dict__ or all(file.session_id is not None for file in self.layout.files)
        return len(self.by_id if known else self.layout.files), known

    @property
    def table(self) -> pd.DataFrame:
        import pandas as pd

        files = list(self.by_id.values())
        columns = {
            "path": [str(one.path) for one in files],
            "size": [size_of(one.path) for one in files],
            "lfp_files": [len(one.lfp) for one in files],
        }
        return pd.DataFrame(columns, index=pd.Index(list(self.by_id), name="session_id"))

    def hint(self, session_id: Any) -> str:
        """Which id may be meant by one that is none."""
        number = as_id(session_id.strip()) if isinstance(session_id, str) else session_id
        if isinstance(session_id, str) and number in self.by_id and isinstance(number, int):
            return f"ids are whole numbers, and this is text: give {number}"
        return nearest(session_id, self.by_id)


def _lacks_units(path: Path | ServerFile) -> bool:
    try:
        with File(str(path)) as file:
            return not file.has(schema.UNITS)
    except (NwbinError, OSError):
        return False  # the job that meets it says what is wrong


def size_of(path: Path | ServerFile) -> int:
    """Of a file or a Zarr store, wherever it lies, in bytes."""
    return path.size if isinstance(path, ServerFile) else int(state_of(path)["size"])
