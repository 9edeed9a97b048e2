"""Ask AllenSDK's EcephysProjectCache the questions of a JSON file: run by the Python that has AllenSDK.

``python ask_cache.py MANIFEST QUESTIONS ANSWERS``: questions are [name, arguments] pairs; a name with a dot
is a property of the session that get_session_data opens. Answers are plain values, so that any pandas reads them.
"""

import datetime as dt
import json
import sys
import warnings
from pathlib import Path


def plain(value):
    """Say a value in JSON; NaN and None are told apart, and so are 1, 1.0 and True."""
    import numpy as np
    import pandas as pd

    if isinstance(value, pd.Series):
        # Its own name, and its index', hang on the pandas version.
        return {
            "of": [plain(one) for one in value.index.tolist()],
            "are": [plain(one) for one in value.tolist()],
        }
    if isinstance(value, pd.DataFrame):
        columns = {str(name): [plain(one) for one in value[name].tolist()] for name in value.columns}
        kinds = {str(name): value[name].dtype.kind for name in value.columns}
        return {
            "columns": columns,
            "kinds": kinds,
            "index": [plain(one) for one in value.index.tolist()],
            "name": value.index.name,
        }
    if isinstance(value, dict):
        return {"pairs": [[str(name), plain(one)] for name, one in value.items()]}
    if isinstance(value, np.ndarray) and value.ndim > 1:
        return {"dtype": str(value.dtype), "values": value.tolist()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dt.datetime):
        return {"moment": value.isoformat()}  # with its zone
    if value is not None and value != value:
        return {"missing": "NaN"}
    return value


def main():
    from allensdk.brain_observatory.ecephys.ecephys_project_api import EcephysProjectFixedApi
    from allensdk.brain_observatory.ecephys.ecephys_project_cache import EcephysProjectCache

    manifest, questions, answers = sys.argv[1:]
    # The fixed() constructor of this version has no stream_writer, and so cannot be made: its parts can.
    cache = EcephysProjectCache(
        fetch_api=EcephysProjectFixedApi(), stream_writer=lambda *_: None, manifest=manifest
    )
    found, sessions = [], {}
    asked = json.loads(Path(questions).read_text())
    for name, arguments in asked:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                method, _, attribute = name.partition(".")
                if attribute:
                    asked_of = json.dumps([method, arguments])
                    if asked_of not in sessions:  # opening one takes seconds
                        sessions[asked_of] = getattr(cache, method)(**arguments)
                    value = getattr(sessions[asked_of], attribute)
                else:
                    value = getattr(cache, method)(**arguments)
            found.append({"value": plain(value)})
        except Exception as error:
            found.append({"error": type(error).__name__, "said": str(error)})
    Path(answers).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
