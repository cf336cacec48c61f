"""The filer's page of a request and what it leads to: what it says to whom, and what it never says."""

from __future__ import annotations

import csv
import io
import re

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from ersr.core import sheet
from ersr.requests import actions, queries
from tests import world as worlds
from tests.faces import case_story as story
from tests.faces.conftest import Visit
from tests.faces.test_web_filing import page

ACT = {"action": "create", "taken": "planned", "registered": "no"}


def test_the_page_says_whose_move_it_is_what_holds_and_when_it_is_due(world: worlds.World, visit: Visit) -> None:
    row = story.filed(world)
    html = page(visit(world.filer), f"/r/{row.reference}")
    assert "ICANN’s move: received" in html
    assert "Nothing is covered yet." in html
    assert row.words in html
    assert "Answer due" in html
    assert html.count("Needed for the decision") == 5
    assert re.search(r'button--main" href="/r/[^"]+/add/act">Record an act<', html), "one primary action"
    assert html.count("button--main") == 2, "one for a phone, one for a desk"
    assert "If nobody moves" in html


def test_title_and_address_carry_no_content_and_the_label_is_whole(world: worlds.World, visit: Visit) -> None:
    row = story.filed(world, happening="MARKER happening")
    html = page(visit(world.filer), f"/r/{row.reference}")
    title = re.search(r"<title>(.*?)</title>", html, re.DOTALL)
    assert title
    assert "Your request" in title[1]
    assert row.reference not in title[1]
    assert html.count("TLP:AMBER+STRICT") == 1


def plain(html: str) -> str:
    """Without what is drawn anew."""
    return re.sub(r"csrfmiddlewaretoken.*?>", "", html)


def test_who_may_not_see_a_request_gets_the_words_of_what_is_not_there(world: worlds.World, visit: Visit) -> None:
    """Stranger and administrator: every address of the case answers like one that was never given out."""
    row = story.filed(world)
    addresses = ["", "/receipt", "/add/act", "/add/authority", "/add/list", "/lists/1", "/answer", "/withdraw", "/evidence/1"]
    for who in (world.stranger, world.administrator):
        client = visit(who)
        nothing = page(client, "/r/SRW-2026-1000000-A", status=404)
        for one in addresses:
            found = page(client, f"/r/{row.reference}{one}", status=404)
            assert plain(found) == plain(nothing), one


def test_the_rsp_and_the_operators_other_people_see_the_request(world: worlds.World, visit: Visit) -> None:
    row = actions.submit({**worlds.SIX, "tlds": ["com"]}, by=world.night, now=world.now, once="night")
    assert "Nothing is covered yet." in page(visit(world.filer), f"/r/{row.reference}")


def test_staff_are_sent_to_their_page(world: worlds.World, visit: Visit) -> None:
    row = story.filed(world)
    assert visit(world.officer).get(f"/r/{row.reference}")["Location"] == f"/desk/{row.reference}"


def test_a_filer_never_sees_a_number_on_file(world: worlds.World, visit: Visit) -> None:
    row = story.filed(world)
    story.verified(world, row)
    for path in (f"/r/{row.reference}", f"/r/{row.reference}/receipt", "/", "/told", "/file/six"):
        html = visit(world.filer).get(path).content.decode()
        for number in ("+3225550100", "+3225550188", "3725550100", "Operations, 24 h"):
            assert number not in html, path
            assert number not in re.sub(r"(?<=[0-9])\s(?=[0-9])", "", html), path  # nor in groups


def test_a_filer_sees_no_advice_before_it_is_confirmed_and_no_outcome_before_it_is_told(
    world: worlds.World, visit: Visit
) -> None:
    """Nor that staff have proposed or approved: the page looks like "deciding" until there is an instrument."""
    row = story.filed(world)
    story.verified(world, row)
    client = visit(world.filer)
    before = page(client, f"/r/{row.reference}")
    assert "Line by line" not in before
    assert "2.9(a)" not in before
    story.proposed(world, row)
    after = page(client, f"/r/{row.reference}")
    assert "Line by line" in after
    assert "ICANN’s move: deciding" in after
    for word in ("Granted", "No waiver needed", "STAFFREASON", "roposed", "pproved"):
        assert word not in after, word
    listed = page(client, f"/r/{row.reference}/lists/1")
    assert "4 names" in listed, "the list as filed: what staff took out shows with the answer"
    assert "STAFFREASON" not in listed
    story.signed(world, row)
    last = page(client, f"/r/{row.reference}")
    assert "Granted" in last
    assert "Your move: acknowledge receipt" in last
    assert "3 names" in page(client, f"/r/{row.reference}/lists/1")


def test_parts_are_added_as_versions_that_stay_readable(world: worlds.World, visit: Visit) -> None:
    row, client = story.filed(world), visit(world.filer)
    address = f"/r/{row.reference}/add/authority"
    assert client.post(address, {"basis": "pending", "words": "FIRST"})["Location"] == f"/r/{row.reference}"
    client.post(address, {"basis": "delegated", "words": "SECOND"})
    html = page(client, address)
    assert "Version 1" in html
    assert "FIRST" in html
    assert 'value="SECOND"' in html, "the newest version is the starting point"
    client.post(address, {"basis": "delegated", "words": "SECOND"})
    assert "Nothing changed" in page(client, f"/r/{row.reference}")
    assert row.parts.filter(part="authority").count() == 2


