"""Filing through the pages: six answers, all errors at once, nothing lost, one request however often it is sent."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from ersr.ledger import sequence
from ersr.requests import queries
from ersr.requests.models import Draft, Request
from tests import world as worlds
from tests.faces import case_story as story
from tests.faces.conftest import Visit

GOOD = {
    "number_claimed": "+32 2 555 01 42", "operator": "northlight", "tlds": "com, net",
    "happening": "A worm makes names.", "irreversible": "at", "irreversible_at_day": "15", "irreversible_at_month": "12",
    "irreversible_at_year": "2026", "irreversible_at_time": "01:00", "irreversible_at_zone": "UTC",
}  # fmt: skip


def page(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, (path, answer.status_code)
    return answer.content.decode()


def hidden(html: str) -> dict[str, str]:
    """The hidden fields of the form that submits."""
    return dict(re.findall(r'<input type="hidden" name="(draft|checked)" value="([^"]+)"', html))


def submit(client: Client) -> str:
    """Presses the last button; the reference."""
    sent = client.post("/file/check", hidden(page(client, "/file/check")))
    assert sent.status_code == 302, sent.content.decode()
    return str(sent["Location"]).split("/")[2]


def test_six_answers_file_a_request(world: worlds.World, visit: Visit) -> None:
    """Start, six answers, check, submit; the receipt has reference, words, deadline and digest."""
    client = visit(world.filer)
    start = page(client, "/file")
    assert "What is filed here is used" in start, "the form says what a filing may be used for"
    assert "no breach" in start, "and that it admits no breach"
    assert client.post("/file/six", GOOD)["Location"] == "/file/check"
    check = page(client, "/file/check")
    assert "Tue 15 Dec 2026, 01:00 UTC" in check.replace("\xa0", " ")
    assert "no breach" in check
    ref = submit(client)
    row = queries.request_for(world.filer, ref)
    assert (row.tlds, row.number_claimed, row.happening) == (["com", "net"], "+3225550142", "A worm makes names.")
    receipt = page(client, f"/r/{ref}/receipt", status=202)
    assert ref in receipt
    assert row.words in receipt
    assert "business day" in receipt
    assert not Draft.objects.exists()


def test_times_are_read_back_in_utc_and_in_the_readers_zone(world: worlds.World, visit: Visit) -> None:
    client = visit(world.filer)
    client.post("/account", {"do": "zone", "zone": "Europe/Brussels"})
    client.post("/file/six", {**GOOD, "irreversible_at_zone": "Europe/Brussels"})
    assert "Tue 15 Dec 2026, 00:00 UTC (01:00 Brussels)" in page(client, "/file/check").replace("\xa0", " ")


def test_every_fields_error_comes_at_once_beside_it_and_in_the_summary(world: worlds.World, visit: Visit) -> None:
    """Four wrong answers: each is told twice in the same words, what was typed is still there, and a draft was saved."""
    client = visit(world.filer)
    wrong = {**GOOD, "number_claimed": "555 01 42", "tlds": "nosuch", "happening": "", "irreversible_at_month": "13"}
    answer = client.post("/file/six", wrong)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "<title>Error: Tell us" in re.sub(r"\s+", " ", html)
    for field, words in (
        ("number_claimed", "Enter a phone number with its country code, like +32 2 555 01 42"),
        ("tlds", "has no TLD nosuch that you may file for"),
        ("happening", "Say what is happening, in plain words"),
        ("irreversible_at_month", "Enter the month as a number from 1 to 12"),
    ):
        assert html.count(words) == 2, field
        assert f'<a href="#id_{field}">' in html
        assert f'id="id_{field}_error"' in html
    for typed in ("555 01 42", 'value="nosuch"', 'value="13"', 'value="01:00"'):
        assert typed in html
    assert Draft.objects.get().body["number_claimed"] == "555 01 42"
    assert Request.objects.count() == 0


def test_a_time_that_is_not_given_is_asked_for_at_its_boxes(world: worlds.World, visit: Visit) -> None:
    boxes = {name: "" for name in GOOD if name.startswith("irreversible_at_")}
    html = visit(world.filer).post("/file/six", {**GOOD, **boxes}).content.decode()
    assert html.count("Enter day, month, year and time") == 2
    assert "2026-11-15T00:00Z" not in html, "the API's words stay in the API"


def test_a_known_time_does_not_count_when_another_answer_is_chosen(world: worlds.World, visit: Visit) -> None:
    """Rubbish in boxes below an answer that was not chosen stops nobody."""
    client = visit(world.filer)
    answer = client.post("/file/six", {**GOOD, "irreversible": "unknown", "irreversible_at_month": "x"})
    assert answer.status_code == 302


def test_a_draft_outlives_the_session(world: worlds.World, visit: Visit) -> None:
    """Save and stop; sign out; on another machine everything is there, right or wrong."""
    client = visit(world.filer)
    client.post("/file/six", {**GOOD, "tlds": "half typ", "save": "yes"})
    client.post("/signout")
    again = visit(world.filer)
    assert "Go on with the draft" in page(again, "/file")
    assert 'value="half typ"' in page(again, "/file/six")
    assert again.get("/file/check")["Location"] == "/file/six?look=1"
    assert "There is a problem" in page(again, "/file/six?look=1", status=422)


def test_a_draft_can_be_dropped(world: worlds.World, visit: Visit) -> None:
    client = visit(world.filer)
    client.post("/file/six", GOOD)
    client.post("/file")
    assert not Draft.objects.exists()
    assert client.get("/file/check")["Location"] == "/file"


def test_a_double_click_files_once(world: worlds.World, visit: Visit) -> None:
    """The second click finds the first one's request, although the draft is gone; later drafts file anew."""
    client = visit(world.filer)
    client.post("/file/six", GOOD)
    fields = hidden(page(client, "/file/check"))
    first, second = client.post("/file/check", fields), client.post("/file/check", fields)
    assert first["Location"] == second["Location"]
    assert Request.objects.count() == 1
    client.post("/file/six", GOOD)
    assert submit(client) != first["Location"].split("/")[2]
    assert Request.objects.count() == 2


