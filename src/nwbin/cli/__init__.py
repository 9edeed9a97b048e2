"""The command line: ``nwbin demo | info | units | stimuli | count | psth | check``. Thin: the work is done below.

Only typer is imported here; each command imports what it needs when it runs, so that ``nwbin --help`` is quick.
"""

from __future__ import annotations

from nwbin.cli._app import app, main
from nwbin.cli.check import check
from nwbin.cli.count import count
from nwbin.cli.demo import demo
from nwbin.cli.info import info
from nwbin.cli.psth import psth
from nwbin.cli.units_and_stimuli import stimuli, units

__all__ = ["app", "main"]

for _command in (demo, info, units, stimuli, count, psth, check):
    app.command(no_args_is_help=_command is not demo)(_command)
