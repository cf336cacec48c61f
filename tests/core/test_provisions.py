"""The catalogue: seeds are whole, rows are read strictly, newer rows replace older ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ersr.core.errors import Refusal
from ersr.core.provisions import CONDITIONS, UNSEEN, load, load_from, newest, of_agreement, parse_row
from ersr.core.terms import Instrument

ROW = {
    "id": "2.9(a)",
    "row": 1,
    "title": "Registrars",
    "demands": "Names are registered through registrars.",
    "departs_by": ["create:direct"],
    "instrument": "waiver",
    "waivable_by": "staff",
    "certainty": "S",
    "source": "the agreement",
}
HEAD = '[agreement]\nfamily = "base"\nversion = "1"\ntitle = "One"\n'
SEED = (
    HEAD + '[[provision]]\nid = "2.1"\nrow = 1\ntitle = "T"\ndemands = "D"\ninstrument = "waiver"\n'
    'waivable_by = "staff"\ncertainty = "U"\nsource = "S"\n'
)


def test_the_seed_has_every_provision_of_the_process():
    """The table of docs/process.md, row by row, for the agreement of 30 April 2023."""
    ids = [row.id for row in of_agreement(load(), "base", "2023-04-30")]
    assert ids == [
        *("2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "Spec 6 2.2", "Spec 6 5", "Spec 6 6", "2.8", "2.9(a)"),
        *("2.10", "2.13", "Spec 9 1(b)", "2.16", "2.17", "2.18", "2.19", "Spec 13", "6.1", "6.3", "7.6(i)"),
    ]


def test_versions_differ_where_the_agreements_do():
    """Abuse mitigation came in April 2024; Spec 13 was not there in 2013, and the fee's values were known."""
    later = {row.id for row in of_agreement(load(), "base", "2024-04-05")}
    first = {row.id: row for row in of_agreement(load(), "base", "2013-07-02")}
    assert "Spec 6 4" in later
    assert "Spec 13" in later
    assert "Spec 13" not in first
    assert "0.25" in first["6.1"].demands
    assert {row.version for row in first.values()} == {"2013-07-02"}


def test_the_three_instruments_have_their_provisions():
    rows = {row.id: row for row in of_agreement(load(), "base", "2023-04-30")}
    assert rows["2.9(a)"].instrument is Instrument.WAIVER
    assert rows["2.6"].instrument is Instrument.AUTHORISATION
    assert rows["6.1"].instrument is Instrument.FEE_REDUCTION
    assert of_agreement(load(), "legacy-verisign", "2024-12-01")[1].id == "7.2(a)"


def test_every_code_of_an_act_is_used_and_in_order():
    used = {code for row in load() for code in (*row.departs_by, *row.may_depart_by, *row.met_by, *row.notice_by)}
    assert used == {*CONDITIONS, *UNSEEN}
    assert list(CONDITIONS) == sorted(CONDITIONS)
    assert list(UNSEEN) == sorted(UNSEEN)


def test_a_newer_row_replaces_an_older_one():
    old = of_agreement(load(), "base", "2023-04-30")[0]
    new = replace(old, row=2, title="Better read")
    assert newest([new, old]) == newest([old, new]) == (new,)
    assert of_agreement([*load(), new], "base", "2023-04-30")[0].title == "Better read"
    assert len(of_agreement([*load(), new], "base", "2023-04-30")) == len(of_agreement(load(), "base", "2023-04-30"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": ""}, "id"),
        ({"title": 5}, "title"),
        ({"row": 0}, "row"),
        ({"row": True}, "row"),
        ({"row": "1"}, "row"),
        ({"certainty": "maybe"}, "certainty"),
        ({"waivable_by": "anyone"}, "waivable_by"),
        ({"instrument": "letter"}, "instrument"),
        ({"departs_by": ["fly"]}, "departs_by"),
        ({"departs_by": "create:direct"}, "departs_by"),
        ({"met_by": ["create:direct"]}, "departs_by"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_row_is_refused_by_place_and_field(change: dict, field: str):
    with pytest.raises(Refusal) as refused:
        parse_row({**ROW, **change}, family="base", version="1", place="x.toml, row 3 (2.9(a))")
    assert refused.value.code == "unfit"
    assert [error.field for error in refused.value.fields] == [field]
    assert str(refused.value).startswith("x.toml, row 3 (2.9(a)): ")


@pytest.mark.parametrize("key", ["id", "row", "title", "demands", "waivable_by", "certainty", "source", "instrument"])
def test_a_missing_field_is_refused_by_name(key: str):
    with pytest.raises(Refusal, match=f"{key} is missing"):
        parse_row({k: v for k, v in ROW.items() if k != key}, family="base", version="1")


def test_only_what_no_waiver_can_give_has_no_instrument():
    row = {k: v for k, v in ROW.items() if k != "instrument"} | {"waivable_by": "not_by_waiver"}
    assert parse_row(row, family="base", version="1").instrument is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[agreement", "a.toml is not TOML"),
        ("", "table .agreement. is missing"),
        (HEAD.replace("title", "name"), "agreement.title is missing"),
        (HEAD + "[other]\n", "other is not a table"),
        (SEED.replace('"staff"', '"me"'), r"a.toml, row 1 \(2.1\): waivable_by must be one of"),
        (HEAD + 'rows_as = "0"\n', "names no version '0'"),
        (SEED + SEED.removeprefix(HEAD), "twice with the same row number"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, text: str, words: str):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(Refusal, match=words):
        load_from(tmp_path)


def test_a_version_may_read_like_another(tmp_path: Path):
    (tmp_path / "a.toml").write_text(SEED)
    (tmp_path / "b.toml").write_text(HEAD.replace('version = "1"', 'version = "2"') + 'rows_as = "1"\n')
    assert [(row.version, row.id) for row in load_from(tmp_path)] == [("1", "2.1"), ("2", "2.1")]
    (tmp_path / "b.toml").write_text(
        HEAD.replace('version = "1"', 'version = "2"') + 'rows_as = "1"\nwithout = ["9"]\n'
    )
    with pytest.raises(Refusal, match=r"b.toml: agreement.without names \['9'\]"):
        load_from(tmp_path)
