"""Counts as tensors of PyTorch, dense and sparse, and as a Dataset of trials."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nwbin
from nwbin import exchange
from nwbin.errors import ArgumentError, CountOverflowError, LookupFailure
from nwbin.exchange import of_torch

torch: Any = pytest.importorskip("torch")

ROWS = pd.DataFrame(
    {"start_time": [0.0, 1.0, 2.0, 3.0], "note": ["b", None, "a", "b"], "contrast": [0.5, 0.1, np.nan, 0.5]},
    index=pd.Index([10, 11, 12, 13], name="stimulus_presentation_id"),
)
EDGES = [0.0, 0.25, 0.5]
TRAINS = {7: [0.1, 0.2, 0.3, 2.0, 3.4], 3: [], 5: [1.49, 3.0, 3.1]}
EXPECTED = nwbin.bin_spikes(TRAINS, ROWS.start_time, EDGES)


def test_dense_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def counting(*given: Any, **how: Any) -> Any:
        made.append(nwbin.bin_spikes(*given, **how))
        return made[-1]

    monkeypatch.setattr(of_torch, "bin_spikes", counting)
    found = exchange.to_torch(TRAINS, ROWS, EDGES)
    assert found.X.dtype == torch.float32
    assert np.shares_memory(found.X.numpy(), made[0])
    np.testing.assert_array_equal(found.X.numpy(), EXPECTED)
    assert found.y is None
    assert found.presentation_ids.tolist() == [10, 11, 12, 13]
    assert found.unit_ids.tolist() == [7, 3, 5]
    assert repr(found) == "<nwbin.exchange.TorchTrials: X (4, 2, 3) torch.float32, torch.strided>"


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "float16", "float64", "bool", ">i4"])
def test_dtypes(dtype: str) -> None:
    found = exchange.to_torch(TRAINS, ROWS, EDGES, dtype=dtype)
    np.testing.assert_array_equal(found.X.numpy(), EXPECTED.astype(dtype))


def test_sparse() -> None:
    coo = exchange.to_torch(TRAINS, ROWS, EDGES, layout="coo").X
    assert coo.layout == torch.sparse_coo
    assert coo.is_coalesced()
    np.testing.assert_array_equal(coo.to_dense().numpy(), EXPECTED)
    # As PyTorch itself would have them.
    again = torch.from_numpy(EXPECTED.astype(np.float32)).to_sparse()
    assert torch.equal(coo.indices(), again.indices())
    assert torch.equal(coo.values(), again.values())
    csr = exchange.to_torch(TRAINS, ROWS, EDGES, layout="csr").X
    assert csr.layout == torch.sparse_csr
    np.testing.assert_array_equal(csr.to_dense().numpy(), EXPECTED.reshape(4, -1))
    for layout in ("coo", "csr"):
        none = exchange.to_torch({1: []}, ROWS, EDGES, layout=layout).X
        assert none.to_dense().sum() == 0


def test_labels() -> None:
    found = exchange.to_torch(TRAINS, ROWS, EDGES, label="note")
    assert found.classes.tolist() == ["a", "b"]
    assert (found.y.dtype, found.y.tolist()) == (torch.int64, [1, 0, 1])
    assert found.presentation_ids.tolist() == [10, 12, 13]
    np.testing.assert_array_equal(found.X.numpy(), EXPECTED[[0, 2, 3]])
    numbers = exchange.to_torch(TRAINS, ROWS, EDGES, label="contrast")
    assert (numbers.classes.tolist(), numbers.y.tolist()) == ([0.1, 0.5], [1, 0, 1])
    given = exchange.to_torch(TRAINS, ROWS, EDGES, label=[3, 1, 3, 1])
    assert (given.classes.tolist(), given.y.tolist()) == ([1.0, 3.0], [1, 0, 1, 0])
    with pytest.raises(LookupFailure, match="no column 'nope'"):
        exchange.to_torch(TRAINS, ROWS, EDGES, label="nope")
    with pytest.raises(ArgumentError, match="layout 'csc' is not known"):
        exchange.to_torch(TRAINS, ROWS, EDGES, layout="csc")  # type: ignore[arg-type] # on purpose
    with pytest.raises(CountOverflowError):
        exchange.to_torch({1: np.linspace(0, 0.2, 300)}, ROWS, EDGES, dtype="uint8")


def test_a_dataset_of_trials() -> None:
    trials = exchange.to_torch_dataset(TRAINS, ROWS, EDGES)
    assert isinstance(trials, torch.utils.data.Dataset)
    assert len(trials) == 4
    np.testing.assert_array_equal(trials[3].numpy(), EXPECTED[3])
    np.testing.assert_array_equal(trials[-1].numpy(), EXPECTED[3])
    for number in (4, -5):
        with pytest.raises(IndexError, match=f"trial {number} of 4"):
            trials[number]
    labelled = exchange.to_torch_dataset(TRAINS, ROWS, EDGES, label="note")
    for made in (labelled, pickle.loads(pickle.dumps(labelled))):
        batches = list(torch.utils.data.DataLoader(made, batch_size=2))
        assert [tuple(counts.shape) for counts, _ in batches] == [(2, 2, 3), (1, 2, 3)]
        np.testing.assert_array_equal(
            torch.cat([counts for counts, _ in batches]).numpy(), EXPECTED[[0, 2, 3]]
        )
        assert torch.cat([labels for _, labels in batches]).tolist() == [1, 0, 1]


def test_a_batch_is_counted_at_once_and_only_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from nwbin.exchange import torch_trials

    asked: list[int] = []

    def counting(trains: Any, onsets: Any, *given: Any, **how: Any) -> Any:
        asked.append(len(onsets))
        return nwbin.bin_spikes(trains, onsets, *given, **how)

    monkeypatch.setattr(torch_trials, "bin_spikes", counting)
    trials = exchange.to_torch_dataset(TRAINS, ROWS, EDGES)
    assert asked == []
    found = torch.cat(list(torch.utils.data.DataLoader(trials, batch_size=3)))
    assert asked == [3, 1]
    np.testing.assert_array_equal(found.numpy(), EXPECTED)


def test_a_session(session: nwbin.Session) -> None:
    ids = session.units.index[:4]
    shown = session.get_stimulus_table("flashes").index
    edges = [0.0, 0.1, 0.2]
    expected = session.presentationwise_spike_counts(edges, shown, ids, closed="left")
    found = session.to_torch("flashes", ids, edges=edges, label="color")
    np.testing.assert_array_equal(found.X.numpy(), expected)
    assert found.classes[found.y].tolist() == session.get_stimulus_table("flashes").color.tolist()
    trials = session.to_torch_dataset("flashes", ids, edges=edges)
    np.testing.assert_array_equal(torch.stack([trials[n] for n in range(len(trials))]).numpy(), expected)
    assert session.to_torch("flashes", ids).X.shape == (len(shown), 1, 4)
    assert session.to_torch("flashes", ids, bin_width=0.1).X.shape[1] == 2  # of 0.25 s
    with pytest.raises(ArgumentError, match="no bin of 3 s fits into a presentation"):
        session.to_torch("flashes", ids, bin_width=3.0)
    with pytest.raises(ArgumentError, match="either edges, or a window"):
        session.to_torch("flashes", ids, bin_width=0.1, edges=edges)
