"""AllenSDK's own tests of its stimulus_analysis, run against nwbin's faces: python -m tests.metrics.allensdks_own

Wherever AllenSDK 2.16.2 is installed beside nwbin:

    pip install --no-deps allensdk==2.16.2
    pip install "numpy<2" "pandas<3" "hdmf<4" "marshmallow<4" six simpleitk argschema cachetools simplejson requests \
        requests_toolbelt tqdm semver ndx-events boto3 nest_asyncio aiohttp sqlalchemy psycopg2-binary seaborn \
        statsmodels scikit-image tables future jinja2 glymur

nwbin's classes and functions take the places of AllenSDK's of the same names, then its tests are imported: 8 files, 110
tests. `NOT_HELD` says which of them are left out, and why.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from pathlib import Path

import pytest

from nwbin.metrics import faces
from nwbin.metrics.faces import functions

ROOM = "allensdk.brain_observatory.ecephys.stimulus_analysis"
CLASSES = {
    "dot_motion": "DotMotion",
    "drifting_gratings": "DriftingGratings",
    "flashes": "Flashes",
    "natural_movies": "NaturalMovies",
    "natural_scenes": "NaturalScenes",
    "receptive_field_mapping": "ReceptiveFieldMapping",
    "static_gratings": "StaticGratings",
    "stimulus_analysis": "StimulusAnalysis",
}
UNSORTED = "its unit 2 has spikes out of order, of which AllenSDK's search finds some; nwbin sorts them"
UNSETTLED = "fits that do not settle: AllenSDK fails these too beside any newer SciPy"
# Test -> why nwbin need not pass it.
NOT_HELD = {
    "test_drifting_gratings.py::test_metrics": f"{UNSORTED} (it also pins f1_f0 at the wrong frequency)",
    "test_flashes.py::test_metrics": UNSORTED,
    "test_drifting_gratings.py::test_metric_with_contrast": UNSETTLED,
    "test_drifting_gratings.py::test_c50": UNSETTLED,
    "test_static_gratings.py::test_fit_sf_tuning": "no metric is made of it, and nwbin has no such function",
}


def put_in_place() -> None:
    """Put nwbin's names in the places of AllenSDK's."""
    for module, face in CLASSES.items():
        theirs = import_module(f"{ROOM}.{module}")
        setattr(theirs, face, getattr(faces, face))
        for name in functions.__all__:
            if hasattr(theirs, name):
                setattr(theirs, name, getattr(functions, name))


def main() -> int:
    """Run them; the exit status is pytest's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # AllenSDK's, of its age
        put_in_place()
    package = Path(str(import_module("allensdk").__file__)).parent
    folder = package / "test" / "brain_observatory" / "ecephys" / "stimulus_analysis"
    left_out = [f"--deselect={test}" for test in NOT_HELD]
    os.chdir(folder)  # away from this project's settings for pytest
    options = ["-q", "-p", "no:cacheprovider", "-W", "ignore", f"--rootdir={folder}", *left_out]
    return int(pytest.main([*options, str(folder)]))


if __name__ == "__main__":
    sys.exit(main())
