"""Which calls to make on a session, and with what arguments; the same beside AllenSDK and beside nwbin."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.parity.calls import ATTRIBUTES, CALLBACKS, QUESTIONS, _mixed_units

SPECIAL = (
    "get_lfp_without_paths",
    "get_csd_without_paths",
    "from_nwb_path_kwargs_ignored",
    "from_nwb_path_kwargs_ignored.num_units",
)


def _list(values: Any) -> Any:
    return np.asarray(values).tolist()


def questions(session: Any) -> dict[str, dict[str, Any] | None]:
    """Return the calls to record: name -> arguments, None for a call without any.

    Parameters
    ----------
    session
        A session of either kind. With the "quirks" of ``nwbin.testing.write_session`` it has presentations that
        overlap, a presentation of no length and a unit with spikes on the edges of presentations and bins.
    """
    table, units = session.stimulus_presentations, session.units
    names = table.stimulus_name.unique().tolist()
    asked: dict[str, dict[str, Any] | None] = dict.fromkeys((*ATTRIBUTES, *QUESTIONS))
    for name in names:
        asked[f"get_stimulus_table:{name}"] = None
        asked[f"get_parameter_values_for_stimulus:{name}"] = None
        asked[f"get_stimulus_table_detailed:{name}"] = None

    ids = units.index.values
    main = "static_gratings" if "static_gratings" in names else "drifting_gratings_75_repeats"
    shown = table[table.stimulus_name == main]
    blank = np.array([value == "null" for value in shown.orientation], dtype=bool)
    gratings = shown.index.values[~blank]
    flashes = table[table.stimulus_name == "flashes"].index.values
    gabors = table[table.stimulus_name == "gabors"].index.values
    spontaneous = table[table.stimulus_name == "spontaneous"].index.values
    invalid = table[table.stimulus_name == "invalid_presentation"].index.values
    start, stop = table.start_time.values, table.stop_time.values
    overlapping = 1 + np.flatnonzero(start[1:] < stop[:-1])
    around = np.unique(np.concatenate([overlapping - 1, overlapping, overlapping + 1]))[:30]
    no_length = np.flatnonzero(start == stop)
    silent = ids[units.firing_rate.values == 0][:1]
    mixed, few, some = _mixed_units(session), gratings[:5], gratings[:50]
    area = ids[units.structure_acronym.values == "VISp"][:20]
    area = area if len(area) else ids[:5]
    edgy = np.concatenate([few, gabors[:6]])
    wide, fine = [0.0, 0.25], np.arange(0, 0.2505, 0.001)

    def counts(name: str, edges: Any, presentations: Any, chosen: Any, **options: Any) -> None:
        asked[f"counts:{name}"] = {
            "bin_edges": _list(edges),
            "bin_edges_dtype": str(np.asarray(edges).dtype),
            "stimulus_presentation_ids": presentations
            if np.isscalar(presentations)
            else _list(presentations),
            "unit_ids": chosen if np.isscalar(chosen) else _list(chosen),
            **options,
        }

    counts("wide_area", wide, gratings, area)
    counts("wide_all_units", wide, shown.index.values, ids)
    counts("wide_shifted", [0.05, 0.15], shown.index.values, area)
    counts("fine", fine, some, area)
    counts("fine_before_onset", np.arange(-0.1, 0.3505, 0.001), some[::3], area)
    counts("uneven", [-0.1, 0.0, 0.01, 0.05, 0.25, 1.0], some, mixed)
    counts("binarize_fine", fine, some, area, binarize=True)
    counts("binarize_wide", wide, some, area, binarize=True)
    counts("binarize_wide_threshold", wide, some, area, binarize=True, large_bin_size_threshold=0.5)
    for dtype in ("float32", "float64", "int8", "uint8", "int64", "bool"):
        counts(f"dtype_{dtype}", [0.0, 60.0], spontaneous[:3], ids, dtype=dtype)
    counts("dtype_bool_binarize", wide, gratings[:10], area, binarize=True, dtype="bool")
    counts("presentations_reversed", wide, some[::-1], area)
    counts("presentations_shuffled", wide, np.random.default_rng(2).permutation(some), area)
    counts("presentations_repeated", wide, np.repeat(gratings[:6], 2), area)
    counts("units_unsorted", wide, some, mixed)
    counts("units_repeated", wide, few, np.concatenate([mixed[:2], mixed[:2]]))
    counts("ids_as_list", [0.0, 0.1, 0.25], few, mixed)
    counts("float_ids", wide, few, mixed)
    counts("scalar_presentation", wide, int(gratings[3]), mixed)
    counts("scalar_unit", wide, few, int(mixed[0]))
    counts("empty_presentations", wide, np.array([], int), mixed)
    counts("empty_presentations_list", wide, [], mixed)
    counts("empty_units", wide, few, np.array([], int))
    counts("unknown_presentation", wide, [int(gratings[0]), 10**9], mixed)
    counts("unknown_unit", wide, few, [int(mixed[0]), 123])
    counts("all_unknown_units", wide, few, [123, 124])
    counts("int_edges", np.array([0, 1]), few, mixed)
    counts("int_list_edges", [0, 1], few, mixed)
    counts("mixed_list_edges", [0, 1, 1.5], few, mixed)
    counts("single_edge", [0.1], few, mixed)
    counts("no_edges", np.array([], float), few, mixed)
    counts("decreasing_edges", [0.0, 0.2, 0.1], few, mixed)
    counts("equal_edges", [0.0, 0.1, 0.1, 0.2], edgy, mixed)
    counts("nan_edge", [0.0, float("nan"), 0.2], few, mixed)
    counts("inf_edges", [-float("inf"), 0.0, float("inf")], few, mixed)
    counts("overlapping_windows", [-0.2, 0.0, 0.4], few, mixed)
    counts("exact_edges", [0.0, 0.05, 0.1, 0.15, 0.2, 0.25], shown.index.values, ids)
    counts("exact_edges_around_onset", [-0.1, 0.0, 0.1], shown.index.values, ids)
    counts("invalid_presentations", wide, invalid, mixed)
    counts("overlapping_presentations", wide, around, mixed)
    for name in CALLBACKS:
        counts(name, [0.0, 0.01, 0.02], gratings[:10], mixed, time_domain_callback="<callable>")
    if len(silent):
        counts("silent_unit", [0.0, 0.1, 0.25], few, silent)

    def spikes(name: str, presentations: Any, chosen: Any) -> None:
        asked[f"spike_times_by_presentation:{name}"] = {
            "stimulus_presentation_ids": presentations
            if np.ndim(presentations) == 0
            else _list(presentations),
            "unit_ids": chosen if np.ndim(chosen) == 0 else _list(chosen),
        }

    spikes("area", gratings, area)
    spikes("all_units", some, ids)
    spikes("flashes", flashes, ids)
    spikes("none_none", None, None)
    spikes("none_units", gabors[:20], None)
    spikes("none_presentations", None, mixed)
    spikes("reversed", gratings[:10][::-1], mixed)
    spikes("shuffled", np.random.default_rng(2).permutation(some), mixed)
    spikes("repeated", np.repeat(gratings[:6], 2), mixed)
    spikes("overlapping", around, ids)
    spikes("edges", np.sort(edgy), ids)
    spikes("invalid", invalid, mixed)
    spikes("units_repeated", few, [int(mixed[0]), int(mixed[0])])
    spikes("units_unsorted", some, mixed)
    spikes("no_length", no_length[:1], ids)
    spikes("no_units", few, np.array([], int))
    spikes("empty", np.array([], int), mixed)
    spikes("unknown", [10**9], mixed)
    spikes("spontaneous", spontaneous[:2], mixed[:2])
    spikes("scalar", int(gratings[0]), int(mixed[0]))
    if len(silent):
        spikes("no_spikes", few, silent)

    def statistics(name: str, presentations: Any, chosen: Any, **options: Any) -> None:
        asked[f"conditionwise:{name}"] = {
            "stimulus_presentation_ids": None if presentations is None else _list(presentations),
            "unit_ids": None if chosen is None else _list(chosen),
            **options,
        }

    for rates in (False, True):
        kind = "rates" if rates else "counts"
        statistics(f"area_{kind}", gratings, area, use_rates=rates)
        statistics(f"with_blanks_{kind}", shown.index.values, mixed, use_rates=rates)
        statistics(f"flashes_{kind}", flashes, ids, use_rates=rates)
        statistics(f"with_invalid_{kind}", np.concatenate([gabors[:5], invalid]), mixed, use_rates=rates)
        statistics(f"overlapping_{kind}", around, mixed, use_rates=rates)
        statistics(f"none_units_{kind}", gratings[:20], None, use_rates=rates)
        statistics(f"reversed_{kind}", gratings[:20][::-1], mixed, use_rates=rates)
        statistics(f"repeated_{kind}", np.repeat(gratings[:4], 2), mixed, use_rates=rates)
        statistics(f"single_{kind}", gratings[:1], mixed[:1], use_rates=rates)
        statistics(f"all_invalid_{kind}", invalid, mixed, use_rates=rates)
        statistics(f"no_length_{kind}", np.concatenate([no_length[:1], few]), mixed, use_rates=rates)
        if len(silent):
            statistics(f"silent_unit_{kind}", gratings[:20], silent, use_rates=rates)
            statistics(
                f"silent_unit_among_{kind}", gratings[:20], [int(silent[0]), int(mixed[0])], use_rates=rates
            )
    statistics("none_none", None, None)
    statistics("empty", np.array([], int), mixed)
    asked.update(dict.fromkeys(SPECIAL))
    return asked
