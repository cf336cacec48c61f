"""Refuses contradictions at start-up; repairs nothing. Each problem is a sentence that says what to do; all are said at once."""

from __future__ import annotations

import ipaddress
import os
import stat
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from ersr import clock
from ersr.core.errors import Refusal
from ersr.core.provisions import load
from ersr.ledger import guard, sequence
from ersr.parties.authority import authority
from ersr.project import environment, faults
from ersr.proof.hardware import HardwareKey

#: Words that only a copied secret holds, and fewer different characters than any drawn one has.
EXAMPLE_WORDS = ("change", "example", "insecure", "password", "secret", "test")
DIFFERENT = 10
#: Where SQLite's shared memory does not work, so that two processes would not see each other's locks.
NETWORK_FILES = {"nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs", "fuse.glusterfs"}  # fmt: skip


def problems() -> Iterator[str]:
    """Nothing if the service may start."""
    yield from settings.ERSR_PROBLEMS
    yield from _secrets()
    yield from _authority()
    if _production():
        yield from _web()
        yield from _mail()
        yield from _home()
        if settings.ERSR_CLOCK_FILE:
            yield "ERSR_CLOCK_FILE shifts product time: production refuses it."
    try:
        load()
    except Refusal as refusal:
        yield refusal.message
    yield from _keys()
    yield from _database()


def _production() -> bool:
    return settings.ERSR_MODE == "production"


def _near(host: str) -> bool:
    """This machine: a loopback address, its name, or a socket."""
    if host in ("", "localhost") or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _secrets() -> Iterator[str]:
    secret = settings.SECRET_KEY
    draw = "draw one with `openssl rand -hex 32`."
    if len(secret) < 32:
        yield f"ERSR_SECRET_KEY is missing or shorter than 32 characters: {draw}"
    elif _production() and (len(set(secret)) < DIFFERENT or any(word in secret.lower() for word in EXAMPLE_WORDS)):
        yield f"ERSR_SECRET_KEY is an example, which anybody knows: {draw}"
    for setting in environment.every():
        file = os.environ.get(f"{setting.variable}_FILE", "") if setting.secret else ""
        # A credential of systemd may be read by its group, which is the service's own.
        if file and Path(file).is_file() and stat.S_IMODE(os.stat(file).st_mode) & 0o007:
            yield f"{file} ({setting.variable}_FILE) can be read by others: chmod 600 {file}."


def _authority() -> Iterator[str]:
    try:
        known = authority()
    except Refusal as refusal:
        yield refusal.message
        yield from (f"{error.message}" for error in refusal.fields if error.message != refusal.message)
        return
    if _production():
        if known.demonstration:
            yield "the authority file is marked demonstration = true: production needs its own calendar, zone and closures."
        horizon = (clock.real() + timedelta(days=60)).year
        if not any(day.year >= horizon for day in known.calendar.closures):
            yield f"the calendar has no closure in {horizon}: deadlines reach into it. Add that year's closures."


def _web() -> Iterator[str]:
    address = urlsplit(settings.ERSR_ADDRESS)
    if settings.DEBUG:
        yield "DEBUG is on: it shows strangers the inside of the service. Take it out of your settings module."
    if address.scheme != "https":
        yield f"ERSR_ADDRESS is {settings.ERSR_ADDRESS}: in production it must begin with https://."
    if "*" in settings.ALLOWED_HOSTS:
        yield f"ERSR_HOSTS lets every host name through: name {address.hostname} and nothing else."
    elif address.hostname not in settings.ALLOWED_HOSTS:
        yield f"ERSR_HOSTS does not name {address.hostname}, the host of ERSR_ADDRESS: add it, or every page answers 400."


def _mail() -> Iterator[str]:
    host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    if _near(host) or host.endswith(".localhost") or "." not in host:
        yield f"ERSR_MAIL_FROM is {settings.DEFAULT_FROM_EMAIL}: mail servers refuse a sender without a domain of yours."
    encrypted = settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL
    if not _near(settings.EMAIL_HOST) and not encrypted:
        yield f"ERSR_SMTP_HOST is {settings.EMAIL_HOST} and ERSR_SMTP_TLS is no: mail would travel open. Set yes or implicit."
    if bool(settings.EMAIL_HOST_USER) != bool(settings.EMAIL_HOST_PASSWORD):
        yield "ERSR_SMTP_USER and ERSR_SMTP_PASSWORD belong together: set both or none."


