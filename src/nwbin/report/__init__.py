"""Reports: a session, or a folder of them, as pages that a browser opens anywhere (extra "report").

:func:`report` writes one session's page, ``nwbin report FILE -o report.html``; :func:`report_folder` one for each
session of a folder, and an index of them. A page is one file with its style, script and pictures inside; it asks no
network for anything, and what a file holds is text in it, never markup. After each number and picture stands the code
that gives it; :func:`best_units` is the criterion by which units are chosen for pictures.
"""

from __future__ import annotations

from nwbin.report._best import best_units
from nwbin.report._folder import report_folder
from nwbin.report._page import page, report

__all__ = ["best_units", "page", "report", "report_folder"]
