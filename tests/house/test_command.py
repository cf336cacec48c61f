"""The command against the life-cycle table and against the API's own description: each action, each field, each kind.

The command says for itself what actions take (client/command/fields.py), since it runs where there is no service to ask. These
tests read what it really offers, from its parser, and hold it against what the API really takes, from its schema.
"""

from __future__ import annotations

from typing import Any

import pytest
import typer

from ersr.client.command import app
from ersr.client.command.exits import Exit, table
from ersr.client.command.fields import ROW, TAKES, Takes
from ersr.core import filing
from ersr.core.lifecycle import ACTIONS
from ersr.requests.models import CallAttempt, Note
from ersr.waivers.models import ServiceRecord
from tests.house.test_tables import BESIDE, operations
from tests.house.tree import ROOT

#: The command's own parameters, which are no field of an action.
OWN = {"from", "json", "help"}
KINDS = {
    "flag": {"boolean"}, "number": {"integer"}, "numbers": {"array of integer"}, "texts": {"array of string"}, "file": {"binary"},
    "time": {"date-time", "string"}, "text": {"string"}, "secret": {"string"}, "answers": {"object"}, "hits": {"object"},
}  # fmt: skip


def commands() -> dict[str, Any]:
    return typer.main.get_command(app).commands  # type: ignore[attr-defined]


def taken(verb: str) -> set[str]:
    """The fields that the parser of `ersr act REF VERB` knows, as the API calls them."""
    options = [option for one in commands()["act"].commands[verb].params for option in one.opts]
    return {option.removeprefix("--").replace("-", "_") for option in options} - OWN


def described(verb: str) -> tuple[dict[str, Any], set[str]]:
    """(field -> schema, the needed ones) of the operation's body, from the API's description."""
    from ersr.faces.api.v1 import api

    whole = api.get_openapi_schema(path_prefix="/api/v1/")
    content = operations()[verb][2].get("requestBody", {}).get("content", {})
    if not content:
        return {}, set()
    schema = next(iter(content.values()))["schema"]
    for one in schema.get("anyOf", [schema]):
        if "$ref" in one:
            schema = whole["components"]["schemas"][one["$ref"].rsplit("/", 1)[1]]
    return schema.get("properties", {}), set(schema.get("required", ()))


def kind_of(schema: dict[str, Any]) -> set[str]:
    for one in [row for row in schema.get("anyOf", [schema]) if row.get("type") != "null"]:
        if one.get("format") in ("date-time", "binary"):
            return {one["format"]}
        return {f"array of {one['items']['type']}"} if one.get("type") == "array" else {one.get("type", "object")}
    return set()


def test_each_row_of_the_table_can_be_typed() -> None:
    """What has a button and an endpoint has its verb after `ersr act REF`, and no other is there; filing is `ersr file`."""
    assert set(commands()["act"].commands) == (set(ACTIONS) - {"submit"}) | set(BESIDE)
    assert ROW == BESIDE
    assert "file" in commands()


@pytest.mark.parametrize("verb", sorted(TAKES))
def test_the_verb_takes_what_its_operation_takes(verb: str) -> None:
    """The same fields, of the same kinds; what the API needs is needed here."""
    fields, needed = described(verb)
    known = {one.name: one for one in TAKES[verb]}
    assert taken(verb) == set(known), "the parser and the table differ"
    if verb == "add_part":
        assert set(fields) == {"part", "body"}
        assert set(known) == {"part"} | {field.name for part in filing.PARTS.values() for field in part.fields}
        fields, needed = {"part": fields["part"]}, needed - {"body"}
        known = {"part": known["part"]}
    assert set(known) == set(fields)
    assert needed <= {name for name, one in known.items() if one.needed}
    wrong = {
        name: (one.kind, kind_of(fields[name]))
        for name, one in known.items()
        if not KINDS[one.kind] & kind_of(fields[name])
    }
    assert wrong == {}


def test_filing_takes_the_six_answers() -> None:
    fields, _ = described("submit")
    assert {field.name for field in filing.SIX} == set(fields)
    options = {option for one in commands()["file"].params for option in one.opts}
    assert {"--number", "--operator", "--tlds", "--happening", "--irreversible", "--at", "--from"} <= options


@pytest.mark.django_db
def test_the_questions_are_asked_in_the_same_words_as_on_the_page() -> None:
    from ersr.faces.web.forms import SixForm
    from tests import world as worlds

    form = SixForm(person=worlds.build().filer, zones=[("UTC", "UTC")])
    for field in filing.SIX:
        if field.name in form.fields and field.name != "operator":  # that one is not asked where there is no choice
            assert form.fields[field.name].label == field.label
    for name in ("number_claimed", "happening", "irreversible"):
        assert form.fields[name].help_text == next(f.hint for f in filing.SIX if f.name == name)


@pytest.mark.parametrize(
    ("verb", "name", "choices"),
    [
        ("call", "outcome", CallAttempt.OUTCOMES), ("assess", "recommendation", Note.RECOMMENDATIONS),
        ("serve", "channel", ServiceRecord.CHANNELS), ("record_act", "action", filing.ACTIONS), ("add_part", "part", filing.PARTS),
    ],
)  # fmt: skip
def test_choices_that_are_told_are_those_that_are_taken(verb: str, name: str, choices: Any) -> None:
    found: Takes = next(one for one in TAKES[verb] if one.name == name)
    assert found.hint.endswith(f"One of: {', '.join(choices)}.")


def test_exit_codes_are_documented_each_once() -> None:
    """In the guide with the words of --exit-codes; `ersr verify` keeps 0 to 3."""
    text = (ROOT / "docs/how-to/command.md").read_text(encoding="utf-8")
    for code in Exit:
        assert f"| {code.value} | {code.words} |" in text
    assert len(table().splitlines()) == len(Exit)
    assert [Exit.DONE, Exit.FORGED, Exit.USAGE, Exit.CANNOT_TELL] == [0, 1, 2, 3]


def test_every_command_has_a_json_form() -> None:
    def walk(node: Any, path: str) -> list[str]:
        inner = getattr(node, "commands", None)
        own = [] if path in ("", " list", " names") or "--json" in {o for one in node.params for o in one.opts} else [path]
        return own + [found for name, one in (inner or {}).items() for found in walk(one, f"{path} {name}")]

    assert walk(typer.main.get_command(app), "") == []
