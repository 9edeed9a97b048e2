"""The manifest by which AllenSDK's cache is opened, version 0.3.0: names of files below its own folder."""

from __future__ import annotations

import json
from pathlib import Path

from nwbin._atomic import atomic_write

__all__ = ["write_manifest"]

# Key -> kind, name, key of the folder that it lies in.
_PLACES = {
    "sessions": ("file", "sessions.csv", "BASEDIR"),
    "probes": ("file", "probes.csv", "BASEDIR"),
    "channels": ("file", "channels.csv", "BASEDIR"),
    "units": ("file", "units.csv", "BASEDIR"),
    "session_data": ("dir", "session_%d", "BASEDIR"),
    "session_nwb": ("file", "session_%d.nwb", "session_data"),
    "session_analysis_metrics": ("file", "session_%d_analysis_metrics.csv", "session_data"),
    "probe_lfp_nwb": ("file", "probe_%d_lfp.nwb", "session_data"),
    "movie_dir": ("dir", "natural_movie_templates", "BASEDIR"),
    "typewise_analysis_metrics": ("file", "%s_analysis_metrics.csv", "BASEDIR"),
    "natural_movie": ("file", "natural_movie_%d.h5", "movie_dir"),
    "natural_scene_dir": ("dir", "natural_scene_templates", "BASEDIR"),
    "natural_scene": ("file", "natural_scene_%d.tiff", "natural_scene_dir"),
}


def write_manifest(folder: Path) -> None:
    """Write ``manifest.json``, unless there is one."""
    path = folder / "manifest.json"
    if path.exists():
        return
    places = [
        {"key": key, "type": kind, "spec": spec, "parent_key": parent}
        for key, (kind, spec, parent) in _PLACES.items()
    ]
    found = [
        {"type": "manifest_version", "value": "0.3.0"},
        {"key": "BASEDIR", "type": "dir", "spec": "."},
        *places,
    ]
    with atomic_write(path) as unfinished:
        unfinished.write_text(json.dumps({"manifest": found}, indent=1), encoding="utf-8")
