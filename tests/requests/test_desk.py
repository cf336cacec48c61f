"""What the authority's people do before a decision: take, call back, ask, assess, put lines right, answer hits."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import transaction

from ersr.core.lifecycle import State
from ersr.ledger.models import Event
from ersr.lists import actions as lists
from ersr.lists.models import Hit
from ersr.notifications.models import Notification
from ersr.parties.models import Contact, ContactNumber
from ersr.requests import actions, queries
from ersr.requests.actions.step import begin as step_begin
from ersr.requests.models import CallAttempt, Line, LineChange, Request
from tests import world as worlds
from tests.requests.steps import Case, begin, refused

pytestmark = pytest.mark.django_db


def facts(kind: str) -> dict[str, object]:
    return dict(json.loads(bytes(Event.objects.filter(kind=kind).latest("pk").body.record))["facts"])


# --- taking ---


def test_a_named_person_takes_it_with_new_words() -> None:
    c = begin()
    before = c.request.words
    c.take()
    assert (c.request.holder, c.state) == (c.w.officer, State.VERIFYING)
    assert c.request.words != before
    assert c.request.words_until == c.w.now + timedelta(hours=1)
    refused(c.take, "already", "You have this request already.")


def test_a_take_over_is_on_record_and_only_from_whom_one_saw() -> None:
    """Two people look at the same moment: the slower one is told who was quicker."""
    c = begin()
    refused(
        lambda: actions.take(c.ref, by=c.w.second, now=c.w.now, from_holder=c.w.officer.email),
        "conflict",
        "Nobody has this request now",
    )
    actions.take(c.ref, by=c.w.officer, now=c.w.now, from_holder="")
    refused(
        lambda: actions.take(c.ref, by=c.w.second, now=c.w.now, from_holder=""),
        "conflict",
        "Mira Adeyemi has this request now. Look again before you take it over.",
    )
    refused(
        lambda: actions.take(c.ref, by=c.w.second, now=c.w.now),
        "conflict",
        f"Mira Adeyemi has this request. To take it over, say from whom: from_holder is {c.w.officer.email}.",
    )
    assert c.request.holder == c.w.officer, "who names nobody takes nothing from anybody"
    c.verify()
    actions.take(c.ref, by=c.w.second, now=c.w.now, from_holder=c.w.officer.email)
    assert c.request.holder == c.w.second
    assert c.state is State.ASSESSING, "a take-over does not send the request back"
    assert facts("request.take")["before"] == c.w.officer.email


@pytest.mark.parametrize("who", ["approver", "signatory", "auditor", "filer", "stranger", "administrator"])
def test_who_does_not_work_cases_does_not_take_one(who: str) -> None:
    c = begin()
    code = "not_found" if who in ("stranger", "administrator") else "not_allowed"
    refusal = refused(lambda: actions.take(c.ref, by=getattr(c.w, who), now=c.w.now), code)
    assert bool(refusal.who_can) == (who in ("approver", "signatory", "auditor")), "names are for staff only"
    if refusal.who_can:
        assert {"Mira Adeyemi", "Jonas Weber", "Sana Iqbal"} <= set(refusal.who_can)


# --- calling back ---


def number_of_age(c: Case, days: int, number: str = "+3225550199") -> ContactNumber:
    contact = Contact.objects.get(party=c.w.parties["north"], name="Legal")
    return ContactNumber.objects.create(contact=contact, number=number, since=c.w.now.date() - timedelta(days=days))


@pytest.mark.parametrize(("days", "may"), [(0, False), (29, False), (30, True), (31, True)])
def test_a_number_is_called_once_it_has_stood_thirty_days(days: int, may: bool) -> None:
    c = begin().take()
    row = number_of_age(c, days)

    def call() -> CallAttempt:
        return actions.call(c.ref, number_id=row.pk, outcome="confirmed", by=c.w.officer, now=c.w.now)

    assert (
        next(n for n in queries.numbers_to_call(c.w.officer, c.request, now=c.w.now) if n.pk == row.pk).may_be_called
        == may
    )
    if may:
        c.fill()
        assert call().number == "+3225550199"
        assert c.state is State.ASSESSING
    else:
        refused(call, "number_recent", f"This number changed {days} days ago. Call another contact.")
        assert not CallAttempt.objects.exists()
        assert c.state is State.VERIFYING


def test_a_number_that_came_of_age_while_the_request_waited_may_be_called() -> None:
    c = begin().take()
    row = number_of_age(c, 29)
    c.w.later(days=1)
    actions.renew_words(c.ref, by=c.w.officer, now=c.w.now)
    assert actions.call(c.ref, number_id=row.pk, outcome="confirmed", by=c.w.officer, now=c.w.now)


@pytest.mark.parametrize("outcome", [o for o in CallAttempt.OUTCOMES if o != "confirmed"])
def test_any_other_outcome_is_on_record_and_verifies_nothing(outcome: str) -> None:
    """Also wrong words and a denial: the next attempt follows, each with time, number and outcome."""
    c = begin().take()
    for remark in ("first", " second "):
        actions.call(c.ref, number_id=c.number(), outcome=outcome, by=c.w.officer, now=c.w.now, remark=remark)
    assert c.state is State.VERIFYING
    assert c.request.verified_at is None
    assert list(CallAttempt.objects.values_list("outcome", "remark")) == [(outcome, "first"), (outcome, "second")]
    told = facts("call.attempted")
    assert (told["number"], told["outcome"], told["state"]) == ("+3225550100", outcome, "verifying")
    c.w.assert_whole()


def test_words_that_are_too_old_confirm_nothing() -> None:
    """Good at the end of their hour, not a second later; new ones are drawn, and a silent line needs none."""
    c = begin().take()
    words, until = c.request.words, c.request.words_until
    late = until + timedelta(seconds=1)

    def call(outcome: str, now: object) -> CallAttempt:
        return actions.call(c.ref, number_id=c.number(), outcome=outcome, by=c.w.officer, now=now)  # type: ignore[arg-type]

    refused(lambda: call("confirmed", late), "lapsed", "The verification words are too old.")
    call("no_answer", late)
    actions.renew_words(c.ref, by=c.w.officer, now=late)
    assert c.request.words != words
    assert c.request.words_until == late + timedelta(hours=1)
    call("confirmed", c.request.words_until)
    assert c.state is State.ASSESSING


def test_only_numbers_on_file_and_known_outcomes() -> None:
    c = begin().take()
    theirs = ContactNumber.objects.get(number="+4315550100")
    for number, outcome, field in (
        (theirs.pk, "confirmed", "number_id"),
        (0, "confirmed", "number_id"),
        (c.number(), "maybe", "outcome"),
    ):
        refusal = refused(
            lambda number=number, outcome=outcome: actions.call(
                c.ref, number_id=number, outcome=outcome, by=c.w.officer, now=c.w.now
            ),
            "invalid",
        )
        assert [f.field for f in refusal.fields] == [field]


def test_who_does_not_have_the_request_does_not_call() -> None:
    c = begin().take()
    for who in (c.w.second, c.w.security):
        refused(
            lambda who=who: actions.call(c.ref, number_id=c.number(), outcome="confirmed", by=who, now=c.w.now),
            "not_allowed",
            "take it first",
        )
        refused(lambda who=who: actions.renew_words(c.ref, by=who, now=c.w.now), "not_allowed")


@pytest.mark.parametrize("who", ["filer", "night", "stranger", "approver", "signatory"])
def test_numbers_on_file_are_shown_to_who_calls_and_to_nobody_else(who: str) -> None:
    c = begin()
    with pytest.raises(Exception, match=r"needs the role|nothing here"):
        queries.numbers_to_call(getattr(c.w, who), c.request, now=c.w.now)


def test_the_numbers_are_the_operators_and_the_filing_rsps() -> None:
    """Those that may be called come first, the longest standing before the others; the claimed one is marked."""
    c = begin()
    numbers = queries.numbers_to_call(c.w.officer, c.request, now=c.w.now)
    assert [n.number for n in numbers] == ["+3225550100", "+3225550142", "+3225550188"]
    assert [n.may_be_called for n in numbers] == [True, True, False]
    assert [n.claimed for n in numbers] == [False, True, False]
    by_rsp = actions.submit({**worlds.SIX, "tlds": "biz"}, by=c.w.night, now=c.w.now, once="rsp")
    numbers = queries.numbers_to_call(c.w.officer, by_rsp, now=c.w.now)
    assert "+3725550100" in {n.number for n in numbers}
    assert "+4315550100" not in {n.number for n in numbers}


@pytest.mark.parametrize(
    ("claimed", "on_file"), [("+32 2 555 01 42", True), ("+32 2 555 01 43", False), ("+431 555 0100", False)]
)
def test_a_claimed_number_that_is_not_on_file_is_flagged(claimed: str, on_file: bool) -> None:
    """Another operator's number is not this operator's."""
    c = Case(worlds.build()).file(number_claimed=claimed)
    assert queries.claimed_is_on_file(c.request) is on_file


# --- asking, assessing ---


def test_a_question_is_the_holders_and_moves_the_request() -> None:
    c = begin().take()
    refused(lambda: actions.ask(c.ref, " ", by=c.w.officer, now=c.w.now), "invalid", "Write the question")
    refused(lambda: actions.ask(c.ref, "x", by=c.w.second, now=c.w.now), "not_allowed", "take it first")
    actions.ask(c.ref, "Since when?", by=c.w.officer, now=c.w.now)
    assert c.request.resumes == "verifying"
    assert Notification.objects.filter(kind="asked", to=c.w.filer.email).count() == 1


def test_each_discipline_writes_its_own_note_in_versions() -> None:
    c = begin().to(State.ASSESSING)

    def write(body: str, person: str = "security", **changes: str) -> object:
        words = {"discipline": person, "recommendation": "grant", **changes}
        return actions.assess(c.ref, body=body, by=getattr(c.w, person), now=c.w.now, **words)

    assert write("It fits.").version == 1  # type: ignore[attr-defined]
    assert write("It fits well.").version == 2  # type: ignore[attr-defined]
    write("No objection.", "compliance", recommendation="undecided")
    assert sorted((n.discipline, n.body) for n in queries.notes(c.w.approver, c.request)) == [
        ("compliance", "No objection."),
        ("security", "It fits well."),
    ]
    for changes, field in (
        ({"discipline": "legal"}, "discipline"),
        ({"discipline": "astrology"}, "discipline"),
        ({"recommendation": "perhaps"}, "recommendation"),
    ):
        assert [f.field for f in refused(lambda changes=changes: write("x", **changes), "invalid").fields] == [field]
    refused(lambda: write(" "), "invalid", "Write why")
    refused(lambda: write("x", "officer"), "not_allowed", "This needs the role responder.")


def test_privileged_notes_are_read_by_two_roles_and_each_read_is_an_event() -> None:
    """Nobody else gets them, in no list, in no history, in no event's body; a read of nothing is no event."""
    c = begin().to(State.ASSESSING)
    w = c.w
    assert queries.privileged_notes(w.counsel, c.request, now=w.now) == []
    assert not Event.objects.filter(kind="privileged.read").exists()
    refused(
        lambda: actions.assess(
            c.ref, discipline="legal", recommendation="", body="x", by=w.security, now=w.now, privileged=True
        ),
        "not_allowed",
        "needs the role legal",
    )
    actions.assess(
        c.ref, discipline="legal", recommendation="grant", body="ADVICE-MARK", by=w.counsel, now=w.now, privileged=True
    )
    for number, who in enumerate((w.counsel, w.signatory, w.counsel), start=1):
        with transaction.atomic():
            (note,) = queries.privileged_notes(who, c.request, now=w.now)
        assert (note.body, note.recommendation) == ("ADVICE-MARK", "")
        assert Event.objects.filter(kind="privileged.read").count() == number
    assert (
        json.loads(bytes(Event.objects.filter(kind="privileged.read").latest("pk").body.record))["by"]
        == w.counsel.email
    )
    for who in (w.officer, w.security, w.compliance, w.approver, w.auditor, w.filer):
        refused(lambda who=who: queries.privileged_notes(who, c.request, now=w.now), "not_allowed")
    for who in (w.administrator, w.stranger):
        refused(lambda who=who: queries.privileged_notes(who, c.request, now=w.now), "not_found")
    assert Event.objects.filter(kind="privileged.read").count() == 3
    assert all(b"ADVICE-MARK" not in bytes(e.body.record) for e in Event.objects.all())
    assert all("ADVICE-MARK" not in n.body for n in queries.notes(w.approver, c.request))
    assert "ADVICE-MARK" not in repr(queries.history(w.auditor, c.request))
    w.assert_whole()


