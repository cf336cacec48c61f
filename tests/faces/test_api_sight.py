"""What each reader sees of one request, at each stage. Markers stand in every field that a filer may not see."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from ersr.ledger.models import Event
from ersr.lists import actions as lists
from ersr.requests import actions, queries
from ersr.waivers import actions as waivers
from tests import world as worlds
from tests.faces.calling import Caller, good, refused
from tests.names import generator

pytestmark = pytest.mark.django_db

STAFF_ONLY = {
    "holder", "holder_email", "taken_at", "claimed_is_on_file", "filer_is_on_file", "calls", "previews", "open_questions",
    "earlier_of_operator", "earlier_on_provisions",
}  # fmt: skip


def read(caller: Caller, ref: str) -> tuple[dict[str, Any], str]:
    """The request and everything below it that the caller may read, as one text."""
    told = good(caller.get(f"requests/{ref}"))
    texts = [
        json.dumps(told),
        caller.get("requests").content.decode(),
        caller.get(f"requests/{ref}/history").content.decode(),
    ]
    texts += [caller.get(f"requests/{ref}/{rest}").content.decode() for rest in ("numbers", "notes", "privileged")]
    texts += [caller.get(f"requests/{ref}/lists/1{rest}").content.decode() for rest in ("", "/hits")]
    return told, "\n".join(texts)


def test_a_filer_sees_the_filing_and_never_the_authoritys_own_work() -> None:
    """No number on file, no note, no advice before its confirmation, no proposer, no approver, no proposal."""
    w = worlds.build()
    lists.import_popularity(generator.popularity(), title="Made", as_of=w.now.date(), by=w.officer, now=w.now)
    ref = actions.submit(worlds.SIX, by=w.filer, now=w.now, once="1").reference
    actions.record_act(ref, {"action": "create", "taken": "planned", "registered": "no"}, by=w.filer, now=w.now)
    relief = {"registrar_route": "registry_itself", "fee_relief": "yes"}
    actions.add_part(ref, "relief", relief, by=w.filer, now=w.now)
    actions.add_list(ref, b"jogli.com\nqqqqqq.com\n", title="", by=w.filer, now=w.now)
    actions.take(ref, by=w.officer, now=w.now)
    filer, officer = Caller(w.filer), Caller(w.officer)
    request = queries.request_for(w.officer, ref)
    on_file = [n.number for n in queries.numbers_to_call(w.officer, request, now=w.now) if not n.claimed]
    markers = [*on_file, "Operations, 24 h", "MARK"]
    # Duty officers' names are told: the filer is to know who is on duty. Nobody else's are.
    markers += [
        p.name for key, p in w.people.items() if key in ("security", "counsel", "approver", "auditor", "administrator")
    ]

    def check(stage: str, caller: Caller = filer) -> dict[str, Any]:
        told, text = read(caller, ref)
        assert [m for m in markers if m in text] == [], stage
        assert not STAFF_ONLY & told.keys(), stage
        assert "proposed" not in text, stage
        return told

    told = check("verifying")
    assert told["words"] == request.words
    assert told["lines"] == []
    assert told["on_duty"]["number"]
    assert good(officer.get(f"requests/{ref}"))["lines"], "staff see the advice at once"

    number = next(n for n in queries.numbers_to_call(w.officer, request, now=w.now) if n.may_be_called)
    actions.call(ref, number_id=number.pk, outcome="no_answer", remark="MARK call", by=w.officer, now=w.now)
    actions.call(ref, number_id=number.pk, outcome="confirmed", by=w.officer, now=w.now)
    actions.assess(ref, discipline="security", recommendation="grant", body="MARK note", by=w.security, now=w.now)
    actions.assess(
        ref, discipline="legal", recommendation="", body="MARK privileged", by=w.counsel, now=w.now, privileged=True
    )
    actions.answer_hits(ref, 1, {"jogli.com": ("removed", "MARK hit")}, by=w.security, now=w.now)
    line = queries.live_lines(request)[0]
    actions.change_line(ref, line.number, {"hint": line.hint}, reason="MARK change", by=w.security, now=w.now)
    told = check("assessing")
    assert told["lists"][0]["names"] == 2, "as filed"
    assert good(officer.get(f"requests/{ref}"))["lists"][0]["names"] == 1
    assert told["lines"] == []
    assert "words" not in told, "once verified, nobody needs the words"

    actions.confirm_lines(ref, by=w.security, now=w.now)
    told = check("deciding")
    assert told["lines"]
    assert {line["outcome"] for line in told["lines"]} == {""}
    assert told["decisions"] == []

    lines = queries.live_lines(request)
    waivable = [x.number for x in lines if x.hint == "waiver" and x.waivable_by in ("staff", "officer")]
    waivable, rest = waivable[:-1], [x.number for x in lines if x.number not in waivable[:-1]]
    ends = w.now + timedelta(days=30)
    grant = actions.propose(
        ref, lines=waivable, outcome="granted", reasons="Grant words.", ends_at=ends, by=w.security, now=w.now
    )
    deny = actions.propose(ref, lines=rest, outcome="denied", reasons="Deny words.", by=w.security, now=w.now)
    assert queries.request_for(w.officer, ref).state == "proposed"
    told = check("proposed")
    assert told["state"] == "deciding"
    assert told["mover"]["words"] == "deciding"
    assert {line["state"] for line in told["lines"]} == {"open"}
    refusal = refused(filer.post(f"requests/{ref}/add_list", files={"file": b"rrrrrr.com\n"}), 409, "not_now")
    assert "proposed" not in json.dumps(refusal)
    staff = good(officer.get(f"requests/{ref}"))
    assert {d["proposed_by"] for d in staff["decisions"]} == {"Sana Iqbal"}

    actions.return_proposal(ref, deny.pk, reason="MARK return", by=w.approver, now=w.now)
    deny = actions.propose(ref, lines=rest, outcome="denied", reasons="Deny words.", by=w.security, now=w.now)
    actions.approve(ref, grant.pk, by=w.approver, now=w.now)
    actions.approve(ref, deny.pk, by=w.approver, now=w.now)
    check("decided")

    for instrument in sorted({x.instrument for x in lines if x.number in waivable}):
        row = waivers.preview(ref, instrument, by=w.signatory, now=w.now)
        waivers.sign(ref, row.pk, w.code(w.signatory), by=w.signatory, now=w.now)
    told = check("executed")
    assert told["lists"][0]["names"] == 1, "as signed"
    assert good(filer.get(f"requests/{ref}/lists/1"))["versions"][0]["removed"] == ["jogli.com"]
    assert {line["number"]: line["outcome"] for line in told["lines"]} == (
        dict.fromkeys(waivable, "granted") | dict.fromkeys(rest, "denied")
    )
    assert [d["reasons"] for d in told["decisions"]] == ["Grant words.", "Deny words."]
    assert told["waivers"][0]["signed_by"] == "Greta Holm"


def test_staff_see_all_but_privileged_notes() -> None:
    """Legal and the signatory read those, and each reading is an event; others are refused whether or not there is one."""
    w = worlds.build()
    ref = actions.submit(worlds.SIX, by=w.filer, now=w.now, once="1").reference
    actions.take(ref, by=w.officer, now=w.now)
    actions.assess(ref, discipline="legal", recommendation="", body="MARK", by=w.counsel, now=w.now, privileged=True)
    for key in ("officer", "security", "approver", "auditor"):
        caller = Caller(w.people[key])
        told, text = read(caller, ref)
        assert told.keys() >= STAFF_ONLY
        assert told["filer_is_on_file"] is True
        assert "MARK" not in text
        refused(caller.get(f"requests/{ref}/privileged"), 403, "not_allowed")
        assert ("words" in told) == (key == "officer"), "only who calls needs the words"
    before = Event.objects.filter(kind="privileged.read").count()
    for key in ("counsel", "signatory"):
        (note,) = good(Caller(w.people[key]).get(f"requests/{ref}/privileged"))["items"]
        assert note["body"] == "MARK"
    assert Event.objects.filter(kind="privileged.read").count() == before + 2


def test_an_administrator_sees_no_case_and_no_trace_of_one() -> None:
    w = worlds.build()
    ref = actions.submit(worlds.SIX, by=w.filer, now=w.now, once="1").reference
    caller = Caller(w.administrator)
    assert good(caller.get("requests")) == {"items": [], "next": None}
    assert good(caller.get("waivers")) == {"items": [], "next": None}
    refused(caller.get(f"requests/{ref}"), 404, "not_found")
    refused(caller.post(f"requests/{ref}/take"), 404, "not_found")


def test_an_rsp_sees_what_it_filed_and_a_stranger_nothing() -> None:
    w = worlds.build()
    ref = actions.submit(worlds.SIX, by=w.night, now=w.now, once="1").reference
    for person in (w.night, w.filer):
        assert good(Caller(person).get(f"requests/{ref}"))["filing_party"]["key"] == "baltic"
    assert good(Caller(w.stranger).get("requests"))["items"] == []
    refused(Caller(w.stranger).get(f"requests/{ref}"), 404, "not_found")