def test_a_part_tells_every_error_at_once(world: worlds.World, visit: Visit) -> None:
    row, client = story.filed(world), visit(world.filer)
    answer = client.post(f"/r/{row.reference}/add/relief", {})
    assert answer.status_code == 422
    assert "Two answers need another look" in answer.content.decode()
    typed = {f"acts_from_{k}": v for k, v in zip(("day", "month", "year", "time"), ("2", "1", "2026", "00:00"), strict=True)}
    typed |= {f"ends_at_{k}": v for k, v in zip(("day", "month", "year", "time"), ("1", "1", "2026", "00:00"), strict=True)}
    html = client.post(f"/r/{row.reference}/add/period", typed).content.decode()
    assert html.count("The end must come after the first act") == 2
    assert '<a href="#id_ends_at_day">' in html


@pytest.mark.parametrize("part", ["authority", "incident", "relief", "period", "originator", "order", "telling", "happening"])
def test_every_part_has_its_page(world: worlds.World, visit: Visit, part: str) -> None:
    row = story.filed(world)
    assert "Save" in page(visit(world.filer), f"/r/{row.reference}/add/{part}")


def test_a_part_that_does_not_exist_is_not_there(world: worlds.World, visit: Visit) -> None:
    row = story.filed(world)
    page(visit(world.filer), f"/r/{row.reference}/add/nosuch", status=404)


def test_an_act_is_recorded_and_corrected_beside_the_old_one(world: worlds.World, visit: Visit) -> None:
    row, client = story.filed(world), visit(world.filer)
    address = f"/r/{row.reference}/add/act"
    assert client.post(address, {**ACT, "words": "FIRST"}).status_code == 302
    act = row.acts.get()
    html = page(client, f"{address}?replaces={act.pk}")
    assert "Correct an act" in html
    assert "FIRST" in html
    client.post(address, {**ACT, "words": "SECOND", "replaces": str(act.pk)})
    html = page(client, address)
    assert "corrected later" in html
    assert "FIRST" in html
    assert [a.words for a in queries.current_acts(row)] == ["SECOND"]
    again = client.post(address, {**ACT, "words": "THIRD", "replaces": str(act.pk)})
    assert "corrected before" in again.content.decode()
    assert "THIRD" in again.content.decode(), "nothing typed is lost"
    page(client, f"{address}?replaces=999999", status=404)


def test_an_act_taken_needs_its_time(world: worlds.World, visit: Visit) -> None:
    row, client = story.filed(world), visit(world.filer)
    html = client.post(f"/r/{row.reference}/add/act", {**ACT, "taken": "taken"}).content.decode()
    assert html.count("Enter when you acted: a waiver reaches back to this time") == 2


def test_a_list_gets_one_outcome_a_line_and_the_same_list_changes_nothing(world: worlds.World, visit: Visit) -> None:
    row, client = story.filed(world), visit(world.filer)
    address = f"/r/{row.reference}/add/list"
    assert "No list yet" in page(client, address)

    def send() -> str:
        names = SimpleUploadedFile("names.txt", b"aaa.com\nbbb.net\naaa.com\nex ample.com\n")
        return str(client.post(address, {"file": names, "title": "Tonight"})["Location"])

    where = send()
    html = page(client, where)
    assert "2 names" in html
    assert "Line 4 has a space in" in html
    assert send() == where
    assert "Nothing changed" in page(client, where)
    digest = queries.request_for(world.filer, row.reference).incident.lists.get().versions.get().digest
    assert f'data-digest="{digest}"' in html
    sent = client.get(f"{where}/names.txt")
    assert sent.getvalue() == b"aaa.com\nbbb.net\n"
    assert sent["Content-Disposition"].startswith("attachment")
    page(client, f"/r/{row.reference}/lists/7", status=404)


def test_a_file_without_a_name_is_refused_at_its_field(world: worlds.World, visit: Visit) -> None:
    row, client = story.filed(world), visit(world.filer)
    address = f"/r/{row.reference}/add/list"
    assert client.post(address, {}).content.decode().count("Choose a file") == 2
    answer = client.post(address, {"file": SimpleUploadedFile("x", b"nonsense here\n")})
    assert answer.status_code == 422
    assert answer.content.decode().count("No name in this file can be taken in") == 2


def test_popular_names_are_shown_before_the_decision(world: worlds.World, visit: Visit) -> None:
    row = story.filed(world)
    story.verified(world, row)
    html = page(visit(world.filer), f"/r/{row.reference}/lists/1")
    assert "Much-visited names, worst first" in html
    assert "rank 1" in html


