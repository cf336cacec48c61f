"""Holds an import against what is held: what is new, what changes field by field, and what is refused.

A number's age is what a call-back trusts. So an import may make a number younger, never older: a number that is new to a
contact on file has stood at most since the day of the list that did not have it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ersr.core import provisions
from ersr.core.errors import FieldError, Refusal
from ersr.parties.importing import FIELDS, IDENTITY, Entry, Sheet
from ersr.parties.models import Agreement, Contact, Party, Tld


@dataclass
class Change:
    """One entry that is new (`row` None) or differs: `values` are the fields to write, numbers apart."""

    entry: Entry
    row: Any = None
    values: dict[str, Any] = field(default_factory=dict)
    added: dict[str, date] = field(default_factory=dict)
    moved: dict[str, date] = field(default_factory=dict)  # numbers whose `since` changes
    removed: list[str] = field(default_factory=list)


@dataclass
class Difference:
    changes: list[Change] = field(default_factory=list)
    leaving: list[Contact] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def compare(sheet: Sheet) -> Difference:
    """The difference, in the order in which it must be written. Raises Refusal("invalid") with everything that is wrong."""
    held = _Held.load()
    errors = [e for entries in sheet.entries.values() for entry in entries for e in held.mistakes(entry, sheet)]
    found = Difference()
    for kind, entries in sheet.entries.items():
        for entry in entries:
            change, sentences, mistakes = held.change(entry)
            errors += mistakes
            if sentences:
                found.changes.append(change)
                found.sentences += sentences
                found.counts[f"{kind}_{'changed' if change.row else 'added'}"] += 1
    if errors:
        raise Refusal("invalid", "\n".join(e.message for e in errors), fields=tuple(errors))
    if sheet.complete:
        named = {entry.identity for entry in sheet.entries["contact"]}
        whole = {party for party, _ in named}
        found.leaving = [row for key, row in sorted(held.contacts.items()) if key[0] in whole and key not in named]
        found.sentences += [f"contact {row.party.key}, {row.name}: removed" for row in found.leaving]
        found.counts["contact_removed"] += len(found.leaving)
    found.sentences += _unknown_to_the_catalogue(found.changes)
    return found


def _unknown_to_the_catalogue(changes: Iterable[Change]) -> list[str]:
    known = {(row.family, row.version) for row in provisions.load()}
    told = []
    for change in changes:
        values = change.entry.values
        if change.entry.kind == "agreement" and (values["family"], values["version"]) not in known:
            told.append(
                f"warning: agreement {values['key']} is {values['family']} {values['version']}, which the catalogue that "
                "ships does not know: no lines are proposed under it until staff add provisions"
            )
    return told


@dataclass
class _Held:
    parties: dict[str, Party]
    agreements: dict[str, Agreement]
    tlds: dict[str, Tld]
    contacts: dict[tuple[str, str], Contact]
    #: party key -> number -> since when that party has had it, with whichever contact
    numbers: dict[str, dict[str, date]]

    @classmethod
    def load(cls) -> _Held:
        contacts = {
            (c.party.key, c.name): c for c in Contact.objects.select_related("party").prefetch_related("numbers")
        }
        numbers: dict[str, dict[str, date]] = {}
        for (party, _), contact in contacts.items():
            for number in contact.numbers.all():
                own = numbers.setdefault(party, {})
                own[number.number] = min(number.since, own.get(number.number, number.since))
        return cls(
            {p.key: p for p in Party.objects.all()},
            {a.key: a for a in Agreement.objects.select_related("operator")},
            {t.name: t for t in Tld.objects.select_related("agreement", "rsp")},
            contacts,
            numbers,
        )

    def mistakes(self, entry: Entry, sheet: Sheet) -> list[FieldError]:
        """What an entry names must be held or stand in the same file, and be of a kind that fits."""
        kinds = {key: party.kind for key, party in self.parties.items()}
        kinds |= {e.values["key"]: e.values["kind"] for e in sheet.entries["party"]}
        agreements = self.agreements.keys() | {e.values["key"] for e in sheet.entries["agreement"]}
        values, wrong = entry.values, entry.place.wrong
        errors = []
        if entry.kind == "party" and (held := self.parties.get(values["key"])) and held.kind != values["kind"]:
            errors.append(
                wrong(
                    "kind", f"{held.key} is held as {held.kind}; a party keeps its kind: give another one another key."
                )
            )
        if entry.kind == "agreement" and kinds.get(values["operator"]) != "registry_operator":
            errors.append(
                wrong("operator", f"{values['operator']!r} is no registry operator, neither held nor in this file.")
            )
        if entry.kind == "tld" and values["agreement"] not in agreements:
            errors.append(wrong("agreement", f"{values['agreement']!r} is neither held nor in this file."))
        if values.get("rsp") and kinds.get(values["rsp"]) not in ("rsp", "registry_operator"):
            errors.append(wrong("rsp", f"{values['rsp']!r} is no RSP, neither held nor in this file."))
        if entry.kind == "contact" and values["party"] not in kinds:
            errors.append(wrong("party", f"{values['party']!r} is neither held nor in this file."))
        return errors

    def change(self, entry: Entry) -> tuple[Change, list[str], list[FieldError]]:
        """The change, a sentence for each field that differs, and mistakes."""
        rows: dict[str, Any] = {
            "party": self.parties, "agreement": self.agreements, "tld": self.tlds, "contact": self.contacts,
        }[entry.kind]  # fmt: skip
        key = entry.identity if entry.kind == "contact" else entry.identity[0]
        row = rows.get(key)
        change = Change(entry, row)
        called = f"{entry.kind} {', '.join(entry.identity)}"
        told = {f: v for f, v in entry.values.items() if f != "numbers"}
        if row is None:
            change.values, change.added = told, dict(entry.values.get("numbers", {}))
            words = ", ".join(f"{f} {_say(v)}" for f, v in told.items() if v and f not in IDENTITY[entry.kind])
            numbers = "".join(f", number {n} since {since}" for n, since in change.added.items())
            return change, [f"{called}: new ({words}{numbers})"], []
        sentences = []
        for name in (f for fields in FIELDS[entry.kind] for f in fields if f in told):
            before = _held_value(row, name)
            if before != told[name]:
                change.values[name] = told[name]
                sentences.append(f"{called}: {name} {_say(before)} -> {_say(told[name])}")
        errors: list[FieldError] = []
        if "numbers" in entry.values:
            said, errors = self._numbers(change)
            sentences += [f"{called}: {sentence}" for sentence in said]
        return change, sentences, errors

    def _numbers(self, change: Change) -> tuple[list[str], list[FieldError]]:
        entry, row = change.entry, change.row
        told: dict[str, date] = entry.values["numbers"]
        own = {n.number: n.since for n in row.numbers.all()}
        change.removed = sorted(own.keys() - told.keys())
        of_party = self.numbers.get(entry.values["party"], {})
        sentences, errors = [], []
        for number, since in told.items():
            if own.get(number) == since:
                continue
            earliest = of_party.get(number)
            if earliest is None:
                # On the day of the list that is held it was not there; and it follows the numbers whose place it takes.
                earliest = max([row.as_of, *(own[gone] for gone in change.removed)])
                since_when = f"the list of {row.as_of} did not have it"
                fits = since >= row.as_of and all(since > own[gone] for gone in change.removed)
            else:
                since_when = f"it is held since {earliest}"
                fits = since >= earliest
            if not fits:
                errors.append(
                    entry.place.wrong(
                        "numbers", f"{number} cannot have stood since {since}: {since_when}. Give a newer since."
                    )
                )
            elif number in own:
                change.moved[number] = since
                sentences.append(f"number {number} since {own[number]} -> {since}")
            else:
                change.added[number] = since
                sentences.append(f"number {number} added, since {since}")
        return [*sentences, *(f"number {n} removed (it had stood since {own[n]})" for n in change.removed)], errors


def _held_value(row: Any, name: str) -> Any:
    value = getattr(row, name)
    if isinstance(value, Party | Agreement):
        return value.key
    return "" if value is None else value


def _say(value: Any) -> str:
    return str(value) if isinstance(value, date) else f"“{value}”"
