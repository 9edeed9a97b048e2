"""Pages as text: templates filled in, with one function through which everything of a file becomes text of a page."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from nwbin._optional import need
from nwbin._plain_text import printable
from nwbin.report._parts import Section

if TYPE_CHECKING:
    from jinja2 import Environment, Template

__all__ = ["escaped", "render", "summary_in"]

_SUMMARY = "nwbin-summary"


def escaped(value: Any) -> Any:
    r"""Make text of a page of any value: the one way from a file's words into HTML.

    What a browser would take for markup is escaped (``&lt;``), and what nobody would see, or would turn the words
    around (controls, bidirectional overrides), is spelt out as it is on a terminal: ``\u202e``. Markup of the
    templates themselves stays.

    Examples
    --------
    >>> str(escaped("<b>\u202e"))
    '&lt;b&gt;\\u202e'
    """
    from markupsafe import Markup, escape

    if isinstance(value, Markup):
        return value
    return escape(printable(str(value), keep="\n\t"))


@cache
def _source(name: str) -> str:
    """A file of the templates' folder."""
    return files("nwbin.report").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    need("jinja2", "report", "a report")
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    # Each expression of a template passes through `finalize`, whether anybody thought of it or not.
    return Environment(
        loader=FunctionLoader(_source), autoescape=True, finalize=escaped, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def _hash(text: str) -> str:
    """A source of the Content Security Policy: this text, and no other."""
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def render(
    *,
    title: str,
    lead: str,
    sections: Sequence[Section],
    summary: Mapping[str, Any],
    back: tuple[str, str] | None = None,
) -> str:
    """Write a page.

    Parameters
    ----------
    title
        Of the page, and its first heading.
    lead
        The line below it.
    sections
        What it consists of.
    summary
        What other pages say of this one, in plain values: :func:`summary_in` reads it.
    back
        A page to go back to: its address, and what it is.

    Returns
    -------
    str
        HTML, with style, script and pictures inside. Its Content Security Policy allows these and nothing else.
    """
    from markupsafe import Markup

    from nwbin import __version__

    style, script = _source("page.css"), _source("page.js")
    template: Template = _environment().get_template("page.html")
    return template.render(
        title=title, lead=lead, sections=sections, back=back, version=__version__,
        summary_name=_SUMMARY, summary=json.dumps(summary, ensure_ascii=True),
        style=Markup(style), script=Markup(script),  # files of our own package: there is no data in them
        style_hash=_hash(style), script_hash=_hash(script),
    )  # fmt: skip


class _Summary(HTMLParser):
    """Finds the summary of a page."""

    found: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "meta" and values.get("name") == _SUMMARY and self.found is None:
            self.found = values.get("content")


def summary_in(page: str) -> dict[str, Any]:
    """Read what a page says of itself; {} where it says nothing."""
    parser = _Summary()
    parser.feed(page[: page.find("</head>") + 1])
    found = json.loads(parser.found or "{}")
    return found if isinstance(found, dict) else {}
