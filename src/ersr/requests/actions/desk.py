"""What the authority's people do before a decision: take, call back, ask, assess, put the lines right."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from ersr.core import triage
from ersr.core.errors import FieldError, Refusal, invalid
from ersr.core.lifecycle import DISCIPLINES, LineState, State
from ersr.core.provisions import parse_row
from ersr.core.terms import Instrument
from ersr.core.tongue import said
from ersr.ledger.append import append
from ersr.notifications.actions import queue_notification
from ersr.parties.models import Agreement
from ersr.people.actions import require_office
from ersr.people.models import Person
from ersr.requests import queries
from ersr.requests.actions.advice import next_number
from ersr.requests.actions.filing import WORDS_LAST, draw_words
from ersr.requests.actions.step import begin, end
from ersr.requests.models import CallAttempt, Line, LineChange, Note, ProvisionRow, Question, Request


def take(reference: str, *, by: Person, now: datetime, from_holder: str | None = None) -> Request:
    """A named person has the request; a take-over is on record. `from_holder` is the e-mail of the holder that the caller
    saw, "" for nobody: if somebody else was quicker, nothing happens. Who names no holder takes only what nobody has."""
    with transaction.atomic():
        request = begin(reference, "take", by=by)
        holder = request.holder
        if from_holder is None and holder and holder != by:
            words = said("{who} has this request. To take it over, say from whom: from_holder is {email}.", who=holder.name, email=holder.email)
            raise Refusal("conflict", words)
        if from_holder is not None and (holder.email if holder else "") != from_holder:
            raise Refusal(
                "conflict",
                said("{who} has this request now. Look again before you take it over.", who=holder.name) if holder
                else said("Nobody has this request now. Look again before you take it over."),
            )  # fmt: skip
        if holder == by:
            raise Refusal("already", said("You have this request already."))
        request.holder, request.taken_at = by, now
        if State(request.state) in (State.RECEIVED, State.VERIFYING):
            request.words, request.words_until = draw_words(), now + WORDS_LAST
        to = State.VERIFYING if State(request.state) == State.RECEIVED else None
        end(request, "take", by=by, now=now, to=to, facts={"before": holder.email if holder else ""})
        return request


def renew_words(reference: str, *, by: Person, now: datetime) -> Request:
    """Fresh verification words for the next call; the old ones stop counting."""
    with transaction.atomic():
        request = begin(reference, "call", by=by)
        request.words, request.words_until = draw_words(), now + WORDS_LAST
        end(request, "call", by=by, now=now, event="call.words_drawn")
        return request


def call(reference: str, *, number_id: int, outcome: str, by: Person, now: datetime, remark: str = "") -> CallAttempt:
    """Records one attempt to a number on file. "confirmed" verifies the request; everything else leaves it where it is."""
    with transaction.atomic():
        request = begin(reference, "call", by=by)
        numbers = {n.pk: n for n in queries.numbers_to_call(by, request, now=now)}
        errors = []
        if number_id not in numbers:
            errors.append(FieldError("number_id", said("Choose a number on file: only those are called")))
        if outcome not in CallAttempt.OUTCOMES:
            errors.append(FieldError("outcome", said("Choose the outcome: {outcomes}", outcomes=', '.join(CallAttempt.OUTCOMES))))
        if errors:
            raise invalid(*errors)
        chosen = numbers[number_id]
        if not chosen.may_be_called:
            raise Refusal("number_recent", said("This number changed {days} days ago. Call another contact.", days=chosen.days))
        if outcome == "confirmed" and now > request.words_until:
            raise Refusal(
                "lapsed", said("The verification words are too old. Draw new words, and say them first when you call.")
            )
        attempt = CallAttempt.objects.create(
            request=request, contact_number_id=chosen.pk, number=chosen.number, contact_name=chosen.contact.name,
            outcome=outcome, remark=remark.strip(), by=by, at=now,
        )  # fmt: skip
        to = None
        if outcome == "confirmed":
            request.verified_at, to = now, State.ASSESSING
        end(
            request, "call", by=by, now=now, to=to, event="call.attempted",
            facts={"number": chosen.number, "contact": chosen.contact.name, "outcome": outcome, "remark": remark.strip()},
        )  # fmt: skip
        return attempt


def ask(reference: str, text: str, *, by: Person, now: datetime) -> Question:
    """A question to the requester; the clock runs on."""
    if not text.strip():
        raise invalid(FieldError("text", said("Write the question")))
    with transaction.atomic():
        request = begin(reference, "ask", by=by)
        request.resumes = request.state
        question = Question.objects.create(request=request, text=text.strip(), asked_by=by, asked_at=now)
        end(
            request,
            "ask",
            by=by,
            now=now,
            to=State.AWAITING_REQUESTER,
            facts={"question": question.pk, "text": question.text},
        )
        queue_notification(
            "asked", to=request.filed_by.email, about=f"{reference}:{question.pk}", reference=request.reference,
            path=f"/r/{request.reference}", now=now,
        )  # fmt: skip
        return question


def assess(
    reference: str,
    *,
    discipline: str,
    recommendation: str,
    body: str,
    by: Person,
    now: datetime,
    privileged: bool = False,
) -> Note:
    """A note of one discipline with a recommendation; a later one is a new version. Privileged ones hold advice of counsel."""
    errors = []
    if privileged:
        discipline = "legal"
    if discipline not in DISCIPLINES or (discipline not in by.disciplines and not privileged):
        mine = ", ".join(by.disciplines) or said("none")
        errors.append(FieldError("discipline", said("Write for your own discipline: {mine}", mine=mine)))
    if not privileged and recommendation not in Note.RECOMMENDATIONS:
        errors.append(FieldError("recommendation", said("Choose a recommendation: {recommendations}", recommendations=', '.join(Note.RECOMMENDATIONS))))
    if not body.strip():
        errors.append(FieldError("body", said("Write why")))
    action = "note_privileged" if privileged else "assess"
    with transaction.atomic():
        request = begin(reference, action, by=by)
        if errors:
            raise invalid(*errors)
        same = request.notes.filter(discipline=discipline, privileged=privileged)
        note = Note.objects.create(
            request=request, discipline=discipline, privileged=privileged, body=body.strip(),
            recommendation="" if privileged else recommendation, version=same.count() + 1, by=by, at=now,
        )  # fmt: skip
        facts: dict[str, Any] = {"note": note.pk, "version": note.version, "discipline": discipline}
        if not privileged:
            facts |= {"recommendation": recommendation, "body": note.body}
        end(request, action, by=by, now=now, facts=facts)
        return note


_CHANGEABLE = ("hint", "instrument", "provision", "drop")


def change_line(
    reference: str, number: int, changes: Mapping[str, str], *, reason: str, by: Person, now: datetime
) -> Line:
    """Changes a proposed line: another hint, instrument or provision, or drop. Change and reason stay on record."""
    wanted = {k: v for k, v in changes.items() if k in _CHANGEABLE and v}
    errors = [] if reason.strip() else [FieldError("reason", said("Say why you change the line"))]
    if not wanted:
        errors.append(FieldError("hint", said("Change something, or leave the line as it is")))
    if wanted.get("hint", "waiver") not in set(triage.Hint):
        errors.append(FieldError("hint", said("Choose one of {hint}", hint=', '.join(triage.Hint))))
    if wanted.get("instrument", "waiver") not in set(Instrument):
        errors.append(FieldError("instrument", said("Choose one of {instrument}", instrument=', '.join(Instrument))))
    with transaction.atomic():
        request = begin(reference, "change_line", by=by)
        line = request.lines.filter(number=number, dropped_at__isnull=True).select_related("agreement").first()
        if line is None:
            errors.append(FieldError("line", said("There is no line {number}", number=number)))
        if errors or line is None:
            raise invalid(*errors)
        if line.state != LineState.OPEN:
            raise Refusal("not_now", said("Line {number} is {state}: return the proposal first.", number=number, state=LineState(line.state).words))
        before = _line_facts(line)
        if "provision" in wanted:
            _point_at(line, wanted["provision"])
        line.hint = wanted.get("hint", line.hint)
        line.instrument = wanted.get("instrument", line.instrument)
        if line.hint == triage.Hint.WAIVER and not line.instrument:
            raise invalid(
                FieldError("instrument", said("Choose the instrument: a waiver, an authorisation or a fee reduction"))
            )
        if wanted.get("drop") == "yes":
            line.dropped_at = now
        line.by_rules = False
        line.save()
        LineChange.objects.create(
            line=line, before=before, after=_line_facts(line), reason=reason.strip(), by=by, at=now
        )
        end(
            request, "change_line", by=by, now=now,
            facts={"line": number, "before": before, "after": _line_facts(line), "reason": reason.strip()},
        )  # fmt: skip
        return line


def add_line(
    reference: str,
    *,
    agreement: str,
    provision: str,
    action: str,
    instrument: str,
    reason: str,
    by: Person,
    now: datetime,
    list_number: int | None = None,
) -> Line:
    """A line that the rules did not find. `list_number`: which list it is about, where there are several."""
    with transaction.atomic():
        request = begin(reference, "change_line", by=by)
        found = Agreement.objects.filter(key=agreement, operator=request.operator).first()
        tlds = [t.name for t in found.tlds.filter(name__in=request.tlds)] if found else []
        errors = [] if reason.strip() else [FieldError("reason", said("Say why you add the line"))]
        if not tlds:
            errors.append(FieldError("agreement", said("Choose an agreement of this request")))
        if action not in set(triage.Action):
            errors.append(FieldError("action", said("Choose one of {action}", action=', '.join(triage.Action))))
        if instrument not in set(Instrument):
            errors.append(FieldError("instrument", said("Choose one of {instrument}", instrument=', '.join(Instrument))))
        lists = [] if action == triage.Action.SUSPEND_SERVICE else list(request.incident.lists.all())
        about = next((row for row in lists if row.number == list_number or len(lists) == 1), None)
        if lists and (about is None or list_number not in (None, about.number)):
            numbers = ", ".join(str(row.number) for row in lists)
            errors.append(FieldError("list_number", said("Say which list the line is about: {numbers}", numbers=numbers)))
        if errors or found is None:
            raise invalid(*errors)
        line = Line(
            request=request, number=next_number(request), agreement=found, tlds=tlds, action=action, hint="waiver",
            instrument=instrument, by_rules=False, reasons=[reason.strip()], name_list=about,
        )  # fmt: skip
        _point_at(line, provision)
        line.instrument = instrument
        line.save()
        LineChange.objects.create(line=line, before={}, after=_line_facts(line), reason=reason.strip(), by=by, at=now)
        end(
            request,
            "change_line",
            by=by,
            now=now,
            facts={"line": line.number, "after": _line_facts(line), "reason": reason.strip()},
        )
        return line


def _point_at(line: Line, provision: str) -> None:
    agreement = line.agreement
    row = next((r for r in queries.catalogue() if r.key == (agreement.family, agreement.version, provision)), None)
    if row is None:
        raise invalid(FieldError("provision", said("The catalogue has no {provision} for {agreement}. Add a row first", provision=provision, agreement=str(agreement))))
    line.provision, line.provision_title, line.provision_row = row.id, row.title, row.row
    line.demands, line.waivable_by = row.demands, row.waivable_by.value
    line.instrument = row.instrument.value if row.instrument else ""


def _line_facts(line: Line) -> dict[str, Any]:
    return {
        "dropped": line.dropped_at is not None,
        "hint": line.hint,
        "instrument": line.instrument,
        "provision": line.provision,
    }


def confirm_lines(reference: str, *, by: Person, now: datetime) -> Request:
    """Staff stand behind the proposed lines; only now does the filer see them."""
    with transaction.atomic():
        request = begin(reference, "confirm_lines", by=by)
        lines = queries.live_lines(request)
        if not lines:
            raise Refusal("not_now", said("There is no line to confirm. Ask which action the registry takes, or add a line."))
        request.lines_confirmed_at = now
        end(
            request,
            "confirm_lines",
            by=by,
            now=now,
            to=State.DECIDING,
            facts={"lines": [line.number for line in lines]},
        )
        return request


def add_provision(
    *, family: str, version: str, body: Mapping[str, Any], reason: str, by: Person, now: datetime
) -> ProvisionRow:
    """A new row, or a newer version of one, for the catalogue. Decided lines keep their own copy."""
    require_office("add_provision", by)
    if not reason.strip():
        raise invalid(FieldError("reason", said("Say why the row is added")))
    with transaction.atomic():
        known = [r for r in queries.catalogue() if r.key == (family, version, str(body.get("id", "")))]
        number = max((r.row for r in known), default=0) + 1
        parse_row({**body, "row": number}, family=family, version=version)
        try:
            with transaction.atomic():
                row = ProvisionRow.objects.create(
                    family=family, agreement_version=version, provision=str(body["id"]), version=number,
                    body=dict(body), reason=reason.strip(), by=by, at=now,
                )  # fmt: skip
        except IntegrityError:
            words = said("Somebody else added row {number} of {provision} at this moment. Look at it before you add another.", number=number, provision=body["id"])
            raise Refusal("conflict", words) from None
        append(
            "provision.added", subject=f"provision:{row.pk}", by=by.email, now=now,
            facts={"family": family, "version": version, "row": number, "body": dict(body), "reason": reason.strip()},
        )  # fmt: skip
        return row
