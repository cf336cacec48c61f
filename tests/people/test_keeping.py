"""Tokens, sessions, delegations, kept forms: whose they are, how long they last, how they end."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from ersr import clock
from ersr.core.errors import Refusal
from ersr.ledger.models import Event
from ersr.people import actions, patience, queries
from ersr.people.models import Attempt, Budget, Delegation, KeptForm, Person, Session, Token
from ersr.people.sessions import SessionStore
from tests import world as worlds
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def w(db: None) -> World:
    return worlds.build()


# --- tokens ---


def test_a_token_is_shown_once_and_kept_as_a_hash(w: World) -> None:
    row, text = actions.make_token(
        w.filer, name="ci", scopes=["write", "read", "read"], lasts=timedelta(days=1), now=w.now
    )
    assert text.startswith("ersr_")
    assert text not in json.dumps([str(v) for v in Token.objects.values_list().get()])
    found = queries.person_of_token(text, now=w.now)
    assert (found.pk, found.person, found.scopes) == (row.pk, w.filer, "read write")


@pytest.mark.parametrize(
    ("scopes", "lasts", "field"),
    [
        ([], timedelta(days=1), "scopes"),
        (["read", "root"], timedelta(days=1), "scopes"),
        (["read"], timedelta(0), "days"),
        (["read"], timedelta(days=-1), "days"),
        (["read"], timedelta(days=366, seconds=1), "days"),
    ],
)
def test_a_token_without_sense_is_refused(w: World, scopes: list[str], lasts: timedelta, field: str) -> None:
    with pytest.raises(Refusal) as refusal:
        actions.make_token(w.filer, name="x", scopes=scopes, lasts=lasts, now=w.now)
    assert [f.field for f in refusal.value.fields] == [field]
    assert not Token.objects.exists()


def test_a_token_ends_at_its_hour(w: World) -> None:
    _, text = actions.make_token(w.filer, name="x", scopes=["read"], lasts=timedelta(hours=1), now=w.now)
    assert queries.person_of_token(text, now=w.now + timedelta(minutes=59, seconds=59))
    with pytest.raises(Refusal) as refusal:
        queries.person_of_token(text, now=w.now + timedelta(hours=1))
    assert refusal.value.code == "sign_in"


def test_ended_unknown_and_strangers_tokens_answer_alike(w: World) -> None:
    row, text = actions.make_token(w.filer, name="x", scopes=["read"], lasts=timedelta(days=1), now=w.now)
    with pytest.raises(Refusal) as other:
        actions.end_token(w.stranger, row.pk, now=w.now)
    assert other.value.code == "not_found"
    assert queries.person_of_token(text, now=w.now)
    actions.end_token(w.filer, row.pk, now=w.now)
    with pytest.raises(Refusal):
        actions.end_token(w.filer, row.pk, now=w.now)
    said = set()
    for tried in (text, "ersr_guess", ""):
        with pytest.raises(Refusal) as refusal:
            queries.person_of_token(tried, now=w.now)
        said.add((refusal.value.code, refusal.value.message))
    assert len(said) == 1
    assert list(queries.tokens_of(w.filer)) == []


def test_the_token_of_somebody_who_left_is_dead(w: World) -> None:
    _, text = actions.make_token(w.filer, name="x", scopes=["read"], lasts=timedelta(days=1), now=w.now)
    Person.objects.filter(pk=w.filer.pk).update(is_active=False)
    with pytest.raises(Refusal):
        queries.person_of_token(text, now=w.now)


# --- sessions ---


def session(person: Person, **delta: float) -> str:
    store = SessionStore()
    store["_auth_user_id"] = str(person.pk)
    store["began"] = clock.real().isoformat()
    store["agent"] = "Firefox"
    store.set_expiry(clock.real() + timedelta(**(delta or {"hours": 8})))
    store.save()
    return str(store.session_key)


def test_sessions_are_listed_to_their_owner_and_ended_by_their_owner(w: World) -> None:
    first, second, theirs = session(w.filer), session(w.filer), session(w.stranger)
    session(w.filer, hours=-1)  # has run out
    listed = queries.sessions_of(w.filer, now=clock.real())
    assert {s.session_key for s in listed} == {first, second}
    assert {s.agent for s in listed} == {"Firefox"}
    with pytest.raises(Refusal) as refusal:
        actions.end_session(w.filer, actions.digest(theirs), now=w.now)
    assert refusal.value.code == "not_found"
    actions.end_session(w.filer, actions.digest(first), now=w.now)
    assert {s.session_key for s in queries.sessions_of(w.filer, now=clock.real())} == {second}
    assert SessionStore(first).load() == {}, "the ended session signs nobody in"
    assert SessionStore(second).load()["_auth_user_id"] == str(w.filer.pk)
    assert Event.objects.filter(kind="people.ended_session").count() == 1


def test_a_session_of_nobody_is_no_ones(w: World) -> None:
    """A visitor before sign-in has one too."""
    store = SessionStore()
    store["x"] = 1
    store.save()
    assert Session.objects.get(session_key=store.session_key).person is None
    assert queries.sessions_of(w.filer, now=clock.real()) == []


# --- delegations ---


def delegate(w: World, **changes: object) -> Delegation:
    words: dict[str, object] = {
        "person": w.signatory,
        "instrument": "waiver",
        "families": ["base"],
        "starts_at": w.now,
        "ends_at": w.now + timedelta(days=10),
        "words": "Letter of 3 May",
        "by": w.administrator,
        "now": w.now,
        **changes,
    }
    return actions.delegate(**words)  # type: ignore[arg-type]


def test_a_delegation_is_on_record_with_its_period(w: World) -> None:
    """Who, what, for which families, from when to when, on what ground: the ledger holds all of it."""
    delegate(w)
    facts = json.loads(bytes(Event.objects.filter(kind="delegation.given").latest("pk").body.record))["facts"]
    assert facts["person"] == w.signatory.email
    assert facts["families"] == ["base"]
    assert facts["starts_at"] < facts["ends_at"]
    assert (facts["instrument"], facts["officer"], facts["words"]) == ("waiver", False, "Letter of 3 May")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"instrument": "licence"}, "instrument"),
        ({"families": []}, "families"),
        ({"families": ["base; drop"]}, "families"),
        ({"ends_at": None}, "ends_at"),
        ({"words": " "}, "words"),
    ],
)
def test_a_delegation_without_sense_is_refused(w: World, changes: dict[str, object], field: str) -> None:
    if "ends_at" in changes:
        changes = {"ends_at": w.now}
    with pytest.raises(Refusal) as refusal:
        delegate(w, **changes)
    assert [f.field for f in refusal.value.fields] == [field]


def test_only_a_signatory_is_given_one_and_only_by_an_administrator(w: World) -> None:
    with pytest.raises(Refusal, match="is not a signatory"):
        delegate(w, person=w.approver)
    for who in (w.signatory, w.approver, w.auditor, w.officer):
        with pytest.raises(Refusal) as refusal:
            delegate(w, by=who)
        assert refusal.value.code == "not_allowed"


def test_the_database_keeps_a_delegations_period_straight(w: World) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        Delegation.objects.create(
            person=w.signatory, instrument="waiver", families="base", starts_at=w.now, ends_at=w.now, words="x",
            given_by=w.administrator,
        )  # fmt: skip


def test_which_delegation_covers(w: World) -> None:
    """Instrument, whole family word, period with its beginning and without its end, and an officer's where it needs one."""
    Delegation.objects.all().delete()
    row = delegate(w, families=["base-2013", "legacy"])

    def covers(instrument: str = "waiver", family: str = "legacy", officer: bool = False, **delta: float) -> bool:
        found = queries.delegation_for(w.signatory, instrument, family, now=w.now + timedelta(**delta), officer=officer)
        assert found in (None, row)
        return found is not None

    assert covers()
    assert covers(days=9, hours=23, minutes=59, seconds=59)
    assert covers(family="base-2013")
    assert not covers(seconds=-1)
    assert not covers(days=10)
    assert not covers(instrument="authorisation")
    assert not covers(family="base")
    assert not covers(family="lega")
    assert not covers(officer=True)
    assert queries.delegation_for(w.approver, "waiver", "legacy", now=w.now) is None


