"""Triage: from what a filing says to the lines that staff start from, each with its reasons.

A pure function of facts and catalogue rows. It advises and never decides: staff may change every proposal, and the filer
sees advice only when staff have confirmed it. An unknown fact never becomes a yes or a no, it becomes a question.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from ersr.core.provisions import CONDITIONS, UNSEEN, Provision, WaivableBy, of_agreement
from ersr.core.say import say
from ersr.core.terms import Instrument
from ersr.core.tongue import joined, said, said_n


class Action(enum.StrEnum):
    """What a registry does or did about an incident, as the form asks for it."""

    RESERVE = "reserve"
    CREATE = "create"
    SINKHOLE = "sinkhole"
    SERVER_HOLD = "server_hold"
    TRANSFER = "transfer"
    SUSPEND_SERVICE = "suspend_service"
    OTHER = "other"

    @property
    def words(self) -> str:
        return {
            "reserve": said("reserve names"),
            "create": said("create names"),
            "sinkhole": said("delegate names to a sinkhole"),
            "server_hold": said("put names on serverHold"),
            "transfer": said("transfer names"),
            "suspend_service": said("suspend a service"),
            "other": said("another action"),
        }[self.value]


class Service(enum.StrEnum):
    """The critical functions of a registry; the value is the code's second half in `provisions.CONDITIONS`."""

    DNS = "dns"
    DNSSEC = "dnssec"
    SRS = "srs"
    RDDS = "rdds"
    ESCROW = "escrow"

    @property
    def words(self) -> str:
        return {"dns": "DNS", "dnssec": "DNSSEC", "srs": "SRS/EPP", "rdds": "RDDS", "escrow": said("data escrow")}[self.value]


class RegistrarRoute(enum.StrEnum):
    """Through whom names are created."""

    ACCREDITED_REGISTRAR = "accredited_registrar"
    REGISTRY_ITSELF = "registry_itself"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        return {
            "accredited_registrar": said("through an accredited registrar"),
            "registry_itself": said("by the registry itself"),
            "unknown": said("not known yet"),
        }[self.value]


class Hint(enum.StrEnum):
    """Where a line seems to go. "waiver" means that one of the three instruments is needed."""

    WAIVER = "waiver"
    NO_WAIVER_NEEDED = "no_waiver_needed"
    NOTICE_ONLY = "notice_only"
    USE_RSEP = "use_rsep"
    ASK = "ask"

    @property
    def words(self) -> str:
        return {
            "waiver": said("a signed writing is needed"),
            "no_waiver_needed": said("no waiver is needed"),
            "notice_only": said("a notice is enough"),
            "use_rsep": said("RSEP is the way"),
            "ask": said("to be asked"),
        }[self.value]


@dataclass(frozen=True)
class AgreementFacts:
    """One agreement of the request; `key` is the caller's own and comes back on every line. TLDs are A-labels."""

    key: str
    family: str
    version: str
    dated: date | None
    tlds: tuple[str, ...]

    @property
    def where(self) -> str:
        """base 2023-04-30"""
        return f"{self.family} {self.version}"


@dataclass(frozen=True)
class ActionFacts:
    """One action as filed. `registered_names`: whether the names are registered already, None where nobody said."""

    action: Action
    taken: bool = False
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    list_numbers: tuple[int, ...] = ()
    registered_names: bool | None = None
    service: Service | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "action", Action(self.action))  # a word from a form becomes the member, or fails here
        if self.service is not None:
            object.__setattr__(self, "service", Service(self.service))


@dataclass(frozen=True)
class Facts:
    """None means that nobody said, never no. `immediate`: whether the registry must act at once."""

    agreements: tuple[AgreementFacts, ...]
    actions: tuple[ActionFacts, ...]
    registrar_route: RegistrarRoute = RegistrarRoute.UNKNOWN
    fee_relief: bool | None = None
    names_count: int | None = None
    immediate: bool | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "registrar_route", RegistrarRoute(self.registrar_route))


