"""Name lists as registries and staff find them: one page of all, and in each what is on it, what changed, and files."""

from __future__ import annotations

import hashlib
import re

import pytest

from ersr.core.lifecycle import State
from ersr.files import store
from ersr.incidents.models import Incident
from ersr.jobs import queue
from ersr.lists import actions as lists
from ersr.lists.models import ListVersion, NameList, Upload
from ersr.lists.removing import without_names
from ersr.requests.models import Request
from tests import world as worlds
from tests.faces.conftest import Visit
from tests.faces.test_web_filing import page
from tests.lists.by_hand import windowed
from tests.requests.steps import Case

pytestmark = pytest.mark.django_db


def filed(world: worlds.World, names: str = "alpha.biz\nbravo.com\ncharlie.com\nx y\n") -> Case:
    return Case(world).file().fill(names)


def files(client, address: str) -> bytes:
    answer = client.get(address)
    assert answer.status_code == 200, address
    assert answer.streaming
    assert answer["Content-Type"] == "text/plain; charset=us-ascii"
    assert answer["Content-Disposition"].startswith("attachment")
    return b"".join(answer.streaming_content)


def test_all_lists_stand_on_one_page_for_whoever_sees_their_requests(world: worlds.World, visit: Visit) -> None:
    c = filed(world)
    for person, start, listed in ((world.filer, "/", f"/r/{c.ref}/lists/1"), (world.officer, "/desk", f"/desk/{c.ref}/lists/1")):
        client = visit(person)
        assert 'href="/names"' in page(client, start)
        html = page(client, "/names")
        assert f'href="{listed}">Tonight</a>' in html
        assert c.ref in html
        assert ".biz and .com" in html
        assert "Nothing found" in page(client, "/names?q=nosuch")
        for text in ("tonIGHT", c.ref[4:12]):
            assert listed in page(client, f"/names?q={text}")
    html = page(visit(world.stranger), "/names")
    assert "No list yet" in html
    assert c.ref not in html
    assert "lists/1" not in page(visit(world.stranger), "/names?q=Tonight")
    assert "No list yet" in page(visit(world.administrator), "/names")


def test_the_page_of_all_lists_asks_the_database_no_more_for_many(world: worlds.World, visit: Visit, django_assert_max_num_queries) -> None:
    c = filed(world)
    row = NameList.objects.get()
    version = row.versions.get()
    for number in range(2, 60):
        more = NameList.objects.create(incident=row.incident, number=number, title=f"L{number}")
        ListVersion.objects.create(of=more, version=1, digest=version.digest, content_digest=version.digest, file=version.file, lines=1, names=1, tlds={"com": 1}, made_by=world.filer, made_at=world.now)
    client = visit(world.filer)
    with django_assert_max_num_queries(14):
        html = page(client, "/names?page=2")
    assert "Page 2 of 3" in html
    assert html.count(f"/r/{c.ref}/lists/") == 25


def test_a_file_on_its_way_says_how_far_it_is(world: worlds.World, visit: Visit) -> None:
    c = filed(world)
    file = store.put(b"x" * 200, "text/plain", now=world.now)
    Upload.objects.create(incident=Incident.objects.get(), title="Next", file=file, tlds=["com"], read=50, made_by=world.filer, made_at=world.now)
    for person in (world.filer, world.security):
        html = page(visit(person), "/names")
        assert "The reading has stopped" in html, "nobody will try it"
        assert "% read" not in html
    queue.put("take_list", f"{c.ref}:1", now=world.now)
    for person in (world.filer, world.security):
        html = page(visit(person), "/names")
        assert "25&nbsp;% read" in html
        assert c.ref in html
    assert "% read" not in page(visit(world.stranger), "/names")


def test_within_a_list_names_are_searched_and_a_whole_one_is_looked_up(world: worlds.World, visit: Visit) -> None:
    c = filed(world)
    for person, at in ((world.filer, f"/r/{c.ref}/lists/1"), (world.officer, f"/desk/{c.ref}/lists/1")):
        client = visit(person)
        html = page(client, f"{at}?q=AR")
        assert "1 of 3 names has “AR” in it" in html
        assert "<li>charlie.com</li>" in html
        assert "on the list" not in html.partition('id="search"')[2].partition("</section>")[0]
        assert "Charlie.COM" not in page(client, f"{at}?q=Charlie.COM.").partition('role="status"')[2].partition("</p>")[0]
        assert "charlie.com is on the list." in page(client, f"{at}?q=Charlie.COM.")
        assert "harlie.com is not on the list." in page(client, f"{at}?q=harlie.com")
        assert "&lt;b&gt;" in page(client, f"{at}?q=<b>")


