"""Firing rates around onsets, and the demo."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nwbin
from tests.cli.asking import bad, good, naive


def test_a_psth_on_standard_output(tiny: Path, here: Path) -> None:
    asked = ["psth", tiny, "--stimulus", "flashes", "--by", "color", "-o"]
    shown = good(*asked, "-")
    good(*asked, "x.csv")
    assert shown == Path("x.csv").read_text()


def test_psth(tiny: Path, here: Path) -> None:
    pytest.importorskip("matplotlib")
    asked = ["psth", tiny, "--stimulus", "flashes"]
    good(*asked, "--by", "color", "-o", "x.png")
    assert Path("x.png").read_bytes().startswith(b"\x89PNG")
    good(*asked, "--per-unit", "--window", "-0.1,0.3", "-o", "units.png")
    good(*asked, "--by", "color", "--bin", "0.05", "--window", "-0.1,0.25", "--per-unit", "-o", "x.csv")
    with nwbin.open(tiny) as session:
        table = session.get_stimulus_table("flashes")
        onset = table["start_time"].to_numpy()[table["color"].to_numpy() == 1]
        edges = np.arange(-10, 26, 5) / 100
        domain = onset[:, None] + edges[None, :]
        counts = naive(session, domain[:, :-1], domain[:, 1:], session.units.index, "left")
    rates = pd.read_csv("x.csv")
    assert rates.columns.tolist() == ["color", "presentations", "time", "unit_id", "firing_rate", "sem"]
    assert rates["color"].unique().tolist() == [-1, 1]
    assert rates["time"].unique().tolist() == [-0.075, -0.025, 0.025, 0.075, 0.125, 0.175, 0.225]
    np.testing.assert_allclose(
        rates.loc[rates["color"] == 1, "firing_rate"], counts.mean(axis=0).reshape(-1) / 0.05
    )
    assert "ends in '.gif'" in bad(*asked, "-o", "x.gif")
    assert "no column 'colr'" in bad(*asked, "--by", "colr", "-o", "y.png")
    assert not Path("y.png").exists()


def test_demo_on_a_file(tiny: Path, here: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")
    text = good("demo", tiny, "-o", "x.png")
    for word in ("static_gratings", "in VISp", "accuracy", "chance", "x.png", "count spikes", "in all"):
        assert word in text
    said = json.loads(good("demo", tiny, "-o", "x.png", "--json"))
    folds, classes = ", ".join(f"{one:.1%}" for one in said["folds"]), len(said["classes"])
    assert f"accuracy  {said['accuracy']:.1%} of trials told right, the mean of 5 folds: {folds}" in text
    assert (
        f"chance    {said['chance']:.1%}, by always guessing the most frequent of {classes} classes" in text
    )
    assert "each fold, 20% of the trials of each class, in their order" in " ".join(text.split())
    assert f"nwbin demo {tiny} --structure NAME --window FROM,TO" in text.partition("next:")[2]
    assert Path("x.png").read_bytes().startswith(b"\x89PNG")
    good("demo", tiny, "--stimulus", "drifting_gratings", "--window", "0,0.5", "-o", "y.svg")
    assert sorted(p.name for p in here.iterdir()) == ["x.png", "y.svg"]
    assert "none of its units is in 'VISx'; did you mean 'VISp'?" in bad("demo", tiny, "--structure", "VISx")
    assert "has several values" in bad("demo", tiny, "--stimulus", "spontaneous")
    assert "ends in '.bmp'" in bad("demo", tiny, "-o", "x.bmp")


def test_demo_without_a_file(here: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")
    text = good("demo", "--keep", "kept.nwb")
    found = re.search(r"accuracy\s+([\d.]+)%", text)
    assert found is not None
    assert float(found[1]) > 80
    assert sorted(p.name for p in here.iterdir()) == ["kept.nwb", "nwbin-demo.png"]


@pytest.mark.parametrize(("package", "extra"), [("sklearn", "decode"), ("matplotlib", "plot")])
def test_demo_says_what_to_install(
    here: Path, monkeypatch: pytest.MonkeyPatch, package: str, extra: str
) -> None:
    from importlib.util import find_spec

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else find_spec(name))
    assert f"pip install 'nwbin[{extra}]'" in bad("demo")
    assert list(here.iterdir()) == []
