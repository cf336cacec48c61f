"""Invitations, passwords, second factors, sign-in: each refusal, each once."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.db import DatabaseError, connection, transaction

from ersr import clock
from ersr.core.errors import Refusal
from ersr.ledger.models import Event
from ersr.people import actions, factors
from ersr.people.models import Budget, Factor, Invitation, Person, RoleRow
from tests import world as worlds
from tests.world import PASSWORD, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def w(db: None) -> World:
    return worlds.build()


def invite(w: World, **changes: object) -> tuple[Person, str]:
    words: dict[str, object] = {
        "email": "New.Person@icann.example",
        "name": "New Person",
        "party": w.parties["authority"],
        "roles": [("approver", "")],
        "by": w.administrator,
        "now": w.now,
        **changes,
    }
    return actions.invite(**words)  # type: ignore[arg-type]


def code_at(person: Person, step: int) -> str:
    return factors._code(factors._open(Factor.objects.get(person=person)), step)


def step_of(moment: datetime) -> int:
    return int(moment.timestamp()) // factors.STEP


def test_an_invitation_works_once(w: World) -> None:
    person, code = invite(w)
    assert Invitation.objects.get(person=person).hash != code, "only its hash is kept"
    factor = actions.begin_enrolment(code, PASSWORD, now=w.now)
    totp = factors._code(factors._open(factor), step_of(w.now))
    assert actions.confirm_enrolment(code, totp, now=w.now) == person
    for again in (
        lambda: actions.begin_enrolment(code, "another password, long", now=w.now),
        lambda: actions.confirm_enrolment(code, totp, now=w.now),
    ):
        with pytest.raises(Refusal, match="was used or is too old") as refusal:
            again()
        assert refusal.value.code == "lapsed"
    assert check_password(PASSWORD, Person.objects.get(pk=person.pk).password)
    assert [e.kind for e in Event.objects.filter(subject=f"person:{person.pk}")] == [
        "people.invited",
        "people.enrolled",
    ]


@pytest.mark.parametrize(("late", "works"), [(timedelta(seconds=-1), True), (timedelta(0), False)])
def test_an_invitation_lasts_seven_days(w: World, late: timedelta, works: bool) -> None:
    _, code = invite(w)
    moment = w.now + timedelta(days=7) + late
    if works:
        assert actions.begin_enrolment(code, PASSWORD, now=moment)
    else:
        with pytest.raises(Refusal, match="too old"):
            actions.begin_enrolment(code, PASSWORD, now=moment)


def test_an_unknown_code_answers_as_if_nothing_were_there(w: World) -> None:
    with pytest.raises(Refusal) as refusal:
        actions.begin_enrolment("guessed", PASSWORD, now=w.now)
    assert refusal.value.code == "not_found"


@pytest.mark.parametrize("password", ["short", "password1234", "new.person@icann.example", ""])
def test_a_weak_password_is_refused_before_anything_is_set(w: World, password: str) -> None:
    """Too short, too common, or the address itself; the invitation stays good."""
    person, code = invite(w)
    with pytest.raises(Refusal) as refusal:
        actions.begin_enrolment(code, password, now=w.now)
    assert {f.field for f in refusal.value.fields} == {"password"}
    assert not Factor.objects.filter(person=person).exists()
    assert actions.begin_enrolment(code, PASSWORD, now=w.now)


def test_enrolling_anew_forgets_the_factor_that_was_never_confirmed(w: World) -> None:
    person, code = invite(w)
    first = actions.begin_enrolment(code, PASSWORD, now=w.now)
    secret = factors._open(first)
    actions.begin_enrolment(code, PASSWORD, now=w.now)
    assert Factor.objects.filter(person=person).count() == 1
    with pytest.raises(Refusal) as refusal:
        actions.confirm_enrolment(code, factors._code(secret, step_of(w.now)), now=w.now)
    assert refusal.value.code == "code_wrong"


def test_nobody_signs_in_before_the_factor_is_confirmed(w: World) -> None:
    person, code = invite(w)
    factor = actions.begin_enrolment(code, PASSWORD, now=w.now)
    with pytest.raises(Refusal) as refusal:
        actions.sign_in(
            person.email, PASSWORD, factors._code(factors._open(factor), step_of(w.now)), now=w.now, through="web"
        )
    assert refusal.value.code == "credentials"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"name": "  "}, "name"),
        ({"roles": []}, "roles"),
        ({"roles": [("king", "")]}, "roles"),
        ({"roles": [("legal", "")]}, "roles"),
        ({"roles": [("responder", "")]}, "roles"),
        ({"roles": [("responder", "astrology")]}, "roles"),
        ({"roles": [("approver", "security")]}, "roles"),
        ({"roles": [("filer", "")]}, "roles"),
    ],
)
def test_an_invitation_that_makes_no_sense_is_refused(w: World, changes: dict[str, object], field: str) -> None:
    before = Person.objects.count()
    with pytest.raises(Refusal) as refusal:
        invite(w, **changes)
    assert field in {f.field for f in refusal.value.fields}
    assert Person.objects.count() == before


def test_staff_roles_never_go_to_a_registry(w: World) -> None:
    with pytest.raises(Refusal, match="staff work for the authority"):
        invite(w, party=w.parties["north"], roles=[("approver", "")])


def test_the_same_address_is_invited_once_whatever_its_case(w: World) -> None:
    invite(w)
    with pytest.raises(Refusal) as refusal:
        invite(w, email="NEW.PERSON@ICANN.EXAMPLE")
    assert refusal.value.code == "already"


@pytest.mark.parametrize("who", ["officer", "approver", "signatory", "auditor", "counsel", "filer"])
def test_only_an_administrator_invites(w: World, who: str) -> None:
    with pytest.raises(Refusal) as refusal:
        invite(w, by=getattr(w, who))
    assert refusal.value.code == "not_allowed"
    assert "administrator" in refusal.value.message or "never" in refusal.value.message


@pytest.mark.parametrize(
    "row", [("responder", ""), ("approver", "security"), ("signatory", "legal")], ids=["bare", "approver", "signatory"]
)
def test_the_database_keeps_disciplines_where_they_belong(w: World, row: tuple[str, str]) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        RoleRow.objects.create(person=w.auditor, role=row[0], discipline=row[1])


def test_the_database_keeps_a_role_single(w: World) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        RoleRow.objects.create(person=w.approver, role="approver", discipline="")


def test_legal_is_a_responder_of_that_discipline(w: World) -> None:
    assert w.counsel.roles == {"responder", "legal"}
    assert w.security.roles == {"responder"}
    person, _ = invite(w, roles=[("responder", "legal"), ("responder", "security"), ("signatory", "")])
    person = Person.objects.get(pk=person.pk)
    assert person.roles == {"responder", "legal", "signatory"}
    assert person.disciplines == ("legal", "security")


# --- codes ---


@pytest.mark.parametrize(("drift", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_may_be_one_step_off(w: World, drift: int, right: bool) -> None:
    """30 seconds either way, as a clock that is slightly wrong needs."""
    Factor.objects.filter(person=w.officer).update(last_step=0)
    now = clock.real()
    code = code_at(w.officer, step_of(now) + drift)
    if right:
        assert factors.spend(w.officer, code, now=now)
    else:
        with pytest.raises(Refusal) as refusal:
            factors.spend(w.officer, code, now=now)
        assert refusal.value.code == "code_wrong"


def test_a_code_is_spent_once_and_with_it_the_older_ones(w: World) -> None:
    Factor.objects.filter(person=w.officer).update(last_step=0)
    now = clock.real()
    factors.spend(w.officer, code_at(w.officer, step_of(now)), now=now)
    for step in (step_of(now), step_of(now) - 1):
        with pytest.raises(Refusal, match="used already") as refusal:
            factors.spend(w.officer, code_at(w.officer, step), now=now)
        assert refusal.value.code == "code_used"
    assert factors.spend(w.officer, code_at(w.officer, step_of(now) + 1), now=now)


@pytest.mark.parametrize("code", ["", "000", "abcdef", "١٢٣٤٥٦", "１２３４５６", "²³¹²³¹", "1" * 5000, "\x00" * 6])
def test_nonsense_is_a_wrong_code_and_never_an_error(w: World, code: str) -> None:
    """Digits of other scripts too: they are digits to Python, and a comparison in constant time takes ASCII only."""
    with pytest.raises(Refusal) as refusal:
        factors.spend(w.officer, code, now=clock.real())
    assert refusal.value.code == "code_wrong"


def test_a_code_may_be_typed_with_a_gap(w: World) -> None:
    code = w.code(w.officer)
    assert factors.spend(w.officer, f" {code[:3]} {code[3:]} ", now=clock.real())


def test_the_code_is_the_one_of_rfc_6238() -> None:
    """Appendix B's SHA-1 vectors, cut to six digits."""
    secret = b"12345678901234567890"
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")):
        assert factors._code(secret, seconds // 30) == code


def test_the_stored_secret_is_sealed(w: World) -> None:
    """A thief of the table alone gains no factor; another SECRET_KEY cannot open it and says so."""
    factor = Factor.objects.get(person=w.officer)
    secret = factors._open(factor)
    assert secret.hex() not in factor.sealed
    assert factors.text_secret(factor) not in factor.sealed
    before, settings.SECRET_KEY = settings.SECRET_KEY, "another"
    try:
        with pytest.raises(Refusal, match="ERSR_SECRET_KEY was changed"):
            factors._open(factor)
    finally:
        settings.SECRET_KEY = before


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_spend_a_code_once() -> None:
    """On PostgreSQL both would read the old step; the conditional UPDATE lets one through."""
    w = worlds.build()
    code, now = w.code(w.officer), clock.real()
    barrier, results = threading.Barrier(4), []

    def spend() -> None:
        try:
            barrier.wait(10)
            factors.spend(Person.objects.get(pk=w.officer.pk), code, now=now)
            results.append("spent")
        except Refusal as refusal:
            results.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(results) == ["code_used", "code_used", "code_used", "spent"]


# --- sign-in ---


def sign_in(w: World, person: Person, **changes: str) -> Person:
    words = {"email": person.email, "password": PASSWORD, "totp": "", **changes}
    return actions.sign_in(words["email"], words["password"], words["totp"], now=clock.real(), through="web")


def test_all_three_right_sign_in_and_are_on_record(w: World) -> None:
    assert sign_in(w, w.officer, email=f" {w.officer.email.upper()} ", totp=w.code(w.officer)) == w.officer
    event = Event.objects.get(kind="people.signed_in")
    assert b'"through":"web"' in bytes(event.body.record)


@pytest.mark.parametrize("wrong", ["email", "password", "totp", "inactive", "all"])
def test_one_refusal_for_every_wrong_sign_in(w: World, wrong: str) -> None:
    """The answer does not tell which of the three was wrong, nor whether there is such a person."""
    changes: dict[str, str] = {"totp": w.code(w.officer)}
    if wrong in ("email", "all"):
        changes["email"] = "nobody@icann.example"
    if wrong in ("password", "all"):
        changes["password"] = "wrong horse battery staple"
    if wrong in ("totp", "all"):
        changes["totp"] = "000000" if w.code(w.officer) != "000000" else "000001"
    if wrong == "inactive":
        Person.objects.filter(pk=w.officer.pk).update(is_active=False)
    with pytest.raises(Refusal) as refusal:
        sign_in(w, w.officer, **changes)
    assert (refusal.value.code, refusal.value.message) == (
        "credentials",
        "E-mail, password or code is not right. Try again, or call the duty line.",
    )
    assert refusal.value.__cause__ is None
    assert Budget.objects.exists(), "the try is counted"
    assert not Event.objects.filter(kind="people.signed_in").exists()


def test_a_wrong_password_spends_no_code(w: World) -> None:
    code = w.code(w.officer)
    with pytest.raises(Refusal):
        sign_in(w, w.officer, password="wrong", totp=code)
    assert sign_in(w, w.officer, totp=code) == w.officer
