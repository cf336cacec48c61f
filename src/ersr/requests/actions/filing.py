"""What the registry does: files, adds, records acts, answers, withdraws."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from ersr.core import filing, references
from ersr.core.deadlines import decide_by
from ersr.core.errors import FieldError, Refusal, invalid
from ersr.core.lifecycle import Role, State
from ersr.core.say import say
from ersr.core.terms import rfc3339
from ersr.core.tongue import number, said
from ersr.core.words import COUNT, WORDS
from ersr.files import store
from ersr.incidents.actions import describe, open_incident
from ersr.ledger.append import append
from ersr.notifications.actions import Mail, queue_notification, queue_notifications
from ersr.parties.authority import authority
from ersr.parties.models import Contact
from ersr.people.models import Person
from ersr.people.queries import with_role
from ersr.requests import queries
from ersr.requests.actions.advice import renew
from ersr.requests.actions.step import begin, end
from ersr.requests.models import Act, Draft, Evidence, PartVersion, Question, Request

WORDS_LAST = timedelta(hours=1)
FILINGS_WITHIN = timedelta(hours=1)


def draw_words() -> str:
    return " ".join(secrets.SystemRandom().sample(WORDS, COUNT))


def draw_reference(prefix: str, year: int, taken: Any) -> str:
    """A number drawn at random that was never used; `taken(reference)` says whether it was."""
    while True:
        found = references.make(prefix, year, secrets.choice(references.NUMBERS))
        if not taken(found):
            return found


def save_draft(person: Person, body: Mapping[str, Any], *, now: datetime) -> Draft:
    """Keeps what was typed, right or wrong. One draft per person."""
    draft, _ = Draft.objects.update_or_create(
        person=person, defaults={"body": {k: v for k, v in body.items() if isinstance(v, str | list)}, "saved_at": now}
    )
    return draft


def drop_draft(person: Person) -> None:
    Draft.objects.filter(person=person).delete()


def check_six(person: Person, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Cleaned answers with `operator` as a Party and `tlds` that this person may file for; all errors at once."""
    errors: list[FieldError] = []
    try:
        clean = filing.clean_six({**raw, "tlds": raw.get("tlds") or ""})
    except Refusal as refusal:
        errors += refusal.fields
        clean = {}
    operator = None
    if str(raw.get("operator") or "").strip():
        try:
            operator = queries.find_operator(person, str(raw["operator"]))
        except Refusal as refusal:
            errors.append(FieldError("operator", refusal.message))
    tlds = filing.tld_list(raw.get("tlds") or "")
    if operator and tlds:
        allowed = sorted(t.name for t in queries.tlds_for(person, operator))
        # Plain digits and few: int() refuses "²", which isdigit() lets through, and thousands of figures.
        figures = [int(t) for t in tlds if re.fullmatch(r"[0-9]{1,6}", t)]
        if tlds == ["all"] or (len(tlds) == 2 and "all" in tlds and figures):
            if figures and figures[0] != len(allowed):
                errors.append(
                    FieldError("tlds", said("{name} has {allowed} TLDs that you may file for, not {typed}", name=operator.name, allowed=len(allowed), typed=figures[0]))
                )
            tlds = allowed
        elif unknown := [t for t in tlds if t not in allowed]:
            shown = ", ".join(unknown[:5])
            errors.append(
                FieldError(
                    "tlds",
                    said("{name} has no TLD {shown} that you may file for. Known: {allowed}", name=operator.name, shown=shown, allowed=', '.join(allowed[:12])),
                )
            )
    if errors:
        raise invalid(*errors)
    return {**clean, "operator": operator, "tlds": tlds}


def submit(raw: Mapping[str, Any], *, by: Person, now: datetime, once: str) -> Request:
    """Files a request from six answers. `once` names the attempt: the same one again returns the same request."""
    if Role.FILER not in by.roles:
        raise Refusal("not_allowed", said("This needs the role filer: staff do not file in a registry's name."))
    try:
        return _submit(raw, by=by, now=now, once=once)
    except IntegrityError:
        # The same attempt came twice at one moment: the other one filed, and this one's transaction is undone.
        known = Request.objects.filter(once=once, filed_by=by).first()
        if known is not None:
            return known
        if Request.objects.filter(once=once).exists():
            raise Refusal("idempotency", said("Somebody else used this name of an attempt to file. Draw another.")) from None
        raise


