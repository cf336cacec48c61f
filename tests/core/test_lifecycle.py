"""The law as a table: sane in itself, and settled from lines and instruments in one way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ersr.core import lifecycle
from ersr.core.errors import Refusal
from ersr.core.lifecycle import (
    ACTIONS,
    FINAL,
    MOVERS,
    PRIMARY,
    UNDECIDED,
    InstrumentFacts,
    LineFacts,
    LineState,
    Outcome,
    Role,
    State,
    settle,
)
from ersr.core.permits import PERMITS


def targets(action: lifecycle.Action, state: State) -> set[State]:
    return set(action.to) | ({state} if action.same else set())


def test_every_state_is_reached_from_the_filing() -> None:
    seen = set(ACTIONS["submit"].to)
    grown = True
    while grown:
        more = {t for a in ACTIONS.values() for s in seen & a.origin for t in targets(a, s)} - seen
        seen |= more
        grown = bool(more)
    assert seen == set(State)


@pytest.mark.parametrize("state", sorted(set(State) - FINAL))
def test_every_living_state_has_a_way_out(state: State) -> None:
    assert any(state in a.origin and set(a.to) - {state} for a in ACTIONS.values())


def test_nothing_moves_a_withdrawn_request() -> None:
    assert [a.name for a in ACTIONS.values() if State.WITHDRAWN in a.origin] == []


def test_a_closed_request_takes_nothing_but_what_is_late_about_an_instrument() -> None:
    assert [a.name for a in ACTIONS.values() if State.CLOSED in a.origin] == ["acknowledge", "serve"]


def test_withdrawal_is_possible_from_every_undecided_state_and_from_no_other() -> None:
    assert ACTIONS["withdraw"].origin == UNDECIDED
    assert not UNDECIDED & {State.DECIDED, State.EXECUTED, State.SERVED, State.CLOSED}


@pytest.mark.parametrize("action", list(ACTIONS.values()), ids=lambda a: a.name)
def test_every_action_says_what_it_is(action: lifecycle.Action) -> None:
    """A label, words for the history, an event of its own, a page; one that does not move stays where it is."""
    assert action.label
    assert action.told
    assert action.page
    assert action.event == f"request.{action.name}"
    assert action.to or action.same
    assert action.origin or action.name == "submit"


def test_labels_are_unique_so_that_two_buttons_never_read_alike() -> None:
    labels = [a.label for a in ACTIONS.values()]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize("state", list(State))
def test_a_primary_action_is_possible_there_and_permitted_to_that_role(state: State) -> None:
    """A button that is filled and then refuses would be worse than none."""
    for role, names in PRIMARY[state].items():
        assert names
        for name in names:
            assert state in ACTIONS[name].origin, (state, name)
            assert role in PERMITS[name], (role, name)


def test_every_state_says_whose_move_it_is() -> None:
    assert set(MOVERS) == set(State) == set(PRIMARY)
    for state, mover in MOVERS.items():
        assert mover.side in ("authority", "registry", "nobody")
        assert (mover.side == "nobody") == (state in FINAL)
        assert mover.to_staff
        assert mover.to_filer
        assert bool(mover.if_nobody) == (state not in FINAL)
        movers = {"registry": {Role.FILER}, "authority": set(Role) - {Role.FILER}, "nobody": set()}[mover.side]
        if state not in FINAL:
            assert movers & set(PRIMARY[state]), f"{state} waits for somebody who has no button"


@pytest.mark.parametrize("name", sorted(ACTIONS))
@pytest.mark.parametrize("state", list(State))
def test_check_agrees_with_the_table(name: str, state: State) -> None:
    """Refused outside the origin, in words that name the states where it is possible."""
    action = ACTIONS[name]
    if state in action.origin:
        assert lifecycle.check(name, state, "SRW-1") is action
        return
    with pytest.raises(Refusal) as refusal:
        lifecycle.check(name, state, "SRW-1")
    assert refusal.value.code == "not_now"
    assert refusal.value.message.startswith(f"SRW-1 is {state.replace('_', ' ')}: “{action.label}”")
    for other in action.origin:
        assert other.replace("_", " ") in refusal.value.message


def test_a_caller_that_leads_elsewhere_is_a_defect() -> None:
    assert lifecycle.lands("call", State.VERIFYING, State.VERIFYING) == State.VERIFYING
    with pytest.raises(AssertionError, match="may not lead"):
        lifecycle.lands("call", State.VERIFYING, State.DECIDED)
    with pytest.raises(AssertionError):
        lifecycle.lands("withdraw", State.RECEIVED, State.RECEIVED)


# --- settle ---

line_facts = st.one_of(
    st.builds(LineFacts, st.sampled_from([LineState.OPEN, LineState.PROPOSED]), st.none()),
    st.builds(LineFacts, st.just(LineState.DECIDED), st.sampled_from(list(Outcome))),
    st.builds(LineFacts, st.just(LineState.EXECUTED), st.sampled_from([o for o in Outcome if o.grants])),
)
instrument_facts = st.builds(InstrumentFacts, st.booleans(), st.booleans())


@given(st.lists(line_facts), st.lists(instrument_facts))
def test_settle_says_the_least_finished_thing(lines: list[LineFacts], instruments: list[InstrumentFacts]) -> None:
    """An open line outranks everything, then a proposed one, then a granted one unsigned, then service, then receipt."""
    found = settle(lines, instruments)
    states = {line.state for line in lines}
    unsigned = any(w.state == LineState.DECIDED and w.outcome and w.outcome.grants for w in lines)
    if LineState.OPEN in states:
        assert found is State.DECIDING
    elif LineState.PROPOSED in states:
        assert found is State.PROPOSED
    elif unsigned or not instruments:
        assert found is State.DECIDED
    elif any(not i.served for i in instruments):
        assert found is State.EXECUTED
    elif any(not i.acknowledged for i in instruments):
        assert found is State.SERVED
    else:
        assert found is State.CLOSED


@given(st.lists(line_facts), st.lists(instrument_facts))
def test_settle_asks_for_no_order(lines: list[LineFacts], instruments: list[InstrumentFacts]) -> None:
    assert settle(lines, instruments) == settle(lines[::-1], instruments[::-1])


class Deciding(RuleBasedStateMachine):
    """Lines and instruments go through their lives in any order. Whatever the order, the table must let each action land
    where `settle` says: else the product would break in the middle of a case."""

    @initialize(count=st.integers(1, 4))
    def begin(self, count: int) -> None:
        self.lines: list[list[object]] = [[LineState.OPEN, None] for _ in range(count)]
        self.instruments: list[list[bool]] = []
        self.state = State.DECIDING

    def facts(self) -> tuple[list[LineFacts], list[InstrumentFacts]]:
        return (
            [LineFacts(state, outcome) for state, outcome in self.lines],  # type: ignore[arg-type]
            [InstrumentFacts(*pair) for pair in self.instruments],
        )

    def act(self, name: str) -> None:
        assert self.state in ACTIONS[name].origin
        self.state = lifecycle.lands(name, self.state, settle(*self.facts()))

    def may(self, name: str) -> bool:
        return self.state in ACTIONS[name].origin

    def some(self, state: LineState, grants: bool | None = None) -> list[list[object]]:
        return [w for w in self.lines if w[0] == state and (grants is None or w[1].grants == grants)]  # type: ignore[union-attr]

    @precondition(lambda self: self.may("propose") and self.some(LineState.OPEN))
    @rule(outcome=st.sampled_from(list(Outcome)))
    def propose(self, outcome: Outcome) -> None:
        self.some(LineState.OPEN)[0][:] = [LineState.PROPOSED, outcome]
        self.act("propose")

    @precondition(lambda self: self.may("approve") and self.some(LineState.PROPOSED))
    @rule()
    def approve(self) -> None:
        self.some(LineState.PROPOSED)[0][0] = LineState.DECIDED
        self.act("approve")

    @precondition(lambda self: self.may("return_proposal") and self.some(LineState.PROPOSED))
    @rule()
    def return_proposal(self) -> None:
        self.some(LineState.PROPOSED)[0][:] = [LineState.OPEN, None]
        self.act("return_proposal")

    @precondition(lambda self: self.may("sign") and self.some(LineState.DECIDED, True))
    @rule()
    def sign(self) -> None:
        self.some(LineState.DECIDED, True)[0][0] = LineState.EXECUTED
        self.instruments.append([False, False])
        self.act("sign")

    @precondition(lambda self: self.may("send_back") and self.some(LineState.DECIDED, True))
    @rule()
    def send_back(self) -> None:
        self.some(LineState.DECIDED, True)[0][:] = [LineState.OPEN, None]
        self.act("send_back")

    @precondition(lambda self: self.may("serve") and any(not i[0] for i in self.instruments))
    @rule()
    def serve(self) -> None:
        next(i for i in self.instruments if not i[0])[0] = True
        self.act("serve")

    @precondition(lambda self: self.may("acknowledge") and any(not i[1] for i in self.instruments))
    @rule()
    def acknowledge(self) -> None:
        """Also before the service is recorded: the registry sees the instrument once it is signed."""
        next(i for i in self.instruments if not i[1])[1] = True
        self.act("acknowledge")

    @precondition(lambda self: self.may("conclude") and not self.some(LineState.DECIDED, True))
    @rule()
    def conclude(self) -> None:
        self.state = lifecycle.lands("conclude", self.state, State.CLOSED)

    @precondition(lambda self: self.state is State.CLOSED)
    @rule()
    def rest(self) -> None:
        """Nothing is left to do, which is as it should be."""

    @invariant()
    def nothing_is_lost(self) -> None:
        """A closed request has nothing open, unsigned, unserved or unacknowledged."""
        if getattr(self, "state", None) is State.CLOSED:
            assert not self.some(LineState.OPEN)
            assert not self.some(LineState.PROPOSED)
            assert not self.some(LineState.DECIDED, True)
            assert all(all(i) for i in self.instruments)


TestDeciding = Deciding.TestCase


@pytest.mark.parametrize("outcome", list(Outcome))
def test_two_outcomes_grant_and_the_others_do_not(outcome: Outcome) -> None:
    assert outcome.grants == outcome.startswith("granted")
    assert outcome.words[0].isupper()
    assert "_" not in outcome.words
