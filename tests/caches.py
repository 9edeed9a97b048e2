"""Synthetic data sets: the same sessions as an AllenSDK cache, a DANDI tree and a plain folder.

Also a script: ``python -m tests.caches FILES TARGET`` makes all three from a folder of session files, by hard links.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

import nwbin
from nwbin.allen.places import channel_table, probe_table

# The columns that AllenSDK's cache writes, from the warehouse's tables.
_UNIT_COLUMNS = {
    "PT_ratio": "PT_ratio", "amplitude": "amplitude", "amplitude_cutoff": "amplitude_cutoff",
    "cumulative_drift": "cumulative_drift", "d_prime": "d_prime", "duration": "waveform_duration",
    "ecephys_channel_id": "peak_channel_id", "firing_rate": "firing_rate", "halfwidth": "waveform_halfwidth",
    "isi_violations": "isi_violations", "isolation_distance": "isolation_distance", "l_ratio": "l_ratio",
    "local_index": "local_index", "max_drift": "max_drift", "nn_hit_rate": "nn_hit_rate",
    "nn_miss_rate": "nn_miss_rate", "presence_ratio": "presence_ratio", "quality": "quality",
    "recovery_slope": "recovery_slope", "repolarization_slope": "repolarization_slope",
    "silhouette_score": "silhouette_score", "snr": "snr", "spread": "spread", "velocity_above": "velocity_above",
    "velocity_below": "velocity_below",
}  # fmt: skip
_STRUCTURE_IDS = {
    "VISp": 385,
    "VISl": 409,
    "VISal": 402,
    "VISrl": 417,
    "VISam": 394,
    "VISpm": 533,
    "LGd": 170,
}


def link(source: Path, target: Path) -> None:
    """Give a file a second place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


def _lfp(path: Path) -> list[Path]:
    with nwbin.File(path) as file:
        probes = probe_table(file).index
    return [one for one in (path.with_name(f"probe_{probe}_lfp.nwb") for probe in probes) if one.exists()]


def make_allen(root: Path, files: Iterable[Path], *, metrics: bool = True) -> Path:
    """An AllenSDK cache: CSV tables with its columns, and a folder a session."""
    root.mkdir(parents=True, exist_ok=True)
    sessions, probes, channels, units = [], [], [], []
    types: dict[str, list[pd.DataFrame]] = {}
    for number, path in enumerate(files):
        with nwbin.File(path) as file:
            session = int(file.identifier or 0)
            about = file.subject
            kind = str(file.stimulus_notes)
            sessions.append({
                "id": session, "date_of_acquisition": "2019-01-19T08:54:18Z",
                "published_at": "2019-10-03T00:00:00Z", "specimen_id": 699_733_573 + number,
                "session_type": kind, "isi_experiment_id": 700_000_000 + number,
                "age_in_days": about["age_in_days"], "sex": about["sex"], "genotype": about["genotype"],
                "has_nwb": True,
            })  # fmt: skip
            table = probe_table(file)
            for order, (probe, row) in enumerate(table.iterrows()):
                probes.append({
                    "id": probe, "ecephys_session_id": session, "lfp_sampling_rate": 2500.0,
                    "name": row["description"], "phase": "3a", "sampling_rate": row["sampling_rate"],
                    "has_lfp_data": bool(row["has_lfp_data"]), "air_channel_index": 370 + order,
                    "surface_channel_index": 350.0, "lfp_temporal_subsampling_factor": 2.0,
                })  # fmt: skip
            found = channel_table(file, valid_only=True)
            rng = np.random.default_rng(session)
            channels.append(
                pd.DataFrame(
                    {
                        "ecephys_probe_id": found["probe_id"],
                        "local_index": found["probe_channel_number"],
                        "probe_horizontal_position": found["probe_horizontal_position"],
                        "probe_vertical_position": found["probe_vertical_position"],
                        # The cache knows positions better than the file does.
                        "anterior_posterior_ccf_coordinate": found["anterior_posterior_ccf_coordinate"] + 25,
                        "dorsal_ventral_ccf_coordinate": found["dorsal_ventral_ccf_coordinate"],
                        "left_right_ccf_coordinate": found["left_right_ccf_coordinate"],
                        "ecephys_structure_id": [
                            _STRUCTURE_IDS.get(a, np.nan) for a in found["structure_acronym"]
                        ],
                        "ecephys_structure_acronym": found["structure_acronym"],
                    },
                    index=found.index,
                )
            )
            stored = file.units
            table = pd.DataFrame({new: stored[old] for new, old in _UNIT_COLUMNS.items()}, index=stored.index)
            table["epoch_name_quality_metrics"] = "complete_session"
            table["epoch_name_waveform_metrics"] = "complete_session"
            units.append(table)
            made = pd.DataFrame(
                {
                    "area_rf": rng.uniform(100, 2000, len(table)),
                    "pref_ori_sg": rng.choice([0.0, 30.0, np.nan], len(table)),
                    "g_osi_sg": rng.uniform(0, 1, len(table)),
                    "on_screen_rf": rng.random(len(table)) < 0.5,
                    "firing_rate_dg": rng.uniform(0, 30, len(table)),
                    "snr": rng.uniform(0, 9, len(table)),  # a name that units have too
                },
                index=pd.Index(table.index, name="ecephys_unit_id"),
            )
            types.setdefault(kind, []).append(made)
        home = root / f"session_{session}"
        link(path, home / f"session_{session}.nwb")
        for lfp in _lfp(path):
            link(lfp, home / lfp.name)
        if metrics and number % 2 == 0:
            made.to_csv(home / f"session_{session}_analysis_metrics.csv")
    pd.DataFrame(sessions).set_index("id").to_csv(root / "sessions.csv")
    pd.DataFrame(probes).set_index("id").to_csv(root / "probes.csv")
    pd.concat(channels).rename_axis("id").to_csv(root / "channels.csv")
    pd.concat(units).rename_axis("id").to_csv(root / "units.csv")
    for kind, tables in types.items() if metrics else ():
        pd.concat(tables).to_csv(root / f"{kind}_analysis_metrics.csv")
    (root / "manifest.json").write_text(json.dumps(MANIFEST, indent=1))
    return root