def test_evidence_can_only_be_downloaded(world: worlds.World, visit: Visit) -> None:
    """A hostile file comes back as bytes to be saved, in a sandbox, and as nothing that a page would run."""
    row, client = story.filed(world), visit(world.filer)
    address = f"/r/{row.reference}/add/evidence"
    hostile = b"<script>alert(1)</script>"
    assert client.post(address, {"file": SimpleUploadedFile('a"b\r\n.html', hostile, "text/html")}).status_code == 302
    html = page(client, address)
    assert "alert(1)" not in html
    found = row.evidence.get()
    answer = client.get(f"/r/{row.reference}/evidence/{found.pk}")
    assert answer.content == hostile
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert found.file.digest in html


def test_a_file_that_is_too_large_or_empty_is_refused(world: worlds.World, visit: Visit, settings: object) -> None:
    settings.ERSR_EVIDENCE_LIMIT = 10  # type: ignore[attr-defined]
    row, client = story.filed(world), visit(world.filer)
    address = f"/r/{row.reference}/add/evidence"
    large = client.post(address, {"file": SimpleUploadedFile("x", b"12345678901")})
    assert large.status_code == 413
    assert "at most 10 are taken" in large.content.decode()
    assert "The file is empty" in client.post(address, {"file": SimpleUploadedFile("x", b"")}).content.decode()


def test_questions_are_answered_on_their_page(world: worlds.World, visit: Visit) -> None:
    row = story.filed(world)
    story.verified(world, row)
    actions.ask(row.reference, "Which sinkhole?", by=world.officer, now=world.later(seconds=1))
    client = visit(world.filer)
    html = page(client, f"/r/{row.reference}")
    assert "Your move: answer our questions" in html
    assert "Which sinkhole?" in html
    pk = row.questions.get().pk
    assert "Answer at least one question" in client.post(f"/r/{row.reference}/answer", {}).content.decode()
    assert client.post(f"/r/{row.reference}/answer", {f"question-{pk}": "OURS"}).status_code == 302
    html = page(client, f"/r/{row.reference}")
    assert "OURS" in html
    assert "The next move is not yours" in html
    assert "possible while a request is" in page(client, f"/r/{row.reference}/answer", status=409)


def test_withdrawing_needs_a_reason_and_ends_the_filing(world: worlds.World, visit: Visit) -> None:
    row, client = story.filed(world), visit(world.filer)
    client.post(f"/r/{row.reference}/add/act", ACT)
    address = f"/r/{row.reference}/withdraw"
    assert client.post(address, {"reason": " "}).status_code == 422
    assert queries.request_for(world.filer, row.reference).state == "received"
    assert client.post(address, {"reason": "A mistake."}).status_code == 302
    html = page(client, f"/r/{row.reference}")
    assert "Nobody’s move: withdrawn" in html
    assert "Nothing is covered." in html
    assert "Needed for the decision" not in html
    page(client, address, status=409)
    part = page(client, f"/r/{row.reference}/add/happening")
    assert "nothing more can be added" in part
    assert "Version 1" in part
    assert client.post(f"/r/{row.reference}/add/act", ACT).status_code == 409


def test_the_start_page_lists_what_waits_for_the_reader(world: worlds.World, visit: Visit) -> None:
    row = story.filed(world)
    client = visit(world.filer)
    assert row.reference in re.sub(r"</?b>", "", page(client, "/"))
    assert row.reference not in re.sub(r"</?b>", "", page(visit(world.stranger), "/"))
    assert "Open the desk" in page(visit(world.officer), "/")


def test_what_is_late_is_said_to_be_late(world: worlds.World, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    row = story.filed(world)
    client = visit(world.filer)
    monkeypatch.setattr("ersr.clock.now", lambda: row.due_at + (row.due_at - row.received_at))
    html = page(client, f"/r/{row.reference}")
    assert "Overdue by" in html
    assert "The words for the call have lapsed" in html
    assert row.words not in html


def test_a_list_of_too_many_bytes_is_refused_by_its_size(
    world: worlds.World, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = story.filed(world)
    monkeypatch.setattr(settings, "ERSR_LIST_BYTES", 10)
    monkeypatch.setattr("ersr.requests.actions.add_list", None)  # nothing gets that far
    sent = SimpleUploadedFile("names.txt", b"alpha.com\nb")
    answer = visit(world.filer).post(f"/r/{row.reference}/add/list", {"title": "", "file": sent})
    assert answer.status_code == 413
    assert "The file has 11 bytes; at most 10 are taken" in answer.content.decode()


def test_every_refused_entry_is_in_the_file_and_none_is_a_formula(world: worlds.World, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only the first ones, which the page shows; in pieces, so that a million of them are none too many."""
    monkeypatch.setattr(sheet, "PIECE", 7)
    row = actions.submit(worlds.SIX, by=world.filer, now=world.now, once="refused")
    wrong = [*(f"-{number}.biz" for number in range(250)), "=1+1.biz"]
    actions.add_list(row.reference, "\n".join(["alpha.biz", *wrong]).encode(), title="x", by=world.filer, now=world.now)
    answer = visit(world.filer).get(f"/r/{row.reference}/lists/1/refused.csv")
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode(), newline="")))  # type: ignore[attr-defined]
    assert [line for line, *_ in rows] == ["line", *(str(number) for number in range(2, 253))]
    assert [text for _, text, _ in rows[1:]] == [f"'{text}" for text in wrong]
