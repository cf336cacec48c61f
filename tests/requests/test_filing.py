"""What the registry does: six answers, versions, acts, evidence, answers, withdrawal."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from ersr.core import references
from ersr.core.deadlines import decide_by
from ersr.core.errors import Refusal
from ersr.core.lifecycle import State
from ersr.ledger.models import Event
from ersr.notifications.models import Notification
from ersr.parties.authority import authority
from ersr.people.models import Person
from ersr.requests import actions, queries
from ersr.requests.models import Act, Draft, Evidence, PartVersion, Request
from tests import world as worlds
from tests.requests.steps import begin, refused
from tests.world import SIX, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def w(db: None) -> World:
    return worlds.build()


def submit(
    w: World, person: Person | None = None, once: str = "1", now: datetime | None = None, **changes: Any
) -> Request:
    return actions.submit({**SIX, **changes}, by=person or w.filer, now=now or w.now, once=once)


# --- submitting ---


def test_a_filing_is_a_request_an_event_and_a_deadline_at_once(w: World) -> None:
    request = submit(w, irreversible="within_hour")
    assert request.state == "received"
    assert request.irreversible_at == request.received_at + timedelta(hours=1)
    record = json.loads(bytes(request.event.body.record))
    assert record["subject"] == request.reference
    assert record["facts"]["happening"] == SIX["happening"]
    assert record["facts"]["due_at"] == request.due_at.isoformat().replace("+00:00", "Z")
    assert set(request.words.split()) < set(actions.filing.WORDS)
    assert len(set(request.words.split())) == 3


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-11-16T18:00:00Z", "2026-11-20T01:00:00Z"),  # Monday; Thursday 17:00 in Los Angeles
        ("2026-05-19T18:00:00Z", "2026-05-26T00:00:00Z"),  # Tuesday; the tests' own closure is on Wednesday
        ("2026-12-24T18:00:00Z", "2026-12-31T01:00:00Z"),  # Christmas Day does not count
        ("2026-03-06T18:00:00Z", "2026-03-12T00:00:00Z"),  # Friday before the clocks go forward
        ("2026-11-17T06:00:00Z", "2026-11-20T01:00:00Z"),  # still Monday in Los Angeles
    ],
)
def test_the_deadline_is_reckoned_in_the_authoritys_calendar(w: World, received: str, due: str) -> None:
    """And stored with the calendar's name, so that it can be derived again."""
    moment = datetime.fromisoformat(received)
    request = submit(w, now=moment)
    assert request.due_at == datetime.fromisoformat(due)
    assert request.due_at == decide_by(moment, authority().calendar).at
    assert request.calendar == "Calendar of the tests, version test 1"


def test_references_are_drawn_at_random_in_the_authoritys_year_with_a_check_character(w: World) -> None:
    """At 03:00Z on New Year's Day it is still the old year in Los Angeles."""
    eve = datetime(2027, 1, 1, 3, 0, tzinfo=UTC)
    found = [submit(w, once=str(n), now=eve).reference for n in range(12)]
    numbers = []
    for reference in found:
        prefix, year, number = references.parse(reference)
        assert (prefix, year) == ("SRW", 2026)
        numbers.append(number)
        wrong = reference[:-1] + ("A" if reference[-1] != "A" else "B")
        refused(lambda wrong=wrong: references.parse(wrong), "invalid", "misread")
    assert len(set(found)) == 12
    assert numbers != sorted(numbers), "not counted up: one mail must not tell how many there were"
    assert max(numbers) - min(numbers) > 100_000


def test_a_reference_that_was_used_is_drawn_again(monkeypatch: pytest.MonkeyPatch, w: World) -> None:
    drawn = iter([1_234_567, 1_234_567, 7_654_321])
    monkeypatch.setattr(actions.filing.secrets, "choice", lambda _: next(drawn))
    first, second = submit(w, once="1"), submit(w, once="2")
    assert references.parse(first.reference)[2] == 1_234_567
    assert references.parse(second.reference)[2] == 7_654_321


def test_the_same_attempt_files_once(w: World) -> None:
    """A double click, a lost connection: one request, one event, one mail each, whatever the second time holds."""
    first = submit(w)
    counts = (Event.objects.count(), Notification.objects.count())
    assert submit(w) == first
    assert submit(w, happening="changed meanwhile") == first
    assert (Event.objects.count(), Notification.objects.count()) == counts
    assert submit(w, once="2") != first


