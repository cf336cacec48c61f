"""`ersr-service`: what the operator of an installation types. Dangerous verbs run dry unless told otherwise."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from ersr.project import ceremony, keeping, logs
from ersr.project.start import ready as _django
from ersr.project.start import refuse_contradictions as _refuse_contradictions
from ersr.project.start import stop as _stop

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(ceremony.app, name="keys")
app.registered_commands += keeping.app.registered_commands


@app.command()
def check() -> None:
    """Say what keeps the service from starting, what is broken beside that, and what soon will be; exit 0 if nothing is."""
    _django(complete=False)
    _refuse_contradictions()
    from ersr.project import faults

    found = list(faults.standing())
    for fault in found:
        if fault.grade == "warns":
            typer.echo(f"warning: {fault.words}", err=True)
    if broken := [fault.words for fault in found if fault.grade == "fails"]:
        _stop(broken)
    typer.echo("nothing keeps the service from starting")


@app.command()
def settings(
    markdown: Annotated[bool, typer.Option("--markdown", help="Write docs/reference/settings.md instead.")] = False,
) -> None:
    """Show the settings in force, without the secrets."""
    from ersr.project import environment

    if markdown:
        typer.echo(environment.markdown(), nl=False)
        return
    values, problems = environment.read(os.environ)
    for setting in environment.every():
        typer.echo(f"{setting.variable}={environment.shown(setting, values[setting.name])}")
    if problems:
        _stop(problems)


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
    pkcs11: Annotated[
        bool, typer.Option("--pkcs11", help="Make the signing key in the token that ERSR_PKCS11_... names.")
    ] = False,
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
    if pkcs11 != (settings.ERSR_PKCS11 is not None):
        _stop(["--pkcs11 and ERSR_PKCS11_MODULE belong together: give both for a key in a token, none for a key file."])
    settings.ERSR_HOME.mkdir(parents=True, exist_ok=True, mode=0o700)
    call_command("migrate", interactive=False, verbosity=0)
    if (settings.ERSR_KEYS / "keys.json").exists():
        _stop([f"{settings.ERSR_KEYS} holds keys already: init never replaces keys."])
    now = clock.now()
    try:
        made = keys.generate(
            settings.ERSR_KEYS,
            known.name,
            known.log_origin,
            now=now,
            development=development,
            place=settings.ERSR_PKCS11,
        )
    except Refusal as refusal:
        _stop([refusal.message])
        return
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


def gunicorn(application: str, bind: str, workers: int, threads: int) -> list[str]:
    """What follows `python -m` to serve an application as `serve` does; `make bench` serves its yardstick the same way."""
    return [
        "gunicorn", application, "--bind", bind, "--workers", str(workers), "--threads", str(threads), "--worker-class",
        "gthread", "--config", "python:ersr.project.serving", "--worker-tmp-dir", "/dev/shm", "--timeout", "60",
    ]  # fmt: skip


@app.command()
def serve(bind: str = "127.0.0.1:8000", workers: int = 2, threads: int = 4) -> None:
    """Serve the portal and the API with gunicorn. Refuses contradictions first."""
    _django()
    _refuse_contradictions()
    from django.db import connections

    connections.close_all()
    os.environ["DJANGO_SETTINGS_MODULE"] = "ersr.project.settings"
    arguments = gunicorn("ersr.project.wsgi:application", bind, workers, threads)
    os.execv(sys.executable, [sys.executable, "-m", *arguments])


@app.command()
def work() -> None:
    """Run the worker: sequence the ledger, send mail, publish the hourly checkpoint."""
    _django()
    _refuse_contradictions()
    from ersr import clock
    from ersr.files import store
    from ersr.jobs.worker import run_forever
    from ersr.lists import folders

    store.sweep(now=clock.real())
    folders.sweep(now=clock.real())
    run_forever()


@app.command()
def fsck(files: Annotated[bool, typer.Option("--files", help="Read every stored file too.")] = False) -> None:
    """Recompute the whole ledger from the stored bytes; exit 1 and say where it is not whole."""
    _django()
    from ersr.files import store
    from ersr.ledger.fsck import problems
    from ersr.ledger.models import Event, Leaf

    if found := [*problems(), *(store.damaged() if files else ())]:
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
    """Whatever ends a command unforeseen is told like everything else in the log: without a value."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 - said by its type and frames, and passed on as exit code 70 (EX_SOFTWARE)
        logs.uncaught(error)
        sys.exit(70)