# --- kept forms ---


def test_a_kept_form_is_its_senders_for_a_day(w: World) -> None:
    kept = actions.keep_form(w.filer, "/file/check", "happening=x", now=w.now)
    assert queries.kept_form(w.filer, kept.key, now=w.now + timedelta(hours=23, minutes=59)).body == "happening=x"
    for who, later in ((w.stranger, 0), (w.night, 0), (w.filer, 24)):
        with pytest.raises(Refusal) as refusal:
            queries.kept_form(who, kept.key, now=w.now + timedelta(hours=later))
        assert refusal.value.code == "not_found"
    actions.drop_kept_form(w.stranger, kept.key)
    assert KeptForm.objects.exists()
    actions.drop_kept_form(w.filer, kept.key)
    assert not KeptForm.objects.exists()


def test_keeping_a_form_drops_everybodys_old_ones(w: World) -> None:
    actions.keep_form(w.filer, "/a", "a", now=w.now - timedelta(hours=25))
    actions.keep_form(w.filer, "/b", "b", now=w.now - timedelta(hours=23))
    actions.keep_form(w.stranger, "/c", "c", now=w.now)
    assert sorted(KeptForm.objects.values_list("path", flat=True)) == ["/b", "/c"]


def test_a_person_has_five_kept_forms_and_the_newest_ones(w: World) -> None:
    actions.keep_form(w.stranger, "/of-another", "x", now=w.now)
    for n in range(7):
        actions.keep_form(w.filer, f"/{n}", "x", now=w.now + timedelta(minutes=n))
    kept = KeptForm.objects.order_by("path").values_list("path", flat=True)
    assert list(kept) == ["/2", "/3", "/4", "/5", "/6", "/of-another"]


