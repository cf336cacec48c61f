"""Whichever way a file of names comes in, its rows are the same; of a large one the upload tells how far it is and what it became."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from ersr.core.lifecycle import State
from ersr.files import store
from ersr.jobs import queue
from ersr.jobs.models import Job
from ersr.ledger.models import Event
from ersr.lists import folders, taking
from ersr.lists import queries as list_queries
from ersr.lists.models import Hit, ListVersion, NameList, Upload
from ersr.people.models import Person
from ersr.requests import actions, jobs
from ersr.requests import queries as request_queries
from tests.names import generator
from tests.requests.steps import Case, begin, refused

pytestmark = pytest.mark.django_db

PLAIN = "\n".join([*generator.generated(300), "zulu.biz", "zulu.biz", "not a name", "alpha.example"]).encode()
WINDOWS = b"domain,valid_from,valid_until\nalpha.biz,2026-01-01,2026-02-01\nalpha.biz,2026-03-01,\nbravo.com,,\nx y,,\n"
FORMS = {
    "plain": PLAIN,
    "windows": WINDOWS,
    "json": b'{"name": "alpha.biz", "valid_from": "2026-01-01"}\n{"fqdn": "bravo.com"}\n[]\n',
    "utf-16": PLAIN.decode().encode("utf-16"),
}
MEANT = ("digest", "content_digest", "lines", "names", "duplicates", "refused", "refused_rows", "tlds", "file_id", "refused_file_id")


@pytest.fixture
def c(db: None) -> Case:
    return begin()


def send(c: Case, data: bytes, title: str = "x") -> int:
    return actions.receive_list(c.ref, io.BytesIO(data), len(data), title=title, by=c.w.filer, now=c.w.now)


def work(c: Case, number: int = 1) -> Upload:
    queue.KINDS["take_list"](f"{c.ref}:{number}")
    return request_queries.upload_of(c.request, number).upload


def meant(version: ListVersion) -> dict[str, Any]:
    return {name: getattr(version, name) for name in MEANT}


@pytest.mark.parametrize("form", FORMS)
def test_both_ways_make_the_same_rows_of_every_form(c: Case, form: str) -> None:
    small, _ = actions.add_list(c.ref, FORMS[form], title="x", by=c.w.filer, now=c.w.now)
    other = Case(c.w).file()
    send(other, FORMS[form])
    upload = work(other)
    assert (upload.state, upload.new, upload.problem, upload.read) == ("taken", True, "", len(FORMS[form]))
    assert upload.version is not None
    assert meant(upload.version) == meant(small)
    assert (small.lines, sum(small.refused.values())) != (0, 0)
    assert store.get(upload.version.sent_id) == store.get(small.sent_id) == FORMS[form]
    assert store.get(small.refused_file_id).decode().splitlines()[0] == "line,text,reason"
    c.w.assert_whole()


def test_windows_are_told_of_each_name(c: Case) -> None:
    version, _ = actions.add_list(c.ref, WINDOWS, title="x", by=c.w.filer, now=c.w.now)
    assert version.digest != version.content_digest
    told = list_queries.listing(version, [version], "alpha.biz")
    at = datetime(2026, 2, 1, tzinfo=UTC)
    assert [(begins, ends) for begins, ends in told.windows] == [
        (datetime(2026, 1, 1, tzinfo=UTC), at), (datetime(2026, 3, 1, tzinfo=UTC), None),
    ]  # fmt: skip
    assert told.window(at) is None
    assert list_queries.listing(version, [version], "bravo.com").windows == ()
    assert not list_queries.listing(version, [version], "charlie.net").listed


def test_a_removal_keeps_the_windows_of_the_others(c: Case) -> None:
    c.to(State.DECIDING)
    added, _ = actions.add_list(c.ref, WINDOWS, title="x", by=c.w.filer, now=c.w.now)
    made = actions.remove_names(c.ref, added.of.number, ["bravo.com"], reason="x", by=c.w.security, now=c.w.now)
    alone = b"name,valid_from,valid_until\nalpha.biz,2026-01-01,2026-02-01\nalpha.biz,2026-03-01,\n"
    other, _ = actions.add_list(Case(c.w).file().ref, alone, title="x", by=c.w.filer, now=c.w.now)
    assert (made.digest, made.content_digest, made.names, made.tlds) == (other.digest, other.content_digest, 1, {"biz": 1})
    assert list_queries.listing(made, [added, made], "alpha.biz").windows


def test_a_packed_file_is_a_large_one_and_is_read_packed(c: Case) -> None:
    packed = gzip.compress(PLAIN)
    assert not taking.is_small(io.BytesIO(packed), len(packed))
    assert taking.is_small(io.BytesIO(PLAIN), len(PLAIN))
    assert not taking.is_small(io.BytesIO(PLAIN), taking.SMALL + 1)
    send(c, packed)
    upload = work(c)
    assert upload.version is not None
    assert (upload.version.names, upload.file.size) == (301, len(packed))


def test_progress_is_noted_while_it_is_read(c: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the bytes of the file that are read; the row tells it to whoever asks, from the first note on."""
    monkeypatch.setattr(jobs, "NOTED", 0)
    seen: list[int] = []
    real = actions.finish_upload
    monkeypatch.setattr(
        actions, "finish_upload", lambda *words, **named: (seen.append(Upload.objects.get().read), real(*words, **named))
    )
    send(c, PLAIN)
    assert request_queries.upload_of(c.request, 1).percent == 0
    work(c)
    assert seen == [len(PLAIN)]
    assert request_queries.upload_of(c.request, 1).percent == 100


