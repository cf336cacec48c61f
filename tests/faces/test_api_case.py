"""The whole case through the API, from filing to acknowledged waiver."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from ersr.files import store
from ersr.ledger import sequence
from ersr.proof.membership import ListKey
from ersr.proof.verify import verify
from ersr.waivers.models import Waiver
from tests import world as worlds
from tests.faces.calling import Caller, good, refused
from tests.names import generator

pytestmark = pytest.mark.django_db


def test_from_filing_to_acknowledged_waiver_over_http() -> None:
    """Every step by the person whose step it is, by bearer token; files come back byte by byte."""
    w = worlds.build()
    filer, officer, security, approver, signatory = (
        Caller(p) for p in (w.filer, w.officer, w.security, w.approver, w.signatory)
    )
    popularity = good(
        officer.post(
            "popularity",
            {"title": "Made", "as_of": w.now.date().isoformat()},
            files={"file": ("popularity.csv", generator.popularity())},
        ),
        201,
    )
    assert popularity["names"] == 504
    assert good(filer.get("operators"))["items"][0]["key"] == "northlight"
    filed = good(filer.post("requests", worlds.SIX, key="night-1"), 201)
    ref = filed["reference"]
    assert filed["state"] == "received"
    assert filed["offered"]["primary"]["name"] == "record_act"
    assert filed["due_at"].endswith("Z")
    assert filed["reckoning"][0].startswith("Received on")

    waiting = refused(filer.get(f"requests/{ref}/receipt"), 202, "pending")
    assert waiting["detail"].startswith("Filed.")
    w.assert_whole()
    receipt = filer.get(f"requests/{ref}/receipt")
    keys = filer.http.get("/keys.json")
    assert keys.content == sequence.installed_keys().key_set().to_json()
    keyset = sequence.installed_keys().key_set()
    assert receipt.status_code == 200
    assert verify(receipt.content, keyset, at=w.now, name="receipt.json").outcome == "authentic"

    day_before = (w.now - timedelta(days=1)).replace(microsecond=0)
    ends = (w.now + timedelta(days=90)).replace(microsecond=0)
    act = {"action": "create", "taken": "taken", "starts_at": day_before.isoformat(), "registered": "no"}
    made = good(filer.post(f"requests/{ref}/record_act", act))
    assert made["made"]["kind"] == "act"
    good(filer.post(f"requests/{ref}/record_act", {"action": "sinkhole", "taken": "planned", "registered": "no"}))
    relief = {"registrar_route": "registry_itself", "fee_relief": "yes"}
    good(filer.post(f"requests/{ref}/add_part", {"part": "relief", "body": relief}))
    incident = {"category": "malicious_activity", "presence": "imminent", "immediate": "yes"}
    good(filer.post(f"requests/{ref}/add_part", {"part": "incident", "body": incident}))
    sent = "\n".join(generator.filed()).encode()
    listed = good(filer.post(f"requests/{ref}/add_list", {"title": "Tonight"}, files={"file": sent}))
    assert listed["made"]["names"] == 7754
    assert listed["made"]["new"] is True
    again = good(filer.post(f"requests/{ref}/add_list", {"title": "Tonight"}, files={"file": sent}))
    assert again["made"]["new"] is False
    evidence = good(filer.post(f"requests/{ref}/add_evidence", files={"file": ("..\\a/note.txt", b"\x00<script>")}))
    kept = filer.get(f"requests/{ref}/evidence/{evidence['made']['id']}")
    assert kept.content == b"\x00<script>"
    assert kept["Content-Type"] == "application/octet-stream"
    assert kept["Content-Disposition"] == 'attachment; filename="note.txt"'
    assert "sandbox" in kept["Content-Security-Policy"]

    good(officer.post(f"requests/{ref}/take", {"from_holder": ""}))
    numbers = good(officer.get(f"requests/{ref}/numbers"))["items"]
    recent = next(n for n in numbers if not n["may_be_called"])
    refused(
        officer.post(f"requests/{ref}/call", {"number_id": recent["id"], "outcome": "confirmed"}), 409, "number_recent"
    )
    good(officer.post(f"requests/{ref}/renew_words"))
    called = good(officer.post(f"requests/{ref}/call", {"number_id": numbers[0]["id"], "outcome": "confirmed"}))
    assert called["state"] == "assessing"
    note = {"discipline": "security", "recommendation": "grant", "body": "The list fits the algorithm."}
    good(security.post(f"requests/{ref}/assess", note))
    confirmed = good(security.post(f"requests/{ref}/confirm_lines"))
    lines = confirmed["lines"]
    assert {"2.9(a)", "6.1"} <= {line["provision"] for line in lines}
    hits = good(security.get(f"requests/{ref}/lists/1/hits"))["items"]
    assert {h["name"] for h in hits} == set(generator.LEGITIMATE)
    answers = {h["name"]: {"answer": "removed", "reason": "A real site"} for h in hits}
    after = good(security.post(f"requests/{ref}/answer_hits", {"list": 1, "answers": answers}))
    assert after["made"]["names"] == 7750
    names = officer.get(f"requests/{ref}/lists/1/names").getvalue()
    assert len(filer.get(f"requests/{ref}/lists/1/names").getvalue().splitlines()) == 7754, "as filed, until the answer"
    assert hashlib.sha256(names).hexdigest() == after["made"]["digest"]
    assert len(names.splitlines()) == 7750

    waivable = [x for x in lines if x["hint"] == "waiver" and x["waivable_by"] in ("staff", "officer")]
    rest = [x["number"] for x in lines if x not in waivable]
    grant = {
        "lines": [x["number"] for x in waivable],
        "outcome": "granted",
        "reasons": "Imminent and specific.",
        "acts_from": day_before.isoformat(),
        "ends_at": ends.isoformat(),
    }
    decisions = [good(security.post(f"requests/{ref}/propose", grant))["made"]["id"]]
    if rest:
        other = {"lines": rest, "outcome": "no_waiver_needed", "reasons": "Within the agreement."}
        decisions.append(good(security.post(f"requests/{ref}/propose", other))["made"]["id"])
    for decision in decisions:
        approved = good(approver.post(f"requests/{ref}/approve", {"decision": decision}))
    assert approved["state"] == "decided"

    for instrument in sorted({x["instrument"] for x in waivable}):
        preview = good(signatory.post(f"requests/{ref}/preview", {"instrument": instrument}))["made"]
        pdf = signatory.get(f"requests/{ref}/previews/{preview['id']}").content
        assert hashlib.sha256(pdf).hexdigest() == preview["digest"]
        body = {"preview": preview["id"], "code": w.code(w.signatory)}
        signed = good(signatory.post(f"requests/{ref}/sign", body))
        assert signed["made"]["reference"] == preview["reference"]
        w.assert_whole()
    assert filer.get(f"requests/{ref}/lists/1/names").getvalue() == names
    found = good(filer.get("waivers"))["items"]
    assert {x["status"] for x in found} == {"in force"}
    for row in found:
        waiver = Waiver.objects.get(reference=row["reference"])
        letter = filer.get(f"waivers/{row['reference']}/pdf")
        token = filer.get(f"waivers/{row['reference']}/token")
        assert letter.content == store.get(waiver.pdf_id)
        assert token.content == store.get(waiver.token_id)
        assert not token.content.endswith(b"\n")
        for answer, name in ((letter, "waiver.pdf"), (token, "waiver.sd-jwt")):
            assert verify(answer.content, keyset, at=w.now, name=name).outcome == "authentic"
            told = good(Caller(None).post("verify", files={"file": (name, answer.content)}))
            assert told["outcome"] == "authentic"
            flipped = bytearray(answer.content)
            flipped[len(flipped) // 2] ^= 1
            assert good(Caller(None).post("verify", files={"file": (name, bytes(flipped))}))["outcome"] == "forged"
        covered = good(filer.get(f"waivers/{row['reference']}/covers?name={names.split()[0].decode()}"))
        assert (covered["covered"], covered["waiver"]) == (True, row["reference"])
        assert covered["list"] == (row["names"] or {}).get("digest")
        other = good(filer.get(f"waivers/{row['reference']}/covers?name=absent.com&action=sinkhole&at=2026-01-01T00:00:00Z"))
        assert (other["covered"], other["actions"], other["at"]) == (False, [], "2026-01-01T00:00:00Z")
        key = filer.get(f"waivers/{row['reference']}/list-key")
        assert key.status_code == (200 if row["names"] else 404)
        assert signatory.get(f"waivers/{row['reference']}/list-key").status_code == 404
        assert not row["names"] or ListKey.parse(key.content).checkpoint.checkpoint.root.hex() == row["names"]["root"]
        service = {"waiver": row["reference"], "channel": "courier", "confirmation": "AWB 1"}
        served_at = waiver.signed_at.isoformat()
        last = good(officer.post(f"requests/{ref}/serve", {**service, "served_at": served_at}))
    assert last["state"] == "served"
    for row in found:
        last = good(filer.post(f"requests/{ref}/acknowledge", {"waiver": row["reference"]}))
    assert last["state"] == "closed"
    w.assert_whole()
    told = good(filer.get(f"requests/{ref}/history"))["items"]
    assert told[0]["words"] == "Filed"
    assert told[-1]["words"] == "Acknowledged receipt"
