"""Runs inside the installation that is measured: builds its world, and fills it. Django is set up by whoever imports it.

Speaks JSON: `world` prints tokens and cookies of the people whose load and whose looks are measured, `fill` the reference
of a request that stands for all.
"""

from __future__ import annotations

import json
import pickle
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.management import call_command

from bench.many import Crowd
from ersr import clock
from ersr.core.lifecycle import State
from ersr.ledger import fsck
from ersr.people.actions import make_token
from ersr.people.models import Person
from ersr.people.sessions import SessionStore
from ersr.requests.models import Request
from tests import world as worlds


def world() -> dict[str, Any]:
    """The tests' small world: its people have real tokens and sessions, made without the password's third of a second."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    call_command("migrate", verbosity=0)
    made = worlds.build(clock.now().replace(microsecond=0) - timedelta(minutes=10))
    crowd = Crowd(made)
    crowd.fill(100)
    _kept().write_bytes(pickle.dumps(crowd))
    people = {key: made.people[key] for key in ("filer", "officer", "security", "administrator")}
    return {key: {"token": _token(person), "cookie": _cookie(person)} for key, person in people.items()} | _looked_at(made)


def fill(count: int) -> dict[str, Any]:
    crowd: Crowd = pickle.loads(_kept().read_bytes())  # our own file of a moment ago
    crowd.world.now = clock.now()  # the worker has signed checkpoints since, and none may be older
    crowd.fill(count)
    return _looked_at(crowd.world)


def whole() -> dict[str, Any]:
    return {"problems": list(fsck.problems()), "requests": Request.objects.count()}


def _kept() -> Path:
    return Path(settings.ERSR_HOME) / "crowd"


def _token(person: Person) -> str:
    _, text = make_token(person, name="bench", scopes=["read", "write"], lasts=timedelta(days=1), now=clock.real())
    return text


def _cookie(person: Person) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session["began"] = clock.real().isoformat()
    session.set_expiry(clock.real() + timedelta(hours=8))
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def _looked_at(made: worlds.World) -> dict[str, Any]:
    """The newest request that waits for a decision: its page has the most on it."""
    found = Request.objects.filter(state=State.PROPOSED, operator=made.parties["north"]).order_by("-received_at").first()
    assert found is not None
    return {"reference": found.reference}


def main() -> None:
    """One verb: world, fill N, whole."""
    verb, *words = sys.argv[1:]
    print(json.dumps({"world": world, "fill": fill, "whole": whole}[verb](*(int(word) for word in words))))
