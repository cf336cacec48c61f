"""A lost connection, a double click, a repeated call: with an Idempotency-Key all are one."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from ersr import clock
from ersr.core.lifecycle import State
from ersr.faces.api import idempotency
from ersr.faces.api.models import IdempotentAnswer
from ersr.ledger.models import Event
from ersr.lists.models import NameList
from ersr.requests import actions
from ersr.requests.models import Act, Request
from ersr.waivers import actions as waivers
from tests import world as worlds
from tests.faces.calling import Caller, good, refused
from tests.requests import steps

pytestmark = pytest.mark.django_db
ACT = {"action": "reserve", "taken": "planned"}


@pytest.fixture
def w() -> worlds.World:
    return worlds.build()


def test_the_same_call_again_gets_the_same_answer_and_acts_once(w: worlds.World) -> None:
    caller = Caller(w.filer)
    first = caller.post("requests", worlds.SIX, key="k1")
    events = Event.objects.count()
    again = caller.post("requests", worlds.SIX, key="k1")
    assert (again.status_code, again.content, again["Content-Type"]) == (201, first.content, first["Content-Type"])
    assert again["Idempotency-Replayed"] == "true"
    assert Request.objects.count() == 1
    assert Event.objects.count() == events
    ref = first.json()["reference"]
    for _ in range(2):
        good(caller.post(f"requests/{ref}/record_act", ACT, key="k2"))
    assert Act.objects.count() == 1
    for _ in range(2):
        good(caller.post(f"requests/{ref}/record_act", ACT))
    assert Act.objects.count() == 3, "without a key each call acts"


def test_a_key_is_for_one_call_of_one_person(w: worlds.World) -> None:
    """Another body or address is refused; another person's same key is another key."""
    caller = Caller(w.filer)
    ref = good(caller.post("requests", worlds.SIX, key="k"), 201)["reference"]
    refused(caller.post("requests", worlds.SIX | {"happening": "Else."}, key="k"), 422, "idempotency")
    refused(caller.post(f"requests/{ref}/record_act", ACT, key="k"), 422, "idempotency")
    assert Request.objects.count() == 1
    good(Caller(w.night).post("requests", worlds.SIX, key="k"), 201)
    assert Request.objects.count() == 2


def test_wrong_codes_are_counted_with_a_key_too(w: worlds.World) -> None:
    """Else whoever holds a token for signing could guess codes without end, each with a key of its own."""
    case = steps.Case(w).file().to(State.DECIDED)
    row = waivers.preview(case.ref, "waiver", by=w.signatory, now=w.now)
    caller = Caller(w.signatory)
    for number in range(11):
        refused(caller.post(f"requests/{case.ref}/sign", {"preview": row.pk, "code": "000000"}, key=f"g{number}"), 422, "code_wrong")
    refused(caller.post(f"requests/{case.ref}/sign", {"preview": row.pk, "code": "000000"}, key="g10"), 429, "too_many")


def test_a_refused_call_leaves_no_trace_and_may_be_mended(w: worlds.World) -> None:
    caller = Caller(w.filer)
    refused(caller.post("requests", {}, key="k"), 422, "invalid")
    assert IdempotentAnswer.objects.count() == 0
    good(caller.post("requests", worlds.SIX, key="k"), 201)


def test_of_a_file_the_parts_count_and_not_the_boundary(w: worlds.World) -> None:
    """Clients draw a boundary for each sending; the same file is the same call, another file is not."""
    caller = Caller(w.filer)
    ref = good(caller.post("requests", worlds.SIX), 201)["reference"]

    def send(boundary: str, name: str) -> Any:
        part = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="n.txt"\r\n\r\n{name}.com\r\n--{boundary}--\r\n'
        return caller.http.post(
            f"/api/v1/requests/{ref}/add_list",
            part.encode(),
            f"multipart/form-data; boundary={boundary}",
            headers=caller.headers | {"Idempotency-Key": "list"},
        )

    first, again = send("aaaaaa", "qqqqqq"), send("bbbbbb", "qqqqqq")
    assert good(first)["made"]["new"] is True
    assert again.content == first.content
    refused(send("cccccc", "rrrrrr"), 422, "idempotency")
    assert NameList.objects.count() == 1


def test_a_replay_asks_for_token_and_scope_again(w: worlds.World) -> None:
    """Whoever lost the token has lost the answers too."""
    caller = Caller(w.filer)
    good(caller.post("requests", worlds.SIX, key="k"), 201)
    refused(Caller(w.filer, ("read",)).post("requests", worlds.SIX, key="k"), 403, "scope")
    nobody = Caller(None)
    refused(nobody.post("requests", worlds.SIX, key="k"), 401, "sign_in")


def test_stored_answers_are_sealed_and_kept_for_a_day(w: worlds.World) -> None:
    """A thief of the table reads nothing; after a day the key is free, and the filing's own `once` still files once."""
    caller = Caller(w.filer)
    first = good(caller.post("requests", worlds.SIX, key="k"), 201)
    row = IdempotentAnswer.objects.get()
    assert first["reference"] not in row.body
    assert "worm" not in row.body
    IdempotentAnswer.objects.update(at=clock.real() - idempotency.KEPT - timedelta(seconds=1))
    again = good(caller.post("requests", worlds.SIX, key="k"), 201)
    assert again["reference"] == first["reference"]
    assert Request.objects.count() == 1
    assert IdempotentAnswer.objects.count() == 1


def test_a_key_used_again_after_a_day_swallows_no_other_filing(w: worlds.World) -> None:
    """The stored answer is gone by then: the same answers are the same filing still, other answers are another."""
    caller = Caller(w.filer)
    first = good(caller.post("requests", worlds.SIX, key="k" * 80), 201)["reference"]
    IdempotentAnswer.objects.all().delete()
    assert good(caller.post("requests", worlds.SIX, key="k" * 80), 201)["reference"] == first
    IdempotentAnswer.objects.all().delete()
    other = caller.post("requests", worlds.SIX | {"happening": "Something else, and worse."}, key="k" * 80)
    assert good(other, 201)["reference"] != first
    assert Request.objects.count() == 2


@pytest.mark.parametrize("key", ["x" * 81, "a b", "schlüssel", "tab\t"])
def test_a_key_that_cannot_be_kept_is_refused(w: worlds.World, key: str) -> None:
    told = refused(Caller(w.filer).post("requests", worlds.SIX, key=key), 422, "invalid")
    assert [e["field"] for e in told["errors"]] == ["Idempotency-Key"]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_calls_at_one_moment_act_once() -> None:
    """Six threads send the same filing: one request, six same answers."""
    w = worlds.build()
    caller = Caller(w.filer)
    told: list[tuple[int, bytes]] = []
    ready = threading.Barrier(6)

    def send() -> None:
        try:
            mine = Caller(None)
            mine.headers = caller.headers
            ready.wait(10)
            answer = mine.post("requests", worlds.SIX, key="same")
            told.append((answer.status_code, answer.content))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(told) == 6
    assert set(told) == {(201, told[0][1])}
    assert Request.objects.count() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_one_attempt_at_one_moment_files_once_without_a_key_row() -> None:
    """The action's own promise: two transactions with the same `once` return the same request."""
    w = worlds.build()
    found: list[int] = []
    ready = threading.Barrier(4)

    def file() -> None:
        try:
            ready.wait(10)
            found.append(actions.submit(worlds.SIX, by=w.filer, now=w.now, once="one attempt").pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=file) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 4
    assert len(set(found)) == 1