def _submit(raw: Mapping[str, Any], *, by: Person, now: datetime, once: str) -> Request:
    with transaction.atomic():
        known = Request.objects.filter(once=once, filed_by=by).first()
        if known is not None:
            return known
        _require_measure(by, now=now)
        six = check_six(by, raw)
        known_authority = authority()
        calendar = known_authority.calendar
        received = now.replace(microsecond=0)
        due = decide_by(received, calendar)
        local_year = calendar.local(received).year
        reference = draw_reference("SRW", local_year, lambda r: Request.objects.filter(reference=r).exists())
        at = six["irreversible_at"]
        if six["irreversible"] == "within_hour":
            at = received + timedelta(hours=1)
        event = append(
            "request.submit",
            subject=reference,
            by=by.email,
            now=received,
            facts={
                "due_at": rfc3339(due.at),
                "filed_by": by.name,
                "filing_party": by.party.name,
                "happening": six["happening"],
                "irreversible": six["irreversible"],
                "irreversible_at": rfc3339(at) if at else None,
                "number_claimed": six["number_claimed"],
                "operator": six["operator"].name,
                "state": State.RECEIVED.value,
                "tlds": six["tlds"],
            },
        )
        request = Request.objects.create(
            reference=reference,
            once=once,
            incident=open_incident(now=received),
            operator=six["operator"],
            filed_by=by,
            filing_party=by.party,
            tlds=six["tlds"],
            state=State.RECEIVED.value,
            received_at=received,
            due_at=due.at,
            calendar=f"{calendar.name}, version {calendar.version}",
            number_claimed=six["number_claimed"],
            happening=six["happening"],
            irreversible=six["irreversible"],
            irreversible_at=at,
            words=draw_words(),
            words_until=received + WORDS_LAST,
            event=event,
        )
        PartVersion.objects.create(
            request=request, part="happening", version=1, body={"text": six["happening"]}, by=by, at=received
        )
        drop_draft(by)
        # No lines are proposed yet: six answers name no act, and every later step proposes anew.
        _tell_of_filing(request, now=received)
        return request


def _require_measure(by: Person, *, now: datetime) -> None:
    """Refuses who files faster than any incident needs: each filing wakes people. A repeated attempt never comes here."""
    limit = settings.ERSR_FILINGS_LIMIT
    within = Request.objects.filter(filed_by=by, received_at__gt=now - FILINGS_WITHIN).order_by("-received_at")
    oldest = within.values_list("received_at", flat=True)[limit - 1 : limit].first()
    if oldest is not None:
        raise Refusal(
            "too_many",
            said("You filed {limit} requests within an hour, as many as one person may. The next one can be filed at {moment}; before that, call the duty line: {duty_number}.", limit=number(limit), moment=say(oldest + FILINGS_WITHIN + timedelta(minutes=1)), duty_number=authority().duty_number),
        )


def _tell_of_filing(request: Request, *, now: datetime) -> None:
    """The filer, the duty officers, and the operator's other contacts: a reference to the first two, nothing to the third."""
    ref, filer = request.reference, request.filed_by.email
    others = Contact.objects.filter(party=request.operator_id).exclude(email="").exclude(email__iexact=filer)
    queue_notifications(
        [
            Mail("filed", filer, ref, reference=ref, path=f"/r/{ref}", person=request.filed_by),
            *(Mail("received", p.email, ref, reference=ref, path=f"/desk/{ref}", person=p) for p in with_role(Role.DUTY_OFFICER)),
            *(Mail("filed_in_your_name", to, ref) for to in sorted({c.email.lower() for c in others})),
        ],
        now=now,
    )


def add_part(reference: str, part: str, raw: Mapping[str, Any], *, by: Person, now: datetime) -> PartVersion:
    """A new version of one part; the same content again is a no-op."""
    body = filing.clean_part(part, raw)
    with transaction.atomic():
        request = begin(reference, "add_part", by=by)
        last = request.parts.filter(part=part).order_by("-version").first()
        if last is not None and last.body == body:
            return last
        row = PartVersion.objects.create(
            request=request, part=part, version=(last.version if last else 0) + 1, body=body, by=by, at=now
        )
        if part == "incident":
            describe(
                request.incident,
                category=body["category"],
                presence=body["presence"],
                began_at=filing.moment(body["discovered_at"]),
            )
        end(request, "add_part", by=by, now=now, facts={"part": part, "version": row.version, "body": body})
        renew(request, now=now)
        return row


