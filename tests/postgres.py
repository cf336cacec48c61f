"""A PostgreSQL server for the tests, started by hand: its own folder, its own free loopback port, gone at the end.

Its folder lies in /tmp and not in the clone: PostgreSQL refuses to run as root, and user postgres often cannot enter
the folder that the clone lies in. Durability is off, since nothing in it outlives the run.
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


@contextmanager
def postgres() -> Iterator[str]:
    """Runs a server; yields `postgresql://postgres:PASSWORD@127.0.0.1:PORT/ersr`: an empty database in UTF-8.

    Raises RuntimeError with the server's own words when it does not come up.
    """
    bin_ = binaries()
    account = _account()
    folder = Path(
        tempfile.mkdtemp(prefix="ersr-pg-", dir="/tmp")
    )  # not TMPDIR: that may lie where user postgres cannot go
    server: subprocess.Popen[bytes] | None = None
    try:
        password = secrets.token_urlsafe(18)
        (folder / "password").write_text(password + "\n")
        if account:
            for path in (folder, folder / "password"):
                os.chown(path, account.pw_uid, account.pw_gid)
        _run(
            folder,
            account,
            [
                *(
                    str(bin_ / "initdb"),
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
        port = _free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": folder,
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
            "shared_buffers": "64MB",
            "max_connections": 60,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [str(bin_ / "postgres"), "-D", str(folder / "data"), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in the terminal is for the runner, which stops the server last.
                start_new_session=True,
                **_as(folder, account),
            )
        root = f"postgresql://postgres:{password}@127.0.0.1:{port}"
        _wait(server, root, folder / "log")
        yield f"{root}/ersr"
    finally:
        if server:
            _stop(server)
        shutil.rmtree(folder, ignore_errors=True)


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
