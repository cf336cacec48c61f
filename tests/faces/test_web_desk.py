"""The desk's pages without scripts: who sees what, who may act, and what is said when not."""

from __future__ import annotations

import hashlib
import html
import json
import re
from datetime import timedelta
from unittest import mock

import pytest
from django.http import HttpResponse

from ersr import clock
from ersr.faces.web import facts
from ersr.ledger.models import Event, EventBody
from ersr.notifications.models import Notification
from ersr.parties.models import ContactNumber
from ersr.requests import actions, queries
from tests import world as worlds
from tests.faces import stages
from tests.faces.conftest import Visit
from tests.faces.desk_play import also, play

pytestmark = pytest.mark.django_db
World = worlds.World


def words(answer: HttpResponse) -> str:
    """The page as a reader has it: no tags, no entities, single spaces."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


def filled(answer: HttpResponse) -> list[str]:
    """The words of the filled buttons, once each (a phone and a desk may have the same one in two places)."""
    found = re.findall(r'<(?:a|button)[^>]*button--main[^>]*>(.*?)</(?:a|button)>', answer.content.decode(), re.DOTALL)
    return sorted({re.sub(r"<[^>]+>", "", one).strip() for one in found})


class TestQueue:
    def test_an_empty_desk_says_that_nothing_waits(self, world: World, visit: Visit) -> None:
        page = words(visit(world.officer).get("/desk"))
        assert "Nothing waits for you." in page
        assert "No request is open" in page

    def test_requests_stand_in_groups_by_whose_move_it_is(self, world: World, visit: Visit) -> None:
        mine, other = play(world, "received"), play(world, "verifying")
        asked = play(world, "verifying")
        actions.ask(asked.reference, "Since when?", by=world.officer, now=world.now)
        page = visit(world.second).get("/desk").content.decode()
        groups = dict(re.findall(r"<section class=\"section\"><h2>(.*?)</h2>(.*?)</section>", page, re.DOTALL))
        assert [*groups][:3] == ["Your move", "The registry’s move", "A colleague’s or nobody’s move"]
        for title, row in zip(groups, (mine, asked, other), strict=False):
            assert row.reference in groups[title]
            assert page.count(f">{row.reference}</span></a>") == 1
        assert "Mira Adeyemi has it." in groups["A colleague’s or nobody’s move"]

    def test_what_cannot_be_undone_comes_before_an_earlier_filing(self, world: World, visit: Visit) -> None:
        early = play(world, "received")
        at = (world.now + timedelta(hours=2)).isoformat()
        six = {**worlds.SIX, "irreversible": "at", "irreversible_at": at}
        urgent = actions.submit(six, by=world.filer, now=world.now, once="urgent")
        answer = visit(world.officer).get("/desk")
        page = words(answer)
        assert page.rindex(urgent.reference) < page.rindex(early.reference)
        assert f"First of what waits for you: {urgent.reference}" in page
        assert filled(answer) == ["Open the first"]
        assert "as of" in page

    def test_search_and_filter_and_a_next_time_when_nothing_is_mine(self, world: World, visit: Visit) -> None:
        one, two = play(world, "received"), play(world, "received")
        desk = visit(world.officer)
        found = words(desk.get("/desk", {"q": one.reference.lower()}))
        assert one.reference in found
        assert two.reference not in found
        assert "Nothing found" in words(desk.get("/desk", {"q": "southwind"}))
        assert "No open request has “southwind” in its reference or operator." in words(desk.get("/desk", {"q": "southwind"}))
        empty = words(desk.get("/desk", {"group": "theirs"}))
        assert "Nothing found" in empty
        assert "No open request is of this kind." in empty
        assert "“" not in empty, "nothing was looked for, so nothing is quoted"
        # What waits is told whatever is looked for: a search that finds nothing leaves nobody with a free conscience.
        for looked in ({"q": "southwind"}, {"group": "theirs"}):
            page = words(desk.get("/desk", looked))
            assert ("Nothing waits for you." in page, "First of what waits for you" in page, "TLP:AMBER+STRICT" in page) == (False, True, True)
        assert "Nothing waits for you. Next:" in words(visit(world.approver).get("/desk"))

    def test_mail_that_could_not_be_sent_is_shown(self, world: World, visit: Visit) -> None:
        row = play(world, "received")
        Notification.objects.filter(kind="filed").update(state="failed", problem="refused")
        page = words(visit(world.officer).get("/desk"))
        assert "Mail could not be sent." in page
        assert f"{world.night.email}, {row.reference}" in page

    def test_twenty_five_on_a_page(self, world: World, visit: Visit) -> None:
        for number in range(26):
            actions.submit(worlds.SIX, by=world.filer, now=world.now, once=f"many:{number}")
        desk = visit(world.officer)
        assert "Page 1 of 2" in words(desk.get("/desk"))
        assert desk.get("/desk?page=2").content.decode().count('class="rowlink"') == 1

    @pytest.mark.parametrize("who", ["filer", "night", "stranger", "administrator"])
    def test_others_find_nothing(self, world: World, visit: Visit, who: str) -> None:
        row = play(world, "verifying")
        browser = visit(getattr(world, who))
        for path in ("/desk", *(f"/desk/{row.reference}{x}" for x in ("", "/call", "/history", "/lines", "/lists/1", "/assess", "/privileged", "/decide", "/sign", "/lists/1/names.txt", "/ask", "/take"))):  # fmt: skip
            answer = browser.get(path)
            assert answer.status_code == 404, path
            assert "There is nothing here" in words(answer)

    def test_somebody_who_is_not_signed_in_is_sent_to_sign_in(self, world: World, visit: Visit) -> None:
        assert visit().get("/desk").headers["Location"].startswith("/signin?next=")


class TestCase:
    def test_it_opens_with_whose_move_it_is_and_one_sentence(self, world: World, visit: Visit) -> None:
        row = play(world, "verifying", hits=True)
        answer = visit(world.officer).get(f"/desk/{row.reference}")
        page = words(answer)
        assert page.index("Your move: call back by") < page.index("Northlight Registry SA asks to create 6 names in")
        assert page.index("asks to create") < page.index("Look at these first") < page.index("Contacts to call")
        assert filled(answer) == ["Call back"]
        assert "If nobody moves:" in page
        assert "Why" in page
        assert row.reference not in re.search(r"<title>(.*?)</title>", answer.content.decode())[1]

    def test_what_is_odd_stands_first(self, world: World, visit: Visit) -> None:
        row = play(world, "verifying", hits=True)
        ContactNumber.objects.filter(number=row.number_claimed).delete()
        page = words(visit(world.officer).get(f"/desk/{row.reference}"))
        assert "The claimed number is not on file. +32 255 501 42: do not call it." in page
        assert "The filer is not on file. Kadri Tamm, Baltic Registry Services OU." in page
        assert "4 names of list 1 wait for an answer. Popular: 4. Answer before the decision" in page
        assert "A number on file changed lately. Legal, 6 days ago: do not call it." in page

    def test_numbers_on_file_are_for_the_team_and_the_auditor(self, world: World, visit: Visit) -> None:
        row = play(world, "verifying")
        for who in ("officer", "second", "security", "counsel", "auditor"):
            page = words(visit(getattr(world, who)).get(f"/desk/{row.reference}"))
            assert "Contacts to call" in page
            assert "+32 255 501 00" in page
        for who in ("approver", "signatory"):
            page = words(visit(getattr(world, who)).get(f"/desk/{row.reference}"))
            assert "Contacts to call" not in page
            assert not re.search(r"\+32\s?255\s?501\s?00", page)

    def test_the_auditor_reads_and_has_no_button(self, world: World, visit: Visit) -> None:
        for step in ("received", "assessing", "proposed", "decided"):
            answer = visit(world.auditor).get(f"/desk/{play(world, step).reference}")
            assert filled(answer) == []
            assert answer.content.decode().count("<form") == 2  # to sign out, and to read in another language

    def test_lines_are_grouped_and_say_that_nobody_decided_them(self, world: World, visit: Visit) -> None:
        page = words(visit(world.security).get(f"/desk/{play(world, 'assessing').reference}"))
        assert "Proposed by rules, decided by nobody. The filer does not see this." in page
        assert re.search(r"Create names, 8 TLDs Lines \d+, \d+ 2\.9\(a\)", page)
        later = words(visit(world.security).get(f"/desk/{play(world, 'decided').reference}"))
        assert "The filer sees them." in later
        assert "Granted" in later

    def test_acts_parts_with_versions_evidence_calls_and_moments(self, world: World, visit: Visit) -> None:
        row = play(world, "assessing")
        for scale in ("many", "7,750 a day"):
            body = {"category": "malicious_activity", "presence": "imminent", "immediate": "yes", "scale": scale}
            actions.add_part(row.reference, "incident", body, by=world.filer, now=world.now)
        actions.add_evidence(row.reference, b"x", name="report.pdf", by=world.filer, now=world.now)
        page = words(visit(world.officer).get(f"/desk/{row.reference}"))
        for said in ("Version 2", "Earlier versions of “The incident”", "report.pdf", "They confirm the filing",
                     "1 first response", "Gross", "Whose move it was", "The day of receipt does not count."):
            assert said in page, said

    def test_earlier_requests_and_decisions_stand_beside(self, world: World, visit: Visit) -> None:
        play(world, "decided")
        world.later(minutes=1)
        page = words(visit(world.officer).get(f"/desk/{play(world, 'assessing').reference}"))
        assert "This operator 1 request: 1 open" in page
        assert "Provision 2.9(a) 2 decisions: 2 granted" in page

    def test_evidence_is_only_ever_downloaded(self, world: World, visit: Visit) -> None:
        row = play(world, "verifying")
        hostile = b"<script>alert(1)</script>"
        file = actions.add_evidence(row.reference, hostile, name='a"b.html', by=world.filer, now=world.now)
        answer = visit(world.officer).get(f"/desk/{row.reference}/evidence/{file.pk}")
        assert answer.content == hostile
        assert answer["Content-Disposition"].startswith("attachment;")
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        other = play(world, "received")
        assert visit(world.officer).get(f"/desk/{other.reference}/evidence/{file.pk}").status_code == 404

    def test_the_whole_history_names_who_and_what(self, world: World, visit: Visit) -> None:
        row = play(world, "decided")
        page = words(visit(world.auditor).get(f"/desk/{row.reference}/history"))
        assert "Approved a decision" in page
        assert "Tom Okafor" in page
        assert "Outcome: Granted" in page

    def test_every_fact_of_the_history_has_words(self, world: World, visit: Visit) -> None:
        """No key or code of the ledger's own stands there: what an action records without words for it is found here."""
        made = stages.build(world)
        client = visit(world.counsel)
        client.cookies["ersr_language"] = "fr"
        subjects = {row.reference for row in made.requests.values()}
        for body in EventBody.objects.filter(event__subject__in=subjects):
            told = json.loads(bytes(body.record))["facts"]
            assert {key for key in told if key not in facts.UNSAID} <= set(facts.LABELS), body.event.kind
        page = words(client.get(f"/desk/{made.reference('served')}/history"))
        assert "Résultat : Accordée" in page or "Résultat : Accordé" in page
        assert "Mesure : Créer des noms" in page
        assert not re.search(r"(granted|courier|assessing|totp|True|False)\b", page)

    def test_a_missed_step_is_red_and_says_since_when(self, world: World, visit: Visit) -> None:
        """Before the answer itself is late: the call was due after half an hour."""
        row = play(world, "verifying")
        with mock.patch.object(clock, "now", return_value=row.received_at + timedelta(minutes=29)):
            in_time = visit(world.officer).get(f"/desk/{row.reference}").content.decode()
        with mock.patch.object(clock, "now", return_value=row.received_at + timedelta(minutes=31)):
            missed = visit(world.officer).get(f"/desk/{row.reference}").content.decode()
        assert "mover mover--yours" in in_time
        assert "mover mover--overdue" not in in_time
        assert "mover mover--overdue" in missed
        assert re.search(r"call back, due since [^<]*UTC", missed)


