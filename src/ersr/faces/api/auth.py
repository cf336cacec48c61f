"""Who calls: a personal token in `Authorization: Bearer`, with the scope that the operation asks for. Cookies count nothing here.

Scopes: read (GET), write (everything that changes), sign (only `sign`), admin (people and delegations). None includes another.
"""

from __future__ import annotations

from django.http import HttpRequest
from ninja.security import HttpBearer

from ersr import clock
from ersr.core.errors import Refusal
from ersr.people.actions import note_token_use
from ersr.people.models import Person, Token
from ersr.people.queries import person_of_token


class Bearer(HttpBearer):
    """Lets an operation through for a live token that has `scope` (any one, if it is empty); refuses with sign_in or scope."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> Token:
        found = getattr(request, "ersr_token", None)
        if found is None:
            now = clock.real()
            found = person_of_token(token, now=now)
            note_token_use(found, now=now)
            request.ersr_token = found  # type: ignore[attr-defined]
        if self.scope:
            require_scope(found, self.scope)
        return found


def require_scope(token: Token, scope: str) -> None:
    if scope not in token.scopes.split():
        raise Refusal("scope", f"This needs a token with the scope {scope}; this one has {token.scopes}.")


READ, WRITE, SIGN, ADMIN, ANY = Bearer("read"), Bearer("write"), Bearer("sign"), Bearer("admin"), Bearer("")


def caller(request: HttpRequest) -> Person:
    """The person whose token let this operation through."""
    return request.ersr_token.person  # type: ignore[attr-defined]


def caller_or_none(request: HttpRequest) -> Person | None:
    """The same, or None on public operations and refused tokens."""
    found = getattr(request, "ersr_token", None)
    return found.person if found is not None else None
