"""Signing, serving, acknowledging. No token exists before the signatory's act."""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from ersr import clock
from ersr.core.errors import FieldError, Refusal, invalid
from ersr.core.lifecycle import LineState, Role, State
from ersr.core.provisions import WaivableBy
from ersr.core.terms import (
    AgreementTerms,
    Entity,
    Instrument,
    LineTerms,
    NamesTerms,
    Signatory,
    Terms,
    rfc3339,
)
from ersr.core.triage import Action
from ersr.files import store
from ersr.incidents.models import CATEGORIES
from ersr.ledger.sequence import installed_keys
from ersr.lists.queries import latest, latest_versions, unanswered
from ersr.notifications.actions import queue_notification
from ersr.parties.authority import authority
from ersr.parties.models import Party
from ersr.people import factors
from ersr.people.models import Delegation, Person
from ersr.people.queries import with_role
from ersr.proof import letter, sdjwt
from ersr.requests import queries
from ersr.requests.actions import draw_reference, end_decision
from ersr.requests.actions.step import begin, end, settled
from ersr.requests.models import Decision, Line, Request
from ersr.waivers.models import Acknowledgement, Preview, ServiceRecord, Waiver, WaiverLine
from ersr.waivers.queries import covering, waiver_for

GRANTS = ("granted", "granted_as_modified")


def unsigned_lines(request: Request, instrument: str | None = None) -> list[Line]:
    """Granted lines that no signature covers yet."""
    rows = [w for w in queries.live_lines(request) if w.state == LineState.DECIDED and w.outcome in GRANTS]
    return [w for w in rows if instrument is None or w.instrument == instrument]


def _decisions(lines: Sequence[Line]) -> list[Decision]:
    rows = Decision.objects.filter(items__line__in=lines, items__live=True, state="approved").distinct()
    return list(rows.select_related("proposed_by"))


def _authors(request: Request) -> set[int]:
    """Who proposed what waits for a signature: they do not sign it."""
    return {d.proposed_by_id for d in _decisions(unsigned_lines(request))}


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


def _period(decisions: Sequence[Decision], now: datetime) -> tuple[datetime, datetime, datetime]:
    """(acts_from, effective_from, ends_at) of one instrument, in whole seconds, or a refusal if no period comes of them."""
    effective = max([d.effective_from for d in decisions if d.effective_from] + [now])
    starts = [d.acts_from for d in decisions if d.acts_from]
    ends = {d.ends_at for d in decisions if d.ends_at}
    if len(ends) != 1:
        raise Refusal("not_now", "The lines of one instrument end at the same time: these do not. Send one back.")
    begins = {(min(d.acts_from or effective, effective), max(d.effective_from or now, now)) for d in decisions}
    if len(begins) > 1:  # else cover that was decided for one line would be given to another
        raise Refusal(
            "not_now", "The lines of one instrument are covered from the same time: these are not. Send one back."
        )
    last = ends.pop()
    if last <= effective:
        raise Refusal("lapsed", f"The decided period ends at {rfc3339(last)}, before it begins. Send it back.")
    return min([*starts, effective]), effective, last


def _require_hits_answered(request: Request) -> None:
    """A popularity list may have come after the approval: what it hits is answered by those who decide, not by the signatory."""
    if hits := unanswered(request.incident):
        raise Refusal("lapsed", f"{len(hits)} names stand on a popularity list and are unanswered. Send the decision back.")


def _require_same(decisions: Sequence[Decision], reporting: str, disposition: str) -> None:
    """One writing says one thing: what was decided for a line is neither dropped nor spread over the others."""
    said = {
        (d.reporting or reporting, d.disposition or disposition, tuple(sorted(d.conditions))) for d in decisions
    }
    if len(said) > 1:
        raise Refusal(
            "not_now",
            "The lines of one instrument have the same conditions, reports and disposition: these do not. Send one back.",
        )


