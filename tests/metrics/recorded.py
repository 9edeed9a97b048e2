"""What AllenSDK computed for a session, as its recording says, against nwbin's columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import nwbin
from nwbin.kernels import contrast
from nwbin.metrics._contrast import contrast_view, half_contrast
from nwbin.metrics.common import levels_of

# Drawn at random in AllenSDK, without a seed.
RANDOM = {"p_value_rf"}


def answers(folder: Path) -> dict[str, Any]:
    """Suffix -> the recorded answer of each class that AllenSDK could compute."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    return {suffix: answer for suffix, answer in found.items() if answer["ok"]}


def numbers(values: Any) -> Any:
    """As numbers, text too."""
    return np.asarray([float(one) for one in values])


def unsettled(session: nwbin.Session) -> set[int]:
    """Units whose C50 hangs on the last digit: it moves where contrasts are only given in another order."""
    view = session._stimulus_metrics.view(convention="allen")
    contrasts = contrast_view(view)
    if contrasts is None:
        return set()
    if not contrast.COMPILED:  # minutes of SciPy's own fits
        return set(view.unit_ids.tolist())
    angle = levels_of(view.stimulus("dg").parameter("orientation"), "allen")  # type: ignore[union-attr]  # is shown
    best = angle.of(angle.preferred(view.stimulus("dg").spike_mean)[0])  # type: ignore[union-attr]  # the same
    shown, value = (contrasts.parameter(name).astype(float) for name in ("orientation", "contrast"))
    moved: set[int] = set()
    for unit, at in enumerate(best.tolist()):
        places = np.flatnonzero(shown == at)
        orders = [places, places[::-1], *(np.random.default_rng(k).permutation(places) for k in range(6))]
        found = [half_contrast(value[one], contrasts.spike_mean[[unit]][:, one])[0] for one in orders]
        if len(set(np.nan_to_num(found, nan=-1.0).tolist())) > 1:
            moved.add(int(view.unit_ids[unit]))
    return moved


def differences(
    answer: dict[str, Any], mine: pd.DataFrame, loose: set[int], *, rtol: float = 1e-12
) -> dict[str, str]:
    """Column -> how it differs, of those that differ; of c50 the units in `loose` may."""
    found = {}
    for name, values in answer["columns"].items():
        if name in RANDOM:
            continue
        theirs, ours = numbers(values), numbers(mine.loc[answer["unit_ids"], name])
        if name == "c50_dg":
            theirs = np.where(np.isin(answer["unit_ids"], list(loose)), ours, theirs)
        close = np.isclose(ours, theirs, rtol=rtol, atol=1e-14, equal_nan=True)
        if not close.all():
            at = np.flatnonzero(~close)
            found[name] = f"{at.size} of {len(close)}: {ours[at[:4]]} for {theirs[at[:4]]}"
    return found