def test_somebody_elses_attempt_is_not_handed_out(w: World) -> None:
    submit(w)
    refusal = refused(lambda: submit(w, w.stranger, operator="southwind", tlds="wind"), "idempotency")
    assert "SRW" not in refusal.message
    assert Request.objects.count() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_the_same_moment_file_once() -> None:
    """The second waits for the first, and gets the first's request."""
    w = worlds.build()
    barrier, found = threading.Barrier(3), []

    def click() -> None:
        try:
            barrier.wait(10)
            found.append(submit(w, Person.objects.get(pk=w.filer.pk)).reference)
        except Exception as problem:  # noqa: BLE001 - told to the test
            found.append(repr(problem))
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 3
    assert set(found) == {Request.objects.get().reference}
    w.assert_whole()


@pytest.mark.parametrize("who", ["officer", "security", "approver", "signatory", "auditor", "administrator", "counsel"])
def test_staff_never_file_in_a_registrys_name(w: World, who: str) -> None:
    refused(lambda: submit(w, getattr(w, who)), "not_allowed", "needs the role filer")
    assert not Request.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"operator": "southwind"}, "operator", "Choose an operator that you may file for"),
        ({"operator": "nobody"}, "operator", "Choose an operator that you may file for"),
        ({"tlds": "biz, wind"}, "tlds", "has no TLD wind that you may file for"),
        ({"tlds": "example"}, "tlds", "Known: "),
        ({"tlds": "all 39"}, "tlds", "has 40 TLDs that you may file for, not 39"),
    ],
)
def test_a_filing_for_what_is_not_ones_own_is_refused(
    w: World, changes: dict[str, str], field: str, words: str
) -> None:
    refusal = refused(lambda: submit(w, **changes), "invalid", words)
    assert [f.field for f in refusal.fields] == [field]


def test_errors_of_all_kinds_come_at_once(w: World) -> None:
    refusal = refused(lambda: submit(w, number_claimed="x", operator="southwind", happening=""), "invalid")
    assert {f.field for f in refusal.fields} == {"number_claimed", "operator", "happening"}


def test_all_means_every_tld_that_one_may_file_for(w: World) -> None:
    """40 for the operator; for the RSP the 8 that it runs there, and one of the other operator."""
    assert len(submit(w, tlds="all").tlds) == 40
    assert len(submit(w, tlds="ALL 40", once="2").tlds) == 40
    assert submit(w, w.night, tlds="all", once="3").tlds == sorted(worlds.TLDS)
    assert submit(w, w.night, operator="southwind", tlds=["all"], once="4").tlds == ["wind"]


def test_an_rsp_acts_for_many_operators_and_only_for_the_tlds_that_it_runs(w: World) -> None:
    assert [p.key for p in queries.operators_for(w.night)] == ["northlight", "southwind"]
    refused(lambda: submit(w, w.night, tlds="biz north00"), "invalid", "no TLD north00")
    request = submit(w, w.night, tlds="biz")
    assert (request.operator.key, request.filing_party.key) == ("northlight", "baltic")
    assert queries.request_for(w.filer, request.reference), "the operator sees what was filed in its name"
    refused(lambda: queries.request_for(w.stranger, request.reference), "not_found")
    assert not queries.filer_is_on_file(request)


def test_what_one_may_not_see_answers_like_what_is_not_there(w: World) -> None:
    ref = submit(w).reference
    there = refused(lambda: queries.request_for(w.stranger, ref), "not_found")
    nowhere = refused(lambda: queries.request_for(w.stranger, "SRW-2026-9999999-A"), "not_found")
    assert there == nowhere
    assert list(queries.requests_visible_to(w.stranger)) == []
    refused(lambda: queries.request_for(w.administrator, ref), "not_found")
    assert queries.request_for(w.filer, ref.lower())


