"""Lists held against zones by the worker: what is asked of people afterwards, and what stands in the way of a decision."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from ersr.core.screening import Class
from ersr.files import store
from ersr.jobs import worker
from ersr.jobs.models import Job
from ersr.ledger.models import Event
from ersr.lists import actions as lists
from ersr.lists import hits, screening, zones
from ersr.lists import queries as list_queries
from ersr.lists.models import Hit, HitGroup, ListVersion, Screening
from ersr.names import crew
from ersr.names import screening as offline
from ersr.requests import actions
from tests.requests.steps import Case, begin

pytestmark = pytest.mark.django_db

#: alpha.biz and bravo.com are delegated, charlie.net is not: its zone is there, and names only what lies below it.
ZONES = {
    "biz": "biz.\t1\tin\tsoa\ta. b. 1 2 3 4 5\nalpha.biz.\t3600\tin\tns\tns1.host.example.\n",
    "com": "com.\t1\tin\tsoa\ta. b. 1 2 3 4 5\nbravo.com.\t3600\tin\tns\tns1.sink.example.\n",
    "net": "net.\t1\tin\tsoa\ta. b. 1 2 3 4 5\nns1.charlie.net.\t3600\tin\ta\t192.0.2.1\n",
}


def fill(*tlds: str, **beside: str) -> Path:
    """The operator's folder with these zones, and files beside them: reserved="x.biz"."""
    folder = zones.place()
    folder.mkdir(parents=True, exist_ok=True)
    for tld in tlds:
        (folder / f"{tld}.zone.gz").write_bytes(gzip.compress(ZONES[tld].encode()))
    for kind, names in beside.items():
        (folder / zones.BESIDE[kind]).write_text(names.replace(" ", "\n") + "\n")
    return folder


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Units are done in this very process, and noted: what a process of its own costs is looked at in one test."""
    done: list[str] = []

    def alone(units: list[offline.Unit], *, nice: int) -> None:
        for unit in units:
            offline.screen_unit(unit)
            done.append(unit.tld)

    monkeypatch.setattr(crew, "alone", alone)
    return done


def work() -> None:
    while worker.run_one(long=True):
        pass


@pytest.fixture
def c(db: None) -> Case:
    return begin()


def groups() -> dict[tuple[str, str], tuple[int, str]]:
    return {(g.kind, g.tld): (g.names, g.answer) for g in HitGroup.objects.all()}


def test_a_list_is_held_against_the_zones_that_are_there(c: Case, here: list[str]) -> None:
    """One job for each zone, the rest in one; the same file as the command makes; groups for people; an event with counts."""
    fill("biz", "com", "net", sinkholes="ns1.sink.example", reserved="charlie.net delta.org")
    lists.import_popularity(b"1,bravo.com\n", title="Made", as_of=c.w.now.date(), by=c.w.officer, now=c.w.now)
    names = "alpha.biz\nbravo.com\ncharlie.net\ndelta.org\necho.biz\nsunk.com\n"
    (zones.place() / "com.zone.gz").write_bytes(gzip.compress((ZONES["com"] + "sunk.com. 1 in ns ns1.sink.example.\n").encode()))
    version, _ = actions.add_list(c.ref, names.encode(), title="x", by=c.w.filer, now=c.w.now)
    row = Screening.objects.get()
    assert row.state == "waiting"
    assert sorted(Job.objects.filter(kind=screening.UNIT).values_list("subject", flat=True)) == sorted(
        f"{row.pk} {one}" for one in ("biz", "com", "net", "-")
    )
    assert screening.progress(row) == (0, 4)
    work()
    row.refresh_from_db()
    assert (row.state, row.problem) == ("done", "")
    assert sorted(here) == ["biz", "com", "net", "org"]
    assert {kind: n for kind, n in row.classes.items() if n} == {
        "popular": 1, "reserved": 2, "registered": 1, "sinkholed": 1, "unregistered": 1,
    }  # fmt: skip
    assert groups() == {
        ("reserved", "net"): (1, ""), ("reserved", "org"): (1, ""), ("registered", "biz"): (1, ""), ("sinkholed", "com"): (1, ""),
    }  # fmt: skip
    assert [(h.name, h.answer) for h in Hit.objects.all()] == [("bravo.com", "")]
    assert store.get(row.hits_id).decode() == (  # type: ignore[arg-type]
        "name,class,rank,ns\nbravo.com,popular,1,ns1.sink.example\ncharlie.net,reserved,,\ndelta.org,reserved,,\n"
        "alpha.biz,registered,,ns1.host.example\nsunk.com,sinkholed,,ns1.sink.example\n"
    )
    assert row.inputs["zones"]["com"]["sha256"] == hashlib.sha256((zones.place() / "com.zone.gz").read_bytes()).hexdigest()
    told = json.loads(bytes(Event.objects.get(kind="list.screened").body.record))["facts"]
    assert told["hits"] == row.hits_id
    assert told["digest"] == version.digest
    assert not (Path(django_settings.ERSR_HOME) / "screenings" / str(version.of_id)).exists()
    assert screening.progress(row) == (4, 4)
    c.w.assert_whole()


def test_without_anything_to_hold_it_against_nothing_waits(c: Case) -> None:
    """No folder, an empty one, and zones of TLDs that are not on the list."""
    actions.add_list(c.ref, b"alpha.biz\n", title="x", by=c.w.filer, now=c.w.now)
    fill()
    actions.add_list(c.ref, b"bravo.biz\n", title="y", by=c.w.filer, now=c.w.now)
    fill("com")
    actions.add_list(c.ref, b"charlie.biz\n", title="z", by=c.w.filer, now=c.w.now)
    assert not Screening.objects.exists()
    assert not Job.objects.filter(kind=screening.UNIT).exists()


def test_a_unit_in_a_process_of_its_own_does_the_same(c: Case) -> None:
    fill("biz")
    actions.add_list(c.ref, b"alpha.biz\nbravo.biz\n", title="x", by=c.w.filer, now=c.w.now)
    work()
    assert groups() == {("registered", "biz"): (1, "")}


def test_finished_units_are_not_done_again(c: Case, here: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that vanishes over one unit: its rows say done for the others, which no worker begins again."""
    fill("biz", "com", "net")
    actions.add_list(c.ref, b"alpha.biz\nbravo.com\ncharlie.net\n", title="x", by=c.w.filer, now=c.w.now)
    with monkeypatch.context() as breaks:
        whole, killed = crew.alone, []

        def vanishes(units: list[offline.Unit], *, nice: int) -> None:
            if units[0].tld == "net" and not killed:
                killed.append(1)
                raise KeyboardInterrupt
            whole(units, nice=nice)

        breaks.setattr(crew, "alone", vanishes)
        while not killed:
            try:
                worker.run_one(long=True)
            except KeyboardInterrupt:
                break
    before = list(here)
    states = dict(Job.objects.filter(kind=screening.UNIT).values_list("subject", "state"))
    row = Screening.objects.get()
    assert states[f"{row.pk} net"] == "running"
    Job.objects.filter(state="running").update(leased_until=c.w.now.replace(year=2000))
    work()
    assert sorted(here) == ["biz", "com", "net"], "each once"
    assert here[: len(before)] == before
    assert Screening.objects.get().state == "done"


