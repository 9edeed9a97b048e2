"""A page, read as a browser would: by Python's parser, with nothing repaired."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

VOID = {"meta", "link", "img", "br", "input", "hr"}


class Page(HTMLParser):
    """What stands on a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = text
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.headings: list[tuple[int, str]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.captions: dict[str, str] = {}
        self.code: list[str] = []
        self.facts: dict[str, str] = {}
        self.notes: list[str] = []
        self.said = ""  # all text that is shown
        self._open: list[str] = []
        self._taken = ""
        self._fact = ""
        self.feed(text)
        self.close()
        assert self._open == [], f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        assert len(given) == len(attrs), f"<{tag}> has an attribute twice: {attrs}"
        self.tags.append((tag, given))
        if tag in VOID:
            return
        self._open.append(tag)
        if tag == "table":
            self.tables[given["id"]] = []
        elif tag == "tr":
            self._rows().append([])
        self._taken = ""

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag, f"</{tag}> closes something else"
        text = self._taken.strip()
        if re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), text))
        elif tag in ("td", "th"):
            self._rows()[-1].append(text)
        elif tag == "caption":
            self.captions[next(reversed(self.tables))] = text
        elif tag == "code":
            self.code.append(self._taken)
        elif tag == "dt":
            self._fact = text
        elif tag == "dd":
            self.facts[self._fact] = text
        elif tag == "p":
            self.notes.append(text)

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self._taken += data
            self.said += data

    def _rows(self) -> list[list[str]]:
        return self.tables[next(reversed(self.tables))]

    def of(self, tag: str) -> list[dict[str, str]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]

    def within(self, tag: str) -> str:
        """The raw text of the one element of a kind."""
        found: list[Any] = re.findall(rf"<{tag}>(.*?)</{tag}>", self.text, re.DOTALL)
        assert len(found) == 1
        return str(found[0])


def check_page(page: Page) -> None:
    """What holds for every page, whatever the file."""
    _asks_nobody(page)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        for name in ("aria-labelledby", "aria-controls"):
            assert attributes.get(name, ids[0]) in ids
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert all(text for _, text in page.headings)
    for tag in ("header", "nav", "main", "footer", "title"):
        assert len(page.of(tag)) == 1
    assert page.of("html") == [{"lang": "en"}]
    assert all(
        image["alt"].strip() and int(image["width"]) and int(image["height"]) for image in page.of("img")
    )
    assert all(one.get("scope") in ("row", "col") for one in page.of("th"))
    for name, rows in page.tables.items():
        assert page.captions[name]
        assert len({len(row) for row in rows}) == 1


def _asks_nobody(page: Page) -> None:
    """Nothing is fetched, and nothing but our own style and script could be run."""
    policy = next(
        one["content"] for one in page.of("meta") if one.get("http-equiv") == "Content-Security-Policy"
    )
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        text = page.within(tag)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
        assert "url(" not in text
        assert "@import" not in text
        assert "http" not in text
    assert policy.startswith("default-src 'none'; img-src data:; ")
    for tag, attributes in page.tags:
        assert tag in KNOWN, tag
        assert not any(
            name.startswith("on") or name in ("style", "srcset", "srcdoc", "action") for name in attributes
        )
        assert (
            attributes.get("src", "data:").startswith("data:image/")
            if tag == "img"
            else "src" not in attributes
        )
        href = attributes.get("href", "#")
        assert href.startswith(("#", "data:,")) or re.fullmatch(
            r"(\.\./)?[\w.%+~-]+(/[\w.%+~-]+)?\.html?", href
        ), href


KNOWN = {
    "html", "head", "meta", "title", "link", "style", "body", "a", "header", "div", "h1", "h2", "h3", "p", "nav", "ul",
    "li", "main", "section", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td", "figure", "img",
    "figcaption", "pre", "code", "footer", "script",
}  # fmt: skip