# --- lines ---


def keys(c: Case) -> set[tuple[str, str, str]]:
    return {(line.agreement.key, line.provision, line.action) for line in c.lines()}


def test_lines_follow_the_facts() -> None:
    """No act, no line; a registrar takes 2.9(a) away again; the fee stays. What is gone is kept as dropped."""
    c = begin()
    assert c.lines() == []
    c.fill(names="")
    assert {"2.9(a)", "6.1"} <= {line.provision for line in c.lines()}
    c.w.assert_whole()
    by_registrar = {"registrar_route": "accredited_registrar", "fee_relief": "yes"}
    actions.add_part(c.ref, "relief", by_registrar, by=c.w.filer, now=c.w.now)
    hints = {line.provision: line.hint for line in c.lines()}
    assert hints.get("2.9(a)", "no_waiver_needed") != "waiver"
    assert "6.1" in hints
    itself = {"registrar_route": "registry_itself", "fee_relief": "no"}
    actions.add_part(c.ref, "relief", itself, by=c.w.filer, now=c.w.now)
    assert "6.1" not in {line.provision for line in c.lines()}
    assert not Line.objects.filter(provision="6.1").exists(), "what only the rules said leaves nothing behind"
    numbers = [line.number for line in c.lines()]
    assert numbers == list(range(1, len(numbers) + 1)), "numbers that fell free are given again"
    numbers = list(Line.objects.filter(request=c.request).values_list("number", flat=True))
    assert sorted(numbers) == list(range(1, len(numbers) + 1)), "a number is never given twice"
    assert facts("request.advice_renewed")["lines"] == len(c.lines())


