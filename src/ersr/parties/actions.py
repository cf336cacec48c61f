"""What changes parties: the authority's own row, and imports."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from ersr.ledger.append import append
from ersr.parties import importing
from ersr.parties.authority import Authority, authority
from ersr.parties.comparing import Change, compare
from ersr.parties.models import Agreement, Contact, ContactNumber, Party, Tld

_ROWS: dict[str, Any] = {"party": Party, "agreement": Agreement, "tld": Tld, "contact": Contact}
#: Fields of a file that name another entry by its key.
_POINTS: dict[str, Any] = {"agreement": Agreement, "operator": Party, "party": Party, "rsp": Party}


def enter_authority(known: Authority) -> Party:
    row, _ = Party.objects.update_or_create(
        kind="authority",
        defaults={"key": known.key, "name": known.name, "address": known.address, "jurisdiction": known.jurisdiction},
    )
    return row


def import_file(path: Path, *, apply: bool, now: datetime) -> list[str]:
    """How a file differs from what is held, one sentence a difference; with `apply` it is written, all or nothing.

    A day may be today in UTC or at the authority, whichever is later. Raises Refusal("unfit") for what cannot be read, Refusal("invalid") with every bad field.
    """
    sheet = importing.read(path, today=max(now.date(), authority().calendar.local(now).date()))
    with transaction.atomic():
        found = compare(sheet)
        if apply and (found.changes or found.leaving):
            for change in found.changes:
                _write(change)
            for contact in found.leaving:
                contact.delete()
            append(
                "parties.imported",
                subject="parties",
                by="system",
                now=now,
                facts={"file": path.name, "digest": sheet.digest, "counts": dict(sorted(found.counts.items()))},
            )
    return found.sentences


def _write(change: Change) -> None:
    row = change.row or _ROWS[change.entry.kind]()
    for name, value in change.values.items():
        if name in _POINTS:
            value = _POINTS[name].objects.get(key=value) if value else None
        setattr(row, name, value)
    row.save()
    if change.removed:
        row.numbers.filter(number__in=change.removed).delete()
    for number, since in change.moved.items():
        row.numbers.filter(number=number).update(since=since)
    ContactNumber.objects.bulk_create(ContactNumber(contact=row, number=n, since=s) for n, s in change.added.items())