@dataclass(frozen=True)
class ProposedLine:
    """Agreement x provision x action x lists. `reasons` are sentences without a full stop, the deciding one first."""

    agreement: str
    tlds: tuple[str, ...]
    provision: str
    provision_title: str
    action: Action
    outcome_hint: Hint
    instrument: Instrument | None
    list_numbers: tuple[int, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Advice:
    """`open_questions` are whole sentences for staff; `summary` is one or two sentences."""

    lines: tuple[ProposedLine, ...]
    open_questions: tuple[str, ...]
    summary: str


def advise(facts: Facts, catalogue: Iterable[Provision]) -> Advice:
    """Lines in the order of agreements, then actions as filed, then the catalogue; questions in the order they arise."""
    rows = tuple(catalogue)
    questions = _facts_missing(facts)
    lines: list[ProposedLine] = []
    for agreement in facts.agreements:
        known = of_agreement(rows, agreement.family, agreement.version)
        if not known:
            questions.append(
                said("The catalogue has no rows for {where} (agreement {agreement}): staff must add them or say which provisions are departed from.", where=agreement.where, agreement=agreement.key)
            )
            continue
        for filed in facts.actions:
            found = _lines(facts, agreement, filed, known)
            lines += found
            questions += _look_also(facts, agreement, filed, known, found)
        fees = _fee_lines(facts, agreement, known)
        lines += fees
        if facts.fee_relief and not fees:
            words = said("The catalogue names no fee of {where}: say under which provision relief is asked.", where=agreement.where)
            questions.append(words)
    merged = _merge(lines)
    asked = tuple(dict.fromkeys(questions))
    return Advice(merged, asked, _summary(facts, merged, asked))


def _facts_missing(facts: Facts) -> list[str]:
    creates = [filed for filed in facts.actions if filed.action is Action.CREATE]
    sinkholes = [filed for filed in facts.actions if filed.action is Action.SINKHOLE]
    asked = []
    if not facts.agreements:
        asked.append(said("Which agreements? None was found from the TLDs."))
    if not facts.actions:
        asked.append(said("What does the registry do, or what has it done? No action is recorded."))
    if facts.immediate is None:
        asked.append(said("Must the registry act at once? Only then is this process the right one."))
    if creates and facts.registrar_route is RegistrarRoute.UNKNOWN:
        asked.append(said("Who creates the names: an accredited registrar, or the registry itself?"))
    if any(filed.registered_names for filed in creates):
        asked.append(said("How can names be created that are registered already? Check the list."))
    if not creates and any(not filed.registered_names for filed in sinkholes):
        asked.append(said("A name that is delegated must exist: who creates the names that go to the sinkhole?"))
    if creates and facts.fee_relief is None:
        asked.append(said("Does the registry ask not to pay the fee for these names?"))
    if facts.fee_relief and not any(filed.action in (Action.CREATE, Action.TRANSFER) for filed in facts.actions):
        asked.append(said("For which transactions is relief from the fee asked? Nothing recorded is charged for."))
    for filed in facts.actions:
        if filed.action is Action.SUSPEND_SERVICE and filed.service is None:
            asked.append(said("Which service is suspended: {services}?", services=_or([service.words for service in Service])))
        if filed.action in (Action.RESERVE, Action.SINKHOLE) and _registered(facts, filed) is None:
            asked.append(said("Are the names registered already? It matters for this action: {action}.", action=filed.action.words))
        if filed.taken and filed.starts_at is None:
            asked.append(said("Since when? An action is recorded as taken without its time: {action}.", action=filed.action.words))
    return asked


def _registered(facts: Facts, filed: ActionFacts) -> bool | None:
    """Whether the names are registered; names that this very filing creates were nobody's before."""
    if filed.registered_names is None and filed.action is Action.SINKHOLE:
        for other in facts.actions:
            same = not (filed.list_numbers and other.list_numbers) or set(filed.list_numbers) <= set(other.list_numbers)
            if other.action is Action.CREATE and same and not other.registered_names:
                return False
    return filed.registered_names


def conditions(facts: Facts, filed: ActionFacts) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Codes of `provisions.CONDITIONS` that this action certainly has, and those of which it has one, we know not which."""
    if filed.action in (Action.RESERVE, Action.SINKHOLE):
        registered = _registered(facts, filed)
        both = (f"{filed.action}:unregistered", f"{filed.action}:registered")
        return ((), both) if registered is None else ((both[registered],), ())
    if filed.action is Action.CREATE:
        match facts.registrar_route:
            case RegistrarRoute.REGISTRY_ITSELF:
                return ("create:direct",), ()
            case RegistrarRoute.ACCREDITED_REGISTRAR:
                return ("create:registrar",), ()
        return (), ("create:direct", "create:registrar")
    if filed.action is Action.SUSPEND_SERVICE:
        if filed.service is None:
            return (), tuple(f"suspend:{service}" for service in Service)
        return (f"suspend:{filed.service}",), ()
    return ((), ()) if filed.action is Action.OTHER else ((filed.action.value,), ())


def _lines(
    facts: Facts, agreement: AgreementFacts, filed: ActionFacts, rows: Sequence[Provision]
) -> list[ProposedLine]:
    certain, possible = conditions(facts, filed)
    found = []
    for row in rows:
        if code := _first(certain, row.departs_by):
            found.append(_departing(facts, agreement, filed, row, said("{act}: {provision}", act=CONDITIONS[code], provision=row.id)))
        elif code := _first(certain, row.notice_by):
            reason = said("{act}: {provision} asks for a written notice, not for a waiver", act=CONDITIONS[code], provision=row.id)
            found.append(_line(agreement, filed, row, Hint.NOTICE_ONLY, reason))
        elif code := _first(certain, row.met_by):
            reason = said("{act}: this is within {provision}", act=CONDITIONS[code], provision=row.id)
            found.append(_line(agreement, filed, row, Hint.NO_WAIVER_NEEDED, reason))
        elif code := _first(possible, (*row.departs_by, *row.notice_by)):
            reason = said("perhaps {act}: {provision}", act=CONDITIONS[code], provision=row.id)
            found.append(_line(agreement, filed, row, Hint.ASK, reason))
    return found


def _fee_lines(facts: Facts, agreement: AgreementFacts, rows: Sequence[Provision]) -> list[ProposedLine]:
    """Relief from the fee is asked once a request; its line hangs on the action that costs it."""
    if not facts.fee_relief or not facts.actions:
        return []
    charged = [filed for filed in facts.actions if filed.action in (Action.CREATE, Action.TRANSFER)]
    found = []
    for row in rows:
        if "fee_relief" not in row.departs_by:
            continue
        reason = said("{act}: {provision}", act=CONDITIONS["fee_relief"], provision=row.id)
        for filed in charged:
            found.append(_departing(facts, agreement, filed, row, reason))
        if not charged:
            found.append(_line(agreement, facts.actions[0], row, Hint.ASK, reason, said("nothing recorded is charged for")))
    return found


def _departing(
    facts: Facts, agreement: AgreementFacts, filed: ActionFacts, row: Provision, reason: str
) -> ProposedLine:
    if row.waivable_by is WaivableBy.NOT_BY_WAIVER:
        return _line(agreement, filed, row, Hint.ASK, reason, row.waivable_by.words)
    if facts.immediate is False:
        if row.instrument is Instrument.FEE_REDUCTION:
            return _line(agreement, filed, row, Hint.ASK, reason, said("nothing here needs immediate action"))
        slow = said("the registry need not act at once, and standing changes go through RSEP")
        return _line(agreement, filed, row, Hint.USE_RSEP, reason, slow)
    more = [] if row.waivable_by is WaivableBy.STAFF else [row.waivable_by.words]
    if filed.taken and filed.starts_at is not None:
        more.append(said("taken already, so that cover must reach back to {moment}", moment=say(filed.starts_at)))
    elif filed.taken:
        more.append(said("taken already, so that cover must reach back"))
    return _line(agreement, filed, row, Hint.WAIVER, reason, *more)


def _line(agreement: AgreementFacts, filed: ActionFacts, row: Provision, hint: Hint, *reasons: str) -> ProposedLine:
    instrument = row.instrument if hint in (Hint.WAIVER, Hint.ASK) else None
    lists = tuple(sorted(set(filed.list_numbers)))
    return ProposedLine(
        agreement.key, agreement.tlds, row.id, row.title, filed.action, hint, instrument, lists, reasons
    )  # fmt: skip


def _look_also(
    facts: Facts,
    agreement: AgreementFacts,
    filed: ActionFacts,
    rows: Sequence[Provision],
    found: Sequence[ProposedLine],
) -> list[str]:
    """What staff must look at beyond the lines: provisions that the action may touch, or that nothing at all is known."""
    where = agreement.where
    if filed.action is Action.OTHER:
        choices = [
            said("{act} ({provision})", act=UNSEEN[code], provision=row.id)
            for row in rows for code in row.departs_by if code in UNSEEN
        ]  # fmt: skip
        return [
            said("What is the other action? Under {where}, staff compare it with: {choices}.", where=where, choices=joined("; ", choices) if choices else said("nothing yet"))
        ]
    certain, possible = conditions(facts, filed)
    proposed = {line.provision for line in found}
    may = [
        f"{row.id} ({row.title})"
        for row in rows
        if row.id not in proposed and _first((*certain, *possible), row.may_depart_by)
    ]
    if may:
        return [
            said("Does it also depart from one of these of {where}? To {action} may touch {provisions}.", where=where, action=filed.action.words, provisions=", ".join(may))
        ]
    if not found:
        return [
            said("The catalogue says nothing about this action under {where}: {action}. Which provision is it?", where=where, action=filed.action.words)
        ]
    return []


def _merge(lines: Iterable[ProposedLine]) -> tuple[ProposedLine, ...]:
    """Lines that differ in their lists or reasons only are one line, at the place of the first."""
    merged: dict[tuple[str, str, Action, Hint], ProposedLine] = {}
    for line in lines:
        key = (line.agreement, line.provision, line.action, line.outcome_hint)
        if key in merged:
            first = merged[key]
            # an action filed without a list is about no list in particular, and so is the whole line then
            all_listed = first.list_numbers and line.list_numbers
            lists = tuple(sorted({*first.list_numbers, *line.list_numbers})) if all_listed else ()
            reasons = tuple(dict.fromkeys((*first.reasons, *line.reasons)))
            line = replace(first, list_numbers=lists, reasons=reasons)
        merged[key] = line
    return tuple(merged.values())


def _summary(facts: Facts, lines: Sequence[ProposedLine], questions: Sequence[str]) -> str:
    kinds = Counter(line.instrument.value if line.outcome_hint is Hint.WAIVER and line.instrument else line.outcome_hint.value
                    for line in lines)  # fmt: skip
    words = {
        "waiver": said_n("{n} waiver", "{n} waivers", kinds["waiver"]),
        "authorisation": said_n("{n} authorisation in writing", "{n} authorisations in writing", kinds["authorisation"]),
        "fee_reduction": said_n("{n} fee reduction", "{n} fee reductions", kinds["fee_reduction"]),
        "no_waiver_needed": said_n("{n} needs no waiver", "{n} need no waiver", kinds["no_waiver_needed"]),
        "notice_only": said_n("{n} needs a notice only", "{n} need a notice only", kinds["notice_only"]),
        "use_rsep": said_n("{n} goes through RSEP", "{n} go through RSEP", kinds["use_rsep"]),
        "ask": said_n("{n} to be asked", "{n} to be asked", kinds["ask"]),
    }
    counted = joined(", ", [one for kind, one in words.items() if kinds[kind]])
    first: str = said("No line follows from what is known.")
    if lines:
        first = said_n("{n} line", "{n} lines", len(lines))
        if facts.names_count:
            first = said_n("{lines} for {n} name", "{lines} for {n} names", facts.names_count, lines=first)
        first = said("{lines}: {kinds}.", lines=first, kinds=counted)
    if not questions:
        return first
    return joined(" ", [first, said_n("{n} question is open.", "{n} questions are open.", len(questions))])


def _or(words: Sequence[str]) -> str:
    return said("{several} or {last}", several=joined(", ", words[:-1]), last=words[-1])


def _first(codes: Iterable[str], wanted: Sequence[str]) -> str | None:
    return next((code for code in codes if code in wanted), None)