def test_a_list_makes_the_lines_its_own() -> None:
    c = begin().fill(names="")
    assert {line.name_list for line in c.lines()} == {None}
    actions.add_list(c.ref, b"alpha.biz", title="One", by=c.w.filer, now=c.w.now)
    assert {line.name_list.number for line in c.lines(action="create") if line.name_list} == {1}
    actions.add_list(c.ref, b"bravo.biz", title="Two", by=c.w.filer, now=c.w.now)
    of = [(line.provision, line.name_list.number) for line in c.lines(action="create") if line.name_list]
    assert ("2.9(a)", 1) in of
    assert ("2.9(a)", 2) in of


def test_what_staff_changed_stays_and_what_they_dropped_does_not_come_back() -> None:
    """The registry goes on adding facts: the rules propose anew, and never against staff."""
    c = begin().to(State.ASSESSING)
    changed, dropped = (c.lines(provision=p) for p in ("2.9(a)", "6.1"))
    security = {"by": c.w.security, "now": c.w.now}
    actions.change_line(c.ref, changed[0].number, {"hint": "notice_only"}, reason="Legacy clause", **security)
    actions.change_line(c.ref, dropped[0].number, {"drop": "yes"}, reason="Paid already", **security)
    before = {line.pk for line in c.lines()}
    actions.record_act(c.ref, {"action": "reserve", "taken": "planned", "registered": "no"}, by=c.w.filer, now=c.w.now)
    actions.add_part(c.ref, "happening", {"text": "More."}, by=c.w.filer, now=c.w.now)
    after = {line.pk for line in c.lines()}
    assert before <= after
    assert Line.objects.get(pk=changed[0].pk).hint == "notice_only"
    assert dropped[0].pk not in after
    same = [w for w in c.lines(provision="6.1", action=dropped[0].action) if w.agreement_id == dropped[0].agreement_id]
    assert [w for w in same if w.name_list_id == dropped[0].name_list_id] == []
    c.w.assert_whole()


