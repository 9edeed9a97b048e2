"""The README's blocks that use nwbin as an engine run, and give what the loops they stand for give."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import nwbin
from nwbin.testing import write_session

README = Path(__file__).parents[1] / "README.md"


def run_block(word: str, **names: Any) -> dict[str, Any]:
    """Run the section's Python block that holds the word, as a reader would; returns its names."""
    text = README.read_text(encoding="utf-8")
    section = re.search(r"^## nwbin as an engine$(.*?)^## ", text, flags=re.DOTALL | re.MULTILINE)
    assert section is not None
    blocks = re.findall(r"^```python\n(.*?)^```$", section[1], flags=re.DOTALL | re.MULTILINE)
    (block,) = [one for one in blocks if word in one]
    exec(compile(block, str(README), "exec"), names)
    return names


def test_allensdks_loops(tmp_path: Path) -> None:
    session = nwbin.open(
        write_session(tmp_path / "session.nwb", seed=1)
    )  # AllenSDK's names, as the block has them
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of invalid times
        names = run_block("presentationwise_spike_counts", session=session)
        ids = names["shown"].index
        units = list(session.spike_times)
        theirs = session.presentationwise_spike_counts(names["edges"], ids, units)
        table = session.presentationwise_spike_times(ids, units)
    assert (names["counts"] == theirs.values).all()
    assert names["counts"].sum() > 0
    inside = table.time_since_stimulus_presentation_onset.to_numpy() <= 0.25
    spikes = names["spikes"]
    assert spikes.time.size >= inside.sum() > 0
    found = names["found"]
    assert found.counts.shape == found.corrected.shape == (len(units) * (len(units) + 1) // 2, 100)
    assert found.counts.sum() > 0


@pytest.mark.parametrize("shape", [(-1,), (1, -1)])
def test_aind_ephys_utils_loops(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(2)
    each = np.empty(3, object)
    each[:] = [np.sort(rng.uniform(0, 20, n)) for n in (50, 80, 0)]
    units = {"unit": ["a", "b", "c"]}
    spikes = xr.DataArray(each.reshape(shape), dims=("trial", "unit")[-len(shape) :], coords=units)
    events = np.array([1.0, 5.0, 12.0])
    names = run_block("ccg(spikes", spikes=spikes, events=events)
    edges = names["edges"]
    looped = [[np.histogram(t - event, edges)[0] for t in each] for event in events]
    assert names["binned"].transpose("trial", "unit", "time").values.tolist() == np.array(looped).tolist()
    assert names["binned"].unit.values.tolist() == units["unit"]
    lags = (each[1][None, :] - each[0][:, None]).ravel()
    assert names["found"].counts[1].tolist() == np.histogram(lags, names["found"].edges)[0].tolist()
    assert names["found"].lags[50] == 0.0
