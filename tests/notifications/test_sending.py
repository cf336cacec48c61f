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

from ersr import clock
from ersr.core.errors import Refusal
from ersr.jobs import queue, worker
from ersr.jobs.models import Job
from ersr.ledger.models import Event
from ersr.notifications import queries
from ersr.notifications.actions import KINDS, acknowledge_notification, queue_notification
from ersr.notifications.models import Notification
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
        assert list(queries.outbox_trouble()) == [row]
        job = Job.objects.get()
        pauses.append((job.due_at - moment).total_seconds())
        moment = job.due_at
    assert pauses == [10, 20, 40]
    monkeypatch.setattr(settings, "EMAIL_PORT", alive)
    assert work() == 1
    row = Notification.objects.get()
    assert (row.state, row.tries, row.problem) == ("sent", 4, "")
    assert not queries.outbox_trouble().exists()
    assert len(sink.mails) == 1


def test_a_server_that_says_no_is_a_failure_too(sink: Sink) -> None:
    w = worlds.build()
    sink.answer = "451 try again later"
    queue_notification("invited", to="new@icann.example", about="person:1", now=w.now)
    assert work() == 1
    row = Notification.objects.get()
    assert row.state == "failed"
    assert "451" in row.problem


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
    assert row.link == f"{settings.ERSR_ADDRESS}/r/x"
    assert row.link in row.body
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
