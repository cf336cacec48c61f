"""Who may read what, field by field, and the unique texts that stand in each field of the crawled world.

The table follows the issue ("The desk", "Filing", "Who and what is known") and process.md section 9 ("who is told what"), not the code.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

#: Groups of readers. Staff are named by role; `own` and `owner` by what they are to the case or thing.
GROUPS = {
    "staff": "administrator approver auditor duty_officer legal responder signatory",
    "desk": "approver auditor duty_officer legal responder signatory",  # who works on cases, and who audits them
    "callers": "duty_officer legal responder",  # whoever may take a case may come to call back
    "contacts": "administrator auditor duty_officer legal responder",  # who reads what is on file
    "people": "administrator auditor",
    "counsel": "legal signatory",  # privileged: never an administrator, never an auditor
}

#: field -> who may read it. own: people of the operator or of the party that filed. own@M: the same, once the case has come
#: to M (confirmed: staff stand behind the lines; answered: instrument signed, or answer given). owner: one person.
#: named: people of the parties that the text is for. link: whoever holds the link.
TABLE = {
    # the filing: what the registry wrote, the registry and the desk read
    "happening": "own desk",
    "number claimed": "own desk",
    "part": "own desk",
    "act": "own desk",
    "list title": "own desk",
    "name on a list": "own desk",
    "name refused": "own desk",
    "name taken out": "own desk",
    "evidence name": "own desk",
    "evidence bytes": "own desk",
    "answer": "own desk",
    "withdrawal": "own desk",
    "filer's name": "named desk people",
    "filer's e-mail": "named desk people",
    # what the authority tells the registry, and when
    "question": "own desk",
    "words for the call": "own callers",
    "reason of an added line": "own@confirmed desk",
    "provision of a line": "own@confirmed desk",
    "reasons": "own@answered desk",
    "modification": "own@answered desk",
    "quote": "own@answered desk",
    "quote's source": "own@answered desk",
    "condition": "own@answered desk",
    "reporting": "own@answered desk",
    "disposition": "own@answered desk",
    "list as decided": "own@answered desk",
    "service": "own desk",
    "how the answer was given": "own desk",
    "delegation in a letter": "named desk people",
    # the authority's own work
    "why a name was taken out": "desk",
    "remark on a call": "desk",
    "assessment": "desk",
    "why a line was changed": "desk",
    "reasons of a returned proposal": "desk",
    "why it was returned": "desk",
    "reasons of a decision sent back": "desk",
    "why it was sent back": "desk",
    "proposer's name": "staff",
    "approver's name": "staff",
    "popularity title": "desk",
    "why a catalogue row was added": "desk",
    "privileged note": "counsel",
    # on file: never a filer's to see; a number that was called is part of the case
    "contact": "contacts",
    "contact's e-mail": "contacts",
    "number on file": "contacts",
    "contact called": "contacts desk",
    "number called": "contacts desk",
    # one person's own
    "draft": "owner",
    "draft's error": "owner",
    "kept form": "owner",
    "session's agent": "owner",
    "token's name": "owner",
    "delegation not used": "owner people",
    "invited person": "people desk link",  # staff are told who could act for a registry
}


#: group of readers -> kinds of events that they may ever cause, in whatever case. What stands here for nobody is done by nobody.
ACTS = {
    "filer": "submit add_part record_act add_list add_evidence answer withdraw acknowledge",
    "duty_officer": "take call ask change_line answer_hits confirm_lines serve conclude",
    "responder": "take call ask assess change_line answer_hits confirm_lines propose serve conclude",
    "legal": "note_privileged",
    "approver": "approve return_proposal",
    "signatory": "preview sign send_back",
}
#: Never one of these, whatever other role somebody has.
NEVER_ACT = {"administrator", "auditor"}
#: Follows from an act of anybody, or concerns nobody but oneself.
OWN_AFFAIRS = ("people.", "notification.read", "request.advice_renewed", "call.attempted", "call.words_drawn")


@dataclass(frozen=True)
class Reader:
    """Somebody who looks: nobody in particular (party ""), a registry's person, or staff (party "icann")."""

    key: str
    party: str = ""
    roles: frozenset[str] = frozenset()