class TestTake:
    def test_taking_draws_words_and_says_so(self, world: World, visit: Visit) -> None:
        row = play(world, "received")
        desk = visit(world.officer)
        assert filled(desk.get(f"/desk/{row.reference}")) == ["Take it"]
        answer = desk.post(f"/desk/{row.reference}/take", {"from_holder": ""}, follow=True)
        assert f"You have {row.reference} now." in words(answer)
        assert queries.request_for(world.officer, row.reference).holder == world.officer

    def test_somebody_was_quicker(self, world: World, visit: Visit) -> None:
        """Two pages showed that nobody has it; the second to press is told who has it now, and nothing happens."""
        row = play(world, "received")
        first, second = visit(world.officer), visit(world.second)
        first.post(f"/desk/{row.reference}/take", {"from_holder": ""})
        answer = second.post(f"/desk/{row.reference}/take", {"from_holder": ""})
        assert answer.status_code == 409
        assert "Mira Adeyemi has this request now. Look again before you take it over." in words(answer)
        assert queries.request_for(world.officer, row.reference).holder == world.officer

    def test_a_take_over_is_deliberate_and_on_record(self, world: World, visit: Visit) -> None:
        row = play(world, "verifying")
        second = visit(world.second)
        page = second.get(f"/desk/{row.reference}")
        assert "Mira Adeyemi, since" in words(page)
        assert "A take-over is on record with both names." in words(page)
        assert filled(page) == []
        second.post(f"/desk/{row.reference}/take", {"from_holder": world.officer.email})
        event = Event.objects.filter(kind="request.take", subject=row.reference).latest("pk")
        assert world.officer.email.encode() in bytes(event.body.record)

    def test_a_get_takes_nothing(self, world: World, visit: Visit) -> None:
        row = play(world, "received")
        assert visit(world.officer).get(f"/desk/{row.reference}/take").status_code == 302
        assert queries.request_for(world.officer, row.reference).holder is None


