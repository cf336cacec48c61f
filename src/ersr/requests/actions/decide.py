"""Decisions on lines: one proposes, another approves. Signing is in the room above (waivers)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from ersr.core import filing
from ersr.core.errors import FieldError, Refusal, invalid
from ersr.core.lifecycle import DECISION_STATES, LineState, Outcome, Role, State
from ersr.core.provisions import WaivableBy
from ersr.core.tongue import said
from ersr.lists.queries import latest_versions
from ersr.notifications.actions import queue_notification
from ersr.people.models import Person
from ersr.people.queries import with_role
from ersr.requests import queries
from ersr.requests.actions.screening import require_answered
from ersr.requests.actions.step import begin, end, settled
from ersr.requests.models import Decision, DecisionLine, Line, Request


def propose(
    reference: str,
    *,
    lines: Sequence[int],
    outcome: str,
    reasons: str,
    by: Person,
    now: datetime,
    modification: str = "",
    acts_from: datetime | None = None,
    effective_from: datetime | None = None,
    ends_at: datetime | None = None,
    conditions: Sequence[str] = (),
    reporting: str = "",
    disposition: str = "",
    quote: str = "",
    quote_source: str = "",
) -> Decision:
    """Proposes one outcome for a group of open lines. A grant needs an end, and every hit answered."""
    with transaction.atomic():
        request = begin(reference, "propose", by=by)
        errors: list[FieldError] = []
        chosen = {line.number: line for line in queries.live_lines(request) if line.number in set(lines)}
        if not chosen or set(lines) - set(chosen):
            missing = sorted(set(lines) - set(chosen))
            errors.append(
                FieldError("lines", said("There is no line {number}", number=missing[0]) if missing else said("Choose the lines that you decide"))
            )
        if outcome not in set(Outcome):
            errors.append(FieldError("outcome", said("Choose the outcome: {outcome}", outcome=', '.join(Outcome))))
        if not reasons.strip():
            errors.append(FieldError("reasons", said("Write the reasons: the letter is made from them")))
        grants = outcome in (Outcome.GRANTED, Outcome.GRANTED_AS_MODIFIED)
        moments = [m.replace(microsecond=0) if m else None for m in (acts_from, effective_from, ends_at)]
        acts_from, effective_from, ends_at = moments
        if grants:
            errors += _grant_errors(
                list(chosen.values()), outcome, modification, acts_from, effective_from, ends_at, now
            )
        if bool(quote.strip()) != bool(quote_source.strip()):
            errors.append(FieldError("quote_source", said("A quotation needs its source, and a source its quotation")))
        if errors:
            raise invalid(*errors)
        taken = [n for n, line in chosen.items() if line.state != LineState.OPEN]
        if taken:
            raise Refusal("conflict", said("Line {taken} is {state} already. Look at it again.", taken=taken[0], state=LineState(chosen[taken[0]].state).words))
        if grants:
            require_answered(request, "not_now", said("Answer each first."))
        decision = Decision.objects.create(
            request=request,
            outcome=outcome,
            reasons=reasons.strip(),
            modification=modification.strip(),
            quote=quote.strip(),
            quote_source=quote_source.strip(),
            acts_from=acts_from,
            effective_from=effective_from,
            ends_at=ends_at,
            conditions=[c.strip() for c in conditions if c.strip()],
            reporting=reporting.strip(),
            disposition=disposition.strip(),
            list_digests={str(v.of.number): v.content_digest for v in latest_versions(request.incident)},
            proposed_by=by,
            proposed_at=now,
        )
        DecisionLine.objects.bulk_create(DecisionLine(decision=decision, line=line) for line in chosen.values())
        Line.objects.filter(pk__in=[line.pk for line in chosen.values()]).update(state=LineState.PROPOSED.value)
        end(
            request, "propose", by=by, now=now, to=settled(request),
            facts={"decision": decision.pk, "lines": sorted(chosen), "outcome": outcome, "reasons": decision.reasons},
        )  # fmt: skip
        for approver in with_role(Role.APPROVER):
            if approver.pk != by.pk:
                queue_notification(
                    "to_approve", to=approver.email, about=f"{request.reference}:{decision.pk}",
                    reference=request.reference, path=f"/desk/{request.reference}", now=now,
                )  # fmt: skip
        return decision


def _grant_errors(
    lines: Sequence[Line],
    outcome: str,
    modification: str,
    acts_from: datetime | None,
    effective_from: datetime | None,
    ends_at: datetime | None,
    now: datetime,
) -> list[FieldError]:
    errors = []
    if outcome == Outcome.GRANTED_AS_MODIFIED and not modification.strip():
        errors.append(FieldError("modification", said("Say what is modified")))
    if ends_at is None:
        errors.append(FieldError("ends_at", said("Enter when the waiver ends: it lasts for the time needed")))
    elif ends_at <= max(now, effective_from or now):
        errors.append(FieldError("ends_at", said("The end must lie in the future, after the beginning")))
    if acts_from and acts_from > (effective_from or now):
        errors.append(FieldError("acts_from", said("Acts are covered from a time at or before the beginning")))
    for line in lines:
        if not line.instrument:
            errors.append(FieldError("lines", said("Line {number} has no instrument: change the line first", number=line.number)))
        elif line.waivable_by not in (WaivableBy.STAFF, WaivableBy.OFFICER):
            words = WaivableBy(line.waivable_by).words
            errors.append(
                FieldError("lines", said("Line {number}, {provision}, is not for this team to give: {words}", number=line.number, provision=line.provision, words=words))
            )
    return errors


def _decision(request: Request, decision_id: int) -> Decision:
    found = request.decisions.select_related("proposed_by").filter(pk=decision_id).first()
    if found is None:
        raise invalid(FieldError("decision", said("{reference} has no decision {decision_id}", reference=request.reference, decision_id=decision_id)))
    return found


def approve(reference: str, decision_id: int, *, by: Person, now: datetime) -> Decision:
    """Makes the proposed outcomes final. Never by the person who proposed them."""
    with transaction.atomic():
        request = begin(reference, "approve", by=by)  # who may not approve is not told which decisions there are
        decision = _decision(request, decision_id)
        queries.require(by, request, "approve", authors={decision.proposed_by_id})
        if decision.state != "proposed":
            raise Refusal("conflict", said("This decision was {state} already.", state=DECISION_STATES[decision.state]))
        if Outcome(decision.outcome).grants:
            require_answered(request, "lapsed", said("This came after the proposal. Return it, so that each is answered."))
        current = {str(v.of.number): v.content_digest for v in latest_versions(request.incident)}
        if current != decision.list_digests:
            raise Refusal("lapsed", said("A name list changed after the proposal. Return it, so that it is proposed again."))
        decision.state, decision.approved_by, decision.approved_at = "approved", by, now
        decision.save()
        numbers = []
        for item in decision.items.select_related("line"):
            item.line.state, item.line.outcome = LineState.DECIDED.value, decision.outcome
            item.line.save()
            numbers.append(item.line.number)
        to = settled(request)
        if to == State.CLOSED:
            request.closed_at = now
        end(
            request, "approve", by=by, now=now, to=to,
            facts={"decision": decision.pk, "lines": sorted(numbers), "outcome": decision.outcome},
        )  # fmt: skip
        if Outcome(decision.outcome).grants:
            for signatory in with_role(Role.SIGNATORY):
                queue_notification(
                    "to_sign", to=signatory.email, about=f"{request.reference}:{decision.pk}",
                    reference=request.reference, path=f"/desk/{request.reference}", now=now,
                )  # fmt: skip
        elif to != State.DECIDED and to not in (State.DECIDING, State.PROPOSED):
            _tell_the_answer(request, now=now)  # the instruments are signed: nothing else will tell of these lines
        return decision


def _tell_the_answer(request: Request, *, now: datetime) -> None:
    queue_notification(
        "concluded", to=request.filed_by.email, about=request.reference, reference=request.reference,
        path=f"/r/{request.reference}", now=now,
    )  # fmt: skip


def end_decision(
    request: Request, decision: Decision, state: str, *, reason: str, by: Person, now: datetime
) -> list[int]:
    """Ends a proposal or an unsigned approval; its lines are open again. Lines of it that are signed already stay as they
    are, and with them the decision. Not a verb of its own: see return_proposal and waivers.send_back."""
    live = decision.items.filter(live=True).select_related("line")
    unsigned = [item for item in live if item.line.state != LineState.EXECUTED]
    if len(unsigned) == len(live):
        decision.state = state
    decision.ended_by, decision.ended_at, decision.end_reason = by, now, reason.strip()
    decision.save()
    numbers = []
    for item in unsigned:
        item.live = False
        item.save()
        item.line.state, item.line.outcome = LineState.OPEN.value, ""
        item.line.save()
        numbers.append(item.line.number)
    return sorted(numbers)


def return_proposal(reference: str, decision_id: int, *, reason: str, by: Person, now: datetime) -> Decision:
    """The approver sends a proposal back; its lines are open again."""
    if not reason.strip():
        raise invalid(FieldError("reason", said("Say what should be different")))
    with transaction.atomic():
        request = begin(reference, "return_proposal", by=by)
        decision = _decision(request, decision_id)
        if decision.state != "proposed":
            raise Refusal("conflict", said("This decision was {state} already.", state=DECISION_STATES[decision.state]))
        numbers = end_decision(request, decision, "returned", reason=reason, by=by, now=now)
        end(
            request, "return_proposal", by=by, now=now, to=State.DECIDING,
            facts={"decision": decision.pk, "lines": numbers, "reason": reason.strip()},
        )  # fmt: skip
        return decision


def conclude(reference: str, *, channel: str, by: Person, now: datetime) -> Request:
    """The answer has been given where nothing was granted: by voice or in writing, say which."""
    if not channel.strip():
        raise invalid(FieldError("channel", said("Say how the registry was told")))
    with transaction.atomic():
        request = begin(reference, "conclude", by=by)
        if any(line.outcome and Outcome(line.outcome).grants for line in queries.live_lines(request)):
            raise Refusal("not_now", said("A line is granted: sign the instrument instead."))
        request.closed_at = now
        end(request, "conclude", by=by, now=now, to=State.CLOSED, facts={"channel": channel.strip()})
        _tell_the_answer(request, now=now)
        return request


def default_period(request: Request) -> tuple[datetime | None, datetime | None]:
    """acts_from and ends_at as asked for: the earlier of the period part and the first act taken."""
    body = next((row.body for name, row in queries.latest_parts(request).items() if name == "period"), {})
    asked = filing.moment(body.get("acts_from")) if body else None
    taken = [act.starts_at for act in queries.current_acts(request) if act.taken and act.starts_at]
    starts = [m for m in (asked, *taken) if m]
    return (min(starts) if starts else None, filing.moment(body.get("ends_at")) if body else None)
