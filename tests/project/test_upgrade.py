"""An installation of the previous release, with a whole case in it, is taken over: migrated, whole, served, and still evidence."""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
from django.conf import settings

from demo.case import six
from demo.installation import Installation, Stopped
from ersr.client.http import Client
from ersr.client.totp import Authenticator
from ersr.ledger import guard
from ersr.proof.keys import KeySet
from ersr.proof.verify import verify
from tests.postgres import binaries

PREVIOUS = Path(__file__).with_name("previous")
#: Triggers that the restored database loses on purpose, so that migrate has something to put back.
LOST = ("ledger_leaf", "update")


@dataclass(frozen=True)
class Left:
    """What the previous release left, restored; `triggers` and `sql` ask its database directly."""

    folder: Path
    installation: Installation
    url: str

    def sql(self, statement: str) -> list[tuple]:
        if self.url:
            with psycopg.connect(self.url) as connection:
                cursor = connection.execute(statement)
                return cursor.fetchall() if cursor.description else []
        with closing(sqlite3.connect(self.folder / "home" / "ersr.sqlite3", timeout=20)) as connection, connection:
            return connection.execute(statement).fetchall()

    def triggers(self) -> set[str]:
        where = "pg_trigger WHERE NOT tgisinternal" if self.url else "sqlite_master WHERE type = 'trigger'"
        return {row[0] for row in self.sql(f"SELECT {'tgname' if self.url else 'name'} FROM {where}")}


def _server() -> str:
    """The address of the server that this part of the run has, or nothing for SQLite."""
    row = settings.DATABASES["default"]
    if "postgresql" not in row["ENGINE"]:
        return ""
    return f"postgresql://{row['USER']}:{row['PASSWORD']}@{row['HOST']}:{row['PORT']}/postgres"


@pytest.fixture
def left(tmp_path: Path) -> Iterator[Left]:
    server = _server()
    with tarfile.open(PREVIOUS / f"{'postgresql' if server else 'sqlite'}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    url = ""
    if server:
        name = f"previous_{secrets.token_hex(4)}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        words = [
            binaries() / "psql",
            "--quiet",
            "--no-psqlrc",
            "-v",
            "ON_ERROR_STOP=1",
            "-f",
            tmp_path / "database.sql",
            url,
        ]
        subprocess.run(words, check=True, capture_output=True)
    else:
        with closing(sqlite3.connect(tmp_path / "home" / "ersr.sqlite3")) as connection:
            connection.executescript((tmp_path / "database.sql").read_text(encoding="utf-8"))
    with Installation(tmp_path / "home") as installation:
        if url:
            installation.environment["ERSR_DATABASE_URL"] = url
        yield Left(tmp_path, installation, url)
    if server:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def signed_in(left: Left, first_name: str) -> tuple[Client, httpx.Client]:
    """Somebody of the previous release, with the password and the second factor of then: in the API and on the pages."""
    people = json.loads((left.folder / "people.json").read_text(encoding="utf-8"))
    person = next(p for p in people if p["email"].startswith(f"{first_name}@"))
    shows = Authenticator(person["secret"])
    with Client(left.installation.address) as anybody:
        made = anybody.make_token(
            person["email"],
            person["password"],
            shows.fresh(),
            scopes=["read", "write"],
            name="after the upgrade",
            days=1,
        )
    browser = httpx.Client(base_url=left.installation.address, trust_env=False)
    form = browser.get("/signin").text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)[1]
    browser.post("/signin", data={"email": person["email"], "password": person["password"], "code": shows.fresh(),
                                  "csrfmiddlewaretoken": token})  # fmt: skip
    return Client(left.installation.address, made["token"]), browser


def test_a_case_of_the_previous_release_is_still_whole_signed_and_in_use(left: Left) -> None:
    """As docs/how-to/deploy.md says: migrate, check, start. Then the old case opens, its papers verify, and a new one is filed."""
    lost = f"guard_{LOST[0]}_{LOST[1]}"
    left.sql(f"DROP TRIGGER {lost}" + (f" ON {LOST[0]}" if left.url else ""))
    run = left.installation.run
    with pytest.raises(Stopped, match=r"the database is not migrated: run `ersr-service migrate`"):
        run("check")
    run("migrate")
    assert left.triggers() == guard_names(left)
    assert run("check") == "nothing keeps the service from starting"
    before = int(left.sql("SELECT count(*) FROM ledger_event")[0][0])

    left.installation.start()
    left.installation.wait()
    documents = left.folder / "documents"
    api, browser = signed_in(left, "kadri")
    keyset = KeySet.parse((documents / "keys.json").read_bytes())
    assert api.keys() == (documents / "keys.json").read_bytes()
    (old,) = api.requests()
    ref = old["reference"]
    page = browser.get(f"/r/{ref}")
    assert page.status_code == 200
    assert ref in page.text
    assert api.request(ref)["state"] == "closed"
    assert api.receipt(ref) == (documents / "receipt.json").read_bytes()
    waivers = {row["instrument"]: row["reference"] for row in api.waivers()}
    assert set(waivers) == {"waiver", "authorisation", "fee_reduction"}
    for name, data in (("receipt.json", api.receipt(ref)), ("waiver.pdf", api.waiver_pdf(waivers["waiver"])),
                       ("waiver.sd-jwt", api.waiver_token(waivers["waiver"]))):  # fmt: skip
        assert data == (documents / name).read_bytes()
        assert verify(data, keyset, at=datetime.now(UTC), name=name).outcome == "authentic"
    assert api.names(ref, 1) == (documents / "names.txt").read_bytes()

    filed = api.submit(six())["reference"]
    deadline = time.monotonic() + 30
    while (receipt := api.receipt(filed)) is None:
        assert time.monotonic() < deadline, "the worker gives the new filing no place in the old tree"
        time.sleep(0.1)
    assert verify(receipt, keyset, at=datetime.now(UTC), name="receipt.json").outcome == "authentic"
    api.close()
    browser.close()
    left.installation.stop()
    events = int(left.sql("SELECT count(*) FROM ledger_event")[0][0])
    assert events > before > 40
    assert run("fsck") == f"the ledger is whole: {events} events, {events} in the tree"
    with pytest.raises((sqlite3.DatabaseError, psycopg.DatabaseError), match="append-only"):
        left.sql("UPDATE ledger_leaf SET hash = hash")


def guard_names(left: Left) -> set[str]:
    """Every trigger of this release, spelt out from its table: what `check` would ask for."""
    operations = {f"guard_{table}_{op.lower()}" for table, ops in guard.GUARDED.items() for op in ops}
    return operations | ({f"guard_{table}_truncate" for table in guard.GUARDED} if left.url else set())


def test_the_kept_installations_are_small_and_their_keys_are_no_secret() -> None:
    """Well under a megabyte in the repository, and nothing in them that production would take."""
    for database in ("sqlite", "postgresql"):
        file = PREVIOUS / f"{database}.tar.xz"
        assert file.stat().st_size < 450_000
        with tarfile.open(file) as archive:
            keyset = KeySet.parse(archive.extractfile("home/keys/keys.json").read())
        assert all(key.development for key in keyset.signing)
