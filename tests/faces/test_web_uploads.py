"""A large file of names over page and API: an answer at once, progress that outlives a reload, and what became of it."""

from __future__ import annotations

import gzip
import html
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from ersr.jobs import worker
from ersr.lists.models import ListVersion, Upload
from ersr.requests import actions
from ersr.requests.models import Request
from tests import world as worlds
from tests.faces.calling import Caller, good
from tests.faces.conftest import Visit
from tests.names import generator

pytestmark = pytest.mark.django_db

SENT = gzip.compress("\n".join([*generator.generated(200), "not a name"]).encode(), mtime=0)


@pytest.fixture
def case(world: worlds.World) -> Request:
    return actions.submit(worlds.SIX, by=world.filer, now=world.now, once="upload")


def words(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


def test_the_page_tells_how_far_it_is_and_then_what_it_became(world: worlds.World, visit: Visit, case: Request) -> None:
    filer, where = visit(world.filer), f"/r/{case.reference}/uploads/1"
    sent = filer.post(f"/r/{case.reference}/add/list", {"file": SimpleUploadedFile("x.gz", SENT), "title": "Of tonight"})
    assert (sent.status_code, sent["Location"]) == (302, where)
    Upload.objects.update(read=len(SENT) // 2)
    for _ in range(2):  # a reload changes nothing
        page = filer.get(where)
        assert "Your list is being read" in words(page)
        assert re.search(rf"{len(SENT) // 2} of \S+ bytes are read, {100 * (len(SENT) // 2) // len(SENT)} %\.", words(page))
        assert f'hx-get="{where}"' in page.content.decode()
    assert f'href="{where}"' in filer.get(f"/r/{case.reference}/add/list").content.decode()
    assert not ListVersion.objects.exists()
    while worker.run_one():
        pass
    page = filer.get(where)
    assert "Your list is in: 200 names" in words(page)
    assert "hx-get" not in page.content.decode()
    assert f'href="/r/{case.reference}/lists/1"' in page.content.decode()
    for person in (world.stranger, world.administrator):
        assert visit(person).get(where).status_code == visit(person).get(f"/r/{case.reference}/uploads/7").status_code == 404


def test_the_api_says_where_to_look(world: worlds.World, case: Request) -> None:
    filer = Caller(world.filer)
    told = good(filer.post(f"requests/{case.reference}/add_list", {"title": "x"}, files={"file": ("x.gz", SENT)}), 202)
    assert (told["state"], told["percent"], told["size"]) == ("waiting", 0, len(SENT))
    look = told["path"].removeprefix("/api/v1/")
    assert good(filer.get(look))["state"] == "waiting"
    while worker.run_one():
        pass
    found = good(filer.get(look))
    assert (found["state"], found["list"], found["names"], found["refused"]) == ("taken", 1, 200, {"space": 1})
    assert found["digest"] == good(filer.get(f"requests/{case.reference}/lists/1"))["versions"][0]["digest"]
    assert Caller(world.stranger).get(look).status_code == 404


@pytest.mark.parametrize(("data", "words_of_it"), [(gzip.compress(b"# nothing\n" * 9, mtime=0), "no names"), (SENT[:-20], "cut off")])
def test_what_is_refused_says_why_and_is_not_tried_again(world: worlds.World, visit: Visit, case: Request, data: bytes, words_of_it: str) -> None:
    filer = visit(world.filer)
    filer.post(f"/r/{case.reference}/add/list", {"file": SimpleUploadedFile("x", data)})
    while worker.run_one():
        pass
    page = words(filer.get(f"/r/{case.reference}/uploads/1"))
    assert "This list was not taken in" in page
    assert words_of_it in page
    assert Upload.objects.get().state == "refused"
    assert not ListVersion.objects.exists()


def test_why_it_is_refused_is_read_in_the_readers_language(world: worlds.World, visit: Visit, case: Request, settings: Any) -> None:
    """Page and row of the file in French with nothing of the English, the API in English; what was refused before that stays as it is."""
    settings.LANGUAGES = [("en", "English"), ("fr", "Français")]
    filer, where = visit(world.filer), f"/r/{case.reference}/uploads/1"
    filer.post(f"/r/{case.reference}/add/list", {"file": SimpleUploadedFile("x", gzip.compress(b"foo.example\nnot a name\n", mtime=0))})
    while worker.run_one():
        pass
    english = Upload.objects.get().problem
    assert english.startswith("No name in this file can be taken in. Line 1 has a name under another TLD")
    assert english in words(filer.get(where))
    filer.post("/language", {"language": "fr"})
    page = words(filer.get(where))
    assert "Aucun nom de ce fichier" in page
    assert "Aucun" not in english
    assert "Line 1" not in page
    assert 'lang="en">No name' not in filer.get(where).content.decode()
    for listing in ("/names", f"/r/{case.reference}/add/list"):
        assert "Line 1" not in words(filer.get(listing))
    assert good(Caller(world.filer).get(f"requests/{case.reference}/uploads/1"))["problem"] == english
    Upload.objects.update(why=None)
    assert f'lang="en">{html.escape(english)}' in filer.get(where).content.decode()


