"""Data frames of columns, alike in every pandas version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["frame_of", "numbered"]


def frame_of(
    columns: Mapping[str, Any] | Sequence[tuple[str, Any]], index: pd.Index[Any] | None = None
) -> pd.DataFrame:
    """Build a data frame whose text columns have dtype object, whatever the pandas version.

    pandas 3 turns object arrays of str into its own string dtype. Columns here mix text and numbers, and are
    compared with AllenSDK's, so they stay as they are.
    """
    import pandas as pd

    named = list(columns.items()) if isinstance(columns, Mapping) else list(columns)
    # By number first: pandas 3 makes its own strings of a dict's keys, and fails on names that are no UTF-8.
    values = {
        place: pd.Series(found, index=index, dtype=object, copy=False)
        if isinstance(found, list) or found.dtype == object
        else found
        for place, (_, found) in enumerate(named)
    }
    # Not copied into blocks: these tables can have millions of rows.
    frame = pd.DataFrame(values, index=index, copy=False)
    frame.columns = pd.Index([name for name, _ in named], dtype=object)
    return frame


def numbered(values: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Number values by their first appearance, equal ones alike; by a hash table, which NumPy has not."""
    import pandas as pd

    return np.asarray(pd.factorize(values)[0], dtype=np.intp)
