"""Charts: what is drawn where, said in words as well, and safe to put into a page with a strict CSP."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pytest

from ersr.core.deadlines import Calendar, Segment, merge_closed, segments
from ersr.core.tongue import told
from ersr.faces.web.charts import AUTHORITY, REGISTRY, Chart, Moment, Move, case_timeline, clock, lanes, list_chart

CALENDAR = Calendar("test", "America/Los_Angeles", frozenset(), "1")
FILED = datetime(2026, 11, 14, 11, 7, tzinfo=UTC)  # a Saturday
DUE = datetime(2026, 11, 19, 1, 0, tzinfo=UTC)
DAYS = merge_closed(segments(FILED, DUE, CALENDAR))
HOUR = timedelta(hours=1)
NAMES = lanes("ICANN")


def marks(chart: Chart, css: str) -> list[ET.Element]:
    return [one for one in ET.fromstring(chart.svg).iter() if css in one.get("class", "").split()]


def words(chart: Chart, css: str = "clock-day") -> list[str]:
    return [one.text or "" for one in marks(chart, css)]


def percent(element: ET.Element, name: str = "x") -> float:
    return float(element.get(name, "").removesuffix("%"))


def test_working_days_are_ink_and_paper_by_turns_and_the_weekend_is_hatched() -> None:
    chart = clock(DAYS, now=FILED + HOUR, due=DUE)
    assert words(chart) == ["Sat, Sun closed", "Mon 1", "Tue 2", "Wed 3"]
    assert len(marks(chart, "clock-ink")) == 2
    assert len(marks(chart, "clock-paper")) == 1
    (closed,) = marks(chart, "clock-closed")
    assert "hatch" in closed.get("fill", "")
    assert percent(closed, "width") == pytest.approx(100 * (44 + 53 / 60) / (109 + 53 / 60), abs=0.01)


def test_the_bar_below_is_as_long_as_the_time_spent() -> None:
    half = FILED + (DUE - FILED) / 2
    (spent,) = marks(clock(DAYS, now=half, due=DUE), "clock-spent")
    assert (percent(spent), percent(spent, "width")) == (0, 50)


def test_overdue_moves_the_flag_inside_and_draws_the_excess() -> None:
    now = DUE + (DUE - FILED) / 4
    chart = clock(DAYS, now=now, due=DUE)
    (late,) = marks(chart, "clock-late")
    assert (percent(late), percent(late, "width")) == (80, 20)
    assert "overdue by" in chart.finding


def test_a_clock_in_time_draws_no_excess() -> None:
    assert not marks(clock(DAYS, now=FILED, due=DUE), "clock-late")


@pytest.mark.parametrize(("at", "drawn"), [(FILED + HOUR, 1), (DUE + HOUR, 0), (FILED - HOUR, 0)])
def test_the_diamond_is_drawn_inside_the_scale_only_but_always_said(at: datetime, drawn: int) -> None:
    chart = clock(DAYS, now=FILED, due=DUE, cannot_be_undone=at)
    assert len(marks(chart, "clock-undone")) == drawn
    assert "Cannot be undone" in dict(chart.rows)
    assert "Cannot be undone" in chart.finding


@pytest.mark.parametrize("days", [3, 5, 9, 11, 15, 30])
def test_at_most_four_labels_and_beyond_ten_days_at_most_every_second(days: int) -> None:
    long = [Segment(FILED.date(), FILED + n * 24 * HOUR, FILED + (n + 1) * 24 * HOUR, f"D{n}", False, n + 1)
            for n in range(days)]
    shown = [int(word[1:]) for word in words(clock(long, now=FILED, due=long[-1].ends))]
    assert len(shown) <= 4
    if days > 10:
        assert all(later - earlier >= 2 for earlier, later in itertools.pairwise(shown))


def test_a_label_that_a_phone_would_cut_is_for_wide_windows_and_one_that_never_fits_is_left_out() -> None:
    short = Segment(FILED.date(), FILED, FILED + HOUR, "Day of receipt", False, None)
    rest = Segment(FILED.date(), FILED + HOUR, DUE, "A very long label that needs more than a phone has", False, 1)
    chart = clock([short, rest], now=FILED, due=DUE)
    assert words(chart) == [rest.label]
    assert "wide-only" in marks(chart, "clock-day")[0].get("class", "")


def test_the_rows_say_every_segment_and_moment_with_local_time_where_asked() -> None:
    rows = dict(clock(DAYS, now=FILED + HOUR, due=DUE, zone="Europe/Brussels").rows)
    assert rows["Due"] == "Thu 19 Nov 2026, 01:00 UTC (02:00 Brussels)"
    assert "Sat, Sun closed, does not count" in rows
    assert {"Mon 1", "Tue 2", "Wed 3", "Start", "Now, as of"} <= set(rows)


def test_a_clock_without_segments_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least one segment"):
        clock([], now=FILED, due=DUE)


def test_moments_closer_than_eight_percent_are_stacked() -> None:
    end = FILED + 100 * HOUR
    at = [FILED + n * HOUR for n in (0, 30, 31, 32, 60, 67, 76)]
    chart = case_timeline([], [Moment(n + 1, one, "x") for n, one in enumerate(at)], names=NAMES, start=FILED, end=end,
                          due=end)
    heights = [float(dot.get("cy", "")) for dot in marks(chart, "moves-dot")]
    assert heights == [12, 12, 36, 60, 12, 36, 12]


def test_a_moment_near_the_flag_leaves_the_first_row_to_it() -> None:
    end = FILED + 100 * HOUR
    chart = case_timeline([], [Moment(1, FILED + 50 * HOUR, "x")], names=NAMES, start=FILED, end=end, due=FILED + 51 * HOUR)
    assert marks(chart, "moves-dot")[0].get("cy") == "36"


def test_the_lanes_show_who_had_the_move_and_the_finding_adds_it_up() -> None:
    moves = [Move(AUTHORITY, FILED, FILED + 20 * HOUR), Move(REGISTRY, FILED + 20 * HOUR, FILED + 29 * HOUR),
             Move(AUTHORITY, FILED + 29 * HOUR, FILED + 54 * HOUR)]
    chart = case_timeline(moves, [Moment(3, FILED + 54 * HOUR, "signature")], names=NAMES, start=FILED, end=DUE, due=DUE,
                          signed_at=FILED + 54 * HOUR, closed=DAYS)
    assert chart.finding == "ICANN had the move 1 d 21 h, the registry 9 h; signed before due."
    assert [len(marks(chart, f"moves-bar--{side}")) for side in ("theirs", "yours")] == [2, 1]
    assert len(marks(chart, "moves-closed")) == 1
    assert ("3 signature", "Mon 16 Nov 2026, 17:07 UTC") in chart.rows


def test_the_authoritys_lane_bears_its_name_from_the_setting_up() -> None:
    chart = case_timeline([Move(AUTHORITY, FILED, DUE)], [], names=lanes("Nordia"), start=FILED, end=DUE, due=DUE)
    assert [one.text for one in marks(chart, "moves-lane")] == ["Nordia", "Registry"]
    assert chart.finding.startswith("Nordia had the move ")
    assert chart.rows[0][0] == "Nordia had the move"
    assert "ICANN" not in f"{chart.svg}{chart.rows}{chart.finding}"


def test_a_late_signature_is_said_to_be_late() -> None:
    chart = case_timeline([], [], names=NAMES, start=FILED, end=DUE + 9 * HOUR, due=DUE, signed_at=DUE + 3 * HOUR)
    assert chart.finding.endswith("signed 3 h after due.")


def test_a_step_of_a_list_bar_is_ten_times() -> None:
    chart = list_chart([("Popular", "popular", {"test": 10}), ("In use", "registered", {"test": 100}),
                        ("Free", "unregistered", {"test": 1000})])
    first, second, third = (percent(bar, "width") for bar in marks(chart, "bar"))
    assert second - first == pytest.approx(third - second, abs=0.2)
    assert third == 98, "the longest bar and its outline stay in the column"


def test_zero_is_written_and_has_no_bar() -> None:
    chart = list_chart([("Popular", "popular", {"test": 0}), ("Free", "unregistered", {"test": 7})])
    assert [one.text for one in marks(chart, "count-figure")] == ["0", "7"]
    assert len(marks(chart, "bar")) == 1
    assert not marks(chart, "shape--stop"), "nothing is wrong where no popular name was hit"


def test_forty_tlds_keep_three_columns_but_every_row_stays() -> None:
    counts = {f"tld{n}": n for n in range(40)}
    chart = list_chart([("Free", "unregistered", counts)])
    heads = [one.text for one in ET.fromstring(chart.svg).iter("th")]
    assert heads[:4] == ["Class", ".tld39", ".tld38", "38 other TLDs"]
    assert [one.text for one in marks(chart, "count-figure")] == ["39", "38", str(sum(range(38)))]
    assert len(chart.heads) == len(chart.rows[0]) == 41


def test_an_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="purple"):
        list_chart([("x", "purple", {"test": 1})])


HOSTILE = '<script>alert(1)</script>" onload="x'


@pytest.mark.parametrize("chart", [
    clock([Segment(FILED.date(), FILED, DUE, HOSTILE, False, 1)], now=FILED, due=DUE, cannot_be_undone=FILED + HOUR),
    case_timeline([Move(AUTHORITY, FILED, DUE)], [Moment(1, FILED, HOSTILE)], names=lanes(HOSTILE), start=FILED, end=DUE, due=DUE,
                  closed=DAYS),
    list_chart([(HOSTILE, "sinkholed", {HOSTILE: 3}), ("b", "registered", {HOSTILE: 3})]),
], ids=["clock", "timeline", "names"])
class TestEveryChart:
    def test_is_well_formed_and_escapes_what_it_is_given(self, chart: Chart) -> None:
        tree = ET.fromstring(chart.svg)
        assert not [one for one in tree.iter() if one.tag == "script" or "onload" in one.attrib]

    def test_has_no_style_no_viewbox_and_unique_ids_that_exist(self, chart: Chart) -> None:
        tree = ET.fromstring(chart.svg)
        assert not [one for one in tree.iter() if {"style", "viewBox"} & set(one.attrib)]
        ids = [one.get("id") for one in tree.iter() if one.get("id")]
        assert len(ids) == len(set(ids))
        named = set(re.findall(r"url\(#([^)]+)\)", chart.svg)) | set(tree.get("aria-labelledby", "").split())
        assert named <= set(ids)

    def test_says_its_finding_to_those_who_do_not_see_it(self, chart: Chart) -> None:
        assert chart.finding
        assert told(chart.finding) in "".join(ET.fromstring(chart.svg).itertext())

    def test_has_rows_as_wide_as_their_heads(self, chart: Chart) -> None:
        assert chart.rows
        assert {len(row) for row in chart.rows} == {len(chart.heads)}


def test_two_charts_on_a_page_do_not_share_ids_and_the_same_chart_keeps_its_own() -> None:
    one, same, other = (clock(DAYS, now=FILED + n * HOUR, due=DUE) for n in (0, 0, 1))
    ids = [set(re.findall(r'id="([^"]+)"', chart.svg)) for chart in (one, same, other)]
    assert ids[0] == ids[1]
    assert not ids[0] & ids[2]
