"""The desk's pages of what a list meets in the zones, and the same over the API."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from ersr.faces.web import signing
from ersr.lists import hits
from ersr.lists.models import HitGroup, ListVersion, Screening
from ersr.requests import actions, queries
from tests import world as worlds
from tests.faces.calling import Caller, good
from tests.faces.conftest import Visit
from tests.faces.desk_play import play
from tests.faces.test_web_desk import words
from tests.lists import test_screening
from tests.lists.test_screening import fill, work

here = test_screening.here
World = worlds.World


@pytest.fixture
def listed(world: World, here: list[str]) -> str:
    """A request at assessing with list 2: alpha.biz and bravo.com are registered, echo.com is reserved, nothing is answered."""
    row = play(world, "assessing")
    fill("biz", "com", reserved="echo.com")
    actions.add_list(row.reference, b"alpha.biz\nbravo.com\ncharlie.net\necho.com\n", title="Zones", by=world.filer, now=world.now)
    return row.reference


def test_the_page_says_how_far_the_worker_is_and_then_what_it_found(world: World, visit: Visit, listed: str) -> None:
    desk, path = visit(world.security), f"/desk/{listed}/lists/2"
    page = desk.get(path).content.decode()
    assert "0 of 3 zones are done." in page
    assert f'hx-get="{path}"' in page
    work()
    page = desk.get(path)
    assert "zones are done" not in words(page)
    for told in ("Registered: 2", "Reserved: 1", "All of them: 2 names", "2 TLDs one by one", "3 zones it was held against"[2:]):
        assert told in words(page), told
    assert Screening.objects.get().state == "done"


def test_a_whole_class_is_answered_with_one_form(world: World, visit: Visit, listed: str) -> None:
    work()
    desk, path = visit(world.security), f"/desk/{listed}/lists/2"
    wrong = desk.post(path, {"do": "groups", "group": ["registered/biz"], "groups-answer": "removed"})
    assert wrong.status_code == 422
    assert "Say why" in words(wrong)
    assert 'value="registered/biz" id="group-registered/biz" checked' in wrong.content.decode()
    done = desk.post(path, {"do": "groups", "group": ["registered", "reserved/com"], "groups-answer": "removed", "groups-reason": "Theirs"})
    assert done.status_code == 302
    assert ListVersion.objects.get(of__number=2, version=2).names == 1
    page = words(desk.get(path))
    assert "Groups that were answered" in page
    assert ".biz and .com 2 Taken out Theirs" in page
    assert page.count("Theirs") == 3, "one row for each class, however many TLDs, and the version"
    assert "Hits by group" not in page


def test_every_class_is_counted_where_it_is_decided(world: World, visit: Visit, listed: str) -> None:
    """The case, the list and the page of the signature tell all classes, not the popular names alone: what waits, stays and went."""
    work()
    desk, row = visit(world.security), queries.request_for(world.security, listed)
    assert "3 names of list 2 wait for an answer. Reserved: 1, Registered: 2." in words(desk.get(f"/desk/{listed}"))
    assert "See the 3 names that need an answer" in words(desk.get(f"/desk/{listed}"))
    assert "List 2 has 4 names, and 3 of them wait for an answer." in words(desk.get(f"/desk/{listed}/lists/2"))
    actions.answer_groups(listed, 2, ["registered"], answer="removed", reason="Theirs", by=world.security, now=world.now)
    actions.answer_groups(listed, 2, ["reserved"], answer="kept", reason="Ours", by=world.security, now=world.now)
    assert signing._met(row) == [
        "Reserved: 0 without an answer, 1 kept, 0 taken out", "Registered: 0 without an answer, 0 kept, 2 taken out",
    ]  # fmt: skip
    page = words(desk.get(f"/desk/{listed}"))
    assert "wait for an answer" not in page
    assert "Held against the zones until" in page


def test_a_list_that_nobody_looked_up_says_what_to_do(world: World, visit: Visit) -> None:
    """No popularity list, no zone: nothing is called clean, and the reader is told whom to ask."""
    ref = play(world, "assessing").reference
    desk = visit(world.security)
    page = words(desk.get(f"/desk/{ref}"))
    assert "Nobody knows whether much-visited names are among them: no popularity list was imported." in page
    assert "no zone file of their TLDs is there. Ask the registry" in page
    assert "Ask the registry" in words(desk.get(f"/desk/{ref}/lists/1"))


def test_every_hit_can_be_looked_through(world: World, visit: Visit, listed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By class, TLD and part of a name, page by page, with the name servers; what was answered stands beside it."""
    from ersr.faces.web import screening as pages

    work()
    monkeypatch.setattr(pages, "PAGE", 2)
    desk, path = visit(world.auditor), f"/desk/{listed}/lists/2/hits"
    first = words(desk.get(path))
    assert "List 2: 3 hits" in first
    assert first.index("echo.com") < first.index("alpha.biz")
    assert "bravo.com" not in first
    assert "bravo.com" in words(desk.get(f"{path}?page=2"))
    assert "ns1.host.example" in first
    HitGroup.objects.filter(kind="reserved").update(answer="kept")
    page = words(desk.get(f"{path}?class=reserved"))
    assert "1 hit" in page
    assert "Kept" in page
    assert "1 hit" in words(desk.get(f"{path}?tld=biz&q=ALPHA"))
    assert "No hit is like that." in words(desk.get(f"{path}?tld=biz&q=bravo"))
    assert desk.get(f"{path}?class=nonsense&tld=nonsense&page=nonsense").status_code == 200
    assert desk.get(f"/desk/{listed}/lists/1/hits").status_code == 404, "that one was not held against anything"
    assert visit(world.filer).get(path).status_code == 404


