"""Coming back and leaving: new invitations, ended access, ended delegations; two who act at one moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ersr import clock
from ersr.core.errors import Refusal
from ersr.core.events import EVENTS
from ersr.ledger.models import Event
from ersr.people import actions, factors, queries
from ersr.people.actions.inviting import invitation_of
from ersr.people.models import Delegation, Person, Session
from ersr.people.sessions import SessionStore
from tests import world as worlds
from tests.world import PASSWORD, World

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def w(db: None) -> World:
    return worlds.build()


def come_in(w: World, person: Person) -> str:
    """A session and a token; the token's text."""
    session = SessionStore()
    session["_auth_user_id"] = str(person.pk)
    session.create()
    return actions.make_token(person, name="t", scopes=["read"], lasts=timedelta(days=1), now=w.now)[1]


def kinds() -> list[str]:
    return list(Event.objects.order_by("-pk").values_list("kind", flat=True)[:1])


def shut_out(w: World, text: str) -> bool:
    with pytest.raises(Refusal, match="unknown, ended or expired"):
        queries.person_of_token(text, now=w.now)
    return not Session.objects.filter(person=w.filer).exists()


def test_one_administrator_replaces_no_factor_and_a_new_one_ends_all_older(w: World) -> None:
    """Whoever has a factor is not invited anew by one person; until a link is used to its end, all that was counts."""
    text = come_in(w, w.filer)
    with pytest.raises(Refusal, match="has a second factor") as refusal:
        actions.reinvite(w.filer, by=w.administrator, now=w.now)
    assert refusal.value.code == "not_now"
    code = invitation_of(w.filer, w.now, timedelta(days=1))
    factor = actions.begin_enrolment(code, "four loud geese swim", now=w.now)
    step = int(w.now.timestamp()) // factors.STEP
    queries.person_of_token(text, now=w.now)
    assert actions.sign_in(w.filer.email, PASSWORD, w.code(w.filer), now=clock.real(), through="portal")
    actions.confirm_enrolment(code, factors._code(factors._open(factor), step), now=w.now)
    assert shut_out(w, text)
    assert w.filer.factors.get() == factor
    fresh = factors._code(factors._open(factor), step + 1)
    came = actions.sign_in(w.filer.email, "four loud geese swim", fresh, now=w.now, through="portal")
    assert came == w.filer
    assert came.roles == w.filer.roles


def test_a_new_invitation_ends_the_open_one(w: World) -> None:
    person, first = actions.invite(
        email="n@icann.example", name="N", party=w.parties["authority"], roles=[("approver", "")], by=None, now=w.now
    )
    second = actions.reinvite(person, by=w.administrator, now=w.now + SECOND)
    with pytest.raises(Refusal) as refusal:
        actions.begin_enrolment(first, PASSWORD, now=w.now + SECOND)
    assert refusal.value.code == "lapsed"
    actions.begin_enrolment(second, PASSWORD, now=w.now + SECOND)


def test_ended_access_opens_nothing_and_can_be_given_back(w: World) -> None:
    text = come_in(w, w.filer)
    open_code = invitation_of(w.night, w.now, timedelta(days=1))
    actions.deactivate(w.night, by=w.administrator, reason="Left.", now=w.now + SECOND)
    with pytest.raises(Refusal, match="too old"):
        actions.begin_enrolment(open_code, PASSWORD, now=w.now + SECOND)
    actions.deactivate(w.filer, by=w.administrator, reason="Left.", now=w.now)
    assert kinds() == ["people.deactivated"]
    assert shut_out(w, text)
    with pytest.raises(Refusal) as refusal:
        actions.sign_in(w.filer.email, PASSWORD, w.code(w.filer), now=clock.real(), through="portal")
    assert refusal.value.code == "credentials"
    with pytest.raises(Refusal) as refusal:
        actions.deactivate(w.filer, by=w.administrator, reason="Again.", now=w.now)
    assert refusal.value.code == "already"
    actions.reactivate(w.filer, by=w.administrator, now=w.now)
    assert kinds() == ["people.reactivated"]
    assert actions.sign_in(w.filer.email, PASSWORD, w.code(w.filer), now=clock.real(), through="portal") == w.filer
    with pytest.raises(Refusal, match="has access"):
        actions.reactivate(w.filer, by=w.administrator, now=w.now)


