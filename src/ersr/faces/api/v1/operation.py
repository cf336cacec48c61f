"""What all operations have in common: the problems that they may answer, files that go out, rows of the life-cycle table."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from ersr import clock
from ersr.core.lifecycle import ACTIONS
from ersr.faces.api import show
from ersr.faces.api.auth import WRITE, Bearer, caller
from ersr.faces.api.problems import STATUSES
from ersr.faces.api.schemas.case import RequestOut
from ersr.faces.api.schemas.office import Problem
from ersr.requests import queries

#: One for all parts: ninja finds the method of an address within one router only.
router = Router()


def answers(model: Any, status: int = 200, *, also: tuple[int, ...] = ()) -> dict[str, Any]:
    """Keywords of an operation: its own answer and every problem, so that the description leaves none out."""
    return {"response": {status: model, STATUSES | set(also): Problem}, "exclude_unset": True}


def sends(*media_types: str, also: tuple[int, ...] = ()) -> dict[str, Any]:
    """The same for an operation that answers with bytes as they are stored."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in media_types}
    return {
        "response": {200: None, STATUSES | set(also): Problem},
        "openapi_extra": {"responses": {200: {"description": "OK", "content": content}}},
    }


def does(
    action: str, *, name: str = "", auth: Bearer = WRITE, status: int = 200, later: Any = None
) -> dict[str, Any]:
    """Keywords of the operation that carries out a row of the life-cycle table; `name` where one row has several verbs. `later`: what
    it answers with 202."""
    row = ACTIONS[action]
    known = answers(RequestOut, status)
    if later is not None:
        known["response"] = {**known["response"], 202: later}
    return {
        "auth": auth,
        "operation_id": name or action,
        "summary": row.label if not name else name.replace("_", " ").capitalize(),
        "tags": ["life cycle"],
        "openapi_extra": {"x-action": action},
        **known,
    }


def done(request: HttpRequest, ref: str, kind: str = "", /, **made: Any) -> dict[str, Any]:
    """The request as the caller sees it after an action, and what the action made."""
    person = caller(request)
    found = queries.request_for(person, ref)
    return show.whole(person, found, now=clock.now(), made={"kind": kind, **made} if kind else None)
