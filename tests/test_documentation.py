"""The tools that make the documentation; .ci/run builds it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import nwbin

ROOT = Path(__file__).parents[1]


def loaded(place: str) -> ModuleType:
    """A program that is no part of the package; a source distribution has the tests without it."""
    path = ROOT / place
    if not path.is_file():
        pytest.skip(f"there is no {place}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_links_that_lead_nowhere_are_found(tmp_path: Path) -> None:
    links = loaded(".ci/links.py")
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="#here">.</a><a href="b.html#there">.</a><a href="https://example.org/x">.</a>'
    )
    (tmp_path / "b.html").write_text('<a href="a.html#here">.</a>')
    seen, wrong = links.wrong_links(tmp_path)
    assert (seen, wrong) == (3, ["a.html: b.html#there has no such anchor"])
    (tmp_path / "b.html").write_text(
        '<a href="c.html">.</a><i id="there"></i><script src="https://example.org/x.js"></script>'
    )
    _, wrong = links.wrong_links(tmp_path)
    assert wrong == ["b.html: c.html leads nowhere", "b.html: loads https://example.org/x.js, from elsewhere"]


def test_every_metric_and_command_has_its_place() -> None:
    made = loaded("notebooks/made.py")
    text = made.glossary()
    assert [name for name in nwbin.metrics.catalogue().index if f"### `{name}`\n" not in text] == []
    text = made.command_line()
    assert "## nwbin psth\n" in text
    assert "`--stimulus` `NAME`\n: A stimulus" in text


def test_the_picture_of_the_rule_has_the_counts_of_the_rule() -> None:
    made = loaded("notebooks/made.py")
    text = made.interval_rule()
    assert "closed=left: [2, 2, 1]. closed=right: [2, 1, 2]. closed=both: [3, 2, 2]." in text
    assert text.count("<circle") == 2 * 3 * 3


def test_who_reads_the_files_themselves_is_told_what_is_not_there_yet() -> None:
    root = Path(__file__).parents[1]
    for page in ("README.md", "notebooks/index.md"):
        text = (root / page).read_text(encoding="utf-8")
        for said in (
            '`python -m pip install ".[all,docs]" && sphinx-build notebooks notebooks/_build`',
            "`nwbin units --describe`", "`nwbin --help`", "`help(nwbin)`",
        ):  # fmt: skip
            assert said in text, f"{page} does not name {said}"


def test_parts_of_the_readme_that_are_gone_are_an_error() -> None:
    made = loaded("notebooks/made.py")
    assert "AllenSDK" in made.from_readme("differences")
    with pytest.raises(LookupError, match="no part between"):
        made.from_readme("nothing")
    with pytest.raises(LookupError, match="no section"):
        made.section_of_readme("Nowhere")
