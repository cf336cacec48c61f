"""Every refusal the product can utter, with a code. Faces turn codes into problems and pages; nothing else does.

A code, once published, is never reused for another meaning (house, habit 12).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: code -> (HTTP status at the edge, title). Alphabetical.
CODES: Mapping[str, tuple[int, str]] = {
    "already": (409, "This was done already"),
    "busy": (503, "Somebody else is writing at this moment"),
    "code_used": (422, "This code was used already"),
    "code_wrong": (422, "The code is not right"),
    "conflict": (409, "Somebody else was first"),
    "credentials": (401, "E-mail, password or code is not right"),
    "damaged": (500, "Something stored is damaged"),
    "delegation": (403, "No delegation of authority covers this"),
    "factor_needed": (403, "A second factor is needed"),
    "failed": (500, "Something went wrong here"),
    "idempotency": (422, "This Idempotency-Key was used for something else"),
    "invalid": (422, "Some answers need another look"),
    "lapsed": (409, "This has lapsed"),
    "method": (405, "This address does not take this method"),
    "not_allowed": (403, "You may not do this"),
    "not_now": (409, "This cannot be done in the present state"),
    "not_found": (404, "There is nothing here"),
    "number_recent": (409, "This number changed too recently"),
    "pending": (202, "Not ready yet"),
    "scope": (403, "This token does not have the scope"),
    "self_approval": (403, "Nobody approves alone"),
    "sign_in": (401, "Sign in first"),
    "too_large": (413, "This is too large"),
    "too_many": (429, "Too many attempts"),
    "unfit": (422, "This file cannot be used"),
}


@dataclass(frozen=True)
class FieldError:
    """One wrong answer: which field, and a sentence that says what would be right."""

    field: str
    message: str


@dataclass
class Refusal(Exception):
    """The product says no. `message` tells what, why and what would be right, in one or two sentences.

    `who_can` names people who could do it; faces show it to staff only.
    """

    code: str
    message: str
    who_can: tuple[str, ...] = ()
    fields: tuple[FieldError, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise LookupError(f"unknown refusal code {self.code!r}")
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


def invalid(*errors: FieldError) -> Refusal:
    """All wrong answers at once; the message repeats them for a reader without a form."""
    return Refusal("invalid", " ".join(e.message for e in errors), fields=errors)


def not_found() -> Refusal:
    """The same words for "not yours" and "not there" (house, habit 6)."""
    return Refusal("not_found", "There is nothing here. Check the reference and who you are signed in as.")