def test_what_was_not_read_is_not_filed(world: worlds.World, visit: Visit) -> None:
    """Answers that changed in another window after they were checked come back to be read again."""
    client = visit(world.filer)
    client.post("/file/six", GOOD)
    fields = hidden(page(client, "/file/check"))
    client.post("/file/six", {**GOOD, "happening": "Something else."})
    assert client.post("/file/check", fields)["Location"] == "/file/check"
    assert "read them again" in page(client, "/file/check")
    assert Request.objects.count() == 0


@pytest.mark.parametrize("draft", ["", "x", "9" * 40, "٣", "999999"])
def test_an_attempt_that_names_no_draft_files_nothing(world: worlds.World, visit: Visit, draft: str) -> None:
    client = visit(world.filer)
    client.post("/file/six", GOOD)
    assert client.post("/file/check", {"draft": draft, "checked": "x"})["Location"] == "/file"
    assert Request.objects.count() == 0


def test_the_night_shift_of_an_rsp_chooses_the_operator(world: worlds.World, visit: Visit) -> None:
    """An RSP that acts for many is asked for whom, and "all" means the TLDs that it runs there."""
    client = visit(world.night)
    html = page(client, "/file/six")
    assert "<select" in html
    assert "“all 8” for Northlight" in html
    assert "“all 1” for Southwind" in html
    assert client.post("/file/six", {**GOOD, "operator": "", "tlds": "all"}).status_code == 422
    assert client.post("/file/six", {**GOOD, "operator": "southwind", "tlds": "all 1"}).status_code == 302
    row = queries.request_for(world.night, submit(client))
    assert (row.operator.key, row.tlds, row.filing_party.key) == ("southwind", ["wind"], "baltic")
    assert page(visit(world.stranger), f"/r/{row.reference}"), "the operator sees what was filed in its name"


def test_a_filer_with_one_operator_is_not_asked(world: worlds.World, visit: Visit) -> None:
    html = page(visit(world.filer), "/file/six")
    assert "You may write “all 40”" in html
    assert "Southwind" not in html
    client = visit(world.filer)
    client.post("/file/six", {**GOOD, "tlds": "all 40", "operator": ""})
    assert len(queries.request_for(world.filer, submit(client)).tlds) == 40


@pytest.mark.parametrize("path", ["/file", "/file/six", "/file/check"])
def test_staff_do_not_file(world: worlds.World, visit: Visit, path: str) -> None:
    for who in (world.officer, world.administrator, world.auditor):
        assert "staff do not file" in page(visit(who), path, status=403)


@pytest.mark.parametrize("path", ["/file", "/file/six", "/file/check", "/r/SRW-2026-1000000-A", "/account", "/told"])
def test_whoever_is_not_signed_in_is_asked_to(world: worlds.World, visit: Visit, path: str) -> None:
    assert visit().get(path)["Location"].startswith("/signin?next=%2F")


def test_the_receipt_waits_for_the_seal(world: worlds.World, visit: Visit) -> None:
    """202 until the event is sequenced, then 200 and the exact bytes."""
    client = visit(world.filer)
    client.post("/file/six", GOOD)
    ref = submit(client)
    assert "Reload" in page(client, f"/r/{ref}/receipt", status=202)
    assert client.get(f"/r/{ref}/receipt.json").status_code == 202
    world.sequence()
    assert "Sealed" in page(client, f"/r/{ref}/receipt")
    answer = client.get(f"/r/{ref}/receipt.json")
    row = queries.request_for(world.filer, ref)
    assert answer.content == sequence.receipt_for(row.event)
    assert "attachment" in answer["Content-Disposition"]
    assert visit(world.stranger).get(f"/r/{ref}/receipt.json").status_code == 404


def test_the_duty_line_stands_on_every_page(world: worlds.World, visit: Visit) -> None:
    """Sign-in, errors and the page for what is not there included."""
    row = story.filed(world)
    for client, paths in (
        (visit(), ("/", "/signin", "/verify", "/about", "/keys", "/offline", "/nothing/here", "/enrol/x")),
        (visit(world.filer), ("/", "/file", "/account", "/told", f"/r/{row.reference}", "/r/SRW-2026-1000000-A")),
    ):
        for path in paths:
            assert "tel:+12025550100" in client.get(path).content.decode(), path


@pytest.mark.parametrize("number", ["\u00b2", "\u0663\u2460", "9" * 5000])
def test_digits_that_are_no_number_are_refused_and_the_kept_draft_still_opens(
    world: worlds.World, visit: Visit, number: str
) -> None:
    client = visit(world.filer)
    answer = client.post("/file/six", GOOD | {"tlds": f"all {number}"})
    assert answer.status_code == 422
    assert Draft.objects.get().body["tlds"] == f"all {number}"
    page(client, "/file/six")
    page(client, "/file/six?look=1", 422)
    assert client.get("/file/check").status_code in (200, 302)
