"""Terms of a waiver as the tests of core use them."""

from __future__ import annotations

from datetime import UTC, date, datetime

from ersr.core.terms import AgreementTerms, Entity, Instrument, LineTerms, NamesTerms, Signatory, Terms


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


CREATE = LineTerms(1, "2.9(a)", "Registrars", "create", "create names", ("example", "test"), "granted")
SINKHOLE = LineTerms(2, "2.6", "Reserved Names", "sinkhole", "delegate names", ("test",), "granted")


def made(**changes: object) -> Terms:
    """A waiver of the Conficker kind, retroactive by a day; `changes` replace fields."""
    values: dict = {
        "reference": "W-2026-3310222-C",
        "instrument": Instrument.WAIVER,
        "request": "SRW-2026-4821003-K",
        "tlp": "AMBER+STRICT",
        "authority": Entity("Authority", "1 Street", "California"),
        "registry": Entity("Registry"),
        "rsp": Entity("Back end"),
        "agreements": (AgreementTerms("base", "2023-04-30", date(2023, 4, 30), ("test", "example")),),
        "lines": (CREATE, SINKHOLE),
        "names": NamesTerms("ab" * 32, 7750),
        "incident": "malicious activity",
        "reasons": ("It spreads.",),
        "conditions": ("Hold only.",),
        "reporting": "weekly",
        "disposition": "released",
        "acts_from": utc(2026, 11, 13, 20),
        "effective_from": utc(2026, 11, 14, 12),
        "ends_at": utc(2027, 3, 14),
        "dated": date(2026, 11, 14),
        "signatory": Signatory("S. Igner", "Vice President", "Delegation 7"),
        "confidentiality": "confidential",
        "publication": "not before the end",
    }
    return Terms(**{**values, **changes})
