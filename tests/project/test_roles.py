"""deploy/postgresql.sql: the role that runs the service can change rows and no table, so it cannot take the ledger's guard away."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from tests.postgres import binaries

ROOT = Path(__file__).resolve().parent.parent.parent
SERVICE = Path(sys.executable).with_name("ersr-service")
OWNER, RUN = "owner-4f1b", "run-9c2e"


@pytest.fixture
def server() -> Iterator[str]:
    """user:password@host:port of both roles is built on this; the database and the roles go again."""
    row = settings.DATABASES["default"]
    place = f"{row['HOST']}:{row['PORT']}"
    root = f"postgresql://{row['USER']}:{row['PASSWORD']}@{place}/postgres"
    words = [binaries() / "psql", "--quiet", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-v", f"owner_password={OWNER}", "-v",
             f"run_password={RUN}", "-f", ROOT / "deploy/postgresql.sql", root]  # fmt: skip
    subprocess.run(words, check=True, capture_output=True)
    yield place
    with psycopg.connect(root, autocommit=True) as connection:
        connection.execute("DROP DATABASE srw WITH (FORCE)")
        connection.execute("DROP ROLE srw_owner")
        connection.execute("DROP ROLE srw")


@pytest.mark.postgresql
def test_the_running_role_works_and_cannot_take_the_guard_away(server: str, tmp_path: Path) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ERSR_", "DJANGO_", "PYTEST_"))} | {
        "ERSR_MODE": "demo", "ERSR_HOME": str(tmp_path / "home"), "ERSR_AUTHORITY": str(ROOT / "tests/authority.toml"),
        "ERSR_SECRET_KEY": "0f6a7d3be1c94825a7d0f6e3b1c8492d",
    }  # fmt: skip

    def service(who: str, *words: str) -> None:
        environment = kept | {"ERSR_DATABASE_URL": f"postgresql://{who}@{server}/srw"}
        done = subprocess.run([SERVICE, *words], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    owner, run = f"srw_owner:{OWNER}", f"srw:{RUN}"
    service(owner, "init")
    service(run, "invite", "ada@authority.example", "Ada Kovac", "--role", "administrator")
    service(run, "check")
    with psycopg.connect(f"postgresql://{run}@{server}/srw", autocommit=True) as connection:
        for refused in (
            "DROP TRIGGER guard_ledger_event_update ON ledger_event",
            "ALTER TABLE ledger_event DISABLE TRIGGER ALL",
            "DROP FUNCTION guard_refuse()",
            "CREATE OR REPLACE FUNCTION guard_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "SET session_replication_role = replica",
            "TRUNCATE ledger_event",
            "DROP TABLE ledger_event",
            "CREATE TABLE public.mine (a int)",
            "SET ROLE srw_owner",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(refused)
        for refused in ("UPDATE ledger_event SET kind = 'x'", "DELETE FROM ledger_event"):
            with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                connection.execute(refused)
        assert connection.execute("SELECT count(*) FROM ledger_event").fetchone()[0] >= 4
