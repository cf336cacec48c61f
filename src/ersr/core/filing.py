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
from ersr.core.tongue import joined, said
from ersr.core.tongue import number as figure

IRREVERSIBLE = {
    "already": said("It has already happened"),
    "within_hour": said("Within the next hour"),
    "at": said("At a time that I know"),
    "unknown": said("I do not know"),
}
ACTIONS = {
    "reserve": said("Reserve names (prevent registration)"),
    "create": said("Create names"),
    "sinkhole": said("Delegate names to a sinkhole"),
    "server_hold": said("Set serverHold"),
    "transfer": said("Transfer registrations"),
    "suspend_service": said("Suspend a service"),
    "other": said("Something else"),
}
SERVICES = {"dns": "DNS", "dnssec": "DNSSEC", "srs": "SRS/EPP", "rdds": "RDDS", "escrow": said("Data escrow")}
YES_NO = {"yes": said("Yes"), "no": said("No"), "unknown": said("I do not know")}
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
            said("Your authority to file"),
            said("It tells us whom to call back and whether you may bind the operator."),
            (
                Field(
                    "basis",
                    said("On what do you act?"),
                    "choice",
                    choices={
                        "contact_on_file": said("I am a contact on file of the operator"),
                        "delegated": said("The operator has delegated this to me or to my company"),
                        "pending": said("The operator will confirm it"),
                    },
                    needed=True,
                    wrong=said("Choose on what authority you file"),
                ),
                Field("words", said("Who delegated or will confirm it?"), "text", said("A name and a function, if you know.")),
            ),
            needed=True,
        ),
        Part(
            "incident",
            said("The incident"),
            said("The category decides which rules apply."),
            (
                Field(
                    "category",
                    said("What kind of incident is it?"),
                    "choice",
                    choices={
                        "malicious_activity": said("Malicious activity of scale and severity that threatens a TLD or the DNS"),
                        "unauthorized_access": said("Unauthorized access to, or disclosure or alteration of, registry data or systems"),
                        "critical_function": said("Something that may make a critical registry function fail"),
                    },
                    needed=True,
                    wrong=said("Choose the kind of incident that fits best"),
                ),
                Field(
                    "presence",
                    said("Is it present or imminent?"),
                    "choice",
                    choices={"present": said("Present"), "imminent": said("Imminent")},
                    needed=True,
                    wrong=said("Choose present or imminent"),
                ),
                Field("discovered_at", said("When was it discovered?"), "time"),
                Field(
                    "scale", said("How large is it?"), "text", said("Names a day, TLDs, machines: your best guess is good enough.")
                ),
                Field("immediate", said("Does it need action by the registry at once?"), "choice", choices=YES_NO),
                Field("generator", said("What makes the names?"), "text", said("The generator or the malware's family, if known.")),
            ),
            needed=True,
        ),
        Part(
            "relief",
            said("Registrar route and fees"),
            said("With an accredited registrar some provisions are met; the fee remains."),
            (
                Field(
                    "registrar_route",
                    said("Who creates the names?"),
                    "choice",
                    choices={
                        "accredited_registrar": said("An accredited registrar"),
                        "registry_itself": said("The registry itself, without a registrar"),
                        "unknown": said("I do not know, or no names are created"),
                    },
                    needed=True,
                    wrong=said("Choose who creates the names"),
                ),
                Field(
                    "fee_relief",
                    said("Do you ask for relief from ICANN's transaction fees?"),
                    "choice",
                    choices=YES_NO,
                    needed=True,
                    wrong=said("Choose whether you ask for fee relief"),
                ),
            ),
            needed=True,
        ),
        Part(
            "period",
            said("Period"),
            said("A waiver lasts for the time needed, and can reach back."),
            (
                Field("acts_from", said("Acts from"), "time", said("The first act that is to be covered, also in the past.")),
                Field("ends_at", said("Until"), "time", said("When the waiver is to end.")),
            ),
            needed=True,
        ),
        Part(
            "originator",
            said("Who asked you to act"),
            said("A CERT or law enforcement, if it was not your own idea."),
            (
                Field(
                    "kind",
                    said("Who is it?"),
                    "choice",
                    choices={"cert": said("A CERT"), "law_enforcement": said("Law enforcement"), "other": said("Somebody else")},
                    needed=True,
                    wrong=said("Choose who asked you to act"),
                ),
                Field("name", said("Name"), "text", needed=True, wrong=said("Enter the name of who asked you to act")),
            ),
        ),
        Part(
            "order",
            said("Court order"),
            said("A sealed order is for named persons; do not send it here."),
            (
                Field(
                    "exists",
                    said("Is there a court order?"),
                    "choice",
                    choices=YES_NO,
                    needed=True,
                    wrong=said("Choose yes, no or unknown"),
                ),
                Field("sealed", said("Is it sealed?"), "choice", choices=YES_NO),
                Field("acknowledge", said("May its existence be acknowledged?"), "choice", choices=YES_NO),
                Field("expires_at", said("When does it expire?"), "time"),
            ),
        ),
        Part(
            "telling",
            said("Who may and may not be told"),
            said("We tell those who must know and nobody else."),
            (
                Field("may", said("Who may be told?"), "long"),
                Field("may_not", said("Who must not be told?"), "long"),
                Field("confidential", said("What do you designate as confidential?"), "long", said("Registry Agreement, 7.15.")),
            ),
        ),
        Part(
            "happening",
            said("What is happening"),
            said("A new version stands beside the old one."),
            (Field("text", said("What is happening?"), "long", needed=True, wrong=said("Say what is happening, in plain words")),),
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


TIME_WRONG = said("Enter a time with its zone, like 2026-11-15T00:00Z")


def tld_list(text: str | Sequence[str]) -> list[str]:
    """Split on commas and spaces; without dots in front; sorted, unique."""
    parts = re.split(r"[\s,;]+", text) if isinstance(text, str) else [str(t) for t in text]
    return sorted({p.strip().lstrip(".").lower() for p in parts if p.strip().lstrip(".")})


def unstorable(text: str) -> bool:
    """Whether a text holds what no database and no JSON takes: NUL, or half of a surrogate pair."""
    return any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text)


