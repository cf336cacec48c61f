"""How somebody comes in: enrolment, tokens, sessions, who am I. Real time throughout."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Status

from ersr import clock
from ersr.faces.api.auth import ANY, READ, WRITE, caller, require_scope
from ersr.faces.api.schemas.kinds import Id
from ersr.faces.api.schemas.office import DeviceCodeOut, Enrolled, Enrolment, MadeToken, Me, Sessions, Tokens
from ersr.faces.api.schemas.sent import CodeIn, DeviceCodeIn, DeviceTokenIn, PasswordIn, TokenIn
from ersr.faces.api.v1.operation import answers, router
from ersr.faces.network import network_of
from ersr.people import actions, factors, queries
from ersr.people.actions import devices
from ersr.people.models import Token


@router.post("enrolments/{code}", operation_id="enrol", **answers(Enrolment))
def enrol(request: HttpRequest, code: str, sent: PasswordIn) -> dict[str, Any]:
    """Sets your password and draws a second factor; it counts once `confirm` has seen a code of it."""
    factor = actions.begin_enrolment(code, sent.password, now=clock.real())
    return {"secret": factors.text_secret(factor), "uri": factors.uri(factor)}


@router.post("enrolments/{code}/confirm", operation_id="confirm_enrolment", **answers(Enrolled))
def confirm_enrolment(request: HttpRequest, code: str, sent: CodeIn) -> dict[str, Any]:
    """Ends the enrolment with the first code of the new factor."""
    person = actions.confirm_enrolment(code, sent.code, now=clock.real())
    return {"email": person.email, "name": person.name}


@router.post("tokens", operation_id="make_token", **answers(MadeToken, 201))
def make_token(request: HttpRequest, sent: TokenIn) -> Status[dict[str, Any]]:
    """A personal token, for e-mail, password and a fresh code. Its text is shown once."""
    now = clock.real()
    person = actions.sign_in(sent.email, sent.password, sent.code, now=now, through="api", network=network_of(request))
    row, text = actions.make_token(person, name=sent.name, scopes=sent.scopes, lasts=timedelta(days=sent.days), now=now)
    return Status(201, _made(row, text))


def _made(row: Token, text: str) -> dict[str, Any]:
    return {"token": text, "id": row.pk, "scopes": row.scopes.split(), "expires_at": row.expires_at}


@router.post("device_codes", operation_id="ask_device_code", **answers(DeviceCodeOut, 201))
def ask_device_code(request: HttpRequest, sent: DeviceCodeIn) -> Status[dict[str, Any]]:
    """A program asks to act for you (RFC 8628): it shows the user code, and you approve it at `verification_uri`."""
    row, device_code, user_code = devices.ask(
        **sent.dict(), address=network_of(request), now=clock.real()
    )
    told = {
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": f"{settings.ERSR_ADDRESS}/device",
        "expires_in": int(devices.LASTS.total_seconds()),
        "interval": row.interval,
    }
    return Status(201, told)


@router.post("device_tokens", operation_id="fetch_device_token", **answers(MadeToken, 201, also=(400,)))
def fetch_device_token(request: HttpRequest, sent: DeviceTokenIn) -> Status[dict[str, Any]]:
    """The token that you approved, told once. Until then a problem whose code is RFC 8628's error: authorization_pending or
    slow_down (5 seconds more between two questions), then access_denied or expired_token."""
    return Status(201, _made(*devices.fetch(sent.device_code, now=clock.real())))


@router.get("tokens", auth=READ, operation_id="tokens", **answers(Tokens))
def tokens(request: HttpRequest) -> dict[str, Any]:
    """Your own tokens that were not ended, newest first, and when each was last used."""
    mine = request.ersr_token  # type: ignore[attr-defined]
    fields = ("name", "made_at", "expires_at", "used_at")
    items = [
        {f: getattr(row, f) for f in fields}
        | {"id": row.pk, "scopes": row.scopes.split(), "current": row.pk == mine.pk}
        for row in queries.tokens_of(caller(request))
    ]
    return {"items": items, "next": None}


@router.delete("tokens/{id}", auth=ANY, operation_id="end_token", **answers(None, 204))
def end_token(request: HttpRequest, id: Id) -> Status[None]:
    """Ends one of your own tokens; the one that you send it with whatever its scopes, another one with write."""
    if request.ersr_token.pk != id:  # type: ignore[attr-defined]
        require_scope(request.ersr_token, "write")  # type: ignore[attr-defined]
    actions.end_token(caller(request), id, now=clock.real())
    return Status(204, None)


@router.get("sessions", auth=READ, operation_id="sessions", **answers(Sessions))
def sessions(request: HttpRequest) -> dict[str, Any]:
    """Where you are signed in to the portal."""
    items = [
        {
            "key_hash": actions.digest(row.session_key),
            "began_at": row.began_at,
            "seen_at": row.seen_at,
            "agent": row.agent,
        }
        for row in queries.sessions_of(caller(request), now=clock.real())
    ]
    return {"items": items, "next": None}


@router.delete("sessions/{key_hash}", auth=WRITE, operation_id="end_session", **answers(None, 204))
def end_session(request: HttpRequest, key_hash: str) -> Status[None]:
    """Ends one of your own sessions."""
    actions.end_session(caller(request), key_hash, now=clock.real())
    return Status(204, None)


@router.get("me", auth=READ, operation_id="me", **answers(Me))
def me(request: HttpRequest) -> dict[str, Any]:
    """Who this token speaks for."""
    person = caller(request)
    return {
        "email": person.email,
        "name": person.name,
        "title": person.title,
        "roles": sorted(person.roles),
        "disciplines": list(person.disciplines),
        "party": {"key": person.party.key, "kind": person.party.kind, "name": person.party.name},
        "zone": person.zone,
    }