def test_no_cell_of_the_export_is_a_formula(world: World, visit: Visit, listed: str) -> None:
    """A zone may name a server =cmd: whoever opens the file runs nothing."""
    from ersr.core import sheet
    from ersr.files import store

    work()
    rows = list(csv.reader(io.StringIO(visit(world.officer).get(f"/desk/{listed}/lists/2/hits.csv").getvalue().decode(), newline="")))
    assert rows[0] == ["name", "class", "rank", "ns"]
    assert rows[2] == ["alpha.biz", "registered", "", "ns1.host.example"]
    bad = store.keep(b"name,class,rank,ns\na.biz,registered,,=cmd\nb.biz,registered,,@x\nc.biz,popular,7,-y\n")
    wanted = [["a.biz", "registered", "", "=cmd"], ["b.biz", "registered", "", "@x"], ["c.biz", "popular", "7", "-y"]]
    assert [[str(cell) for cell in row] for row in hits.rows(bad)] == wanted
    assert b"".join(sheet.csv_pieces(hits.HEADS, hits.rows(bad))) == sheet.as_csv(("name", "class", "rank", "ns"), wanted)


def test_what_failed_is_said_and_can_be_begun_again(world: World, visit: Visit, listed: str) -> None:
    desk, path = visit(world.security), f"/desk/{listed}/lists/2"
    Screening.objects.update(state="failed", problem="com.zone.gz is damaged or cut off")
    page = words(desk.get(path))
    assert "nobody knows which of its names are registered" in page
    assert "com.zone.gz is damaged" in page
    assert desk.post(path, {"do": "screen"}).status_code == 302
    assert [row.state for row in Screening.objects.all()] == ["failed", "waiting"]
    assert "Hold it against the zones again" not in words(visit(world.approver).get(path))


def test_the_api_tells_the_same(world: World, listed: str) -> None:
    security, path = Caller(world.security), f"requests/{listed}/lists/2"
    waiting = good(security.get(f"{path}/screening"))
    assert (waiting["state"], waiting["done"], waiting["units"]) == ("waiting", 0, 3)
    assert good(security.get(f"{path}/met"))["items"] == []
    work()
    told = good(security.get(f"{path}/screening"))
    assert (told["state"], told["classes"]["registered"], told["version"]) == ("done", 2, 1)
    assert [(g["kind"], g["tld"], g["answer"]) for g in told["groups"]] == [
        ("registered", "biz", ""), ("registered", "com", ""), ("reserved", "com", ""),
    ]  # fmt: skip
    first = good(security.get(f"{path}/met", limit=2))
    second = good(security.get(f"{path}/met", limit=2, cursor=first["next"]))
    assert [h["name"] for h in first["items"] + second["items"]] == ["echo.com", "alpha.biz", "bravo.com"]
    assert second["next"] is None
    assert [h["ns"] for h in good(security.get(f"{path}/met", kind="registered", tld="biz"))["items"]] == ["ns1.host.example"]
    body = {"list": 2, "groups": ["registered"], "answer": "removed", "reason": "Theirs"}
    made = good(security.post(f"requests/{listed}/answer_groups", body))["made"]
    assert (made["version"], made["names"]) == (2, 2)
    assert security.post(f"requests/{listed}/answer_groups", body).status_code == 422
    assert good(security.get(f"requests/{listed}"))["lists"][1]["unanswered_groups"] == 1
    good(security.post(f"requests/{listed}/screen_again", {"list": 2}))
    for what in ("screening", "met"):
        assert Caller(world.filer).get(f"{path}/{what}").status_code in (403, 404)
    assert re.fullmatch("[0-9a-f]{64}", told["hits"])
    assert "alpha.biz" not in json.dumps(told)
