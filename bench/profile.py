"""Where the time goes, in one process: `python -m bench.profile filing|desk|case|request [--requests N] [--functions N]`.

Prints processor time, statements and the dearest functions of one call through every layer but gunicorn, as the median of
several. Processor time, since a busy machine changes it least. On a database of its own, in a folder that is removed.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.service import ROOT

CALLS = 20


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.profile")
    parser.add_argument("what", choices=("filing", "desk", "case", "request"))
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--functions", type=int, default=25)
    parser.add_argument("--statements", action="store_true", help="each statement of one call, by table")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ersr-profile-") as folder:
        os.environ |= {
            "ERSR_HOME": folder, "ERSR_AUTHORITY": str(ROOT / "tests" / "authority.toml"), "ERSR_MODE": "demo",
            "DJANGO_SETTINGS_MODULE": "ersr.project.settings", "ERSR_FILINGS_LIMIT": "1000000",
            "ERSR_SECRET_KEY": "for measuring only, and gone when the measuring ends", "ERSR_DATABASE_URL": f"sqlite://{folder}/db.sqlite3",
        }  # fmt: skip
        _profile(chosen)


def _profile(chosen: argparse.Namespace) -> None:
    import django

    django.setup()
    from bench import stage

    told = stage.world()
    if chosen.requests > 100:
        told |= stage.fill(chosen.requests)
    from django.db import connection
    from django.test import Client

    from bench.__main__ import answers

    client = Client(SERVER_NAME="127.0.0.1")
    number = iter(range(1, 10_000))

    def call() -> None:
        if chosen.what == "filing":
            one = next(number)
            answer = client.post(
                "/api/v1/requests", answers(one), content_type="application/json",
                headers={"Authorization": f"Bearer {told['filer']['token']}", "Idempotency-Key": f"profile-{one}"},
            )  # fmt: skip
        else:
            path, key = {"desk": ("/desk", "officer"), "case": (f"/desk/{told['reference']}", "officer"), "request": (f"/r/{told['reference']}", "filer")}[chosen.what]
            answer = client.get(path, headers={"Cookie": told[key]["cookie"]})
        assert answer.status_code in (200, 201), answer.content[:500]

    call()
    statements: list[str] = []

    def noted(execute: Callable[..., Any], sql: str, *words: Any) -> Any:
        statements.append(sql)
        return execute(sql, *words)

    with connection.execute_wrapper(noted):
        call()
    took = [_timed(call) for _ in range(CALLS)]
    print(f"{chosen.what}: {statistics.median(took) * 1000:.1f} ms processor, {len(statements)} statements, {chosen.requests} requests")
    if chosen.statements:
        shapes = Counter(_shape(sql) for sql in statements)
        for shape, count in shapes.most_common():
            print(f"{count:5} {shape}")
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(CALLS):
        call()
    profiler.disable()
    pstats.Stats(profiler).sort_stats("cumulative").print_stats(rf"{re.escape(str(Path('src/ersr')))}|django/db/models/query.py", chosen.functions)


def _timed(call: Callable[[], None]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def _shape(sql: str) -> str:
    """The statement without its columns and values: what is done to which table."""
    return re.sub(r"\s+", " ", re.sub(r"SELECT .*? FROM", "SELECT FROM", re.sub(r"'[^']*'|\b\d+\b", "?", sql)))[:110]


if __name__ == "__main__":
    main()
