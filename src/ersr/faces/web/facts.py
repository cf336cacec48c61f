"""An event's facts in the reader's words, for the whole history of a case. The ledger keeps them as keys and codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ersr.core import filing
from ersr.core.lifecycle import Outcome, State
from ersr.core.say import say, say_phone
from ersr.core.terms import Instrument
from ersr.core.tongue import joined, number, paired, said, said_in, said_n, small
from ersr.core.triage import Hint
from ersr.faces.web.desk_forms import CALL_OUTCOMES, CHANNELS, RECOMMENDATIONS, discipline_words

#: What each key is called; one that stands in UNSAID is the row's number in the database and says nothing to a reader.
LABELS = {
    "action": said("Act"), "after": said("After"), "answers": said("Answers"), "before": said("Before"), "body": said("Text"),
    "channel": said("Channel"), "confirmation": said("Confirmation"), "contact": said("Contact"), "digest": said("Digest"),
    "discipline": said("Discipline"), "dropped": said("Dropped"), "due_at": said("Answer due"), "ends_at": said_in("of a period", "To"),
    "factor": said("Second factor"), "filed_by": said("Filed by"), "filing_party": said("Filed for"), "happening": said("What is happening"),
    "hint": said("Where it seems to go"), "instrument": said("Writing"), "irreversible": said("Cannot be undone"),
    "irreversible_at": said("Cannot be undone from"), "kid": said("Key"), "line": said("Line"), "lines": said("Lines"), "list": said("List"),
    "name": said("Name"), "names": said("Names"), "number": said_in("of a telephone", "Number"), "number_claimed": said("Number claimed"), "operator": said("Operator"),
    "outcome": said("Outcome"), "part": said("Part"), "pdf": said("Digest of the letter"), "provision": said("Provision"), "reason": said("Reason"),
    "reasons": said("Reasons"), "recommendation": said("Recommendation"), "reference": said("Reference"), "registered": said("Names registered already"),
    "remark": said("Remark"), "removed": said("Taken out"), "replaces": said("Corrects an earlier act"), "roll_back": said("Roll-back"), "service": said("Service"),
    "size": said("Bytes"), "starts_at": said_in("of a period", "From"), "state": said("State"), "taken": said("Already taken"), "text": said("Question"),
    "tlds": said("TLDs"), "token": said("Digest of the token"), "version": said("Version"), "waiver": said("Instrument"), "words": said("In words"),
}  # fmt: skip
UNSAID = frozenset({"act", "decision", "note", "notes", "question", "questions"})
_TIMES = frozenset({"due_at", "ends_at", "irreversible_at", "starts_at"})
_CODES: Mapping[str, Mapping[str, str]] = {
    "action": filing.ACTIONS, "channel": CHANNELS, "hint": {one.value: one.words for one in Hint}, "instrument": {one.value: one.title for one in Instrument},
    "factor": {"passkey": said("passkey"), "recovery_code": said("recovery code"), "totp": said("code of an authenticator")},
    "irreversible": filing.IRREVERSIBLE, "outcome": {**{one.value: one.words for one in Outcome}, **CALL_OUTCOMES},
    "recommendation": RECOMMENDATIONS, "registered": filing.YES_NO, "service": filing.SERVICES, "state": {one.value: one.words for one in State},
}  # fmt: skip

#: Earlier decisions, counted.
DECIDED: Mapping[str, Callable[[int], str]] = {
    "granted": lambda n: said_n("{n} granted", "{n} granted", n),
    "granted_as_modified": lambda n: said_n("{n} granted as modified", "{n} granted as modified", n),
    "denied": lambda n: said_n("{n} denied", "{n} denied", n),
    "no_waiver_needed": lambda n: said_n("{n} no waiver needed", "{n} no waiver needed", n),
    "notice_only": lambda n: said_n("{n} notice only", "{n} notice only", n),
    "use_rsep": lambda n: said_n("{n} use RSEP", "{n} use RSEP", n),
    "not_an_incident": lambda n: said_n("{n} not an incident", "{n} not an incident", n),
}


def facts_said(facts: Mapping[str, Any]) -> str:
    """In one line. What is empty is left out, as are the numbers of rows."""
    return joined("; ", (paired(label, value) for label, value in _pairs(facts)))


def _pairs(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in facts.items():
        if key in UNSAID or value in (None, "", [], {}):
            continue
        if key == "body" and isinstance(value, dict) and (part := filing.PARTS.get(str(facts.get("part")))):
            yield from ((f.label, _answer(f, str(value[f.name]))) for f in part.fields if value.get(f.name))
        else:
            yield LABELS.get(key, key.replace("_", " ")), _value(key, value)


def _answer(field: filing.Field, value: str) -> str:
    found = filing.moment(value) if field.kind == "time" else None
    return say(found) if found else dict(field.choices or {}).get(value, value)


def _value(key: str, value: Any) -> str:
    if key == "replaces" or value is True:
        return small(filing.YES_NO["yes"])
    if value is False:
        return small(filing.YES_NO["no"])
    if isinstance(value, dict):
        return joined(", ", (paired(LABELS.get(k, k) if key in ("after", "before") else k, _value(k, v)) for k, v in value.items() if v not in (None, "")))
    if isinstance(value, list):
        return joined(", ", (f".{one}" if key == "tlds" else _value(key, one) for one in value))
    if isinstance(value, int):
        return number(value)
    if key in _TIMES:
        found = filing.moment(str(value))
        return say(found) if found else str(value)
    if key in ("number", "number_claimed"):
        return say_phone(str(value))
    if key == "discipline":
        return discipline_words(str(value))
    if key == "part" and value in filing.PARTS:
        return filing.PARTS[value].label
    return _CODES.get(key, {}).get(str(value), str(value))
