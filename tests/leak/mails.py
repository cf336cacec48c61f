"""What goes out by mail: a reference and a link, nothing else (house, habit 9)."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import default

from django.core import mail

from ersr.notifications import jobs
from ersr.notifications.models import Notification
from tests.leak.looking import Finder, compact
from tests.leak.markers import Mark

_LINK = re.compile(r"https?://\S+")
_REFERENCE = re.compile(r"(?:SRW|W)-[0-9]{4}-[0-9]{7}-[A-Z]")
#: Where a link may lead: a case, an instrument, or the front door.
_PLACES = re.compile(r"http://127\.0\.0\.1:8000(/|/(r|desk|w)/(SRW|W)-[0-9]{4}-[0-9]{7}-[A-Z])")


def out_of_place(marks: dict[str, Mark], since: int = 0) -> tuple[int, list[str]]:
    """(mails sent and looked at, what is wrong with them). Sends everything in the outbox after row `since`."""
    finder, wrong = Finder(marks), []
    rows = list(Notification.objects.filter(pk__gt=since).order_by("pk"))
    for row in rows:
        mail.outbox.clear()
        jobs.send(str(row.pk))
        message = mail.outbox[0].message()
        wrong += [f"{marks[text]} in the mail “{row.kind}” to {row.to}" for text in _held(finder, row, message.as_bytes())]
        wrong += [f"the mail “{row.kind}” to {row.to} {what}" for what in _shape(row, str(message["Message-ID"]))]
    return len(rows), wrong


def _held(finder: Finder, row: Notification, raw: bytes) -> set[str]:
    """Markers in the row and in the real message, as it is sent and as it is read; the addressee's own address is no content."""
    read = message_from_bytes(raw, policy=default)
    texts = [row.subject, row.body, row.link, row.reference, raw.decode(), read.get_content(), *map(str, read.values())]
    found = set().union(*(finder.in_text(text) for text in texts))
    return {text for text in found if text not in compact(row.to)}


def _shape(row: Notification, message_id: str) -> list[str]:
    wrong = []
    links = _LINK.findall(row.body)
    if len(links) != 1 or not _PLACES.fullmatch(links[0]):
        wrong.append(f"leads to {links}")
    told = set(_REFERENCE.findall(row.subject + row.body))
    if len(told) > 2 or (row.kind == "filed_in_your_name" and told):
        wrong.append(f"names {sorted(told)}")
    if not re.fullmatch(r"<[0-9a-f]{32}@srw>", message_id):
        wrong.append(f"counts: {message_id}")
    return wrong