def test_files_have_the_digests_that_the_page_shows(world: worlds.World, visit: Visit) -> None:
    c = filed(world)
    client, at = visit(world.filer), f"/r/{c.ref}/lists/1"
    html = page(client, f"{at}?tld=com")
    whole, part = re.findall(r'data-digest="(\w+)"', html)
    assert hashlib.sha256(files(client, f"{at}/names.txt")).hexdigest() == whole == ListVersion.objects.get().digest
    assert files(client, f"{at}/names.txt?tld=com") == b"bravo.com\ncharlie.com\n"
    assert hashlib.sha256(b"bravo.com\ncharlie.com\n").hexdigest() == part
    assert "2 names under .com" in html
    assert client.get(f"{at}/names.txt?tld=net").status_code == 404
    for one in ("names.txt", "names.txt?tld=com", "records.txt", "removed.txt"):
        assert visit(world.stranger).get(f"{at}/{one}").status_code == 404
        assert files(visit(world.officer), f"{at}/{one}") is not None


def test_what_was_taken_out_is_told_to_the_filer_with_the_answer_only(world: worlds.World, visit: Visit) -> None:
    c = Case(world).file().fill().take().verify().confirm()
    lists.remove(NameList.objects.get(), without_names(NameList.objects.get(), ["bravo.com"]), reason="A shop.", by=world.security, now=world.now)
    client, at = visit(world.filer), f"/r/{c.ref}/lists/1"
    assert files(client, f"{at}/removed.txt") == b""
    assert "removed.txt" not in page(client, at)
    desk = visit(world.officer)
    html = page(desk, f"/desk/{c.ref}/lists/1")
    assert "A shop." in html
    assert files(desk, f"{at}/removed.txt") == b"bravo.com\n"
    c.decide().refuse_the_rest().sign_all()
    html = page(client, at)
    assert files(client, f"{at}/removed.txt") == b"bravo.com\n"
    assert "Taken out" in html
    assert "A shop." not in html
    rows = re.findall(r"<tr role=\"row\">(.*?)</tr>", html.partition(">Versions<")[2], re.S)
    cells = [re.sub(r"<[^>]+>", " ", row).split()[:5] for row in rows[1:3]]
    assert cells[0] == ["2", "2", "0", "1", "2"]
    assert cells[1][:2] == ["1,", "as"]


def test_a_list_with_windows_says_so_and_gives_its_lines(world: worlds.World, visit: Visit) -> None:
    c = Case(world).file().fill("")
    row = NameList.objects.create(incident=Request.objects.get(reference=c.ref).incident, number=1, title="W")
    version = windowed(row, "name,valid_from,valid_until\na.com,2026-01-01,2100-01-01\nb.com,,\n", by=world.filer, now=world.now)
    client, at = visit(world.filer), f"/r/{c.ref}/lists/1"
    html = page(client, f"{at}?q=a.com")
    assert version.content_digest in html
    assert "It is on the list from" in html
    lines = files(client, f"{at}/records.txt")
    assert lines == b"a.com,2026-01-01T00:00:00Z,2100-01-01T00:00:00Z\nb.com\n"
    assert hashlib.sha256(lines).hexdigest() == version.content_digest
    assert files(client, f"{at}/names.txt") == b"a.com\nb.com\n"


def test_the_chart_shows_the_largest_tlds_and_adds_up_the_others() -> None:
    from ersr.faces.web.tld_chart import tld_chart

    found = tld_chart({f"t{n:02}": 100 - n for n in range(43)}, most=10)
    assert len(found.rows) == 43
    assert found.svg.count("<rect") == 10
    assert "34 other TLDs" in found.svg
    assert f"{sum(100 - n for n in range(9, 43)):,}" in found.svg
    assert "style=" not in found.svg
    assert "under 43 TLDs. Most are under .t00: 100." in found.finding
    assert "&lt;b" in tld_chart({"<b": 1}).svg


def test_the_state_of_a_request_changes_nothing_for_staff(world: worlds.World, visit: Visit) -> None:
    c = Case(world).file().fill().to(State.SERVED)
    assert f"/desk/{c.ref}/lists/1" in page(visit(world.auditor), "/names")
