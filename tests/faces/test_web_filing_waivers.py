"""Instruments as a registry reads them, acknowledgement by button, and the public pages that check documents."""

from __future__ import annotations

import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from ersr.files import store
from ersr.ledger import sequence
from ersr.ledger.models import Event
from ersr.requests import queries
from tests import world as worlds
from tests.faces import case_story as story
from tests.faces.conftest import Visit
from tests.faces.test_web_filing import page


def test_an_instrument_says_in_a_sentence_what_is_covered_and_gives_its_files(world: worlds.World, visit: Visit) -> None:
    row, waivers = story.whole(world)
    client = visit(world.filer)
    for waiver in waivers:
        html = page(client, f"/w/{waiver.reference}")
        assert "In force until" in html
        assert "It reaches back" in html
        assert "AWB 17" in html
        pdf, token = client.get(f"/w/{waiver.reference}/waiver.pdf"), client.get(f"/w/{waiver.reference}/waiver.sd-jwt")
        assert pdf.content == store.get(waiver.pdf_id)
        assert token.content == store.get(waiver.token_id)
        assert pdf["Content-Type"] == "application/pdf"
    case = page(client, f"/r/{row.reference}")
    assert "Northlight Registry SA may create 3 names in" in case


def test_reading_changes_nothing(world: worlds.World, visit: Visit) -> None:
    """No GET of case, instrument, acknowledgement page or file appends an event or moves the case."""
    row, waivers = story.whole(world)
    client = visit(world.filer)
    before = Event.objects.count()
    ref = waivers[0].reference
    for path in (f"/r/{row.reference}", f"/r/{row.reference}/receipt", f"/w/{ref}", f"/w/{ref}/ack", f"/w/{ref}/waiver.pdf",
                 f"/w/{ref}/waiver.sd-jwt", f"/r/{row.reference}/lists/1/names.txt", "/told"):  # fmt: skip
        assert client.get(path).status_code == 200, path
    assert Event.objects.count() == before
    assert queries.request_for(world.filer, row.reference).state == "served"


def test_receipt_is_acknowledged_by_button_and_is_no_agreement(world: worlds.World, visit: Visit) -> None:
    row, waivers = story.whole(world)
    client = visit(world.filer)
    for waiver in waivers:
        assert "You do not say that you agree" in page(client, f"/w/{waiver.reference}/ack")
        assert client.post(f"/w/{waiver.reference}/ack")["Location"] == f"/w/{waiver.reference}"
        html = page(client, f"/w/{waiver.reference}")
        assert "Not an agreement." in html
        assert "Acknowledge receipt" not in html
    assert queries.request_for(world.filer, row.reference).state == "closed"
    assert "Nobody’s move: closed" in page(client, f"/r/{row.reference}")
    again = client.post(f"/w/{waivers[0].reference}/ack")
    assert again.status_code == 409
    assert "acknowledged already" in again.content.decode()


def test_an_instrument_is_for_its_parties_and_staff(world: worlds.World, visit: Visit) -> None:
    _, waivers = story.whole(world)
    ref = waivers[0].reference
    for one in ("", "/ack", "/waiver.pdf", "/waiver.sd-jwt"):
        page(visit(world.stranger), f"/w/{ref}{one}", status=404)
        assert "/signin" in visit().get(f"/w/{ref}{one}")["Location"]
    html = page(visit(world.officer), f"/w/{ref}")
    assert "Acknowledge receipt" not in html
    assert visit(world.officer).get(f"/w/{ref}/ack").status_code == 403


