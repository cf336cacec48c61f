"""What comes out about a case. A field that the reader may not see is absent, as if there were no such thing."""

from __future__ import annotations

from datetime import date
from typing import Any

from ninja import Schema

from ersr.faces.api.schemas.kinds import Moment


class MoverOut(Schema):
    """Whose move it is: authority, registry or nobody. `if_nobody` is for staff."""

    side: str
    words: str
    if_nobody: str = ""


class PartyName(Schema):
    key: str
    name: str


class ActionOut(Schema):
    """What you may do now: POST to `path`."""

    name: str
    label: str
    path: str


class OfferedOut(Schema):
    primary: ActionOut | None
    others: list[ActionOut]


class OnDuty(Schema):
    number: str
    names: list[str]


class PartVersionOut(Schema):
    version: int
    body: dict[str, Any]
    by: str
    at: Moment


class PartOut(Schema):
    """Newest version first; all stay readable."""

    part: str
    versions: list[PartVersionOut]


class ActOut(Schema):
    id: int
    action: str
    taken: bool
    starts_at: Moment | None
    ends_at: Moment | None
    service: str
    registered: str
    words: str
    roll_back: str
    replaces: int | None
    current: bool
    by: str
    at: Moment


class EvidenceOut(Schema):
    id: int
    name: str
    digest: str
    size: int
    by: str
    at: Moment


class ListOut(Schema):
    """The newest version of a list. `hits`, `unanswered` are for staff."""

    number: int
    title: str
    version: int
    digest: str
    names: int
    lines: int
    duplicates: int
    refused: dict[str, int]
    hits: int | None = None
    unanswered: int | None = None
    unanswered_groups: int | None = None


class RefusedRowOut(Schema):
    line: int
    text: str
    reason: str
    words: str


class ListVersionOut(Schema):
    """lines = names + duplicates + refused for version 1; a later one says what was taken out, and to staff why."""

    version: int
    digest: str
    names: int
    lines: int
    duplicates: int
    refused: dict[str, int]
    refused_rows: list[RefusedRowOut]
    tlds: dict[str, int]
    removed: list[str]
    at: Moment
    reason: str = ""
    by: str = ""


class ListKnownOut(Schema):
    number: int
    title: str
    versions: list[ListVersionOut]


class LineChangeOut(Schema):
    before: dict[str, Any]
    after: dict[str, Any]
    reason: str
    by: str
    at: Moment


class LineOut(Schema):
    """`outcome` is empty until it may be told; `changes` and `by_rules` are for staff."""

    number: int
    agreement: str
    tlds: list[str]
    provision: str
    provision_title: str
    demands: str
    waivable_by: str
    action: str
    list: int | None
    hint: str
    instrument: str
    reasons: list[str]
    state: str
    outcome: str
    by_rules: bool | None = None
    changes: list[LineChangeOut] = []


class QuestionOut(Schema):
    id: int
    text: str
    asked_at: Moment
    answer: str
    answered_at: Moment | None
    asked_by: str = ""
    answered_by: str = ""


class DecisionOut(Schema):
    """Filers see what was decided, never by whom, nor what was proposed or sent back."""

    id: int
    lines: list[int]
    outcome: str
    reasons: str
    modification: str
    quote: str
    quote_source: str
    acts_from: Moment | None
    effective_from: Moment | None
    ends_at: Moment | None
    conditions: list[str]
    reporting: str
    disposition: str
    state: str = ""
    proposed_by: str = ""
    proposed_at: Moment | None = None
    approved_by: str = ""
    approved_at: Moment | None = None
    ended_by: str = ""
    ended_at: Moment | None = None
    end_reason: str = ""


class ServiceOut(Schema):
    channel: str
    served_at: Moment
    confirmation: str


class AcknowledgementOut(Schema):
    by: str
    at: Moment


class WaiverOut(Schema):
    """`status` follows from time: upcoming, in force or ended. `names` is the digest and count of what is covered."""

    reference: str
    request: str
    instrument: str
    title: str
    status: str
    signed_by: str
    signed_at: Moment
    acts_from: Moment
    effective_from: Moment
    ends_at: Moment
    lines: list[int]
    names: dict[str, Any] | None
    pdf_digest: str
    token_digest: str
    service: list[ServiceOut]
    acknowledged: AcknowledgementOut | None


class Waivers(Schema):
    items: list[WaiverOut]
    next: str | None


class CallOut(Schema):
    number: str
    contact: str
    outcome: str
    remark: str
    by: str
    at: Moment


class PreviewOut(Schema):
    id: int
    reference: str
    instrument: str
    digest: str
    made_by: str
    made_at: Moment
    lapses_at: Moment
    signed: bool


class EarlierOut(Schema):
    reference: str
    state: str
    received_at: Moment


class Made(Schema):
    """What an action made: "act", "decision", "evidence", "line", "list", "note", "part", "preview", "question", "waiver"..."""

    kind: str
    id: int | None = None
    number: int | None = None
    version: int | None = None
    reference: str | None = None
    digest: str | None = None
    names: int | None = None
    new: bool | None = None


class RequestBrief(Schema):
    reference: str
    state: str
    mover: MoverOut
    tlp: str
    operator: PartyName
    tlds: list[str]
    received_at: Moment
    due_at: Moment
    irreversible: str
    irreversible_at: Moment | None
    holder: str | None = None


class Requests(Schema):
    items: list[RequestBrief]
    next: str | None


class RequestOut(RequestBrief):
    """Everything that this reader may see. After an action, `made` tells what it made."""

    calendar: str
    reckoning: list[str]
    filed_by: str
    filing_party: PartyName
    number_claimed: str
    happening: str
    words: str = ""
    words_until: Moment | None = None
    verified_at: Moment | None
    lines_confirmed_at: Moment | None
    closed_at: Moment | None
    on_duty: OnDuty
    incident: dict[str, str]
    parts: list[PartOut]
    acts: list[ActOut]
    evidence: list[EvidenceOut]
    lists: list[ListOut]
    lines: list[LineOut]
    questions: list[QuestionOut]
    decisions: list[DecisionOut]
    waivers: list[WaiverOut]
    offered: OfferedOut
    made: Made | None = None
    # staff only
    holder_email: str = ""
    taken_at: Moment | None = None
    claimed_is_on_file: bool | None = None
    filer_is_on_file: bool | None = None
    calls: list[CallOut] = []
    previews: list[PreviewOut] = []
    open_questions: list[str] = []
    earlier_of_operator: list[EarlierOut] = []
    earlier_on_provisions: dict[str, dict[str, int]] = {}


class HappenedOut(Schema):
    at: Moment
    kind: str
    words: str
    by: str
    state: str
    facts: dict[str, Any]


class History(Schema):
    items: list[HappenedOut]
    next: str | None


class NumberOut(Schema):
    """`may_be_called`: it has stood for 30 days. `claimed`: the filer named it."""

    id: int
    contact: str
    contact_roles: str
    number: str
    since: date
    days: int
    may_be_called: bool
    claimed: bool


class Numbers(Schema):
    items: list[NumberOut]
    next: str | None


class NoteOut(Schema):
    id: int
    discipline: str
    recommendation: str
    body: str
    version: int
    by: str
    at: Moment


class Notes(Schema):
    items: list[NoteOut]
    next: str | None
