"""The program: how it starts, how it ends, and how it says that something is wrong."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from nwbin._plain_text import printable
from nwbin.cli._unexpected import advice
from nwbin.errors import NwbinError, NwbinWarning, UnappliedFiltersWarning

__all__ = ["BOUND_GIVEN", "FAILED", "app", "main", "say"]

BOUND_GIVEN = "nwbin.bound_given"  # in the context: a quality bound stands on the line
FAILED, INTERRUPTED, TERMINATED, PIPE_CLOSED = 2, 130, 143, 141
# Of what takes standard output: a disk, a terminal that is gone, or nothing.
_UNWRITABLE = frozenset(
    {errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EBADF, getattr(errno, "EDQUOT", errno.ENOSPC)}
)


@dataclass
class Speech:
    """How lines on stderr are written in this run of the program: as text, or as JSON."""

    as_json: bool = False


speech = Speech()


def say(kind: str, message: object, *, name: str = "") -> None:
    """One line on stderr, whatever the message holds; `name` is the error's class, or the warning's."""
    line = " ".join(printable(str(message), keep="\n\t").split())
    if speech.as_json:
        named = name or ("NwbinWarning" if kind == "note" else "NwbinError")
        line = json.dumps({kind: {"kind": named, "message": line}})
    else:
        line = f"{kind}: {line}"
    typer.echo(line, err=True)


@contextmanager
def notes(ctx: Any = None, *, debug: bool = False) -> Iterator[None]:
    """Show nwbin's warnings as one line each, once; others only when debugging.

    That a file lacks columns which unit filters go by is true in every command: it is said where units are looked at.
    """
    shown: set[str] = set()
    with warnings.catch_warnings():  # the process's, which is the program: its threads are to be heard too
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *args: Any, **kwargs: Any) -> None:
            if not issubclass(category, NwbinWarning):
                others(message, category, *args, **kwargs)
            elif issubclass(category, UnappliedFiltersWarning) and not _about_units(ctx):
                return
            elif str(message) not in shown:
                shown.add(str(message))
                say("note", message, name=category.__name__)

        warnings.showwarning = show
        warnings.simplefilter("always", NwbinWarning)
        if debug:
            warnings.simplefilter("default")
        yield


def _about_units(ctx: Any) -> bool:
    """Whether a command shows units, or was given a filter of them that it then cannot apply."""
    return ctx is None or ctx.invoked_subcommand in ("info", "units") or bool(ctx.meta.get(BOUND_GIVEN))


def _said_of(error: BaseException) -> str:
    """What the line about a failure says."""
    if isinstance(error, MemoryError):
        return f"not enough memory: {str(error) or type(error).__name__}"
    if (
        isinstance(error, OSError)
        and not isinstance(error, NwbinError)
        and error.filename is None
        and error.errno in _UNWRITABLE
    ):
        # Files are named by whoever writes them.
        return f"standard output cannot be written to: {error.strerror}; make room, or send it elsewhere"
    return str(error) or type(error).__name__


# Arguments that messages advise and some commands have as options: of no other word is it sure that it is advice, and
# not a condition that somebody gave, or a file's. Where the option stands beside, it is said already.
_ADVISED = re.compile(r"(?<![\w/])(convention|dtype|overwrite)=(?:True|'(\w+)')(?! \(--|, or --)")


def _in_options(said: str, command: Any) -> str:
    """A message, in which advice is as it is followed here: arguments are options, of which the command has these."""
    options = {name for one in command.params for name in one.opts}

    def option(found: re.Match[str]) -> str:
        name = f"--{found[1]}"
        return found[0] if name not in options else name if found[2] is None else f"{name} {found[2]}"

    return _ADVISED.sub(option, said)


class Program(TyperGroup):
    """Ends every failure in one line and an exit code: 2 for errors, 130 for Ctrl-C. With --json the line is JSON."""

    def invoke(self, ctx: Any) -> Any:
        debug = bool(ctx.params.get("debug")) or bool(ctx.obj)
        try:
            with notes(ctx, debug=debug):
                result = super().invoke(ctx)
                sys.stdout.flush()
                return result
        except BrokenPipeError:
            # The reader, such as `head`, has seen enough. Python would complain again when it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(PIPE_CLOSED) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except (NwbinError, OSError, MemoryError) as error:
            if debug:
                raise
            command = self.get_command(ctx, ctx.invoked_subcommand) if ctx.invoked_subcommand else self
            say("error", _in_options(_said_of(error), command), name=type(error).__name__)
            raise typer.Exit(FAILED) from None

    def main(self, args: Sequence[str] | None = None, *rest: Any, **named: Any) -> Any:
        given = list(sys.argv[1:] if args is None else args)
        # --debug works anywhere on the line: it is put there after something went wrong.
        end = given.index("--") if "--" in given else len(given)
        debug = "--debug" in given[:end]
        # Known before the line is understood: that may be what fails.
        speech.as_json = "--json" in given[:end]
        given = [one for k, one in enumerate(given) if one != "--debug" or k > end]
        named["standalone_mode"] = False
        if os.environ.get("NO_COLOR"):  # the help's bold and dim, too
            from typer import rich_utils

            rich_utils.COLOR_SYSTEM = None
        try:
            code = super().main(given, *rest, obj=debug, **named)
        except SystemExit as ended:
            if ended.code != 1:
                raise
            code = PIPE_CLOSED  # so rich, which prints the help, ends where the reader has seen enough
        except Exception as error:
            # Usage errors; their class lives in click or within typer, depending on typer's version.
            if not hasattr(error, "format_message"):
                if isinstance(error, OSError) and not debug:  # the help, to a disk that is full
                    say("error", _said_of(error), name=type(error).__name__)
                    sys.exit(FAILED)
                if not debug:
                    raise
                import traceback

                traceback.print_exc()
                sys.exit(FAILED)
            message = str(error.format_message())
            if not message:  # no arguments at all: the help was shown
                sys.exit(0)
            context = getattr(error, "ctx", None)
            command = "nwbin"
            if context is not None and context.parent is not None:
                command = f"nwbin {context.info_name}"
                message += advice(message, context.command, given)
            say("error", f"{message} (see: {command} --help)", name="UsageError")
            sys.exit(FAILED)
        if code == INTERRUPTED:  # wherever: before there is a command to invoke, typer alone notices
            say("error" if speech.as_json else "nwbin", "interrupted", name="KeyboardInterrupt")
        sys.exit(code if isinstance(code, int) else 0)


stopped: list[int] = []  # signals that arrived


class Interrupted(KeyboardInterrupt):
    """Ctrl-C.

    Of KeyboardInterrupt itself Python notes whether it passed through an ``exec`` of source text (dataclasses
    and Numba do that), and a program started with ``python -m`` then ends by the signal, although it was caught.
    """


def still_wanted() -> None:
    """Raise if a signal to stop has arrived.

    What a signal handler raises is lost where Python happens to be in a callback that cannot fail; so long
    loops ask again.
    """
    if stopped and stopped[-1] == signal.SIGINT:
        raise Interrupted
    if stopped:
        raise SystemExit(TERMINATED)


app = typer.Typer(cls=Program, rich_markup_mode="rich", no_args_is_help=True)


def _version(asked: bool) -> None:
    if asked:
        from nwbin import __version__

        typer.echo(f"nwbin {__version__}")
        raise typer.Exit


@app.callback()
def nwbin(
    version: Annotated[
        bool, typer.Option("-V", "--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error arose.")] = False,
) -> None:
    """Read Visual Coding - Neuropixels NWB files and count their spikes, without AllenSDK.

    Start with: nwbin demo
    """


def _stop(number: int, frame: object) -> None:
    """Unwind, so that unfinished files are removed."""
    stopped.append(number)
    still_wanted()


def main() -> None:
    """Run the program; the entry point ``nwbin``."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    if isinstance(sys.stdout, io.TextIOWrapper):  # files may hold text that is no UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    unraisable = sys.unraisablehook
    sys.unraisablehook = lambda lost: None if stopped else unraisable(lost)
    app()
