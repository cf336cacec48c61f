"""Role x relation x action: no role too much, a ban beats everything, and the answer never says more than it should."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ersr.core.lifecycle import ACTIONS, STAFF, Role
from ersr.core.permits import BANS, OFFICE, PERMITS, Relation, office, verdict

STAFF_RELATIONS = [
    frozenset({Relation.NONE}),
    frozenset({Relation.HOLDER}),
    frozenset({Relation.AUTHOR}),
    frozenset({Relation.HOLDER, Relation.AUTHOR}),
]
roles = st.frozensets(st.sampled_from(list(Role)))
staff_roles = st.frozensets(st.sampled_from(sorted(STAFF)))
relations = st.sampled_from([*STAFF_RELATIONS, frozenset({Relation.OWN}), frozenset({Relation.STRANGER})])
actions = st.sampled_from(sorted(PERMITS))
DECIDING = ("approve", "sign", "preview", "send_back")


def test_every_action_of_the_life_cycle_has_its_permits_and_back() -> None:
    assert set(PERMITS) - set(ACTIONS) == {"read", "read_contacts", "read_desk", "read_privileged"}
    assert set(ACTIONS) <= set(PERMITS)
    assert not set(PERMITS) & set(OFFICE)


def test_the_tables_are_alphabetical() -> None:
    """A vocabulary in which one finds things (habit 12)."""
    for table in (PERMITS, OFFICE):
        assert list(table) == sorted(table)


@given(roles, st.sampled_from(sorted(BANS)), relations, st.sampled_from(sorted(ACTIONS)))
def test_a_banning_role_never_adds_an_act(
    held: frozenset[Role], ban: Role, ties: frozenset[Relation], action: str
) -> None:
    """Auditor and administrator may read more than others; added to other roles they only take acts away."""
    if verdict(action, held | {ban}, ties).allowed:
        assert verdict(action, held, ties).allowed


@given(roles, st.sampled_from([r for r in Role if r not in BANS]), relations, actions)
def test_a_role_that_bans_nothing_never_takes_away(
    held: frozenset[Role], more: Role, ties: frozenset[Relation], action: str
) -> None:
    """Roles combine: any that permits is enough."""
    if verdict(action, held, ties).allowed:
        assert verdict(action, held | {more}, ties).allowed


@given(roles, st.sampled_from(sorted(DECIDING)))
def test_the_author_never_approves_and_never_signs(held: frozenset[Role], action: str) -> None:
    """Whatever roles come together in one person, also when the same person holds the request."""
    for ties in ({Relation.AUTHOR}, {Relation.AUTHOR, Relation.HOLDER}):
        assert not verdict(action, held, ties).allowed


@given(roles, actions)
def test_a_stranger_sees_nothing_of_a_request(held: frozenset[Role], action: str) -> None:
    said = verdict(action, held, {Relation.STRANGER})
    assert not said.allowed
    assert not said.visible


@given(actions, relations)
def test_no_role_no_permission(action: str, ties: frozenset[Relation]) -> None:
    assert not verdict(action, (), ties).allowed


@given(roles, relations, actions)
def test_what_is_allowed_is_visible_and_what_is_refused_says_why(
    held: frozenset[Role], ties: frozenset[Relation], action: str
) -> None:
    said = verdict(action, held, ties)
    if said.allowed:
        assert said.visible
        assert not said.why
    elif said.visible:
        assert said.why
        assert said.needs == frozenset(PERMITS[action])


def test_the_administrator_and_the_auditor_do_nothing_to_a_case_whatever_else_they_are() -> None:
    """Every combination of roles with either, every tie, every action."""
    others = sorted(STAFF - set(BANS))
    for ban in BANS:
        for count in range(len(others) + 1):
            for more in itertools.combinations(others, count):
                for ties in STAFF_RELATIONS:
                    for action in (*ACTIONS, "read_privileged"):
                        assert not verdict(action, {ban, *more}, ties).allowed, (ban, more, action)


def test_privileged_notes_are_for_legal_and_the_signatory() -> None:
    for role in Role:
        held = {role, Role.RESPONDER} if role is Role.LEGAL else {role}  # legal is a responder's discipline
        assert verdict("read_privileged", held, {Relation.NONE}).allowed == (role in (Role.LEGAL, Role.SIGNATORY))
        assert verdict("note_privileged", {role, Role.RESPONDER}, {Relation.NONE}).allowed == (role is Role.LEGAL)


def test_numbers_on_file_are_never_for_filers() -> None:
    for ties in ({Relation.OWN}, {Relation.STRANGER}, {Relation.NONE}):
        assert not verdict("read_contacts", {Role.FILER}, ties).allowed


@pytest.mark.parametrize("action", ["call", "ask"])
@pytest.mark.parametrize("role", [Role.DUTY_OFFICER, Role.RESPONDER])
def test_only_the_holder_calls_and_asks(action: str, role: Role) -> None:
    assert verdict(action, {role}, {Relation.HOLDER}).allowed
    assert verdict(action, {role}, {Relation.HOLDER, Relation.AUTHOR}).allowed
    for ties in ({Relation.NONE}, {Relation.AUTHOR}):
        said = verdict(action, {role}, ties)
        assert not said.allowed
    assert "take it first" in verdict(action, {role}, {Relation.NONE}).why


def test_each_refusal_has_its_own_sentence() -> None:
    said = verdict("approve", {Role.APPROVER}, {Relation.AUTHOR}).why
    assert said.startswith("You proposed this decision, so somebody else must")
    assert verdict("approve", {Role.RESPONDER}, {Relation.NONE}).why == "This needs the role approver."
    assert verdict("take", {Role.APPROVER}, {Relation.NONE}).why == "This needs the role duty officer or responder."
    assert "never does this" in verdict("approve", {Role.APPROVER, Role.AUDITOR}, {Relation.NONE}).why


def test_a_filer_acts_for_the_own_party_and_for_nothing_of_the_desks() -> None:
    own = {Relation.OWN}
    allowed = {action for action in PERMITS if verdict(action, {Role.FILER}, own).allowed}
    assert allowed == {
        "acknowledge", "add_evidence", "add_list", "add_part", "answer", "read", "record_act", "submit", "withdraw",
    }  # fmt: skip


@given(roles, st.sampled_from(sorted(OFFICE)))
def test_the_office_keeps_its_bans_too(held: frozenset[Role], action: str) -> None:
    said = office(action, held)
    if said.allowed:
        assert held & OFFICE[action]
        assert not any(action in BANS.get(role, ()) for role in held)
    else:
        assert said.why


def test_who_gives_out_keys_never_decides_and_who_decides_gives_out_no_keys() -> None:
    """Administrator: people and keys; nobody else invites or delegates."""
    for action in ("invite", "delegate"):
        assert OFFICE[action] == {Role.ADMINISTRATOR}
        assert not office(action, {Role.ADMINISTRATOR, Role.AUDITOR}).allowed
