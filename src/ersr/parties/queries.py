"""What is read about parties, always on behalf of somebody. Filers never see contacts on file: nothing here is for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from django.db.models import QuerySet

from ersr.core.errors import not_found
from ersr.core.lifecycle import Role
from ersr.core.permits import office
from ersr.parties.models import Agreement, Contact, ContactNumber, Party, Tld


class Reader(Protocol):
    """Who reads: a Person, whose room stands above this one."""

    @property
    def roles(self) -> frozenset[Role]: ...


@dataclass(frozen=True)
class NumberKnown:
    """A number, since when it has stood, and for how many days."""

    number: str
    since: date
    days: int


@dataclass(frozen=True)
class ContactKnown:
    """A contact with the age of what is known about it: `days` since its list's `as_of`."""

    contact: Contact
    days: int
    numbers: tuple[NumberKnown, ...]


@dataclass(frozen=True)
class PartyKnown:
    """`agreements` are its own, each with its TLDs; `runs` are TLDs that it runs for operators, itself included."""

    party: Party
    agreements: tuple[tuple[Agreement, tuple[Tld, ...]], ...]
    runs: tuple[Tld, ...]
    contacts: tuple[ContactKnown, ...]

    @property
    def tlds(self) -> int:
        return sum(len(tlds) for _, tlds in self.agreements)

    @property
    def acts_for(self) -> tuple[Party, ...]:
        """The other operators for which it runs TLDs."""
        found = {tld.agreement.operator for tld in self.runs} - {self.party}
        return tuple(sorted(found, key=lambda party: party.name))


def parties_visible_to(person: Reader) -> QuerySet[Party]:
    """All parties for who may read them, else the refusal that says the same as "not there"."""
    if not office("read_parties", person.roles).allowed:
        raise not_found()
    return Party.objects.all()


#: A number that changed lately may be an impostor's: one is called only if it has stood so long.
NUMBER_MUST_STAND = timedelta(days=30)


def numbers_on_file(party: Party, *, now: datetime) -> list[ContactNumber]:
    """Numbers of a party that may be called, those that have stood longest first. For the rooms above, which ask who reads."""
    rows = ContactNumber.objects.filter(contact__party=party, since__lte=now.date() - NUMBER_MUST_STAND)
    return list(rows.select_related("contact").order_by("since", "pk"))


def party_for(person: Reader, key: str, *, now: datetime) -> PartyKnown:
    """One party with agreements, TLDs and contacts, or the same refusal for "not yours" and "not there"."""
    party = parties_visible_to(person).filter(key=key.lower()).first()
    if party is None:
        raise not_found()
    today = now.date()
    agreements = party.agreements.prefetch_related("tlds__rsp").order_by("dated", "key")
    contacts = [
        ContactKnown(
            contact,
            (today - contact.as_of).days,
            tuple(NumberKnown(n.number, n.since, (today - n.since).days) for n in contact.numbers.all()),
        )
        for contact in party.contacts.prefetch_related("numbers")
    ]
    return PartyKnown(
        party,
        tuple((agreement, tuple(agreement.tlds.all())) for agreement in agreements),
        tuple(party.acts_for.select_related("agreement__operator").order_by("name")),
        tuple(contacts),
    )
