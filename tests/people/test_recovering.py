"""A lost second factor: a call to a number on file, two people, an event each, and nothing that tells who is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError, transaction

from ersr import clock
from ersr.core.errors import Refusal
from ersr.jobs.models import Job
from ersr.jobs.worker import run_one
from ersr.ledger.models import Event
from ersr.notifications.models import Notification
from ersr.parties.models import Contact, ContactNumber
from ersr.people import actions, factors, patience, queries
from ersr.people.models import Factor, Invitation, Person, Recovery
from tests import world as worlds
from tests.world import PASSWORD, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def w(db: None) -> World:
    return worlds.build()


def work() -> None:
    while run_one():
        pass
    assert not Job.objects.exclude(state="done").exists(), list(Job.objects.values_list("kind", "problem"))


def reported(person: Person) -> Recovery:
    actions.report_lost(person.email, network="192.0.2.1", now=clock.real())
    work()
    return Recovery.objects.get(person=person, ended_at__isnull=True)


def number(party: str = "northlight", *, days: int = 1015) -> ContactNumber:
    return next(n for n in ContactNumber.objects.filter(contact__party__key=party) if (clock.now().date() - n.since).days >= days)


def called(w: World, row: Recovery, by: Person | None = None, **words: Any) -> Any:
    given = {"number_id": number().pk, "outcome": "confirmed", "by": by or w.officer, "now": clock.real(), **words}
    return actions.call_back(row.pk, **given)


def approve(row: Recovery, by: Person) -> Recovery:
    return actions.approve_recovery(row.pk, by=by, now=clock.real())


def refused(act: Callable[[], Any], code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        act()
    assert refusal.value.code == code


def link() -> str:
    (sent,) = [m for m in mail.outbox if "/enrol/" in m.body]
    return str(sent.body).split("/enrol/")[1].split()[0]


def test_the_whole_way(w: World) -> None:
    """Reported, called back, approved by another; what was counts until the link is used to its end, and ends then."""
    row = reported(w.filer)
    assert [m.to for m in mail.outbox] == [[w.filer.email]], "the person is told that it was reported"
    called(w, row)
    approve(row, w.second)
    work()
    told = {m.to[0] for m in mail.outbox if "gets a new second factor" in m.subject}
    assert told == {"ops@northlight.example", "legal@northlight.example"}, "the organisation's other contacts"
    assert "/enrol/" not in "".join(Notification.objects.values_list("body", flat=True)), "what opens is not kept"
    assert "/enrol/" not in "".join(Notification.objects.values_list("link", flat=True))
    code, now = link(), clock.real()
    drawn = actions.begin_enrolment(code, "four loud geese swim", now=now)
    assert actions.sign_in(w.filer.email, PASSWORD, w.code(w.filer), now=now, through="portal") == w.filer
    step = int(now.timestamp()) // factors.STEP
    actions.confirm_enrolment(code, factors._code(factors._open(drawn), step), now=now)
    assert w.filer.factors.get() == drawn
    assert Recovery.objects.get().ended == "used"
    kinds = [k for k in Event.objects.order_by("pk").values_list("kind", flat=True) if "recovery" in k]
    assert kinds == [f"people.recovery_{what}" for what in ("asked", "called", "approved", "sent")]


@pytest.mark.parametrize("email", ["nobody@icann.example", "", "x" * 300, "new@northlight.example"])
def test_reporting_tells_nobody_who_is_known(w: World, email: str) -> None:
    """The same is done for every address, at the page: one job. Unknown, empty, endless, never enrolled: nothing comes of it."""
    actions.invite(
        email="new@northlight.example", name="N", party=w.parties["north"], roles=[("filer", "")], by=None, now=clock.real()
    )
    actions.report_lost(email, network="192.0.2.1", now=clock.real())
    assert Job.objects.filter(kind="lost_factor").count() == 1
    work()
    assert not Recovery.objects.exists()
    assert not mail.outbox


def test_reports_from_one_network_slow_down_and_one_is_open_at_a_time(w: World) -> None:
    reported(w.filer)
    reported(w.filer)
    assert Recovery.objects.count() == 1
    for _ in range(patience.ASKING.free - 1):
        actions.report_lost("x@y.example", network="192.0.2.1", now=clock.real())
    refused(lambda: actions.report_lost("x@y.example", network="192.0.2.1", now=clock.real()), "too_many")
    actions.report_lost("x@y.example", network="192.0.2.2", now=clock.real())


def test_two_people_and_never_the_person(w: World) -> None:
    row = reported(w.filer)
    refused(lambda: approve(row, w.second), "not_now")
    called(w, row, outcome="no_answer")
    refused(lambda: approve(row, w.second), "not_now")
    called(w, row)
    refused(lambda: approve(row, w.officer), "self_approval")
    approve(row, w.second)
    refused(lambda: approve(row, w.administrator), "already")
    refused(lambda: called(w, row), "already")


def test_of_the_staff_two_others(w: World) -> None:
    contact = Contact.objects.create(party=w.parties["authority"], name="Front desk", source="s", as_of=w.now.date())
    own = ContactNumber.objects.create(contact=contact, number="+12025550199", since=w.now.date() - timedelta(days=900))
    row = reported(w.officer)
    refused(lambda: called(w, row, by=w.officer, number_id=own.pk), "self_approval")
    called(w, row, by=w.security, number_id=own.pk)
    refused(lambda: approve(row, w.officer), "self_approval")
    refused(lambda: approve(row, w.security), "not_allowed")
    approve(row, w.administrator)


@pytest.mark.parametrize("who", ["approver", "signatory", "auditor", "filer", "stranger"])
def test_only_who_may_calls_back_and_approves(w: World, who: str) -> None:
    row = reported(w.filer)
    refused(lambda: called(w, row, by=getattr(w, who)), "not_allowed")
    refused(lambda: approve(row, getattr(w, who)), "not_allowed")
    refused(lambda: queries.recoveries_visible_to(getattr(w, who), now=clock.real()), "not_allowed")


def test_only_a_number_of_theirs_that_has_stood_is_called(w: World) -> None:
    row = reported(w.filer)
    recent = ContactNumber.objects.get(number="+3225550188")
    refused(lambda: called(w, row, number_id=recent.pk), "number_recent")
    refused(lambda: called(w, row, number_id=number("southwind", days=30).pk), "invalid")
    refused(lambda: called(w, row, number_id=2_000_000_000), "invalid")
    (lost,) = queries.recoveries_visible_to(w.officer, now=clock.real())
    assert recent not in lost.numbers
    assert number() in lost.numbers


def test_the_person_stops_it_and_a_link_that_went_out_opens_nothing(w: World) -> None:
    row = reported(w.filer)
    called(w, row)
    approve(row, w.second)
    work()
    code = link()
    actions.stop_recovery(w.filer, now=clock.real())
    refused(lambda: actions.begin_enrolment(code, "four loud geese swim", now=clock.real()), "lapsed")
    assert actions.sign_in(w.filer.email, PASSWORD, w.code(w.filer), now=clock.real(), through="portal") == w.filer
    refused(lambda: actions.stop_recovery(w.filer, now=clock.real()), "already")


def test_stopped_between_approval_and_mail_no_link_is_drawn(w: World) -> None:
    row = reported(w.filer)
    called(w, row)
    approve(row, w.second)
    actions.stop_recovery(w.filer, now=clock.real())
    invitations = Invitation.objects.count()
    work()
    assert Invitation.objects.count() == invitations


def test_a_denial_ends_it_and_old_ones_lapse(w: World) -> None:
    row = reported(w.filer)
    called(w, row, outcome="denied")
    refused(lambda: called(w, row), "lapsed")
    again = reported(w.filer)
    assert again != row
    Recovery.objects.filter(pk=again.pk).update(asked_at=clock.real() - timedelta(days=7))
    refused(lambda: called(w, again), "lapsed")
    assert reported(w.filer) != again
    refused(lambda: called(w, Recovery(pk=2_000_000_000)), "not_found")


@pytest.mark.parametrize(
    "wrong", [{"called": "officer", "approved": "officer"}, {"called": None, "approved": "second"}, {"called": "filer", "approved": None},
              {"called": "officer", "approved": "filer"}],
)  # fmt: skip
def test_the_database_keeps_the_three_apart(w: World, wrong: dict[str, str | None]) -> None:
    row = reported(w.filer)
    who = {key: getattr(w, name) if name else None for key, name in wrong.items()}
    with pytest.raises(DatabaseError), transaction.atomic():
        Recovery.objects.filter(pk=row.pk).update(called_by=who["called"], approved_by=who["approved"])


def test_a_used_recovery_code_is_told_by_mail(w: World) -> None:
    codes = actions.make_recovery_codes(w.filer, actions.Fresh(code=w.code(w.filer)), keep="", now=clock.real())
    actions.sign_in(w.filer.email, PASSWORD, codes[0], now=clock.real(), through="portal", recovery=True)
    work()
    assert [m.subject for m in mail.outbox] == ["A recovery code was used"]


def test_who_missed_the_link_asks_anew_at_once(w: World) -> None:
    """While the link counts, one recovery is open and no second begins; when it has lapsed, the next report begins one."""
    row = reported(w.filer)
    called(w, row)
    approve(row, w.second)
    work()
    assert actions.begin_recovery(w.filer.email, now=clock.real()) is None
    later = clock.real() + timedelta(hours=25)
    again = actions.begin_recovery(w.filer.email, now=later)
    assert again is not None
    row.refresh_from_db()
    assert (row.ended, again.pk == row.pk) == ("lapsed", False)


def test_nobody_is_let_back_in_whose_access_was_ended_meanwhile(w: World) -> None:
    """Before the call, before the approval and before the mail: ended access has no recovery."""
    row = reported(w.filer)
    called(w, row)
    actions.deactivate(w.filer, by=w.administrator, reason="Left.", now=clock.real())
    refused(lambda: called(w, row), "lapsed")
    refused(lambda: approve(row, w.second), "lapsed")
    other = reported(w.night)
    called(w, other, number_id=number("baltic", days=800).pk)
    approve(other, w.second)
    actions.deactivate(w.night, by=w.administrator, reason="Left.", now=clock.real())
    assert actions.draw_recovery_link(other.pk, now=clock.real()) is None
    assert not Invitation.objects.filter(person=w.night, used_at__isnull=True).exists()


def test_a_link_whose_first_step_was_left_out_opens_nothing(w: World) -> None:
    """An authenticator from elsewhere waits for its code; without a new password the link neither ends nor begins anything."""
    row = reported(w.filer)
    called(w, row)
    approve(row, w.second)
    work()
    drawn = Factor.objects.create(person=w.filer, sealed=factors.seal(factors.fresh_secret()))
    code = factors._code(factors._open(drawn), int(clock.real().timestamp()) // factors.STEP)
    refused(lambda: actions.confirm_enrolment(link(), code, now=clock.real()), "not_found")
    assert w.filer.factors.filter(confirmed_at__isnull=False).count() == 1
    assert actions.sign_in(w.filer.email, PASSWORD, w.code(w.filer), now=clock.real(), through="portal") == w.filer
