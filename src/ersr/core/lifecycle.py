"""The law of a request's life: which action leads from which state to which. Nothing moves unless a row here says so.

Buttons, API endpoints and the arrows in docs/process.md exist only for rows of `ACTIONS`; a house test compares all four.
States tell whose move it is (process.md, "States").
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ersr.core.errors import Refusal
from ersr.core.tongue import joined, said, said_in


class State(enum.StrEnum):
    RECEIVED = "received"
    VERIFYING = "verifying"
    AWAITING_REQUESTER = "awaiting_requester"
    ASSESSING = "assessing"
    DECIDING = "deciding"
    PROPOSED = "proposed"
    DECIDED = "decided"
    EXECUTED = "executed"
    SERVED = "served"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"

    @property
    def words(self) -> str:
        """Inside a sentence: "SRW-2026-4821003-K is awaiting requester"."""
        return {
            "received": said_in("state", "received"),
            "verifying": said_in("state", "verifying"),
            "awaiting_requester": said_in("state", "awaiting requester"),
            "assessing": said_in("state", "assessing"),
            "deciding": said_in("state", "deciding"),
            "proposed": said_in("state", "proposed"),
            "decided": said_in("state", "decided"),
            "executed": said_in("state", "executed"),
            "served": said_in("state", "served"),
            "closed": said_in("state", "closed"),
            "withdrawn": said_in("state", "withdrawn"),
        }[self.value]


class LineState(enum.StrEnum):
    OPEN = "open"
    PROPOSED = "proposed"
    DECIDED = "decided"
    EXECUTED = "executed"

    @property
    def words(self) -> str:
        return {
            "open": said_in("of a line", "open"), "proposed": said_in("of a line", "proposed"),
            "decided": said_in("of a line", "decided"), "executed": said_in("of a line", "executed"),
        }[self.value]  # fmt: skip


#: What became of a proposal, by the state of its row.
DECISION_STATES = {
    "proposed": said_in("of a decision", "proposed"), "approved": said_in("of a decision", "approved"),
    "returned": said_in("of a decision", "returned"), "sent_back": said_in("of a decision", "sent back"),
}  # fmt: skip


class Outcome(enum.StrEnum):
    GRANTED = "granted"
    GRANTED_AS_MODIFIED = "granted_as_modified"
    DENIED = "denied"
    NO_WAIVER_NEEDED = "no_waiver_needed"
    NOTICE_ONLY = "notice_only"
    USE_RSEP = "use_rsep"
    NOT_AN_INCIDENT = "not_an_incident"

    @property
    def grants(self) -> bool:
        return self in (Outcome.GRANTED, Outcome.GRANTED_AS_MODIFIED)

    @property
    def words(self) -> str:
        return {
            "granted": said("Granted"),
            "granted_as_modified": said("Granted as modified"),
            "denied": said("Denied"),
            "no_waiver_needed": said("No waiver needed"),
            "notice_only": said("Notice only"),
            "use_rsep": said("Use RSEP"),
            "not_an_incident": said("Not an incident"),
        }[self.value]


class Role(enum.StrEnum):
    ADMINISTRATOR = "administrator"
    APPROVER = "approver"
    AUDITOR = "auditor"
    DUTY_OFFICER = "duty_officer"
    FILER = "filer"  # anybody who signs in for a registry operator or its RSP
    LEGAL = "legal"  # a responder whose discipline is legal has both roles
    RESPONDER = "responder"
    SIGNATORY = "signatory"

    @property
    def words(self) -> str:
        return {
            "administrator": said("administrator"),
            "approver": said("approver"),
            "auditor": said("auditor"),
            "duty_officer": said("duty officer"),
            "filer": said("filer"),
            "legal": said("legal"),
            "responder": said("responder"),
            "signatory": said("signatory"),
        }[self.value]


STAFF = frozenset(Role) - {Role.FILER}
DISCIPLINES = ("compliance", "legal", "registry_services", "security")
FINAL = frozenset({State.CLOSED, State.WITHDRAWN})
UNDECIDED = frozenset(
    {State.RECEIVED, State.VERIFYING, State.AWAITING_REQUESTER, State.ASSESSING, State.DECIDING, State.PROPOSED}
)
_LIVE = frozenset(State) - FINAL
_WORKING = frozenset({State.VERIFYING, State.ASSESSING, State.DECIDING, State.PROPOSED, State.DECIDED})
_LINES_OPEN = frozenset({State.DECIDING, State.PROPOSED, State.DECIDED})


@dataclass(frozen=True)
class Action:
    """One verb. `to` names every state it may lead to; `same` means that it may also leave the state as it is."""

    name: str
    label: str  # the words on the button
    told: str  # how the history tells it
    event: str  # the kind in core/events.py that it appends
    origin: frozenset[State]
    to: frozenset[State] = frozenset()
    same: bool = True
    page: str = ""  # the web page (URL name) that carries its button


def _row(
    name: str, label: str, told: str, origin: Iterable[State], *to: State, same: bool = True, page: str = ""
) -> Action:
    return Action(name, label, told, f"request.{name}", frozenset(origin), frozenset(to), same, page)


S = State
ACTIONS: Mapping[str, Action] = {
    a.name: a
    for a in (
        # what the registry does
        _row("submit", said_in("button", "Submit request"), said_in("history", "Filed"), (), S.RECEIVED, same=False, page="file-check"),
        _row("add_part", said_in("button", "Save"), said_in("history", "Added to the filing"), UNDECIDED, page="add"),
        _row("record_act", said_in("button", "Record an act"), said_in("history", "Recorded an act"), _LIVE, page="add"),
        _row(
            "add_list",
            said_in("button", "Add list"),
            said_in("history", "Added a name list"),
            {S.RECEIVED, S.VERIFYING, S.AWAITING_REQUESTER, S.ASSESSING, S.DECIDING},
            page="add",
        ),
        _row("add_evidence", said_in("button", "Add file"), said_in("history", "Added evidence"), UNDECIDED, page="add"),
        _row(
            "answer",
            said_in("button", "Answer"),
            said_in("history", "Answered a question"),
            {S.AWAITING_REQUESTER},
            S.VERIFYING,
            S.ASSESSING,
            S.DECIDING,
            page="answer",
        ),
        _row("withdraw", said_in("button", "Withdraw the request"), said_in("history", "Withdrew the request"), UNDECIDED, S.WITHDRAWN, same=False, page="withdraw"),
        _row(
            "acknowledge",
            said_in("button", "I have received it"),
            said_in("history", "Acknowledged receipt"),
            {S.SERVED, S.EXECUTED, S.CLOSED} | _LINES_OPEN,
            S.CLOSED,
            page="ack",
        ),
        # what the authority does
        _row("take", said_in("button", "Take it"), said_in("history", "Took the request"), _LIVE, S.VERIFYING, page="desk-case"),
        _row("call", said_in("button", "Call back"), said_in("history", "Called back"), {S.VERIFYING}, S.ASSESSING, page="desk-call"),
        _row(
            "ask",
            said_in("button", "Ask the requester"),
            said_in("history", "Asked the requester"),
            {S.VERIFYING, S.ASSESSING, S.DECIDING},
            S.AWAITING_REQUESTER,
            same=False,
            page="desk-ask",
        ),
        _row("assess", said_in("button", "Save note"), said_in("history", "Wrote an assessment"), _WORKING, page="desk-assess"),
        _row("note_privileged", said_in("button", "Save privileged note"), said_in("history", "Wrote a privileged note"), _WORKING, page="desk-assess"),
        _row("change_line", said_in("button", "Change the line"), said_in("history", "Changed a proposed line"), {S.ASSESSING, S.DECIDING}, page="desk-lines"),
        _row("answer_hits", said_in("button", "Answer hits"), said_in("history", "Answered hits"), {S.VERIFYING, S.ASSESSING, S.DECIDING}, page="desk-list"),
        _row(
            "confirm_lines",
            said_in("button", "Confirm the lines"),
            said_in("history", "Confirmed the lines"),
            {S.ASSESSING},
            S.DECIDING,
            same=False,
            page="desk-lines",
        ),
        _row("propose", said_in("button", "Propose"), said_in("history", "Proposed a decision"), {S.DECIDING}, S.PROPOSED, page="desk-decide"),
        # Past "decided" where the last lines are not granted and the other lines' instruments are signed already.
        _row(
            "approve",
            said_in("button", "Approve"),
            said_in("history", "Approved a decision"),
            {S.DECIDING, S.PROPOSED},
            S.DECIDED,
            S.EXECUTED,
            S.SERVED,
            S.CLOSED,
            page="desk-decide",
        ),
        _row(
            "return_proposal",
            said_in("button", "Return with a reason"),
            said_in("history", "Returned a proposal"),
            {S.DECIDING, S.PROPOSED},
            S.DECIDING,
            page="desk-decide",
        ),
        _row("preview", said_in("button", "Prepare the instrument"), said_in("history", "Prepared the instrument"), _LINES_OPEN, page="desk-sign"),
        _row("sign", said_in("button", "Sign"), said_in("history", "Signed"), _LINES_OPEN, S.EXECUTED, page="desk-sign"),
        _row("send_back", said_in("button", "Send back with a reason"), said_in("history", "Sent a decision back"), _LINES_OPEN, S.DECIDING, page="desk-sign"),
        # Closed at once where the registry has acknowledged receipt before the service was recorded; possible after that too,
        # because a copy by post follows an e-mail within three calendar days (7.9).
        _row(
            "serve",
            said_in("button", "Record service"),
            said_in("history", "Recorded service"),
            {S.EXECUTED, S.SERVED, S.CLOSED} | _LINES_OPEN,
            S.SERVED,
            S.CLOSED,
            page="desk-serve",
        ),
        _row("conclude", said_in("button", "Give the answer"), said_in("history", "Gave the answer"), {S.DECIDED}, S.CLOSED, same=False, page="desk-conclude"),
    )
}

#: state -> role -> the actions among which the first one still to do is the one filled button.
PRIMARY: Mapping[State, Mapping[Role, tuple[str, ...]]] = {
    S.RECEIVED: {Role.FILER: ("record_act",), Role.DUTY_OFFICER: ("take",), Role.RESPONDER: ("take",)},
    S.VERIFYING: {Role.FILER: ("record_act",), Role.DUTY_OFFICER: ("call", "take"), Role.RESPONDER: ("call", "take")},
    S.AWAITING_REQUESTER: {Role.FILER: ("answer",)},
    S.ASSESSING: {
        Role.FILER: ("record_act",),
        Role.RESPONDER: ("assess", "confirm_lines"),
        Role.DUTY_OFFICER: ("confirm_lines",),
    },
    S.DECIDING: {
        Role.FILER: ("record_act",),
        Role.APPROVER: ("approve",),
        Role.RESPONDER: ("propose",),
        Role.SIGNATORY: ("preview",),
    },
    S.PROPOSED: {Role.FILER: ("record_act",), Role.APPROVER: ("approve",), Role.SIGNATORY: ("preview",)},
    S.DECIDED: {
        Role.FILER: ("record_act",),
        Role.SIGNATORY: ("preview", "sign"),
        Role.DUTY_OFFICER: ("conclude",),
        Role.RESPONDER: ("conclude",),
    },
    S.EXECUTED: {Role.DUTY_OFFICER: ("serve",), Role.RESPONDER: ("serve",)},
    S.SERVED: {Role.FILER: ("acknowledge",)},
    S.CLOSED: {},
    S.WITHDRAWN: {},
}


@dataclass(frozen=True)
class Mover:
    """Whose move it is: side is "authority", "registry" or "nobody"; words follow "ICANN's move: "."""

    side: str
    to_staff: str
    to_filer: str
    if_nobody: str  # what happens if nobody moves


MOVERS: Mapping[State, Mover] = {
    S.RECEIVED: Mover(
        "authority", said("take the request"), said("received"),
        said("After 15 minutes every desk shows since when it is due. Call the duty line."),
    ),
    S.VERIFYING: Mover(
        "authority", said("call back"), said("verifying who filed"),
        said("30 minutes after receipt every desk shows since when it is due. Call the duty line."),
    ),
    S.AWAITING_REQUESTER: Mover(
        "registry", said("answer the open questions"), said("answer our questions"),
        said("The clock runs on."),
    ),
    S.ASSESSING: Mover(
        "authority", said("assess and confirm the lines"), said("assessing"),
        said("A first response is due within 24 hours."),
    ),
    S.DECIDING: Mover(
        "authority", said("propose a decision"), said("deciding"),
        said("No answer by the deadline is not a yes."),
    ),
    S.PROPOSED: Mover(
        "authority", said("approve the decision"), said("deciding"),
        said("After 4 hours every desk shows since when it is due."),
    ),
    S.DECIDED: Mover(
        "authority", said("sign, or give the answer"), said("decided, not yet signed"),
        said("Nothing is covered until it is signed."),
    ),
    S.EXECUTED: Mover(
        "authority", said("serve the instrument"), said("serving the instrument"),
        said("Service is due within 1 hour."),
    ),
    S.SERVED: Mover(
        "registry", said("acknowledge receipt"), said("acknowledge receipt"),
        said("After 24 hours the duty officer calls the registry."),
    ),
    S.CLOSED: Mover(
        "nobody", said("closed"), said("closed"),
        "",
    ),
    S.WITHDRAWN: Mover(
        "nobody", said("withdrawn"), said("withdrawn"),
        "",
    ),
}  # fmt: skip


#: What a filer cannot tell from another state: that a proposal lies there is the authority's own work.
TOLD_AS: Mapping[State, State] = {S.PROPOSED: S.DECIDING}


def told_state(state: State, *, staff: bool) -> State:
    """The state as this reader is told it."""
    return state if staff else TOLD_AS.get(state, state)


def check(action: str, state: State, reference: str, *, staff: bool = True) -> Action:
    """The row, or a refusal that says from where the action leads; to others than staff in states that they are told."""
    row = ACTIONS[action]
    if state not in row.origin:
        seen = told_state(state, staff=staff)
        told = sorted({told_state(s, staff=staff).words for s in row.origin} - {seen.words})
        raise Refusal(
            "not_now",
            said(
                "{reference} is {state}: “{action}” is possible while a request is {states}.",
                reference=reference, state=seen.words, action=row.label, states=joined(", ", told),
            ),
            facts={"state": state.value},
        )
    return row


def lands(action: str, origin: State, target: State) -> State:
    """The target, if the table lets the action lead there; a wrong caller is a defect, not a refusal."""
    row = ACTIONS[action]
    if target in row.to or (row.same and target == origin):
        return target
    raise AssertionError(f"{action} may not lead from {origin} to {target}")


@dataclass(frozen=True)
class LineFacts:
    state: LineState
    outcome: Outcome | None


@dataclass(frozen=True)
class InstrumentFacts:
    served: bool
    acknowledged: bool


def settle(lines: Iterable[LineFacts], instruments: Iterable[InstrumentFacts]) -> State:
    """The state that decided lines and signed instruments amount to (used from `deciding` on)."""
    lines, instruments = list(lines), list(instruments)
    if any(line.state == LineState.OPEN for line in lines):
        return State.DECIDING
    if any(line.state == LineState.PROPOSED for line in lines):
        return State.PROPOSED
    if (
        any(line.state == LineState.DECIDED and line.outcome and line.outcome.grants for line in lines)
        or not instruments
    ):
        return State.DECIDED
    if not all(i.served for i in instruments):
        return State.EXECUTED
    return State.CLOSED if all(i.acknowledged for i in instruments) else State.SERVED
