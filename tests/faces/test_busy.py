"""A database that is locked or away: a page that says what to do and what became of what was sent; a problem in the API."""

from __future__ import annotations

import re
import sqlite3
import threading
from html import unescape
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpResponse
from django.test import Client

from ersr.faces.web import case
from ersr.people import actions as people
from ersr.people.models import Session
from ersr.requests import actions, queries
from ersr.requests.models import Request
from tests import world as worlds
from tests.faces.calling import Caller, refused
from tests.faces.conftest import Visit
from tests.faces.test_web_desk import filled, words

World = worlds.World
LOCKED = (
    "database is locked", "database table is locked", "canceling statement due to lock timeout", "deadlock detected",
    "could not serialize access due to concurrent update",
)  # fmt: skip
AWAY = (
    "server closed the connection unexpectedly",
    "connection failed: Connection refused",
    "the connection is closed",
)


def broken(problem: Exception) -> Any:
    def act(*_: Any, **__: Any) -> None:
        raise problem

    return act


def busy(answer: HttpResponse, *said: str) -> HttpResponse:
    """A page of ours, with 503, a time to come back, the duty line, and nothing of the database's own words."""
    assert answer.status_code == 503, answer.content
    assert answer["Retry-After"] == "1"
    page = words(answer)
    assert "Duty line, day and night:" in page
    assert not any(own in page for own in (*LOCKED, *AWAY))
    for one in said:
        assert one in page, page
    return answer


def again(answer: HttpResponse, address: str) -> dict[str, list[str]]:
    """What the page's own button sends."""
    form = re.search(rf'<form method="post" action="({address})">(.*?)</form>', answer.content.decode(), re.DOTALL)
    assert form, answer.content.decode()
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form[2]):
        found.setdefault(unescape(name), []).append(unescape(value))
    return found


TYPED = 'A worm & "friends"\n<b>tonight</b>'


