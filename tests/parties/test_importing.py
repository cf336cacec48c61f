"""Imports: what a file may say, how its difference is told, and that it is written whole or not at all."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError

from ersr.core.errors import Refusal
from ersr.ledger.models import Event
from ersr.parties import actions
from ersr.parties.models import Agreement, Contact, ContactNumber, Party, Tld

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = NOW.date()
WHOLE = """
[[party]]
key = "northlight"
kind = "registry_operator"
name = "Northlight Registry SA"
jurisdiction = "Belgium"

[[party]]
key = "baltic"
kind = "rsp"
name = "Baltic Registry Services"

[[agreement]]
key = "northlight-2014"
operator = "northlight"
family = "base"
version = "2023-04-30"
dated = 2014-06-12

[[tld]]
name = ".Night"
agreement = "northlight-2014"
rsp = "baltic"

[[tld]]
name = "скотч"
agreement = "northlight-2014"

[[contact]]
party = "northlight"
name = "Operations"
roles = "duty"
email = "ops@northlight.example"
source = "authority's list"
as_of = 2026-11-20
numbers = [{ number = "+32 2 555 01 00", since = 2023-02-03 }]
"""


@pytest.fixture
def write(tmp_path: Path):
    def file(text: str | bytes, name: str = "parties.toml") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return file


def load(path: Path, apply: bool = True) -> list[str]:
    return actions.import_file(path, apply=apply, now=NOW)


def refused(path: Path) -> list[str]:
    with pytest.raises(Refusal) as said:
        load(path)
    return [e.message for e in said.value.fields] or [said.value.message]


def test_a_dry_run_tells_everything_and_writes_nothing(write) -> None:
    told = load(write(WHOLE), apply=False)
    assert told[0] == (
        "party northlight: new (kind “registry_operator”, name “Northlight Registry SA”, jurisdiction “Belgium”)"
    )
    assert "contact northlight, Operations: new" in told[-1]
    assert "number +3225550100 since 2023-02-03" in told[-1]
    assert Party.objects.count() == Tld.objects.count() == Event.objects.count() == 0


def test_applied_it_is_held_in_canonical_form_with_one_event(write) -> None:
    path = write(WHOLE)
    load(path)
    assert Tld.objects.get(name="night").rsp.key == "baltic"
    assert Tld.objects.exclude(name="night").get().name == "скотч".encode("idna").decode()
    assert ContactNumber.objects.get().number == "+3225550100"
    event = Event.objects.get()
    assert event.kind == "parties.imported"
    facts = json.loads(bytes(event.body.record))["facts"]
    assert facts["counts"] == {"agreement_added": 1, "contact_added": 1, "party_added": 2, "tld_added": 2}
    assert len(facts["digest"]) == 64


def test_the_same_file_twice_is_no_difference(write) -> None:
    load(write(WHOLE))
    assert load(write(WHOLE)) == []
    assert Event.objects.count() == 1


def test_a_change_is_told_field_by_field_and_what_is_left_out_stays(write) -> None:
    load(write(WHOLE))
    told = load(
        write(
            '[[party]]\nkey = "northlight"\nkind = "registry_operator"\nname = "Northlight SA"\naddress = "1 Rue du Nord"\n'
        )
    )
    assert told == [
        "party northlight: name “Northlight Registry SA” -> “Northlight SA”",
        "party northlight: address “” -> “1 Rue du Nord”",
    ]
    held = Party.objects.get(key="northlight")
    assert (held.name, held.jurisdiction) == ("Northlight SA", "Belgium")
    assert Contact.objects.count() == 1


def contact(numbers: str, *, as_of: str = "2026-11-24", name: str = "Operations", complete: bool = False) -> str:
    return (
        ("complete = true\n" if complete else "")
        + f'[[contact]]\nparty = "northlight"\nname = "{name}"\nsource = "authority\'s list"\nas_of = {as_of}\n'
        f"numbers = [{numbers}]\n"
    )


def test_a_changed_number_with_a_newer_since_takes_the_old_ones_place(write) -> None:
    load(write(WHOLE))
    told = load(write(contact('{ number = "+3225550188", since = 2026-11-21 }')))
    assert told == [
        "contact northlight, Operations: as_of 2026-11-20 -> 2026-11-24",
        "contact northlight, Operations: number +3225550188 added, since 2026-11-21",
        "contact northlight, Operations: number +3225550100 removed (it had stood since 2023-02-03)",
    ]
    assert ContactNumber.objects.get().number == "+3225550188"


@pytest.mark.parametrize("since", ["2023-02-03", "2020-01-01", "2023-02-04", "2026-11-19"])
def test_a_changed_number_cannot_claim_the_age_of_the_old_one(write, since: str) -> None:
    """A thief who gets a number into the list would else be called back at once."""
    load(write(WHOLE))
    path = write(contact(f'{{ number = "+3225550188", since = {since} }}'))
    assert refused(path) == [
        f"parties.toml, line 6, contact 1 (northlight, Operations), numbers: +3225550188 cannot have stood since {since}: "
        "the list of 2026-11-20 did not have it. Give a newer since."
    ]
    assert ContactNumber.objects.get().number == "+3225550100"


def test_a_number_on_file_gets_younger_but_never_older(write) -> None:
    load(write(WHOLE))
    assert "held since 2023-02-03" in refused(write(contact('{ number = "+3225550100", since = 2022-02-03 }')))[0]
    told = load(write(contact('{ number = "+3225550100", since = 2024-02-03 }')))
    assert told[-1] == "contact northlight, Operations: number +3225550100 since 2023-02-03 -> 2024-02-03"


def test_a_number_that_the_party_has_already_keeps_its_age_with_another_contact(write) -> None:
    load(write(WHOLE + contact('{ number = "+3225550142", since = 2026-01-01 }', name="Nils", as_of="2026-11-20")))
    told = load(write(contact('{ number = "+3225550100", since = 2023-02-03 }', name="Nils", as_of="2026-11-20")))
    assert "contact northlight, Nils: number +3225550100 added, since 2023-02-03" in told


def test_contacts_left_out_are_removed_only_from_a_complete_file(write) -> None:
    load(write(WHOLE))
    other = '{ number = "+3225550142", since = 2026-01-01 }'
    assert len(load(write(contact(other, name="Nils")))) == 1
    assert Contact.objects.count() == 2
    told = load(write(contact(other, name="Nils", complete=True)))
    assert told == ["contact northlight, Operations: removed"]
    assert [c.name for c in Contact.objects.all()] == ["Nils"]


def test_an_agreement_that_the_catalogue_does_not_know_is_a_warning(write) -> None:
    load(write(WHOLE))
    text = '[[agreement]]\nkey = "n"\noperator = "northlight"\nfamily = "base"\nversion = "2031"\ndated = 2020-01-01\n'
    told = load(write(text))
    assert told[-1].startswith("warning: agreement n is base 2031, which the catalogue that ships does not know")
    assert Agreement.objects.filter(key="n").exists()
    assert load(write(text)) == []


BAD = """colour = "blue"
[[party]]
key = "North Light"
kind = "registry"
name = ""

