"""Signing, serving, acknowledging. No token exists before the signatory's act."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from ersr import clock
from ersr.core.errors import FieldError, Refusal, invalid
from ersr.core.lifecycle import LineState, Role, State
from ersr.core.provisions import WaivableBy
from ersr.core.terms import (
    Instrument,
    Terms,
)
from ersr.files import store
from ersr.ledger.sequence import installed_keys
from ersr.lists.queries import latest, latest_versions, unanswered
from ersr.notifications.actions import queue_notification
from ersr.parties.authority import authority
from ersr.people import factors
from ersr.people.models import Delegation, Person
from ersr.people.queries import with_role
from ersr.proof import letter, sdjwt
from ersr.requests import queries
from ersr.requests.actions import draw_reference, end_decision
from ersr.requests.actions.step import begin, end, settled
from ersr.requests.models import Line, Request
from ersr.waivers.composing import compose, decisions_on, unsigned_lines
from ersr.waivers.models import Acknowledgement, Preview, ServiceRecord, Waiver, WaiverLine
from ersr.waivers.queries import covering, waiver_for


def _authors(request: Request) -> set[int]:
    """Who proposed what waits for a signature: they do not sign it."""
    return {d.proposed_by_id for d in decisions_on(unsigned_lines(request))}


def _covering(person: Person, instrument: str, lines: Sequence[Line], now: datetime) -> Delegation:
    """The delegation that covers the instrument for every agreement family of the lines, or a refusal that names who can."""
    found = covering(person, instrument, lines, now=now)
    if found is not None:
        return found
    families = sorted({line.agreement.family for line in lines})
    officer = any(line.waivable_by == WaivableBy.OFFICER for line in lines)
    needed = ": an officer of the authority must give this" if officer else ""
    others = tuple(p.name for p in with_role(Role.SIGNATORY) if covering(p, instrument, lines, now=now) is not None)
    raise Refusal(
        "delegation",
        f"Your delegation does not cover the {Instrument(instrument).title.lower()} under the agreement family "
        f"{' and '.join(families)} now{needed}.",
        who_can=others,
    )


def _require_hits_answered(request: Request) -> None:
    """A popularity list may have come after the approval: what it hits is answered by those who decide, not by the signatory."""
    if hits := unanswered(request.incident):
        raise Refusal(
            "lapsed", f"{len(hits)} names stand on a popularity list and are unanswered. Send the decision back."
        )


def _require_lists_as_decided(lines: Sequence[Line]) -> None:
    """What is signed is what was decided: no list of the lines has changed since the proposal."""
    for decision in decisions_on(lines):
        covered = {item.line.name_list for item in decision.items.select_related("line__name_list") if item.live}
        for row in covered - {None}:
            if row is not None and decision.list_digests.get(str(row.number)) != latest(row).digest:
                raise Refusal(
                    "lapsed",
                    f"List {row.number} changed after the decision. Send it back, so that it is proposed again.",
                )


def preview(reference: str, instrument: str, *, by: Person, now: datetime) -> Preview:
    """The PDF exactly as it will be signed, without token, stored by digest. It lapses after 15 minutes."""
    if instrument not in set(Instrument):
        raise invalid(FieldError("instrument", f"Choose one of {', '.join(Instrument)}"))
    with transaction.atomic():
        visible = queries.request_for(by, reference, lock=True)
        request = begin(reference, "preview", by=by, authors=_authors(visible))
        lines = unsigned_lines(request, instrument)
        if not lines:
            raise Refusal("not_now", f"No granted line waits for a {Instrument(instrument).title.lower()}.")
        delegation = _covering(by, instrument, lines, now)
        _require_hits_answered(request)
        _require_lists_as_decided(lines)
        year = authority().calendar.local(now).year
        number = draw_reference(
            "W",
            year,
            lambda r: Preview.objects.filter(reference=r).exists() or Waiver.objects.filter(reference=r).exists(),
        )
        terms = compose(request, Instrument(instrument), lines, reference=number, by=by, delegation=delegation, now=now)
        file = store.put(letter.render(terms), "application/pdf", now=now)
        row = Preview.objects.create(
            request=request,
            instrument=instrument,
            reference=number,
            terms=terms.to_json(),
            lines=[line.pk for line in lines],
            file=file,
            delegation=delegation,
            made_by=by,
            made_at=now,
        )
        end(
            request,
            "preview",
            by=by,
            now=now,
            facts={"instrument": instrument, "reference": number, "digest": file.digest},
        )
        return row


def _check_unchanged(request: Request, row: Preview, terms: Terms) -> list[Line]:
    """The lines of the preview, if nothing they rest on has changed since."""
    lines = unsigned_lines(request, row.instrument)
    changed = {line.pk for line in lines} != set(row.lines)
    if terms.names is not None:
        digests = {v.digest for v in latest_versions(request.incident)}
        changed = changed or terms.names.digest not in digests
    _require_hits_answered(request)
    _require_lists_as_decided(lines)
    if changed:
        raise Refusal("lapsed", "Something changed after the preview. Prepare the instrument again and read it.")
    return lines


def sign(reference: str, preview_id: int, code: str, *, by: Person, now: datetime) -> Waiver:
    """Binds the authority: makes the token from the preview's terms and adds it to the PDF with the signature.

    Asks for a fresh code of a second factor, spent at real time. All or nothing: if the letter cannot be signed, the code
    is not spent either, so that the signatory tries again with what the authenticator shows. Wrong codes are counted, for
    whoever holds a stolen session must not be able to guess one.
    """
    guessed = f"sign:{by.email}"
    factors.require_patience(guessed, now=clock.real())
    try:
        return _sign(reference, preview_id, code, by=by, now=now)
    except Refusal as refusal:
        if refusal.code == "code_wrong":
            factors.note_failure(guessed, now=clock.real())
        raise


def _sign(reference: str, preview_id: int, code: str, *, by: Person, now: datetime) -> Waiver:
    with transaction.atomic():
        visible = queries.request_for(by, reference, lock=True)
        request = begin(reference, "sign", by=by, authors=_authors(visible))
        row = request.previews.filter(pk=preview_id).first()
        if row is None:
            raise invalid(FieldError("preview", "There is no such preview. Prepare the instrument first"))
        if hasattr(row, "signed"):
            raise Refusal("already", f"{row.reference} was signed already.")
        if row.made_by_id != by.pk:
            raise Refusal("not_allowed", "You sign what you have read: prepare the instrument yourself.")
        if row.lapsed(now):
            raise Refusal("lapsed", "The preview is older than 15 minutes. Prepare the instrument again and read it.")
        terms = Terms.from_json(row.terms)
        lines = _check_unchanged(request, row, terms)
        if _covering(by, row.instrument, lines, now).pk != row.delegation_id:
            raise Refusal("lapsed", "Your delegation changed after the preview. Prepare the instrument again.")
        factors.spend(by, code, now=clock.real())
        signed_at = now.replace(microsecond=0)
        keys = installed_keys()
        token = sdjwt.issue(terms, issued_at=signed_at, issuer=settings.ERSR_ADDRESS, signer=keys.signer)
        pdf = letter.sign(store.get(row.file_id), token, keys.signer, now=signed_at)
        waiver = Waiver.objects.create(
            reference=row.reference,
            request=request,
            instrument=row.instrument,
            terms_json=row.terms,
            preview=row,
            pdf=store.put(pdf, "application/pdf", now=now),
            token=store.put(token.encode("ascii"), "application/dc+sd-jwt", now=now),
            signed_by=by,
            signed_at=signed_at,
            acts_from=terms.acts_from,
            effective_from=terms.effective_from,
            ends_at=terms.ends_at,
        )
        WaiverLine.objects.bulk_create(WaiverLine(waiver=waiver, line=line) for line in lines)
        Line.objects.filter(pk__in=[line.pk for line in lines]).update(state=LineState.EXECUTED.value)
        end(
            request,
            "sign",
            by=by,
            now=now,
            to=settled(request),
            facts={
                "reference": waiver.reference,
                "pdf": waiver.pdf_id,
                "token": waiver.token_id,
                "kid": keys.signer.kid,
            },
        )
        queue_notification(
            "signed", to=request.filed_by.email, about=waiver.reference, reference=request.reference,
            path=f"/w/{waiver.reference}", now=now,
        )  # fmt: skip
        return waiver


def send_back(reference: str, *, reason: str, by: Person, now: datetime) -> Request:
    """The signatory does not sign: all approved, unsigned grants are open again, with the reason on record."""
    if not reason.strip():
        raise invalid(FieldError("reason", "Say what should be different"))
    with transaction.atomic():
        visible = queries.request_for(by, reference, lock=True)
        request = begin(reference, "send_back", by=by, authors=_authors(visible))
        lines = unsigned_lines(request)
        if not lines:
            raise Refusal("not_now", "No granted line waits for a signature.")
        numbers = [
            n for d in decisions_on(lines) for n in end_decision(request, d, "sent_back", reason=reason, by=by, now=now)
        ]
        end(
            request,
            "send_back",
            by=by,
            now=now,
            to=settled(request),
            facts={"lines": sorted(numbers), "reason": reason.strip()},
        )
        return request


def serve(
    waiver_reference: str, *, channel: str, served_at: datetime, confirmation: str, by: Person, now: datetime
) -> ServiceRecord:
    """Records legal service with the server's or courier's confirmation."""
    waiver = waiver_for(by, waiver_reference)
    with transaction.atomic():
        request = begin(waiver.request.reference, "serve", by=by)
        errors = []
        if channel not in ServiceRecord.CHANNELS:
            errors.append(FieldError("channel", f"Choose the channel: {', '.join(ServiceRecord.CHANNELS)}"))
        if not confirmation.strip():
            errors.append(FieldError("confirmation", "Enter the server's or courier's confirmation"))
        if not waiver.signed_at <= served_at <= now:
            errors.append(FieldError("served_at", "Service lies between the signature and now"))
        if errors:
            raise invalid(*errors)
        row = ServiceRecord.objects.create(
            waiver=waiver, channel=channel, served_at=served_at, confirmation=confirmation.strip(), by=by, at=now
        )
        to = settled(request)
        if to == State.CLOSED:
            request.closed_at = request.closed_at or now
        end(
            request, "serve", by=by, now=now, to=to,
            facts={"waiver": waiver.reference, "channel": channel, "confirmation": row.confirmation},
        )  # fmt: skip
        return row


def acknowledge(waiver_reference: str, *, by: Person, now: datetime) -> Acknowledgement:
    """Receipt, not agreement."""
    waiver = waiver_for(by, waiver_reference)
    with transaction.atomic():
        request = begin(waiver.request.reference, "acknowledge", by=by)
        if Acknowledgement.objects.filter(waiver=waiver).exists():
            raise Refusal("already", f"{waiver.reference} was acknowledged already.")
        row = Acknowledgement.objects.create(waiver=waiver, by=by, at=now)
        to = settled(request)
        if to == State.CLOSED:
            request.closed_at = request.closed_at or now
        end(request, "acknowledge", by=by, now=now, to=to, facts={"waiver": waiver.reference})
        if request.holder:
            queue_notification(
                "acknowledged", to=request.holder.email, about=waiver.reference, reference=request.reference,
                path=f"/desk/{request.reference}", now=now,
            )  # fmt: skip
        return row
