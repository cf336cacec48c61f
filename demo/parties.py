"""The demonstration's parties, as the file that `ersr-service import` takes. Ages are counted back from the day of the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from demo.names import TLDS

OPERATOR, RSP = "northlight", "baltic"
HEAD = """\
# Parties of the demonstration. Everything here is made up: companies, people, numbers, and above all who runs which TLD.
# com, net, org, info, biz, ws, cn and cc stand here because a list of 2009 had names under them; in truth they belong to
# other registries, some of them under other agreements or none.
"""
#: key, kind, name, address, jurisdiction
PARTIES = (
    (
        "northlight",
        "registry_operator",
        "Northlight Registry SA",
        "12 Rue de l'Exemple, 1000 Brussels",
        "Belgium",
    ),
    ("southwind", "registry_operator", "Southwind Registry GmbH", "3 Beispielgasse, 1010 Vienna", "Austria"),
    ("eastgate", "registry_operator", "Eastgate Names Ltd", "8 Sample Street, Nairobi", "Kenya"),
    ("lakeside", "registry_operator", "Lakeside Domains Inc.", "40 Specimen Ave, Toronto", "Ontario, Canada"),
    ("harbour", "registry_operator", "Harbour Registry Pte. Ltd.", "2 Model Quay, Singapore", "Singapore"),
    ("fjord", "registry_operator", "Fjordnavn AS", "5 Eksempelveien, Oslo", "Norway"),
    ("baltic", "rsp", "Baltic Registry Services OÜ", "7 Näidise tänav, Tallinn", "Estonia"),
    ("tern", "rsp", "Tern Technical Services Ltd", "1 Instance Road, Dublin", "Ireland"),
    ("goodname", "registrar", "Goodname Registrar LLC", "9 Placeholder Blvd, Denver", "Colorado, USA"),
    ("plumeria", "registrar", "Plumeria Domains KK", "4-4 Mihon, Tokyo", "Japan"),
    ("cert-example", "originator", "CERT Exampleland", "Ministry Square", "Exampleland"),
    (
        "police-example",
        "originator",
        "Federal Police of Exampleland, Cybercrime Unit",
        "Law Street",
        "Exampleland",
    ),
)
#: key, operator, version of the base agreement, date
AGREEMENTS = (
    ("northlight-2014", "northlight", "2024-04-05", date(2014, 6, 12)),
    ("northlight-2016", "northlight", "2023-04-30", date(2016, 3, 1)),
    ("northlight-2019", "northlight", "2024-04-05", date(2019, 10, 8)),
    ("southwind-2015", "southwind", "2024-04-05", date(2015, 9, 9)),
    ("eastgate-2016", "eastgate", "2023-04-30", date(2016, 1, 20)),
    ("lakeside-2014", "lakeside", "2024-04-05", date(2014, 11, 3)),
    ("harbour-2017", "harbour", "2024-04-05", date(2017, 2, 14)),
    ("fjord-2015", "fjord", "2023-04-30", date(2015, 5, 17)),
)
#: TLDs of the other operators, run by the same RSP. No TLD of these names is delegated.
OTHERS = {
    "southwind-2015": ("suedwindbeispiel", "wienermuster"),
    "eastgate-2016": ("eastgatesample",),
    "lakeside-2014": ("lakesidesample", "maplespecimen"),
    "harbour-2017": ("harboursample",),
    "fjord-2015": ("fjordeksempel",),
}
#: party, name, roles, e-mail, number, days that it has stood
CONTACTS = (
    ("northlight", "Operations, 24 h", "operations", "ops@northlight.example", "+32 2 555 01 00", 1_015),
    ("northlight", "Nils Lindqvist", "security officer", "nils@northlight.example", "+32 2 555 01 42", 400),
    ("northlight", "Legal", "legal", "legal@northlight.example", "+32 2 555 01 88", 6),
    ("southwind", "Operations", "operations", "ops@southwind.example", "+43 1 555 01 00", 820),
    ("eastgate", "Duty desk", "operations", "desk@eastgate.example", "+254 20 555 0100", 210),
    ("lakeside", "NOC", "operations", "noc@lakeside.example", "+1 416 555 0142", 733),
    ("harbour", "Operations", "operations", "ops@harbour.example", "+65 6555 0100", 365),
    ("fjord", "Vakt", "operations", "vakt@fjord.example", "+47 2255 0100", 512),
    ("baltic", "Night shift", "operations", "night@baltic.example", "+372 555 0100", 1_400),
    ("baltic", "Kadri Tamm", "shift lead", "kadri@baltic.example", "+372 555 0142", 95),
    ("tern", "Service desk", "operations", "desk@tern.example", "+353 1 555 0100", 90),
    ("goodname", "Abuse desk", "abuse", "abuse@goodname.example", "+1 303 555 0142", 640),
    ("plumeria", "Abuse desk", "abuse", "abuse@plumeria.example", "+81 3 5550 1000", 154),
    ("cert-example", "Duty analyst", "analysis", "duty@cert.example", "+999 555 0100", 300),
    ("police-example", "Liaison", "liaison", "liaison@police.example", "+999 555 0199", 45),
)


def toml(today: date) -> str:
    """The file's text; `today` is the day that ages are counted back from."""
    return HEAD + "\n" + "\n".join(_tables(today))


def tlds() -> Iterator[tuple[str, str, str]]:
    """TLD, agreement, RSP ("" for none). Northlight has 40: eight of the list, 32 that nobody has delegated."""
    for place, tld in enumerate(TLDS):
        yield tld, "northlight-2014" if place < 5 else "northlight-2016", "baltic"
    for number in range(1, 33):
        agreement = "northlight-2016" if number <= 6 else "northlight-2019"
        yield f"northlightsample{number:02d}", agreement, ("baltic", "tern", "")[number % 3]
    for agreement, names in OTHERS.items():
        for tld in names:
            yield tld, agreement, "baltic"


def _tables(today: date) -> Iterator[str]:
    for key, kind, name, address, jurisdiction in PARTIES:
        yield _table(
            "party",
            (("key", key), ("kind", kind), ("name", name), ("address", address), ("jurisdiction", jurisdiction)),
        )
    for key, operator, version, dated in AGREEMENTS:
        rows = (("key", key), ("operator", operator), ("family", "base"), ("version", version), ("dated", dated))
        yield _table("agreement", rows)
    for tld, agreement, rsp in tlds():
        yield _table("tld", (("name", tld), ("agreement", agreement), ("rsp", rsp)))
    for party, name, roles, email, number, days in CONTACTS:
        rows = (
            ("party", party),
            ("name", name),
            ("roles", roles),
            ("email", email),
            ("source", "list of contacts, made up"),
        )
        numbers = f'numbers = [{{ number = "{number}", since = {today - timedelta(days=days)} }}]\n'
        yield _table("contact", (*rows, ("as_of", today - timedelta(days=3)))) + numbers


def _table(kind: str, rows: Iterable[tuple[str, str | date]]) -> str:
    """One table; none of our texts holds a quote or a backslash."""
    return f"[[{kind}]]\n" + "".join(
        f"{k} = {v}\n" if isinstance(v, date) else f'{k} = "{v}"\n' for k, v in rows if v != ""
    )