[[party]]
key = "auth"
kind = "authority"
name = "Me"
shoe = 43

[[agreement]]
key = "a"
operator = "nobody"
family = "base"
dated = "2014-13-01"

[[tld]]
name = "co.uk"
agreement = "a"
[[tld]]
name = "-x"
agreement = "a"
[[contact]]
party = "auth"
name = "X"
email = "nonsense"
source = "list"
as_of = 2026-11-01
numbers = [
  { number = "555", since = 2020-01-01 },
  { number = "+3225550100", since = 2026-11-02 },
  { number = "+3225550100", since = 2030-01-01, kind = "fax" },
]
"""


def test_every_bad_field_is_named_with_its_line_all_at_once(write) -> None:
    told = refused(write(BAD))
    wanted = [
        "parties.toml, colour: there is no such table",
        "line 3, party 1 (North Light), key: 'North Light' is no key",
        "line 4, party 1 (North Light), kind: 'registry' is none of",
        "line 5, party 1 (North Light), name: must not be empty.",
        "line 9, party 2 (auth), kind: the authority comes from the authority file",
        "line 11, party 2 (auth), shoe: a party has no such field.",
        "line 13, agreement 1 (a), version: is missing.",
        "line 17, agreement 1 (a), dated: '2014-13-01' is no day",
        "line 20, tld 1 (co.uk), name: 'co.uk' is no TLD",
        "line 23, tld 2 (-x), name: '-x' is no TLD",
        "line 28, contact 1 (auth, X), email: 'nonsense' is no e-mail address.",
        "line 31, contact 1 (auth, X), numbers: number 1, number: '555' is no number",
        "numbers: number 2, since: 2026-11-02 comes after as_of, 2026-11-01",
        "numbers: number 3, kind: a number has no such field.",
        "numbers: number 3, number: +3225550100 stands there twice.",
        "numbers: number 3, since: 2030-01-01 lies in the future.",
    ]
    for sentence in wanted:
        assert any(sentence in line for line in told), (sentence, told)
    assert len(told) == len(wanted)
    assert Party.objects.count() == 0


def test_what_an_entry_names_must_exist_and_fit(write) -> None:
    text = WHOLE.replace('operator = "northlight"', 'operator = "baltic"').replace(
        'party = "northlight"', 'party = "x"'
    )
    told = refused(write(text.replace('rsp = "baltic"', 'rsp = "nobody"')))
    assert [line.split("), ")[1] for line in told] == [
        "operator: 'baltic' is no registry operator, neither held nor in this file.",
        "rsp: 'nobody' is no RSP, neither held nor in this file.",
        "party: 'x' is neither held nor in this file.",
    ]


def test_a_party_keeps_its_kind(write) -> None:
    load(write(WHOLE))
    told = refused(write('[[party]]\nkey = "baltic"\nkind = "registrar"\nname = "B"\n'))
    assert "held as rsp; a party keeps its kind" in told[0]


def test_an_entry_twice_is_a_mistake(write) -> None:
    told = refused(write(WHOLE + '[[party]]\nkey = "baltic"\nkind = "rsp"\nname = "B"\n'))
    assert told == ["parties.toml, line 38, party 3 (baltic), key: stands in this file twice; first in line 8."]


def test_csv_files_hold_one_kind_each_told_by_the_header(write) -> None:
    load(write('key,kind,name\nnorthlight,registry_operator,"Northlight, the\nregistry"\nbaltic,rsp,Baltic\n', "p.csv"))
    load(write("key,operator,family,version,dated\nn-1,northlight,base,2023-04-30,2014-06-12\n", "a.csv"))
    load(write("name,agreement,rsp\nnight,n-1,baltic\nwind,n-1,\n", "t.csv"))
    load(
        write(
            "party,name,source,as_of,number,since\n"
            "northlight,Operations,list,2026-11-20,+32 2 555 01 00,2023-02-03\n"
            "northlight,Operations,list,2026-11-20,+32 2 555 01 01,2024-02-03\n",
            "c.csv",
        )
    )
    assert Party.objects.get(key="northlight").name == "Northlight, the registry"
    assert Tld.objects.get(name="wind").rsp is None
    assert [(n.number, n.since) for n in Contact.objects.get().numbers.all()] == [
        ("+3225550100", date(2023, 2, 3)),
        ("+3225550101", date(2024, 2, 3)),
    ]


def test_bad_csv_rows_are_named_by_line_and_field(write) -> None:
    told = refused(
        write(
            "party,name,source,as_of,number,since\n"
            "\n"
            "northlight,Operations,list,2026-11-20,555,2023-02-03\n"
            "northlight,Operations,another,2026-11-20,+3225550100,\n"
            "northlight,Other\n",
            "c.csv",
        )
    )
    assert [line.removeprefix("c.csv, ") for line in told] == [
        "line 4, contact (northlight, Operations), source: 'another' here and 'list' in line 3: the rows of a contact must agree.",
        "line 5, contact (northlight, Other), row: has 2 cells, and the header has 6.",
        "line 3, contact (northlight, Operations), number: '555' is no number with a country code, like +32 2 555 01 42.",
        "line 4, contact (northlight, Operations), since: '' is no day: write it as 2026-11-15.",
    ]
    assert refused(write("party;name\nx;y\n", "c.csv"))[0].endswith("(the cells must be parted by commas).")
    assert refused(write("key,kind,shoe\n", "c.csv")) == [
        "c.csv, line 1, shoe: a party has no such field.",
        "c.csv, line 1, name: this column is missing.",
    ]


@pytest.mark.parametrize(
    ("name", "raw", "why"),
    [
        ("p.toml", b"[[party\n", "is not TOML"),
        ("p.toml", b"# nothing\n", "holds no party"),
        ("p.toml", b'name = "\xff"\n', "line 1: this is not UTF-8"),
        ("p.csv", b'key,kind,name\n"a,b\n', "line 2: this is not CSV"),
        ("p.xlsx", b"PK", "ends neither in .toml nor in .csv"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(write, name: str, raw: bytes, why: str) -> None:
    assert why in refused(write(raw, name))[0]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path / "none.toml")[0]


def test_an_import_that_breaks_half_way_leaves_nothing(write, monkeypatch: pytest.MonkeyPatch) -> None:
    """All or nothing, also when the database itself says no."""

    def broken(*_: object) -> None:
        raise IntegrityError

    monkeypatch.setattr(ContactNumber.objects, "bulk_create", broken)
    with pytest.raises(IntegrityError):
        load(write(WHOLE))
    assert Party.objects.count() == Event.objects.count() == 0


def test_today_is_the_later_of_utc_and_the_authoritys(write) -> None:
    tomorrow = DAY + timedelta(days=1)
    assert "lies in the future" in refused(write(WHOLE.replace("as_of = 2026-11-20", f"as_of = {tomorrow}")))[0]
    assert load(write(WHOLE.replace("as_of = 2026-11-20", f"as_of = {DAY}")))
