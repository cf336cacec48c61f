"""What comes in, per operation. The rules are core's and the actions': see kinds.py."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ersr.faces.api.schemas.kinds import Body, Id, MomentIn, Text

# What the registry sends


class SixIn(Body):
    """The six answers (the sixth is who you are: the token says it). `tlds` may be "all"."""

    number_claimed: Text = ""
    operator: Text = ""
    tlds: list[str] | Text = ""
    happening: str = ""
    irreversible: Text = ""
    irreversible_at: Text | None = None


class PartIn(Body):
    part: Text
    body: dict[str, str | None]


class ActIn(Body):
    """Fields as core/filing.py `ACT_FIELDS` has them; `replaces` names the act that this one corrects."""

    action: Text | None = None
    taken: Text | None = None
    starts_at: Text | None = None
    ends_at: Text | None = None
    service: Text | None = None
    registered: Text | None = None
    words: str | None = None
    roll_back: Text | None = None
    replaces: Id | None = None


class AnswersIn(Body):
    """Question's id -> answer."""

    answers: dict[Id, Text]


class ReasonIn(Body):
    reason: Text = ""


class WaiverRefIn(Body):
    waiver: Text


# What the authority sends


class TakeIn(Body):
    """`from_holder`: e-mail of the holder that you saw ("" for nobody); if somebody else was quicker, nothing happens. Without
    it a request that somebody has stays theirs: the refusal says whose."""

    from_holder: Text | None = None


class CallIn(Body):
    number_id: Id
    outcome: Text = ""
    remark: Text = ""


class AskIn(Body):
    text: Text = ""


class AssessIn(Body):
    discipline: Text = ""
    recommendation: Text = ""
    body: Text = ""


class PrivilegedIn(Body):
    body: Text = ""


class ChangeLineIn(Body):
    line: Id
    hint: Text = ""
    instrument: Text = ""
    provision: Text = ""
    drop: bool = False
    reason: Text = ""


class AddLineIn(Body):
    agreement: Text = ""
    provision: Text = ""
    action: Text = ""
    instrument: Text = ""
    reason: Text = ""
    list_number: int | None = None


class HitAnswerIn(Body):
    answer: Text
    reason: Text = ""


class HitsIn(Body):
    """Name -> kept or removed, and why."""

    list: Id
    answers: dict[str, HitAnswerIn]


class GroupsIn(Body):
    """`groups`: CLASS/TLD, or CLASS for all its TLDs. `answer`: kept or removed."""

    list: Id
    groups: Annotated[list[Text], Field(max_length=10_000)]
    answer: Text = ""
    reason: Text = ""


class ListIn(Body):
    list: Id


class RemoveNamesIn(Body):
    list: Id
    names: Annotated[list[str], Field(max_length=10_000)]
    reason: Text = ""


class ProposeIn(Body):
    lines: list[Id]
    outcome: Text = ""
    reasons: Text = ""
    modification: Text = ""
    acts_from: MomentIn | None = None
    effective_from: MomentIn | None = None
    ends_at: MomentIn | None = None
    conditions: list[Text] = []
    reporting: Annotated[str, Field(max_length=300)] = ""
    disposition: Text = ""
    quote: Text = ""
    quote_source: Annotated[str, Field(max_length=200)] = ""


class DecisionIn(Body):
    decision: Id


class ReturnIn(Body):
    decision: Id
    reason: Text = ""


class PreviewIn(Body):
    instrument: Text = ""


class SignIn(Body):
    """`code`: a fresh one of the second factor, spent by this call."""

    preview: Id
    code: Text


class ServeIn(Body):
    waiver: Text
    channel: Text = ""
    served_at: MomentIn
    confirmation: Annotated[str, Field(max_length=300)] = ""


class ConcludeIn(Body):
    channel: Text = ""


class NothingIn(Body):
    """An empty object, or no body."""


# The office


class PasswordIn(Body):
    password: Annotated[str, Field(max_length=1_000)]


class CodeIn(Body):
    code: Text


class TokenIn(Body):
    email: Text
    password: Annotated[str, Field(max_length=1_000)]
    code: Text
    name: Text = ""
    scopes: list[Text]
    days: Annotated[int, Field(ge=-1_000, le=1_000)] = 30


class DeviceCodeIn(Body):
    """`name`: which program asks, on which machine; the person who approves reads it. `days`: how long the token lasts."""

    name: Annotated[str, Field(max_length=60)] = ""
    scopes: list[Text]
    days: Annotated[int, Field(ge=-1_000, le=1_000)] = 30


class DeviceTokenIn(Body):
    device_code: Annotated[str, Field(max_length=200)]


class InviteIn(Body):
    email: Text = ""
    name: Annotated[str, Field(max_length=120)] = ""
    title: Annotated[str, Field(max_length=120)] = ""
    party: Text = ""
    roles: list[tuple[str, str]] = []
    zone: Annotated[str, Field(max_length=60)] = "UTC"


class DelegateIn(Body):
    """`person` is an e-mail address; `officer` says that what only an officer can give is covered too."""

    person: Text = ""
    instrument: Text = ""
    families: list[Text] = []
    starts_at: MomentIn
    ends_at: MomentIn
    words: Annotated[str, Field(max_length=300)] = ""
    officer: bool = False


class ProvisionIn(Body):
    family: Annotated[str, Field(max_length=40)]
    version: Annotated[str, Field(max_length=40)]
    body: dict[str, Any]
    reason: Text = ""
