"""A Dataset of trials; imported only where PyTorch is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from nwbin.binning import Closed, bin_spikes
from nwbin.trains import SpikeTrains

__all__ = ["TrialCounts"]


class TrialCounts(Dataset):  # type: ignore[type-arg,misc,unused-ignore] # of tensors; untyped where PyTorch is absent
    """Trials whose spikes are counted when they are asked for; :func:`nwbin.exchange.to_torch_dataset` makes it.

    Attributes
    ----------
    classes
        The distinct labels; None without labels.
    presentation_ids, unit_ids
        Of the trials and the units.
    edges
        (bins + 1,) s from onset.
    """

    def __init__(
        self,
        trains: SpikeTrains,
        onsets: npt.NDArray[np.float64],
        edges: npt.NDArray[np.float64],
        codes: npt.NDArray[np.int64] | None,
        classes: npt.NDArray[Any] | None,
        presentation_ids: npt.NDArray[Any],
        dtype: np.dtype[Any],
        closed: Closed,
        threads: int | None,
    ) -> None:
        self._trains, self._onsets, self.edges = trains, onsets, edges
        self._codes = None if codes is None else torch.from_numpy(codes)
        self.classes, self.presentation_ids = classes, presentation_ids
        self.unit_ids = np.asarray(trains.unit_ids)
        self._dtype, self._closed, self._threads = dtype, closed, threads

    def __len__(self) -> int:
        return len(self._onsets)

    def __getitem__(self, number: int) -> Any:
        return self.__getitems__([number])[0]

    def __getitems__(self, numbers: Sequence[int]) -> list[Any]:
        """The trials of a batch, counted at once; a DataLoader asks by this."""
        places = np.asarray(numbers, dtype=np.int64)
        out_of_range = (places >= len(self)) | (places < -len(self))
        if out_of_range.any():
            raise IndexError(f"trial {places[out_of_range][0]} of {len(self)}")
        counts = bin_spikes(
            self._trains, self._onsets[places], self.edges, closed=self._closed, dtype=self._dtype,
            threads=self._threads,
        )  # fmt: skip
        tensor = torch.from_numpy(counts)
        if self._codes is None:
            return list(tensor)
        return list(zip(tensor, self._codes[torch.from_numpy(places)], strict=True))
