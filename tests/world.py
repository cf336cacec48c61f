"""A small world for tests: keys, parties, people with real second factors, made through the product's own actions."""

from __future__ import annotations

import functools
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from django.conf import settings

from ersr import clock
from ersr.ledger import fsck, sequence
from ersr.parties.actions import enter_authority
from ersr.parties.authority import authority
from ersr.parties.models import Agreement, Contact, ContactNumber, Party, Tld
from ersr.people import actions as people
from ersr.people import factors
from ersr.people.models import Factor, Person
from ersr.proof import keys

PASSWORD = "correct horse battery staple"
TLDS = ("biz", "cc", "cn", "com", "info", "net", "org", "ws")
#: name in the world -> (name, roles)
STAFF = {
    "officer": ("Mira Adeyemi", [("duty_officer", "")]),
    "second": ("Jonas Weber", [("duty_officer", "")]),
    "security": ("Sana Iqbal", [("responder", "security")]),
    "services": ("Ravi Menon", [("responder", "registry_services")]),
    "compliance": ("Ines Duarte", [("responder", "compliance")]),
    "counsel": ("Lea Brandt", [("responder", "legal")]),
    "approver": ("Tom Okafor", [("approver", "")]),
    "signatory": ("Greta Holm", [("signatory", "")]),
    "auditor": ("Paul Nemec", [("auditor", "")]),
    "administrator": ("Ada Kovac", [("administrator", "")]),
}


@functools.cache
def _key_folder() -> Path:
    """Keys are drawn once a process: the tests are about what is done with them."""
    folder = Path(tempfile.mkdtemp(prefix="ersr-test-keys-"))
    keys.generate(
        folder, "Test authority", authority().log_origin, now=datetime(2026, 1, 1, tzinfo=UTC), development=True
    )
    return folder


@dataclass
class World:
    now: datetime
    people: dict[str, Person] = field(default_factory=dict)
    parties: dict[str, Party] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Person:
        try:
            return self.__dict__["people"][name]
        except KeyError:
            raise AttributeError(name) from None

    def code(self, person: Person) -> str:
        """A code that this person's authenticator shows and that was not used yet."""
        factor = Factor.objects.get(person=person, confirmed_at__isnull=False)
        # Never the step before: it may be two steps old by the time that it is spent.
        step = max(int(clock.real().timestamp()) // factors.STEP, factor.last_step + 1)
        if step > int(clock.real().timestamp()) // factors.STEP + 1:
            Factor.objects.filter(pk=factor.pk).update(last_step=0)
            step = int(clock.real().timestamp()) // factors.STEP
        return factors._code(factors._open(factor), step)

    def later(self, **delta: float) -> datetime:
        self.now += timedelta(**delta)
        return self.now

    def sequence(self) -> None:
        while sequence.run(self.now):
            pass

    def assert_whole(self) -> None:
        """Nothing is pending, and fsck finds nothing."""
        self.sequence()
        assert list(fsck.problems()) == []


def enrol(world: World, key: str, name: str, party: Party, roles: list[tuple[str, str]]) -> Person:
    person, code = people.invite(
        email=f"{key}@{party.key}.example",
        name=name,
        title=name.split()[-1],
        party=party,
        roles=roles,
        by=None,
        now=clock.real(),
    )
    factor = people.begin_enrolment(code, PASSWORD, now=clock.real())
    step = int(clock.real().timestamp()) // factors.STEP
    people.confirm_enrolment(code, factors._code(factors._open(factor), step), now=clock.real())
    world.people[key] = Person.objects.get(pk=person.pk)
    return world.people[key]


def build(now: datetime | None = None) -> World:
    """An authority with staff, an operator with 40 TLDs under three agreements, an RSP that acts for two operators."""
    sequence._keys.cache_clear()
    shutil.copytree(_key_folder(), settings.ERSR_KEYS, dirs_exist_ok=True)
    world = World(now or clock.now().replace(microsecond=0))
    own = enter_authority(authority())
    north = Party.objects.create(
        key="northlight",
        kind="registry_operator",
        name="Northlight Registry SA",
        address="1 Rue du Nord, Brussels",
        jurisdiction="Belgium",
    )
    south = Party.objects.create(
        key="southwind", kind="registry_operator", name="Southwind Registry GmbH", jurisdiction="Austria"
    )
    baltic = Party.objects.create(key="baltic", kind="rsp", name="Baltic Registry Services OU", jurisdiction="Estonia")
    world.parties = {"authority": own, "north": north, "south": south, "baltic": baltic}
    first = Agreement.objects.create(
        key="north-2014", operator=north, family="base", version="2023-04-30", dated=date(2014, 6, 12)
    )
    second = Agreement.objects.create(
        key="north-2016", operator=north, family="base", version="2023-04-30", dated=date(2016, 3, 1)
    )
    third = Agreement.objects.create(
        key="south-2015", operator=south, family="base", version="2023-04-30", dated=date(2015, 9, 9)
    )
    for tld in TLDS[:4]:
        Tld.objects.create(name=tld, agreement=first, rsp=baltic)
    for tld in TLDS[4:]:
        Tld.objects.create(name=tld, agreement=second, rsp=baltic)
    for number in range(32):
        Tld.objects.create(name=f"north{number:02d}", agreement=second, rsp=None)
    Tld.objects.create(name="wind", agreement=third, rsp=baltic)
    day = world.now.date()
    for party, name, email, number, age in (
        (north, "Operations, 24 h", "ops@northlight.example", "+3225550100", 1015),
        (north, "Legal", "legal@northlight.example", "+3225550188", 6),
        (north, "Nils Lindqvist", "filer@northlight.example", "+3225550142", 400),
        (south, "Operations", "ops@southwind.example", "+4315550100", 800),
        (baltic, "Night shift", "ops@baltic.example", "+3725550100", 800),
    ):
        contact = Contact.objects.create(party=party, name=name, email=email, source="authority's list", as_of=day)
        ContactNumber.objects.create(contact=contact, number=number, since=day - timedelta(days=age))
    for key, (name, roles) in STAFF.items():
        enrol(world, key, name, own, roles)
    enrol(world, "filer", "Nils Lindqvist", north, [("filer", "")])
    enrol(world, "night", "Kadri Tamm", baltic, [("filer", "")])
    enrol(world, "stranger", "Hans Gruber", south, [("filer", "")])
    for instrument in ("waiver", "authorisation", "fee_reduction"):
        people.delegate(
            person=world.signatory, instrument=instrument, families=["base"], starts_at=world.now - timedelta(days=30),
            ends_at=world.now + timedelta(days=300), words="Resolution 2026.01", officer=True, by=world.administrator, now=world.now,
        )  # fmt: skip
    return world


SIX = {
    "number_claimed": "+32 2 555 01 42",
    "operator": "northlight",
    "tlds": list(TLDS),
    "happening": "A worm registers names by algorithm. Tonight's names come alive at midnight UTC.",
    "irreversible": "unknown",
}
