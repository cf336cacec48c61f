"""The leak crawl: everybody asks every address for everything, and nothing is found where the table does not put it."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.leak import mails
from tests.leak.conftest import Ground
from tests.leak.crawl import Crawl
from tests.leak.looking import Finder
from tests.leak.markers import TABLE, Mark

pytestmark = pytest.mark.django_db

#: Below these the crawl has shrunk, whatever it says it found.
VISITS, CHECKS, MARKERS, FORMS, MAILS = 9_500, 4_400_000, 400, 40, 60
#: Markers that nobody who may read them finds, and why. Nothing is here without a reason.
NOT_SHOWN: dict[str, str] = {}


def test_nothing_is_out_of_place(ground: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    """Pages, endpoints, files, headers and errors, by GET, HEAD, OPTIONS, POST and DELETE; and every marker is found by
    somebody who may read it, else its absence elsewhere would say nothing."""
    crawl = Crawl(ground.scene, ground.visitors)
    crawl.get_all()
    crawl.post_all()
    report, marks = crawl.report, ground.scene.marks.all
    visits = sum(report.visits.values())
    with capsys.disabled():
        print(
            f"\nleak crawl: {visits:,} visits of {len(crawl.routes)} routes by {len(ground.visitors)} people, "
            f"{report.checks:,} marker checks, {len(report.out_of_place)} out of place"
        )
    assert report.out_of_place == []
    assert crawl.unvisited() == []
    missing = Counter(mark.field for text, mark in marks.items() if text not in report.seen)
    assert missing.keys() == NOT_SHOWN.keys(), missing
    assert {mark.field for mark in marks.values()} == TABLE.keys()
    assert visits >= VISITS
    assert report.checks >= CHECKS
    assert len(marks) >= MARKERS
    assert len(report.forms) >= FORMS
    assert {200, 201, 204, 302, 401, 403, 404, 405, 409, 422} <= report.statuses.keys()


@pytest.mark.parametrize("key", ["anybody", "stranger", "night", "administrator"])
def test_not_yours_answers_like_not_there(ground: Ground, key: str) -> None:
    """Same status, same headers, same words, on every address that names a case."""
    crawl = Crawl(ground.scene, ground.visitors)
    assert crawl.same_as_absent(key) == []
    assert sum(crawl.report.visits.values()) >= 250


def test_outsiders_do_not_notice_that_somebody_files(ground: Ground) -> None:
    """Byte for byte the same before and after ten cases of another operator: pages, counts, receipts, /keys.json,
    /checkpoint, /health."""
    assert len(ground.before) >= 250
    for address in ("/keys.json", "/checkpoint", "/health", "/about", "/"):
        assert ground.before["anybody", address][0] == 200, address
    assert ground.noticed() == []


def test_mails_carry_a_reference_and_a_link(ground: Ground) -> None:
    looked, wrong = mails.out_of_place(ground.scene.marks.all)
    assert wrong == []
    assert looked >= MAILS


def test_an_answer_kept_for_one_person_is_not_given_to_another(ground: Ground) -> None:
    """An Idempotency-Key is its owner's: with the same key and call a stranger gets what they would get anyway."""
    ref = ground.scene.cases["received"].ref
    path, sent = f"/api/v1/requests/{ref}/record_act", {"action": "reserve", "taken": "planned"}
    first = ground.visitors["filer"].send("POST", path, sent, media_type="application/json", key="one")
    again = ground.visitors["stranger"].send("POST", path, sent, media_type="application/json", key="one")
    assert (first.status_code, again.status_code) == (200, 404)
    assert not Finder(ground.scene.marks.all).in_bytes(again.content, "application/json")


# --- the eyes of the crawl


def _hidden(text: str) -> Iterator[tuple[str, bytes, str]]:
    packed = base64.urlsafe_b64encode(f'["salt","names","{text}"]'.encode()).decode().rstrip("=")
    yield "between tags", f"<p>{text[:4]}<b>{text[4:]}</b></p>".encode(), "text/html"
    yield "as entities", f"<p>{''.join(f'&#{ord(c)};' for c in text)}</p>".encode(), "text/html"
    yield "in capitals", f"<p>{text.upper()}</p>".encode(), "text/html"
    yield "in an attribute", f'<input value="{text}">'.encode(), "text/html"
    yield "in groups", f"<td>{text[:3]} {text[3:6]}\u00a0{text[6:]}</td>".encode(), "text/html"
    yield "in a disclosure", f"eyJhbGciOiJFUzI1NiJ9.e30.c2ln~{packed}~".encode(), "application/dc+sd-jwt"
    yield "in a record", f'{{"record":"{base64.b64encode(text.encode() * 3).decode()}"}}'.encode(), "application/json"
    yield "in an address", ("next=" + "".join(f"%{ord(c):02x}" for c in text)).encode(), "text/plain"


@pytest.mark.parametrize("text", ["zqabcdefghijkl", "447912345678", "ambertulipfalcon"])
def test_the_finder_sees_through_wrappings(text: str) -> None:
    finder = Finder({text: Mark(text, "happening")})
    for how, data, media_type in _hidden(text):
        assert finder.in_bytes(data, media_type) == {text}, how
