"""Signing, serving, acknowledging. No token exists before the signatory's act."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from ersr import clock
from ersr.core import lifecycle
from ersr.core.errors import FieldError, Refusal, invalid
from ersr.core.lifecycle import LineState, Role, State
from ersr.core.provisions import WaivableBy
from ersr.core.terms import (
    Instrument,
    Terms,
)
from ersr.core.tongue import joined, said, small
from ersr.core.tongue import number as figure
from ersr.files import store
from ersr.jobs import queue
from ersr.ledger.sequence import installed_keys
from ersr.lists.queries import latest, latest_versions
from ersr.notifications.actions import queue_notification
from ersr.parties.authority import authority
from ersr.people import fresh
from ersr.people.fresh import Fresh
from ersr.people.models import Delegation, Person
from ersr.people.queries import with_role
from ersr.proof import letter, membership, sdjwt
from ersr.proof.keys import Keys
from ersr.proof.note import SignedCheckpoint, sign_checkpoint
from ersr.requests import queries
from ersr.requests.actions import draw_reference, end_decision
from ersr.requests.actions.screening import require_answered
from ersr.requests.actions.step import begin, end, settled
from ersr.requests.models import Line, Request
from ersr.waivers import trees
from ersr.waivers.composing import compose, decisions_on, unsigned_lines
from ersr.waivers.models import Acknowledgement, ListTree, Preview, ServiceRecord, Waiver, WaiverLine
from ersr.waivers.queries import covering, waiver_for
from ersr.waivers.trees import Rooted, version_of


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
    others = tuple(p.name for p in with_role(Role.SIGNATORY) if covering(p, instrument, lines, now=now) is not None)
    words = {"title": small(Instrument(instrument).title), "families": joined(" and ", families)}
    raise Refusal(
        "delegation",
        said("Your delegation does not cover the {title} under the agreement family {families} now: an officer of the authority must give this.", **words)
        if officer
        else said("Your delegation does not cover the {title} under the agreement family {families} now.", **words),
        who_can=others,
    )


def _require_hits_answered(request: Request) -> None:
    """A popularity list or a screening may have come after the approval: hits are answered by those who decide, not by the signatory."""
    require_answered(request, "lapsed", said("Send the decision back."))


def _require_lists_as_decided(lines: Sequence[Line]) -> None:
    """What is signed is what was decided: no list of the lines has changed since the proposal."""
    for decision in decisions_on(lines):
        covered = {item.line.name_list for item in decision.items.select_related("line__name_list") if item.live}
        for row in covered - {None}:
            if row is not None and decision.list_digests.get(str(row.number)) != latest(row).content_digest:
                raise Refusal(
                    "lapsed",
                    said("List {number} changed after the decision. Send it back, so that it is proposed again.", number=row.number),
                )


def _may_prepare(request: Request, instrument: str, by: Person, now: datetime) -> tuple[list[Line], Delegation]:
    """The lines that wait for such an instrument, and the delegation under which it can be prepared now."""
    lines = unsigned_lines(request, instrument)
    if not lines:
        raise Refusal("not_now", said("No granted line waits for a {title}.", title=small(Instrument(instrument).title)))
    delegation = _covering(by, instrument, lines, now)
    _require_hits_answered(request)
    _require_lists_as_decided(lines)
    return lines, delegation


def _tree(reference: str, instrument: str, *, by: Person, now: datetime) -> Rooted | None:
    """The tree of the list that these lines are about, for whoever may prepare the instrument. Locks nothing for longer than a row takes.

    A large list is given to the worker, and refused ("not_now") until it is hashed: the refusal says how far it is.
    """
    request = queries.request_for(by, reference)
    queries.require(by, request, "preview", authors=_authors(request))
    lifecycle.check("preview", State(request.state), request.reference, staff=by.is_staff_member)
    version = version_of(_may_prepare(request, instrument, by, now)[0])
    if version is None:
        return None
    if version.names <= trees.AT_ONCE:
        return trees.rooted(version)
    row = trees.tree_of(request, instrument, by)
    if row is None or row.problem or row.version != version:
        with transaction.atomic():
            ListTree.objects.filter(request=request, instrument=instrument, made_by=by).delete()
            row = ListTree.objects.create(
                request=request, instrument=instrument, version=version, secret=secrets.token_bytes(membership.SECRET),
                made_by=by, made_at=now,
            )  # fmt: skip
            queue.put("list_tree", str(row.pk), now=clock.real())
    if not row.root:
        words = said(
            "The {all} names of the list are being hashed, {done} so far. Prepare the instrument again in a moment.",
            all=figure(version.names), done=figure(row.hashed),
        )  # fmt: skip
        raise Refusal("not_now", words, facts={"hashed": row.hashed, "names": version.names})
    return Rooted(version, bytes(row.secret), row.root, row.records, row)


def preview(reference: str, instrument: str, *, by: Person, now: datetime) -> Preview:
    """The PDF exactly as it will be signed, without token, stored by digest. It lapses after 15 minutes."""
    if instrument not in set(Instrument):
        raise invalid(FieldError("instrument", said("Choose one of {instrument}", instrument=', '.join(Instrument))))
    made = _tree(reference, instrument, by=by, now=now)
    with transaction.atomic():
        visible = queries.request_for(by, reference, lock=True)
        request = begin(reference, "preview", by=by, authors=_authors(visible))
        lines, delegation = _may_prepare(request, instrument, by, now)
        if version_of(lines) != (made and made.version) or (made and made.row and not made.row.delete()[0]):
            raise Refusal("lapsed", said("The list changed while the instrument was prepared. Prepare it again and read it."))
        year = authority().calendar.local(now).year
        number = draw_reference(
            "W",
            year,
            lambda r: Preview.objects.filter(reference=r).exists() or Waiver.objects.filter(reference=r).exists(),
        )
        names = made.terms if made else None
        terms = compose(
            request, Instrument(instrument), lines, reference=number, by=by, delegation=delegation, names=names, now=now
        )
        file = store.put(letter.render(terms), "application/pdf", now=now)
        row = Preview.objects.create(
            request=request,
            instrument=instrument,
            reference=number,
            terms=terms.to_json(),
            lines=[line.pk for line in lines],
            file=file,
            delegation=delegation,
            list_secret=made.secret if made else None,
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


def _list_key(row: Preview, terms: Terms, keys: Keys) -> str:
    """list-key.json for the holder: the secret, and the tree's root signed as that of this list."""
    names = terms.names
    if names is None or not names.root or row.list_secret is None:
        return ""  # no list, or a preview from before lists had trees
    note = sign_checkpoint(names.leaves, bytes.fromhex(names.root), keys.checkpoint_signer, content_digest=names.of_records)
    return membership.ListKey(bytes(row.list_secret), SignedCheckpoint.parse(note)).to_json().decode()


