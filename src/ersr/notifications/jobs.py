"""Sends the outbox over SMTP. Doubled only where SMTP cannot tell: between the server's yes and our row."""

from __future__ import annotations

from django.core.mail import EmailMessage
from django.db.models import F

from ersr import clock
from ersr.jobs.queue import job
from ersr.notifications.models import Notification


@job("mail")
def send(subject: str) -> None:
    row = Notification.objects.get(pk=int(subject))
    if row.state == "sent":
        return
    message = EmailMessage(row.subject, row.body, to=[row.to], headers={"Message-ID": f"<notification-{row.pk}@srw>"})
    try:
        message.send()
    except OSError as problem:  # smtplib's errors are OSErrors: the row says so, the queue tries again
        Notification.objects.filter(pk=row.pk).update(state="failed", tries=F("tries") + 1, problem=str(problem)[:300])
        raise
    Notification.objects.filter(pk=row.pk).update(state="sent", tries=F("tries") + 1, problem="", sent_at=clock.now())
