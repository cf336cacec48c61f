"""What every command of `ersr-service` begins with, and how it ends when something is wrong."""

from __future__ import annotations

import os

import typer


def ready(*, complete: bool = True) -> None:
    """Loads the settings; refuses malformed and unknown ones, unless the command says all that is wrong itself."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ersr.project.settings")
    import django
    from django.conf import settings

    django.setup()
    if complete and settings.ERSR_PROBLEMS:
        stop(list(settings.ERSR_PROBLEMS))


def stop(sentences: list[str]) -> None:
    """Says each sentence on standard error and ends with exit code 1."""
    for sentence in sentences:
        typer.echo(f"refused: {sentence}", err=True)
    raise typer.Exit(1)


def refuse_contradictions() -> None:
    from ersr.project.checks import problems

    if found := list(problems()):
        stop(found)
