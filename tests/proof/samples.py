"""Made-up terms: one of each kind of writing, and one with 40 TLDs."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime

from ersr.core import references
from ersr.core.terms import AgreementTerms, Entity, Instrument, LineTerms, NamesTerms, Signatory, Terms

MADE = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

NAMES = [f"agd{n:05d}.example" for n in range(0, 7750, 7)]

WAIVER = Terms(
    reference=references.make("W", 2026, 3310222),
    instrument=Instrument.WAIVER,
    request=references.make("SRW", 2026, 4821003),
    tlp="TLP:AMBER+STRICT",
    authority=Entity("Example Names Authority", "12 Harbour Street, Suite 300\nPort Example, CA 90094", "California"),
    registry=Entity("Northlight Registry B.V.", "Keizersgracht 1\n1015 CN Amsterdam", "Netherlands"),
    rsp=Entity("Harbour Registry Services Ltd", "1 Quay Road\nDublin 1", "Ireland"),
    agreements=(
        AgreementTerms("base", "2023-04-30", date(2014, 6, 12), ("example", "test")),
        AgreementTerms("base", "2017-07-31", date(2015, 3, 2), ("xn--e1afmkfd",)),
    ),
    lines=(
        LineTerms(
            1,
            "2.9(a)",
            "Registrars",
            "create",
            "to create the covered names without a registrar",
            ("example", "test"),
            "granted",
        ),
        LineTerms(
            2,
            "Spec 9 1(b)",
            "Registry Code of Conduct",
            "create",
            "to create the covered names without a registrar",
            ("example", "test"),
            "granted_as_modified",
            modification="The names may be registered to the authority's sinkhole operator only.",
        ),
        LineTerms(
            3,
            "2.6",
            "Reserved Names",
            "delegate",
            "to delegate the covered names to the sinkhole",
            ("xn--e1afmkfd",),
            "granted",
            quote="except to the extent that ICANN otherwise expressly authorizes in writing",
            quote_source="the agreement of 2 March 2015 as executed",
        ),
    ),
    names=NamesTerms("4b1e77c092af3d58e0168c2bf59d04a731c86ef2a94b70d5bb031e695fd2c84a", 7750),
    incident="Malicious activity involving the DNS of scale and severity that threatens the security, stability and "
    "resiliency of a TLD or the DNS (imminent)",
    reasons=(
        "The names are made by a generator whose seed and dates were confirmed by two independent sources.",
        "The first names become active on 15 November 2026, before registrars could create them.",
    ),
    conditions=(
        "No name outside the covered names is created under this writing.",
        "The state of each name (name servers, registrar, statuses, expiry) is recorded before any act.",
        "A name found to be used in good faith is released within 24 hours, and the authority is told.",
    ),
    reporting="every 30 days, and within 24 hours of any act that goes wrong",
    disposition="Each covered name stays reserved and undelegated until the parties agree otherwise in writing.",
    acts_from=datetime(2026, 11, 14, 11, 7, tzinfo=UTC),
    effective_from=datetime(2026, 11, 16, 18, 0, tzinfo=UTC),
    ends_at=datetime(2027, 3, 14, 0, 0, tzinfo=UTC),
    dated=date(2026, 11, 16),
    signatory=Signatory(
        "Ada Example",
        "Vice President, Registry Services",
        "delegation of 1 March 2026, waivers under the base agreement",
    ),
    confidentiality="Confidential under section 7.15; to be shared only within the recipients' organisations.",
    publication="Existence, class of provision and dates are published after 14 June 2027; the names are not.",
)

AUTHORISATION = dataclasses.replace(
    WAIVER,
    reference=references.make("W", 2026, 5120877),
    instrument=Instrument.AUTHORISATION,
    rsp=None,
    agreements=WAIVER.agreements[1:],
    lines=WAIVER.lines[2:],
    acts_from=datetime(2026, 11, 16, 18, 0, tzinfo=UTC),
    reasons=(),
    conditions=(),
)

FEES = dataclasses.replace(
    WAIVER,
    reference=references.make("W", 2026, 9001336),
    instrument=Instrument.FEE_REDUCTION,
    agreements=WAIVER.agreements[:1],
    lines=(
        LineTerms(
            1,
            "6.1",
            "Registry-level fees",
            "fee_relief",
            "create names",
            ("example", "test"),
            "granted",
        ),
    ),
    names=None,
)

_MANY = tuple(sorted(f"{a}{b}{c}" for a in "bdfgk" for b in "aeio" for c in ("lm", "rtnship")))
MANY = dataclasses.replace(
    WAIVER,
    reference=references.make("W", 2026, 7741209),
    agreements=(
        AgreementTerms("base", "2023-04-30", date(2014, 6, 12), _MANY[:30]),
        AgreementTerms("brand", "2017-07-31", date(2016, 9, 1), _MANY[30:]),
    ),
    lines=tuple(
        LineTerms(n, provision, title, action, words, tlds, "granted")
        for n, (provision, title, action, words, tlds) in enumerate(
            (
                ("2.9(a)", "Registrars", "create", "to create the covered names without a registrar", _MANY[:30]),
                ("Spec 9 1(b)", "Registry Code of Conduct", "create", "to create them in its own right", _MANY[:30]),
                ("2.8 / Spec 7", "Rights protection", "create", "to create them without Claims", _MANY[5:12]),
                ("2.9(a)", "Registrars", "create", "to create the covered names without a registrar", _MANY[30:]),
                (
                    "2.19 / Spec 13",
                    "Brand provisions",
                    "create",
                    "to register them to the sinkhole operator",
                    _MANY[30:],
                ),
            ),
            start=1,
        )
    ),
)

ALL = (WAIVER, AUTHORISATION, FEES, MANY)
