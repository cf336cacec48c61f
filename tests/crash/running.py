"""Real processes to kill: an installation with `ersr-service serve` and `work`, a mail server that obeys the test, and writers
who note for themselves what was acknowledged to them."""

from __future__ import annotations

import asyncio
import email
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from email import policy
from pathlib import Path
from typing import Any

import httpx
import psycopg
from aiosmtpd.controller import Controller

from ersr.client.http import Client
from tests.world import SIX

ROOT = Path(__file__).resolve().parents[2]
SERVICE = Path(sys.executable).with_name("ersr-service")
TLDS = ["biz"]


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def wait_for(true: Callable[[], Any], seconds: float, what: str) -> Any:
    """What `true` returns, as soon as it is anything; fails with `what` if it stays empty."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.01)
    return found


class MailServer:
    """Accepts, refuses, or holds a mail after its last line until told; `accepted` counts what it said yes to."""

    def __init__(self) -> None:
        self.port = free_port()
        self.accepted: Counter[str] = Counter()  # Message-ID -> how often
        self.rcpt = self.data = "250 OK"
        self.arrived, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()
        self.keeps = False  # whether a mail that is held was taken, though its sender never hears the yes
        self._running: Controller | None = None

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        name = str(email.message_from_bytes(envelope.content, policy=policy.default)["Message-ID"])
        if self.go_on.is_set():
            if self.data.startswith("250"):
                self.accepted[name] += 1
            return self.data
        if self.keeps:
            self.accepted[name] += 1
        self.arrived.set()
        await asyncio.to_thread(self.go_on.wait, 60)  # cancelled when the sender's connection breaks
        return "250 OK" if self.keeps else "451 try again"

    def start(self) -> None:
        self._running = Controller(self, hostname="127.0.0.1", port=self.port)
        self._running.start()

    def stop(self) -> None:
        if self._running is not None:
            self._running.stop()
            self._running = None


class Running:
    """An installation on one database, and the processes that a test starts and kills."""

    def __init__(self, folder: Path, url: str, *, writers: int) -> None:
        self.url, self.folder, self.port, self.mail = url, folder, free_port(), MailServer()
        self.address = f"http://127.0.0.1:{self.port}"
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("ERSR_", "DJANGO_", "PYTEST_"))}
        self.environment |= {
            "ERSR_HOME": str(folder),
            "ERSR_DATABASE_URL": url,
            "ERSR_AUTHORITY": str(ROOT / "tests/authority.toml"),
            "ERSR_MODE": "test",
            "ERSR_FILINGS_LIMIT": "1000000",  # the writers are one person, in a hurry
            "ERSR_SECRET_KEY": "of the crash tests and of nothing else at all",
            "ERSR_ADDRESS": self.address,
            "ERSR_SMTP_HOST": "127.0.0.1",
            "ERSR_SMTP_PORT": str(self.mail.port),
        }
        self.started: list[subprocess.Popen[bytes]] = []
        done = self.command([sys.executable, "-m", "tests.crash.opening", str(writers)])
        told = json.loads(done.splitlines()[-1])
        self.writers: list[str] = told["writers"]
        self.tokens: dict[str, str] = told["tokens"]
        self.secret, self.granted = told["secret"], told["granted"]
        self.mail.start()
        self.server = self.serve()
        self.worker = self.work()
        published = "SELECT count(*) FROM ledger_checkpoint WHERE hour IS NOT NULL"
        wait_for(lambda: self.one(published), 60, f"the worker works\n{self.log('work')}")

    # processes

    def command(self, words: list[str], *, code: int = 0) -> str:
        done = subprocess.run(
            words, env=self.environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def service(self, *words: str, code: int = 0) -> str:
        return self.command([str(SERVICE), *words], code=code)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """A process group of its own, so that killing it takes gunicorn's workers along."""
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(SERVICE), *words],
                env=self.environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def serve(self) -> subprocess.Popen[bytes]:
        """Starts the server; returns once it answers."""
        self.server = self.start("serve", "--bind", f"127.0.0.1:{self.port}", "--workers", "2", "--threads", "8")
        wait_for(self.healthy, 60, f"the server answers\n{self.log('serve')}")
        return self.server

    def healthy(self) -> bool:
        try:
            return httpx.get(f"{self.address}/health", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def work(self) -> subprocess.Popen[bytes]:
        self.worker = self.start("work")
        return self.worker

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """SIGKILL to the process and its children; it is gone afterwards, and by no other signal."""
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL

    def end(self, process: subprocess.Popen[bytes]) -> int:
        """As a supervisor ends it: SIGTERM, and its exit code."""
        os.killpg(process.pid, signal.SIGTERM)
        return process.wait(40)

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def close(self) -> None:
        self.mail.go_on.set()
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGCONT)
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.mail.stop()

    # the database, looked at from outside

    @property
    def postgresql(self) -> bool:
        return self.url.startswith("postgresql")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        if self.postgresql:
            with psycopg.connect(self.url, autocommit=True) as connection:
                return connection.execute(sql.encode()).fetchall()
        path = self.url.removeprefix("sqlite://")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as connection:
            return connection.execute(sql).fetchall()

    def one(self, sql: str) -> Any:
        return self.rows(sql)[0][0]

    def pending(self) -> int:
        return int(self.one("SELECT count(*) FROM ledger_pending"))

    @contextmanager
    def blocked(self, table: str) -> Iterator[Callable[[], bool]]:
        """Holds up whoever writes to the table, in the middle of their transaction (PostgreSQL); yields what tells whether
        somebody waits there."""
        with psycopg.connect(self.url) as holder:
            holder.execute(f"LOCK TABLE {table} IN SHARE MODE".encode())
            yield lambda: bool(
                self.one(f"SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '{table}'::regclass")
            )
            holder.rollback()

    def freeze_in_mid_write(self, process: subprocess.Popen[bytes]) -> None:
        """Stops a process group that is the only one to write, while it holds SQLite's write lock for longer than a note
        takes; fails if it never does."""
        path = self.url.removeprefix("sqlite://")
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as probe:

            def locked() -> bool:
                try:
                    probe.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    return True
                probe.execute("ROLLBACK")
                return False

            def caught() -> bool:
                if not all(locked() and not time.sleep(0.01) for _ in range(3)):
                    return False
                os.killpg(process.pid, signal.SIGSTOP)
                time.sleep(0.1)
                if locked():
                    return True
                os.killpg(process.pid, signal.SIGCONT)
                return False

            wait_for(caught, 30, "the process is in the middle of a transaction")

    # what must hold afterwards

    def client(self, who: str) -> Client:
        return Client(self.address, self.tokens[who])

    def settle(self) -> None:
        """Everything has its place in the tree, signed."""
        behind = "(SELECT size FROM ledger_tree) - (SELECT coalesce(max(size), 0) FROM ledger_checkpoint)"
        wait_for(
            lambda: self.pending() == 0 and self.one(f"SELECT {behind}") == 0,
            60,
            f"the ledger settles\n{self.log('work')}",
        )

    def assert_whole(self) -> None:
        """Nothing waits for its place, and fsck is clean."""
        self.settle()
        assert "the ledger is whole" in self.service("fsck")


