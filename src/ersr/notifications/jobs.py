"""Sends the outbox over SMTP. Doubled only where SMTP cannot tell: between the server's yes and our row."""

from __future__ import annotations

import smtplib

from django.core.mail import EmailMessage
from django.db.models import F
from django.utils.crypto import salted_hmac

from ersr import clock
from ersr.jobs.queue import GiveUp, job
from ersr.notifications import actions
from ersr.notifications.actions import ONCE
from ersr.notifications.models import Notification
from ersr.people.actions.recovering import LINK_LASTS


def _message_id(key: str) -> str:
    """The same at each try, and no number that counts up: one mail must not tell how many there were."""
    return salted_hmac("ersr.message-id", key, algorithm="sha256").hexdigest()[:32]


def _answer(problem: Exception) -> tuple[int, str]:
    """(the server's code, its words); 0 where no server answered."""
    if isinstance(problem, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(problem.recipients.values()))
    elif isinstance(problem, smtplib.SMTPResponseException):
        code, words = problem.smtp_code, problem.smtp_error
    else:
        return 0, str(problem) or type(problem).__name__
    return code, f"{code} {words.decode('utf-8', 'replace') if isinstance(words, bytes) else words}"


def _for_good(problem: Exception, code: int) -> bool:
    """A 5xx about this recipient or this message will be the same tomorrow. One about the greeting, the log-in or the sender
    is about our set-up, which somebody mends; a 4xx asks to come back; and where nobody answered, somebody will."""
    if isinstance(problem, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError):
        return 500 <= code < 600
    return isinstance(problem, ValueError)  # an address or a header that makes no mail


@job("mail")
def send(subject: str) -> None:
    row = Notification.objects.get(pk=int(subject))
    if row.state == "sent":
        return
    once = {"body": ""} if row.kind in ONCE else {}  # its link opens something: the text goes when no try follows
    if once and (not row.body or clock.now() > row.queued_at + LINK_LASTS):
        words = "the link in it has lapsed"
        Notification.objects.filter(pk=row.pk).update(state="failed", problem=words, **once)
        raise GiveUp(words)
    message = EmailMessage(row.subject, row.body, to=[row.to], headers={"Message-ID": f"<{_message_id(row.key)}@srw>"})
    try:
        message.send()
    except (OSError, ValueError) as problem:  # smtplib's errors are OSErrors
        code, words = _answer(problem)
        final = _for_good(problem, code)
        Notification.objects.filter(pk=row.pk).update(
            state="failed", tries=F("tries") + 1, problem=words[:300], **(once if final else {})
        )
        if final:
            raise GiveUp(words) from problem
        raise
    Notification.objects.filter(pk=row.pk).update(
        state="sent", tries=F("tries") + 1, problem="", sent_at=clock.now(), **once
    )


@job("tell")
def tell(subject: str) -> None:
    kind, _, pk = subject.partition(":")
    actions.tell(kind, int(pk), now=clock.now())
