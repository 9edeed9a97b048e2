"""What AllenSDK computed for a session, as its recording says, against nwbin's columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

# Drawn at random in AllenSDK, without a seed.
RANDOM = {"p_value_rf"}


def answers(folder: Path) -> dict[str, Any]:
    """Suffix -> the recorded answer of each class that AllenSDK could compute."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    return {suffix: answer for suffix, answer in found.items() if answer["ok"]}


def numbers(values: Any) -> Any:
    """As numbers, text too."""
    return np.asarray([float(one) for one in values])


def differences(answer: dict[str, Any], mine: pd.DataFrame, *, rtol: float = 1e-12) -> dict[str, str]:
    """Column -> how it differs, of those that differ."""
    found = {}
    for name, values in answer["columns"].items():
        if name in RANDOM:
            continue
        theirs, ours = numbers(values), numbers(mine.loc[answer["unit_ids"], name])
        close = np.isclose(ours, theirs, rtol=rtol, atol=1e-14, equal_nan=True)
        if not close.all():
            at = np.flatnonzero(~close)
            found[name] = f"{at.size} of {at.size and len(close)}: {ours[at[:4]]} for {theirs[at[:4]]}"
    return found