def test_a_line_pointed_at_another_provision_is_not_proposed_again_at_the_first() -> None:
    c = begin().to(State.ASSESSING)
    line = c.lines(provision="2.9(a)")[0]
    rows = {r.id for r in queries.catalogue() if r.key[:2] == (line.agreement.family, line.agreement.version)}
    other = sorted(rows - {w.provision for w in c.lines()})[0]
    actions.change_line(
        c.ref, line.number, {"provision": other, "instrument": "waiver"}, reason="Closer", by=c.w.security, now=c.w.now
    )
    actions.add_part(c.ref, "happening", {"text": "More."}, by=c.w.filer, now=c.w.now)
    mine = [
        w
        for w in c.lines(action=line.action)
        if w.agreement_id == line.agreement_id and w.name_list_id == line.name_list_id
    ]
    assert [w.pk for w in mine if w.provision == other] == [line.pk]
    assert [w for w in mine if w.provision == "2.9(a)"] == []


def test_confirmed_lines_follow_no_facts_any_more() -> None:
    c = begin().to(State.DECIDING)
    before = [(w.pk, w.hint) for w in c.lines()]
    relief = {"registrar_route": "accredited_registrar", "fee_relief": "no"}
    actions.add_part(c.ref, "relief", relief, by=c.w.filer, now=c.w.now)
    actions.record_act(c.ref, {"action": "transfer", "taken": "planned"}, by=c.w.filer, now=c.w.now)
    assert [(w.pk, w.hint) for w in c.lines()] == before


