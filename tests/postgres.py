"""A PostgreSQL server for the tests, started by hand: its own folder, its own free loopback port, gone at the end.

Its folder lies in /tmp and not in the clone: PostgreSQL refuses to run as root, and user postgres often cannot enter
the folder that the clone lies in. Durability is off, since nothing in it outlives the run, unless a test asks for it to crash the server.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

START_SECONDS = 30
STOP_SECONDS = 10


def binaries() -> Path:
    """The folder that holds `initdb` and `postgres`. Raises RuntimeError, with what to install, if there is none.

    Debian keeps both out of PATH, and its `pg_config` may be there without the server: so each place is tried.
    """
    places: list[Path] = []
    if found := shutil.which("initdb"):
        # Followed to its end: `postgres` finds its own files beside the real one.
        places.append(Path(found).resolve().parent)
    if pg_config := shutil.which("pg_config"):
        told = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        places.append(Path(told.stdout.strip() or "/nowhere"))
    places += sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda bin_: int("0" + bin_.parent.name.split(".")[0]),
        reverse=True,
    )
    for place in places:
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    raise RuntimeError("no PostgreSQL server here: install the package postgresql (make setup does, as root)")


#: For servers whose data outlives nothing; what these leave out is what a crash would need.
CARELESS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


class Cluster:
    """One server's folder and port; `start` and `kill` as often as a test wants. `url` names an empty database in UTF-8."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self.folder, self.durable, self.port = folder, durable, _free_port()
        self.account, self.bin = _account(), binaries()
        self.server: subprocess.Popen[bytes] | None = None
        password = secrets.token_urlsafe(18)
        self.root = f"postgresql://postgres:{password}@127.0.0.1:{self.port}"
        self.url = f"{self.root}/ersr"
        (folder / "password").write_text(password + "\n")
        if self.account:
            for path in (folder, folder / "password"):
                os.chown(path, self.account.pw_uid, self.account.pw_gid)
        _run(
            folder,
            self.account,
            [
                *(
                    str(self.bin / "initdb"),
                    "--pgdata",
                    str(folder / "data"),
                    "--username",
                    "postgres",
                    "--encoding",
                    "UTF8",
                ),
                *("--locale", "C", "--auth", "scram-sha-256", "--pwfile", str(folder / "password"), "--no-sync"),
            ],
        )

    def start(self) -> None:
        """Returns once the server answers and the database is there. Raises RuntimeError with its own words if it does not."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "shared_buffers": "64MB",
            "max_connections": 60,
            **({} if self.durable else CARELESS),
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.server = subprocess.Popen(
                [str(self.bin / "postgres"), "-D", str(self.folder / "data"), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in the terminal is for the runner, which stops the server last.
                start_new_session=True,
                **_as(self.folder, self.account),
            )
        _wait(self.server, self.root, self.folder / "log")

    def kill(self) -> None:
        """SIGKILL to the server and all its children at once: nothing of it has a moment to write anything down."""
        assert self.server is not None
        os.kill(self.server.pid, signal.SIGSTOP)  # so that it starts no further child
        for pid in (*_children(self.server.pid), self.server.pid):
            os.kill(pid, signal.SIGKILL)
        self.server.wait()

    def stop(self) -> None:
        if self.server:
            _stop(self.server)


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@contextmanager
def cluster(*, durable: bool = True) -> Iterator[Cluster]:
    """A running server, gone with its folder at the end. With `durable` it keeps what it committed, as in production."""
    # not TMPDIR: that may lie where user postgres cannot go
    folder = Path(tempfile.mkdtemp(prefix="ersr-pg-", dir="/tmp"))
    made: Cluster | None = None
    try:
        made = Cluster(folder, durable=durable)
        made.start()
        yield made
    finally:
        if made:
            made.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[str]:
    """Runs a server, a careless one unless `durable`; yields `postgresql://postgres:PASSWORD@127.0.0.1:PORT/ersr`: an empty database in UTF-8.

    Raises RuntimeError with the server's own words when it does not come up.
    """
    with cluster(durable=durable) as made:
        yield made.url


def _account() -> pwd.struct_passwd | None:
    """Whom to become: nobody else, unless we are root, as whom PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise RuntimeError("we are root and there is no user postgres to run PostgreSQL as") from None


def _as(folder: Path, account: pwd.struct_passwd | None) -> dict:
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    if account is None:
        return {"cwd": folder, "env": environment}
    return {"cwd": folder, "env": environment, "user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _run(folder: Path, account: pwd.struct_passwd | None, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **_as(folder, account))
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed:\n{done.stdout}{done.stderr}")


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


def _wait(server: subprocess.Popen[bytes], root: str, log: Path) -> None:
    """Returns once the server answers and the database `ersr` is made."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            with psycopg.connect(f"{root}/postgres", autocommit=True, connect_timeout=3) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'ersr'").fetchone():
                    connection.execute("CREATE DATABASE ersr")
                return
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not come up: {error}\n{log.read_text(errors='replace')}") from error
            time.sleep(0.1)


def _stop(server: subprocess.Popen[bytes]) -> None:
    # SIGINT is PostgreSQL's "fast": it ends sessions and leaves; SIGQUIT its "immediate".
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if server.poll() is None:
            server.send_signal(number)
            try:
                server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                continue