def test_a_draft_survives_holds_what_was_typed_and_goes_with_the_filing(w: World) -> None:
    actions.save_draft(
        w.filer, {"happening": "half a sen", "tlds": ["biz"], "number_claimed": "x", "odd": 3}, now=w.now
    )
    actions.save_draft(w.filer, {"happening": "half a sentence", "tlds": ["biz"]}, now=w.now)
    draft = queries.draft_of(w.filer)
    assert draft
    assert draft.body == {"happening": "half a sentence", "tlds": ["biz"]}
    assert queries.draft_of(w.stranger) is None
    with pytest.raises(Refusal):
        submit(w, tlds="")
    assert Draft.objects.exists(), "a refused filing loses nothing"
    submit(w)
    assert not Draft.objects.exists()


# --- adding ---


def test_versions_stand_side_by_side_and_the_same_again_is_none(w: World) -> None:
    ref = submit(w).reference

    def add(text: str) -> PartVersion:
        return actions.add_part(ref, "happening", {"text": text}, by=w.filer, now=w.now)

    assert add(SIX["happening"]).version == 1, "what was filed is version 1"  # type: ignore[arg-type]
    before = Event.objects.count()
    assert add("More is known.").version == 2
    assert add(" More is known. ").version == 2
    assert Event.objects.count() == before + 1
    assert add(SIX["happening"]).version == 3, "back to the first words is a new version too"  # type: ignore[arg-type]
    texts = list(PartVersion.objects.filter(part="happening").order_by("version").values_list("body__text", flat=True))
    assert texts == [SIX["happening"], "More is known.", SIX["happening"]]
    assert queries.latest_parts(Request.objects.get())["happening"].version == 3
    w.assert_whole()


def test_the_incident_part_describes_the_incident(w: World) -> None:
    request = submit(w)
    body = {"category": "critical_function", "presence": "present", "discovered_at": "2026-11-15T00:00:00Z"}
    actions.add_part(request.reference, "incident", body, by=w.filer, now=w.now)
    request.incident.refresh_from_db()
    assert (request.incident.category, request.incident.presence) == ("critical_function", "present")
    assert request.incident.began_at == datetime(2026, 11, 15, tzinfo=UTC)


def test_a_wrong_part_changes_nothing(w: World) -> None:
    ref = submit(w).reference
    before = Event.objects.count()
    refused(lambda: actions.add_part(ref, "incident", {"category": "x"}, by=w.filer, now=w.now), "invalid")
    refused(lambda: actions.add_part(ref, "wishes", {}, by=w.filer, now=w.now), "invalid", "There is no part")
    assert Event.objects.count() == before


ACT = {"action": "create", "taken": "planned"}


def test_a_correction_of_an_act_is_a_new_row_that_names_the_old_one(w: World) -> None:
    request = submit(w)
    ref = request.reference
    first = actions.record_act(ref, ACT, by=w.filer, now=w.now)
    second = actions.record_act(ref, {**ACT, "action": "reserve"}, by=w.filer, now=w.now, replaces=first.pk)
    assert Act.objects.count() == 2
    assert second.replaces == first
    assert queries.current_acts(request) == [second]
    refused(
        lambda: actions.record_act(ref, ACT, by=w.filer, now=w.now, replaces=first.pk), "conflict", "corrected before"
    )
    other = submit(w, once="2").reference
    refused(lambda: actions.record_act(other, ACT, by=w.filer, now=w.now, replaces=second.pk), "conflict")


@pytest.mark.parametrize("state", [State.EXECUTED, State.SERVED])
def test_an_act_can_be_recorded_until_the_end_and_moves_nothing(state: State) -> None:
    c = begin().to(state)
    actions.record_act(c.ref, ACT, by=c.w.filer, now=c.w.now)
    assert c.state is state
    c.w.assert_whole()


def test_evidence_is_kept_by_digest_under_a_harmless_name(w: World) -> None:
    ref = submit(w).reference

    def add(name: str, data: bytes = b"proof") -> Evidence:
        return actions.add_evidence(ref, data, name=name, by=w.filer, now=w.now)

    row = add("..\\..\\C:\\fake/../zone\n.pcap\x00")
    assert row.name == "zone.pcap"
    assert row.file.media_type == "application/octet-stream"
    before = Event.objects.count()
    assert add("another name").pk == row.pk, "the same bytes twice are one file"
    assert Event.objects.count() == before
    assert add("x" * 500, b"2").name == "x" * 200
    assert add("///", b"3").name == "file"