# What AllenSDK's cache looks for; version 0.3.0.
_NAMES = {
    "sessions": ("file", "sessions.csv", "BASEDIR"),
    "probes": ("file", "probes.csv", "BASEDIR"),
    "channels": ("file", "channels.csv", "BASEDIR"),
    "units": ("file", "units.csv", "BASEDIR"),
    "session_data": ("dir", "session_%d", "BASEDIR"),
    "session_nwb": ("file", "session_%d.nwb", "session_data"),
    "session_analysis_metrics": ("file", "session_%d_analysis_metrics.csv", "session_data"),
    "probe_lfp_nwb": ("file", "probe_%d_lfp.nwb", "session_data"),
    "typewise_analysis_metrics": ("file", "%s_analysis_metrics.csv", "BASEDIR"),
}
MANIFEST = {
    "manifest": [
        {"type": "manifest_version", "value": "0.3.0"},
        {"key": "BASEDIR", "type": "dir", "spec": "."},
        *(
            {"key": key, "type": kind, "spec": spec, "parent_key": parent}
            for key, (kind, spec, parent) in _NAMES.items()
        ),
    ]
}


def make_dandi(root: Path, files: Iterable[Path]) -> Path:
    """A DANDI download: a folder a subject, names that say subject, session and probe."""
    for path in files:
        with nwbin.File(path) as file:
            subject, session = file.subject["subject_id"], file.identifier
        home = root / f"sub-{subject}"
        link(path, home / f"sub-{subject}_ses-{session}.nwb")
        for lfp in _lfp(path):
            probe = lfp.stem.split("_")[1]
            link(lfp, home / f"sub-{subject}_ses-{session}_probe-{probe}_ecephys.nwb")
    return root


def make_plain(root: Path, files: Iterable[Path]) -> Path:
    """A folder with files whose names say nothing."""
    for number, path in enumerate(files):
        link(path, root / f"recording {number}.nwb")
    return root


if __name__ == "__main__":
    found = sorted(Path(sys.argv[1]).glob("session_*.nwb"))
    for name, make in (("allen", make_allen), ("dandi", make_dandi), ("plain", make_plain)):
        shutil.rmtree(Path(sys.argv[2]) / name, ignore_errors=True)
        print(make(Path(sys.argv[2]) / name, found))
