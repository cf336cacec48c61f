"""What a filing holds: six answers that are enough to submit, and the parts that may follow until the decision.

Web and API give plain texts; `clean_six`, `clean_part` and `clean_act` return canonical values or one refusal with every
field's error at once. Times are RFC 3339 texts with an offset, or aware datetimes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ersr.core.errors import FieldError, invalid

IRREVERSIBLE = {
    "already": "It has already happened",
    "within_hour": "Within the next hour",
    "at": "At a time that I know",
    "unknown": "I do not know",
}
ACTIONS = {
    "reserve": "Reserve names (prevent registration)",
    "create": "Create names",
    "sinkhole": "Delegate names to a sinkhole",
    "server_hold": "Set serverHold",
    "transfer": "Transfer registrations",
    "suspend_service": "Suspend a service",
    "other": "Something else",
}
SERVICES = {"dns": "DNS", "dnssec": "DNSSEC", "srs": "SRS/EPP", "rdds": "RDDS", "escrow": "Data escrow"}
YES_NO = {"yes": "Yes", "no": "No", "unknown": "I do not know"}
LONGEST = 20_000
YEARS = range(1990, 2101)

Choices = Mapping[str, str]


@dataclass(frozen=True)
class Field:
    """One question of a part. kind: choice, text, long, time. `choices` code -> words."""

    name: str
    label: str
    kind: str
    hint: str = ""
    choices: Choices | None = None
    needed: bool = False
    wrong: str = ""  # the sentence that says what would be right


@dataclass(frozen=True)
class Part:
    name: str
    label: str
    why: str
    fields: tuple[Field, ...]
    needed: bool = False  # for the decision


PARTS: Mapping[str, Part] = {
    p.name: p
    for p in (
        Part(
            "authority",
            "Your authority to file",
            "It tells us whom to call back and whether you may bind the operator.",
            (
                Field(
                    "basis",
                    "On what do you act?",
                    "choice",
                    choices={
                        "contact_on_file": "I am a contact on file of the operator",
                        "delegated": "The operator has delegated this to me or to my company",
                        "pending": "The operator will confirm it",
                    },
                    needed=True,
                    wrong="Choose on what authority you file",
                ),
                Field("words", "Who delegated or will confirm it?", "text", "A name and a function, if you know."),
            ),
            needed=True,
        ),
        Part(
            "incident",
            "The incident",
            "The category decides which rules apply.",
            (
                Field(
                    "category",
                    "What kind of incident is it?",
                    "choice",
                    choices={
                        "malicious_activity": "Malicious activity of scale and severity that threatens a TLD or the DNS",
                        "unauthorized_access": "Unauthorized access to, or disclosure or alteration of, registry data or systems",
                        "critical_function": "Something that may make a critical registry function fail",
                    },
                    needed=True,
                    wrong="Choose the kind of incident that fits best",
                ),
                Field(
                    "presence",
                    "Is it present or imminent?",
                    "choice",
                    choices={"present": "Present", "imminent": "Imminent"},
                    needed=True,
                    wrong="Choose present or imminent",
                ),
                Field("discovered_at", "When was it discovered?", "time"),
                Field(
                    "scale", "How large is it?", "text", "Names a day, TLDs, machines: your best guess is good enough."
                ),
                Field("immediate", "Does it need action by the registry at once?", "choice", choices=YES_NO),
                Field("generator", "What makes the names?", "text", "The generator or the malware's family, if known."),
            ),
            needed=True,
        ),
        Part(
            "relief",
            "Registrar route and fees",
            "With an accredited registrar some provisions are met; the fee remains.",
            (
                Field(
                    "registrar_route",
                    "Who creates the names?",
                    "choice",
                    choices={
                        "accredited_registrar": "An accredited registrar",
                        "registry_itself": "The registry itself, without a registrar",
                        "unknown": "I do not know, or no names are created",
                    },
                    needed=True,
                    wrong="Choose who creates the names",
                ),
                Field(
                    "fee_relief",
                    "Do you ask for relief from ICANN's transaction fees?",
                    "choice",
                    choices=YES_NO,
                    needed=True,
                    wrong="Choose whether you ask for fee relief",
                ),
            ),
            needed=True,
        ),
        Part(
            "period",
            "Period",
            "A waiver lasts for the time needed, and can reach back.",
            (
                Field("acts_from", "Acts from", "time", "The first act that is to be covered, also in the past."),
                Field("ends_at", "Until", "time", "When the waiver is to end."),
            ),
            needed=True,
        ),
        Part(
            "originator",
            "Who asked you to act",
            "A CERT or law enforcement, if it was not your own idea.",
            (
                Field(
                    "kind",
                    "Who is it?",
                    "choice",
                    choices={"cert": "A CERT", "law_enforcement": "Law enforcement", "other": "Somebody else"},
                    needed=True,
                    wrong="Choose who asked you to act",
                ),
                Field("name", "Name", "text", needed=True, wrong="Enter the name of who asked you to act"),
            ),
        ),
        Part(
            "order",
            "Court order",
            "A sealed order is for named persons; do not send it here.",
            (
                Field(
                    "exists",
                    "Is there a court order?",
                    "choice",
                    choices=YES_NO,
                    needed=True,
                    wrong="Choose yes, no or unknown",
                ),
                Field("sealed", "Is it sealed?", "choice", choices=YES_NO),
                Field("acknowledge", "May its existence be acknowledged?", "choice", choices=YES_NO),
                Field("expires_at", "When does it expire?", "time"),
            ),
        ),
        Part(
            "telling",
            "Who may and may not be told",
            "We tell those who must know and nobody else.",
            (
                Field("may", "Who may be told?", "long"),
                Field("may_not", "Who must not be told?", "long"),
                Field("confidential", "What do you designate as confidential?", "long", "Registry Agreement, 7.15."),
            ),
        ),
        Part(
            "happening",
            "What is happening",
            "A new version stands beside the old one.",
            (Field("text", "What is happening?", "long", needed=True, wrong="Say what is happening, in plain words"),),
        ),
    )
}

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")


def phone(text: str) -> str:
    """E.164, or "" if the text is no number with country code."""
    bare = re.sub(r"[\s().\-/]", "", text)
    return bare if _PHONE.fullmatch(bare) else ""


def moment(value: Any) -> datetime | None:
    """Aware UTC, whole seconds; None for empty. Raises ValueError for a text without offset or without sense, and for a
    year far from any incident, which could not even be shown in every zone."""
    if value in (None, ""):
        return None
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if found.utcoffset() is None:
        raise ValueError("a time needs its zone")
    found = found.astimezone(UTC).replace(microsecond=0)
    if found.year not in YEARS:
        raise ValueError(f"a year from {YEARS[0]} to {YEARS[-1]}")
    return found


_TIME_WRONG = "Enter a time with its zone, like 2026-11-15T00:00Z"


def tld_list(text: str | Sequence[str]) -> list[str]:
    """Split on commas and spaces; without dots in front; sorted, unique."""
    parts = re.split(r"[\s,;]+", text) if isinstance(text, str) else [str(t) for t in text]
    return sorted({p.strip().lstrip(".").lower() for p in parts if p.strip().lstrip(".")})


def unstorable(text: str) -> bool:
    """Whether a text holds what no database and no JSON takes: NUL, or half of a surrogate pair."""
    return any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text)


_UNSTORABLE = "Take out the character that is none: this text cannot be stored as it is"


def clean_six(raw: Mapping[str, Any]) -> dict[str, Any]:
    """number_claimed, operator (key), tlds (list or text, or "all"), happening, irreversible, irreversible_at."""
    errors: list[FieldError] = []
    number = phone(str(raw.get("number_claimed") or ""))
    if not number:
        errors.append(FieldError("number_claimed", "Enter a phone number with its country code, like +32 2 555 01 42"))
    operator = str(raw.get("operator") or "").strip()
    if not operator:
        errors.append(FieldError("operator", "Choose the registry operator that you file for"))
    tlds = tld_list(raw.get("tlds") or "")
    if not tlds:
        errors.append(FieldError("tlds", "Enter the TLDs that are affected, like example, test"))
    happening = str(raw.get("happening") or "").strip()
    if not happening:
        errors.append(FieldError("happening", "Say what is happening, in plain words"))
    elif unstorable(happening):
        errors.append(FieldError("happening", _UNSTORABLE))
    elif len(happening) > LONGEST:
        errors.append(FieldError("happening", f"Shorten this to {LONGEST:,} characters: it has {len(happening):,}"))
    irreversible = str(raw.get("irreversible") or "")
    at: datetime | None = None
    if irreversible not in IRREVERSIBLE:
        errors.append(FieldError("irreversible", "Choose when the next thing happens that cannot be undone"))
    elif irreversible == "at":
        try:
            at = moment(raw.get("irreversible_at"))
        except (ValueError, OverflowError):
            at = None
        if at is None:
            errors.append(FieldError("irreversible_at", _TIME_WRONG))
    if errors:
        raise invalid(*errors)
    return {
        "number_claimed": number,
        "operator": operator,
        "tlds": tlds,
        "happening": happening,
        "irreversible": irreversible,
        "irreversible_at": at,
    }


def _clean_fields(fields: Sequence[Field], raw: Mapping[str, Any], errors: list[FieldError]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for field in fields:
        value = raw.get(field.name)
        if field.kind == "time":
            try:
                found = moment(value)
                body[field.name] = found.isoformat().replace("+00:00", "Z") if found else ""
            except (ValueError, OverflowError):
                errors.append(FieldError(field.name, _TIME_WRONG))
            continue
        text = str(value or "").strip()
        if field.kind == "choice" and text and text not in (field.choices or {}):
            errors.append(FieldError(field.name, field.wrong or f"Choose one of: {', '.join(field.choices or {})}"))
        elif field.needed and not text:
            errors.append(FieldError(field.name, field.wrong))
        elif unstorable(text):
            errors.append(FieldError(field.name, _UNSTORABLE))
        elif len(text) > (LONGEST if field.kind == "long" else 300):
            errors.append(FieldError(field.name, f"Shorten this: it has {len(text):,} characters"))
        body[field.name] = text
    return body


def clean_part(part: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The part's body with every field as text (times as RFC 3339 ending in Z, "" for not known)."""
    if part not in PARTS:
        raise invalid(FieldError("part", f"There is no part {part!r}; the parts are {', '.join(PARTS)}"))
    errors: list[FieldError] = []
    body = _clean_fields(PARTS[part].fields, raw, errors)
    if (
        part == "period"
        and not errors
        and body["acts_from"]
        and body["ends_at"]
        and body["ends_at"] <= body["acts_from"]
    ):
        errors.append(FieldError("ends_at", "The end must come after the first act"))
    if errors:
        raise invalid(*errors)
    return body


