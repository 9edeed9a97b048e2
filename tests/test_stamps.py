"""What a result hangs on: where any of it changes, the result is made again; where nothing does, it is kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import nwbin
from nwbin import testing
from nwbin.dataset import _stamps
from nwbin.errors import FileAccessError, NwbinWarning
from tests.caches import make_allen, make_plain

KEY = 101


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return testing.write_session(
        tmp_path_factory.mktemp("files") / f"session_{KEY}.nwb", size="tiny", session_id=KEY
    )


@pytest.fixture
def cache(file: Path, tmp_path: Path) -> Path:
    return make_allen(tmp_path / "cache", [file])


def structures(session: nwbin.Session) -> list[str]:
    return sorted(map(str, session.units["ecephys_structure_acronym"].unique()))


def run(root: Path, **more: Any) -> tuple[str, Any]:
    done = nwbin.Dataset(root, cache=False).map(structures, out=root.parent / "out", workers=0, **more)
    done.raise_if_failed()
    return str(done.report.loc[KEY, "status"]), done[KEY]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_changed_table_makes_it_again(cache: Path) -> None:
    status, before = run(cache)
    assert (status, run(cache)) == ("done", ("kept", before))
    stat = (cache / "channels.csv").stat()
    edit(cache / "channels.csv", "VISp", "Visq")  # of the same length, and with its time put back
    os.utime(cache / "channels.csv", ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    status, after = run(cache)
    assert status == "done"
    assert after == sorted("Visq" if one == "VISp" else one for one in before) != before


METRICS = f"session_{KEY}/session_{KEY}_analysis_metrics.csv"
TABLES = ["sessions.csv", "probes.csv", "units.csv", "functional_connectivity_analysis_metrics.csv", METRICS]


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.slow
def test_each_table_counts(cache: Path, name: str) -> None:
    run(cache)
    os.utime(cache / name if (cache / name).exists() else cache, ns=(0, 0))  # a time alone is no change
    assert run(cache)[0] == "kept"
    path = cache / name
    path.write_text(path.read_text() + "\n" if path.exists() else "ecephys_unit_id,x\n1,2\n")
    assert run(cache)[0] == "done"
    assert run(cache)[0] == "kept"
    if name.endswith("_metrics.csv"):
        path.unlink()
        assert run(cache)[0] == "done"


def test_another_meaning_makes_it_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(cache)
    monkeypatch.setattr(_stamps, "MEANING", _stamps.MEANING + 1)
    assert run(cache)[0] == "done"
    assert run(cache)[0] == "kept"


def test_a_file_that_changes_while_it_is_read_gives_no_result(cache: Path) -> None:
    def changes(session: nwbin.Session) -> int:
        edit(cache / "units.csv", "\n", "\n\n")
        return 1

    data = nwbin.Dataset(cache, cache=False)
    done = data.map(changes, out=cache.parent / "out", workers=0)
    assert "one of its tables was changed while the job read it" in done.failed[KEY]
    assert not list((cache.parent / "out").glob("session_*"))


def test_a_plain_folder_has_no_tables(file: Path, tmp_path: Path) -> None:
    root = make_plain(tmp_path / "plain", [file])
    done = nwbin.Dataset(root, cache=False).map(len_units, out=tmp_path / "out", workers=0)
    done.raise_if_failed()
    stamp = _stamps.read_json(tmp_path / "out" / ".nwbin" / f"session_{KEY}.json")
    assert stamp is not None
    assert stamp["stamp"]["tables"] == {}
    assert set(stamp) == {"version", "stamp", "result"}
    assert set(stamp["stamp"]) == {"meaning", "spec", "session", "tables"}


def len_units(session: nwbin.Session) -> int:
    return int(session.num_units)


# ---------------------------------------------------------------- what may not be read


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Paths that may not be read: for the superuser, too, who runs tests in containers."""
    found: set[str] = set()

    def guarded(real: Any) -> Any:
        def opened(path: Any = ".", *rest: Any, **more: Any) -> Any:
            if not isinstance(path, int) and os.fspath(path) in found:
                raise PermissionError(13, "Permission denied", os.fspath(path))
            return real(path, *rest, **more)

        return opened

    monkeypatch.setattr(os, "scandir", guarded(os.scandir))
    monkeypatch.setattr(
        "nwbin.dataset._table_sources.read_csv", guarded(nwbin.dataset._table_sources.read_csv)
    )
    monkeypatch.setattr("nwbin.allen.project_tables.read_csv", guarded(nwbin.allen.project_tables.read_csv))
    return found


def test_a_folder_that_may_not_be_read(file: Path, tmp_path: Path, forbidden: set[str]) -> None:
    root = make_plain(tmp_path / "plain", [file])
    (root / "inner").mkdir()
    forbidden.add(str(root / "inner"))
    with pytest.warns(NwbinWarning, match=r"plain/inner: Permission denied: what is in it is left out"):
        assert len(nwbin.Dataset(root, cache=False).session_ids) == 1
    forbidden.add(str(root))
    with pytest.raises(FileAccessError, match=r"plain: no permission to read it; ask its owner"):
        nwbin.Dataset(root)


def test_a_table_that_may_not_be_read(cache: Path, forbidden: set[str]) -> None:
    data = nwbin.Dataset(cache, cache=False)
    forbidden.add(str(cache / "units.csv"))
    with pytest.raises(FileAccessError, match=r"units\.csv: no permission to read it"):
        data.get_units()
