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


def test_a_log_gets_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 103.0, 112.0, 115.0, 700.0])
    monkeypatch.setattr("nwbin._progress._PAUSE", 10.0)
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with progress_display("count\x1bing") as display:
        display.update(1, 40)
        display.update(10, 40, "2 failed")
        display.update(11, 40)
        display.update(40, 40)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        r"count\x1bing: 25% of 40 (2 failed) after 12 s, about 36 s to go",
        r"count\x1bing: 100% of 40 after 10 min",
    ]


def test_short_work_says_nothing_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_display("work") as display:
        display.update(1, 2)
        display.failed("7")
    assert capsys.readouterr() == ("", "")


def test_nothing_is_shown_where_nothing_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_display("work", wanted=False) as display:
        display.update(1, 2)
        display.failed("7")
    assert capsys.readouterr() == ("", "")
