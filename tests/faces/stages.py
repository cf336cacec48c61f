"""One request in every state that an action needs, played through the actions, and the call that tries the action over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ersr.core.lifecycle import ACTIONS
from ersr.lists import actions as lists
from ersr.people.models import Person
from ersr.requests import actions, queries
from ersr.requests.models import Request
from ersr.waivers import actions as waivers
from tests import world as worlds
from tests.faces.calling import Caller
from tests.names import generator

#: action -> the stage at which it is possible. Reading is tried where there is most to read.
STAGE = {
    "submit": "received", "take": "received", "add_part": "received", "record_act": "received", "add_list": "received",
    "add_evidence": "received", "withdraw": "received", "call": "verifying", "ask": "verifying", "answer": "asked",
    "assess": "assessing", "note_privileged": "assessing", "change_line": "assessing", "answer_hits": "assessing",
    "confirm_lines": "assessing", "propose": "deciding", "approve": "proposed", "return_proposal": "proposed",
    "preview": "granted", "sign": "granted", "send_back": "granted", "conclude": "denied", "serve": "executed",
    "acknowledge": "served", "read": "assessing", "read_contacts": "verifying", "read_desk": "assessing",
    "read_privileged": "assessing",
}  # fmt: skip
assert set(STAGE) >= set(ACTIONS)


@dataclass
class Stages:
    """stage -> the request that stands there; `facts` holds ids that bodies need."""

    world: worlds.World
    requests: dict[str, Request] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def reference(self, stage: str) -> str:
        return self.requests[stage].reference


def build(w: worlds.World) -> Stages:
    """Eleven requests in one world; each is taken by the officer, whose place a test may give to somebody else."""
    made = Stages(w)
    lists.import_popularity(generator.popularity(), title="Made", as_of=w.now.date(), by=w.officer, now=w.now)
    for stage in dict.fromkeys(STAGE.values()):
        made.requests[stage] = _play(made, stage)
    return made


def _play(made: Stages, stage: str) -> Request:
    w, order = made.world, list(dict.fromkeys(STAGE.values()))
    request = actions.submit(worlds.SIX, by=w.filer, now=w.now, once=f"stage:{stage}")
    ref = request.reference
    actions.record_act(ref, {"action": "create", "taken": "planned", "registered": "no"}, by=w.filer, now=w.now)
    relief = {"registrar_route": "registry_itself", "fee_relief": "no"}
    actions.add_part(ref, "relief", relief, by=w.filer, now=w.now)
    if stage == "received":
        return request
    actions.take(ref, by=w.officer, now=w.now)
    if stage == "verifying":
        return request
    if stage == "asked":
        made.facts["question"] = actions.ask(ref, "Since when?", by=w.officer, now=w.now).pk
        return request
    number = queries.numbers_to_call(w.officer, request, now=w.now)[0]
    actions.call(ref, number_id=number.pk, outcome="confirmed", by=w.officer, now=w.now)
    if stage == "assessing":
        actions.add_list(ref, b"jogli.com\nqqqqqq.com\n", title="", by=w.filer, now=w.now)
        made.facts[stage] = queries.live_lines(request)[0].number
        words = {"discipline": "legal", "recommendation": "", "body": "Advice.", "privileged": True}
        actions.assess(ref, **words, by=w.counsel, now=w.now)
        return request
    actions.confirm_lines(ref, by=w.security, now=w.now)
    lines = queries.live_lines(request)
    if stage == "deciding":
        made.facts[stage] = lines[0].number
        return request
    waivable = [line for line in lines if line.hint == "waiver" and line.waivable_by in ("staff", "officer")]
    groups = {"granted": [line.number for line in waivable], "denied": [x.number for x in lines if x not in waivable]}
    if stage == "denied":
        groups = {"denied": [line.number for line in lines]}
    for outcome, numbers in groups.items():
        if numbers:
            ends = {"ends_at": w.now + timedelta(days=30)} if outcome == "granted" else {}
            decision = actions.propose(
                ref, lines=numbers, outcome=outcome, reasons="Because.", by=w.security, now=w.now, **ends
            )
            made.facts[stage] = decision.pk
            if stage != "proposed":
                actions.approve(ref, decision.pk, by=w.approver, now=w.now)
    if order.index(stage) < order.index("executed"):
        return request
    for instrument in sorted({line.instrument for line in waivable}):
        preview = waivers.preview(ref, instrument, by=w.signatory, now=w.now)
        waiver = waivers.sign(ref, preview.pk, w.code(w.signatory), by=w.signatory, now=w.now)
        made.facts[f"{stage} waiver"] = waiver.reference
        made.facts[f"{stage} at"] = waiver.signed_at
        if stage == "served":
            waivers.serve(
                waiver.reference,
                channel="courier",
                served_at=waiver.signed_at,
                confirmation="1",
                by=w.officer,
                now=w.now,
            )
    return request


def attempt(made: Stages, action: str, caller: Caller, person: Person) -> Any:
    """The call that carries out the action at its stage, with a body that is right."""
    w, ref = made.world, made.reference(STAGE[action])
    path = f"requests/{ref}/{action}"
    match action:
        case "submit":
            return caller.post("requests", worlds.SIX)
        case "read":
            return caller.get(f"requests/{ref}")
        case "read_contacts":
            return caller.get(f"requests/{ref}/numbers")
        case "read_desk":
            return caller.get(f"requests/{ref}/notes")
        case "read_privileged":
            return caller.get(f"requests/{ref}/privileged")
        case "add_list":
            return caller.post(path, {"title": "T"}, files={"file": b"zzzzzz.com\n"})
        case "add_evidence":
            return caller.post(path, files={"file": b"evidence"})
        case "call":
            number = queries.numbers_to_call(w.officer, made.requests["verifying"], now=w.now)[0]
            return caller.post(path, {"number_id": number.pk, "outcome": "confirmed"})
        case "sign":
            return caller.post(path, {"preview": _preview(made, caller), "code": w.code(person)})
    body: dict[str, Any] = {
        "take": {},
        "confirm_lines": {},
        "add_part": {"part": "originator", "body": {"kind": "cert", "name": "CERT"}},
        "record_act": {"action": "reserve", "taken": "planned"},
        "withdraw": {"reason": "Solved."},
        "ask": {"text": "Which machines?"},
        "answer": {"answers": {str(made.facts["question"]): "Since noon."}},
        "assess": {"discipline": (*person.disciplines, "security")[0], "recommendation": "grant", "body": "Yes."},
        "note_privileged": {"body": "Careful."},
        "change_line": {"line": made.facts["assessing"], "hint": "no_waiver_needed", "reason": "Within."},
        "answer_hits": {"list": 1, "answers": {"jogli.com": {"answer": "removed", "reason": "Real."}}},
        "propose": {"lines": [made.facts["deciding"]], "outcome": "denied", "reasons": "No."},
        "approve": {"decision": made.facts["proposed"]},
        "return_proposal": {"decision": made.facts["proposed"], "reason": "Shorter."},
        "preview": {"instrument": _instrument(made)},
        "send_back": {"reason": "Wider."},
        "conclude": {"channel": "phone"},
        "serve": {
            "waiver": made.facts["executed waiver"],
            "channel": "post",
            "confirmation": "R1",
            "served_at": made.facts["executed at"].isoformat(),
        },
        "acknowledge": {"waiver": made.facts["served waiver"]},
    }
    return caller.post(path, body[action])


def _instrument(made: Stages) -> str:
    return waivers.unsigned_lines(made.requests["granted"])[0].instrument


def _preview(made: Stages, caller: Caller) -> int:
    """The caller's own preview if they may make one, else a number that leads nowhere."""
    answer = caller.post(f"requests/{made.reference('granted')}/preview", {"instrument": _instrument(made)})
    return answer.json()["made"]["id"] if answer.status_code == 200 else 1
