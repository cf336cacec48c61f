"""One proposes, another approves: in the actions, and in the database for whoever goes round them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from ersr.core.lifecycle import Outcome, State
from ersr.ledger.models import Event
from ersr.notifications.models import Notification
from ersr.people.models import Person, RoleRow
from ersr.requests import actions, queries
from ersr.requests.models import Decision, DecisionLine
from tests.requests.steps import Case, begin, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def c(db: None) -> Case:
    return begin().to(State.DECIDING)


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"lines": []}, "lines"),
        ({"lines": [99]}, "lines"),
        ({"lines": [1, 99]}, "lines"),
        ({"outcome": "perhaps"}, "outcome"),
        ({"reasons": "  "}, "reasons"),
        ({"ends_at": None}, "ends_at"),
        ({"ends_at": timedelta(0)}, "ends_at"),
        ({"ends_at": timedelta(days=-1)}, "ends_at"),
        ({"effective_from": timedelta(days=91)}, "ends_at"),
        ({"acts_from": timedelta(seconds=1)}, "acts_from"),
        ({"outcome": "granted_as_modified"}, "modification"),
        ({"quote": "The registry shall not"}, "quote_source"),
        ({"quote_source": "RA of 2023"}, "quote_source"),
    ],
)
def test_a_proposal_without_sense_is_refused(c: Case, words: dict[str, Any], field: str) -> None:
    given = {
        "lines": [c.grantable()[0].number],
        "outcome": "granted",
        "reasons": "x",
        "ends_at": timedelta(days=90),
        **words,
    }
    for name in ("ends_at", "effective_from", "acts_from"):
        if isinstance(given.get(name), timedelta):
            given[name] = c.w.now + given[name]
    refusal = refused(lambda: actions.propose(c.ref, by=c.w.security, now=c.w.now, **given), "invalid")
    assert field in [f.field for f in refusal.fields]
    assert not Decision.objects.exists()
    assert c.state is State.DECIDING


def test_a_line_without_instrument_or_not_for_this_team_is_not_granted(c: Case) -> None:
    line = c.grantable()[0]
    c.request.lines.filter(pk=line.pk).update(waivable_by="board")
    refused(lambda: c.propose([line]), "invalid", "is not for this team to give")
    c.request.lines.filter(pk=line.pk).update(instrument="")
    refused(lambda: c.propose([line]), "invalid", "has no instrument: change the line first")


@pytest.mark.parametrize("outcome", list(Outcome))
def test_each_outcome_can_be_proposed_and_approved(c: Case, outcome: Outcome) -> None:
    lines = c.grantable()[:2]
    decision = c.propose(lines, outcome.value, modification="Only for .biz")
    assert {w.state for w in c.lines() if w in lines} == {"proposed"}
    c.approve(decision)
    assert {(w.state, w.outcome) for w in c.lines() if w in lines} == {("decided", outcome.value)}
    c.w.assert_whole()


def test_a_line_is_proposed_once_at_a_time(c: Case) -> None:
    lines = c.grantable()
    c.propose(lines[:2])
    refused(lambda: c.propose(lines[1:]), "conflict", f"Line {lines[1].number} is proposed already.")
    c.decide(lines[2:3])
    refused(lambda: c.propose(lines[2:3]), "conflict", "is decided already")


def test_who_is_asked_to_approve_and_to_sign_is_told(c: Case) -> None:
    decision = c.propose()
    assert list(Notification.objects.filter(kind="to_approve").values_list("to", flat=True)) == [c.w.approver.email]
    assert not Notification.objects.filter(kind="to_sign").exists()
    c.approve(decision)
    assert list(Notification.objects.filter(kind="to_sign").values_list("to", flat=True)) == [c.w.signatory.email]
    rest = c.lines(state="open")
    if rest:
        c.decide(rest, "denied")
    assert Notification.objects.filter(kind="to_sign").count() == 1, "a denial asks for no signature"


def both_roles(c: Case, name: str, role: str, discipline: str = "") -> Person:
    person = getattr(c.w, name)
    RoleRow.objects.create(person=person, role=role, discipline=discipline)
    return Person.objects.get(pk=person.pk)


def test_nobody_approves_alone_and_is_told_who_can(c: Case) -> None:
    """Somebody who is responder and approver proposes; the names of the others come with the refusal."""
    both = both_roles(c, "security", "approver")
    decision = c.propose(by=both)
    refusal = refused(
        lambda: actions.approve(c.ref, decision.pk, by=both, now=c.w.now), "self_approval", "You proposed this"
    )
    assert refusal.who_can == ("Tom Okafor",)
    assert Decision.objects.get().state == "proposed"
    actions.approve(c.ref, decision.pk, by=c.w.approver, now=c.w.now)


def test_who_proposed_one_may_approve_anothers(c: Case) -> None:
    both = both_roles(c, "security", "approver")
    c.propose(c.grantable()[:1], by=both)
    theirs = c.propose(c.grantable()[:1], by=c.w.compliance)
    assert actions.approve(c.ref, theirs.pk, by=both, now=c.w.now).approved_by == both


@pytest.mark.parametrize("who", ["security", "officer", "signatory", "auditor", "filer", "stranger", "administrator"])
def test_only_an_approver_approves_and_returns(c: Case, who: str) -> None:
    """And whoever may not is not told which decisions there are."""
    decision = c.propose()
    person = getattr(c.w, who)
    code = "not_found" if who in ("stranger", "administrator") else "not_allowed"
    said = {
        refused(lambda pk=pk: actions.approve(c.ref, pk, by=person, now=c.w.now), code).message
        for pk in (decision.pk, decision.pk + 1)
    }
    assert len(said) == 1
    refused(lambda: actions.return_proposal(c.ref, decision.pk, reason="x", by=person, now=c.w.now), code)


def test_the_database_refuses_self_approval(c: Case) -> None:
    """By SQL, past every action."""
    decision = c.propose()
    with (
        pytest.raises(DatabaseError, match="approver_is_not_author"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE requests_decision SET approved_by_id = proposed_by_id, approved_at = proposed_at, state = 'approved' "
            "WHERE id = %s",
            [decision.pk],
        )
    with pytest.raises(DatabaseError), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(approved_by=c.w.security, approved_at=c.w.now)


def test_the_database_refuses_an_approval_by_nobody(c: Case) -> None:
    """An unknown author means no."""
    decision = c.propose()
    with (
        pytest.raises(DatabaseError, match="approved_by_somebody"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE requests_decision SET state = 'approved' WHERE id = %s", [decision.pk])


def test_the_database_refuses_a_second_live_decision_for_a_line(c: Case) -> None:
    lines = c.grantable()
    first, second = c.propose(lines[:1]), c.propose(lines[1:2], "denied")
    item = DecisionLine.objects.get(decision=first)
    with pytest.raises(DatabaseError), transaction.atomic():
        DecisionLine.objects.create(decision=second, line=item.line)
    DecisionLine.objects.filter(pk=item.pk).update(live=False)
    DecisionLine.objects.create(decision=second, line=item.line)


def test_a_returned_proposal_opens_its_lines_and_stays_on_record(c: Case) -> None:
    decision = c.propose()
    refused(lambda: actions.return_proposal(c.ref, decision.pk, reason=" ", by=c.w.approver, now=c.w.now), "invalid")
    actions.return_proposal(c.ref, decision.pk, reason="Too long", by=c.w.approver, now=c.w.now)
    decision.refresh_from_db()
    assert (decision.state, decision.end_reason, decision.ended_by) == ("returned", "Too long", c.w.approver)
    assert {w.state for w in c.lines()} == {"open"}
    assert c.state is State.DECIDING
    for act in (
        lambda: actions.approve(c.ref, decision.pk, by=c.w.approver, now=c.w.now),
        lambda: actions.return_proposal(c.ref, decision.pk, reason="x", by=c.w.approver, now=c.w.now),
    ):
        refused(act, "conflict", "This decision was returned already.")
    c.decide()
    assert Decision.objects.count() == 2
    c.w.assert_whole()


def test_a_decision_of_another_request_is_none_of_this_one(c: Case) -> None:
    decision = c.propose()
    other = Case(c.w).file().to(State.DECIDING)
    refused(lambda: actions.approve(other.ref, decision.pk, by=c.w.approver, now=c.w.now), "invalid", "has no decision")
    refused(
        lambda: actions.return_proposal(other.ref, decision.pk, reason="x", by=c.w.approver, now=c.w.now), "invalid"
    )


def test_a_list_that_changes_after_the_proposal_makes_it_lapse(c: Case) -> None:
    """What would be approved is not what was proposed."""
    decision = c.propose(c.grantable()[:1])
    assert c.state is State.DECIDING
    actions.remove_names(c.ref, 1, ["alpha.biz"], reason="x", by=c.w.security, now=c.w.now)
    refused(lambda: c.approve(decision), "lapsed", "A name list changed after the proposal.")
    actions.return_proposal(c.ref, decision.pk, reason="list changed", by=c.w.approver, now=c.w.now)
    c.decide()


def test_the_answer_is_given_where_nothing_is_granted(c: Case) -> None:
    c.decide(c.lines(), "denied")
    assert c.state is State.DECIDED
    refused(
        lambda: actions.conclude(c.ref, channel=" ", by=c.w.officer, now=c.w.now),
        "invalid",
        "how the registry was told",
    )
    refused(lambda: actions.conclude(c.ref, channel="voice", by=c.w.approver, now=c.w.now), "not_allowed")
    actions.conclude(c.ref.lower(), channel="voice, then e-mail", by=c.w.officer, now=c.w.now)
    assert c.state is State.CLOSED
    assert c.request.closed_at == c.w.now
    assert Notification.objects.get(kind="concluded").to == c.w.filer.email
    c.w.assert_whole()


def test_a_grant_is_signed_and_not_just_told(c: Case) -> None:
    c.decide().refuse_the_rest()
    assert c.state is State.DECIDED
    refused(
        lambda: actions.conclude(c.ref, channel="voice", by=c.w.officer, now=c.w.now), "not_now", "sign the instrument"
    )
    assert "conclude" not in {row.name for row in queries.offered(c.w.officer, c.request).others}


def test_the_period_offered_is_the_one_asked_for_and_reaches_the_first_act(c: Case) -> None:
    starts, ends = actions.default_period(c.request)
    assert starts == (c.w.now - timedelta(days=1)).replace(microsecond=0)
    assert ends is None
    week_ago = (c.w.now - timedelta(days=7)).replace(microsecond=0)
    period = {"acts_from": week_ago.isoformat(), "ends_at": c.ends.isoformat()}
    actions.add_part(c.ref, "period", period, by=c.w.filer, now=c.w.now)
    assert actions.default_period(c.request) == (week_ago, c.ends)


def test_a_provision_that_staff_add_counts_from_then_on_and_changes_no_line_that_stands(c: Case) -> None:
    """Without a release; lines keep their own copy of the row they were made from."""
    line = c.lines(provision="2.9(a)")[0]
    old = next(r for r in queries.catalogue() if r.key == (line.agreement.family, line.agreement.version, "2.9(a)"))
    body = {
        "id": "2.9(a)", "title": "Registrars, as amended", "demands": "Everything through registrars.", "source": "Amendment 3",
        "certainty": "S", "waivable_by": "officer", "instrument": "waiver", "departs_by": ["create:direct"],
    }  # fmt: skip

    def add(by: Person = c.w.security, reason: str = "Amended", **changes: object) -> object:
        return actions.add_provision(
            family=old.family, version=old.version, body={**body, **changes}, reason=reason, by=by, now=c.w.now
        )

    for who in (c.w.approver, c.w.administrator, c.w.auditor, c.w.filer):
        refused(lambda who=who: add(who), "not_allowed")
    refused(lambda: add(reason=" "), "invalid", "why the row is added")
    refused(lambda: add(waivable_by="the king"), "unfit", "waivable_by must be one of")
    assert not Event.objects.filter(kind="provision.added").exists()
    add()
    add(title="Registrars, as amended twice")
    new = next(r for r in queries.catalogue() if r.key == old.key)
    assert (new.title, new.row, new.waivable_by) == ("Registrars, as amended twice", old.row + 2, "officer")
    assert Event.objects.filter(kind="provision.added").count() == 2
    line.refresh_from_db()
    assert (line.provision_title, line.waivable_by, line.provision_row) == (old.title, old.waivable_by, old.row)
    fresh = Case(c.w).file().fill()
    assert {w.waivable_by for w in fresh.lines(provision="2.9(a)")} == {"officer"}