def test_a_change_and_its_reason_are_on_record() -> None:
    c = begin().to(State.ASSESSING)
    line = c.lines()[0]
    actions.change_line(c.ref, line.number, {"hint": "use_rsep"}, reason=" Standing ", by=c.w.officer, now=c.w.now)
    row = LineChange.objects.get()
    assert (row.before["hint"], row.after["hint"], row.reason) == (line.hint, "use_rsep", "Standing")
    assert facts("request.change_line")["before"] == row.before


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({}, "x", "hint"),
        ({"colour": "red"}, "x", "hint"),
        ({"hint": "maybe"}, "x", "hint"),
        ({"instrument": "licence"}, "x", "instrument"),
        ({"hint": "ask"}, " ", "reason"),
        ({"provision": "99.9"}, "x", "provision"),
    ],
)
def test_a_change_without_sense_is_refused(changes: dict[str, str], reason: str, field: str) -> None:
    c = begin().to(State.ASSESSING)
    line = c.lines()[0]
    refusal = refused(
        lambda: actions.change_line(c.ref, line.number, changes, reason=reason, by=c.w.security, now=c.w.now), "invalid"
    )
    assert [f.field for f in refusal.fields] == [field]
    assert not LineChange.objects.exists()


def test_a_line_that_is_not_there_or_not_open_is_not_changed() -> None:
    c = begin().to(State.DECIDING)
    chosen = c.grantable()[:1]
    c.propose(chosen)

    def change(number: int) -> object:
        return actions.change_line(c.ref, number, {"hint": "ask"}, reason="x", by=c.w.security, now=c.w.now)

    refused(lambda: change(99), "invalid", "There is no line 99")
    refused(lambda: change(chosen[0].number), "not_now", "is proposed: return the proposal first.")


def test_staff_add_a_line_that_the_rules_did_not_find() -> None:
    c = begin().to(State.ASSESSING)

    def add(**changes: str) -> Line:
        words = {
            "agreement": "north-2014", "provision": "2.9(a)", "action": "transfer", "instrument": "waiver", "reason": "Missed",
            **changes,
        }  # fmt: skip
        return actions.add_line(c.ref, by=c.w.security, now=c.w.now, **words)

    line = add()
    assert (line.by_rules, line.tlds, line.waivable_by) == (False, ["biz", "cc", "cn", "com"], "staff")
    for changes, field in (
        ({"agreement": "south-2015"}, "agreement"),
        ({"agreement": "nowhere"}, "agreement"),
        ({"action": "burn"}, "action"),
        ({"instrument": "licence"}, "instrument"),
        ({"provision": "99.9"}, "provision"),
        ({"reason": ""}, "reason"),
    ):
        assert field in [f.field for f in refused(lambda changes=changes: add(**changes), "invalid").fields]


def test_forty_tlds_under_two_agreements_are_decided_as_groups() -> None:
    """Each provision is one group over both agreements, with all 40 TLDs; deciding it decides every line in it."""
    c = Case(worlds.build()).file(tlds="all").fill(names="")
    groups = [g for g in queries.grouped(c.lines()) if g.provision == "2.9(a)"]
    assert len(groups) == 1
    assert len(groups[0].tlds) == 40
    assert {line.agreement.key for line in groups[0].lines} == {"north-2014", "north-2016"}
    c.take().verify().confirm()
    c.decide(list(groups[0].lines), "denied")
    assert {(w.state, w.outcome) for w in c.lines(provision="2.9(a)")} == {("decided", "denied")}


