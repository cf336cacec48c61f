"""Hostile texts: in pages, in names, in mails, in tables for spreadsheets."""

from __future__ import annotations

import csv
import io

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile

from ersr import clock
from ersr.core.errors import Refusal
from ersr.jobs.worker import run_one
from ersr.people import actions as people
from ersr.requests import actions
from tests.faces.conftest import Visit
from tests.requests.steps import Case
from tests.world import World

XSS = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>{{ 7|add:7 }}{% now 'Y' %}${7*7}"


def test_what_is_typed_is_shown_as_typed(world: World, visit: Visit) -> None:
    """Markup, template tags and attributes in every long text of a case come out as letters, on both sides' pages."""
    case = Case(world).file(happening=XSS).fill()
    actions.add_evidence(case.ref, b"x", name=XSS, by=world.filer, now=world.now)
    case.take()
    for client, addresses in (
        (visit(world.filer), [f"/r/{case.ref}", f"/r/{case.ref}/receipt", f"/r/{case.ref}/add/evidence", f"/r/{case.ref}/add/happening"]),
        (visit(world.officer), [f"/desk/{case.ref}", "/desk"]),
    ):
        shown = 0
        for address in addresses:
            answer = client.get(address)
            assert answer.status_code in (200, 202), address
            page = answer.content.decode()
            shown += "&lt;img src=x onerror" in page
            assert "<img src=x" not in page, address
            assert "<script>alert" not in page, address
            assert "{{ 7" in page or "7|add" not in page, address
        assert shown, "the text must be on one of the pages, or this proves nothing"


def test_a_look_alike_name_shows_what_it_is(world: World, visit: Visit) -> None:
    """"аррӏе.com" in Cyrillic letters reads like a well-known name: pages, downloads and chart show its A-label only."""
    cyrillic = "\u0430\u0440\u0440\u04cf\u0435.com"
    case = Case(world).file().fill(names=f"{cyrillic}\nalpha.biz\nx\u0430mple.com\n")
    page = visit(world.filer).get(f"/r/{case.ref}/lists/1").content.decode()
    names = visit(world.filer).get(f"/r/{case.ref}/lists/1/names.txt").getvalue().decode()
    assert "xn--80ak6aa92e.com" in names
    assert "xn--xmple-ugf.com" in names or "xn--" in names.split()[-1]
    for text in (page, names):
        assert cyrillic not in text
        assert "\u0430" not in text
    assert names.isascii()


@pytest.mark.parametrize(
    "evil", ["x@y.example\r\nBcc: all@evil.example", "x@y.example\nSubject: y", "x@y.example\u2028", "x\u200b@y.example", '"a\r\nb"@y.example']
)
def test_no_address_carries_a_header(world: World, evil: str) -> None:
    """An address with a line end in it is no address."""
    with pytest.raises(Refusal, match="e-mail address"):
        people.invite(
            email=evil, name="N", party=world.parties["north"], roles=[("filer", "")], by=world.administrator, now=clock.real()
        )


def test_nothing_typed_gets_into_a_mail(world: World) -> None:
    """What a filer types with line ends and headers in it reaches no header and no body of any mail."""
    mark = "zebra-marker"
    evil = f"{mark}\r\nBcc: all@evil.example\r\n\r\n<b>{mark}</b>"
    case = Case(world).file(happening=evil)
    actions.withdraw(case.ref, reason=evil, by=world.filer, now=world.now)
    while run_one():
        pass
    assert len(mail.outbox) >= 3
    for one in mail.outbox:
        raw = one.message().as_string()
        assert mark not in raw
        assert "evil.example" not in raw
        assert "Bcc" not in raw


def test_a_table_for_spreadsheets_runs_nothing(world: World, visit: Visit) -> None:
    """Refused entries can be downloaded as CSV; what a spreadsheet would take for a formula is made a text, and the rest
    of the file reads back as it was sent."""
    sent = ["=HYPERLINK(\"https://evil.example\",\"x\")", "+1+1.com", "-2+3", "@SUM(A1)", "\tx y", 'quo"te, comma', "ok.biz"]
    case = Case(world).file()
    client = visit(world.filer)
    answer = client.post(f"/r/{case.ref}/add/list", {"title": "t", "file": SimpleUploadedFile("n.txt", "\n".join(sent).encode())})
    assert answer.status_code == 302, answer.content.decode()
    got = client.get(f"/r/{case.ref}/lists/1/refused.csv")
    assert got.status_code == 200
    assert got["Content-Type"] == "text/csv; charset=utf-8"
    assert got["Content-Disposition"] == f'attachment; filename="{case.ref}-list-1-refused.csv"'
    rows = list(csv.DictReader(io.StringIO(got.getvalue().decode("utf-8"), newline="")))
    assert [row["text"].removeprefix("'") for row in rows] == [one.strip() for one in sent[:-1]]
    for row in rows:
        for cell in row.values():
            assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
    assert [row["line"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert f"/r/{case.ref}/lists/1/refused.csv" in client.get(f"/r/{case.ref}/lists/1").content.decode()
    assert visit(world.stranger).get(f"/r/{case.ref}/lists/1/refused.csv").status_code == 404
