"""A case for page tests, moved along through the product's own actions: filed, taken, asked, verified, signed."""

from __future__ import annotations

from datetime import timedelta

from ersr.lists import actions as lists
from ersr.requests import actions, queries
from ersr.requests.models import Request
from ersr.waivers import actions as waivers
from ersr.waivers.models import Waiver
from tests import world as worlds
from tests.names import generator

NAMES = ["aaaaxyzq.com", "bbbbxyzq.com", "ccccxyzq.net"]


def filed(w: worlds.World, *, once: str = "story", **answers: object) -> Request:
    row = actions.submit({**worlds.SIX, **answers}, by=w.filer, now=w.now, once=once)
    w.sequence()
    return row


def taken(w: worlds.World, row: Request) -> Request:
    return actions.take(row.reference, by=w.officer, now=w.later(seconds=1))


def verified(w: worlds.World, row: Request) -> Request:
    """Called back; the filing says what is done, with one list that holds a popular name."""
    ref = row.reference
    popular = generator.LEGITIMATE[0] if hasattr(generator, "LEGITIMATE") else "jogli.com"
    lists.import_popularity(f"1,{popular}\n".encode(), title="Made", as_of=w.now.date(), by=w.officer, now=w.now)
    actions.record_act(ref, {"action": "create", "taken": "planned", "registered": "no"}, by=w.filer, now=w.now)
    actions.add_part(ref, "relief", {"registrar_route": "registry_itself", "fee_relief": "no"}, by=w.filer, now=w.now)
    actions.add_part(ref, "incident", {"category": "malicious_activity", "presence": "imminent"}, by=w.filer, now=w.now)
    actions.add_list(ref, "\n".join([*NAMES, popular]).encode(), title="Tonight", by=w.filer, now=w.now)
    if queries.request_for(w.filer, ref).state == "received":
        taken(w, row)
    number = queries.numbers_to_call(w.officer, row, now=w.now)[0]
    actions.call(ref, number_id=number.pk, outcome="confirmed", by=w.officer, now=w.later(seconds=1))
    return queries.request_for(w.filer, ref)


def proposed(w: worlds.World, row: Request) -> Request:
    """Lines confirmed, the popular name taken out, a grant proposed by staff."""
    ref = row.reference
    actions.confirm_lines(ref, by=w.security, now=w.later(seconds=1))
    hits = {h.name: ("removed", "STAFFREASON") for h in row.incident.lists.get(number=1).hits.all()}
    actions.answer_hits(ref, 1, hits, by=w.security, now=w.now)
    lines = [x for x in queries.live_lines(row) if x.hint == "waiver"]
    rest = [x.number for x in queries.live_lines(row) if x.hint != "waiver"]
    if rest:
        other = actions.propose(ref, lines=rest, outcome="no_waiver_needed", reasons="Within.", by=w.security, now=w.now)
        actions.approve(ref, other.pk, by=w.approver, now=w.now)
    ends = (w.now + timedelta(days=90)).replace(microsecond=0)
    actions.propose(
        ref, lines=[x.number for x in lines], outcome="granted", reasons="STAFFREASON two", ends_at=ends,
        acts_from=w.now.replace(microsecond=0) - timedelta(days=1), by=w.security, now=w.now,
    )  # fmt: skip
    return queries.request_for(w.filer, ref)


def signed(w: worlds.World, row: Request, *, serve: bool = True) -> list[Waiver]:
    ref = row.reference
    for decision in queries.proposals(row):
        if decision.state == "proposed":
            actions.approve(ref, decision.pk, by=w.approver, now=w.later(seconds=1))
    found = []
    for kind in sorted({x.instrument for x in queries.live_lines(row) if x.outcome == "granted"}):
        preview = waivers.preview(ref, kind, by=w.signatory, now=w.later(seconds=1))
        waiver = waivers.sign(ref, preview.pk, w.code(w.signatory), by=w.signatory, now=w.now)
        if serve:
            waivers.serve(
                waiver.reference, channel="courier", served_at=w.later(seconds=1), confirmation="AWB 17", by=w.officer,
                now=w.now,
            )  # fmt: skip
        found.append(waiver)
    w.sequence()
    return found


def whole(w: worlds.World) -> tuple[Request, list[Waiver]]:
    row = filed(w)
    verified(w, row)
    proposed(w, row)
    return row, signed(w, row)
