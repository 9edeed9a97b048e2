"""The page of a session: how it is made up, and that its numbers are nwbin's."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

import nwbin
from nwbin.check import check
from nwbin.report._html import summary_in
from nwbin.report._page import _lead
from nwbin.report._recording import Recording
from nwbin.report._text import ABSENT
from nwbin.report._units import _what_passes
from nwbin.session.overview import stimulus_overview
from tests.cli.asking import bad, good
from tests.report.conftest import page_of
from tests.report.reading import Page, check_page

pytestmark = pytest.mark.filterwarnings("ignore::nwbin.NwbinWarning")


@pytest.fixture
def session(tiny: Path) -> Any:
    with nwbin.open(tiny) as opened:
        yield opened


@pytest.mark.slow  # the whole of it; the others look at parts
def test_the_page_of_a_session(tiny: Path, session: nwbin.Session, undrawn: None) -> None:
    told: list[tuple[int, int]] = []
    page = page_of(tiny, progress=lambda done, total: told.append((done, total)))
    check_page(page)
    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert [text for level, text in page.headings if level < 3] == [
        "Session 7", "Session", "Problems", "Stimuli", "Units", "Responses", "Receptive fields", "Running",
        "Population rate", "How this page was made",
    ]  # fmt: skip
    assert any("Synthetic data" in one for one in page.notes)
    assert str(tiny.parent) not in page.text  # where the file lies is nobody's business
    assert all(name in [text for level, text in page.headings if level == 3] for name in session.stimulus_names
               if name not in ("spontaneous", "invalid_presentation"))  # fmt: skip
    assert len(page.of("img")) >= 10
    _numbers_of_units(page, session)
    _numbers_of_stimuli(page, session)
    _numbers_of_responses(page, session)
    for one in page.code:
        ast.parse(one)
    found = check(tiny)
    assert [row[2] for row in page.tables.get("findings", [[""] * 4])[1:]] == [
        one.finding.replace(str(tiny), tiny.name) for one in found.findings
    ]
    said = summary_in(page.text)
    assert (said["session"], said["units"], said["passing"]) == ("7", 34, session.num_units)


def _numbers_of_units(page: Page, session: nwbin.Session) -> None:
    every = session.file.unit_ids.tolist()
    head, *rows = page.tables["units-table"]
    assert sorted(int(row[0]) for row in rows) == sorted(every)
    assert {int(row[0]) for row in rows if row[head.index("passes")] == "yes"} == set(session.units.index)
    stored = session.file.units
    for row in rows:
        unit = int(row[0])
        snr = float(row[head.index("snr")].replace(ABSENT, "nan"))
        assert snr == pytest.approx(stored.loc[unit, "snr"], rel=1e-3, nan_ok=True)
        assert int(row[head.index("spikes")]) == len(session.file.spike_trains([unit])[unit])
    counts = session.structurewise_unit_counts.to_dict()
    assert {row[0]: int(row[2]) for row in page.tables["areas"][1:] if int(row[2])} == counts
    areas = [row[0] for row in page.tables["areas"][1:]]
    nowhere = [int(row[1]) for row in page.tables["areas"][1:] if row[0] == "not known"]
    known = f"{len(every) - sum(nowhere)} in {len(areas) - len(nowhere)} areas, {sum(nowhere)} in none that is known"
    assert page.captions["areas"] == f"All {len(every)} units, whether they pass or not: {known}"
    assert any(one.startswith("A unit passes if amplitude_cutoff is at most 0.1, ") for one in page.notes)
    assert page.facts["units that pass, of all"] == f"{session.num_units} of {len(every)}"


def _numbers_of_stimuli(page: Page, session: nwbin.Session) -> None:
    table = stimulus_overview(session)
    head, *rows = page.tables["stimuli-table"]
    shown = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    assert list(shown) == session.stimulus_names
    of = session.stimulus_presentations.groupby("stimulus_name")["stimulus_condition_id"].nunique()
    for name, row in shown.items():
        assert int(row["Presentations"]) == table.loc[name, "presentations"]
        assert int(row["Conditions"]) == of[name]
    assert len(page.tables["invalid-table"]) - 1 == len(session.invalid_times)
    velocity = session.running_speed["velocity"]
    assert float(page.facts["Mean (cm/s)"]) == pytest.approx(velocity.mean(), rel=1e-3)
    assert page.facts["Samples"] == f"{len(velocity):,}"
    assert page.facts["stimuli"] == str(len(table) - 2)
    assert page.captions["stimuli-table"].endswith("stimuli, and spontaneous and invalid_presentation")


def _numbers_of_responses(page: Page, session: nwbin.Session) -> None:
    best = nwbin.report.best_units(session, "flashes", "color").head(4)
    rows = page.tables["best-flashes"][1:]
    assert [int(row[0]) for row in rows] == best.index.tolist()
    assert [float(row[2]) for row in rows] == pytest.approx(best["f_ratio"].tolist(), rel=1e-3)
    _blank_is_nwbins(page, session)
    rates = session.tuning("flashes", "color", best.index, window=(0, 0.25), resamples=0)["firing_rate"]
    assert [float(row[3]) for row in rows] == pytest.approx(rates.max("color").values.tolist(), rel=1e-3)
    fields = session.receptive_fields(window=(0, 0.25))["firing_rate"]
    _, first, *_ = page.tables["fields-table"]
    assert "x_position and y_position" in page.captions["fields-table"]  # not the metrics' azimuth_rf
    assert "add 50 and 10" in page.captions["fields-table"]
    own = fields.sel(unit_id=int(first[0]))
    assert float(own.max()) == pytest.approx(float(first[3]), rel=1e-3)
    assert float(own.sel(x_position=float(first[4]), y_position=float(first[5]))) == float(own.max())


def _blank_is_nwbins(page: Page, session: nwbin.Session) -> None:
    """The dashed line of a tuning picture is the mean rate over blank sweeps."""
    from nwbin.export import tidy

    said = next(
        one["alt"]
        for one in page.of("img")
        if " values of orientation" in one["alt"] and "Blank" in one["alt"]
    )
    shown = [float(one) for one in re.findall(r"Blank: (.*) Hz", said)[0].split(", ")]
    units = [int(row[0]) for row in page.tables["best-drifting_gratings"][1:]]
    rows = tidy(session.get_stimulus_table("drifting_gratings"))
    onset = rows["start_time"][rows["orientation"].isna().to_numpy()].to_numpy()
    code = next(one for one in page.code if "'drifting_gratings'" in one and "tuning_of" in one)
    length = float(re.findall(r"\(0\.0, ([\d.]+)\)", code)[0])
    for unit, rate in zip(units, shown, strict=True):
        spikes = session.spike_times[unit]
        counts = np.searchsorted(spikes, onset + length) - np.searchsorted(spikes, onset)
        assert rate == pytest.approx(counts.mean() / length, rel=1e-3)


OTHER_FILTERS = {"presence_ratio_minimum": 0.5, "isi_violations_maximum": None, "filter_by_validity": False}


# As AllenSDK's examples take bounds away.
UNBOUNDED = {"amplitude_cutoff_maximum": np.inf, "presence_ratio_minimum": -np.inf}


@pytest.mark.parametrize("filters", [OTHER_FILTERS, UNBOUNDED, {"filter_by_metrics": False}, {}])
def test_the_code_has_the_filters_that_the_page_was_made_with(
    tiny: Path, filters: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with nwbin.open(tiny, **filters) as session:
        recording, units, stored = (
            Recording(session, lambda: None),
            session.num_units,
            len(session.file.unit_ids),
        )
        assert (recording.command("x") == "") == bool(filters)
    monkeypatch.chdir(tiny.parent)
    known: dict[str, Any] = {"nwbin": nwbin}
    exec(recording.opened, known)
    with known["session"] as again:
        assert again.filters == session.filters
        assert again.num_units == units
    with eval(recording.unfiltered, known) as whole:
        assert whole.num_units == stored


@pytest.mark.slow
@pytest.mark.parametrize("filters", [{}, OTHER_FILTERS])
def test_all_code_of_a_page_works_when_pasted(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, filters: dict[str, Any]
) -> None:
    page, again = page_of(tiny, **filters), page_of(tiny, **filters)
    assert page.text == again.text
    pictures = [one["src"] for one in page.of("img")]
    assert len(set(pictures)) == len(pictures)
    assert len(page.text) < 4_000_000
    monkeypatch.chdir(tmp_path)
    Path(tiny.name).symlink_to(tiny)
    known: dict[str, Any] = {}
    for one in page.code:
        exec(compile(one, "<page>", "exec"), known)
    known["session"].close()
    assert Path("report.html").read_text(encoding="utf-8") == page.text  # its own line is the last


def test_the_command(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nwbin.report._page.page", lambda session, **how: "<p>a page</p>")
    assert good("report", tiny, "-o", "x.html") == "x.html: a page of 13 B; open it in a browser\n"
    assert good("report", tiny, "-o", "x.html").startswith("x.html (replaced): ")
    assert good("report", tiny).startswith("report.html: ")
    assert "ends in '.pdf'" in bad("report", tiny, "-o", "x.pdf")
    assert "there is no folder" in bad("report", tiny, "-o", "nowhere/x.html")
    assert "is for a folder of sessions" in bad("report", tiny, "--workers", 2)
    assert "no such file" in bad("report", "nothing.nwb").lower()


def test_a_page_appears_whole_or_not_at_all(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(session: Any, **how: Any) -> str:
        raise MemoryError("no more")

    monkeypatch.setattr("nwbin.report._page.page", fails)
    target = tmp_path / "x.html"
    target.write_text("before")
    with pytest.raises(MemoryError):
        nwbin.report.report(tiny, target)
    assert [one.name for one in tmp_path.iterdir()] == ["x.html"]
    assert target.read_text() == "before"


def test_that_data_are_synthetic_is_said_once_under_the_title(session: nwbin.Session) -> None:
    assert session.file.institution == "none: synthetic data"
    assert _lead(Recording(session, lambda: None, "")) == f"synthetic data, {session.session_type}"


def test_what_is_missing_is_said(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(nwbin.errors.ArgumentError, match="report_folder"):
        nwbin.report.report(tmp_path, tmp_path / "x.html")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(nwbin.errors.MissingDependencyError, match=re.escape("nwbin[report]")):
        nwbin.report.report(tiny, tmp_path / "x.html")


def test_the_best_units_are_those_with_the_largest_f(session: nwbin.Session) -> None:
    from nwbin.export import tidy

    stats = pytest.importorskip("scipy.stats")
    for name, by in (("flashes", "color"), ("drifting_gratings", "orientation")):
        rows = tidy(session.get_stimulus_table(name))
        found = nwbin.report.best_units(session, name, by, window=(0, 0.5))
        assert sorted(found.index) == sorted(session.units.index)
        assert (np.diff(found["f_ratio"].dropna()) <= 0).all()
        rows = rows[rows[by].notna()]
        for unit in found.index[:3]:
            spikes, onset = session.spike_times[unit], rows["start_time"].to_numpy()
            counts = np.searchsorted(spikes, onset + 0.5) - np.searchsorted(spikes, onset)
            groups = [counts[(rows[by] == value).to_numpy()] / 0.5 for value in sorted(rows[by].unique())]
            assert found.loc[unit, "f_ratio"] == pytest.approx(stats.f_oneway(*groups).statistic)
            means = [one.mean() for one in groups]
            assert found.loc[unit, "highest_rate"] == pytest.approx(max(means))
            assert found.loc[unit, "highest_at"] == sorted(rows[by].unique())[int(np.argmax(means))]
    before = nwbin.report.best_units(session, "flashes")
    assert set(before["highest_at"]) <= {"before", "during"}
    with pytest.raises(nwbin.errors.LookupFailure):
        nwbin.report.best_units(session, "flashes", "nope")
    with pytest.raises(nwbin.errors.NothingChosen):
        nwbin.report.best_units(session, "flashes", "color", unit_ids=[])


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"amplitude_cutoff_maximum": None}, "A unit passes if amplitude_cutoff is known, presence_ratio is at least"),
        ({"isi_violations_maximum": 0}, ", isi_violations is known"),
        ({"filter_by_metrics": False, "filter_by_validity": False, "filter_out_of_brain_units": False},
         "All units pass: the session was opened without filters."),
    ],
)  # fmt: skip
def test_what_passes_is_said_of_the_sessions_own_filters(
    tiny: Path, filters: dict[str, Any], said: str
) -> None:
    with nwbin.open(tiny, **filters) as session:
        assert said in _what_passes(Recording(session, lambda: None))