def test_the_sweep_takes_what_ended_long_ago_and_nothing_else(w: World) -> None:
    now = clock.real()
    old, young = session(w.filer, days=-31), session(w.filer)
    Attempt.objects.create(email="x", at=now - timedelta(days=31))
    for days in (31, 0):
        patience.take(f"x{days}", patience.DEVICE, now=now - timedelta(days=days))
    actions.keep_form(w.filer, "/a", "a", now=now - timedelta(days=31))
    assert actions.sweep(now=now, older_than=timedelta(days=30)) == 4
    assert list(Session.objects.values_list("session_key", flat=True)) == [young]
    assert old != young
    assert (Attempt.objects.count(), Budget.objects.count()) == (0, 1)


@pytest.mark.parametrize("zone", ["Europe/Brussels", "UTC", "America/Los_Angeles"])
def test_a_person_chooses_a_zone(w: World, zone: str) -> None:
    actions.set_zone(w.filer, zone)
    assert Person.objects.get(pk=w.filer.pk).zone == zone


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "+02:00"])
def test_what_is_no_zone_is_refused(w: World, zone: str) -> None:
    with pytest.raises(Refusal):
        actions.set_zone(w.filer, zone)
    assert Person.objects.get(pk=w.filer.pk).zone == "UTC"


def test_people_are_shown_to_administrators_and_auditors_only(w: World) -> None:
    assert queries.people_visible_to(w.administrator).count() == Person.objects.count()
    assert queries.people_visible_to(w.auditor).exists()
    for who in (w.officer, w.signatory, w.filer):
        with pytest.raises(Refusal):
            queries.people_visible_to(who)