def test_a_group_splits_where_its_lines_part() -> None:
    c = Case(worlds.build()).file(tlds="all").fill(names="").take().verify()
    first, second = c.lines(provision="2.9(a)")
    actions.change_line(c.ref, first.number, {"hint": "notice_only"}, reason="x", by=c.w.security, now=c.w.now)
    groups = [g for g in queries.grouped(c.lines()) if g.provision == "2.9(a)"]
    assert [[w.number for w in g.lines] for g in groups] == [[first.number], [second.number]]


def test_lines_are_confirmed_only_if_there_are_any_and_told_only_then() -> None:
    c = begin().take()
    c.verify()
    refused(c.confirm, "not_now", "There is no line to confirm.")
    c.fill()
    assert queries.lines_told_to(c.w.filer, c.request) == []
    assert queries.lines_told_to(c.w.officer, c.request) == c.lines()
    c.confirm()
    assert queries.lines_told_to(c.w.filer, c.request) == c.lines()


# --- hits ---


def with_hits() -> Case:
    c = begin()
    lists.import_popularity(
        b"1,alpha.biz\n2,charlie.net\n", title="Made", as_of=c.w.now.date(), by=c.w.officer, now=c.w.now
    )
    return c.to(State.DECIDING)


def test_every_hit_must_be_answered_before_a_grant_is_proposed() -> None:
    """A denial needs none of it."""
    c = with_hits()
    assert Hit.objects.filter(answer="").count() == 2
    lines = c.grantable()
    refused(lambda: c.propose(lines[:1]), "not_now", "2 names that stand on a popularity list are unanswered")
    c.propose(lines[1:2], "denied")
    answers = {"alpha.biz": ("removed", "A real site"), "charlie.net": ("kept", "Ours")}
    version = actions.answer_hits(c.ref, 1, answers, by=c.w.security, now=c.w.now)
    assert version
    assert (version.version, version.names, version.removed) == (2, 2, ["alpha.biz"])
    assert c.propose(lines[:1])
    c.w.assert_whole()


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({"bravo.com": ("kept", "x")}, "names"),
        ({"alpha.biz": ("perhaps", "x")}, "alpha.biz"),
        ({"alpha.biz": ("kept", " ")}, "alpha.biz"),
    ],
)
def test_an_answer_without_sense_is_refused(answers: dict[str, tuple[str, str]], field: str) -> None:
    c = with_hits()
    refusal = refused(lambda: actions.answer_hits(c.ref, 1, answers, by=c.w.security, now=c.w.now), "invalid")
    assert [f.field for f in refusal.fields] == [field]
    assert Hit.objects.filter(answer="").count() == 2


def test_a_hit_is_answered_once_and_on_the_right_list() -> None:
    c = with_hits()
    kept = {"alpha.biz": ("kept", "x")}
    actions.answer_hits(c.ref, 1, kept, by=c.w.security, now=c.w.now)
    refused(
        lambda: actions.answer_hits(c.ref, 1, kept, by=c.w.security, now=c.w.now), "invalid", "answered before: kept"
    )
    refused(lambda: actions.answer_hits(c.ref, 9, kept, by=c.w.security, now=c.w.now), "invalid", "There is no list 9")
    refused(lambda: actions.answer_hits(c.ref, 1, kept, by=c.w.approver, now=c.w.now), "not_allowed")


def test_names_are_taken_out_however_they_are_written_and_their_hits_are_answered_with_it() -> None:
    """ " ALPHA.BIZ" is alpha.biz: its hit must not stay open, nor be called kept afterwards."""
    c = with_hits()
    version = actions.remove_names(
        c.ref, 1, [" ALPHA.BIZ", "alpha.biz"], reason=" A real site ", by=c.w.security, now=c.w.now
    )
    assert (version.names, version.removed) == (2, ["alpha.biz"])
    hit = Hit.objects.get(name="alpha.biz")
    assert (hit.answer, hit.reason) == ("removed", "A real site")
    assert facts("request.answer_hits")["removed"] == ["alpha.biz"]
    for names, reason in (([], "x"), ([" "], "x"), (["bravo.com"], " ")):
        refused(
            lambda names=names, reason=reason: actions.remove_names(
                c.ref, 1, names, reason=reason, by=c.w.security, now=c.w.now
            ),
            "invalid",
        )
    refused(
        lambda: actions.remove_names(c.ref, 1, ["zulu.biz"], reason="x", by=c.w.security, now=c.w.now),
        "invalid",
        "Not on list 1",
    )


