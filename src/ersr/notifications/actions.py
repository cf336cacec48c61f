"""Puts notifications into the outbox, in the caller's transaction. A worker sends them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils import translation

from ersr import clock
from ersr.core.errors import Refusal, not_found
from ersr.core.lifecycle import Role
from ersr.core.tongue import said
from ersr.jobs import queue
from ersr.ledger.append import append
from ersr.notifications.models import Notification
from ersr.notifications.words import heading, language_of, letter
from ersr.parties.authority import authority
from ersr.people.actions import draw_recovery_link, require_office
from ersr.people.models import Person, Recovery
from ersr.people.queries import with_role


def _key(kind: str, about: str, to: str) -> str:
    """What the mail is about and to whom, as one key of at most 120 characters; a long one is told apart by its digest."""
    key = f"{kind}:{about}:{to.lower()}"
    return key if len(key) <= 120 else f"{key[:55]}:{hashlib.sha256(key.encode()).hexdigest()}"


#: Kinds whose link opens something for whoever has it.
ONCE = frozenset({"recovery_approved"})


@dataclass(frozen=True)
class Mail:
    """What is queued: `kind` is one of words.KINDS, `to` an address; with `about` they tell whether it was queued before."""

    kind: str
    to: str
    about: str
    reference: str = ""
    path: str = "/"
    person: Person | None = None  # whose account it is told in; left out, whoever has the address

    @property
    def key(self) -> str:
        return _key(self.kind, self.about, self.to)


def queue_notifications(mails: Iterable[Mail], *, now: datetime) -> None:
    """One row and one job each; the same (kind, about, to) is never queued twice. As many statements for many as for one.

    The link of a kind in ONCE stands in the mail's text only, which goes when the mail has gone: it opens something.
    """
    wanted = {mail.key: mail for mail in mails}
    for key in Notification.objects.filter(key__in=wanted).order_by().values_list("key", flat=True):
        del wanted[key]
    unknown = {mail.to.lower() for mail in wanted.values() if mail.person is None}
    people = {person.email: person for person in Person.objects.filter(email__in=unknown)} if unknown else {}
    people |= {mail.to.lower(): mail.person for mail in wanted.values() if mail.person is not None}
    prefetch_related_objects(list(people.values()), "role_rows")  # which tell the language
    number = authority().duty_number
    rows = []
    for key, mail in wanted.items():
        person = people.get(mail.to.lower())
        link = settings.ERSR_ADDRESS + mail.path
        with translation.override(language_of(person)):
            subject, body = heading(mail.kind, mail.reference), letter(mail.kind, link, number)
        rows.append(
            Notification(
                key=key, kind=mail.kind, to=mail.to, person=person, subject=subject, body=body, reference=mail.reference,
                link=settings.ERSR_ADDRESS + "/" if mail.kind in ONCE else link, queued_at=now,
            )
        )  # fmt: skip
    made = Notification.objects.bulk_create(rows)
    queue.put_all("mail", [str(row.pk) for row in made], now=clock.real())


def queue_notification(kind: str, *, to: str, about: str, now: datetime, **words: Any) -> None:
    """The same for one."""
    queue_notifications([Mail(kind, to, about, **words)], now=now)


def tell(kind: str, pk: int, *, now: datetime) -> None:
    """What happened to somebody's second factor (the room below, people, says it by a job): the mails about it."""
    with transaction.atomic():
        if kind == "recovery_code_used":
            person = Person.objects.get(recovery_codes=pk)
            queue_notification(kind, to=person.email, about=str(pk), now=now, person=person, path="/account")
            return
        recovery = Recovery.objects.select_related("person__party").get(pk=pk)
        person, about = recovery.person, str(pk)
        if kind == "recovery_asked":
            queue_notification(kind, to=person.email, about=about, now=now, person=person, path="/account")
            return
        code = draw_recovery_link(pk, now=clock.real())
        if code is None:
            return
        queue_notification(kind, to=person.email, about=about, now=now, person=person, path=f"/enrol/{code}")
        others = set(person.party.contacts.exclude(email="").values_list("email", flat=True))
        if person.is_staff_member:
            others |= {p.email for p in with_role(Role.ADMINISTRATOR)}
        for to in sorted({email.lower() for email in others} - {person.email}):
            queue_notification("recovery_in_your_name", to=to, about=about, now=now)


def acknowledge_notification(person: Person, pk: int, *, now: datetime) -> None:
    with transaction.atomic():
        if not Notification.objects.filter(pk=pk, person=person, acknowledged_at__isnull=True).update(
            acknowledged_at=now
        ):
            raise not_found()
        append("notification.read", subject=f"notification:{pk}", by=person.email, now=now)


def send_again(pk: int | None = None, *, by: Person, now: datetime) -> int:
    """Has a mail that is not sent tried at once, and for another two days; without `pk` every one that failed. How many.

    Raises Refusal already where it was sent, or is being tried at this moment; lapsed where its text is gone with its link.
    """
    require_office("send_again", by)
    with transaction.atomic():
        rows = Notification.objects.select_for_update().order_by("pk")
        found = list(rows.filter(state="failed") if pk is None else rows.filter(pk=pk))
        if pk is not None and not found:
            raise not_found()
        if pk is not None and found[0].state == "sent":
            raise Refusal("already", said("This mail to {to} was sent.", to=found[0].to))
        gone = [row for row in found if row.kind in ONCE and not row.body]
        if pk is not None and gone:
            raise Refusal("lapsed", said("The link in this mail to {to} opens nothing any more. The person asks anew at the sign-in.", to=gone[0].to))
        found = [row for row in found if row not in gone]
        hurried = [row for row in found if queue.hurry("mail", str(row.pk), now=clock.real())]
        if pk is not None and not hurried:
            raise Refusal("already", said("This mail to {to} is being tried at this moment.", to=found[0].to))
        for row in hurried:
            append(
                "notification.sent_again", subject=f"notification:{row.pk}", by=by.email, now=now, facts={"to": row.to}
            )
    return len(hurried)
