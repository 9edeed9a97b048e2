"""Do the links within built pages lead somewhere: `python .ci/links.py FOLDER`. Nothing is fetched.

Every href and src that is relative has to be a file of the folder, and what is behind its # an anchor in that file.
Scripts, styles and pictures have to be files of the folder too: pages work without a network.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src")}


class Page(HTMLParser):
    """What a page points at, and what can be pointed at in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[tuple[str, bool]] = []
        self.anchors = {"", "top"}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors.update(value for name in ("id", "name") if (value := given.get(name)))
        style = tag == "link" and "stylesheet" in (given.get("rel") or "")
        for name in ("href", "src"):
            if (value := given.get(name)) is not None:
                self.links.append((value, (tag, name) in LOADED or style))


def wrong_links(folder: Path) -> tuple[int, list[str]]:
    """How many links were looked at, and what is wrong with some."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.html"))}
    seen, wrong = 0, []
    for path, page in pages.items():
        for link, loaded in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if loaded and parts.scheme != "data":
                    wrong.append(f"{path.relative_to(folder)}: loads {link}, from elsewhere")
                continue
            seen += 1
            target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                wrong.append(f"{path.relative_to(folder)}: {link} leads nowhere")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                wrong.append(f"{path.relative_to(folder)}: {link} has no such anchor")
    return seen, wrong


def main() -> int:
    """Say what is wrong; 1 if anything is."""
    folder = Path(sys.argv[1]).resolve()
    seen, wrong = wrong_links(folder)
    sys.stderr.writelines(f"{one}\n" for one in wrong)
    sys.stdout.write(f"{seen} links, {len(wrong)} wrong\n")
    return 1 if wrong or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