_UNSTORABLE = said("Take out the character that is none: this text cannot be stored as it is")


def told(at: datetime | None) -> str:
    """A canonical time as text, "" for none."""
    return at.isoformat().replace("+00:00", "Z") if at else ""


#: The six answers; the first, who files, is known from sign-in.
SIX = (
    Field("number_claimed", "On which number can we call you now?", "text", "We compare it with the numbers on file. We never show those here."),
    Field("operator", "Which registry operator do you file for?", "choice"),
    Field("tlds", "Which TLDs?", "text", "Separate with commas or spaces. You may write “all”."),
    Field("happening", "What is happening?", "long", "Plain words. No clause numbers. Do not paste name lists: you add them later."),
    Field("irreversible", "When does the next thing happen that cannot be undone?", "choice", "Your best guess is good enough.", IRREVERSIBLE),
    Field("irreversible_at", "At which time?", "time", "With its zone, like 2026-11-15T00:00Z."),
)  # fmt: skip


def clean_six(raw: Mapping[str, Any]) -> dict[str, Any]:
    """number_claimed, operator (key), tlds (list or text, or "all"), happening, irreversible, irreversible_at."""
    errors: list[FieldError] = []
    number = phone(str(raw.get("number_claimed") or ""))
    if not number:
        errors.append(FieldError("number_claimed", said("Enter a phone number with its country code, like +32 2 555 01 42")))
    operator = str(raw.get("operator") or "").strip()
    if not operator:
        errors.append(FieldError("operator", said("Choose the registry operator that you file for")))
    tlds = tld_list(raw.get("tlds") or "")
    if not tlds:
        errors.append(FieldError("tlds", said("Enter the TLDs that are affected, like example, test")))
    happening = str(raw.get("happening") or "").strip()
    if not happening:
        errors.append(FieldError("happening", said("Say what is happening, in plain words")))
    elif unstorable(happening):
        errors.append(FieldError("happening", _UNSTORABLE))
    elif len(happening) > LONGEST:
        errors.append(FieldError("happening", said("Shorten this to {limit} characters: it has {size}", limit=figure(LONGEST), size=figure(len(happening)))))
    irreversible = str(raw.get("irreversible") or "")
    at: datetime | None = None
    if irreversible not in IRREVERSIBLE:
        errors.append(FieldError("irreversible", said("Choose when the next thing happens that cannot be undone")))
    elif irreversible == "at":
        try:
            at = moment(raw.get("irreversible_at"))
        except (ValueError, OverflowError):
            at = None
        if at is None:
            errors.append(FieldError("irreversible_at", TIME_WRONG))
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
                body[field.name] = told(found)
            except (ValueError, OverflowError):
                errors.append(FieldError(field.name, TIME_WRONG))
            continue
        text = str(value or "").strip()
        if field.kind == "choice" and text and text not in (field.choices or {}):
            errors.append(FieldError(field.name, field.wrong or said("Choose one of: {choices}", choices=joined(", ", field.choices or {}))))
        elif field.needed and not text:
            errors.append(FieldError(field.name, field.wrong))
        elif unstorable(text):
            errors.append(FieldError(field.name, _UNSTORABLE))
        elif len(text) > (LONGEST if field.kind == "long" else 300):
            errors.append(FieldError(field.name, said("Shorten this: it has {size} characters", size=figure(len(text)))))
        body[field.name] = text
    return body


