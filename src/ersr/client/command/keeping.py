"""What the command remembers between runs, for its owner's eyes: tokens by service, and calls that were not acknowledged yet.

A token lies in the system's keyring where there is one, else in a file with mode 0600 in $XDG_CONFIG_HOME/ersr. A file that others
can read is not used. Files are written whole, beside their place, and renamed: a crash leaves the old one or the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import ipaddress
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ersr.client.command.exits import Exit
from ersr.client.command.terminal import Failed
from ersr.client.sending import Problem

KEYRING_NAME = "ersr"


def _folder(variable: str, otherwise: str) -> Path:
    """After the XDG base directory specification, which ignores relative ones."""
    told = os.environ.get(variable, "")
    return (Path(told) if os.path.isabs(told) else Path.home() / otherwise) / "ersr"


def write_private(path: Path, data: bytes) -> None:
    """The whole file or none of it, readable by its owner alone from its first moment."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def read_private(path: Path) -> bytes | None:
    """None if it is not there; refuses what others can read or own."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Failed(Exit.SIGN_IN, f"{path} cannot be read: {error.strerror}.") from None
    with os.fdopen(handle, "rb") as file:
        told = os.fstat(file.fileno())
        if told.st_mode & 0o077 or told.st_uid != os.geteuid():
            raise Failed(
                Exit.SIGN_IN,
                f"{path} can be read by others than you, so that it is not used.",
                f"End its tokens on the page “Your account”, delete it (rm {path}), and sign in again.",
            )
        return file.read()


# --- services and their tokens


def address_of(text: str) -> str:
    """https://host[:port] of what was given; https:// may be left out. Plain http only to this machine."""
    whole = text.strip()
    whole = (whole if "://" in whole else f"https://{whole}").rstrip("/")
    try:
        parts = urlsplit(whole)
        host, fine = parts.hostname or "", bool(parts.port is None or parts.port)
    except ValueError:
        host, fine = "", False
    if not host or not fine or parts.path or parts.query or parts.fragment or parts.username is not None:
        raise Failed(Exit.USAGE, f"{text!r} is no address of a service: they look like https://srw.example.")
    if parts.scheme == "http" and not _near(host):
        raise Failed(Exit.USAGE, f"{text} is not encrypted: a token goes there over https:// only.")
    if parts.scheme not in ("http", "https"):
        raise Failed(Exit.USAGE, f"{text!r} is no address of a service: they begin with https://.")
    return whole.lower()


def _near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _keyring() -> Any:
    """The module `keyring` with a backend that really keeps secrets, or None. ERSR_KEYRING=no leaves it aside."""
    if os.environ.get("ERSR_KEYRING") == "no" or importlib.util.find_spec("keyring") is None:
        return None
    keyring = importlib.import_module("keyring")
    # Below 1 stand the backends that fail, keep nothing or keep plain text.
    return keyring if keyring.get_keyring().priority >= 1 else None


@dataclass(frozen=True)
class Service:
    """A token and what is known of it. `kept` says where its text is: keyring, file or environment."""

    address: str
    token: str
    token_id: int | None = None
    name: str = ""
    email: str = ""
    scopes: tuple[str, ...] = ()
    expires_at: str = ""
    kept: str = "file"


