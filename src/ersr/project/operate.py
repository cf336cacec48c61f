"""`ersr-service`: what the operator of an installation types. Dangerous verbs run dry unless told otherwise."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _django() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ersr.project.settings")
    import django

    django.setup()


def _stop(sentences: list[str]) -> None:
    for sentence in sentences:
        typer.echo(f"refused: {sentence}", err=True)
    raise typer.Exit(1)


def _refuse_contradictions() -> None:
    from ersr.project.checks import problems

    if found := list(problems()):
        _stop(found)


@app.command()
def check() -> None:
    """Say what keeps the service from starting; exit 0 if nothing does."""
    _django()
    _refuse_contradictions()
    typer.echo("nothing keeps the service from starting")


@app.command()
def migrate() -> None:
    """Bring the database to this release and install the ledger's triggers."""
    _django()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    typer.echo("migrated; triggers installed")


@app.command()
def init(
    development: Annotated[bool, typer.Option(help="Mark the keys DEVELOPMENT; production refuses them.")] = False,
) -> None:
    """Make the home folder and the keys, migrate, and enter the authority as a party."""
    _django()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import transaction

    from ersr import clock
    from ersr.core.errors import Refusal
    from ersr.ledger.append import append
    from ersr.parties.actions import enter_authority
    from ersr.parties.authority import authority
    from ersr.proof import keys

    try:
        known = authority()
    except Refusal as refusal:
        _stop([refusal.message])
        return
    settings.ERSR_HOME.mkdir(parents=True, exist_ok=True)
    call_command("migrate", interactive=False, verbosity=0)
    if (settings.ERSR_KEYS / "keys.json").exists():
        _stop([f"{settings.ERSR_KEYS} holds keys already: init never replaces keys."])
    now = clock.now()
    made = keys.generate(settings.ERSR_KEYS, known.name, known.log_origin, now=now, development=development)
    with transaction.atomic():
        enter_authority(known)
        append(
            "authority.configured",
            subject="authority",
            by="system",
            now=now,
            facts={"name": known.name, "calendar": f"{known.calendar.name}, version {known.calendar.version}"},
        )
        for kid in (made.signer.kid, made.checkpoint_signer.kid):
            append("key.introduced", subject=f"key:{kid[:40]}", by="system", now=now, facts={"kid": kid})
    typer.echo(f"ready: {settings.ERSR_HOME}")


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="TOML or CSV, see docs/reference/import.md")],
    apply: Annotated[
        bool, typer.Option("--apply", help="Write the difference; without it nothing is written.")
    ] = False,
) -> None:
    """Show how a file of parties, agreements, TLDs and contacts differs from what is held, and apply it if told to."""
    _django()
    from ersr import clock
    from ersr.core.errors import Refusal
    from ersr.parties.actions import import_file

    try:
        difference = import_file(file, apply=apply, now=clock.now())
    except Refusal as refusal:
        _stop([e.message for e in refusal.fields] or [refusal.message])
        return
    for sentence in difference:
        typer.echo(sentence)
    if not difference:
        typer.echo("nothing differs")
    elif not apply:
        typer.echo("dry run: nothing was written; add --apply to write it")


@app.command()
def invite(
    email: str,
    name: str,
    role: Annotated[list[str], typer.Option(help="administrator, auditor, responder:legal, ... may be repeated")],
    party: Annotated[str, typer.Option(help="the party's key; the authority if left out")] = "",
    title: str = "",
) -> None:
    """Invite a person from the machine itself: how the first administrator comes in. Prints the link once."""
    _django()
    from django.conf import settings

    from ersr import clock
    from ersr.core.errors import Refusal
    from ersr.parties.models import Party
    from ersr.people.actions import invite as do_invite

    row = Party.objects.filter(key=party).first() if party else Party.objects.filter(kind="authority").first()
    if row is None:
        _stop([f"there is no party {party!r}: import it first."])
        return
    roles = [(r.partition(":")[0], r.partition(":")[2]) for r in role]
    try:
        _, code = do_invite(email=email, name=name, title=title, party=row, roles=roles, by=None, now=clock.real())
    except Refusal as refusal:
        _stop([e.message for e in refusal.fields] or [refusal.message])
        return
    typer.echo(f"{settings.ERSR_ADDRESS}/enrol/{code}")


@app.command()
def serve(bind: str = "127.0.0.1:8000", workers: int = 2, threads: int = 4) -> None:
    """Serve the portal and the API with gunicorn. Refuses contradictions first."""
    _django()
    _refuse_contradictions()
    from django.db import connections

    connections.close_all()
    os.environ["DJANGO_SETTINGS_MODULE"] = "ersr.project.settings"
    arguments = [
        "gunicorn",
        "ersr.project.wsgi:application",
        "--bind",
        bind,
        "--workers",
        str(workers),
        "--threads",
        str(threads),
    ]
    arguments += [
        "--worker-class",
        "gthread",
        "--log-level",
        "warning",
        "--worker-tmp-dir",
        "/dev/shm",
        "--timeout",
        "60",
    ]
    os.execv(sys.executable, [sys.executable, "-m", *arguments])


@app.command()
def work() -> None:
    """Run the worker: sequence the ledger, send mail, publish the hourly checkpoint."""
    _django()
    _refuse_contradictions()
    from ersr.jobs.worker import run_forever

    run_forever()


@app.command()
def fsck() -> None:
    """Recompute the whole ledger from the stored bytes; exit 1 and say where it is not whole."""
    _django()
    from ersr.ledger.fsck import problems
    from ersr.ledger.models import Event, Leaf

    if found := list(problems()):
        _stop(found)
    typer.echo(f"the ledger is whole: {Event.objects.count()} events, {Leaf.objects.count()} in the tree")


@app.command()
def session_sweep(days: int = 30) -> None:
    """Delete sessions, kept forms and failed sign-ins that ended more than so many days ago."""
    _django()
    from ersr import clock
    from ersr.people.actions import sweep

    typer.echo(f"{sweep(now=clock.real(), older_than=timedelta(days=days))} rows deleted")


def main() -> None:
    app()
