"""One case played as far as a test of the desk's pages needs it, through the actions."""

from __future__ import annotations

from datetime import datetime, timedelta

from ersr.lists import actions as lists
from ersr.people import actions as people
from ersr.people.models import Person, RoleRow
from ersr.requests import actions, queries
from ersr.requests.models import Request
from ersr.waivers import actions as waivers
from tests import world as worlds
from tests.names import generator

STEPS = ("received", "verifying", "assessing", "deciding", "proposed", "decided", "signed")


def play(w: worlds.World, until: str, *, hits: bool = False) -> Request:
    """`until` is one of STEPS; with `hits` the four legitimate names are on the list and wait for an answer."""
    if hits:
        lists.import_popularity(generator.popularity(), title="Made", as_of=w.now.date(), by=w.officer, now=w.now)
    request = actions.submit(worlds.SIX, by=w.night, now=w.now, once=f"play:{until}:{Request.objects.count()}")
    ref = request.reference
    actions.record_act(ref, {"action": "create", "taken": "planned", "registered": "no"}, by=w.filer, now=w.now)
    relief = {"registrar_route": "registry_itself", "fee_relief": "no"}
    actions.add_part(ref, "relief", relief, by=w.filer, now=w.now)
    names = [*(generator.LEGITIMATE if hits else ()), "qqqqqq.com", "zzzzzz.org", "bad name.com"]
    actions.add_list(ref, "\n".join(names).encode(), title="Tonight", by=w.filer, now=w.now)
    steps = STEPS[: STEPS.index(until) + 1]
    if "verifying" in steps:
        actions.take(ref, by=w.officer, now=w.now)
    if "assessing" in steps:
        number = queries.numbers_to_call(w.officer, request, now=w.now)[0]
        actions.call(ref, number_id=number.pk, outcome="confirmed", by=w.officer, now=w.now)
    if "deciding" in steps:
        actions.confirm_lines(ref, by=w.security, now=w.now)
    lines = queries.live_lines(request)
    granted = [line for line in lines if line.instrument == "waiver" and line.waivable_by == "staff"]
    if "proposed" in steps:
        ends: dict[str, datetime] = {"ends_at": (w.now + timedelta(days=90)).replace(microsecond=0)}
        numbers = [line.number for line in granted]
        actions.propose(ref, lines=numbers, outcome="granted", reasons="Imminent.", by=w.security, now=w.now, **ends)
        rest = [line.number for line in lines if line not in granted]
        if rest:
            actions.propose(ref, lines=rest, outcome="denied", reasons="Not needed.", by=w.security, now=w.now)
    if "decided" in steps:
        for decision in queries.proposals(request):
            actions.approve(ref, decision.pk, by=w.approver, now=w.now)
    if "signed" in steps:
        preview = waivers.preview(ref, "waiver", by=w.signatory, now=w.now)
        waivers.sign(ref, preview.pk, w.code(w.signatory), by=w.signatory, now=w.now)
    return queries.request_for(w.officer, ref)


def also(person: Person, role: str, discipline: str = "") -> Person:
    """The same person with one more role."""
    RoleRow.objects.create(person=person, role=role, discipline=discipline)
    return Person.objects.get(pk=person.pk)


def second_signatory(w: worlds.World, *, covers: bool) -> Person:
    """Somebody else who signs, with or without a delegation for waivers."""
    person = worlds.enrol(w, "deputy", "Dora Lind", w.parties["authority"], [("signatory", "")])
    if covers:
        people.delegate(
            person=person, instrument="waiver", families=["base"], starts_at=w.now - timedelta(days=1),
            ends_at=w.now + timedelta(days=9), words="Letter of today", by=w.administrator, now=w.now,
        )  # fmt: skip
    return person
