"""What a script does with a session, step by step, timed: run by bench_session.py in a process of its own.

`PYTHON session_steps.py allensdk|nwbin SESSION.nwb` prints a JSON object of seconds by step. The same code
runs on either library; only how the session is opened differs.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

warnings.simplefilter("ignore")


def main(library: str, path: str) -> None:
    seconds: dict[str, float] = {}
    began = time.perf_counter()

    def lap(step: str) -> None:
        nonlocal began
        now = time.perf_counter()
        seconds[step] = now - began
        began = time.perf_counter()

    if library == "allensdk":
        from allensdk.brain_observatory.ecephys.ecephys_session import EcephysSession

        session = EcephysSession.from_nwb_path(path)
    else:
        import nwbin

        session = nwbin.open(path)
    lap("import, open")
    units = session.units
    lap("units")
    session.stimulus_presentations  # noqa: B018
    lap("stimulus_presentations")
    gratings = session.get_stimulus_table("static_gratings")
    shown = gratings[gratings.orientation != "null"].index.values
    ids = units.index.values
    lap("get_stimulus_table")
    counts = session.presentationwise_spike_counts([0.0, 0.25], shown, ids)
    lap("first counts, one bin (reads the spikes)")
    counts = session.presentationwise_spike_counts([0.0, 0.25], shown, ids)
    lap("counts, one bin")
    total = int(counts.sum())
    counts = session.presentationwise_spike_counts([i / 1000 for i in range(251)], shown, ids[:100])
    lap("counts, 250 bins of 1 ms, 100 units")
    total += int(counts.values.sum(dtype="int64"))
    began = time.perf_counter()
    table = session.presentationwise_spike_times(shown, ids)
    lap("presentationwise_spike_times")
    statistics = session.conditionwise_spike_statistics(shown, ids)
    lap("conditionwise_spike_statistics")
    waveforms = session.mean_waveforms
    shapes = sum(waveforms[unit].size for unit in waveforms)
    lap("mean_waveforms, all")
    running = session.running_speed
    lap("running_speed")
    pupil = session.get_pupil_data()
    lap("get_pupil_data")
    session.get_screen_gaze_data()
    lap("get_screen_gaze_data")
    check = [len(ids), len(shown), total, len(table), int(statistics.spike_count.sum()), shapes]
    check += [float(running.velocity.sum()), float(pupil.pupil_width.sum())]
    print(json.dumps({"seconds": seconds, "check": check}))


if __name__ == "__main__":
    main(*sys.argv[1:])
