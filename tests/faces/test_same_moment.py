"""Two at the same moment, on PostgreSQL: one wins, the other is told why not, and nothing is done twice.

That both are there at once is shown, not hoped for: what both need is held by a third connection until the database says that
each of them waits for it; only then it lets go.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from ersr import clock
from ersr.faces.api.models import IdempotentAnswer
from ersr.jobs import queue
from ersr.jobs.models import Job
from ersr.ledger import fsck, sequence
from ersr.ledger.models import Event, Leaf, Pending
from ersr.lists.models import ListVersion
from ersr.notifications.actions import queue_notification
from ersr.notifications.models import Notification
from ersr.people import actions as people
from ersr.people.models import Person, Token
from ersr.requests import actions
from ersr.requests.models import Request
from ersr.waivers.models import Acknowledgement, Waiver
from tests import world as worlds
from tests.faces import stages
from tests.faces.calling import Caller

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


def opened(**words: Any) -> psycopg.Connection:
    known = connection.settings_dict
    return psycopg.connect(
        host=known["HOST"],
        port=known["PORT"],
        user=known["USER"],
        password=known["PASSWORD"],
        dbname=known["NAME"],
        **words,
    )


@contextmanager
def held(sql: str) -> Iterator[None]:
    with opened() as holder:
        holder.execute(sql.encode())
        yield
        holder.rollback()


def at_once(hold: str, *acts: Callable[[], Any]) -> list[Any]:
    """What each act returned. All of them were waiting for a lock before the first could go on."""
    found: list[Any] = [None] * len(acts)

    def run(place: int) -> None:
        try:
            found[place] = acts[place]()
        except BaseException as problem:  # noqa: BLE001 - looked at by the test
            found[place] = problem
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with held(hold), opened(autocommit=True) as watch:
        for thread in threads:
            thread.start()
        for _ in range(800):
            row = watch.execute(waiting.encode()).fetchone()
            if row and row[0] == len(acts):
                break
            assert all(thread.is_alive() for thread in threads), f"one was through before the other came: {found}"
            threads[0].join(0.01)
        else:
            raise AssertionError("they never waited at the same moment")
    for thread in threads:
        thread.join(30)
    return found


def row_of(request: Request) -> str:
    return f"SELECT 1 FROM requests_request WHERE reference = '{request.reference}' FOR UPDATE"


def one_wins(answers: list[Any], *codes: str) -> None:
    """One success; every other a refusal in words, with one of the codes."""
    statuses = sorted(getattr(a, "status_code", 0) for a in answers)
    assert statuses[0] in (200, 201), [getattr(a, "content", a) for a in answers]
    for answer in answers:
        if answer.status_code >= 300:
            assert answer.status_code in (409, 422, 401), answer.content
            assert answer.json()["code"] in codes, answer.content
            assert answer.json()["detail"]
    assert [s for s in statuses if s < 300] == statuses[:1]


@pytest.fixture
def w() -> worlds.World:
    return worlds.build(clock.now().replace(microsecond=0) - timedelta(minutes=10))


@pytest.fixture
def made(w: worlds.World) -> stages.Stages:
    return stages.Stages(w)


def another(w: worlds.World, key: str, role: str) -> Person:
    return worlds.enrol(w, key, key.capitalize(), w.parties["authority"], [(role, "")])


def whole(w: worlds.World) -> None:
    w.assert_whole()


def test_two_takes(w: worlds.World, made: stages.Stages) -> None:
    """Both saw that nobody had it, as the page and careful programs say."""
    request = stages._play(made, "received")
    first, second = Caller(w.officer), Caller(w.second)
    path = f"requests/{request.reference}/take"
    seen = {"from_holder": ""}
    answers = at_once(row_of(request), lambda: first.post(path, seen), lambda: second.post(path, seen))
    one_wins(answers, "conflict", "already")
    assert Event.objects.filter(kind="request.take", subject=request.reference).count() == 1
    whole(w)


def test_two_approvals(w: worlds.World, made: stages.Stages) -> None:
    request = stages._play(made, "proposed")
    first, second = Caller(w.approver), Caller(another(w, "deputy", "approver"))
    path, body = f"requests/{request.reference}/approve", {"decision": made.facts["proposed"]}
    one_wins(
        at_once(row_of(request), lambda: first.post(path, body), lambda: second.post(path, body)),
        "conflict", "already", "not_now",
    )  # fmt: skip
    approved = Event.objects.filter(kind="request.approve", subject=request.reference)
    assert approved.count() == 1 + (request.decisions.count() - 1), "each decision once"
    whole(w)


def test_an_approval_and_a_return(w: worlds.World, made: stages.Stages) -> None:
    """Who approves and who returns the same proposal do not both prevail."""
    request = stages._play(made, "proposed")
    first, second = Caller(w.approver), Caller(another(w, "deputy", "approver"))
    path, body = f"requests/{request.reference}", {"decision": made.facts["proposed"]}
    answers = at_once(
        row_of(request),
        lambda: first.post(f"{path}/approve", body),
        lambda: second.post(f"{path}/return_proposal", body | {"reason": "Shorter."}),
    )
    one_wins(answers, "conflict", "already", "not_now")
    whole(w)


def test_two_signatures(w: worlds.World, made: stages.Stages) -> None:
    """The same signatory in two windows with two good codes: one instrument, and the other's code is not spent."""
    request = stages._play(made, "granted")
    made.requests["granted"] = request
    signatory = Caller(w.signatory)
    preview = stages._preview(made, signatory)
    path = f"requests/{request.reference}/sign"
    code = w.code(w.signatory)
    bodies = [{"preview": preview, "code": code}] * 2
    answers = at_once(row_of(request), *[lambda b=b: signatory.post(path, b) for b in bodies])
    one_wins(answers, "already", "not_now", "conflict", "lapsed")
    assert Waiver.objects.count() == 1
    assert Event.objects.filter(kind="request.sign").count() == 1
    whole(w)


