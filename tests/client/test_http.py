"""The client against the service itself, in one process: every method reaches its operation, every no is a Problem."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from ersr.client.http import Client, Problem

NOW = datetime(2026, 11, 14, 11, 7, tzinfo=UTC)


def answering(answer: Any) -> Client:
    """A client whose service is a function of the request."""
    return Client("http://service.test/", "secret", transport=httpx.MockTransport(answer), sleep=lambda _: None)


def test_a_refusal_is_raised_whole() -> None:
    told = {
        "type": "x", "title": "Some answers need another look", "status": 422, "detail": "Choose.", "code": "invalid",
        "errors": [{"field": "tlds", "message": "Enter the TLDs"}], "who_can": ["Tom Okafor"],
    }  # fmt: skip
    refused = httpx.Response(422, json=told, headers={"Retry-After": "1"})
    with answering(lambda _: refused) as client, pytest.raises(Problem) as said:
        client.submit({})
    problem = said.value
    assert (problem.status, problem.code, problem.who_can, problem.retry_after) == (422, "invalid", ["Tom Okafor"], 1)
    assert str(problem) == "Choose. (422 invalid; tlds: Enter the TLDs)"


@pytest.mark.parametrize("body", [b"<html>bad gateway</html>", b"", b"[1]"])
def test_a_refusal_of_somebody_in_between_is_a_problem_too(body: bytes) -> None:
    with answering(lambda _: httpx.Response(502, content=body)) as client, pytest.raises(Problem) as said:
        client.me()
    assert (said.value.status, said.value.code) == (502, "")
    assert "502" in str(said.value)


def test_without_a_key_only_a_get_is_repeated_and_only_when_the_connection_broke() -> None:
    calls: list[str] = []

    def broken(request: httpx.Request) -> httpx.Response:
        calls.append(request.method)
        if len(calls) < 3:
            raise httpx.ConnectError("gone", request=request)
        return httpx.Response(200, json={"email": "a@b.example"})

    with answering(broken) as client:
        assert client.me() == {"email": "a@b.example"}
        assert calls == ["GET"] * 3
        calls.clear()
        with pytest.raises(httpx.ConnectError):
            client.submit({})
        assert calls == ["POST"]

    def busy(request: httpx.Request) -> httpx.Response:
        calls.append(request.method)
        return httpx.Response(503, json={"code": "busy"})

    calls.clear()
    with answering(busy) as client, pytest.raises(Problem):
        client.me()
    assert calls == ["GET"]


def test_what_is_sent_is_what_was_meant() -> None:
    """Token, key, times with their zone; a file as it is."""
    seen: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        request.read()
        seen.append(request)
        return httpx.Response(200, json={"items": [], "next": None})

    with answering(note) as client:
        client.act("SRW-1", "propose", key="k1", lines=[1], ends_at=NOW)
        client.add_list("SRW-1", b"a.com\n\xff", title="T", key="k2")
        with pytest.raises(ValueError, match="zone"):
            client.act("SRW-1", "serve", served_at=datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused
    first, second = seen
    assert first.headers["Authorization"] == "Bearer secret"
    assert first.headers["Idempotency-Key"] == "k1"
    assert str(first.url) == "http://service.test/api/v1/requests/SRW-1/propose"
    assert b'"ends_at":"2026-11-14T11:07:00+00:00"' in first.content.replace(b" ", b"")
    assert b"a.com\n\xff" in second.content
    assert second.headers["Idempotency-Key"] == "k2"


def test_pages_are_followed_to_the_end() -> None:
    pages = {"": {"items": [{"n": 1}], "next": "c1"}, "c1": {"items": [{"n": 2}], "next": None}}
    asked: list[str] = []

    def page(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("cursor", ""))
        return httpx.Response(200, json=pages[asked[-1]])

    with answering(page) as client:
        assert [row["n"] for row in client.requests()] == [1, 2]
    assert asked == ["", "c1"]


@pytest.fixture
def service() -> Iterator[Any]:
    """A world, and clients of its people that talk to the real application without a socket."""
    from datetime import timedelta as span

    from django.core.signals import request_finished, request_started
    from django.db import close_old_connections

    from ersr import clock
    from ersr.people import actions as people
    from ersr.project.wsgi import application
    from tests import world as worlds

    w = worlds.build()
    transport = httpx.WSGITransport(app=application)
    made: list[Client] = []
    # As Django's own test client does: the test's transaction lives on this connection.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)

    def client_of(key: str = "") -> Client:
        token = None
        if key:
            scopes = ("read", "write", "sign", "admin")
            _, token = people.make_token(w.people[key], name="t", scopes=scopes, lasts=span(days=1), now=clock.real())
        made.append(Client("http://127.0.0.1", token, transport=transport))
        return made[-1]

    yield w, client_of
    for client in made:
        client.close()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.django_db
def test_every_method_reaches_its_operation(service: Any) -> None:
    """What the demonstration and other programs call, once each, against the real service."""
    from ersr.ledger import sequence
    from tests.world import SIX

    w, client_of = service
    anybody, filer, officer = client_of(), client_of("filer"), client_of("officer")
    counsel, services, administrator, auditor = (
        client_of(k) for k in ("counsel", "services", "administrator", "auditor")
    )
    assert filer.me()["email"] == w.filer.email
    assert filer.operators()[0]["key"] == "northlight"
    assert [t["current"] for t in filer.tokens()] == [True]
    assert filer.sessions() == []
    made = filer.submit(SIX, key="k")
    ref = made["reference"]
    assert filer.submit(SIX, key="k") == made
    assert [r["reference"] for r in filer.requests()] == [ref]
    assert filer.request(ref)["state"] == "received"
    assert filer.receipt(ref) is None
    w.sequence()
    receipt = filer.receipt(ref)
    assert receipt
    assert anybody.verify(receipt, name="receipt.json")["outcome"] == "authentic"
    assert filer.add_list(ref, b"jogli.com\nqqqqqq.com\n", title="T")["made"]["names"] == 2
    assert filer.names(ref, 1) == b"jogli.com\nqqqqqq.com\n"
    assert filer.name_list(ref, 1)["versions"][0]["names"] == 2
    evidence = filer.add_evidence(ref, b"\x00raw", name="x.bin")["made"]["id"]
    assert filer.evidence(ref, evidence) == b"\x00raw"
    assert officer.import_popularity(b"1,jogli.com\n", title="Made", as_of="2026-01-01")["names"] == 1
    assert [h["name"] for h in officer.hits(ref, 1)] == ["jogli.com"]
    assert officer.act(ref, "take")["state"] == "verifying"
    assert len(officer.numbers(ref)) == 3
    assert officer.notes(ref) == []
    counsel.act(ref, "note_privileged", body="Advice.")
    assert [n["body"] for n in counsel.privileged(ref)] == ["Advice."]
    assert filer.history(ref)[0]["words"] == "Filed"
    assert filer.waivers() == []
    for call in (filer.waiver, filer.waiver_pdf, filer.waiver_token, filer.waiver_list_key, lambda ref: filer.waiver_covers(ref, "a.com")):
        with pytest.raises(Problem) as said:
            call("W-2026-0000000-X")
        assert said.value.code == "not_found"
    with pytest.raises(Problem, match="not_found"):
        officer.preview_pdf(ref, 1)
    assert {p["key"] for p in administrator.parties()} >= {"northlight"}
    assert administrator.party("northlight")["name"] == "Northlight Registry SA"
    assert len(administrator.people()) == len(w.people)
    made = administrator.invite(email="n@icann.example", name="N", party="icann", roles=[("approver", "")])
    code = made["enrol_link"].rsplit("/", 1)[1]
    from ersr.client.totp import Authenticator

    shown = Authenticator(anybody.enrol(code, "three quiet geese fly")["secret"])
    assert anybody.confirm_enrolment(code, shown.fresh())["email"] == "n@icann.example"
    token = anybody.make_token("n@icann.example", "three quiet geese fly", shown.fresh(), scopes=["read"])
    assert token["scopes"] == ["read"]
    with pytest.raises(Problem, match="401"):
        anybody.end_token(token["id"])
    delegation = administrator.delegate(
        person=w.signatory.email, instrument="waiver", families=["base"], starts_at=NOW, ends_at=NOW + timedelta(days=9),
        words="Resolution",
    )  # fmt: skip
    assert delegation["families"] == ["base"]
    row = {
        "id": "9.9", "title": "T", "demands": "D", "source": "S", "waivable_by": "staff", "certainty": "U",
        "instrument": "waiver",
    }  # fmt: skip
    assert services.add_provision(family="base", version="2023-04-30", body=row, reason="R")["row"] == 1
    assert "9.9" in {p["id"] for p in services.provisions()}
    assert auditor.ledger_events()[0]["index"] == 0
    assert auditor.ledger_checkpoint().startswith(b"srw.test/ledger\n")
    with pytest.raises(Problem, match="not_found"):
        anybody.checkpoint()
    published = anybody.keys()
    assert published == sequence.installed_keys().key_set().to_json()
    assert anybody.openapi()["openapi"].startswith("3.1")
    with pytest.raises(Problem, match="not_found"):
        filer.end_session("nothing")
