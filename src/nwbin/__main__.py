"""``python -m nwbin`` is ``nwbin``."""

# Nothing else, nor from __future__, before the current folder is left: Python has loaded these for any ``-m``.
import os
import sys

import nwbin


def _leave_current_folder() -> None:
    """Take the current folder off the import path, where ``python -m`` has put it first.

    Files lie there, not programs: a ``numpy.py`` among them is no part of nwbin. Where nwbin itself lies there,
    the folder stays.
    """
    here = os.getcwd()  # noqa: PTH109 - pathlib might be found there too
    if sys.flags.safe_path or nwbin.__path__[0] == os.path.join(here, "nwbin"):  # noqa: PTH118 - the same
        return
    if sys.path and sys.path[0] in ("", here):
        del sys.path[0]


if __name__ == "__main__":
    _leave_current_folder()
    from nwbin.cli import main

    main()
