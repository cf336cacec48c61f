"""What is typed becomes canonical, or comes back with every error at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ersr.core import filing
from ersr.core.errors import Refusal

SIX = {
    "number_claimed": "+32 (2) 555-01.42",
    "operator": "northlight",
    "tlds": ".biz, com;net  BIZ",
    "happening": "  A worm.  ",
    "irreversible": "at",
    "irreversible_at": "2026-11-15T01:00:00+01:00",
}
NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)


def fields(refusal: Refusal) -> dict[str, str]:
    return {f.field: f.message for f in refusal.fields}


def test_six_answers_become_canonical() -> None:
    assert filing.clean_six(SIX) == {
        "number_claimed": "+3225550142",
        "operator": "northlight",
        "tlds": ["biz", "com", "net"],
        "happening": "A worm.",
        "irreversible": "at",
        "irreversible_at": datetime(2026, 11, 15, 0, 0, tzinfo=UTC),
    }


def test_nothing_typed_gives_five_errors_at_once() -> None:
    with pytest.raises(Refusal) as refusal:
        filing.clean_six({})
    assert set(fields(refusal.value)) == {"number_claimed", "operator", "tlds", "happening", "irreversible"}
    for message in fields(refusal.value).values():
        assert message in refusal.value.message


@pytest.mark.parametrize(
    ("field", "value", "also"),
    [
        ("number_claimed", "555 01 42", ""),
        ("number_claimed", "+0 123 4567", ""),
        ("number_claimed", "+32 2 555 01 4x", ""),
        ("number_claimed", "+1234567890123456", ""),
        ("number_claimed", "+٣٢٢٥٥٥٠١٤٢", ""),
        ("tlds", " , . ;", ""),
        ("happening", "   ", ""),
        ("happening", "x" * 20_001, ""),
        ("happening", "a\x00b", ""),
        ("happening", "half of a pair: \ud83d", ""),
        ("irreversible", "tomorrow", ""),
        ("irreversible_at", "2026-11-15T00:00", ""),
        ("irreversible_at", "2026-11-15", ""),
        ("irreversible_at", "soon", ""),
        ("irreversible_at", "", ""),
        ("irreversible_at", "0001-01-01T00:00:00Z", ""),
        ("irreversible_at", "9999-12-31T23:59:59-14:00", ""),
        ("irreversible_at", "2200-01-01T00:00:00Z", ""),
    ],
)
def test_a_wrong_answer_is_named(field: str, value: str, also: str) -> None:
    """NUL and half a pair no database takes; a year far off could not be shown in every zone and would break the desk."""
    with pytest.raises(Refusal) as refusal:
        filing.clean_six({**SIX, field: value})
    assert set(fields(refusal.value)) == {field}


def test_a_time_that_nobody_asked_for_is_dropped() -> None:
    assert filing.clean_six({**SIX, "irreversible": "unknown"})["irreversible_at"] is None


@given(st.dictionaries(st.sampled_from(sorted(SIX)), st.one_of(st.text(), st.none(), st.lists(st.text()))))
def test_whatever_comes_is_cleaned_or_refused(raw: dict[str, Any]) -> None:
    """Never another exception: what a stranger posts must not become an error page."""
    clean, wrong = outcome(filing.clean_six, raw)
    assert clean is None or set(clean) == set(SIX)
    assert clean is not None or wrong


def outcome(clean: Callable[..., dict[str, Any]], *words: Any) -> tuple[dict[str, Any] | None, set[str]]:
    """(what it was cleaned to, or None; the fields that were wrong)."""
    try:
        return clean(*words), set()
    except Refusal as refusal:
        return None, {f.field for f in refusal.fields}


@given(st.sampled_from(sorted(filing.PARTS)), st.data())
def test_any_part_is_cleaned_or_refused(part: str, data: st.DataObject) -> None:
    names = [field.name for field in filing.PARTS[part].fields]
    raw = data.draw(st.dictionaries(st.sampled_from(names), st.one_of(st.text(), st.none(), st.datetimes())))
    body, wrong = outcome(filing.clean_part, part, raw)
    assert wrong <= set(names)
    if body is None:
        assert wrong
    else:
        assert set(body) == set(names)
        assert all(isinstance(value, str) for value in body.values())
        assert filing.clean_part(part, body) == body, "cleaning twice changes nothing"


@pytest.mark.parametrize("part", sorted(filing.PARTS))
def test_a_part_asks_for_what_it_needs(part: str) -> None:
    needed = {field.name for field in filing.PARTS[part].fields if field.needed}
    if not needed:
        assert filing.clean_part(part, {}) == {field.name: "" for field in filing.PARTS[part].fields}
        return
    with pytest.raises(Refusal) as refusal:
        filing.clean_part(part, {})
    assert set(fields(refusal.value)) == needed
    for message in fields(refusal.value).values():
        assert message, "an error is a sentence that says what would be right"


@pytest.mark.parametrize(
    ("part", "field"),
    [(part.name, field.name) for part in filing.PARTS.values() for field in part.fields if field.kind == "choice"],
)
def test_a_choice_that_is_none_is_refused(part: str, field: str) -> None:
    with pytest.raises(Refusal) as refusal:
        filing.clean_part(part, {field: "something else"})
    assert field in fields(refusal.value)


def test_an_unknown_part_is_refused_with_the_parts_there_are() -> None:
    with pytest.raises(Refusal, match="the parts are authority, incident"):
        filing.clean_part("wishes", {})


def test_a_period_ends_after_it_begins() -> None:
    begins, ends = "2026-11-15T12:00:00Z", "2026-11-15T13:00:00+02:00"  # the later text is the earlier moment
    with pytest.raises(Refusal) as refusal:
        filing.clean_part("period", {"acts_from": begins, "ends_at": ends})
    assert set(fields(refusal.value)) == {"ends_at"}
    assert filing.clean_part("period", {"acts_from": ends, "ends_at": begins})["acts_from"] == "2026-11-15T11:00:00Z"
    with pytest.raises(Refusal):
        filing.clean_part("period", {"acts_from": begins, "ends_at": begins})


ACT = {"action": "create", "taken": "taken", "starts_at": "2026-11-15T00:00:00Z"}


def test_an_act_becomes_canonical() -> None:
    act = filing.clean_act({**ACT, "ends_at": "2026-11-16T00:00:00Z"}, now=NOW)
    assert act["taken"] is True
    assert act["starts_at"] == datetime(2026, 11, 15, tzinfo=UTC)
    assert act["ends_at"] == datetime(2026, 11, 16, tzinfo=UTC)
    assert act["registered"] == "unknown"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"action": ""}, "action"),
        ({"action": "burn"}, "action"),
        ({"taken": ""}, "taken"),
        ({"starts_at": ""}, "starts_at"),
        ({"starts_at": (NOW + timedelta(seconds=1)).isoformat()}, "starts_at"),
        ({"starts_at": "yesterday"}, "starts_at"),
        ({"ends_at": "2026-11-15T00:00:00Z"}, "ends_at"),
        ({"action": "suspend_service"}, "service"),
        ({"action": "suspend_service", "service": "tea"}, "service"),
        ({"action": "other"}, "words"),
        ({"registered": "perhaps"}, "registered"),
        ({"roll_back": "x" * 301}, "roll_back"),
        ({"words": "a\x00b"}, "words"),
    ],
)
def test_an_act_without_sense_is_refused(changes: dict[str, str], field: str) -> None:
    with pytest.raises(Refusal) as refusal:
        filing.clean_act({**ACT, **changes}, now=NOW)
    assert set(fields(refusal.value)) == {field}


def test_a_planned_act_needs_no_time_and_may_lie_ahead() -> None:
    assert filing.clean_act({"action": "create", "taken": "planned"}, now=NOW)["starts_at"] is None
    ahead = filing.clean_act({**ACT, "taken": "planned", "starts_at": "2027-01-01T00:00:00Z"}, now=NOW)
    assert ahead["taken"] is False


def test_times_are_whole_seconds_in_utc_and_need_a_zone() -> None:
    assert filing.moment("2026-11-15T00:00:00.999+01:00") == datetime(2026, 11, 14, 23, 0, tzinfo=UTC)
    assert filing.moment("") is None
    assert filing.moment(None) is None
    for wrong in ("2026-11-15T00:00:00", datetime(2026, 11, 15), "x", "2026-13-01T00:00Z"):  # noqa: DTZ001
        with pytest.raises(ValueError):
            filing.moment(wrong)


def test_the_words_for_actions_are_those_of_triage() -> None:
    """The form and the rules speak of the same acts and services."""
    from ersr.core import triage

    assert set(filing.ACTIONS) == {a.value for a in triage.Action}
    assert set(filing.SERVICES) == {s.value for s in triage.Service}
    routes = next(f for f in filing.PARTS["relief"].fields if f.name == "registrar_route").choices
    assert routes
    assert set(routes) == {r.value for r in triage.RegistrarRoute}


@given(st.text())
def test_what_is_called_storable_can_be_stored(text: str) -> None:
    if not filing.unstorable(text):
        assert "\0" not in text
        text.encode("utf-8")
