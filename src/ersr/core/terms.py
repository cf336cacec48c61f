"""A waiver's terms: the one dataclass from which the letter (PDF) and the token (SD-JWT) are both made.

Contents: RA 7.6(i) asks for a signed writing for specific provisions; what a practitioner expects in it is listed in
docs/process.md. Times are timezone-aware UTC, whole seconds; dates are calendar dates of the authority.
"""

from __future__ import annotations

import dataclasses
import enum
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Self

from ersr.core.tongue import said


class Instrument(enum.StrEnum):
    """The three kinds of writing (docs/process.md, "Three instruments")."""

    WAIVER = "waiver"
    AUTHORISATION = "authorisation"
    FEE_REDUCTION = "fee_reduction"

    @property
    def title(self) -> str:
        return {
            "waiver": said("Waiver of specific provisions"),
            "authorisation": said("Authorisation in writing"),
            "fee_reduction": said("Reduction of registry-level fees"),
        }[self.value]

    @property
    def basis(self) -> str:
        """The provision of the agreement under which this kind of writing is given."""
        return {"waiver": "7.6(i)", "authorisation": "2.6", "fee_reduction": "6.7"}[self.value]


class WaiverStatus(enum.StrEnum):
    """Derived from time, never stored."""

    UPCOMING = "upcoming"
    IN_FORCE = "in force"
    ENDED = "ended"

    @property
    def words(self) -> str:
        return {"upcoming": said("upcoming"), "in force": said("in force"), "ended": said("ended")}[self.value]


@dataclass(frozen=True)
class Entity:
    """A party as a legal entity."""

    name: str
    address: str = ""
    jurisdiction: str = ""


@dataclass(frozen=True)
class AgreementTerms:
    """One agreement: its family (such as "base"), version and date, and the TLDs of this writing under it (A-labels)."""

    family: str
    version: str
    dated: date
    tlds: tuple[str, ...]


@dataclass(frozen=True)
class LineTerms:
    """One granted line: provision x action x the TLDs of one agreement. `quote` only with its `quote_source`."""

    number: int
    provision: str
    provision_title: str
    action: str
    action_words: str
    tlds: tuple[str, ...]
    outcome: str  # "granted" or "granted_as_modified"
    modification: str = ""
    quote: str = ""
    quote_source: str = ""


@dataclass(frozen=True)
class NamesTerms:
    """The covered set: SHA-256 (hex) over the sorted unique names, each followed by LF; and how many.

    `root` (hex) is that of the list's own tree, against which a single name is proved; writings of before have none, and the
    member is left out.

    Of a list whose names are covered in windows only, `content_digest` is the SHA-256 over its records (`name,from,until`, each
    followed by LF) and `records` says how many: the names alone would say nothing of the windows. Else both are left out.
    """

    digest: str
    size: int
    root: str = ""
    content_digest: str = ""
    records: int = 0

    @property
    def of_records(self) -> str:
        """What the records of the list digest to, with windows or without."""
        return self.content_digest or self.digest

    @property
    def leaves(self) -> int:
        """How many records the list's tree has."""
        return self.records or self.size


@dataclass(frozen=True)
class Signatory:
    name: str
    title: str
    delegation: str  # the delegation of authority relied on, in words


@dataclass(frozen=True)
class Terms:
    reference: str  # W-2026-3310222-C
    instrument: Instrument
    request: str  # SRW-2026-4821003-K
    tlp: str
    authority: Entity
    registry: Entity
    rsp: Entity | None
    agreements: tuple[AgreementTerms, ...]
    lines: tuple[LineTerms, ...]
    names: NamesTerms | None
    incident: str  # category of the incident, in words
    reasons: tuple[str, ...]
    conditions: tuple[str, ...]
    reporting: str  # cadence of reports
    disposition: str  # what becomes of the names at the end
    acts_from: datetime  # how far back acts are covered
    effective_from: datetime
    ends_at: datetime
    dated: date
    signatory: Signatory
    confidentiality: str
    publication: str

    def __post_init__(self) -> None:
        for name in ("acts_from", "effective_from", "ends_at"):
            moment: datetime = getattr(self, name)
            if moment.utcoffset() is None or moment.utcoffset().total_seconds() or moment.microsecond:  # type: ignore[union-attr]
                raise ValueError(f"{name} must be UTC with whole seconds, not {moment.isoformat()}")
        if not self.acts_from <= self.effective_from < self.ends_at:
            raise ValueError("acts_from <= effective_from < ends_at does not hold")
        if not self.lines:
            raise ValueError("an instrument grants at least one line")

    @property
    def tlds(self) -> tuple[str, ...]:
        return tuple(sorted({tld for agreement in self.agreements for tld in agreement.tlds}))

    def status_at(self, now: datetime) -> WaiverStatus:
        if now < self.effective_from:
            return WaiverStatus.UPCOMING
        return WaiverStatus.IN_FORCE if now < self.ends_at else WaiverStatus.ENDED

    def to_json(self) -> str:
        """Stable text: sorted keys, RFC 3339 times ending in Z."""
        return json.dumps(_plain(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        raw: dict[str, Any] = json.loads(text)
        raw["instrument"] = Instrument(raw["instrument"])
        raw["authority"] = Entity(**raw["authority"])
        raw["registry"] = Entity(**raw["registry"])
        raw["rsp"] = Entity(**raw["rsp"]) if raw["rsp"] else None
        raw["agreements"] = tuple(
            AgreementTerms(a["family"], a["version"], date.fromisoformat(a["dated"]), tuple(a["tlds"])) for a in raw["agreements"]
        )
        raw["lines"] = tuple(LineTerms(**{**line, "tlds": tuple(line["tlds"])}) for line in raw["lines"])
        raw["names"] = NamesTerms(**raw["names"]) if raw["names"] else None
        raw["reasons"], raw["conditions"] = tuple(raw["reasons"]), tuple(raw["conditions"])
        for name in ("acts_from", "effective_from", "ends_at"):
            raw[name] = datetime.fromisoformat(raw[name])
        raw["dated"] = date.fromisoformat(raw["dated"])
        raw["signatory"] = Signatory(**raw["signatory"])
        return cls(**raw)


def rfc3339(moment: datetime) -> str:
    """2026-11-14T11:07:00Z; refuses naive times."""
    if moment.utcoffset() is None:
        raise ValueError("a time without zone")
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        plain = {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        if isinstance(value, NamesTerms):
            plain = {name: found for name, found in plain.items() if found or name in ("digest", "size")}
        return plain
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, enum.Enum) else value
