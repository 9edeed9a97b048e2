"""Are two wheels the same, file by file, and does their README work on a package index?

    python .ci/distribution.py WHEEL OTHER      # needs readme-renderer[md], which is what index pages are made with

RECORD is left out of the comparison: it lists the others. Links in the README lead to a heading of it or to a whole
address; pictures may lie beside it, and are then not shown on an index.
"""

# ruff: noqa: T201
from __future__ import annotations

import re
import sys
from email import message_from_bytes
from email.message import Message
from zipfile import ZipFile


def contents(path: str) -> dict[str, bytes]:
    """Return the files of a wheel by name, RECORD left out."""
    with ZipFile(path) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist() if not name.endswith(".dist-info/RECORD")}


def differences(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """Say which files are in one only, or not the same in both."""
    only = [f"only in one of them: {name}" for name in sorted(one.keys() ^ other.keys())]
    return only + [
        f"not the same: {name}" for name in sorted(one.keys() & other.keys()) if one[name] != other[name]
    ]


def metadata(files: dict[str, bytes]) -> Message:
    """Return what a wheel says of itself."""
    (name,) = (name for name in files if name.endswith(".dist-info/METADATA"))
    return message_from_bytes(files[name])


def dead_links(text: str) -> list[str]:
    """Render a README as an index does; return its links that lead nowhere there."""
    from readme_renderer import markdown

    html = markdown.render(text)
    if html is None:
        return ["the README cannot be rendered"]
    places = set(re.findall(r'\bid="([^"]+)"', html))
    targets = re.findall(r'<a\b[^>]*?\bhref="([^"]+)"', html)
    return [
        target
        for target in targets
        if not (target[1:] in places if target.startswith("#") else re.match(r"https?://", target))
    ]


def main(one: str, other: str) -> int:
    """Print what is wrong; 1 if anything is."""
    files = contents(one)
    about = metadata(files)
    text = str(about.get_payload())
    wrong = differences(files, contents(other))
    wrong += [f"README: leads nowhere on a package index: {target}" for target in dead_links(text)]
    for line in wrong:
        print(line)
    names = {name.partition("/")[0] for name in files}
    print(f"{about['Name']} {about['Version']}: {len(files)} files in {', '.join(sorted(names))}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
