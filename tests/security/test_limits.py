"""What one person or one stranger can use up: filings, files, lists. Each limit says when or how it goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from ersr.core.errors import Refusal
from ersr.people import patience
from ersr.requests import actions
from ersr.requests.models import Evidence, Request
from tests import world as worlds
from tests.faces.calling import Caller, refused
from tests.faces.conftest import Visit
from tests.faces.test_web_filing import GOOD, hidden, page
from tests.requests.steps import Case
from tests.world import World


def test_filings_are_limited_by_person_and_hour(world: World, settings: Any) -> None:
    """The one too many is refused with the time of the next and the duty number; others and repeated attempts are not."""
    settings.ERSR_FILINGS_LIMIT = 3
    start = world.now
    for number in range(3):
        actions.submit(worlds.SIX, by=world.filer, now=start + timedelta(minutes=number), once=f"limit:{number}")
    with pytest.raises(Refusal) as refusal:
        actions.submit(worlds.SIX, by=world.filer, now=start + timedelta(minutes=3), once="limit:3")
    assert refusal.value.code == "too_many"
    assert f"{start + timedelta(hours=1, minutes=1):%H:%M} UTC" in refusal.value.message
    assert "+1 310" in refusal.value.message or "duty line: +" in refusal.value.message
    same = actions.submit(worlds.SIX, by=world.filer, now=start + timedelta(minutes=4), once="limit:1")
    assert Request.objects.get(once="limit:1") == same
    actions.submit({**worlds.SIX, "operator": "northlight"}, by=world.night, now=start + timedelta(minutes=4), once="limit:night")
    actions.submit(worlds.SIX, by=world.filer, now=start + timedelta(minutes=61), once="limit:3")
    assert Request.objects.count() == 5


def test_the_api_and_the_page_say_too_many(world: World, visit: Visit, settings: Any) -> None:
    """429 on both faces, with Retry-After for programs; what was typed is still on the page."""
    settings.ERSR_FILINGS_LIMIT = 1
    caller = Caller(world.filer)
    assert caller.post("requests", worlds.SIX).status_code == 201
    answer = caller.post("requests", worlds.SIX)
    refused(answer, 429, "too_many")
    assert int(answer["Retry-After"]) > 0
    client = visit(world.filer)
    assert client.post("/file/six", {**GOOD, "happening": "Kept words"})["Location"] == "/file/check"
    sent = client.post("/file/check", hidden(page(client, "/file/check")))
    assert sent.status_code == 429, sent.status_code
    assert "within an hour" in sent.content.decode()
    assert "Kept words" in page(client, "/file/six")
    assert Request.objects.count() == 1


def test_a_request_takes_so_many_files_and_lists(world: World, settings: Any) -> None:
    """The store cannot be filled through one request; the refusal says how to go on."""
    settings.ERSR_EVIDENCE_FILES = 2
    settings.ERSR_LISTS_LIMIT = 1
    case = Case(world).file()
    for number in range(2):
        actions.add_evidence(case.ref, b"%d" % number, name="x", by=world.filer, now=world.now)
    with pytest.raises(Refusal, match="no more are taken"):
        actions.add_evidence(case.ref, b"three", name="x", by=world.filer, now=world.now)
    assert Evidence.objects.count() == 2
    actions.add_list(case.ref, b"alpha.biz\n", title="one", by=world.filer, now=world.now)
    with pytest.raises(Refusal, match="no more are taken"):
        actions.add_list(case.ref, b"beta.biz\n", title="two", by=world.filer, now=world.now)


def test_checking_documents_is_limited_by_network(world: World, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page and API count together; the wait is told, another network and who is signed in are not in it, and nothing is judged."""
    few = patience.Pace(2, timedelta(minutes=5), timedelta(minutes=10))
    for face in ("ersr.faces.web.public", "ersr.faces.api.v1.public"):
        monkeypatch.setattr(f"{face}.CHECKING", few)
    stranger, caller = visit(), Caller(None)

    def page(client: Client, **words: str) -> Any:
        return client.post("/verify", {"file": SimpleUploadedFile("x.pdf", b"%PDF-1.7")}, **words)

    assert page(stranger).status_code == 200
    assert caller.post("verify", files={"file": b"x"}).status_code == 200
    assert page(stranger).status_code == 200, "the third begins the wait"
    held = caller.post("verify", files={"file": b"x"})
    refused(held, 429, "too_many")
    assert 1 <= int(held["Retry-After"]) <= 4
    shown = page(stranger)
    assert shown.status_code == 429
    assert "Wait" in shown.content.decode()
    assert page(stranger, REMOTE_ADDR="203.0.113.9").status_code == 200
    assert page(visit(world.filer)).status_code == 200
