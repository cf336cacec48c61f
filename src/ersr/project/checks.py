"""Refuses contradictions at start-up; repairs nothing. Each problem is a sentence that says what to do."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from ersr import clock
from ersr.core.errors import Refusal
from ersr.core.provisions import load
from ersr.ledger import guard, sequence
from ersr.parties.authority import authority


def problems() -> Iterator[str]:
    """Nothing if the service may start."""
    production = settings.ERSR_MODE == "production"
    if settings.ERSR_MODE not in ("production", "demo", "test"):
        yield f"ERSR_MODE is {settings.ERSR_MODE!r}: production, demo or test."
    if len(settings.SECRET_KEY) < 32:
        yield "ERSR_SECRET_KEY is missing or shorter than 32 characters: draw one with `openssl rand -hex 32`."
    try:
        known = authority()
    except Refusal as refusal:
        yield refusal.message
    else:
        if production and known.demonstration:
            yield "the authority file is marked demonstration = true: production needs its own calendar, zone and closures."
        horizon = (clock.now() + timedelta(days=60)).year
        if production and not any(day.year >= horizon for day in known.calendar.closures):
            yield f"the calendar has no closure in {horizon}: deadlines reach into it. Add that year's closures."
        if production and not settings.ERSR_ADDRESS.startswith("https://"):
            yield "ERSR_ADDRESS must begin with https:// in production."
    if production and settings.ERSR_CLOCK_FILE:
        yield "ERSR_CLOCK_FILE shifts product time: production refuses it."
    try:
        load()
    except Refusal as refusal:
        yield refusal.message
    try:
        keys = sequence.installed_keys()
    except (Refusal, OSError) as problem:
        yield f"the keys in {settings.ERSR_KEYS} cannot be used: {problem} Make them with `ersr-service init`."
        keys = None
    if keys is not None:
        if production and keys.development:
            yield "the keys are marked DEVELOPMENT: production refuses them."
        for path in settings.ERSR_KEYS.iterdir():
            if path.suffix == ".pem" and path.name != "chain.pem" and stat.S_IMODE(os.stat(path).st_mode) & 0o077:
                yield f"{path} can be read by others: chmod 600 {path}."
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            yield "the database is not migrated: run `ersr-service migrate`."
            return
    except DatabaseError as problem:
        yield f"the database does not answer: {problem}"
        return
    for name in sorted(guard.missing()):
        yield f"trigger {name} is missing: run `ersr-service migrate`."
    if keys is not None and (said := sequence.is_prefix()):
        yield said
