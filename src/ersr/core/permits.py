"""Who may do what: role x relation x action. Web and API ask `verdict`; docs/reference/permits.md is made from this table.

Roles combine: any role that permits is enough. A ban beats every permission.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

from ersr.core.lifecycle import ACTIONS, Role
from ersr.core.tongue import Said, said


class Relation(enum.StrEnum):
    """What a person is to a request."""

    AUTHOR = "author"  # proposed the decision in question
    HOLDER = "holder"  # has the request
    NONE = "none"  # staff without a closer tie
    OWN = "own"  # the request was filed for or by this person's party
    STRANGER = "stranger"  # a registry's person whose party has no part in it


_STAFF_ANY = frozenset({Relation.AUTHOR, Relation.HOLDER, Relation.NONE})
_OWN = frozenset({Relation.OWN})
_HOLDS = frozenset({Relation.HOLDER})
_NOT_AUTHOR = _STAFF_ANY - {Relation.AUTHOR}
_TEAM = {Role.DUTY_OFFICER: _STAFF_ANY, Role.RESPONDER: _STAFF_ANY}
_HOLDERS = {Role.DUTY_OFFICER: _HOLDS | {Relation.AUTHOR}, Role.RESPONDER: _HOLDS | {Relation.AUTHOR}}
_FILER = {Role.FILER: _OWN}

#: action -> role -> relations in which it is permitted.
PERMITS: Mapping[str, Mapping[Role, frozenset[Relation]]] = {
    "acknowledge": _FILER,
    "add_evidence": _FILER,
    "add_list": _FILER,
    "add_part": _FILER,
    "answer": _FILER,
    "answer_hits": _TEAM,
    "approve": {Role.APPROVER: _NOT_AUTHOR},
    "ask": _HOLDERS,
    "assess": {Role.RESPONDER: _STAFF_ANY},
    "call": _HOLDERS,
    "change_line": _TEAM,
    "conclude": _TEAM,
    "confirm_lines": _TEAM,
    "note_privileged": {Role.LEGAL: _STAFF_ANY},
    "preview": {Role.SIGNATORY: _NOT_AUTHOR},
    "propose": {Role.RESPONDER: _STAFF_ANY},
    "read": {
        Role.APPROVER: _STAFF_ANY,
        Role.AUDITOR: _STAFF_ANY,
        Role.DUTY_OFFICER: _STAFF_ANY,
        Role.FILER: _OWN,
        Role.RESPONDER: _STAFF_ANY,
        Role.SIGNATORY: _STAFF_ANY,
    },
    "read_contacts": {Role.AUDITOR: _STAFF_ANY, Role.DUTY_OFFICER: _STAFF_ANY, Role.RESPONDER: _STAFF_ANY},
    "read_desk": {
        Role.APPROVER: _STAFF_ANY,
        Role.AUDITOR: _STAFF_ANY,
        Role.DUTY_OFFICER: _STAFF_ANY,
        Role.RESPONDER: _STAFF_ANY,
        Role.SIGNATORY: _STAFF_ANY,
    },
    "read_privileged": {Role.LEGAL: _STAFF_ANY, Role.SIGNATORY: _STAFF_ANY},
    "record_act": _FILER,
    "return_proposal": {Role.APPROVER: _STAFF_ANY},
    "send_back": {Role.SIGNATORY: _NOT_AUTHOR},
    "serve": _TEAM,
    "sign": {Role.SIGNATORY: _NOT_AUTHOR},
    "submit": {Role.FILER: _OWN},
    "take": _TEAM,
    "withdraw": _FILER,
}

#: What the author of a decision leaves to somebody else, in words.
_SOMEBODY_ELSE = {
    "approve": said("You proposed this decision, so somebody else must approve it."),
    "preview": said("You proposed this decision, so somebody else must sign it."),
    "send_back": said("You proposed this decision, so somebody else must send it back."),
    "sign": said("You proposed this decision, so somebody else must sign it."),
}

#: What is about the house and not about a request: action -> roles.
OFFICE: Mapping[str, frozenset[Role]] = {
    "add_provision": frozenset({Role.RESPONDER}),
    "approve_recovery": frozenset({Role.ADMINISTRATOR, Role.DUTY_OFFICER}),
    "call_back": frozenset({Role.ADMINISTRATOR, Role.DUTY_OFFICER, Role.RESPONDER}),
    "delegate": frozenset({Role.ADMINISTRATOR}),
    "import_popularity": frozenset({Role.DUTY_OFFICER, Role.RESPONDER}),
    "invite": frozenset({Role.ADMINISTRATOR}),
    "read_ledger": frozenset({Role.AUDITOR}),
    "read_outbox": frozenset({Role.AUDITOR, Role.DUTY_OFFICER, Role.RESPONDER}),
    "read_parties": frozenset({Role.ADMINISTRATOR, Role.AUDITOR, Role.DUTY_OFFICER, Role.RESPONDER}),
    "read_people": frozenset({Role.ADMINISTRATOR, Role.AUDITOR}),
    "read_provisions": frozenset({Role.APPROVER, Role.AUDITOR, Role.DUTY_OFFICER, Role.RESPONDER, Role.SIGNATORY}),
    "send_again": frozenset({Role.DUTY_OFFICER, Role.RESPONDER}),
}

#: role -> actions that this role makes impossible, whatever else the person may do.
BANS: Mapping[Role, frozenset[str]] = {
    Role.ADMINISTRATOR: (frozenset(ACTIONS) | {"read_privileged"}) - {"submit"},
    Role.AUDITOR: frozenset(ACTIONS)
    | {"add_provision", "approve_recovery", "call_back", "delegate", "import_popularity", "invite", "read_privileged"}
    | {"send_again"},
}


@dataclass(frozen=True)
class Verdict:
    """`visible` False means: answer as if nothing were there."""

    allowed: bool
    visible: bool
    why: str = ""
    needs: frozenset[Role] = frozenset()


def _permitted(action: str, roles: frozenset[Role], relations: frozenset[Relation]) -> bool:
    table = PERMITS[action]
    for role in roles & table.keys():
        granted = table[role]
        # A closer tie may forbid (an author does not approve): each tie that a person has must be in the set,
        # except where holding is what is asked for.
        if granted <= {Relation.HOLDER, Relation.AUTHOR}:
            if Relation.HOLDER in relations:
                return True
        elif relations <= granted:
            return True
    return False


def _never(role: Role) -> Said:
    return said("The role {role} never does this, whatever other roles you have.", role=role.words)


def _needed(roles: Iterable[Role]) -> Said:
    words = sorted(role.words for role in roles)
    return said("This needs the role {role}.", role=reduce(lambda several, last: said("{several} or {last}", several=several, last=last), words))


def verdict(action: str, roles: Iterable[Role], relations: Iterable[Relation]) -> Verdict:
    """May somebody with these roles, who is this to the request, do this?"""
    roles, relations = frozenset(roles), frozenset(relations)
    visible = _permitted("read", roles, relations)
    needs = frozenset(PERMITS[action])
    for role in sorted(roles):
        if action in BANS.get(role, ()):
            return Verdict(
                False, visible, _never(role), needs
            )
    if not visible:
        return Verdict(False, False, "", needs)
    if _permitted(action, roles, relations):
        return Verdict(True, True, "", needs)
    if not roles & needs:
        return Verdict(False, True, _needed(needs), needs)
    if Relation.AUTHOR in relations:
        return Verdict(
            False, True, _SOMEBODY_ELSE.get(action, said("You proposed this decision, so somebody else must do this.")), needs
        )
    return Verdict(False, True, said("Only the person who has the request does this: take it first."), needs)


def office(action: str, roles: Iterable[Role]) -> Verdict:
    roles = frozenset(roles)
    for role in sorted(roles):
        if action in BANS.get(role, ()):
            return Verdict(
                False, True, _never(role), OFFICE[action]
            )
    if roles & OFFICE[action]:
        return Verdict(True, True, "", OFFICE[action])
    return Verdict(False, True, _needed(OFFICE[action]), OFFICE[action])
