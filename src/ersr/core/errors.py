"""Every refusal the product can utter, with a code. Faces turn codes into problems and pages; nothing else does.

A code, once published, is never reused for another meaning (house, habit 12).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ersr.core.tongue import joined, said

#: code -> (HTTP status at the edge, title). Alphabetical. access_denied, authorization_pending, expired_token and slow_down
#: are RFC 8628's own words and status.
CODES: Mapping[str, tuple[int, str]] = {
    "access_denied": (400, said("The person refused")),
    "already": (409, said("This was done already")),
    "authorization_pending": (400, said("Nobody has approved this yet")),
    "busy": (503, said("Somebody else is writing at this moment")),
    "code_used": (422, said("This code was used already")),
    "code_wrong": (422, said("The code is not right")),
    "conflict": (409, said("Somebody else was first")),
    "credentials": (401, said("E-mail, password or code is not right")),
    "damaged": (500, said("Something stored is damaged")),
    "delegation": (403, said("No delegation of authority covers this")),
    "expired_token": (400, said("The code is too old")),
    "factor_needed": (403, said("A second factor is needed")),
    "failed": (500, said("Something went wrong here")),
    "full": (503, said("There is no room left")),
    "idempotency": (422, said("This Idempotency-Key was used for something else")),
    "invalid": (422, said("Some answers need another look")),
    "key_absent": (503, said("The signing key does not answer")),
    "lapsed": (409, said("This has lapsed")),
    "method": (405, said("This address does not take this method")),
    "not_allowed": (403, said("You may not do this")),
    "not_now": (409, said("This cannot be done in the present state")),
    "not_found": (404, said("There is nothing here")),
    "number_recent": (409, said("This number changed too recently")),
    "passkey_refused": (422, said("The passkey was not accepted")),
    "pending": (202, said("Not ready yet")),
    "scope": (403, said("This token does not have the scope")),
    "self_approval": (403, said("Nobody approves alone")),
    "sign_in": (401, said("Sign in first")),
    "slow_down": (400, said("Ask less often")),
    "too_large": (413, said("This is too large")),
    "too_many": (429, said("Too many attempts")),
    "unfit": (422, said("This file cannot be used")),
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
    return Refusal("invalid", joined(" ", [e.message for e in errors]), fields=errors)


def not_found() -> Refusal:
    """The same words for "not yours" and "not there" (house, habit 6)."""
    return Refusal("not_found", said("There is nothing here. Check the reference and who you are signed in as."))
