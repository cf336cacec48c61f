"""The main job, from filing to acknowledged waiver, through the actions; fsck after each step."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ersr.core.errors import Refusal
from ersr.files import store
from ersr.ledger import sequence
from ersr.lists import actions as lists
from ersr.proof.verify import verify
from ersr.requests import actions, queries
from ersr.waivers import actions as waivers
from tests import world as worlds
from tests.names import generator

pytestmark = pytest.mark.django_db


def test_from_filing_to_acknowledged_waiver() -> None:
    """7,750 names, four legitimate ones stopped before signature, retroactive from the day before, checked offline."""
    w = worlds.build()
    lists.import_popularity(generator.popularity(), title="Made", as_of=w.now.date(), by=w.officer, now=w.now)
    request = actions.submit(worlds.SIX, by=w.filer, now=w.now, once="test:1")
    ref = request.reference
    assert actions.submit(worlds.SIX, by=w.filer, now=w.now, once="test:1").pk == request.pk
    with pytest.raises(Refusal) as early:
        sequence.receipt_for(request.event)
    assert early.value.code == "pending"
    w.assert_whole()
    keyset = sequence.installed_keys().key_set()
    assert verify(sequence.receipt_for(request.event), keyset, at=w.now, name="receipt.json").outcome == "authentic"

    day_before = (w.now - timedelta(days=1)).replace(microsecond=0)
    ends = (w.now + timedelta(days=90)).replace(microsecond=0)
    actions.record_act(
        ref,
        {"action": "create", "taken": "taken", "starts_at": day_before.isoformat(), "registered": "no"},
        by=w.filer,
        now=w.now,
    )
    actions.record_act(ref, {"action": "sinkhole", "taken": "planned", "registered": "no"}, by=w.filer, now=w.now)
    actions.add_part(ref, "relief", {"registrar_route": "registry_itself", "fee_relief": "yes"}, by=w.filer, now=w.now)
    actions.add_part(
        ref,
        "incident",
        {"category": "malicious_activity", "presence": "imminent", "immediate": "yes"},
        by=w.filer,
        now=w.now,
    )
    version, new = actions.add_list(ref, "\n".join(generator.filed()).encode(), title="Tonight", by=w.filer, now=w.now)
    assert new
    assert version.names == 7754
    assert (
        actions.add_list(ref, "\n".join(generator.filed()).encode(), title="Tonight", by=w.filer, now=w.now)[1] is False
    )
    w.assert_whole()

    actions.take(ref, by=w.officer, now=w.later(minutes=5))
    numbers = queries.numbers_to_call(w.officer, request, now=w.now)
    recent = next(n for n in numbers if not n.may_be_called)
    with pytest.raises(Refusal, match="changed 6 days ago"):
        actions.call(ref, number_id=recent.pk, outcome="confirmed", by=w.officer, now=w.now)
    with pytest.raises(Refusal, match="take it first"):
        actions.call(ref, number_id=numbers[0].pk, outcome="confirmed", by=w.second, now=w.now)
    actions.call(ref, number_id=numbers[0].pk, outcome="confirmed", by=w.officer, now=w.later(minutes=10))
    w.assert_whole()

    actions.assess(
        ref,
        discipline="security",
        recommendation="grant",
        body="The list fits the algorithm.",
        by=w.security,
        now=w.now,
    )
    actions.assess(
        ref, discipline="legal", recommendation="", body="PRIVILEGED-MARK", by=w.counsel, now=w.now, privileged=True
    )
    lines = queries.live_lines(queries.request_for(w.officer, ref))
    assert {"2.9(a)", "6.1"} <= {line.provision for line in lines}
    actions.confirm_lines(ref, by=w.security, now=w.now)
    with pytest.raises(Refusal, match="4 names"):
        actions.propose(
            ref, lines=[lines[0].number], outcome="granted", reasons="x", ends_at=ends, by=w.security, now=w.now
        )
    hits = {n: ("removed", "A real site") for n in generator.LEGITIMATE}
    after = actions.answer_hits(ref, 1, hits, by=w.security, now=w.now)
    assert after
    assert after.names == 7750
    w.assert_whole()

    waivable = [x for x in lines if x.hint == "waiver" and x.waivable_by in ("staff", "officer")]
    rest = [x.number for x in lines if x not in waivable]
    grant = actions.propose(
        ref, lines=[x.number for x in waivable], outcome="granted", reasons="Imminent and specific.", acts_from=day_before,
        ends_at=ends, by=w.security, now=w.now,
    )  # fmt: skip
    if rest:
        other = actions.propose(
            ref, lines=rest, outcome="no_waiver_needed", reasons="Within the agreement.", by=w.security, now=w.now
        )
        actions.approve(ref, other.pk, by=w.approver, now=w.now)
    with pytest.raises(Refusal, match="approver"):
        actions.approve(ref, grant.pk, by=w.security, now=w.now)
    actions.approve(ref, grant.pk, by=w.approver, now=w.later(hours=1))
    w.assert_whole()

    signed = []
    for instrument in sorted({x.instrument for x in waivable}):
        row = waivers.preview(ref, instrument, by=w.signatory, now=w.later(minutes=1))
        waiver = waivers.sign(ref, row.pk, w.code(w.signatory), by=w.signatory, now=w.later(minutes=1))
        pdf, token = store.get(waiver.pdf_id), store.get(waiver.token_id)
        assert pdf.startswith(store.get(row.file_id)), "the preview's bytes stay the beginning"
        for data, name in ((pdf, "waiver.pdf"), (token, "waiver.sd-jwt")):
            assert verify(data, keyset, at=w.now, name=name).outcome == "authentic"
            flipped = bytearray(data)
            flipped[len(flipped) // 2] ^= 1
            assert verify(bytes(flipped), keyset, at=w.now, name=name).outcome == "forged"
        signed.append(waiver)
        w.assert_whole()
    assert queries.request_for(w.filer, ref).state == "executed"
    for waiver in signed:
        waivers.serve(
            waiver.reference,
            channel="courier",
            served_at=w.later(minutes=5),
            confirmation="AWB 1",
            by=w.officer,
            now=w.now,
        )
    assert queries.request_for(w.filer, ref).state == "served"
    for waiver in signed:
        waivers.acknowledge(waiver.reference, by=w.filer, now=w.later(minutes=5))
    assert queries.request_for(w.filer, ref).state == "closed"
    w.assert_whole()
