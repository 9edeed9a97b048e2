"""Options that are declared once and shared by commands."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated, get_args

import pytest
import typer
from typer.testing import CliRunner

from nwbin.cli._expand import expanded
from nwbin.cli._parse import ids_of, names_of, window_of
from nwbin.errors import ArgumentError


@dataclass(frozen=True)
class Shared:
    rate: Annotated[float, typer.Option("--rate")] = 2.0
    names: Annotated[list[str] | None, typer.Option("--name")] = None


def program(seen: list[object]) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    @expanded
    def command(*, place: Annotated[str, typer.Argument()], shared: Shared, loud: bool = False) -> None:
        """Do it."""
        seen.append((place, shared, loud))

    return app


def test_the_fields_of_a_dataclass_become_options() -> None:
    seen: list[object] = []
    app = program(seen)
    for asked in (["here"], ["here", "--rate", "3", "--name", "a", "--name", "b", "--loud"]):
        assert CliRunner().invoke(app, asked).exit_code == 0
    assert seen == [("here", Shared(), False), ("here", Shared(3.0, ["a", "b"]), True)]
    assert "Do it." in CliRunner().invoke(app, ["--help"]).output


def test_a_command_shows_the_options_and_not_their_dataclass() -> None:
    @expanded
    def command(*, shared: Shared, loud: bool = False) -> None:
        """Do it."""

    assert list(inspect.signature(command).parameters) == ["rate", "names", "loud"]
    kind, option = get_args(inspect.get_annotations(command)["rate"])
    assert kind is float
    assert isinstance(option, typer.models.OptionInfo)
    assert inspect.signature(command).parameters["rate"].default == 2.0


def test_an_option_that_is_declared_twice_is_refused() -> None:
    def command(*, shared: Shared, rate: float = 1.0) -> None: ...

    with pytest.raises(ValueError, match="duplicate parameter name: 'rate'"):
        expanded(command)


def test_what_is_written_in_options() -> None:
    assert ids_of("[3, 5 7]") == [3, 5, 7]
    assert ids_of("firing_rate > 3") is None
    assert window_of("-0.5;1") == (-0.5, 1.0)
    assert names_of(" VISp , LGd", "--structures") == ["VISp", "LGd"]
    with pytest.raises(
        ArgumentError, match="--structures needs names with a comma between, such as A,B; not ' , '"
    ):
        names_of(" , ", "--structures", "A,B")
