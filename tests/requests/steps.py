"""A request brought to any state through the actions, as the tests of requests and waivers need it. Lists are short."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from ersr.core.errors import Refusal
from ersr.core.lifecycle import State
from ersr.requests import actions, queries
from ersr.requests.models import Decision, Line, Request
from ersr.waivers import actions as waivers
from ersr.waivers.models import Waiver
from tests import world as worlds
from tests.world import World

NAMES = "alpha.biz\nbravo.com\ncharlie.net\n"
_ONCE = itertools.count(1)


def begin() -> Case:
    return Case(worlds.build()).file()


def refused(act: Callable[[], object], code: str, words: str = "") -> Refusal:
    """The refusal, if the act is refused with this code and a sentence that holds these words."""
    with pytest.raises(Refusal) as refusal:
        act()
    assert refusal.value.code == code, refusal.value
    assert words in refusal.value.message
    return refusal.value


@dataclass
class Case:
    """One request on its way. Each step returns the case, so that steps read as a sentence."""

    w: World
    ref: str = ""
    waivers: list[Waiver] = field(default_factory=list)

    @property
    def request(self) -> Request:
        return Request.objects.get(reference=self.ref)

    @property
    def state(self) -> State:
        return State(self.request.state)

    @property
    def ends(self) -> datetime:
        return (self.w.now + timedelta(days=90)).replace(microsecond=0)

    def lines(self, **where: Any) -> list[Line]:
        return [w for w in queries.live_lines(self.request) if all(getattr(w, k) == v for k, v in where.items())]

    def grantable(self) -> list[Line]:
        return [w for w in self.lines(state="open") if w.hint == "waiver" and w.waivable_by in ("staff", "officer")]

    # --- steps ---

    def file(self, **changes: Any) -> Case:
        raw = {**worlds.SIX, **changes}
        self.ref = actions.submit(raw, by=self.w.filer, now=self.w.now, once=f"steps:{next(_ONCE)}").reference
        return self

    def fill(self, names: str = NAMES) -> Case:
        """Creates names without a registrar, wants the fee waived, brings a list."""
        w, day_before = self.w, self.w.now - timedelta(days=1)
        actions.record_act(
            self.ref,
            {"action": "create", "taken": "taken", "starts_at": day_before.isoformat(), "registered": "no"},
            by=w.filer,
            now=w.now,
        )
        relief = {"registrar_route": "registry_itself", "fee_relief": "yes"}
        actions.add_part(self.ref, "relief", relief, by=w.filer, now=w.now)
        incident = {"category": "malicious_activity", "presence": "imminent", "immediate": "yes"}
        actions.add_part(self.ref, "incident", incident, by=w.filer, now=w.now)
        if names:
            actions.add_list(self.ref, names.encode(), title="Tonight", by=w.filer, now=w.now)
        return self

    def take(self) -> Case:
        actions.take(self.ref, by=self.w.officer, now=self.w.now)
        return self

    def number(self, call: Callable[[Any], bool] = lambda n: n.may_be_called) -> int:
        found = queries.numbers_to_call(self.w.officer, self.request, now=self.w.now)
        return next(n.pk for n in found if call(n))

    def verify(self) -> Case:
        actions.call(self.ref, number_id=self.number(), outcome="confirmed", by=self.w.officer, now=self.w.now)
        return self

    def confirm(self) -> Case:
        actions.confirm_lines(self.ref, by=self.w.security, now=self.w.now)
        return self

    def propose(self, lines: list[Line] | None = None, outcome: str = "granted", **words: Any) -> Decision:
        chosen = self.grantable() if lines is None else lines
        if outcome.startswith("granted"):
            words = {"ends_at": self.ends, **words}
        return actions.propose(
            self.ref,
            lines=[line.number for line in chosen],
            outcome=outcome,
            reasons="Imminent and specific.",
            by=words.pop("by", self.w.security),
            now=self.w.now,
            **words,
        )

    def approve(self, decision: Decision) -> Case:
        actions.approve(self.ref, decision.pk, by=self.w.approver, now=self.w.now)
        return self

    def decide(self, lines: list[Line] | None = None, outcome: str = "granted", **words: Any) -> Case:
        return self.approve(self.propose(lines, outcome, **words))

    def refuse_the_rest(self) -> Case:
        """Everything that is still open needs no waiver."""
        if rest := self.lines(state="open"):
            self.decide(rest, "no_waiver_needed")
        return self

    def sign(self, instrument: str) -> Waiver:
        row = waivers.preview(self.ref, instrument, by=self.w.signatory, now=self.w.now)
        signed = waivers.sign(self.ref, row.pk, self.w.code(self.w.signatory), by=self.w.signatory, now=self.w.now)
        self.waivers.append(signed)
        return signed

    def sign_all(self) -> Case:
        for instrument in sorted({line.instrument for line in waivers.unsigned_lines(self.request)}):
            self.sign(instrument)
        return self

    def serve(self, waiver: Waiver) -> Case:
        waivers.serve(
            waiver.reference, channel="courier", served_at=self.w.now, confirmation="AWB 1", by=self.w.officer,
            now=self.w.now,
        )  # fmt: skip
        return self

    def acknowledge(self, waiver: Waiver) -> Case:
        waivers.acknowledge(waiver.reference, by=self.w.filer, now=self.w.now)
        return self

    def to(self, state: State) -> Case:
        """From a request just filed to any state of the table, with everything granted on the way past the decision."""
        if state is State.RECEIVED:
            return self
        if state is State.WITHDRAWN:
            actions.withdraw(self.ref, reason="Not needed", by=self.w.filer, now=self.w.now)
            return self
        self.fill().take()
        if state is State.AWAITING_REQUESTER:
            actions.ask(self.ref, "Since when?", by=self.w.officer, now=self.w.now)
        past = list(State).index
        if past(state) >= past(State.ASSESSING):
            self.verify()
        if past(state) >= past(State.DECIDING):
            self.confirm()
        if past(state) >= past(State.PROPOSED):
            if rest := [line for line in self.lines() if line not in self.grantable()]:
                self.propose(rest, "no_waiver_needed")
            self.propose()
        if past(state) >= past(State.DECIDED):
            for decision in Decision.objects.filter(request=self.request, state="proposed"):
                self.approve(decision)
        if past(state) >= past(State.EXECUTED):
            self.sign_all()
        if past(state) >= past(State.SERVED):
            for waiver in self.waivers:
                self.serve(waiver)
        if past(state) >= past(State.CLOSED):
            for waiver in self.waivers:
                self.acknowledge(waiver)
        assert self.state is state
        return self
