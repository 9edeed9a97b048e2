"""Where stimulus metrics differ from AllenSDK's on purpose, and why: one table, which the README prints."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType

__all__ = ["CORRECTIONS", "OVERLAPS", "corrections_table", "why_corrected"]

CORRECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "f1_f0_dg": "AllenSDK cuts each cycle to whole 1 ms bins, and so looks at about 0.50, 1.50, 3.51, 7.52 and "
        "14.7 Hz in place of 1, 2, 4, 8 and 15; here it is computed from spike times at the grating's own frequency",
        "mod_idx_dg": "AllenSDK reads the spectrum at the next step above the grating's frequency (1.95 Hz for 1 Hz); "
        "here each segment has 1,000 bins, so that the frequency is a step of its own",
        "g_osi_dg": "AllenSDK has NaN wherever there are several contrasts, as in functional_connectivity; here those "
        "of the highest contrast count",
        "g_dsi_dg": "the same as g_osi_dg",
        "pref_image_ns": "AllenSDK gives the number of the condition; here it is the number of the image",
        "pref_phase_sg": "AllenSDK gives text; here it is a number",
        "lifetime_sparseness_*": "AllenSDK takes sums over presentations, which favours conditions shown more often; "
        "here it is the mean of each condition",
        "azimuth_rf": "AllenSDK smooths the map in whole numbers, which cuts it off, and keeps the center of the map "
        "that was not inverted; here numbers stay what they are, and the center of a suppressed unit's field is its "
        "own",
        "elevation_rf": "the same as azimuth_rf",
        "area_rf": "the same as azimuth_rf",
        "width_rf": "AllenSDK's published width is the height; here it runs along azimuth, from a bounded fit, and is "
        "NaN where that does not settle",
        "height_rf": "the same as width_rf, along elevation",
        "on_screen_rf": "it is said of the fit, which is the one of width_rf",
        "p_value_rf": "AllenSDK draws trials with replacement, without a seed, and can say 0; here positions are "
        "permuted, seeded, and p is (1 + number at or above) / (1 + permutations)",
        "suppressed_rf": "AllenSDK has no such column; here it says that the map was inverted",
        "*_nm1": "AllenSDK cannot compute metrics of natural movies",
        "*_nm3": "the same as *_nm1",
    }
)
# What goes for every column, in sessions that are so.
OVERLAPS = (
    "Where presentations overlap, AllenSDK finds some of their spikes in none or in one of them, and "
    '`convention="allen"` with it; otherwise each counts in every presentation that it lies in.'
)


def why_corrected(column: str) -> str | None:
    """Return why a column differs from AllenSDK's; None for one that does not.

    Examples
    --------
    >>> why_corrected("pref_image_ns")
    'AllenSDK gives the number of the condition; here it is the number of the image'
    >>> why_corrected("fano_ns") is None
    True
    """
    return next((why for pattern, why in CORRECTIONS.items() if fnmatchcase(column, pattern)), None)


def corrections_table() -> str:
    """Return :data:`CORRECTIONS` as a table in Markdown."""
    rows = [f"| `{pattern}` | {why} |" for pattern, why in CORRECTIONS.items()]
    return "\n".join(["| column | why it differs |", "|---|---|", *rows])