def _require_lists_as_decided(lines: Sequence[Line]) -> None:
    """What is signed is what was decided: no list of the lines has changed since the proposal."""
    for decision in _decisions(lines):
        covered = {item.line.name_list for item in decision.items.select_related("line__name_list") if item.live}
        for row in covered - {None}:
            if row is not None and decision.list_digests.get(str(row.number)) != latest(row).digest:
                raise Refusal(
                    "lapsed",
                    f"List {row.number} changed after the decision. Send it back, so that it is proposed again.",
                )


def compose(
    request: Request,
    instrument: Instrument,
    lines: Sequence[Line],
    *,
    reference: str,
    by: Person,
    delegation: Delegation,
    now: datetime,
) -> Terms:
    """The terms of one instrument from decided lines. Reads only what was decided, filed and configured."""
    known = authority()
    own = Party.objects.get(kind="authority")
    decided = {item.line_id: d for d in _decisions(lines) for item in d.items.filter(live=True)}
    decisions = list({d.pk: d for d in decided.values()}.values())
    agreements: dict[int, list[Line]] = {}
    for line in lines:
        agreements.setdefault(line.agreement_id, []).append(line)
    lists = {line.name_list_id: line.name_list for line in lines if line.name_list_id}
    versions = [latest(row) for row in lists.values() if row is not None]
    if len(versions) > 1:
        raise Refusal("not_now", "Lines on several lists are not signed in one instrument: decide them by list.")
    _require_same(decisions, known.reporting, known.disposition)
    acts_from, effective, ends = _period(decisions, now.replace(microsecond=0))
    rsps = {t.rsp for line in lines for t in line.agreement.tlds.select_related("rsp") if t.name in line.tlds and t.rsp}
    rsp = rsps.pop() if len(rsps) == 1 else None
    incident = CATEGORIES.get(request.incident.category, "A present or imminent security incident")
    presence = request.incident.presence or "present or imminent"
    return Terms(
        reference=reference,
        instrument=instrument,
        request=request.reference,
        tlp=request.tlp,
        authority=Entity(own.name, own.address, own.jurisdiction),
        registry=Entity(request.operator.name, request.operator.address, request.operator.jurisdiction),
        rsp=Entity(rsp.name, rsp.address, rsp.jurisdiction) if rsp and rsp.pk != request.operator_id else None,
        agreements=tuple(
            AgreementTerms(
                rows[0].agreement.family,
                rows[0].agreement.version,
                rows[0].agreement.dated,
                tuple(sorted({t for line in rows for t in line.tlds})),
            )
            for rows in agreements.values()
        ),
        lines=tuple(
            LineTerms(
                number=line.number,
                provision=line.provision,
                provision_title=line.provision_title,
                action=line.action,
                action_words=Action(line.action).words,
                tlds=tuple(line.tlds),
                outcome=line.outcome,
                modification=decided[line.pk].modification,
                quote=decided[line.pk].quote,
                quote_source=decided[line.pk].quote_source,
            )
            for line in lines
        ),
        names=NamesTerms(versions[0].digest, versions[0].names) if versions else None,
        incident=f"{incident} ({presence})",
        reasons=tuple(dict.fromkeys(d.reasons for d in decisions)),
        conditions=tuple(dict.fromkeys([*known.conditions, *(c for d in decisions for c in d.conditions)])),
        reporting=next((d.reporting for d in decisions if d.reporting), known.reporting),
        disposition=next((d.disposition for d in decisions if d.disposition), known.disposition),
        acts_from=acts_from,
        effective_from=effective,
        ends_at=ends,
        dated=now.astimezone(zoneinfo.ZoneInfo(known.calendar.zone)).date(),
        signatory=Signatory(by.name, by.title or "Authorised signatory", delegation.words),
        confidentiality=known.confidentiality,
        publication=known.publication,
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
            n for d in _decisions(lines) for n in end_decision(request, d, "sent_back", reason=reason, by=by, now=now)
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
