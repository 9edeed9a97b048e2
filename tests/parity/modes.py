"""Ways to open a session: which units to keep. The recorded answers lie in a folder for each."""

from __future__ import annotations

from typing import Any

import numpy as np

MODES: dict[str, dict[str, Any]] = {
    "default": {},
    "unfiltered": {
        "amplitude_cutoff_maximum": None,
        "presence_ratio_minimum": -np.inf,
        "isi_violations_maximum": np.inf,
        "filter_by_validity": False,
        "filter_out_of_brain_units": False,
    },
    "inf": {
        "amplitude_cutoff_maximum": np.inf,
        "presence_ratio_minimum": -np.inf,
        "isi_violations_maximum": np.inf,
    },
    "zero_thresholds": {
        "amplitude_cutoff_maximum": 0.0,
        "presence_ratio_minimum": 0.0,
        "isi_violations_maximum": 0.0,
    },
    "loose_quality": {"filter_by_validity": False},
    "loose_brain": {"filter_out_of_brain_units": False},
    "tight": {
        "amplitude_cutoff_maximum": 0.02,
        "presence_ratio_minimum": 0.97,
        "isi_violations_maximum": 0.1,
    },
}