ACT_FIELDS = (
    Field("action", "What do you do?", "choice", choices=ACTIONS, needed=True, wrong="Choose what you do"),
    Field(
        "taken",
        "Planned, or already taken?",
        "choice",
        choices={"planned": "Planned", "taken": "Already taken"},
        needed=True,
        wrong="Choose planned or already taken",
    ),
    Field("starts_at", "From", "time", "When it began or will begin."),
    Field("ends_at", "To", "time", "When it ended or will end, if it does."),
    Field("service", "Which service?", "choice", "Only when you suspend a service.", choices=SERVICES),
    Field("registered", "Are the names registered by somebody?", "choice", choices=YES_NO),
    Field("words", "What else should we know?", "long"),
    Field("roll_back", "How can it be rolled back?", "text"),
)


def clean_act(raw: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """Canonical act; `taken` becomes a bool and times become datetimes or None."""
    errors: list[FieldError] = []
    body = _clean_fields(ACT_FIELDS, raw, errors)
    starts, ends = (moment(body.get(n) or None) for n in ("starts_at", "ends_at"))
    if not errors:
        if body["taken"] == "taken" and starts is None:
            errors.append(FieldError("starts_at", "Enter when you acted: a waiver reaches back to this time"))
        elif body["taken"] == "taken" and starts and starts > now:
            errors.append(FieldError("starts_at", "An act already taken cannot lie in the future: choose planned"))
        if starts and ends and ends <= starts:
            errors.append(FieldError("ends_at", "The end must come after the beginning"))
        if body["action"] == "suspend_service" and not body["service"]:
            errors.append(FieldError("service", "Choose the service that you suspend"))
        if body["action"] == "other" and not body["words"]:
            errors.append(FieldError("words", "Say what you do"))
    if errors:
        raise invalid(*errors)
    return {
        **body,
        "taken": body["taken"] == "taken",
        "starts_at": starts,
        "ends_at": ends,
        "registered": body["registered"] or "unknown",
    }
