"""What comes out that is not about one case: problems, people, parties, the ledger."""

from __future__ import annotations

from datetime import date
from typing import Any

from ninja import Schema

from ersr.faces.api.schemas.kinds import Moment


class FieldProblem(Schema):
    field: str
    message: str


class Problem(Schema):
    """RFC 9457. `code` is one of GET /api/v1/problems; `who_can` names people and is shown to staff only."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem]
    who_can: list[str] = []


class ProblemKind(Schema):
    code: str
    status: int
    title: str


class ProblemKinds(Schema):
    items: list[ProblemKind]


class Enrolment(Schema):
    secret: str
    uri: str


class Enrolled(Schema):
    email: str
    name: str


class MadeToken(Schema):
    token: str
    id: int
    scopes: list[str]
    expires_at: Moment


class DeviceCodeOut(Schema):
    """As RFC 8628, 3.2: show `user_code` and `verification_uri`, and ask for the token once in `interval` seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    expires_in: int
    interval: int


class TokenOut(Schema):
    id: int
    name: str
    scopes: list[str]
    made_at: Moment
    expires_at: Moment
    used_at: Moment | None
    current: bool


class Tokens(Schema):
    items: list[TokenOut]
    next: str | None


class SessionOut(Schema):
    key_hash: str
    began_at: Moment | None
    seen_at: Moment | None
    agent: str


class Sessions(Schema):
    items: list[SessionOut]
    next: str | None


class PartyOut(Schema):
    key: str
    kind: str
    name: str


class Me(Schema):
    email: str
    name: str
    title: str
    roles: list[str]
    disciplines: list[str]
    party: PartyOut
    zone: str


class DelegationOut(Schema):
    id: int
    instrument: str
    families: list[str]
    starts_at: Moment
    ends_at: Moment
    words: str
    officer: bool


class PersonOut(Schema):
    id: int
    email: str
    name: str
    title: str
    party: PartyOut
    roles: list[tuple[str, str]]
    zone: str
    active: bool
    delegations: list[DelegationOut]


class People(Schema):
    items: list[PersonOut]
    next: str | None


class Invited(Schema):
    """`enrol_link` is shown once."""

    id: int
    email: str
    enrol_link: str


class RecoveryNumberOut(Schema):
    id: int
    contact: str
    number: str
    since: date


class RecoveryCallOut(Schema):
    number: str
    outcome: str
    remark: str
    by: str
    at: Moment


class RecoveryOut(Schema):
    id: int
    name: str
    email: str
    party: PartyOut
    asked_at: Moment
    called_by: str | None
    called_at: Moment | None
    approved_by: str | None
    approved_at: Moment | None
    numbers: list[RecoveryNumberOut]
    calls: list[RecoveryCallOut]


class Recoveries(Schema):
    items: list[RecoveryOut]
    next: str | None


class RecoveryDone(Schema):
    """`open` is null once it has ended."""

    id: int
    open: RecoveryOut | None


class OperatorOut(Schema):
    key: str
    name: str
    tlds: list[str]


class Operators(Schema):
    items: list[OperatorOut]
    next: str | None


class Parties(Schema):
    items: list[PartyOut]
    next: str | None


class AgreementOut(Schema):
    key: str
    family: str
    version: str
    dated: date
    tlds: list[str]


class NumberKnownOut(Schema):
    number: str
    since: date
    days: int


class ContactOut(Schema):
    name: str
    roles: str
    email: str
    source: str
    as_of: date
    days: int
    numbers: list[NumberKnownOut]


class PartyKnownOut(PartyOut):
    address: str
    jurisdiction: str
    agreements: list[AgreementOut]
    runs: list[str]
    contacts: list[ContactOut]


class ProvisionOut(Schema):
    family: str
    version: str
    id: str
    row: int
    title: str
    demands: str
    departs_by: list[str]
    may_depart_by: list[str]
    met_by: list[str]
    notice_by: list[str]
    instrument: str | None
    waivable_by: str
    certainty: str
    source: str


class Provisions(Schema):
    items: list[ProvisionOut]
    next: str | None


class PopularityOut(Schema):
    id: int
    title: str
    as_of: date
    names: int
    digest: str


class EventOut(Schema):
    """`index` is the place in the tree, null until it is sequenced; `by` and `facts` are null where the body was redacted."""

    id: int
    kind: str
    subject: str
    at: Moment
    commitment: str
    index: int | None
    by: str | None
    facts: dict[str, Any] | None


class Events(Schema):
    items: list[EventOut]
    next: str | None


class MailOut(Schema):
    id: int
    to: str
    reference: str
    state: str
    tries: int
    problem: str
    queued_at: Moment
    sent_at: Moment | None
    next_at: Moment | None


class Mails(Schema):
    items: list[MailOut]
    next: str | None


class SentAgain(Schema):
    mails: int


class KeyOut(Schema):
    kid: str
    holder: str
    trusted_from: str
    trusted_until: str


class VerdictOut(Schema):
    """As `ersr verify --json` tells of one file. `unchecked` is what nobody can read from the file alone."""

    name: str
    kind: str
    outcome: str
    why: str
    reference: str
    key: KeyOut | None
    signed_at: str | None
    covers: list[str]
    period: dict[str, str] | None
    state: str | None
    at: str
    withheld: int
    warnings: list[str]
    unchecked: list[str]
