"""Reports in Chromium: no message, no request, search, sorting by keyboard, themes, what a screen reader is told."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
if not os.environ.get("NWBIN_CI_BROWSER"):
    pytest.importorskip("selenium")

import nwbin
from nwbin.report._html import render
from nwbin.report._parts import Section, Table
from nwbin.report._text import ABSENT
from nwbin.testing import write_session
from tests.browser.conftest import Browser
from tests.report.test_hostile_words import HOSTILE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
]  # of a driver's own library we promise nothing

ROWS = "[...document.querySelectorAll('#units-table tbody tr')]"
SHOWN = f"return {ROWS}.filter((row) => row.offsetParent !== null).length"
# The least contrast of any text with what lies behind it, and where.
CONTRAST = """
const channel = (v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
const parts = (color) => color.match(/[\\d.]+/g).map(Number);
const light = (c) => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
const behind = (node) => {
  for (let at = node; at; at = at.parentElement) {
    const c = parts(getComputedStyle(at).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c;
  }
  return [255, 255, 255];
};
let least = [99, ""];
for (const node of document.querySelectorAll("body *")) {
  if (![...node.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim()) || !node.offsetParent) continue;
  const pair = [light(parts(getComputedStyle(node).color)), light(behind(node))].sort((a, b) => b - a);
  const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
  if (ratio < least[0]) least = [ratio, node.tagName + "." + node.className + ": " + node.textContent.slice(0, 40)];
}
return least;
"""


def until(true: Callable[[], Any]) -> None:
    """Wait for what a page does in its own time."""
    for _ in range(200):
        if true():
            return
        time.sleep(0.02)
    assert true()


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    path = write_session(folder / "session_7.nwb", size="tiny", seed=2, session_id=7)
    return nwbin.report.report(path, folder / "report.html")


@pytest.fixture
def opened(browser: Browser, written: Path) -> Browser:
    browser.size(1280, 900)
    browser.scheme("light")
    browser.open(written)
    browser.run("try { localStorage.clear(); } catch {}")
    browser.open(written)
    return browser


def test_it_opens_in_peace(opened: Browser, written: Path) -> None:
    assert opened.requests() == [written.as_uri()]
    assert opened.messages() == []
    assert opened.run("return performance.getEntriesByType('resource').map((one) => one.name)") == []
    drawn = opened.run("return [...document.images].map((one) => [one.complete, one.naturalWidth])")
    assert len(drawn) > 10
    assert all(complete and width > 50 for complete, width in drawn)
    assert opened.run("return document.compatMode") == "CSS1Compat"


def test_the_policy_refuses_what_is_not_ours(opened: Browser) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x.png"
        opened.run(
            "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s);"
            "const i = new Image(); i.src = arguments[0]; document.body.append(i);",
            address,
        )
        said: list[str] = []
        until(lambda: said.extend(opened.messages()) or len(said) >= 2)
        assert all("Content Security Policy" in one for one in said)
        assert opened.run("return window.ran === undefined")
        server.settimeout(0.3)
        with pytest.raises(TimeoutError):
            server.accept()


def test_search_leaves_the_rows_that_hold_all_words(opened: Browser) -> None:
    everything = opened.run(SHOWN)
    assert everything == 34
    field = opened.driver.find_element("css selector", "#units input[type=search]")
    assert opened.run("return document.querySelector('#units .shown').textContent") == "34 of 34 units shown"
    in_v1 = opened.run(f"return {ROWS}.filter((row) => row.textContent.includes('VISp')).length")
    field.send_keys("visp")
    until(lambda: opened.run(SHOWN) == in_v1)
    assert 0 < in_v1 < everything
    said = opened.driver.find_element("css selector", "#units .shown")
    assert said.text == f"{in_v1} of 34 units shown"
    assert said.get_attribute("aria-live") == "polite"
    field.send_keys(" yes")
    until(lambda: 0 < opened.run(SHOWN) < in_v1)
    field.send_keys(" nosuchword")
    until(lambda: opened.run(SHOWN) == 0)
    field.clear()
    field.send_keys(" ")
    until(lambda: opened.run(SHOWN) == everything)
    opened.driver.find_element("css selector", "#units input[type=checkbox]").click()
    until(lambda: opened.run(SHOWN) == 18)


def test_sorting_by_keyboard(opened: Browser) -> None:
    column = f"return {ROWS}.map((row) => row.cells[arguments[0]].textContent)"
    heads = opened.run(
        "return [...document.querySelectorAll('#units-table thead th')].map((one) => one.textContent)"
    )
    at = heads.index("snr")
    opened.run("document.querySelectorAll('#units-table thead button')[arguments[0]].focus()", at)
    opened.press("\ue007")  # Enter
    shown = opened.run(column, at)
    numbers = [float(one) for one in shown if one != ABSENT]
    assert numbers == sorted(numbers)
    without = [ABSENT] * (len(shown) - len(numbers))
    assert shown[len(numbers) :] == without  # what has no value is last, either way
    state = "return [...document.querySelectorAll('#units-table thead th')].map((one) => one.getAttribute('aria-sort'))"
    assert opened.run(state)[at] == "ascending"
    opened.press(" ")
    shown = opened.run(column, at)
    assert [float(one) for one in shown[: len(numbers)]] == numbers[::-1]
    assert shown[len(numbers) :] == without
    assert opened.run(state).count("descending") == 1
    assert opened.run("return document.getElementById('said').textContent") == "Sorted by snr, descending."
    area = heads.index("area")
    opened.run("document.querySelectorAll('#units-table thead button')[arguments[0]].focus()", area)
    opened.press("\ue007")
    words = [one for one in opened.run(column, area) if one != ABSENT]
    assert words == sorted(words, key=str.lower)
    assert opened.run(state).count("none") == len(heads) - 1


def test_the_keyboard_reaches_everything(opened: Browser) -> None:
    opened.press("\ue004")  # Tab
    assert opened.run("return document.activeElement.className") == "skip"
    assert opened.run("return document.activeElement.getBoundingClientRect().left >= 0")
    opened.press("\ue007")
    assert opened.run("return document.activeElement.id") == "content"
    reached = set()
    for _ in range(120):
        opened.press("\ue004")
        outline = opened.run("return getComputedStyle(document.activeElement).outlineStyle")
        reached.add(opened.run("return document.activeElement.tagName + (document.activeElement.type || '')"))
        assert outline != "none"
        if {"INPUTsearch", "BUTTONbutton", "DIV"} <= reached:
            return
    raise AssertionError(reached)


def test_themes(opened: Browser) -> None:
    paper = "return getComputedStyle(document.body).backgroundColor"
    light = opened.run(paper)
    opened.scheme("dark")
    dark = opened.run(paper)
    assert dark != light
    least, where = opened.run(CONTRAST)
    assert least >= 4.5, where
    toggle = opened.driver.find_element("css selector", "#theme button")
    assert toggle.text == "Light theme"
    toggle.click()
    assert opened.run(paper) == light
    assert toggle.text == "Dark theme"
    least, where = opened.run(CONTRAST)
    assert least >= 4.5, where
    opened.driver.refresh()
    assert opened.run(paper) == light  # it is remembered
    opened.driver.find_element("css selector", "#theme button").click()
    assert opened.run(paper) == dark


def test_what_a_screen_reader_is_told(opened: Browser) -> None:
    tree = opened.tree()
    roles = [role for role, _ in tree]
    for one in ("banner", "navigation", "main", "contentinfo"):
        assert roles.count(one) == 1, one
    for role in ("image", "button", "searchbox", "table", "region", "link", "heading", "search", "checkbox"):
        named = [name for kind, name in tree if kind in (role, "img" if role == "image" else role)]
        assert named, role
        assert all(named), role
    assert "columnheader" in roles
    assert "rowheader" in roles


@pytest.mark.parametrize("width", [390, 768, 1600])
def test_nothing_reaches_out_of_the_window(opened: Browser, width: int) -> None:
    opened.size(width, 844)
    wide, shown = opened.run(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= shown
    # On a telephone pictures stay legible, and are scrolled within their own frames.
    narrow = opened.run(
        "return [...document.images].filter((one) => one.width < Math.min(300, one.naturalWidth)).length"
    )
    assert narrow == 0


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_wide_tables_scroll_beside_their_first_column(opened: Browser, width: int) -> None:
    opened.size(width, 844)
    held = opened.run(
        "const box = document.querySelector('.tall'); box.scrollLeft = 300; box.scrollTop = 100;"
        "const left = (e) => Math.round(e.getBoundingClientRect().left - box.getBoundingClientRect().left);"
        "const top = (e) => Math.round(e.getBoundingClientRect().top - box.getBoundingClientRect().top);"
        "const row = box.querySelector('tbody tr:nth-child(9)'), head = box.querySelector('thead th');"
        "return [box.scrollLeft > 0, left(row.cells[0]), left(row.cells[1]) < 0, left(head), top(head)];"
    )
    moved, first, second, head, top = held
    assert moved
    assert 0 <= first <= 2
    assert second
    assert 0 <= head <= 2
    assert 0 <= top <= 2
    # Numbers stay in one piece, and within their cards.
    cards = opened.run(
        "return [...document.querySelectorAll('.large dd')].map((e) => [e.getClientRects().length, e.clientHeight, "
        "parseFloat(getComputedStyle(e).lineHeight), e.scrollWidth - e.clientWidth])"
    )
    assert cards
    assert all(height < 1.5 * line and over <= 0 for _, height, line, over in cards)


def test_printed(opened: Browser) -> None:
    printed = opened.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})
    assert len(printed["data"]) > 10_000
    opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert opened.run("return getComputedStyle(document.querySelector('nav')).display") == "none"
        assert opened.run("return getComputedStyle(document.querySelector('.tall')).overflow") == "visible"
    finally:
        opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_two_thousand_units(browser: Browser, tmp_path: Path) -> None:
    rows = [
        [str(k), "yes" if k % 2 else "no", f"{(k * 7919) % 1000 / 10:g}", f"VIS{'plmra'[k % 5]}"]
        for k in range(2000)
    ]
    table = Table("units-table", "units", ["unit_id", "passes", "firing_rate", "area"], rows, frozenset({0, 2}),
                  searched="units", choice="yes")  # fmt: skip
    path = tmp_path / "many.html"
    path.write_text(
        render(title="many", lead="", sections=[Section("units", "Units", [table])], summary={}),
        encoding="utf-8",
    )
    browser.size(1280, 900)
    browser.open(path)
    assert browser.run(SHOWN) == 2000
    browser.driver.find_element("css selector", "#units input[type=search]").send_keys("visp")
    until(lambda: browser.run(SHOWN) == 400)
    browser.driver.find_elements("css selector", "thead button")[2].click()
    cells = f"return {ROWS}.map((row) => Number(row.cells[2].textContent))"
    values = browser.run(cells)
    assert values == sorted(values)
    assert len(values) == 2000
    assert browser.messages() == []


def test_hostile_words_do_nothing(browser: Browser, tmp_path: Path) -> None:
    cells = [[f"{k} {word}", word] for k, word in enumerate(HOSTILE)]
    table = Table("units-table", HOSTILE[0], [HOSTILE[1], HOSTILE[3]], cells, searched=HOSTILE[2])
    path = tmp_path / "hostile.html"
    text = render(
        title=HOSTILE[1],
        lead=HOSTILE[2],
        sections=[Section("units", HOSTILE[3], [table])],
        summary={"word": HOSTILE},
    )
    path.write_text(text, encoding="utf-8")
    browser.open(path)
    assert browser.messages() == []
    assert browser.requests() == [path.as_uri()]
    assert browser.run("return document.scripts.length") == 1
    assert browser.run("return document.images.length") == 0
    assert browser.run("return document.querySelectorAll('tbody tr').length") == len(HOSTILE)
    browser.driver.find_elements("css selector", "thead button")[0].click()
    assert browser.messages() == []