ACTS: dict[str, Callable[..., Any]] = {
    "reinvite": lambda w, whom, by: actions.reinvite(whom, by=by, now=w.now),
    "reactivate": lambda w, whom, by: actions.reactivate(whom, by=by, now=w.now),
    "deactivate": lambda w, whom, by, reason="R": actions.deactivate(whom, by=by, reason=reason, now=w.now),
    "end_delegation": lambda w, whom, by, reason="R": actions.end_delegation(
        Delegation.objects.earliest("pk").pk, by=by, reason=reason, now=w.now
    ),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("who", ["officer", "auditor", "signatory", "filer"])
def test_only_an_administrator_does_this(w: World, act: str, who: str) -> None:
    events = Event.objects.count()
    with pytest.raises(Refusal) as refusal:
        ACTS[act](w, w.second, getattr(w, who))
    assert refusal.value.code == "not_allowed"
    assert Event.objects.count() == events


@pytest.mark.parametrize("act", ["reinvite", "reactivate", "deactivate"])
def test_nobody_does_this_to_themselves(w: World, act: str) -> None:
    """So that one administrator is always left."""
    with pytest.raises(Refusal, match="sk another administrator") as refusal:
        ACTS[act](w, w.administrator, w.administrator)
    assert refusal.value.code == "not_allowed"


@pytest.mark.parametrize("act", ["deactivate", "end_delegation"])
def test_an_end_needs_a_reason(w: World, act: str) -> None:
    with pytest.raises(Refusal) as refusal:
        ACTS[act](w, w.filer, w.administrator, reason=" ")
    assert [e.field for e in refusal.value.fields] == ["reason"]


@pytest.mark.parametrize("begins", [timedelta(days=-1), timedelta(0), timedelta(days=3)])
def test_an_ended_delegation_covers_nothing_from_now_on(w: World, begins: timedelta) -> None:
    """In force since yesterday, since this moment, or to come. The row stays, and the event says what it was."""
    Delegation.objects.all().delete()
    row = actions.delegate(
        person=w.signatory, instrument="waiver", families=["base"], starts_at=w.now + begins, words="Letter 9",
        ends_at=w.now + timedelta(days=9), by=w.administrator, now=w.now,
    )  # fmt: skip
    ended = actions.end_delegation(row.pk, by=w.administrator, reason="Withdrawn by the board.", now=w.now)
    assert ended.ends_at == w.now
    assert Delegation.objects.get() == row
    for later in (timedelta(0), timedelta(days=4)):
        assert queries.delegation_for(w.signatory, "waiver", "base", now=w.now + later) is None
    assert kinds() == ["delegation.ended"]
    with pytest.raises(Refusal) as refusal:
        actions.end_delegation(row.pk, by=w.administrator, reason="Again.", now=w.now)
    assert refusal.value.code == "already"


def test_a_delegation_that_is_not_there_is_not_found(w: World) -> None:
    with pytest.raises(Refusal) as refusal:
        actions.end_delegation(2_000_000_000, by=w.administrator, reason="R", now=w.now)
    assert refusal.value.code == "not_found"


def test_the_vocabulary_knows_the_events() -> None:
    assert {"people.reinvited", "people.deactivated", "delegation.ended"} <= set(EVENTS)


def test_two_who_invite_the_same_address_at_one_moment(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second did not see the first's row: the database refuses, and the words are the same."""
    words: dict[str, Any] = {"name": "N", "party": w.parties["authority"], "roles": [("approver", "")], "by": None}
    actions.invite(email="n@icann.example", now=w.now, **words)
    unseen = Person.objects.none()
    monkeypatch.setattr(type(Person.objects), "filter", lambda *_, **__: unseen)
    with pytest.raises(Refusal, match="was invited before") as refusal:
        actions.invite(email="n@icann.example", now=w.now, **words)
    assert refusal.value.code == "already"


def test_two_who_add_the_same_provision_at_one_moment(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from ersr.requests import actions as requests
    from ersr.requests import queries as told

    body = {"id": "9.9", "title": "T", "demands": "D", "source": "S", "waivable_by": "staff", "certainty": "U"}
    row: dict[str, Any] = {
        "family": "base", "version": "2023-04-30", "reason": "R", "by": w.security, "now": w.now,
        "body": body | {"instrument": "waiver", "departs_by": ["create:direct"]},
    }  # fmt: skip
    before = told.catalogue()
    assert requests.add_provision(**row).version == 1
    monkeypatch.setattr(told, "catalogue", lambda: before)
    with pytest.raises(Refusal, match=r"Somebody else added row 1 of 9\.9") as refusal:
        requests.add_provision(**row)
    assert refusal.value.code == "conflict"