def test_evidence_that_is_empty_or_too_large_is_refused(w: World) -> None:
    ref = submit(w).reference
    before, settings.ERSR_EVIDENCE_LIMIT = settings.ERSR_EVIDENCE_LIMIT, 10
    try:
        refused(
            lambda: actions.add_evidence(ref, b"x" * 11, name="x", by=w.filer, now=w.now), "too_large", "at most 10 are"
        )
        assert actions.add_evidence(ref, b"x" * 10, name="x", by=w.filer, now=w.now)
    finally:
        settings.ERSR_EVIDENCE_LIMIT = before
    refused(lambda: actions.add_evidence(ref, b"", name="x", by=w.filer, now=w.now), "invalid", "is empty")


@pytest.mark.parametrize("who", ["stranger", "officer", "auditor", "administrator", "approver"])
def test_nobody_else_adds_to_a_filing(w: World, who: str) -> None:
    ref = submit(w).reference
    person = getattr(w, who)
    code = "not_found" if who in ("stranger", "administrator") else "not_allowed"
    for act in (
        lambda: actions.add_part(ref, "happening", {"text": "x"}, by=person, now=w.now),
        lambda: actions.record_act(ref, ACT, by=person, now=w.now),
        lambda: actions.add_list(ref, b"a.biz", title="x", by=person, now=w.now),
        lambda: actions.add_evidence(ref, b"x", name="x", by=person, now=w.now),
        lambda: actions.withdraw(ref, reason="x", by=person, now=w.now),
    ):
        refused(act, code)


# --- answering, withdrawing ---


@pytest.mark.parametrize("state", [State.VERIFYING, State.ASSESSING, State.DECIDING])
def test_an_answer_goes_back_to_where_the_question_came_from(state: State) -> None:
    c = begin().to(state)
    question = actions.ask(c.ref, " Since when? ", by=c.w.officer, now=c.w.now)
    assert question.text == "Since when?"
    assert c.state is State.AWAITING_REQUESTER
    due = c.request.due_at
    refused(lambda: actions.answer(c.ref, {}, by=c.w.filer, now=c.w.now), "invalid", "Answer at least one")
    refused(lambda: actions.answer(c.ref, {question.pk: "  "}, by=c.w.filer, now=c.w.now), "invalid")
    refused(lambda: actions.answer(c.ref, {question.pk + 1: "x"}, by=c.w.filer, now=c.w.now), "invalid", "is not open")
    refused(lambda: actions.answer(c.ref, {question.pk: "x"}, by=c.w.officer, now=c.w.now), "not_allowed")
    actions.answer(c.ref, {question.pk: "Since midnight."}, by=c.w.filer, now=c.w.now)
    assert c.state is state
    assert c.request.due_at == due, "the clock runs on"
    question.refresh_from_db()
    assert (question.answer, question.answered_by) == ("Since midnight.", c.w.filer)
    assert Notification.objects.filter(kind="answered", to=c.w.officer.email).count() == 1
    c.w.assert_whole()


@pytest.mark.parametrize(
    "state", [State.RECEIVED, State.VERIFYING, State.AWAITING_REQUESTER, State.DECIDING, State.PROPOSED]
)
def test_a_filing_can_be_taken_back_before_the_decision(state: State) -> None:
    c = begin().to(state)
    refused(lambda: actions.withdraw(c.ref, reason=" ", by=c.w.filer, now=c.w.now), "invalid", "why you withdraw")
    actions.withdraw(c.ref, reason="Contained", by=c.w.filer, now=c.w.now)
    assert c.state is State.WITHDRAWN
    assert c.request.closed_at == c.w.now
    assert c.request not in queries.desk(c.w.officer)
    c.w.assert_whole()


@pytest.mark.parametrize("signed", [False, True])
def test_nothing_is_taken_back_once_a_line_is_decided(signed: bool) -> None:
    """The state still says deciding, since other lines are open; a signed waiver must not hang on a withdrawn request."""
    c = begin().to(State.DECIDING)
    first = c.lines(instrument="waiver", hint="waiver")
    c.decide(first)
    if signed:
        c.sign("waiver")
    assert c.state is State.DECIDING
    refused(lambda: actions.withdraw(c.ref, reason="x", by=c.w.filer, now=c.w.now), "not_now", "before any decision")
    offered = queries.offered(c.w.filer, c.request)
    assert "withdraw" not in {row.name for row in offered.others}
    assert c.state is State.DECIDING
