"""Runs commands of `ersr-service` in processes of their own without loading Python's packages anew each time.

Started by installed.py. Reads a JSON line {argv, env, out, err}; forks; the child becomes the command (its own main, its own
environment, settings read anew); answers with the exit code. Nothing of Django is set up in the parent.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback

#: What takes long to load and does not look at settings.
HEAVY = (
    "cryptography.x509", "django.core.management", "django.db.backends.postgresql.base", "django.db.backends.sqlite3.base",
    "django.db.migrations.executor", "django.template.loader", "django.forms", "ersr.ledger.guard", "ersr.proof.note",
    "ersr.core.filing", "ersr.core.triage", "ersr.proof.receipt", "holidays", "polars", "psycopg", "rfc8785", "structlog", "typer",
    "ersr.project.logs", "ersr.project.keeping", "ersr.project.operate", "rich.console",
)  # fmt: skip


def main() -> None:
    for name in HEAVY:
        importlib.import_module(name)
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            become(asked)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def become(asked: dict) -> None:
    """Never returns."""
    for number, path in ((1, asked["out"]), (2, asked["err"])):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(handle, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(asked["env"])
    code: object = 0
    try:
        if asked["argv"][0] == "-c":
            exec(compile(asked["argv"][1], "test", "exec"), {"__name__": "__main__"})
        else:
            from ersr.project import operate

            sys.argv = asked["argv"]
            operate.main()
    except SystemExit as end:
        code = end.code
    except Exception:  # noqa: BLE001 - what Python does with it: tell it, and end with 1
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    main()