class Services:
    """Tokens by address, and which service is meant when none is named: the one signed in to last."""

    def __init__(self) -> None:
        self.path = _folder("XDG_CONFIG_HOME", ".config") / "services.json"
        raw = read_private(self.path)
        try:
            held = json.loads(raw) if raw else {"current": "", "services": {}}
            self.current: str = held["current"]
            self._rows: dict[str, dict[str, Any]] = dict(held["services"])
        except (ValueError, KeyError, TypeError):
            words = f"{self.path} is not what ersr wrote."
            raise Failed(Exit.SIGN_IN, words, f"Delete it (rm {self.path}) and sign in again.") from None

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._rows))

    def __contains__(self, address: str) -> bool:
        return address in self._rows

    def get(self, address: str) -> Service | None:
        """What is kept for this address; without its `token` ("") where the keyring has lost it."""
        row = self._rows.get(address)
        if row is None:
            return None
        found = Service(address, **{**row, "scopes": tuple(row["scopes"])})
        if found.kept != "keyring":
            return found
        keyring = _keyring()
        token = keyring.get_password(KEYRING_NAME, address) if keyring else None
        return Service(address, **{**row, "scopes": found.scopes, "token": token or ""})

    def put(self, service: Service) -> Service:
        """Keeps it as the current one; where, the answer says."""
        keyring = _keyring()
        if keyring:
            keyring.set_password(KEYRING_NAME, service.address, service.token)
        row = asdict(service) | {"kept": "keyring" if keyring else "file"}
        self._rows[service.address] = row | {"token": "" if keyring else service.token}
        del self._rows[service.address]["address"]
        self.current = service.address
        self._write()
        return Service(**{**row, "scopes": service.scopes})

    def forget(self, address: str) -> None:
        row = self._rows.pop(address, None)
        if row and row["kept"] == "keyring" and (keyring := _keyring()):
            with contextlib.suppress(keyring.errors.PasswordDeleteError):  # somebody else deleted it
                keyring.delete_password(KEYRING_NAME, address)
        if self.current == address:
            self.current = next(iter(self), "")
        self._write()

    def _write(self) -> None:
        held = {"current": self.current, "services": self._rows}
        write_private(self.path, json.dumps(held, indent=2).encode() + b"\n")


def chosen(wanted: str, *, lost: bool = False) -> Service:
    """The service that is meant and the token for it: what was named, else the current one; $ERSR_TOKEN goes before what is kept.

    A token of the environment is sent nowhere but to an address that was named with it. One that the keyring has lost is
    refused, unless `lost`: to forget it needs no token.
    """
    token = os.environ.get("ERSR_TOKEN", "").strip()
    if token:
        if not wanted:
            raise Failed(Exit.USAGE, "$ERSR_TOKEN is set, but not for which service.", "Set ERSR_ADDRESS too.")
        return Service(address_of(wanted), token, kept="environment")
    services = Services()
    address = address_of(wanted) if wanted else services.current
    if not address:
        raise Failed(Exit.SIGN_IN, "You are signed in to no service.", "Sign in: ersr login ADDRESS")
    found = services.get(address)
    if found is None:
        raise Failed(Exit.SIGN_IN, f"You are not signed in to {address}.", f"Sign in: ersr login {address}")
    if not found.token and not lost:
        raise Failed(
            Exit.SIGN_IN, f"The keyring holds no token for {address}.",
            f"Sign in again: ersr login {address}; or forget it: ersr logout --forget",
        )  # fmt: skip
    return found


# --- calls that were not acknowledged


class Pending:
    """One call with its Idempotency-Key, kept from before it is sent until an answer to it is here.

    The same call by the same person finds the same key, so that whatever happened to the first run, it acts once.
    """

    def __init__(self, service: Service, what: str, body: Mapping[str, Any]) -> None:
        told = [service.address, service.email or hashlib.sha256(service.token.encode()).hexdigest(), what, body]
        name = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        self.path = pending_folder() / f"{name}.json"
        self.held: dict[str, Any] = {"address": service.address, "what": what}

    @contextmanager
    def key(self, **more: Any) -> Iterator[str]:
        """The key to send. `more` is kept beside it. An answer, also a refusal that changed nothing, ends it."""
        raw = read_private(self.path)
        self.held = json.loads(raw) if raw else {**self.held, **more, "key": secrets.token_urlsafe(24)}
        if raw is None:
            write_private(self.path, json.dumps(self.held).encode())
        try:
            yield self.held["key"]
        except Problem as problem:
            if 400 <= problem.status < 500 and problem.status != 429:
                self.path.unlink(missing_ok=True)
            raise
        self.path.unlink(missing_ok=True)


def pending_folder() -> Path:
    return _folder("XDG_STATE_HOME", ".local/state") / "pending"


def unacknowledged(address: str, what: str) -> list[dict[str, Any]]:
    """What was kept of calls of this kind to this service that got no answer."""
    found = []
    for path in sorted(pending_folder().glob("*.json")):
        raw = read_private(path)
        held = json.loads(raw) if raw else {}
        if (held.get("address"), held.get("what")) == (address, what):
            found.append(held)
    return found
