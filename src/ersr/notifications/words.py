"""What our mails say, in the language of whoever gets them."""

from __future__ import annotations

from ersr.core.tongue import said, told
from ersr.people.models import Person

#: kind -> (subject, first sentence). References and links only: mail is a side door (house, habit 9).
KINDS = {
    "acknowledged": (said("{ref}: acknowledged"), said("The registry has acknowledged receipt.")),
    "answered": (said("{ref}: your move"), said("A question was answered.")),
    "asked": (said("{ref}: your move"), said("There is a question for you.")),
    "concluded": (said("{ref}: the answer is there"), said("The answer to your request is there.")),
    "filed": (said("{ref}: filed"), said("Your request is in.")),
    "filed_in_your_name": (
        said("A filing was made in your organisation's name"),
        said("A filing was made in your organisation's name. If nobody of yours did this, call the duty line."),
    ),
    "invited": (said("You are invited"), said("You are invited to sign in. The link works once and for 7 days.")),
    "recovery_approved": (
        said("A new second factor for you"),
        said(
            "A new second factor for you was approved. The link works once and for 24 hours; what you had ends when you use it. If "
            "you did not ask for this, sign in and stop it under Your account, or call the duty line."
        ),
    ),
    "recovery_asked": (
        said("A lost second factor was reported"),
        said(
            "Somebody reported that your second factor is lost. We call a number on file. If it was not you, sign in and stop it "
            "under Your account, or call the duty line."
        ),
    ),
    "recovery_code_used": (
        said("A recovery code was used"),
        said("A recovery code of yours let somebody in. If it was not you, call the duty line at once."),
    ),
    "recovery_in_your_name": (
        said("Somebody of your organisation gets a new second factor"),
        said(
            "Somebody of your organisation reported a lost second factor and gets a new one. If nobody of yours asked for this, "
            "call the duty line at once."
        ),
    ),
    "received": (said("{ref}: acknowledge"), said("A request has come in.")),
    "signed": (said("{ref}: signed"), said("An instrument was signed. This mail is a notification, not service.")),
    "to_approve": (said("{ref}: your move"), said("A decision waits for an approval.")),
    "to_sign": (said("{ref}: your move"), said("A decision waits for a signature.")),
}


def language_of(person: Person | None) -> str:
    """The person's own choice where all that they read is complete in it; English for an address that is nobody's account."""
    return person.language if person and person.language in person.languages else "en"


def heading(kind: str, reference: str) -> str:
    """The subject, in the language that is active."""
    return told(KINDS[kind][0]).format(ref=reference)


def letter(kind: str, link: str, number: str) -> str:
    """The text, in the language that is active; `number` is the duty line's."""
    line = said("Duty line, day and night: {number}", number=number)
    close = said("This mail carries no content of any request.")
    return f"{told(KINDS[kind][1])}\n\n{link}\n\n{told(line)}\n{told(close)}\n"
