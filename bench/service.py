"""One installation with its server, its worker, a server for the yardstick, and a mail server; all stopped by process id."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from ersr.project.operate import gunicorn

ROOT = Path(__file__).resolve().parent.parent
SERVICE = Path(sys.executable).with_name("ersr-service")
#: What `ersr-service serve` takes when nobody says otherwise.
WORKERS, THREADS = 2, 4


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


class Installed:
    """Use as a context manager. `ours` and `bare` are the two servers' ports, `told` what the stage printed."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder, self.database = folder, database or f"sqlite://{folder}/ersr.sqlite3"
        self.ours, self.bare, self.smtp = free_port(), free_port(), free_port()
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        # Nothing of the caller's own installation may reach ours.
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("ERSR_", "DJANGO_", "PYTEST_"))}
        self.environment |= {
            "DJANGO_SETTINGS_MODULE": "ersr.project.settings",
            "ERSR_HOME": str(folder),
            "ERSR_DATABASE_URL": self.database,
            "ERSR_AUTHORITY": str(ROOT / "tests" / "authority.toml"),
            "ERSR_MODE": "demo",
            "ERSR_SECRET_KEY": "for measuring only, and gone when the measuring ends",
            "ERSR_ADDRESS": f"http://127.0.0.1:{self.ours}",
            "ERSR_SMTP_HOST": "127.0.0.1",
            "ERSR_SMTP_PORT": str(self.smtp),
            "ERSR_FILINGS_LIMIT": "1000000",  # one filer sends all the load
        }

    def __enter__(self) -> Installed:
        return self

    def __exit__(self, *_error: object) -> None:
        for name in list(self.running):
            self.stop(name)

    def stage(self, *words: str) -> dict[str, Any]:
        done = self._python("-c", "import django; django.setup(); from bench import stage; stage.main()", *words)
        return json.loads(done.splitlines()[-1])

    def _python(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words], env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
        return done.stdout

    def start(self) -> None:
        """Both servers, the worker, and a mail server that takes everything; returns when all answer."""
        self._python("-m", "bench.bare")
        self._begin("smtp", [sys.executable, "-m", "aiosmtpd", "-n", "-c", "aiosmtpd.handlers.Sink", "-l", f"127.0.0.1:{self.smtp}"])
        self._begin("serve", [str(SERVICE), "serve", "--bind", f"127.0.0.1:{self.ours}"])
        self._begin("bare", [sys.executable, "-m", *gunicorn("bench.bare:application", f"127.0.0.1:{self.bare}", WORKERS, THREADS)])
        self._begin("work", [str(SERVICE), "work"])
        for port in (self.smtp, self.ours, self.bare):
            self._wait(port)

    def _begin(self, name: str, words: Sequence[str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                words, env=self.environment, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )

    def _wait(self, port: int) -> None:
        until = time.monotonic() + 60
        while True:
            self.check()
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=2).close()
                break
            if time.monotonic() > until:
                raise RuntimeError(f"nothing listens on port {port} after 60 s")
            time.sleep(0.05)
        if port == self.ours:
            with contextlib.suppress(URLError):
                urlopen(f"http://127.0.0.1:{port}/health", timeout=30).close()

    def check(self) -> None:
        """Raises if one of the processes has ended by itself."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with {process.returncode}:\n{self.words(name)}")

    def words(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def stop(self, name: str) -> None:
        process = self.running.pop(name)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(15)

    def peak_mb(self, *names: str) -> float:
        """The most memory that these processes and their children have held so far, added up."""
        roots = {self.running[name].pid for name in names if name in self.running}
        return round(sum(_peak(pid) for pid in _family(roots)) / 1024, 1)


def _family(roots: set[int]) -> Iterator[int]:
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if int(entry.name) in roots or parent in roots:
                yield int(entry.name)


def _peak(pid: int) -> int:
    """Kilobytes."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0