def clean_part(part: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The part's body with every field as text (times as RFC 3339 ending in Z, "" for not known)."""
    if part not in PARTS:
        raise invalid(FieldError("part", said("There is no part {part}; the parts are {parts}", part=repr(part), parts=", ".join(PARTS))))
    errors: list[FieldError] = []
    body = _clean_fields(PARTS[part].fields, raw, errors)
    if (
        part == "period"
        and not errors
        and body["acts_from"]
        and body["ends_at"]
        and body["ends_at"] <= body["acts_from"]
    ):
        errors.append(FieldError("ends_at", said("The end must come after the first act")))
    if errors:
        raise invalid(*errors)
    return body


ACT_FIELDS = (
    Field("action", said("What do you do?"), "choice", choices=ACTIONS, needed=True, wrong=said("Choose what you do")),
    Field(
        "taken",
        said("Planned, or already taken?"),
        "choice",
        choices={"planned": said("Planned"), "taken": said("Already taken")},
        needed=True,
        wrong=said("Choose planned or already taken"),
    ),
    Field("starts_at", said("From"), "time", said("When it began or will begin.")),
    Field("ends_at", said("To"), "time", said("When it ended or will end, if it does.")),
    Field("service", said("Which service?"), "choice", said("Only when you suspend a service."), choices=SERVICES),
    Field("registered", said("Are the names registered by somebody?"), "choice", choices=YES_NO),
    Field("words", said("What else should we know?"), "long"),
    Field("roll_back", said("How can it be rolled back?"), "text"),
)


def clean_act(raw: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """Canonical act; `taken` becomes a bool and times become datetimes or None."""
    errors: list[FieldError] = []
    body = _clean_fields(ACT_FIELDS, raw, errors)
    starts, ends = (moment(body.get(n) or None) for n in ("starts_at", "ends_at"))
    if not errors:
        if body["taken"] == "taken" and starts is None:
            errors.append(FieldError("starts_at", said("Enter when you acted: a waiver reaches back to this time")))
        elif body["taken"] == "taken" and starts and starts > now:
            errors.append(FieldError("starts_at", said("An act already taken cannot lie in the future: choose planned")))
        if starts and ends and ends <= starts:
            errors.append(FieldError("ends_at", said("The end must come after the beginning")))
        if body["action"] == "suspend_service" and not body["service"]:
            errors.append(FieldError("service", said("Choose the service that you suspend")))
        if body["action"] == "other" and not body["words"]:
            errors.append(FieldError("words", said("Say what you do")))
    if errors:
        raise invalid(*errors)
    return {
        **body,
        "taken": body["taken"] == "taken",
        "starts_at": starts,
        "ends_at": ends,
        "registered": body["registered"] or "unknown",
    }