class TestCall:
    def test_the_words_come_first_and_a_recent_number_cannot_be_chosen(self, world: World, visit: Visit) -> None:
        row = play(world, "verifying")
        answer = visit(world.officer).get(f"/desk/{row.reference}/call")
        page, source = words(answer), answer.content.decode()
        assert page.index("Say these words first") < page.index(row.words) < page.index("Whom did you call?")
        assert "They prove you to the filer, never the filer to you." in page
        assert "Not this one: it changed 6 days ago, and a number must have stood for 30" in page
        recent = ContactNumber.objects.get(number="+3225550188")
        assert re.search(rf'id="number-{recent.pk}" disabled', source)
        assert filled(answer) == ["Record the call"]

    def test_errors_stand_at_the_field_and_in_the_summary(self, world: World, visit: Visit) -> None:
        row = play(world, "verifying")
        answer = visit(world.officer).post(f"/desk/{row.reference}/call", {"remark": "Rang twice."})
        page = words(answer)
        assert answer.status_code == 422
        assert page.count("Choose a number on file: only those are called") == 2
        assert page.count("Choose what came of the call") == 2
        assert "Rang twice." in page

    def test_a_recent_number_sent_anyway_is_refused(self, world: World, visit: Visit) -> None:
        row, recent = play(world, "verifying"), ContactNumber.objects.get(number="+3225550188")
        answer = visit(world.officer).post(f"/desk/{row.reference}/call", {"number_id": recent.pk, "outcome": "confirmed"})
        assert answer.status_code == 409
        assert "This number changed 6 days ago. Call another contact." in words(answer)

    def test_old_words_must_be_drawn_anew(self, world: World, visit: Visit) -> None:
        row = play(world, "verifying")
        type(row).objects.filter(pk=row.pk).update(words_until=clock.now() - timedelta(minutes=1))
        desk, number = visit(world.officer), ContactNumber.objects.get(number="+3225550100")
        assert "These words are too old" in words(desk.get(f"/desk/{row.reference}/call"))
        answer = desk.post(f"/desk/{row.reference}/call", {"number_id": number.pk, "outcome": "confirmed"})
        assert "The verification words are too old." in words(answer)
        desk.post(f"/desk/{row.reference}/call", {"do": "words"})
        assert queries.request_for(world.officer, row.reference).words != row.words
        done = desk.post(f"/desk/{row.reference}/call", {"number_id": number.pk, "outcome": "confirmed"})
        assert done.status_code == 302

    def test_no_number_may_be_called(self, world: World, visit: Visit) -> None:
        row = play(world, "verifying")
        ContactNumber.objects.update(since=clock.now().date())
        answer = visit(world.officer).get(f"/desk/{row.reference}/call")
        assert "No number may be called" in words(answer)
        assert "Call the deputy" in words(answer)
        assert filled(answer) == []

    def test_only_the_holder_calls(self, world: World, visit: Visit) -> None:
        answer = visit(world.second).get(f"/desk/{play(world, 'verifying').reference}/call")
        assert answer.status_code == 403
        assert "Only the person who has the request does this: take it first." in words(answer)

    def test_too_late_says_from_where_it_leads(self, world: World, visit: Visit) -> None:
        answer = visit(world.officer).get(f"/desk/{play(world, 'assessing').reference}/call")
        assert answer.status_code == 409
        assert "“Call back” is possible while a request is verifying" in words(answer)


