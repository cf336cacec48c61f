"""The outbox: what became of each mail. Reference and recipient, never what it is about."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from ersr import clock
from ersr.faces.api.auth import READ, WRITE, caller
from ersr.faces.api.paging import Cursor, Limit, by_key
from ersr.faces.api.schemas.kinds import Id
from ersr.faces.api.schemas.office import Mails, SentAgain
from ersr.faces.api.v1.operation import answers, router
from ersr.notifications.actions import send_again
from ersr.notifications.models import Notification
from ersr.notifications.queries import outbox

_FIELDS = ("to", "reference", "state", "tries", "problem", "queued_at", "sent_at", "next_at")


def _mail(row: Notification) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _FIELDS} | {"id": row.pk}


@router.get("outbox", auth=READ, operation_id="outbox", **answers(Mails))
def outbox_list(request: HttpRequest, limit: Limit = 100, cursor: Cursor = "") -> dict[str, Any]:
    """Every mail, newest first: sent, waiting, or failed with the server's words. `next_at` is null where nobody tries any more."""
    found, last = by_key(outbox(caller(request)), limit, cursor, newest_first=True)
    return {"items": [_mail(row) for row in found], "next": last}


@router.post("outbox/send_again", auth=WRITE, operation_id="send_all_again", **answers(SentAgain))
def send_all_again(request: HttpRequest) -> dict[str, int]:
    """Tries every mail that failed at once, and for another two days."""
    return {"mails": send_again(by=caller(request), now=clock.now())}


@router.post("outbox/{id}/send_again", auth=WRITE, operation_id="send_again", **answers(SentAgain))
def send_one_again(request: HttpRequest, id: Id) -> dict[str, int]:
    """Tries one mail at once, and for another two days."""
    return {"mails": send_again(id, by=caller(request), now=clock.now())}
