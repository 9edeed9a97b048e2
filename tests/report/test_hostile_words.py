"""What a file holds is text on its page, and never markup, code or a direction."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import h5py  # noqa: TID251 - these files are not written by nwbin
import numpy as np
import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

import nwbin
from nwbin.report import _html
from nwbin.report._html import escaped, render, summary_in
from nwbin.report._parts import Code, Facts, Heading, Link, Note, Picture, Section, Table
from tests.report.conftest import page_of
from tests.report.reading import Page, check_page
from tests.small_files import TEXT, write_small
from tests.test_terminal_text import obeyed

pytestmark = pytest.mark.filterwarnings("ignore::nwbin.NwbinWarning")

HOSTILE = [
    "<script>alert(1)</script>",
    "</style><script>alert(2)</script>",
    "</script><img src=x onerror=alert(3)>",
    '"onload="alert(4)',
    "'onload='alert(5)",
    "&lt;b&gt; &amp; &#x3c;",
    "]]><!--",
    "{{ 7 * 7 }}{% raw %}",
    "a\u202egnp.exe\u2066b",
    "a\x1b[31mb\x9b2J\x00c",
    "caf\udce9",
    "javascript:alert(6)",
    "x" * 20_000,
]
ALL = "|".join(HOSTILE[:-1])


@pytest.mark.parametrize("word", HOSTILE, ids=range(len(HOSTILE)))
def test_a_word_is_text_wherever_it_stands(word: str) -> None:
    parts: list[Any] = [
        Note(word, "bad"), Heading("one", word), Facts([(word, word)]), Facts([(word, word)], large=True),
        Table("two", word, [word, word], [[word, word], [Link(word, "x.html"), word]], frozenset({0}),
              searched=word, choice=word),
        Picture("data:image/png;base64,", 1, 1, word, word), Code(word),
    ]  # fmt: skip
    text = render(
        title=word,
        lead=word,
        sections=[Section("three", word, parts)],
        summary={"word": word},
        back=("x.html", word),
    )
    page = Page(text)
    check_page(page)
    assert page.within("script") == _html._source("page.js")
    assert len(page.of("script")) == 1
    assert len(page.of("img")) == 1
    shown = nwbin._plain_text.printable(word)
    assert page.said.count(shown) >= 14
    assert page.code == [shown]
    assert page.of("img")[0]["alt"] == shown
    assert not obeyed(text)
    text.encode("utf-8")
    # JSON holds it as it is, but for a byte that is no UTF-8, which it escapes.
    assert summary_in(text) == {"word": word}


def test_there_is_one_way_into_a_page() -> None:
    """Templates have no filter that lets anything through, and Markup is made in one place: of our own files."""
    room = Path(_html.__file__).parent
    for path in room.glob("templates/*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*(safe|tojson|xmlattr)|autoescape|Markup", text)
    for path in room.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and "Markup" in ast.unparse(node.func):
                assert ast.unparse(node) in ("Markup(style)", "Markup(script)")
    assert str(escaped("<\u202e")) == r"&lt;\u202e"


def test_the_page_of_a_hostile_file(tmp_path: Path, undrawn: None) -> None:
    name = ALL.replace("/", "\u2215").replace("\x00", "").replace("\udce9", "")
    held = ALL.replace("\x00", "").replace("\udce9", "")
    path = write_small(tmp_path / "a<b>&\"'.nwb")
    with h5py.File(path, "r+") as f:
        for where in ("session_description", "general/session_id", "general/institution", "general/stimulus"):
            if where in f:
                del f[where]
            f[where] = held
        f["general/subject/genotype"] = held
        f["units"][f"{name}column"] = np.array([held, "plain", ""], dtype=TEXT)
        f["units"].attrs["colnames"] = np.append(f["units"].attrs["colnames"], f"{name}column")
        f["units/location"] = np.array([held, held, "x"], dtype=TEXT)
        f["units"].attrs["colnames"] = np.append(f["units"].attrs["colnames"], "location")
        f["intervals/trials/contrast"][...] = np.array([held, "low", held, ""], dtype=object)
        f.copy("intervals/trials", f"intervals/{name}")
    page = page_of(path)
    check_page(page)
    assert len(page.of("script")) == 1
    assert page.within("script") == _html._source("page.js")
    assert not obeyed(page.text)
    shown = nwbin._plain_text.printable(held)
    assert page.facts["Genotype"].startswith(shown[:60])
    assert page.facts["Session"].startswith(shown[:60])
    for one in page.code:
        ast.parse(one)
        assert one.isascii()
    assert any("a<b>&" in one for one in page.code)