@dataclass
class Case:
    """What the crawl knows of a case without asking the product: whose it is, and how far it has come."""

    key: str
    parties: frozenset[str]  # operator and filing party
    moments: frozenset[str]  # of confirmed, answered
    ref: str = ""
    waivers: list[str] = field(default_factory=list)
    lists: list[int] = field(default_factory=list)
    evidence: list[int] = field(default_factory=list)
    previews: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Mark:
    text: str  # as it is looked for: small letters, no space
    field: str
    case: Case | None = None
    owner: str = ""
    parties: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.field} ({self.case.key if self.case else self.owner or 'house'})"

    def __hash__(self) -> int:
        return hash(self.text)


def _groups(words: str) -> Iterable[str]:
    for word in words.split():
        yield from GROUPS.get(word, word).split()


READERS = {name: tuple(_groups(words)) for name, words in TABLE.items()}


def may_read(reader: Reader, mark: Mark, *, holds_link: bool = False) -> bool:
    """What the table says. A ban beats a permission: administrators and auditors never read privileged notes."""
    if mark.field == "privileged note" and reader.roles & {"administrator", "auditor"}:
        return False
    for word in READERS[mark.field]:
        name, _, moment = word.partition("@")
        if name == "own":
            case = mark.case
            if case and reader.party in case.parties and (not moment or moment in case.moments):
                return True
        elif name == "owner":
            if reader.key == mark.owner:
                return True
        elif name == "named":
            if reader.party in mark.parties:
                return True
        elif name == "link":
            if holds_link:
                return True
        elif name in reader.roles:
            return True
    return False


def may_act(reader: Reader, kind: str) -> bool:
    """Whether the table lets this reader ever cause such an event."""
    if kind == "privileged.read":
        return bool(reader.roles & {"legal", "signatory"}) and not reader.roles & NEVER_ACT
    if kind.startswith("request.") and kind != "request.advice_renewed":
        acts = {f"request.{name}" for role in reader.roles for name in ACTS.get(role, "").split()}
        return kind in acts and not reader.roles & NEVER_ACT
    office = {
        "people.deactivated": "administrator", "people.invited": "administrator", "people.reinvited": "administrator", "people.recovery_approved": "administrator duty_officer",
        "people.recovery_called": "administrator duty_officer responder", "people.reactivated": "administrator",
        "delegation.ended": "administrator", "delegation.given": "administrator", "provision.added": "responder",
        "popularity.imported": "duty_officer responder", "notification.sent_again": "duty_officer responder",
    }  # fmt: skip
    if kind in office:
        return bool(reader.roles & set(office[kind].split())) and "auditor" not in reader.roles
    return bool(reader.roles) and kind.startswith(OWN_AFFAIRS)


class Marks:
    """Draws the texts and remembers where each one stands."""

    def __init__(self, seed: int = 9) -> None:
        self.all: dict[str, Mark] = {}
        self._draw = random.Random(seed)

    def word(self, name: str, case: Case | None = None, *, owner: str = "", parties: Iterable[str] = ()) -> str:
        """"zq" and twelve letters: a word, a label of a domain name, the local part of an e-mail address."""
        text = "zq" + "".join(self._draw.choices("abcdefghijklmnoprstuvwxy", k=12))
        return self.note(text, name, case, owner=owner, parties=parties)

    def number(self, name: str, case: Case | None = None) -> str:
        text = "4479" + "".join(self._draw.choices("0123456789", k=8))
        return "+" + self.note(text, name, case)

    def note(self, text: str, name: str, case: Case | None = None, *, owner: str = "", parties: Iterable[str] = ()) -> str:
        """A text that the product drew itself, such as a digest."""
        found = Mark("".join(text.lower().split()), name, case, owner, frozenset(parties))
        assert name in TABLE, name
        self.all[found.text] = found
        return text

    def refresh(self, old: str, new: str) -> None:
        """The product drew a text anew."""
        mark = self.all.pop("".join(old.lower().split()))
        self.note(new, mark.field, mark.case)