def test_the_same_records_again_are_a_no_op(c: Case) -> None:
    """Small and then large, in another form: no list, no event; the upload says which list it was."""
    first, _ = actions.add_list(c.ref, PLAIN, title="x", by=c.w.filer, now=c.w.now)
    before = Event.objects.count()
    send(c, b"# in another order\n" + b"\n".join(reversed(PLAIN.splitlines())))
    upload = work(c)
    assert (upload.state, upload.new, upload.version) == ("taken", False, first)
    assert (Event.objects.count(), NameList.objects.count()) == (before, 1)
    assert actions.add_list(c.ref, WINDOWS, title="x", by=c.w.filer, now=c.w.now)[1]
    assert actions.add_list(c.ref, b"alpha.biz\nbravo.com\n", title="x", by=c.w.filer, now=c.w.now)[1], "without windows it is another"


def test_a_file_that_waits_is_not_taken_twice(c: Case) -> None:
    assert send(c, PLAIN) == send(c, PLAIN) == 1
    assert Upload.objects.count() == Job.objects.filter(kind="take_list").count() == 1
    work(c)
    assert send(c, PLAIN) == 2, "once it is in, it may come again, and changes nothing"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x89PNG\r\n\x00\x00", "not text"),
        (b"# nothing\n", "has no names"),
        (b"not a name\nalpha.example\n", "No name in this file can be taken in. Line 1 has a space"),
        (gzip.compress(bytes(80 * 2**20)), "unpacks to more than 200 times its size"),
        (gzip.compress(PLAIN)[:-9], "damaged or cut off"),
    ],
)
def test_what_is_no_list_ends_as_refused_in_words(c: Case, data: bytes, words: str) -> None:
    send(c, data)
    upload = work(c)
    assert (upload.state, upload.version) == ("refused", None)
    assert words in upload.problem
    assert not NameList.objects.exists()
    queue.KINDS["take_list"](f"{c.ref}:1")  # again: nothing
    assert list((Path(settings.ERSR_HOME) / "lists").iterdir()) == [], "nothing is left of it"


def test_a_request_that_was_withdrawn_meanwhile_takes_no_list(c: Case) -> None:
    send(c, PLAIN)
    actions.withdraw(c.ref, reason="x", by=c.w.filer, now=c.w.now)
    assert work(c).state == "refused"
    assert not NameList.objects.exists()