class TestAsk:
    def test_a_question_moves_the_request_to_the_registry(self, world: World, visit: Visit) -> None:
        row = play(world, "verifying")
        desk = visit(world.officer)
        assert "Write the question" in words(desk.post(f"/desk/{row.reference}/ask", {"text": " "}))
        page = words(desk.post(f"/desk/{row.reference}/ask", {"text": "Since when?"}, follow=True))
        assert "Registry’s move: answer the open questions" in page
        assert "Since when?" in page


class TestLines:
    def test_a_change_needs_its_reason_and_both_stay_on_record(self, world: World, visit: Visit) -> None:
        row = play(world, "assessing")
        line = queries.live_lines(row)[0]
        desk, path = visit(world.security), f"/desk/{row.reference}/lines"
        form = desk.get(f"{path}?change={line.number}")
        assert filled(form) == ["Change the line"]
        wrong = desk.post(path, {"do": "change", "line": line.number, "hint": "notice_only", "instrument": line.instrument, "provision": line.provision, "reason": ""})  # fmt: skip
        assert wrong.status_code == 422
        assert words(wrong).count("Say why you change the line") == 2
        done = desk.post(path, {"do": "change", "line": line.number, "hint": "notice_only", "instrument": line.instrument, "provision": line.provision, "reason": "A notice is enough here."}, follow=True)  # fmt: skip
        assert "A notice is enough here." in words(done)
        assert queries.live_lines(row)[0].hint == "notice_only"

    def test_a_line_left_out_and_one_added(self, world: World, visit: Visit) -> None:
        row = play(world, "assessing")
        line = queries.live_lines(row)[0]
        desk, path = visit(world.security), f"/desk/{row.reference}/lines"
        desk.post(path, {"do": "change", "line": line.number, "drop": "on", "reason": "Not departed from."})
        assert "Left out" in words(desk.get(path))
        assert filled(desk.get(f"{path}?add=1")) == ["Add the line"]
        words_of = {"do": "add", "agreement": "north-2014", "provision": "2.9(a)", "action": "reserve", "instrument": "waiver"}
        assert "Say why you add the line" in words(desk.post(path, {**words_of, "reason": ""}))
        page = words(desk.post(path, {**words_of, "reason": "Told by telephone."}, follow=True))
        assert "Reserve names" in page
        assert "Told by telephone." in page

    def test_confirming_is_the_one_button_and_shows_them_to_the_filer(self, world: World, visit: Visit) -> None:
        row = play(world, "assessing")
        desk = visit(world.officer)
        assert filled(desk.get(f"/desk/{row.reference}/lines")) == ["Confirm the lines"]
        desk.post(f"/desk/{row.reference}/lines", {"do": "confirm"})
        assert queries.request_for(world.officer, row.reference).lines_confirmed_at is not None
        assert "2.9(a)" in words(visit(world.filer).get(f"/r/{row.reference}"))

    def test_an_approver_reads_them_and_is_told_why_not(self, world: World, visit: Visit) -> None:
        answer = visit(world.approver).get(f"/desk/{play(world, 'assessing').reference}/lines")
        assert "This needs the role duty officer or responder." in words(answer)
        assert "Who can:" in words(answer)
        assert filled(answer) == []


