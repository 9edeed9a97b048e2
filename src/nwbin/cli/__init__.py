"""The command line, ``nwbin COMMAND``. Thin: the work is done below.

Only typer is imported here; each command imports what it needs when it runs, so that ``nwbin --help`` is quick.
"""

from __future__ import annotations

from nwbin.cli._app import app, main
from nwbin.cli.cache import cache, index
from nwbin.cli.check import check
from nwbin.cli.count import count
from nwbin.cli.demo import demo
from nwbin.cli.download import download
from nwbin.cli.info import info
from nwbin.cli.metrics import metrics
from nwbin.cli.overview import overview
from nwbin.cli.psth import psth
from nwbin.cli.raster import raster
from nwbin.cli.report import report
from nwbin.cli.rf import rf
from nwbin.cli.tuning import tuning
from nwbin.cli.units_and_stimuli import stimuli, units

__all__ = ["app", "main"]

for _command in (
    demo, download, info, overview, report, units, stimuli, count, psth, raster, tuning, rf, metrics, check, cache,
    index,
):  # fmt: skip
    app.command(no_args_is_help=_command not in (demo, cache))(_command)
