"""The verbs that keep an installation alive: backup, restore, going on after a loss, letting somebody in again."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ersr.project.start import ready, stop

app = typer.Typer()


@contextmanager
def _refusals(where: Path | None = None) -> Iterator[None]:
    """A Refusal, and a disk that is full or a folder that cannot be written, in sentences."""
    from ersr.core.errors import Refusal
    from ersr.files.room import is_full

    try:
        yield
    except Refusal as refusal:
        stop([e.message for e in refusal.fields] or [refusal.message])
    except OSError as problem:
        if is_full(problem):
            stop([f"there is no room left on the disk: nothing was kept at {where}."])
        stop([f"{problem.filename or where}: {problem.strerror}."])


class _Progress:
    """On a terminal a bar for each long step, elsewhere nothing."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._what = ""

    def __call__(self, what: str, done: int, of: int) -> None:
        if not sys.stderr.isatty():
            return
        if what != self._what:
            self.end()
            self._what = what
            self._bar = typer.progressbar(length=of, label=what, file=sys.stderr)
            self._bar.render_progress()
        self._bar.update(1)

    def end(self) -> None:
        if self._bar is not None:
            self._bar.render_finish()
        self._bar, self._what = None, ""


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="does not exist yet, or is empty")],
    check: Annotated[bool, typer.Option("--check", help="Look at a backup that is there; nothing is written.")] = False,
) -> None:
    """Copy database, files, public keys and the last checkpoint into a folder, while the service runs. No private keys."""
    ready()
    from ersr import clock
    from ersr.project import backup as backups

    progress = _Progress()
    with _refusals(folder):
        if check:
            if found := list(backups.problems(folder, tell=progress)):
                progress.end()
                stop(found)
            manifest = backups.manifest_of(folder)
        else:
            manifest = backups.make(folder, now=clock.now(), tell=progress)
    progress.end()
    rows, ledger = sum(manifest["tables"].values()), manifest["ledger"]
    files = sum(name.startswith("files/") for name in manifest["files"])
    typer.echo(
        f"{'whole' if check else 'made'}: {folder}, of {manifest['made_at']}: {rows} rows, {files} files, "
        f"{ledger['size']} entries in the tree and {ledger['pending']} waiting"
    )


@app.command()
def restore(folder: Annotated[Path, typer.Argument(help="a backup")]) -> None:
    """Fill an empty installation from a backup: all of it or nothing. The keys must be in place."""
    ready()
    from ersr.project import restore as restores

    progress = _Progress()
    with _refusals(folder):
        said = restores.restore(folder, tell=progress)
    progress.end()
    typer.echo(f"restored: {folder}")
    for sentence in said or ["Nothing later was signed here: start the service."]:
        typer.echo(sentence)


@app.command()
def resume_after_loss(
    reason: Annotated[str, typer.Option(help="why entries were lost; stays on record")],
    by: Annotated[str, typer.Option(help="who goes on; the name of the account if left out")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it nothing is written.")] = False,
) -> None:
    """End a log whose last entries are lost, and go on under a new name and key. On record, in public, for ever."""
    ready()
    from ersr import clock
    from ersr.ledger import resume, sequence

    with _refusals():
        if yes:
            found = resume.resume(by=by or f"{getpass.getuser()} on the machine", reason=reason, now=clock.now())
        else:
            found = resume.loss()
    typer.echo(found.words)
    if not yes:
        typer.echo(
            "dry run: nothing was written; stop server and worker, and add --yes to end this log and begin a new one"
        )
        return
    typer.echo(f"the new log is {sequence.installed_keys().checkpoint_signer.log_origin}; publish the new keys.json")


@app.command()
def reinvite(email: str) -> None:
    """Let an administrator in again who lost the second factor, from the machine itself: how a sole one comes back.

    Password, factors, sessions and tokens end at once; it is on record. Prints the link once. Others are recovered by two people.
    """
    ready()
    from django.conf import settings

    from ersr import clock
    from ersr.people.actions import reinvite as do_reinvite
    from ersr.people.models import Person

    person = Person.objects.filter(email__iexact=email.strip()).first()
    if person is None:
        stop([f"nobody has the address {email}."])
    with _refusals():
        code = do_reinvite(person, by=None, now=clock.real())
    typer.echo(f"{settings.ERSR_ADDRESS}/enrol/{code}")
