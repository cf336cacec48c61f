"""Decisions, signature, service: one proposes, another approves, an authorised person signs, staff serve."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from ersr import clock
from ersr.core.errors import not_found
from ersr.faces.api.auth import SIGN, caller
from ersr.faces.api.schemas.sent import (
    ConcludeIn,
    DecisionIn,
    PreviewIn,
    ProposeIn,
    ReasonIn,
    ReturnIn,
    ServeIn,
    SignIn,
)
from ersr.faces.api.v1.operation import does, done, router
from ersr.requests import actions
from ersr.waivers import actions as waivers
from ersr.waivers.queries import waiver_for


@router.post("requests/{ref}/propose", **does("propose"))
def propose(request: HttpRequest, ref: str, sent: ProposeIn) -> dict[str, Any]:
    """One outcome for a group of open lines. A grant needs an end, and every hit answered."""
    row = actions.propose(ref, **sent.dict(), by=caller(request), now=clock.now())
    return done(request, ref, "decision", id=row.pk)


@router.post("requests/{ref}/approve", **does("approve"))
def approve(request: HttpRequest, ref: str, sent: DecisionIn) -> dict[str, Any]:
    """Makes the proposed outcomes final. Never by the person who proposed them."""
    row = actions.approve(ref, sent.decision, by=caller(request), now=clock.now())
    return done(request, ref, "decision", id=row.pk)


@router.post("requests/{ref}/return_proposal", **does("return_proposal"))
def return_proposal(request: HttpRequest, ref: str, sent: ReturnIn) -> dict[str, Any]:
    """Sends a proposal back; its lines are open again."""
    row = actions.return_proposal(ref, sent.decision, reason=sent.reason, by=caller(request), now=clock.now())
    return done(request, ref, "decision", id=row.pk)


@router.post("requests/{ref}/preview", **does("preview"))
def preview(request: HttpRequest, ref: str, sent: PreviewIn) -> dict[str, Any]:
    """The instrument exactly as it will be signed (GET requests/REF/previews/ID). It lapses after 15 minutes."""
    row = waivers.preview(ref, sent.instrument, by=caller(request), now=clock.now())
    return done(request, ref, "preview", id=row.pk, reference=row.reference, digest=row.file_id)


@router.post("requests/{ref}/sign", **does("sign", auth=SIGN))
def sign(request: HttpRequest, ref: str, sent: SignIn) -> dict[str, Any]:
    """Binds the authority. Needs a token with the scope sign and a fresh code of the second factor."""
    row = waivers.sign(ref, sent.preview, sent.code, by=caller(request), now=clock.now())
    return done(request, ref, "waiver", id=row.pk, reference=row.reference)


@router.post("requests/{ref}/send_back", **does("send_back"))
def send_back(request: HttpRequest, ref: str, sent: ReasonIn) -> dict[str, Any]:
    """The signatory does not sign: approved, unsigned grants are open again."""
    waivers.send_back(ref, reason=sent.reason, by=caller(request), now=clock.now())
    return done(request, ref)


@router.post("requests/{ref}/serve", **does("serve"))
def serve(request: HttpRequest, ref: str, sent: ServeIn) -> dict[str, Any]:
    """Legal service of one waiver, with the server's or courier's confirmation."""
    person = caller(request)
    if waiver_for(person, sent.waiver).request.reference != ref.upper():
        raise not_found()
    fields = sent.dict(exclude={"waiver"})
    row = waivers.serve(sent.waiver, **fields, by=person, now=clock.now())
    return done(request, ref, "service", id=row.pk)


@router.post("requests/{ref}/conclude", **does("conclude"))
def conclude(request: HttpRequest, ref: str, sent: ConcludeIn) -> dict[str, Any]:
    """The answer has been given where nothing was granted."""
    actions.conclude(ref, channel=sent.channel, by=caller(request), now=clock.now())
    return done(request, ref)
