"""``python -m nwbin`` is ``nwbin``."""

from __future__ import annotations

from nwbin.cli import main

if __name__ == "__main__":
    main()
