"""The people of the demonstration. Each gets an account the way anybody does: an invitation, a password, a second factor."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from demo.installation import Installation
from ersr.client.http import Client, Problem
from ersr.client.totp import Authenticator

T = TypeVar("T")
Roles = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Part:
    """Who plays what: `party` is the key of whom they act for."""

    name: str
    title: str
    roles: Roles
    party: str = "authority"
    zone: str = "America/Los_Angeles"

    @property
    def email(self) -> str:
        first = self.name.split()[0].lower()
        return f"{first}@{self.party}.example"


ADMINISTRATOR = Part("Ada Kovac", "Administrator", (("administrator", ""),))
CAST: Mapping[str, Part] = {
    "officer": Part("Mira Adeyemi", "Duty officer", (("duty_officer", ""),)),
    "security": Part("Sana Iqbal", "Security response", (("responder", "security"), ("approver", ""))),
    "services": Part("Ravi Menon", "Registry services", (("responder", "registry_services"),)),
    "compliance": Part("Ines Duarte", "Contractual compliance", (("responder", "compliance"),)),
    "counsel": Part("Lea Brandt", "Counsel", (("responder", "legal"),)),
    "approver": Part("Tom Okafor", "Vice President, Registry Services", (("approver", ""),)),
    "waiver": Part("Greta Holm", "Senior Vice President", (("signatory", ""),)),
    "authorisation": Part("Daniel Ortiz", "General Counsel and Secretary", (("signatory", ""),)),
    "fee_reduction": Part("Yuki Tanabe", "Chief Financial Officer", (("signatory", ""),)),
    "auditor": Part("Paul Nemec", "Internal audit", (("auditor", ""),)),
    "night": Part("Kadri Tamm", "Shift lead", (("filer", ""),), "baltic", "Europe/Tallinn"),
    "nils": Part("Nils Lindqvist", "Security officer", (("filer", ""),), "northlight", "Europe/Brussels"),
    "stranger": Part("Anna Gruber", "Operations", (("filer", ""),), "southwind", "Europe/Vienna"),
}


class Player:
    """One person, signed in to the API by a token of their own."""

    def __init__(self, part: Part, address: str, password: str, authenticator: Authenticator) -> None:
        self.part, self.address, self.password, self.authenticator = part, address, password, authenticator
        self.api = Client(address)

    @property
    def called(self) -> str:
        return self.part.name

    def with_code(self, use: Callable[[str], T]) -> T:
        """Calls with a fresh code, and once more if the clock moved on while it was on its way."""
        try:
            return use(self.authenticator.fresh())
        except Problem as problem:
            if problem.code not in ("code_wrong", "code_used", "credentials"):
                raise
        return use(self.authenticator.fresh())

    def sign_in(self) -> None:
        """A token for what the roles need: the scope to sign for signatories, that of the office for administrators."""
        roles = {role for role, _ in self.part.roles}
        scopes = [
            "read",
            "write",
            *(["sign"] if "signatory" in roles else []),
            *(["admin"] if "administrator" in roles else []),
        ]
        made = self.with_code(
            lambda code: self.api.make_token(
                self.part.email, self.password, code, scopes=scopes, name="demonstration", days=1
            )
        )
        self.api.close()
        self.api = Client(self.address, made["token"])


def enrol(part: Part, address: str, link: str) -> Player:
    """Follows an invitation's link: a password, a second factor, and a code that shows that it works."""
    password, code = "-".join(secrets.token_hex(3) for _ in range(4)), link.rsplit("/", 1)[-1]
    with Client(address) as anybody:
        player = Player(part, address, password, Authenticator(anybody.enrol(code, password)["secret"]))
        player.with_code(lambda totp: anybody.confirm_enrolment(code, totp))
    player.sign_in()
    return player


def invite_administrator(installation: Installation) -> str:
    """The first one comes in from the machine itself; the link."""
    return installation.run(
        "invite", ADMINISTRATOR.email, ADMINISTRATOR.name, "--title", ADMINISTRATOR.title, "--role", "administrator"
    )


def gather(administrator: Player) -> dict[str, Player]:
    """The administrator invites everybody; each enrols, at the same time: a password takes a while to hash, on purpose."""

    def come(key: str) -> Player:
        part = CAST[key]
        made = administrator.api.invite(
            email=part.email, name=part.name, title=part.title, party=part.party, roles=part.roles, zone=part.zone
        )
        return enrol(part, administrator.address, made["enrol_link"])

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(CAST, pool.map(come, CAST), strict=True))


def delegate(administrator: Player) -> None:
    """Who may sign which instrument, for the base agreement, for a year."""
    now = datetime.now(UTC)
    for instrument in ("waiver", "authorisation", "fee_reduction"):
        administrator.api.delegate(
            person=CAST[instrument].email, instrument=instrument, families=["base"], starts_at=now - timedelta(days=30),
            ends_at=now + timedelta(days=335), words="Delegation of signing authority, resolution 2026.01 (made up)", officer=True,
        )  # fmt: skip


def _who(part: Part) -> str:
    roles = ", ".join(f"{discipline or role}".replace("_", " ") for role, discipline in part.roles)
    return f"{part.name}: {roles}" + ("" if part.party == "authority" else f" at {part.party}")


def keep(players: Mapping[str, Player], path: Path) -> None:
    """Passwords and secrets of a throw-away installation, for its owner's eyes."""
    rows = [
        {"who": _who(p.part), "email": p.part.email, "password": p.password, "secret": p.authenticator.secret}
        for p in players.values()
    ]
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(rows, out, indent=1)