def _home() -> Iterator[str]:
    home: Path = settings.ERSR_HOME
    if not home.is_dir():
        yield f"ERSR_HOME is {home}, which is no folder: `ersr-service init` makes it."
        return
    if stat.S_IMODE(home.stat().st_mode) & 0o077:
        yield f"{home} can be read by others: chmod 700 {home}."
    try:
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as problem:
        yield f"{home} cannot be written: {problem.strerror}. The service must own it."


def _keys() -> Iterator[str]:
    place = settings.ERSR_PKCS11
    if place is None and (stray := [name for name in sorted(os.environ) if name.startswith("ERSR_PKCS11_")]):
        yield f"{stray[0]} is set and ERSR_PKCS11_MODULE is not: name the module, or take it out."
    if place and not (place.token and place.pin):
        yield "ERSR_PKCS11_MODULE is set: ERSR_PKCS11_TOKEN and ERSR_PKCS11_PIN are needed too."
        return
    try:
        keys = sequence.installed_keys()
    except (Refusal, OSError) as problem:
        yield f"the keys in {settings.ERSR_KEYS} cannot be used: {problem} Make them with `ersr-service init`."
        return
    if _production() and keys.development:
        yield "the keys are marked DEVELOPMENT: production refuses them."
    if isinstance(keys.signer.key, HardwareKey):
        try:
            keys.signer.key.prove()
        except Refusal as refusal:
            yield refusal.message
    for path in settings.ERSR_KEYS.iterdir():
        if path.suffix == ".pem" and path.name != "chain.pem" and stat.S_IMODE(os.stat(path).st_mode) & 0o077:
            yield f"{path} can be read by others: chmod 600 {path}."


def _filesystem(path: Path, mounts: str) -> str:
    """The kind of file system that a path lies on, from the text of /proc/self/mounts; the longest mount point wins."""
    rows = [line.split() for line in mounts.splitlines() if len(line.split()) > 2]
    over = [(len(row[1]), row[2]) for row in rows if path.is_relative_to(row[1].replace("\\040", " "))]
    return max(over, default=(0, ""))[1]


def _where(vendor: str) -> Iterator[str]:
    """What is wrong before anybody asks the database; asking would make an empty SQLite file."""
    if vendor == "sqlite" and str(settings.DATABASES["default"]["NAME"]).startswith("/"):
        file = Path(settings.DATABASES["default"]["NAME"])
        if not file.exists():
            yield f"the database {file} does not exist: run `ersr-service init`."
        mounts = Path("/proc/self/mounts")
        kind = _filesystem(file, mounts.read_text(encoding="utf-8")) if mounts.exists() else ""
        if kind in NETWORK_FILES:
            yield f"{file} lies on {kind}: SQLite's locks do not hold over a network. Use a local disk or PostgreSQL."
    if vendor == "postgresql" and _production():
        host, options = settings.DATABASES["default"]["HOST"], settings.DATABASES["default"].get("OPTIONS", {})
        if not _near(host) and options.get("sslmode") not in ("verify-full", "verify-ca", "require"):
            yield f"ERSR_DATABASE_URL names {host} without TLS: end it with ?sslmode=verify-full (or verify-ca, require)."


def _database() -> Iterator[str]:
    wrong = list(_where(connection.vendor))
    yield from wrong
    if any("does not exist" in sentence for sentence in wrong) or connection.vendor == "unknown":
        return
    try:
        if unmigrated():
            yield "the database is not migrated: run `ersr-service migrate`."
            return
    except DatabaseError as problem:
        yield f"the database does not answer: {' '.join(str(problem).split())}"
        return
    for name in sorted(guard.missing()):
        yield f"trigger {name} is missing: run `ersr-service migrate`."
    try:
        if said := sequence.is_prefix():
            yield said
        if not (_production() and settings.ERSR_CLOCK_FILE):  # refused above, and there may be no such file
            yield from (fault.words for fault in faults.standing() if fault.grade == "stops")
    except (Refusal, OSError):
        return  # without keys no checkpoint can be read, and _keys has said what is wrong with them


def unmigrated() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
