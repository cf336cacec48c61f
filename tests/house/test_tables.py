"""The tables that others follow: the life cycle against the API, and the permits against their page."""

from __future__ import annotations

from ersr.core.errors import CODES
from ersr.core.lifecycle import ACTIONS
from ersr.core.permits import BANS, OFFICE, PERMITS
from tests.house.tree import ROOT
from tools import make_permits

#: Verbs that an action has beside its own: operation -> the row whose button and permit it has.
BESIDE = {
    "add_line": "change_line", "answer_groups": "answer_hits", "remove_names": "answer_hits", "renew_words": "call",
    "screen_again": "answer_hits",
}  # fmt: skip


def operations() -> dict[str, tuple[str, str, dict]]:
    """operation id -> (method, path, description) of the API."""
    from ersr.faces.api.v1 import api

    found = {}
    for path, methods in api.get_openapi_schema(path_prefix="/api/v1/")["paths"].items():
        for method, said in methods.items():
            assert said["operationId"] not in found, said["operationId"]
            found[said["operationId"]] = (method, path, said)
    return found


def test_each_row_of_the_life_cycle_has_its_operation() -> None:
    """What has a button has an endpoint: POST requests/REF/ACTION for every row, named as the row is; and no other."""
    known = operations()
    rows = {name: said["x-action"] for name, (_, _, said) in known.items() if "x-action" in said}
    assert {name: row for name, row in rows.items() if name != row} == BESIDE
    assert {name for name, row in rows.items() if name == row} == set(ACTIONS)
    for name in rows:
        wanted = "/api/v1/requests" if name == "submit" else f"/api/v1/requests/{{ref}}/{name}"
        assert known[name][:2] == ("post", wanted)
    assert {n for n, (method, path, _) in known.items() if method == "post" and "/requests" in path} == set(rows)


def test_each_operation_declares_every_problem() -> None:
    """Nothing that the API answers is undocumented; problems have their own media type."""
    from ersr.faces.api.problems import STATUSES

    for name, (_, _, said) in operations().items():
        assert set(said["responses"]) >= STATUSES, name
        for status, answer in said["responses"].items():
            if status >= 400:
                assert set(answer["content"]) == {"application/problem+json"}, (name, status)
        assert said.get("description"), f"{name} says nothing of itself"
    assert {status for status, _ in CODES.values()} <= STATUSES | {202, 400, 405}


def test_only_public_operations_take_no_token() -> None:
    """Whoever adds an operation without a token says so here."""
    public = {name for name, (_, _, said) in operations().items() if not said.get("security")}
    assert public == {
        "ask_device_code", "confirm_enrolment", "enrol", "fetch_device_token", "make_token", "problems", "verify",
    }  # fmt: skip


def test_each_action_has_a_permit() -> None:
    """An action without a row would be refused to everybody, or worse."""
    assert set(PERMITS) == set(ACTIONS) | {"read", "read_contacts", "read_desk", "read_privileged"}
    assert list(PERMITS) == sorted(PERMITS)
    assert list(OFFICE) == sorted(OFFICE)
    for banned in BANS.values():
        assert banned <= set(PERMITS) | set(OFFICE)


def test_the_page_of_permits_is_current() -> None:
    """docs/reference/permits.md is made from the table; `python -m tools.make_permits` makes it anew."""
    assert make_permits.GOAL == ROOT / "docs/reference/permits.md"
    assert make_permits.GOAL.read_text(encoding="utf-8") == make_permits.text()
