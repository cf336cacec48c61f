"""One installation of the service for the demonstration: a folder, free loopback ports, new keys, three processes.

Everything that it starts is stopped by its process id, also when the demonstration is interrupted.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from aiosmtpd.controller import Controller

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SERVICE = Path(sys.executable).with_name("ersr-service")


class Stopped(Exception):
    """A part of the installation did not do what it was asked; the words say which and why."""


def free_port(wanted: int = 0) -> int:
    """A loopback port that nobody listens on now: the wanted one if it is free."""
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return probe.getsockname()[1]
    raise Stopped("no port of 127.0.0.1 is free")


class Sink:
    """Takes every mail that the service sends. Nothing leaves the machine; with a folder each mail becomes a file there."""

    def __init__(self, folder: Path | None = None) -> None:
        self.mails: list[EmailMessage] = []
        self.folder = folder
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        raw = envelope.content
        self.mails.append(message_from_bytes(raw, policy=policy.default))
        if self.folder:
            number = len(list(self.folder.iterdir())) + 1
            to = "".join(c for c in envelope.rcpt_tos[0] if c.isalnum() or c in "@.-")
            await asyncio.to_thread((self.folder / f"{number:04d}-{to}.eml").write_bytes, raw)
        return "250 taken"


class Installation:
    """Use as a context manager; inside, `prepare()` and `start()` bring the service up at `address`."""

    def __init__(self, folder: Path, *, mails: Path | None = None, port: int = 0) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port(port)
        self.address = f"http://127.0.0.1:{self.port}"
        self.sink = Sink(mails)
        self._smtp = Controller(self.sink, hostname="127.0.0.1", port=free_port())
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []
        # Nothing of the caller's own installation may reach ours.
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("ERSR_", "DJANGO_", "PYTEST_"))}
        self.environment |= {
            "ERSR_HOME": str(folder),
            "ERSR_AUTHORITY": str(HERE / "authority.toml"),
            "ERSR_MODE": "demo",
            "ERSR_SECRET_KEY": self._secret(),
            "ERSR_ADDRESS": self.address,
            "ERSR_SMTP_HOST": "127.0.0.1",
            "ERSR_SMTP_PORT": str(self._smtp.port),
            "ERSR_MAIL_FROM": "srw@authority.example",
        }

    def _secret(self) -> str:
        """Kept beside the keys, for its owner's eyes: the next run must be able to open the second factors."""
        path = self.folder / "secret"
        if not path.exists():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as out:
                out.write(secrets.token_hex(32))
        return path.read_text(encoding="ascii")

    def __enter__(self) -> Installation:
        self._smtp.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    def run(self, *words: str) -> str:
        """One `ersr-service` command to its end; what it printed."""
        done = subprocess.run(
            [str(SERVICE), *words],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise Stopped(
                f"ersr-service {words[0]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-2000:]}"
            )
        return done.stdout.strip()

    def start(self) -> None:
        """Starts server and worker; `wait` returns when the server answers."""
        for name, words in (
            ("serve", ["serve", "--bind", f"127.0.0.1:{self.port}", "--workers", "1", "--threads", "8"]),
            ("work", ["work"]),
        ):
            with (self.folder / f"{name}.log").open("ab") as log:
                # A group of its own: Ctrl-C reaches us alone, and we stop them in order.
                started = subprocess.Popen(
                    [str(SERVICE), *words],
                    env=self.environment, cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                )  # fmt: skip
            self._running.append((name, started))

    def wait(self) -> None:
        """Returns when the server answers."""
        deadline = time.monotonic() + 60
        while not self._answers():
            self.check()
            if time.monotonic() > deadline:
                raise Stopped(f"the server did not answer within 60 s: {self._last_words('serve')}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.address}/health", timeout=2) as answer:
                return answer.status == 200
        except (URLError, OSError):
            return False

    def check(self) -> None:
        """Raises Stopped if server or worker has ended."""
        for name, process in self._running:
            if process.poll() is not None:
                raise Stopped(f"{name} ended with {process.returncode}: {self._last_words(name)}")

    def _last_words(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace").strip()[-2000:]

    def stop(self) -> None:
        """Stops what was started here, by its process id."""
        for _, process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for _, process in self._running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()
        if self._smtp.server is not None:
            self._smtp.stop()


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM ends the demonstration the way Ctrl-C does, so that nothing stays behind."""

    def end(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    # A shell starts background jobs with SIGINT ignored; we want to be stopped by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