class Writer(threading.Thread):
    """A careful client: one key a filing, sent again until it is acknowledged; `noted` holds what was acknowledged to it."""

    def __init__(self, running: Running, token: str, stop: threading.Event, *, pause: float) -> None:
        super().__init__(daemon=True)
        self.running, self.stop, self.pause = running, stop, pause
        self.headers = {"Authorization": f"Bearer {token}"}
        self.noted: list[str] = []
        self.left = 0  # filings that were given up unacknowledged, at the end
        self.wrong: list[str] = []
        self.repeated = 0

    def run(self) -> None:
        with httpx.Client(base_url=self.running.address, headers=self.headers, timeout=40, trust_env=False) as http:
            while not self.stop.is_set() and not self.wrong:
                if reference := self.file(http, uuid.uuid4().hex):
                    self.noted.append(reference)
                self.stop.wait(self.pause)

    def file(self, http: httpx.Client, key: str) -> str:
        """The reference that the service answered with; "" if the time was up before it did."""
        sent = {**SIX, "tlds": TLDS}
        give_up = 0.0
        while True:
            try:
                answer = http.post("/api/v1/requests", json=sent, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                pass
            else:
                if answer.status_code == 201:
                    return str(answer.json()["reference"])
                if answer.status_code != 503 or answer.json().get("code") != "busy":
                    self.wrong.append(f"{answer.status_code} {answer.text[:300]}")
                    return ""
            self.repeated += 1
            if self.stop.is_set():
                give_up = give_up or time.monotonic() + 20
                if time.monotonic() > give_up:
                    self.left += 1
                    return ""
            time.sleep(0.1)


@contextmanager
def writing(running: Running, count: int, *, pause: float) -> Iterator[list[Writer]]:
    """So many writers at once; at the end each has finished its last filing."""
    stop = threading.Event()
    writers = [Writer(running, token, stop, pause=pause) for token in running.writers[:count]]
    for writer in writers:
        writer.start()
    try:
        yield writers
    finally:
        stop.set()
        for writer in writers:
            writer.join(90)
    assert not any(writer.is_alive() for writer in writers)
    assert [said for writer in writers for said in writer.wrong] == []
