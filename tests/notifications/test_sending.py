"""Mails: rows first, never content, over real SMTP on loopback, with a server that is dead for a while."""

from __future__ import annotations

import email.message
import socket
from collections.abc import Iterator
from datetime import timedelta
from email import policy

import pytest
from aiosmtpd.controller import Controller
from django.conf import settings
from django.db import transaction
from django.utils import translation

from ersr import clock
from ersr.core.errors import Refusal
from ersr.jobs import queue, worker
from ersr.jobs.models import Job
from ersr.ledger.models import Event
from ersr.notifications import queries
from ersr.notifications.actions import ONCE, acknowledge_notification, queue_notification, send_again
from ersr.notifications.models import Notification
from ersr.notifications.words import KINDS
from ersr.parties.models import Contact
from ersr.requests import actions
from tests import world as worlds

pytestmark = pytest.mark.django_db

MARK = "MARKER-ZEBRA"


class Sink:
    """A mail server's handler that keeps what comes in."""

    def __init__(self) -> None:
        self.mails: list[email.message.EmailMessage] = []
        self.answer = "250 OK"
        self.refuses: dict[str, str] = {}  # at "mail" or "rcpt" -> the answer

    async def handle_MAIL(
        self, server: object, session: object, envelope: object, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address  # type: ignore[attr-defined]
        return self.refuses.get("mail", "250 OK")

    async def handle_RCPT(
        self, server: object, session: object, envelope: object, address: str, options: list[str]
    ) -> str:
        if "rcpt" not in self.refuses:
            envelope.rcpt_tos.append(address)  # type: ignore[attr-defined]
        return self.refuses.get("rcpt", "250 OK")

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        if self.answer.startswith("250"):
            content = envelope.original_content  # type: ignore[attr-defined]
            mail = email.message_from_bytes(content, policy=policy.default)
            self.mails.append(mail)  # type: ignore[arg-type]
        return self.answer


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    """A real SMTP server. pytest-django puts an outbox in memory in its place, which would prove nothing here."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port = asked.getsockname()[1]
    handler = Sink()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    monkeypatch.setattr(settings, "EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")
    monkeypatch.setattr(settings, "EMAIL_HOST", "127.0.0.1")
    monkeypatch.setattr(settings, "EMAIL_PORT", port)
    yield handler
    controller.stop()


def work() -> int:
    done = 0
    while worker.run_one():
        done += 1
    return done


def test_a_filing_tells_the_filer_the_duty_officers_and_the_other_contacts(sink: Sink) -> None:
    """Over SMTP, to each once; only the other contacts' mail has no reference in it; nowhere a word of content."""
    w = worlds.build()
    north = w.parties["north"]
    Contact.objects.create(party=north, name="Again", email="OPS@northlight.example", source="x", as_of=w.now.date())
    Contact.objects.create(party=north, name="No mail", email="", source="x", as_of=w.now.date())
    request = actions.submit({**worlds.SIX, "happening": f"{MARK} names"}, by=w.filer, now=w.now, once="1")
    actions.add_part(request.reference, "telling", {"may_not": MARK}, by=w.filer, now=w.now)
    assert sink.mails == [], "nothing is sent inside the action"
    assert work() == 5
    to = {mail["To"]: mail for mail in sink.mails}
    assert sorted(to) == [
        "filer@northlight.example",
        "legal@northlight.example",
        "officer@icann.example",
        "ops@northlight.example",
        "second@icann.example",
    ]
    for address, mail in to.items():
        text = f"{mail['Subject']}\n{mail.get_content()}"
        assert MARK not in mail.as_string()
        assert not any(tld in text for tld in (".biz", "jogli", "worm", "Northlight"))
        assert "+1 202 555 0100" in text, "the duty number stands in every mail"
        outsider = address in ("legal@northlight.example", "ops@northlight.example")
        assert (request.reference in text) is not outsider
        assert ("/r/" in text or "/desk/" in text) is not outsider
    assert Notification.objects.filter(state="sent", tries=1, sent_at__isnull=False).count() == 5
    assert work() == 0


def test_the_filer_who_is_a_contact_on_file_is_not_told_twice(sink: Sink) -> None:
    w = worlds.build()
    actions.submit(worlds.SIX, by=w.filer, now=w.now, once="1")
    assert [n.kind for n in Notification.objects.filter(to__iexact=w.filer.email)] == ["filed"]


def test_an_rsps_filing_tells_every_contact_of_the_operator_and_none_of_another(sink: Sink) -> None:
    w = worlds.build()
    actions.submit({**worlds.SIX, "tlds": ["biz"]}, by=w.night, now=w.now, once="1")
    told = set(Notification.objects.filter(kind="filed_in_your_name").values_list("to", flat=True))
    assert told == {"ops@northlight.example", "legal@northlight.example", "filer@northlight.example"}


def test_a_rolled_back_action_sends_nothing(sink: Sink) -> None:
    w = worlds.build()

    def action() -> None:
        with transaction.atomic():
            actions.submit(worlds.SIX, by=w.filer, now=w.now, once="1")
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        action()
    assert not Notification.objects.exists()
    assert work() == 0
    assert sink.mails == []


def test_a_refused_action_sends_nothing(sink: Sink) -> None:
    w = worlds.build()
    with pytest.raises(Refusal):
        actions.submit({**worlds.SIX, "tlds": ["nowhere"]}, by=w.filer, now=w.now, once="1")
    assert not Notification.objects.exists()


def test_the_same_about_the_same_to_the_same_is_queued_once() -> None:
    w = worlds.build()
    for address in ("Ops@Example.org", "ops@example.org"):
        queue_notification("asked", to=address, about="SRW-1:7", now=w.now)
    queue_notification("asked", to="ops@example.org", about="SRW-1:8", now=w.now)
    assert Notification.objects.count() == Job.objects.count() == 2


def test_two_long_addresses_that_begin_alike_are_both_told() -> None:
    """The key has 120 characters, an address up to 254: a cut key would silently drop the second one."""
    w = worlds.build()
    begin = "a" * 60 + "@" + ".".join(["b" * 40] * 3)
    for end in ("one.example", "two.example"):
        queue_notification("filed_in_your_name", to=f"{begin}.{end}", about="SRW-2026-4821003-K", now=w.now)
        queue_notification("filed_in_your_name", to=f"{begin}.{end}", about="SRW-2026-4821003-K", now=w.now)
    assert Notification.objects.count() == 2


def test_a_dead_server_is_told_on_the_row_retried_and_overcome(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: the row says failed, the job waits longer each time; once the server is back the mail goes."""
    w = worlds.build()
    queue_notification("invited", to="new@icann.example", about="person:1", now=w.now)
    alive = settings.EMAIL_PORT
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        dead = asked.getsockname()[1]
    monkeypatch.setattr(settings, "EMAIL_PORT", dead)
    moment = clock.real()
    monkeypatch.setattr(worker.clock, "real", lambda: moment)
    pauses = []
    for number in (1, 2, 3):
        assert work() == 1
        row = Notification.objects.get()
        assert (row.state, row.tries) == ("failed", number)
        assert "refused" in row.problem
        assert list(queries.outbox_trouble(w.officer)) == [row]
        assert not queries.outbox_trouble(w.approver).exists(), "whoever may not read the outbox is told nothing"
        job = Job.objects.get()
        pauses.append((job.due_at - moment).total_seconds())
        moment = job.due_at
    assert pauses == [10, 20, 40]
    monkeypatch.setattr(settings, "EMAIL_PORT", alive)
    assert work() == 1
    row = Notification.objects.get()
    assert (row.state, row.tries, row.problem) == ("sent", 4, "")
    assert not queries.outbox_trouble(w.officer).exists()
    assert len(sink.mails) == 1


@pytest.mark.parametrize(
    ("stage", "answer", "tried_on"),
    [
        ("rcpt", "451 4.2.0 greylisted, come back", True),
        ("rcpt", "550 5.1.1 no such mailbox", False),
        ("data", "451 4.3.0 queue is full", True),
        ("data", "554 5.7.1 message refused", False),
        ("mail", "421 4.7.0 too many connections", True),
        ("mail", "550 5.7.1 relaying denied", True),
    ],
)
def test_a_server_that_says_no_is_believed_as_far_as_it_goes(
    sink: Sink, stage: str, answer: str, tried_on: bool
) -> None:
    """4xx asks to come back; 5xx about this recipient or message is for good; about our sender it is ours to mend. The row
    has the server's words, and the outbox says whether anybody tries again."""
    w = worlds.build()
    if stage == "data":
        sink.answer = answer
    else:
        sink.refuses[stage] = answer
    queue_notification("invited", to="new@icann.example", about="person:1", now=w.now)
    assert work() == 1
    row = queries.outbox(w.officer).get()
    assert (row.state, row.tries, row.problem) == ("failed", 1, answer)
    assert (row.next_at is not None) is tried_on
    assert Job.objects.get().state == ("open" if tried_on else "failed")
    assert sink.mails == []


def test_a_mail_that_was_given_up_goes_at_somebodys_word(sink: Sink) -> None:
    """Only theirs who may; told in the ledger; refused for what was sent, is under way, or is not there."""
    w = worlds.build()
    sink.refuses["rcpt"] = "550 5.1.1 no such mailbox"
    for number in (1, 2):
        queue_notification("invited", to=f"new{number}@icann.example", about=f"person:{number}", now=w.now)
    assert work() == 2
    first, second = Notification.objects.order_by("pk")
    for person in (w.auditor, w.approver, w.administrator, w.filer):
        with pytest.raises(Refusal) as refused:
            send_again(first.pk, by=person, now=w.now)
        assert refused.value.code == "not_allowed"
    assert work() == 0, "nobody tries any more"
    assert send_again(first.pk, by=w.officer, now=w.now) == 1
    with pytest.raises(Refusal) as refused:
        send_again(first.pk, by=w.officer, now=w.now)
    assert refused.value.code == "already"
    sink.refuses.clear()
    assert work() == 1
    assert send_again(by=w.services, now=w.now) == 1, "the other that failed"
    assert work() == 1
    assert send_again(by=w.services, now=w.now) == 0
    assert [row["To"] for row in sink.mails] == ["new1@icann.example", "new2@icann.example"]
    assert Event.objects.filter(kind="notification.sent_again").count() == 2
    with pytest.raises(Refusal) as refused:
        send_again(second.pk, by=w.officer, now=w.now)
    assert refused.value.code == "already"
    with pytest.raises(Refusal) as refused:
        send_again(10**9, by=w.officer, now=w.now)
    assert refused.value.code == "not_found"


@pytest.mark.parametrize("how", ["refused for good", "lapsed before it went"])
def test_a_link_that_opens_something_does_not_stay_in_a_mail_that_failed(sink: Sink, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """While somebody tries it stays, and the mail goes with it; once nobody does, or it opens nothing any more, its text is
    gone, and nobody sends an empty mail."""
    w = worlds.build()
    queue_notification("recovery_approved", to=w.filer.email, about="1", path="/enrol/SECRET", now=w.now)
    row, job = Notification.objects.get(), Job.objects.filter(kind="mail")
    sink.refuses["rcpt"] = "451 4.3.0 come back"
    monkeypatch.setattr(clock, "now", lambda: w.now)
    assert work() == 1
    row.refresh_from_db()
    assert "/enrol/SECRET" in row.body
    job.update(due_at=clock.real())
    if how == "refused for good":
        sink.refuses["rcpt"] = "550 5.1.1 no such mailbox"
    else:
        sink.refuses.clear()
        monkeypatch.setattr(clock, "now", lambda: w.now + timedelta(hours=24, seconds=1))
    assert work() == 1
    row.refresh_from_db()
    assert (row.state, row.body, job.get().state) == ("failed", "", "failed")
    sink.refuses.clear()
    with pytest.raises(Refusal) as refused:
        send_again(row.pk, by=w.officer, now=w.now)
    assert refused.value.code == "lapsed"
    assert send_again(by=w.officer, now=w.now) == 0
    assert sink.mails == []


def test_a_job_that_runs_again_after_its_mail_went_sends_nothing(sink: Sink) -> None:
    w = worlds.build()
    queue_notification("invited", to="new@icann.example", about="person:1", now=w.now)
    work()
    queue.put("mail", str(Notification.objects.get().pk), now=clock.real())
    assert work() == 1
    assert len(sink.mails) == 1


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_carries_a_reference_and_a_link_and_nothing_else(kind: str) -> None:
    w = worlds.build()
    queue_notification(kind, to="x@example.org", about="1", reference="SRW-2026-4821003-K", path="/r/x", now=w.now)
    row = Notification.objects.get()
    assert row.link == settings.ERSR_ADDRESS + ("/" if kind in ONCE else "/r/x"), "what opens something stands in the mail only"
    assert f"{settings.ERSR_ADDRESS}/r/x" in row.body
    assert "\n" not in row.subject
    assert "carries no content" in row.body
    assert "notice" not in (row.subject + row.body).lower().replace("notification", "")


def test_a_reader_acknowledges_own_mails_only_once_and_on_record() -> None:
    w = worlds.build()
    queue_notification("filed", to=w.filer.email, about="1", now=w.now)
    row = Notification.objects.get()
    assert row.person == w.filer
    assert list(queries.told_to(w.filer)) == [row]
    assert list(queries.told_to(w.stranger)) == []
    with pytest.raises(Refusal) as other:
        acknowledge_notification(w.stranger, row.pk, now=w.now)
    assert other.value.code == "not_found"
    acknowledge_notification(w.filer, row.pk, now=w.now)
    with pytest.raises(Refusal):
        acknowledge_notification(w.filer, row.pk, now=w.now + timedelta(minutes=1))
    assert Event.objects.filter(kind="notification.read").count() == 1
    row.refresh_from_db()
    assert row.acknowledged_at == w.now


def test_a_mail_speaks_the_language_of_whoever_gets_it(sink: Sink) -> None:
    """French to who chose French, whatever language the page was in that caused the mail; staff like everybody; English to who chose
    nothing and to an address that is nobody's account. The page of what you were told speaks its reader's language."""
    w = worlds.build()
    for person in (w.filer, w.officer):
        person.language = "fr"
        person.save()
    with translation.override("fr"):
        request = actions.submit(worlds.SIX, by=w.filer, now=w.now, once="1")
    work()
    to = {mail["To"]: f"{mail['Subject']}\n{mail.get_content()}" for mail in sink.mails}
    french = to[w.filer.email]
    assert french.startswith(f"{request.reference}\u00a0: déposée\n")
    assert "Ligne d’astreinte, jour et nuit\u00a0: +1 202 555 0100" in french
    assert "Cet e-mail ne porte aucun contenu" in french
    assert "Duty line" not in french
    assert "Ligne d’astreinte" in to[w.officer.email], "staff who chose it too"
    for address in (w.second.email, "legal@northlight.example"):
        assert "Duty line, day and night: +1 202 555 0100" in to[address]
        assert "\u00a0" not in to[address]
    row = Notification.objects.get(person=w.filer, kind="filed")
    assert row.heading == f"{request.reference}: filed"
    with translation.override("fr"):
        assert row.heading == row.subject
