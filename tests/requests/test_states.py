"""The table, tried: in each state every action that the table does not allow there is refused, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ersr.core.errors import Refusal
from ersr.core.lifecycle import ACTIONS, Role, State, told_state
from ersr.core.permits import PERMITS
from ersr.ledger.models import Event
from ersr.requests import actions, queries
from ersr.requests.models import Request
from ersr.waivers import actions as waivers
from tests import world as worlds
from tests.requests.steps import Case, begin

pytestmark = pytest.mark.django_db

#: What a registry does. A filer is not told that a proposal lies there.
FILERS = {name for name in ACTIONS if Role.FILER in PERMITS[name]}


def attempts(c: Case) -> dict[str, Callable[[], object]]:
    """Each action with answers that would be right, by somebody who may."""
    w, ref, now = c.w, c.ref, c.w.now
    words = {"by": w.filer, "now": now}
    officer = {"by": w.officer, "now": now}
    security = {"by": w.security, "now": now}
    approver = {"by": w.approver, "now": now}
    signatory = {"by": w.signatory, "now": now}
    decision = c.request.decisions.order_by("pk").last()
    waiver = c.waivers[0].reference if c.waivers else ""
    act = {"action": "create", "taken": "planned"}
    found: dict[str, Callable[[], object]] = {
        "add_part": lambda: actions.add_part(ref, "happening", {"text": "more"}, **words),
        "record_act": lambda: actions.record_act(ref, act, **words),
        "add_list": lambda: actions.add_list(ref, b"delta.biz", title="x", **words),
        "add_evidence": lambda: actions.add_evidence(ref, b"x", name="x", **words),
        "answer": lambda: actions.answer(ref, {q.pk: "x" for q in c.request.questions.all()}, **words),
        "withdraw": lambda: actions.withdraw(ref, reason="x", **words),
        "take": lambda: actions.take(ref, by=w.second, now=now),
        "call": lambda: actions.call(ref, number_id=c.number(), outcome="no_answer", **officer),
        "ask": lambda: actions.ask(ref, "x", **officer),
        "assess": lambda: actions.assess(ref, discipline="security", recommendation="grant", body="x", **security),
        "note_privileged": lambda: actions.assess(
            ref, discipline="legal", recommendation="", body="x", privileged=True, by=w.counsel, now=now
        ),
        "change_line": lambda: actions.change_line(ref, 1, {"hint": "ask"}, reason="x", **security),
        "answer_hits": lambda: actions.remove_names(ref, 1, ["alpha.biz"], reason="x", **security),
        "confirm_lines": lambda: actions.confirm_lines(ref, **security),
        "propose": lambda: actions.propose(ref, lines=[1], outcome="denied", reasons="x", **security),
        "approve": lambda: actions.approve(ref, decision.pk if decision else 0, **approver),
        "return_proposal": lambda: actions.return_proposal(ref, decision.pk if decision else 0, reason="x", **approver),
        "preview": lambda: waivers.preview(ref, "waiver", **signatory),
        "sign": lambda: waivers.sign(ref, 0, "000000", **signatory),
        "send_back": lambda: waivers.send_back(ref, reason="x", **signatory),
        "conclude": lambda: actions.conclude(ref, channel="voice", **officer),
    }
    if waiver:
        found["serve"] = lambda: waivers.serve(waiver, channel="post", served_at=now, confirmation="x", **officer)
        found["acknowledge"] = lambda: waivers.acknowledge(waiver, **words)
    return found


@pytest.mark.parametrize("state", list(State))
def test_what_the_table_does_not_allow_is_refused(state: State) -> None:
    """Not now, in the table's words; no event, no change of state."""
    c = begin().to(state)
    Request.objects.filter(holder__isnull=True).update(holder=c.w.officer)  # calling and asking need a holder first
    possible = {name for name, row in ACTIONS.items() if state in row.origin}
    before = Event.objects.count()
    tried = 0
    for name, attempt in attempts(c).items():
        if name in possible:
            continue
        with pytest.raises(Refusal) as refusal:
            attempt()
        assert refusal.value.code == "not_now", name
        assert ACTIONS[name].label in refusal.value.message
        told = told_state(state, staff=name not in FILERS)
        assert f"{c.ref} is {told.replace('_', ' ')}" in refusal.value.message
        tried += 1
    assert tried >= 4
    assert Event.objects.count() == before
    assert c.state is state
    c.w.assert_whole()


@pytest.mark.parametrize("state", list(State))
def test_what_is_offered_is_possible_and_permitted(state: State) -> None:
    """To everybody, in every state: one primary action at most, and nothing that the table or the permits refuse."""
    c = begin().to(state)
    for person in c.w.people.values():
        try:
            request = queries.request_for(person, c.ref)
        except Refusal:
            assert person in (c.w.stranger, c.w.administrator, c.w.night)
            continue
        said = queries.offered(person, request)
        for row in (*said.others, *((said.primary,) if said.primary else ())):
            assert state in row.origin
            assert queries.may(person, request, row.name).allowed
        if person == c.w.auditor:
            assert said.primary is None
            assert said.others == ()


def test_no_state_waits_for_a_button_that_nobody_has() -> None:
    w = worlds.build()
    for state in State:
        if state in (State.CLOSED, State.WITHDRAWN):
            continue
        c = Case(w).file().to(state)
        people = [p for p in w.people.values() if p not in (w.stranger, w.administrator, w.night)]
        assert any(queries.offered(p, c.request).primary for p in people), state