def record_act(
    reference: str, raw: Mapping[str, Any], *, by: Person, now: datetime, replaces: int | None = None
) -> Act:
    """An act planned or taken; `replaces` names the act that this one corrects."""
    clean = filing.clean_act(raw, now=now)
    with transaction.atomic():
        request = begin(reference, "record_act", by=by)
        old = None
        if replaces is not None:
            old = request.acts.filter(pk=replaces, replaced_by__isnull=True).first()
            if old is None:
                raise Refusal("conflict", said("This act was corrected before. Look at the newest one."))
        act = Act.objects.create(request=request, replaces=old, by=by, at=now, **clean)
        told = {k: (rfc3339(v) if isinstance(v, datetime) else v) for k, v in clean.items()}
        end(request, "record_act", by=by, now=now, facts={**told, "act": act.pk, "replaces": replaces})
        renew(request, now=now)
        return act


EVIDENCE_NAME = 200


def add_evidence(reference: str, payload: bytes, *, name: str, by: Person, now: datetime) -> Evidence:
    """A file as it came. Hostile until shown otherwise: it is only ever downloaded, never opened by us."""
    limit = settings.ERSR_EVIDENCE_LIMIT
    if len(payload) > limit:
        raise Refusal("too_large", said("The file has {payload} bytes; at most {limit} are taken.", payload=number(len(payload)), limit=number(limit)))
    if not payload:
        raise invalid(FieldError("file", said("The file is empty. Choose another")))
    name = "".join(c for c in name.replace("\\", "/").rsplit("/", 1)[-1] if c.isprintable())[:EVIDENCE_NAME] or "file"
    with transaction.atomic():
        request = begin(reference, "add_evidence", by=by)
        limit = settings.ERSR_EVIDENCE_FILES
        if request.evidence.count() >= limit:
            raise Refusal("too_many", said("This request has {limit} files of evidence, and no more are taken. Send them packed as one.", limit=limit))
        file = store.put(payload, "application/octet-stream", now=now)
        row, new = Evidence.objects.get_or_create(
            request=request, file=file, defaults={"name": name, "by": by, "at": now}
        )
        if new:
            end(request, "add_evidence", by=by, now=now, facts={"digest": file.digest, "size": file.size, "name": name})
        return row


def answer(reference: str, answers: Mapping[int, str], *, by: Person, now: datetime) -> Request:
    """Answers open questions; when the last one is answered the request goes back to where it was."""
    with transaction.atomic():
        request = begin(reference, "answer", by=by)
        waiting = {q.pk: q for q in request.questions.filter(answered_at__isnull=True)}
        given = {pk: text.strip() for pk, text in answers.items() if text.strip()}
        if unknown := set(given) - set(waiting):
            raise invalid(FieldError("answers", said("Question {unknown} is not open", unknown=min(unknown))))
        if not given:
            raise invalid(FieldError("answers", said("Answer at least one question")))
        for pk, text in given.items():
            Question.objects.filter(pk=pk).update(answer=text, answered_by=by, answered_at=now)
        done = len(given) == len(waiting)
        end(
            request, "answer", by=by, now=now, to=State(request.resumes) if done else None,
            facts={"questions": sorted(given), "answers": {str(k): v for k, v in given.items()}},
        )  # fmt: skip
        if request.holder:
            queue_notification(
                "answered", to=request.holder.email, about=f"{request.reference}:{max(given)}", reference=request.reference,
                path=f"/desk/{request.reference}", now=now,
            )  # fmt: skip
        renew(request, now=now)
        return request


def withdraw(reference: str, *, reason: str, by: Person, now: datetime) -> Request:
    """Only before the decision. Acts taken stay on record as not covered."""
    if not reason.strip():
        raise invalid(FieldError("reason", said("Say in a few words why you withdraw")))
    with transaction.atomic():
        request = begin(reference, "withdraw", by=by)
        if queries.decided_in_part(request):
            raise Refusal("not_now", said("Some lines are decided: withdrawing is possible before any decision only."))
        request.closed_at = now
        end(request, "withdraw", by=by, now=now, to=State.WITHDRAWN, facts={"reason": reason.strip()})
        return request
