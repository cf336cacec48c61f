"""The other ways a case can go, through the actions; after each step the whole ledger is recomputed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ersr.core.lifecycle import State
from ersr.ledger import sequence
from ersr.notifications.models import Notification
from ersr.proof.verify import verify
from ersr.requests import actions, queries
from ersr.waivers import actions as waivers
from ersr.waivers.models import Waiver
from tests import world as worlds
from tests.requests.steps import Case, refused

pytestmark = pytest.mark.django_db


class Whole(Case):
    """A case that is whole after each of its steps."""

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        steps = ("file", "fill", "take", "verify", "confirm", "propose", "approve", "sign", "serve", "acknowledge")
        if name not in steps:
            return found

        def step(*words: object, **named: object) -> object:
            done = found(*words, **named)  # type: ignore[operator]
            self.w.assert_whole()
            return done

        return step


@pytest.fixture
def c(db: None) -> Case:
    return Whole(worlds.build()).file()


def test_everything_is_denied(c: Case) -> None:
    """The registry learns the answer when it is given, not before, and nothing is signed."""
    c.fill().take().verify().confirm()
    line = c.lines()[0]
    c.decide(c.lines(), "denied")
    assert c.state is State.DECIDED
    assert queries.outcome_told_to(c.w.filer, c.request, line) == ""
    refused(lambda: waivers.preview(c.ref, "waiver", by=c.w.signatory, now=c.w.now), "not_now", "No granted line")
    actions.conclude(c.ref, channel="voice, then e-mail", by=c.w.officer, now=c.w.now)
    c.w.assert_whole()
    line.refresh_from_db()
    assert queries.outcome_told_to(c.w.filer, c.request, line) == "denied"
    assert c.state is State.CLOSED
    assert not Waiver.objects.exists()
    assert Notification.objects.filter(kind="concluded").count() == 1


def test_no_waiver_is_needed(c: Case) -> None:
    """Blocking names that nobody has registered is within 2.6: the rules say so, staff confirm it, the answer is given."""
    actions.record_act(c.ref, {"action": "reserve", "taken": "planned", "registered": "no"}, by=c.w.filer, now=c.w.now)
    c.w.assert_whole()
    c.take().verify()
    assert {line.hint for line in c.lines()} == {"no_waiver_needed"}
    assert {line.instrument for line in c.lines()} == {""}
    c.confirm()
    refused(lambda: c.propose(c.lines(), "granted"), "invalid", "has no instrument")
    c.decide(c.lines(), "no_waiver_needed")
    actions.conclude(c.ref, channel="e-mail", by=c.w.officer, now=c.w.now)
    c.w.assert_whole()
    assert c.state is State.CLOSED


def test_part_is_granted_and_later_lines_get_another_instrument(c: Case) -> None:
    """One instrument per kind for all lines granted at that signing; what is granted later gets its own."""
    c.fill().take().verify().confirm()
    first, *others = c.lines(instrument="waiver", hint="waiver")
    c.decide([first])
    one = c.sign("waiver")
    assert c.state is State.DECIDING
    c.serve(one)
    c.acknowledge(one)
    assert c.state is State.DECIDING, "lines are still open"
    c.w.later(days=1)
    c.decide(others)
    two = c.sign("waiver")
    assert one.reference != two.reference
    assert [line.number for line in one.terms.lines] == [first.number]
    assert [line.number for line in two.terms.lines] == [line.number for line in others]
    c.decide(c.lines(state="open"), "denied")
    assert c.state is State.EXECUTED, "the second instrument is to be served"
    c.serve(two)
    assert c.state is State.SERVED
    c.acknowledge(two)
    assert c.state is State.CLOSED


def test_the_last_lines_are_denied_after_the_others_were_served_and_acknowledged(c: Case) -> None:
    """Nothing else would tell the filer of these lines, so the approval itself does, and the request is closed."""
    c.fill().take().verify().confirm()
    c.decide(c.lines(instrument="waiver", hint="waiver"))
    one = c.sign("waiver")
    c.serve(one)
    c.acknowledge(one)
    assert not Notification.objects.filter(kind="concluded").exists()
    c.decide(c.lines(state="open"), "denied")
    assert c.state is State.CLOSED
    assert c.request.closed_at == c.w.now
    assert Notification.objects.get(kind="concluded").to == c.w.filer.email


def test_sent_back_and_signed_again(c: Case) -> None:
    """The signatory wants a shorter period; the first decision stays on record, the second is signed."""
    c.fill().take().verify().confirm()
    c.decide(ends_at=c.ends).refuse_the_rest()
    waivers.preview(c.ref, "waiver", by=c.w.signatory, now=c.w.now)
    c.w.assert_whole()
    waivers.send_back(c.ref, reason="30 days are enough", by=c.w.signatory, now=c.w.now)
    c.w.assert_whole()
    assert c.state is State.DECIDING
    c.decide(ends_at=c.w.now + timedelta(days=30))
    assert c.state is State.DECIDED
    signed = [c.sign(name) for name in sorted({line.instrument for line in waivers.unsigned_lines(c.request)})]
    assert {w.ends_at for w in signed} == {(c.w.now + timedelta(days=30)).replace(microsecond=0)}
    assert sorted(d.state for d in c.request.decisions.filter(outcome="granted")) == ["approved", "sent_back"]
    assert c.state is State.EXECUTED


def test_withdrawn_after_acting(c: Case) -> None:
    """Acts that were taken stay on record, and nothing covers them."""
    c.fill().take().verify()
    acts = queries.current_acts(c.request)
    assert [act.taken for act in acts] == [True]
    actions.withdraw(c.ref, reason="The worm is contained", by=c.w.filer, now=c.w.now)
    c.w.assert_whole()
    assert c.state is State.WITHDRAWN
    assert queries.current_acts(c.request) == acts
    assert not Waiver.objects.exists()
    assert queries.request_for(c.w.filer, c.ref), "it stays readable"
    receipt = sequence.receipt_for(c.request.event)
    keyset = sequence.installed_keys().key_set()
    assert verify(receipt, keyset, at=c.w.now, name="receipt.json").outcome == "authentic"


def test_the_rsps_night_shift_files_with_authority_pending(db: None) -> None:
    """Nobody of the operator is awake. The RSP files for one of its TLDs, is called back, says who will confirm it; the
    operator reads and adds in the morning, and either acknowledges."""
    w = worlds.build()
    ref = actions.submit(
        {**worlds.SIX, "tlds": "biz com", "number_claimed": "+372 555 0100"}, by=w.night, now=w.now, once="night"
    ).reference
    w.assert_whole()
    c = Whole(w, ref)
    request = c.request
    assert (request.operator.key, request.filing_party.key) == ("northlight", "baltic")
    assert queries.claimed_is_on_file(request)
    assert not queries.filer_is_on_file(request), "the filer is no contact of the operator"
    told = set(Notification.objects.filter(kind="filed_in_your_name").values_list("to", flat=True))
    assert {"ops@northlight.example", "filer@northlight.example"} <= told
    actions.add_part(ref, "authority", {"basis": "pending", "words": "The CTO"}, by=w.night, now=w.now)
    actions.record_act(ref, {"action": "create", "taken": "planned", "registered": "no"}, by=w.night, now=w.now)
    relief = {"registrar_route": "registry_itself", "fee_relief": "no"}
    actions.add_part(ref, "relief", relief, by=w.night, now=w.now)
    w.assert_whole()
    c.take()
    numbers = queries.numbers_to_call(w.officer, c.request, now=w.now)
    own = next(n for n in numbers if n.number == "+3725550100")
    assert own.claimed
    actions.call(ref, number_id=own.pk, outcome="confirmed", by=w.officer, now=w.now)
    w.assert_whole()
    actions.add_part(
        ref, "authority", {"basis": "delegated", "words": "The CTO, 08:10"}, by=w.filer, now=w.later(hours=8)
    )
    assert queries.latest_parts(c.request)["authority"].by == w.filer
    c.confirm()
    c.decide().refuse_the_rest()
    (waiver,) = [c.sign(name) for name in sorted({line.instrument for line in waivers.unsigned_lines(c.request)})]
    assert waiver.terms.registry.name == "Northlight Registry SA"
    assert waiver.terms.rsp
    assert waiver.terms.rsp.name == "Baltic Registry Services OU"
    assert waiver.terms.tlds == ("biz", "com")
    c.serve(waiver)
    waivers.acknowledge(waiver.reference, by=w.night, now=w.now)
    w.assert_whole()
    assert c.state is State.CLOSED
    refused(lambda: queries.request_for(w.stranger, ref), "not_found")