def test_two_signatories(w: worlds.World, made: stages.Stages) -> None:
    """Each with an own preview of the same lines: one instrument."""
    request = stages._play(made, "granted")
    made.requests["granted"] = request
    other = another(w, "deputy", "signatory")
    instrument = stages._instrument(made)
    people.delegate(
        person=other, instrument=instrument, families=["base"], starts_at=w.now - timedelta(days=1),
        ends_at=w.now + timedelta(days=30), words="R", officer=True, by=w.administrator, now=w.now,
    )  # fmt: skip
    bodies = [
        (Caller(person), {"preview": stages._preview(made, Caller(person)), "code": w.code(person)})
        for person in (w.signatory, other)
    ]
    path = f"requests/{request.reference}/sign"
    answers = at_once(row_of(request), *[lambda c=c, b=b: c.post(path, b) for c, b in bodies])
    one_wins(answers, "already", "not_now", "conflict", "lapsed")
    assert Waiver.objects.count() == 1
    whole(w)


def test_two_acknowledgements(w: worlds.World, made: stages.Stages) -> None:
    request = stages._play(made, "served")
    filer, waiver = Caller(w.filer), made.facts["served waiver"]
    path = f"requests/{request.reference}/acknowledge"
    answers = at_once(row_of(request), *[lambda: filer.post(path, {"waiver": waiver})] * 2)
    one_wins(answers, "already", "not_now", "conflict")
    assert Acknowledgement.objects.filter(waiver__reference=waiver).count() == 1
    whole(w)


def test_one_code_at_two_sign_ins(w: worlds.World) -> None:
    """A code is good once, also for two who type it at the same moment."""
    anybody = Caller(None)
    body = {
        "email": w.officer.email,
        "password": worlds.PASSWORD,
        "code": w.code(w.officer),
        "name": "t",
        "scopes": ["read"],
        "days": 1,
    }
    hold = f"SELECT 1 FROM people_factor WHERE person_id = {w.officer.pk} FOR UPDATE"
    answers = at_once(hold, *[lambda: anybody.http.post("/api/v1/tokens", body, "application/json")] * 2)
    one_wins(answers, "code_used", "credentials")
    assert Token.objects.filter(person=w.officer).count() == 1


def test_one_idempotency_key_twice(w: worlds.World) -> None:
    """Both get the same answer, and one request is filed."""
    filer = Caller(w.filer)
    answers = at_once(
        "LOCK TABLE requests_request IN SHARE MODE", *[lambda: filer.post("requests", worlds.SIX, key="k")] * 2
    )
    assert [a.status_code for a in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert sorted("Idempotency-Replayed" in a for a in answers) == [False, True]
    assert Request.objects.count() == IdempotentAnswer.objects.count() == 1
    whole(w)


def test_one_attempt_to_file_twice_on_the_page(w: worlds.World) -> None:
    """The same `once` without an Idempotency-Key, as a double click sends it: one request, and both are told of it."""
    found = at_once(
        "LOCK TABLE requests_request IN SHARE MODE",
        *[lambda: actions.submit(worlds.SIX, by=w.filer, now=w.now, once="click").reference] * 2,
    )
    assert found[0] == found[1] == Request.objects.get().reference
    whole(w)


def test_one_list_twice(w: worlds.World, made: stages.Stages) -> None:
    """The same names at the same moment are one version of one list."""
    request = stages._play(made, "received")
    filer = Caller(w.filer)
    path, files = f"requests/{request.reference}/add_list", {"file": b"jogli.com\nqqqqqq.com\n"}
    answers = at_once(row_of(request), *[lambda: filer.post(path, {"title": "T"}, files=files)] * 2)
    assert {a.status_code for a in answers} <= {200, 409}, [a.content for a in answers]
    assert 200 in {a.status_code for a in answers}
    assert ListVersion.objects.count() == 1
    whole(w)


def test_one_mail_at_two_peoples_word(w: worlds.World) -> None:
    queue_notification("asked", to="x@north.example", about="1", now=w.now)
    row = Notification.objects.get()
    Notification.objects.update(state="failed")
    Job.objects.update(state="failed")
    hold = f"SELECT 1 FROM notifications_notification WHERE id = {row.pk} FOR UPDATE"
    callers = [Caller(w.officer), Caller(w.second)]
    answers = at_once(hold, *[lambda c=c: c.post(f"outbox/{row.pk}/send_again") for c in callers])
    one_wins(answers, "already")
    assert Job.objects.filter(state="open").count() == 1


def test_two_sequencers(w: worlds.World) -> None:
    """Every event gets one place, and no place is given twice."""
    w.sequence()
    placed = Leaf.objects.count()
    for number in range(7):
        actions.submit(worlds.SIX, by=w.filer, now=w.now, once=str(number))
    waiting = Pending.objects.count()
    assert waiting >= 7
    moved = at_once("SELECT 1 FROM ledger_tree FOR UPDATE", *[lambda: sequence.run(w.now)] * 2)
    assert sum(moved) == waiting
    assert Leaf.objects.count() == placed + waiting
    assert not Pending.objects.exists()
    assert list(fsck.problems()) == []
    assert sequence.is_prefix() == ""


def test_two_workers(w: worlds.World) -> None:
    """One job: one of them has it, the other finds nothing to do."""
    queue.put("mail", "1", now=clock.real())
    found = at_once("SELECT 1 FROM jobs_job FOR UPDATE", *[lambda: queue.claim(clock.real())] * 2)
    assert sorted(type(one).__name__ for one in found) == ["Job", "NoneType"], found
    assert Job.objects.get().tries == 1