def _check_unchanged(request: Request, row: Preview, terms: Terms) -> list[Line]:
    """The lines of the preview, if nothing they rest on has changed since."""
    lines = unsigned_lines(request, row.instrument)
    changed = {line.pk for line in lines} != set(row.lines)
    if terms.names is not None:
        digests = {v.content_digest for v in latest_versions(request.incident)}
        changed = changed or terms.names.of_records not in digests
    _require_hits_answered(request)
    _require_lists_as_decided(lines)
    if changed:
        raise Refusal("lapsed", said("Something changed after the preview. Prepare the instrument again and read it."))
    return lines


def what_is_signed(row: Preview) -> str:
    """What a passkey's answer is bound to: this preview and the digest of its bytes."""
    return f"sign:{row.pk}:{row.file_id}"


def sign(reference: str, preview_id: int, given: str | Fresh, *, by: Person, now: datetime) -> Waiver:
    """Binds the authority: makes the token from the preview's terms and adds it to the PDF with the signature.

    Asks for a fresh second factor (a code, or a passkey's answer about `what_is_signed`), spent at real time. All or nothing:
    if the letter cannot be signed, the factor is not spent either, so that the signatory tries again. Wrong codes are counted,
    for whoever holds a stolen session must not be able to guess one.
    """
    with fresh.counted(by, given, now=clock.real()):
        return _sign(reference, preview_id, given, by=by, now=now)


def _sign(reference: str, preview_id: int, given: str | Fresh, *, by: Person, now: datetime) -> Waiver:
    with transaction.atomic():
        visible = queries.request_for(by, reference, lock=True)
        request = begin(reference, "sign", by=by, authors=_authors(visible))
        row = request.previews.filter(pk=preview_id).first()
        if row is None:
            raise invalid(FieldError("preview", said("There is no such preview. Prepare the instrument first")))
        if hasattr(row, "signed"):
            raise Refusal("already", said("{reference} was signed already.", reference=row.reference))
        if row.made_by_id != by.pk:
            raise Refusal("not_allowed", said("You sign what you have read: prepare the instrument yourself."))
        if row.lapsed(now):
            raise Refusal("lapsed", said("The preview is older than 15 minutes. Prepare the instrument again and read it."))
        terms = Terms.from_json(row.terms)
        lines = _check_unchanged(request, row, terms)
        if _covering(by, row.instrument, lines, now).pk != row.delegation_id:
            raise Refusal("lapsed", said("Your delegation changed after the preview. Prepare the instrument again."))
        keys = installed_keys()
        if not keys.signer.chain[0].not_valid_before_utc <= now < keys.signer.chain[0].not_valid_after_utc:
            words = said("The authority's signing certificate is not valid at this time, so nothing was signed. Tell the operator.")
            raise Refusal("lapsed", words)
        factor = fresh.spend(by, given, about=what_is_signed(row), now=clock.real())
        signed_at = now.replace(microsecond=0)
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
            list_key=_list_key(row, terms, keys),
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
                "factor": factor,
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
        raise invalid(FieldError("reason", said("Say what should be different")))
    with transaction.atomic():
        visible = queries.request_for(by, reference, lock=True)
        request = begin(reference, "send_back", by=by, authors=_authors(visible))
        lines = unsigned_lines(request)
        if not lines:
            raise Refusal("not_now", said("No granted line waits for a signature."))
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
            errors.append(FieldError("channel", said("Choose the channel: {channels}", channels=', '.join(ServiceRecord.CHANNELS))))
        if not confirmation.strip():
            errors.append(FieldError("confirmation", said("Enter the server's or courier's confirmation")))
        if not waiver.signed_at <= served_at <= now:
            errors.append(FieldError("served_at", said("Service lies between the signature and now")))
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
            raise Refusal("already", said("{reference} was acknowledged already.", reference=waiver.reference))
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