def test_who_lost_the_account_meanwhile_adds_no_list(c: Case) -> None:
    send(c, PLAIN)
    Person.objects.filter(pk=c.w.filer.pk).update(is_active=False)
    upload = work(c)
    assert (upload.state, upload.problem) == ("refused", "Whoever sent this list has no account any more.")


def test_a_damaged_store_is_our_trouble_and_not_the_files(c: Case) -> None:
    """The job fails, and is tried again; the upload still waits."""
    send(c, PLAIN)
    file = store.path(Upload.objects.get().file_id)
    file.write_bytes(b"other.biz")
    refused(lambda: work(c), "damaged")
    assert Upload.objects.get().state == "waiting"


def test_a_full_disk_is_our_trouble_too(c: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told by the process that met it."""
    send(c, PLAIN)
    monkeypatch.setattr(folders, "taking", lambda digest: Path(settings.ERSR_HOME) / "lists" / "x")
    monkeypatch.setenv("PYTHONPATH", str(broken(Path(settings.ERSR_HOME), "raise OSError(28, 'No space left on device')")))
    with pytest.raises(OSError, match="No space left"):
        work(c)
    assert Upload.objects.get().state == "waiting"


def test_an_intake_whose_process_ends_without_a_word_is_refused_and_not_tried_for_ever(
    c: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(c, PLAIN)
    monkeypatch.setenv("PYTHONPATH", str(broken(Path(settings.ERSR_HOME), "os.kill(os.getpid(), 9)")))
    upload = work(c)
    assert (upload.state, "ended early, twice" in upload.problem) == ("refused", True)


def broken(folder: Path, what: str) -> Path:
    """A place from which a Python of its own begins by breaking the intake."""
    place = folder / "broken"
    place.mkdir(parents=True)
    (place / "sitecustomize.py").write_text(
        f"import os\nimport ersr.names.intake as intake\ndef take(*_, **__):\n    {what}\nintake.take = take\n"
    )
    return place


def test_hits_of_a_large_list_are_those_of_a_small_one(c: Case) -> None:
    from ersr.lists import actions as lists

    text = f"3,zulu.biz\n1,{generator.generated(300)[7]}\n2,unrelated.com\n".encode()
    lists.import_popularity(text, title="Made", as_of=c.w.now.date(), by=c.w.officer, now=c.w.now)
    send(c, PLAIN)
    work(c)
    assert [(h.name, h.rank) for h in Hit.objects.all()] == [(generator.generated(300)[7], 1), ("zulu.biz", 3)]


def test_a_popularity_list_that_came_in_between_counts(c: Case) -> None:
    from ersr.lists import actions as lists

    digest = store.keep(PLAIN)
    taken = taking.take_large(digest, c.request.tlds, print)
    assert taken.hits == (None, [])
    send(c, PLAIN)
    lists.import_popularity(b"zulu.biz\n", title="Made", as_of=c.w.now.date(), by=c.w.officer, now=c.w.now)
    actions.finish_upload(c.ref, 1, taken, now=c.w.now)
    assert [h.name for h in Hit.objects.all()] == ["zulu.biz"]


def test_no_more_lists_than_a_request_may_have_wait_for_their_intake(c: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ERSR_LISTS_LIMIT", 1)
    send(c, PLAIN)
    refused(lambda: send(c, WINDOWS), "too_many")
    assert work(c).state == "taken", "the one that waits counts once"


def test_an_upload_that_nobody_works_on_says_so(c: Case) -> None:
    send(c, PLAIN)
    assert not request_queries.upload_of(c.request, 1).stopped
    Job.objects.update(state="failed")
    assert request_queries.upload_of(c.request, 1).stopped
    for number in (0, 2, -1):
        refused(lambda number=number: request_queries.upload_of(c.request, number), "not_found")