def test_a_zone_that_cannot_be_used_ends_the_screening_and_the_next_takes_up_what_is_done(c: Case, here: list[str]) -> None:
    folder = fill("biz", "com")
    (folder / "com.zone.gz").write_bytes(gzip.compress(ZONES["com"].encode())[:-6])
    actions.add_list(c.ref, b"alpha.biz\nbravo.com\n", title="x", by=c.w.filer, now=c.w.now)
    work()
    row = Screening.objects.get()
    assert row.state == "failed"
    assert row.problem.startswith("com.zone.gz is damaged or cut off")
    assert here == ["biz"]
    fill("com")
    version = ListVersion.objects.get()
    screening.wanted(version, now=c.w.now, again=True)
    work()
    assert [s.state for s in Screening.objects.all()] == ["failed", "done"]
    assert here == ["biz", "com"]
    assert set(groups()) == {("registered", "biz"), ("registered", "com")}


def test_a_process_that_is_killed_over_a_unit_twice_ends_the_screening(c: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    from ersr.core.errors import Refusal

    tries = []

    def killed(units: list[offline.Unit], *, nice: int) -> None:
        tries.append(units)
        raise Refusal("failed", "The process for .biz ended (signal 9).")

    monkeypatch.setattr(crew, "alone", killed)
    fill("biz")
    actions.add_list(c.ref, b"alpha.biz\n", title="x", by=c.w.filer, now=c.w.now)
    work()
    assert len(tries) == 2
    assert Screening.objects.get().problem == "The process for .biz ended (signal 9)."
    assert Job.objects.get(kind=screening.UNIT).state == "failed"


def test_answers_stay_unless_their_group_has_grown(c: Case, here: list[str]) -> None:
    """A newer zone: com has one name more, which whoever answered has not seen; biz has what it had."""
    fill("biz", "com")
    version, _ = actions.add_list(c.ref, b"alpha.biz\nbravo.com\nzulu.com\n", title="x", by=c.w.filer, now=c.w.now)
    work()
    HitGroup.objects.update(answer="kept", reason="Ours", answered_by=c.w.security, answered_at=c.w.now)
    newer = ZONES["com"].replace("bravo", "zulu")  # as many as before, but another
    (zones.place() / "com.zone.gz").write_bytes(gzip.compress(newer.encode()))
    screening.wanted(version, now=c.w.now, again=True)
    work()
    assert groups() == {("registered", "biz"): (1, "kept"), ("registered", "com"): (1, "")}
    os.unlink(zones.place() / "com.zone.gz")
    screening.wanted(version, now=c.w.now, again=True)
    work()
    assert groups()["registered", "com"] == (0, ""), "nothing is left to be answered"
    assert not list_queries.unanswered(c.request.incident)


def test_pages_of_hits_are_read_from_the_file(c: Case, here: list[str]) -> None:
    fill("biz", reserved=" ".join(f"r{n:03d}.com" for n in range(120)))
    names = [f"r{n:03d}.com" for n in range(130)] + ["alpha.biz"]
    actions.add_list(c.ref, "\n".join(names).encode(), title="x", by=c.w.filer, now=c.w.now)
    work()
    row = Screening.objects.get()
    rows = hits.page(row, hits.Sought(), offset=100, limit=50)
    assert (hits.count(row, hits.Sought()), [r.name for r in rows][:2], rows[-1].name) == (121, ["r100.com", "r101.com"], "alpha.biz")
    none, some = hits.Sought(kind="reserved", tld="biz"), hits.Sought(search="r11")
    assert (hits.page(row, none, offset=0, limit=5), hits.count(row, none)) == ([], 0)
    assert (hits.count(row, some), hits.page(row, some, offset=0, limit=5)[0].name) == (10, "r110.com")
    assert hits.page(row, hits.Sought(kind=Class.REGISTERED), offset=0, limit=5)[0].hosts == "ns1.host.example"


def test_what_is_wrong_in_the_folder_is_said(here: list[str]) -> None:
    folder = fill("biz", reserved="x.biz")
    assert list(zones.problems()) == []
    (folder / "com.zone.gz").write_bytes(b"\x1f\x8bnonsense")
    (folder / "net.txt").write_bytes(b"")
    (folder / "notes.doc").write_bytes(b"x")
    (folder / "allow.txt").write_bytes(b"\xff\xfe\n")
    told = list(zones.problems())
    assert len(told) == 4
    assert all(name in " ".join(told) for name in ("com.zone.gz", "net.txt", "notes.doc", "allow.txt"))
    assert set(zones.there().zones) == {"biz", "com", "net"}
