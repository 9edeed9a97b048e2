"""Print the fenced bash block of a README that holds a word: what the README promises is what CI runs."""

from __future__ import annotations

import re
import sys
from pathlib import Path


def block_with(text: str, word: str) -> str:
    """Return the first bash block with the word in it; no such block is an error."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    for block in blocks:
        if word in block:
            return block
    raise SystemExit(f"the README has no bash block with {word!r} ({len(blocks)} bash blocks in all)")


if __name__ == "__main__":
    wanted, path = sys.argv[1:]
    sys.stdout.write(block_with(Path(path).read_text(encoding="utf-8"), wanted))