# --- the rest ---


def test_a_verb_outside_a_transaction_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    c = begin()

    class Autocommit:
        in_atomic_block = False

    monkeypatch.setattr(transaction, "get_connection", Autocommit)
    with pytest.raises(AssertionError):
        step_begin(c.ref, "take", by=c.w.officer)


def test_the_queue_is_in_the_order_of_what_comes_first() -> None:
    """The earlier of the deadline and the moment that cannot be undone; only staff with a desk see it."""
    c = begin()
    for once, words in (
        ("a", {"irreversible": "within_hour"}),
        ("b", {}),
        ("c", {"irreversible": "at", "irreversible_at": (c.w.now + timedelta(hours=6)).isoformat()}),
    ):
        actions.submit({**worlds.SIX, **words}, by=c.w.filer, now=c.w.now, once=once)
    order = [r.once for r in queries.desk(c.w.officer)]
    assert order[:2] == ["a", "c"]
    assert set(order) == set(Request.objects.values_list("once", flat=True))
    for who in (c.w.filer, c.w.administrator):
        refused(lambda who=who: queries.desk(who), "not_found")


def test_history_tells_the_filer_own_steps_and_never_the_authoritys_work() -> None:
    c = begin().to(State.PROPOSED)
    told = queries.history(c.w.filer, c.request)
    kinds = {h.kind for h in told}
    assert "request.submit" in kinds
    assert "call.attempted" in kinds
    assert not kinds & {"request.propose", "request.assess", "request.change_line", "request.advice_renewed"}
    assert {h.by for h in told} <= {"You", "ICANN"}
    assert all(h.facts == {} for h in told)
    everything = queries.history(c.w.auditor, c.request)
    assert {"request.propose", "request.advice_renewed"} <= {h.kind for h in everything}
    assert "Sana Iqbal" in {h.by for h in everything}


def test_earlier_requests_and_decisions_are_found() -> None:
    c = begin().to(State.DECIDED)
    c.w.later(days=1)
    later = Case(c.w).file()
    assert list(queries.earlier_of_operator(later.request)) == [c.request]
    counts = queries.earlier_on_provisions(later.request, ["2.9(a)"])
    assert counts == {"2.9(a)": {"granted": len(c.lines(provision="2.9(a)"))}}
    assert queries.earlier_on_provisions(c.request, ["2.9(a)"]) == {}


def test_history_tells_numbers_on_file_to_those_only_who_may_call() -> None:
    """That a call was made, and what came of it, is for all staff."""
    c = begin().to(State.ASSESSING)
    for who, knows in (
        ("officer", True),
        ("security", True),
        ("auditor", True),
        ("approver", False),
        ("signatory", False),
    ):
        called = next(h for h in queries.history(getattr(c.w, who), c.request) if h.kind == "call.attempted")
        assert ("number" in called.facts, called.facts["outcome"]) == (knows, "confirmed")


def test_new_words_are_on_record_without_the_words() -> None:
    c = begin().fill().take()
    before = c.request.words
    actions.renew_words(c.ref, by=c.w.officer, now=c.w.now)
    assert c.request.words != before
    assert c.request.words not in str(facts("call.words_drawn"))


def test_a_line_that_staff_add_names_its_list_where_there_are_several() -> None:
    c = begin().to(State.ASSESSING)
    words = {
        "agreement": "north-2014",
        "provision": "2.8",
        "action": "create",
        "instrument": "waiver",
        "reason": "Claims",
    }

    def add(**more: object) -> Line:
        return actions.add_line(c.ref, **{**words, **more}, by=c.w.security, now=c.w.now)  # type: ignore[arg-type]

    assert add().name_list.number == 1
    assert add(action="suspend_service", reason="No names").name_list is None
    actions.add_list(c.ref, b"delta.biz\n", title="More", by=c.w.filer, now=c.w.now)
    refused(add, "invalid", "which list")
    assert add(list_number=2).name_list.number == 2
    c.w.assert_whole()
