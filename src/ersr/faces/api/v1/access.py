"""How somebody comes in: enrolment, tokens, sessions, who am I. Real time throughout."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from ninja import Status

from ersr import clock
from ersr.faces.api.auth import READ, WRITE, caller
from ersr.faces.api.schemas.kinds import Id
from ersr.faces.api.schemas.office import Enrolled, Enrolment, MadeToken, Me, Sessions, Tokens
from ersr.faces.api.schemas.sent import CodeIn, PasswordIn, TokenIn
from ersr.faces.api.v1.operation import answers, router
from ersr.people import actions, factors, queries


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
    person = actions.sign_in(sent.email, sent.password, sent.code, now=now, through="api")
    row, text = actions.make_token(person, name=sent.name, scopes=sent.scopes, lasts=timedelta(days=sent.days), now=now)
    told = {"token": text, "id": row.pk, "scopes": row.scopes.split(), "expires_at": row.expires_at}
    return Status(201, told)


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


@router.delete("tokens/{id}", auth=WRITE, operation_id="end_token", **answers(None, 204))
def end_token(request: HttpRequest, id: Id) -> Status[None]:
    """Ends one of your own tokens, this one included."""
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