def test_an_instrument_that_has_ended_covers_nothing(
    world: worlds.World, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, waivers = story.whole(world)
    client = visit(world.filer)
    monkeypatch.setattr("ersr.clock.now", lambda: waivers[0].ends_at)
    assert "Nothing is covered any more." in page(client, f"/w/{waivers[0].reference}")
    assert "Nothing is covered any more." in page(client, f"/r/{row.reference}")


def checked(client: Client, data: bytes, name: str = "file", names: bytes | None = None) -> str:
    sent = {"file": SimpleUploadedFile(name, data)}
    if names is not None:
        sent["names"] = SimpleUploadedFile("names.txt", names)
    answer = client.post("/verify", sent)
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def test_the_verify_page_does_what_the_command_does(world: worlds.World, visit: Visit) -> None:
    """Letter, token, receipt: valid; one byte changed: not valid; something else: could not check. No sign-in needed."""
    row, waivers = story.whole(world)
    client = visit()
    assert "What you send here is checked and not kept" in page(client, "/verify")
    for data in (store.get(waivers[0].pdf_id), store.get(waivers[0].token_id), sequence.receipt_for(row.event)):
        assert "<h1>Valid</h1>" in checked(client, data)
        wrong = bytearray(data)
        wrong[len(wrong) // 2] ^= 1
        html = checked(client, bytes(wrong))
        assert "<h1>Not valid</h1>" in html
        assert "Do not act on this file" in html
    assert "<h1>Could not check</h1>" in checked(client, b"shopping list")
    html = checked(client, store.get(waivers[0].token_id), name="<b>x</b>")
    assert "What could not be checked" in html
    assert "<b>x</b>" not in html


def test_a_list_of_names_is_held_against_the_document(world: worlds.World, visit: Visit) -> None:
    _, waivers = story.whole(world)
    token = store.get(next(w for w in waivers if w.terms.names).token_id)
    assert "<h1>Valid</h1>" in checked(visit(), token, names="".join(f"{n}\n" for n in story.NAMES).encode())
    assert "<h1>Not valid</h1>" in checked(visit(), token, names=b"other.com\n")


def test_what_is_too_large_to_be_checked_is_said_to_be(
    world: worlds.World, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ersr.faces.web.public.CHECK_LIMIT", 10)
    answer = visit().post("/verify", {"file": SimpleUploadedFile("x", b"12345678901")})
    assert answer.status_code == 422
    assert "at most 10 are checked here" in answer.content.decode()
    assert visit().post("/verify", {}).content.decode().count("Choose a file") == 2


def test_keys_and_checkpoint_are_public(world: worlds.World, visit: Visit) -> None:
    client = visit()
    keys = client.get("/keys.json")
    assert keys.content == sequence.installed_keys().key_set().to_json()
    assert {k["kty"] for k in json.loads(keys.content)["keys"]} == {"EC", "OKP"}
    assert "DEVELOPMENT" in page(client, "/keys")
    assert client.get("/checkpoint").status_code == 404
    world.sequence()
    sequence.publish_hourly(world.now)
    found = client.get("/checkpoint")
    assert found.content.decode() == sequence.last_public().text  # type: ignore[union-attr]
    assert found["Content-Type"].startswith("text/plain")
    assert "The last public checkpoint" in page(client, "/keys")


def test_a_years_count_is_published_when_the_year_is_over(
    world: worlds.World, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = story.filed(world)
    html = page(visit(), "/about")
    assert "No year yet" in html
    assert "17:00 in Los Angeles" in html
    monkeypatch.setattr("ersr.clock.now", lambda: row.received_at.replace(year=row.received_at.year + 1, day=28))
    assert str(row.received_at.year) in page(visit(), "/about").split("Yearly counts")[1]


def test_the_offline_sheet_has_number_questions_and_command(world: worlds.World, visit: Visit) -> None:
    html = page(visit(), "/offline")
    for words in ("tel:+12025550100", "Which TLDs?", "ersr verify FILE --keys keys.json"):
        assert words in html


def test_whether_a_name_is_covered_is_asked_on_the_instruments_page(world: worlds.World, visit: Visit) -> None:
    """One sentence with its reason; a name that is none is told at the field; nothing of it in the title."""
    _, waivers = story.whole(world)
    waiver = next(w for w in waivers if w.terms.names)
    name, address = story.NAMES[0], f"/w/{waiver.reference}"
    for person in (world.filer, world.officer, world.auditor):
        html = page(visit(person), f"{address}?name={name.upper()}.")
        assert f"{name} is covered, as of" in html
        assert f"Covered by {waiver.reference}, line" in html
    html = page(visit(world.filer), f"{address}?name=absent.com")
    assert "absent.com is not covered, as of" in html
    assert "this name is not one of them" in html
    assert "absent" not in html.partition("</title>")[0]
    html = page(visit(world.filer), f"{address}?name=a%20b")
    assert "This is no name as lists have them" in html
    assert 'aria-invalid="true"' in html
    assert "is covered" not in page(visit(world.filer), address)
    for name in (story.NAMES[0], "absent.com", "a%20b"):
        there, absent = (
            re.sub(r'(csrfmiddlewaretoken" value=")\w+', r"\1", page(visit(world.stranger), f"/w/{ref}?name={name}", status=404)).replace(ref, "REF")
            for ref in (waiver.reference, "W-2026-0000000-X")
        )
        assert there == absent


def test_the_list_key_is_offered_to_the_holder_and_nobody_else_learns_of_it(world: worlds.World, visit: Visit) -> None:
    _, waivers = story.whole(world)
    waiver = next(w for w in waivers if w.terms.names)
    client = visit(world.filer)
    html = page(client, f"/w/{waiver.reference}")
    assert "Download the list key" in html
    assert "ersr names prove" in html
    got = client.get(f"/w/{waiver.reference}/list-key.json")
    assert got.content == waiver.list_key.encode()
    assert f"{waiver.reference}-list-key.json" in got["Content-Disposition"]
    for person in (world.officer, world.signatory, world.auditor):
        html = page(visit(person), f"/w/{waiver.reference}")
        assert "list key" not in html.lower()
        assert "list-key" not in html
        page(visit(person), f"/w/{waiver.reference}/list-key.json", status=404)
    page(visit(world.stranger), f"/w/{waiver.reference}/list-key.json", status=404)
    without = next((w for w in waivers if not w.terms.names), None)
    if without is not None:
        assert "list key" not in page(client, f"/w/{without.reference}").lower()