@pytest.mark.django_db
@pytest.mark.parametrize("message", LOCKED)
def test_what_was_typed_comes_back_with_a_button_that_sends_it_again(
    world: World, visit: Visit, monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    """Nothing was saved, the page says so and holds what was typed, and its button does what was meant."""
    ref = actions.submit(worlds.SIX, by=world.filer, now=world.now, once="1").reference
    browser = visit(world.filer)
    with monkeypatch.context() as patch:
        patch.setattr(case.actions, "withdraw", broken(OperationalError(message)))
        answer = browser.post(f"/r/{ref}/withdraw", {"reason": TYPED})
    busy(answer, "was not saved", "is sent again with the button")
    assert Request.objects.get().state == "received"
    assert filled(answer) == ["Try again"]
    sent = again(answer, f"/r/{ref}/withdraw")
    assert len(sent.pop("csrfmiddlewaretoken")[0]) == 64
    assert sent == {"reason": [TYPED]}
    assert browser.post(f"/r/{ref}/withdraw", sent).status_code == 302
    assert Request.objects.get().state == "withdrawn"


@pytest.mark.django_db
@pytest.mark.parametrize("problem", [OperationalError(AWAY[0]), OperationalError(AWAY[1]), InterfaceError(AWAY[2])])
def test_where_the_connection_broke_nobody_claims_to_know(
    world: World, visit: Visit, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    """The commit may have come through: "nothing was changed" would be a lie."""
    ref = actions.submit(worlds.SIX, by=world.filer, now=world.now, once="1").reference
    browser = visit(world.filer)
    monkeypatch.setattr(case.actions, "withdraw", broken(problem))
    answer = busy(browser.post(f"/r/{ref}/withdraw", {"reason": TYPED}), "as a whole or not at all", "Look before")
    assert "not saved" not in words(answer)
    assert again(answer, f"/r/{ref}/withdraw")["reason"] == [TYPED]
    told = refused(Caller(world.filer).post(f"requests/{ref}/withdraw", {"reason": TYPED}), 503, "busy")
    assert "Nothing was changed" not in told["detail"]


@pytest.mark.django_db
def test_codes_passwords_and_files_are_never_written_into_the_page(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    monkeypatch.setattr(people, "sign_in", broken(OperationalError(LOCKED[0])))
    sent = {"email": world.filer.email, "password": "PASSWORD-MARKER", "code": "918273"}
    answer = busy(Client().post("/signin", sent), "still in your browser: go back")
    assert "PASSWORD-MARKER" not in answer.content.decode()
    assert "918273" not in answer.content.decode()
    assert "<form" not in answer.content.decode()


@pytest.mark.django_db
def test_every_page_answers_so_also_where_only_the_session_cannot_be_had(
    world: World, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GET: one button, the same address. The session fails inside the view at reading, and outside it at saving."""
    browser = visit(world.filer)
    monkeypatch.setattr(queries, "own", broken(OperationalError(LOCKED[0])))
    answer = busy(browser.get("/?a=b"), "Nothing was changed")
    assert 'href="/?a=b">Try again' in answer.content.decode()
    monkeypatch.undo()
    browser.raise_request_exception = False  # what fails outside a view is told to it, and answered all the same
    with monkeypatch.context() as patch:
        patch.setattr(Session.objects.__class__, "get", broken(OperationalError(LOCKED[0])))
        busy(browser.get("/account"))
    monkeypatch.setattr("ersr.people.sessions.SessionStore.save", broken(OperationalError(LOCKED[0])))
    quiet = Client(raise_request_exception=False)
    answer = quiet.post(
        "/signin", {"email": world.filer.email, "password": worlds.PASSWORD, "code": world.code(world.filer)}
    )
    busy(answer)


@pytest.mark.django_db
def test_a_defect_of_ours_is_no_busy_database(monkeypatch: pytest.MonkeyPatch, world: World, visit: Visit) -> None:
    browser = visit(world.filer)
    browser.raise_request_exception = False
    monkeypatch.setattr(queries, "own", broken(ValueError("x")))
    assert browser.get("/").status_code == 500


@pytest.mark.django_db(transaction=True)
def test_a_real_lock_is_a_sentence_on_page_and_api(world: World, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program holds what the action needs: after the database's own patience, 503, and nothing was filed."""
    request_made = Caller(world.filer).post("requests", worlds.SIX).json()["reference"]
    browser, caller = visit(world.officer), Caller(world.officer)
    answers: list[Any] = []
    with held(monkeypatch):
        answers.append(browser.post(f"/desk/{request_made}/take"))
        answers.append(caller.post(f"requests/{request_made}/take"))
    busy(answers[0], "was not saved")
    told = refused(answers[1], 503, "busy")
    assert "Nothing was changed" in told["detail"]
    assert Request.objects.get().holder is None
    assert caller.post(f"requests/{request_made}/take").status_code == 200


class held:
    """Holds the rows of all requests: on PostgreSQL the rows, on SQLite the one write lock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.postgresql = connection.vendor == "postgresql"
        if not self.postgresql:
            monkeypatch.setattr(connection.connection, "timeout", 0.3)

    def __enter__(self) -> None:
        if self.postgresql:
            known = settings.DATABASES["default"]
            self.other: Any = psycopg.connect(
                host=known["HOST"],
                port=known["PORT"],
                user=known["USER"],
                password=known["PASSWORD"],
                dbname=connection.settings_dict["NAME"],
            )
            self.other.execute("SELECT 1 FROM requests_request FOR UPDATE")
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '300ms'")
            return
        # The tests' SQLite lives in memory, in a cache that its connections share.
        self.other = sqlite3.connect(connection.settings_dict["NAME"], uri=True, check_same_thread=False)
        self.other.execute("BEGIN IMMEDIATE")

    def __exit__(self, *_: object) -> None:
        self.other.rollback()
        self.other.close()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_real_deadlock_and_a_real_lost_connection_are_told_apart(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two that wait for each other one is told that nothing was changed; of a broken connection nobody claims that."""
    caller = Caller(world.filer)
    real = queries.requests_visible_to

    def killed(*words: Any, **more: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return real(*words, **more)

    monkeypatch.setattr(queries, "requests_visible_to", killed)
    assert "as a whole or not at all" in refused(caller.get("requests"), 503, "busy")["detail"]
    monkeypatch.undo()
    connection.close()
    assert caller.get("requests").status_code == 200, "the next call has another connection"

    def crossed(*words: Any, **more: Any) -> Any:
        from django.db import transaction

        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL deadlock_timeout = '50ms'")
            cursor.execute("SELECT 1 FROM parties_party WHERE key = 'northlight' FOR UPDATE")
            mine.set()
            assert theirs.wait(10)
            cursor.execute("SELECT 1 FROM parties_party WHERE key = 'southwind' FOR UPDATE")
        return real(*words, **more)

    mine, theirs = threading.Event(), threading.Event()

    def other() -> None:
        from django.db import transaction

        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL deadlock_timeout = '20s'")  # so that we are never the one that is ended
            cursor.execute("SELECT 1 FROM parties_party WHERE key = 'southwind' FOR UPDATE")
            assert mine.wait(10)
            theirs.set()
            cursor.execute("SELECT 1 FROM parties_party WHERE key = 'northlight' FOR UPDATE")
        connection.close()

    monkeypatch.setattr(queries, "requests_visible_to", crossed)
    thread = threading.Thread(target=other)
    thread.start()
    told = refused(caller.get("requests"), 503, "busy")
    thread.join()
    assert "Nothing was changed" in told["detail"]


def test_what_a_form_cannot_take_is_told_on_a_page_of_ours(world: World, visit: Visit) -> None:
    """Megabytes in a field, thousands of fields, a host that is not ours: the duty line, nothing saved, and no bare page of the framework."""
    filer = visit(world.filer)
    for body in ({"happening": "x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)}, {f"f{n}": "" for n in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}):
        answer = filer.post("/file/six", urlencode(body), content_type="application/x-www-form-urlencoded")
        assert answer.status_code == 413
        page = words(answer)
        assert "This is too large" in page
        assert "Nothing was saved" in page
        assert "Duty line, day and night:" in page
        assert "xxxx" not in page
    answer = filer.get("/about", HTTP_HOST="elsewhere.example")
    assert answer.status_code == 400
    assert "Duty line, day and night:" in words(answer)
    assert not Request.objects.exists()
