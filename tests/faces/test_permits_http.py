"""Each cell of core/permits.py over HTTP: role x relation x action. The table says yes: it works. It says no: 403, or 404."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from django.db import transaction

from ersr import clock
from ersr.core.lifecycle import ACTIONS, Role
from ersr.core.permits import BANS, OFFICE, PERMITS, Relation, office, verdict
from ersr.parties.models import ContactNumber
from ersr.people.models import Person, Recovery, RoleRow
from ersr.requests.models import Decision, Request
from tests import world as worlds
from tests.faces import stages
from tests.faces.calling import Caller

#: Permits are a table of core's: which database is asked makes no difference.
pytestmark = [pytest.mark.django_db, pytest.mark.once]

#: role -> who in the world has it. A responder of the legal discipline has both roles, as Role says.
WHO = {
    Role.ADMINISTRATOR: "administrator",
    Role.APPROVER: "approver",
    Role.AUDITOR: "auditor",
    Role.DUTY_OFFICER: "second",
    Role.FILER: "filer",
    Role.LEGAL: "counsel",
    Role.RESPONDER: "services",
    Role.SIGNATORY: "signatory",
}
RELATIONS = {
    role: ({Relation.OWN}, {Relation.STRANGER})
    if role is Role.FILER
    else ({Relation.NONE}, {Relation.HOLDER}, {Relation.AUTHOR}, {Relation.AUTHOR, Relation.HOLDER})
    for role in Role
}
#: What a permitted call answers where it is no success: you cannot take what you have.
NO_SUCCESS = {("take", Relation.HOLDER): 409}


def arrange(made: stages.Stages, action: str, person: Person, relations: set[Relation]) -> None:
    """Makes the person what the cell says they are to the request."""
    request = made.requests[stages.STAGE[action]]
    if Relation.HOLDER in relations:
        Request.objects.filter(pk=request.pk).update(holder=person)
    if Relation.AUTHOR in relations:
        other = next(p for p in (made.world.approver, made.world.second) if p.pk != person.pk)
        Decision.objects.filter(request=request, state="approved").update(approved_by=other)
        Decision.objects.filter(request=request).update(proposed_by=person)


def judge(action: str, relations: set[Relation], answer: Any, *, allowed: bool, visible: bool) -> str:
    """Empty if the answer is what the table says."""
    got = answer.status_code
    if allowed:
        wanted = next((code for (a, r), code in NO_SUCCESS.items() if a == action and r in relations), None)
        right = got == wanted if wanted else got in (200, 201)
    else:
        right = got == (403 if visible else 404)
    return "" if right else f"allowed {allowed}, visible {visible}, but {got}: {answer.content[:300]!r}"


@pytest.fixture
def made() -> stages.Stages:
    return stages.build(worlds.build())


def test_every_cell_of_the_table_answers_as_it_says(made: stages.Stages) -> None:
    """840 cells, none left out, each in a savepoint of one world."""
    w = made.world
    callers = {person.pk: Caller(person) for person in w.people.values()}
    tried, wrong = set(), []
    for role in Role:
        for relations, action in product(RELATIONS[role], PERMITS):
            person = w.stranger if relations == {Relation.STRANGER} else w.people[WHO[role]]
            said = verdict(action, person.roles, relations)
            tried.add((role, frozenset(relations), action))
            with transaction.atomic():
                arrange(made, action, person, relations - {Relation.OWN, Relation.STRANGER, Relation.NONE})
                answer = stages.attempt(made, action, callers[person.pk], person)
                transaction.set_rollback(True)
            if (action, role, relations) == ("submit", Role.FILER, {Relation.STRANGER}):
                # No request is there yet to be a stranger to: it is the answer "operator" that is refused.
                assert answer.status_code == 422
                assert [e["field"] for e in answer.json()["errors"]] == ["operator"]
                continue
            if action == "submit":  # and staff, to whom a request would be visible, are told what they lack
                said = said.__class__(said.allowed, True)
            if problem := judge(action, relations, answer, allowed=said.allowed, visible=said.visible):
                wrong.append(f"{action} by {role} as {'+'.join(sorted(relations))}: {problem}")
    assert wrong == []
    assert len(tried) == 840 == len(PERMITS) * sum(len(rows) for rows in RELATIONS.values())
    assert {a for _, _, a in tried} == set(PERMITS) >= set(ACTIONS)
    assert {r for r, _, _ in tried} == set(Role)


def attempt_office(w: worlds.World, action: str, caller: Caller) -> Any:
    until = w.now.replace(year=w.now.year + 1).isoformat()
    row = {
        "id": "9.9", "title": "T", "demands": "D", "source": "S", "waivable_by": "staff", "certainty": "U",
        "instrument": "waiver", "departs_by": ["create:direct"],
    }  # fmt: skip
    match action:
        case "add_provision":
            return caller.post("provisions", {"family": "base", "version": "2023-04-30", "body": row, "reason": "R"})
        case "delegate":
            words = {"person": w.signatory.email, "instrument": "waiver", "families": ["base"], "words": "R"}
            return caller.post("delegations", words | {"starts_at": w.now.isoformat(), "ends_at": until})
        case "import_popularity":
            form = {"title": "T", "as_of": "2026-01-01"}
            return caller.post("popularity", form, files={"file": b"1,example.com\n"})
        case "invite":
            words = {"email": "new@icann.example", "name": "New", "party": "icann", "roles": [["approver", ""]]}
            return caller.post("people", words)
        case "send_again":
            return caller.post("outbox/send_again")
        case "call_back" | "approve_recovery":
            row = Recovery.objects.create(person=w.filer, asked_at=clock.real())
            if action == "approve_recovery":
                Recovery.objects.update(called_by=w.security, called_at=clock.real())
                return caller.post(f"recoveries/{row.pk}/approve")
            number = ContactNumber.objects.get(number="+3225550100")
            return caller.post(f"recoveries/{row.pk}/call", {"number_id": number.pk, "outcome": "confirmed"})
    return caller.get({"read_ledger": "ledger/events"}.get(action, action.removeprefix("read_")))


def test_every_cell_of_the_office_answers_as_it_says() -> None:
    """Each role, each action about the house."""
    w = worlds.build()
    wrong, tried = [], 0
    for role, action in product(Role, OFFICE):
        person = w.people[WHO[role]]
        tried += 1
        with transaction.atomic():
            answer = attempt_office(w, action, Caller(person))
            transaction.set_rollback(True)
        allowed = office(action, person.roles).allowed
        if (answer.status_code in (200, 201)) != allowed or (not allowed and answer.status_code not in (403, 404)):
            wrong.append(f"{action} by {role}: allowed {allowed}, but {answer.status_code}: {answer.content[:300]!r}")
    assert wrong == []
    assert tried == len(Role) * len(OFFICE)


def test_a_ban_beats_every_permission(made: stages.Stages) -> None:
    """Whoever administers or audits never acts on a case, whatever other roles they have."""
    wrong = []
    for ban, (other, action) in product(
        (Role.ADMINISTRATOR, Role.AUDITOR),
        (
            (Role.APPROVER, "approve"),
            (Role.DUTY_OFFICER, "take"),
            (Role.LEGAL, "read_privileged"),
            (Role.RESPONDER, "propose"),
            (Role.SIGNATORY, "preview"),
            (Role.SIGNATORY, "sign"),
        ),
    ):
        assert action in BANS[ban]
        person = made.world.people[WHO[other]]
        with transaction.atomic():
            before = stages.attempt(made, action, Caller(person), person)
            transaction.set_rollback(True)
        with transaction.atomic():
            RoleRow.objects.create(person=person, role=ban)
            after = stages.attempt(made, action, Caller(person), person)
            transaction.set_rollback(True)
        said = f"The role {ban.words} never does this"
        if (before.status_code, after.status_code) != (200, 403) or said not in after.json()["detail"]:
            wrong.append((ban, other, action, before.content[:200], after.content[:200]))
    assert wrong == []
