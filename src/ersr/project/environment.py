"""Every setting of the service, declared once: name, type, default, meaning, whether it is secret.

settings.py takes its values from `read`, docs/reference/settings.md is written from the same table, and a variable that stands
here and nowhere else does nothing. A malformed value is a sentence that says what would be right, never a guess.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PREFIX = "ERSR_"
#: Variables of the `ersr` command that happen to begin like ours.
OF_THE_CLIENT = frozenset({"ERSR_KEYRING", "ERSR_KEYS", "ERSR_SERVER", "ERSR_TOKEN", "ERSR_URL"})


@dataclass(frozen=True)
class Kind:
    """`words` says what is right; `parse` gives the value or raises ValueError."""

    words: str
    parse: Callable[[str], Any]


def number(lowest: int, highest: int) -> Kind:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not lowest <= int(text) <= highest:
            raise ValueError(text)
        return int(text)

    return Kind(f"a whole number from {lowest:,} to {highest:,}", parse)


def one_of(*words: str) -> Kind:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return Kind(f"{', '.join(words[:-1])} or {words[-1]}", parse)


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError(text)
    if parts.username or parts.fragment or parts.port == 0:
        raise ValueError(text)
    return text.rstrip("/")


def _database(text: str) -> str:
    parts = urlsplit(text)
    server = parts.scheme in ("postgres", "postgresql") and parts.path.strip("/") and (parts.port or True)
    file = parts.scheme == "sqlite" and not parts.netloc and parts.path.startswith("/")
    if text and not (text.startswith(f"{parts.scheme}://") and (server or file)):
        raise ValueError(text)
    return text


def _mailbox(text: str) -> str:
    if not re.fullmatch(r"([^<>\r\n]*<)?[^\s<>@]+@[^\s<>@]+>?", text) or ("<" in text) != text.endswith(">"):
        raise ValueError(text)
    return text


TEXT = Kind("text", str)
LIST = Kind("words with commas between", lambda text: [word for word in re.split(r"[,\s]+", text) if word])
FILE = Kind("a path", lambda text: str(Path(text).resolve()) if text else "")
FOLDER = Kind("a folder", lambda text: Path(text).resolve())
ADDRESS = Kind("an address such as https://srw.example, without a path", _address)
DATABASE = Kind("postgresql://user:password@host/name or sqlite:///folder/file", _database)
MAILBOX = Kind("a mail address", _mailbox)


@dataclass(frozen=True)
class Setting:
    """`default` is written as in the environment; the empty text is none. A secret may also come from the file ERSR_..._FILE."""

    name: str
    kind: Kind
    default: str
    meaning: str
    secret: bool = False

    @property
    def variable(self) -> str:
        return PREFIX + self.name


SETTINGS: dict[str, tuple[Setting, ...]] = {
    "The installation": (
        Setting("MODE", one_of("production", "demo", "test"), "production",
                "what only a demonstration or a test may do is refused in production"),
        Setting("AUTHORITY", FILE, "", "the [authority file](../how-to/authority.md); needed"),
        Setting("HOME", FOLDER, "var", "keys, files by digest and the last checkpoint; nobody else's business, so mode 0700"),
        Setting("DATABASE_URL", DATABASE, "", "the database; without it SQLite in `ERSR_HOME`", secret=True),
        Setting("SECRET_KEY", TEXT, "",
                "at least 32 characters, for instance from `openssl rand -hex 32`; needed. Seals second factors: without it "
                "nobody can sign in any more, so it is kept with the backups of the keys", secret=True),
        Setting("CLOCK_FILE", FILE, "", "a file with seconds by which product time is shifted; production refuses it"),
        Setting("ZONES", FILE, "", "the folder with zone files that name lists are [screened](../how-to/names.md#screening-in-the-portal) against; without it `zones` in `ERSR_HOME`"),
        Setting("LOG_LEVEL", one_of("DEBUG", "INFO", "WARNING", "ERROR"), "INFO", "how much is logged to standard error; see [logs](../how-to/run.md#health-and-logs)"),
    ),
    "The web": (
        Setting("ADDRESS", ADDRESS, "http://127.0.0.1:8000", "as people reach it; production takes https:// only"),
        Setting("HOSTS", LIST, "127.0.0.1,localhost", "host names that a request may name; that of `ERSR_ADDRESS` is among them"),
        Setting("IDLE_SECONDS", number(60, 86_400), "3600", "after so long without a page a session ends"),
        Setting("PROXIES", number(0, 9), "0", "how many proxies of yours stand before the service and write X-Forwarded-For; of an address that they did not write, nothing is believed"),
        Setting("SESSION_SECONDS", number(300, 86_400), "28800", "how long a sign-in lasts"),
    ),
    "Mail": (
        Setting("SMTP_HOST", TEXT, "127.0.0.1", "the server that takes our mail"),
        Setting("SMTP_PORT", number(1, 65_535), "25", "its port"),
        Setting("SMTP_TLS", one_of("no", "yes", "implicit"), "no",
                "`yes` for STARTTLS, `implicit` for TLS from the first byte (port 465)"),
        Setting("SMTP_USER", TEXT, "", "name to sign in with"),
        Setting("SMTP_PASSWORD", TEXT, "", "password to sign in with", secret=True),
        Setting("SMTP_SECONDS", number(1, 300), "10", "how long the server may take to answer"),
        Setting("MAIL_FROM", MAILBOX, "srw@localhost", "sender of notifications"),
    ),
    "A signing key in hardware": (
        Setting("PKCS11_MODULE", FILE, "", "the module of the token's maker; without it the signing key is a file"),
        Setting("PKCS11_TOKEN", TEXT, "", "the token's label"),
        Setting("PKCS11_KEY", TEXT, "srw-signing", "the key's label"),
        Setting("PKCS11_PIN", TEXT, "", "the PIN of the token's user", secret=True),
    ),
    "Limits": (
        Setting("EVIDENCE_LIMIT", number(1, 64 * 2**20), str(20 * 2**20), "bytes that one file of evidence may have"),
        Setting("EVIDENCE_FILES", number(1, 10_000), "100", "files of evidence that one request may have"),
        Setting("FILINGS_LIMIT", number(1, 1_000_000), "300",
                "requests that one person may file within an hour; one operator's TLDs are one request"),
        Setting("LIST_BYTES", number(1, 2**31), str(256 * 2**20), "bytes that one file of names may have as it is sent, compressed or not"),
        Setting("LISTS_LIMIT", number(1, 10_000), "100", "name lists that one request may have"),
    ),
}  # fmt: skip


def every() -> Iterator[Setting]:
    for group in SETTINGS.values():
        yield from group


def read(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Every setting's value by its name, and a sentence for each thing that is wrong. What is malformed has its default.

    Empty variables count as not set, since an EnvironmentFile can hardly say it otherwise.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for setting in every():
        text = environ.get(setting.variable, "")
        file = environ.get(f"{setting.variable}_FILE", "") if setting.secret else ""
        if file:
            if text:
                problems.append(f"{setting.variable} and {setting.variable}_FILE are both set: keep one of them.")
            try:
                text = Path(file).read_text(encoding="utf-8").removesuffix("\n")
            except (OSError, UnicodeDecodeError) as problem:
                problems.append(f"{setting.variable}_FILE names {file}, which cannot be read: {problem}.")
        try:
            values[setting.name] = setting.kind.parse(text or setting.default)
        except ValueError:
            said = "has a wrong value" if setting.secret else f"is {text!r}"
            problems.append(f"{setting.variable} {said}: it must be {setting.kind.words}.")
            values[setting.name] = setting.kind.parse(setting.default)
    return values, problems + list(_unknown(environ))


def _unknown(environ: Mapping[str, str]) -> Iterator[str]:
    known = {s.variable for s in every()} | {f"{s.variable}_FILE" for s in every() if s.secret}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known | OF_THE_CLIENT:
            close = difflib.get_close_matches(name, known, n=1)
            meant = f"did you mean {close[0]}?" if close else "take it out."
            yield f"{name} is no setting of this service: {meant}"


def shown(setting: Setting, value: Any) -> str:
    """A value as an operator may see it: secrets say only whether they are set."""
    if setting.secret:
        return "(set, not shown)" if value else ""
    return ",".join(value) if isinstance(value, list) else str(value)


def markdown() -> str:
    """docs/reference/settings.md."""
    lines = [
        "# Settings",
        "",
        "All settings come from the environment. This page is written by `ersr-service settings --markdown` from",
        "[`project/environment.py`](../../src/ersr/project/environment.py), and a test compares the two. A malformed value and an",
        "unknown variable that begins with `ERSR_` are refused with a sentence; an empty variable counts as not set.",
        "",
        "What is marked secret may lie in a file instead, for instance a credential of systemd: `ERSR_SECRET_KEY_FILE=/path` instead",
        "of `ERSR_SECRET_KEY`. One newline at its end is no part of the secret. `ersr-service settings` shows the values in force,",
        "without the secrets, and `ersr-service check` refuses what contradicts itself.",
    ]
    for title, group in SETTINGS.items():
        lines += ["", f"## {title}", "", "| Variable | Type | Default | Meaning |", "|---|---|---|---|"]
        for s in group:
            kind = s.kind.words + (", secret" if s.secret else "")
            lines.append(f"| `{s.variable}` | {kind} | {f'`{s.default}`' if s.default else '–'} | {s.meaning} |")
    return "\n".join(lines) + "\n"
