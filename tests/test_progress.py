"""The one display of progress."""

from __future__ import annotations

import pytest

from nwbin._progress import progress_display


def test_text_in_the_display_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_display("[red]work[/red]", wanted=True, stays=True) as display:
        display.update(1, 2, "1 [kept] :cat:")
        display.failed("7: [bold]x[/bold] [/] \x1b[2J")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert r"failed 7: [bold]x[/bold] [/] \x1b[2J" in shown.err
    assert "[red]work[/red]" in shown.err
    assert "1/2" in shown.err
    assert "1 [kept] :cat:" in shown.err


def test_nothing_is_shown_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_display("work") as display:
        display.update(1, 2)
        display.failed("7")
    assert capsys.readouterr() == ("", "")
