"""Sends the outbox over SMTP. Doubled only where SMTP cannot tell: between the server's yes and our row."""

from __future__ import annotations

from django.core.mail import EmailMessage
from django.db.models import F
from django.utils.crypto import salted_hmac

from ersr import clock
from ersr.jobs.queue import job
from ersr.notifications.models import Notification


def _message_id(key: str) -> str:
    """The same at each try, and no number that counts up: one mail must not tell how many there were."""
    return salted_hmac("ersr.message-id", key, algorithm="sha256").hexdigest()[:32]


@job("mail")
def send(subject: str) -> None:
    row = Notification.objects.get(pk=int(subject))
    if row.state == "sent":
        return
    message = EmailMessage(row.subject, row.body, to=[row.to], headers={"Message-ID": f"<{_message_id(row.key)}@srw>"})
    try:
        message.send()
    except OSError as problem:  # smtplib's errors are OSErrors: the row says so, the queue tries again
        Notification.objects.filter(pk=row.pk).update(state="failed", tries=F("tries") + 1, problem=str(problem)[:300])
        raise
    Notification.objects.filter(pk=row.pk).update(state="sent", tries=F("tries") + 1, problem="", sent_at=clock.now())
