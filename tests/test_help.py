"""help(nwbin) is an overview, not all of nwbin."""

from __future__ import annotations

import pydoc
import re

import nwbin

LINES, COLUMNS = 45, 90  # of a screen


def test_help_is_an_overview() -> None:
    said = pydoc.render_doc(nwbin, renderer=pydoc.plaintext)
    assert len(said) < 6_000
    about = (nwbin.__doc__ or "").splitlines()
    assert len(about) <= LINES
    assert max(map(len, about)) <= COLUMNS - 4  # by which help() moves it


def test_the_overview_names_all_that_is_public() -> None:
    words = set(re.findall(r"\w+", nwbin.__doc__ or ""))
    assert not {*nwbin._HOME, *nwbin._MODULES} - words


def test_every_module_that_it_names_has_an_overview_too() -> None:
    for name in nwbin._MODULES:
        assert (getattr(nwbin, name).__doc__ or "").strip(), name