class TestList:
    def test_counts_digest_refused_rows_and_the_file(self, world: World, visit: Visit) -> None:
        row = play(world, "assessing", hits=True)
        desk = visit(world.security)
        page = words(desk.get(f"/desk/{row.reference}/lists/1"))
        assert "List 1 has 6 names, and 4 of them wait for an answer." in page
        assert 'Line 7 has a space in "bad name.com". Mend it or leave it out.' in page
        assert page.index("jogli.com, rank 41") < page.index("wnsux.com, rank 311")
        file = desk.get(f"/desk/{row.reference}/lists/1/names.txt")
        assert file["Content-Disposition"].startswith("attachment;")
        digest = hashlib.sha256(file.getvalue()).hexdigest()
        assert digest == row.incident.lists.get().versions.get().digest
        assert digest[:4] in page

    def test_names_are_answered_one_by_one(self, world: World, visit: Visit) -> None:
        row = play(world, "assessing", hits=True)
        desk, path = visit(world.security), f"/desk/{row.reference}/lists/1"
        hits = list(row.incident.lists.get().hits.all())
        assert "Answer at least one name" in words(desk.post(path, {"do": "answer"}))
        wrong = desk.post(path, {"do": "answer", f"answer_{hits[0].pk}": "removed"})
        assert words(wrong).count("Say why jogli.com is removed") == 2
        assert "checked" in wrong.content.decode()
        desk.post(path, {"do": "answer", f"answer_{hits[0].pk}": "removed", f"reason_{hits[0].pk}": "A shop."})
        page = words(desk.get(path))
        assert "List 1 has 5 names, and 3 of them wait for an answer." in page
        assert "Taken out" in page
        assert "A shop." in page

    def test_names_are_found_and_taken_out(self, world: World, visit: Visit) -> None:
        row = play(world, "assessing")
        desk, path = visit(world.security), f"/desk/{row.reference}/lists/1"
        assert "1 of 2 names has “zzz” in it. zzzzzz.org" in words(desk.get(path, {"q": "zzz"}))
        wrong = desk.post(path, {"do": "remove", "remove-names": "absent.com", "remove-reason": "x"})
        assert "Not on list 1: absent.com" in words(wrong)
        desk.post(path, {"do": "remove", "remove-names": "zzzzzz.org", "remove-reason": "Ours."})
        assert "List 1 has 1 name" in words(desk.get(path))

    def test_who_may_not_answer_is_told_and_sees_the_names(self, world: World, visit: Visit) -> None:
        page = words(visit(world.approver).get(f"/desk/{play(world, 'assessing', hits=True).reference}/lists/1"))
        assert "This needs the role" in page
        assert "jogli.com , rank 41" in page

    def test_a_list_that_is_not_there(self, world: World, visit: Visit) -> None:
        assert visit(world.security).get(f"/desk/{play(world, 'assessing').reference}/lists/7").status_code == 404


def test_an_administrator_who_is_also_an_officer_never_acts(world: World, visit: Visit) -> None:
    """A ban beats a permission: the page is readable as the officer's, and has no button."""
    both = also(world.second, "administrator")
    answer = visit(both).get(f"/desk/{play(world, 'received').reference}")
    assert answer.status_code == 200
    assert filled(answer) == []
