"""The office: parties, people, provisions, the popularity list, the ledger; each for its roles."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from ersr.core.lifecycle import Role
from ersr.ledger.models import Event
from ersr.people import actions as people
from ersr.people.models import Delegation, Person
from ersr.requests import queries
from tests import world as worlds
from tests.faces.conftest import Visit
from tests.faces.desk_play import play
from tests.faces.test_web_desk import filled, words
from tests.names import generator

pytestmark = pytest.mark.django_db
World = worlds.World
PAGES = ("/parties", "/parties/northlight", "/people", "/recoveries", "/provisions", "/popularity", "/ledger", "/outbox")
#: page -> who reads it; everybody else is refused, and who is not of the staff finds nothing.
READERS = {
    "/parties": {"administrator", "auditor", "officer", "security"},
    "/parties/northlight": {"administrator", "auditor", "officer", "security"},
    "/people": {"administrator", "auditor"},
    "/recoveries": {"administrator", "officer", "security"},
    "/provisions": {"approver", "auditor", "officer", "security", "signatory"},
    "/popularity": {"officer", "security"},
    "/ledger": {"auditor"},
    "/outbox": {"auditor", "officer", "security"},
}


@pytest.mark.parametrize("who", ["administrator", "approver", "auditor", "filer", "officer", "security", "signatory"])
def test_each_page_is_for_its_roles(world: World, visit: Visit, who: str) -> None:
    browser = visit(getattr(world, who))
    for path in PAGES:
        answer = browser.get(path)
        if who in READERS[path]:
            assert answer.status_code == 200, path
            assert answer.content.decode().count("button--main") <= 1
        else:
            assert answer.status_code == (404 if who == "filer" else answer.status_code), path
            assert answer.status_code in (403, 404), path


class TestParties:
    def test_forty_tlds_under_two_agreements_and_an_rsp_for_two_operators(self, world: World, visit: Visit) -> None:
        page = words(visit(world.officer).get("/parties"))
        assert "2 agreements, 40 TLDs" in page
        assert "2 operators" in page

    def test_it_finds_by_name_tld_and_kind(self, world: World, visit: Visit) -> None:
        desk = visit(world.officer)
        assert "Northlight Registry SA" in words(desk.get("/parties", {"q": ".biz"}))
        assert "Northlight" not in words(desk.get("/parties", {"q": "south"}))
        assert "Northlight" not in words(desk.get("/parties", {"kind": "rsp"}))
        assert "No party found." in words(desk.get("/parties", {"q": "nobody"}))

    def test_contacts_are_shown_with_their_age_and_source(self, world: World, visit: Visit) -> None:
        page = words(visit(world.officer).get("/parties/northlight"))
        assert "+32 255 501 88 since" in page
        assert "6 days: not called before it has stood for 30" in page
        assert "authority's list" in page
        assert "0 days old" in page
        assert visit(world.officer).get("/parties/nobody").status_code == 404

    def test_an_rsp_shows_for_whom_it_acts(self, world: World, visit: Visit) -> None:
        page = words(visit(world.officer).get("/parties/baltic"))
        assert "Acts for Northlight Registry SA Southwind Registry GmbH" in page
        assert "9 TLDs run" in page


class TestPeople:
    def test_an_invitation_is_shown_once(self, world: World, visit: Visit) -> None:
        browser = visit(world.administrator)
        given = {"do": "invite", "email": "ada@icann.example", "name": "Ada L.", "party": "icann", "roles": ["approver", "responder:legal"]}  # fmt: skip
        page = browser.post("/people", given)
        link = re.search(r"/enrol/([\w-]{43})", page.content.decode())
        assert link
        assert "This link is shown once." in words(page)
        assert "/enrol/" not in browser.get("/people").content.decode()
        assert Person.objects.get(email="ada@icann.example").roles == {Role.APPROVER, Role.RESPONDER, Role.LEGAL}
        assert browser.get(link[0]).status_code == 200

    def test_wrong_answers_stand_at_their_fields(self, world: World, visit: Visit) -> None:
        invited = {"do": "invite", "email": "x@y.example", "party": "northlight", "roles": ["approver"]}
        page = words(visit(world.administrator).post("/people", invited))
        for said in ("approver does not fit Northlight Registry SA: staff work for the authority", "Enter the person's name"):
            assert page.count(said) == 2, said
        page = words(visit(world.administrator).post("/people", {"do": "delegate", "delegation-person": world.signatory.pk, "delegation-instrument": "waiver"}))  # fmt: skip
        assert page.count("Enter day, month, year and time") >= 2

    def test_a_delegation_is_given(self, world: World, visit: Visit) -> None:
        times = {f"delegation-{name}_{box}": value for name, year in (("starts_at", "2026"), ("ends_at", "2028")) for box, value in (("day", "1"), ("month", "1"), ("year", year), ("time", "00:00"), ("zone", "UTC"))}  # fmt: skip
        given = {"do": "delegate", "delegation-person": world.signatory.pk, "delegation-instrument": "fee_reduction", "delegation-families": "base legacy", "delegation-words": "Letter 7", **times}  # fmt: skip
        page = words(visit(world.administrator).post("/people", given, follow=True))
        assert "The delegation is on record." in page
        assert Delegation.objects.filter(words="Letter 7", families="base legacy").exists()

    def test_somebody_is_invited_anew_and_the_link_is_shown_once(self, world: World, visit: Visit) -> None:
        browser = visit(world.administrator)
        lapsed, _ = people.invite(
            email="n@icann.example", name="N", party=world.parties["authority"], roles=[("approver", "")], by=None, now=world.now
        )
        page = browser.post("/people", {"do": "reinvite", "reinvite-person": lapsed.pk})
        link = re.search(r"/enrol/([\w-]{43})", page.content.decode())
        assert link
        assert "/enrol/" not in browser.get("/people").content.decode()
        assert browser.get(link[0]).status_code == 200
        kept = browser.post("/people", {"do": "reinvite", "reinvite-person": world.filer.pk})
        assert "/signin/lost" in kept.content.decode(), "whoever has a factor goes through a recovery"
        assert "/enrol/" not in kept.content.decode()
        assert words(browser.post("/people", {"do": "reinvite"})).count("Choose a person") == 2
        own = browser.post("/people", {"do": "reinvite", "reinvite-person": world.administrator.pk})
        assert "/enrol/" not in own.content.decode(), "oneself is no choice"

    def test_access_and_a_delegation_end_with_a_reason(self, world: World, visit: Visit) -> None:
        browser = visit(world.administrator)
        gone = {"do": "deactivate", "deactivate-person": world.filer.pk}
        assert words(browser.post("/people", gone)).count("Say why the access ends") == 2
        page = words(browser.post("/people", gone | {"deactivate-reason": "Left."}, follow=True))
        assert f"The access of {world.filer.name} is ended." in page
        assert not Person.objects.get(pk=world.filer.pk).is_active
        back = {"do": "reactivate", "reactivate-person": world.filer.pk}
        assert f"{world.filer.name} has access again." in words(browser.post("/people", back, follow=True))
        assert Person.objects.get(pk=world.filer.pk).is_active
        given = Delegation.objects.earliest("pk")
        stop = {"do": "end_delegation", "end-delegation": given.pk}
        assert words(browser.post("/people", stop)).count("Say why the delegation ends") == 2
        assert "The delegation is ended." in words(browser.post("/people", stop | {"end-reason": "Board."}, follow=True))
        assert words(browser.post("/people", stop | {"end-reason": "Board."})).count("Select a valid choice") == 2
        for body in (gone | {"deactivate-reason": "x"}, stop | {"end-reason": "x"}, {"do": "reinvite", "reinvite-person": world.filer.pk}):
            assert "details" not in visit(world.auditor).get("/people").content.decode()
            assert visit(world.officer).post("/people", body).status_code == 403

    def test_the_auditor_reads_and_has_no_form(self, world: World, visit: Visit) -> None:
        browser = visit(world.auditor)
        page = browser.get("/people")
        assert "Greta Holm" in words(page)
        assert filled(page) == []
        assert browser.post("/people", {"do": "invite", "email": "x@y.example", "name": "X", "party": "icann", "roles": ["auditor"]}).status_code == 403  # fmt: skip


class TestProvisions:
    def test_it_finds_by_words_and_agreement_and_says_how_sure_we_are(self, world: World, visit: Visit) -> None:
        desk = visit(world.officer)
        page = words(desk.get("/provisions", {"q": "2.9(a)", "of": "base 2023-04-30"}))
        assert "2.9(a). Registrars" in page
        assert "creates names without a registrar" in page
        assert "staff with a delegation can give this" in page
        assert "Nothing found" in words(desk.get("/provisions", {"q": "zzzz"}))

    def test_a_responder_adds_a_row_with_its_reason(self, world: World, visit: Visit) -> None:
        desk = visit(world.security)
        assert filled(desk.get("/provisions?add=1")) == ["Add the row"]
        body = {"family": "base", "version": "2023-04-30", "id": "2.9(a)", "title": "Registrars", "demands": "Only registrars.", "departs_by": ["create:direct"], "instrument": "waiver", "waivable_by": "staff", "certainty": "S", "source": "Read today."}  # fmt: skip
        wrong = words(desk.post("/provisions", body))
        assert wrong.count("Say why the row is added") == 2
        assert words(desk.post("/provisions", {})).count("Enter this") == 12
        assert "Row 2 of 2.9(a) was added." in words(desk.post("/provisions", {**body, "reason": "Clearer."}, follow=True))
        assert next(r for r in queries.catalogue() if r.key == ("base", "2023-04-30", "2.9(a)")).row == 2

    def test_an_officer_reads_only(self, world: World, visit: Visit) -> None:
        assert filled(visit(world.officer).get("/provisions?add=1")) == []


class TestPopularity:
    def test_a_list_is_imported_and_open_requests_are_screened(self, world: World, visit: Visit) -> None:
        from ersr.requests import actions

        row = play(world, "verifying")
        actions.add_list(row.reference, b"jogli.com\naaaaaa.com\n", title="Two", by=world.filer, now=world.now)
        desk = visit(world.officer)
        assert "No list yet" in words(desk.get("/popularity"))
        day = {"title": "Made list", "day": "1", "month": "11", "year": "2026"}
        wrong = words(desk.post("/popularity", {**day, "day": "32"}))
        assert wrong.count("Enter the day as a number from 1 to 31") == 2
        assert wrong.count("Choose the file") == 2
        bad = SimpleUploadedFile("list.txt", b"1,not a name\n")
        assert "has a space" in words(desk.post("/popularity", {**day, "file": bad}))
        good = SimpleUploadedFile("list.txt", generator.popularity())
        page = words(desk.post("/popularity", {**day, "file": good}, follow=True))
        assert "Imported: 504 names." in page
        assert "1 Nov 2026" in page
        assert "1 name of list 2 waits for an answer. Popular: 1." in words(desk.get(f"/desk/{row.reference}"))


class TestLedger:
    def test_events_have_kind_time_and_subject_and_no_content(self, world: World, visit: Visit) -> None:
        row = play(world, "verifying")
        auditor = visit(world.auditor)
        page = words(auditor.get("/ledger", {"q": row.reference}))
        assert "Took the request. request.take" in page
        assert "A worm registers names" not in page
        assert world.filer.email not in page
        assert "Took the request. request.take" not in words(auditor.get("/ledger", {"kind": "call.attempted"}))
        assert "No such event." in words(auditor.get("/ledger", {"q": "SRW-0"}))

    def test_the_check_runs_on_the_button_and_names_what_is_wrong(self, world: World, visit: Visit) -> None:
        play(world, "verifying")
        world.sequence()
        auditor = visit(world.auditor)
        world.sequence()
        before = auditor.get("/ledger")
        assert filled(before) == ["Check the ledger"]
        page = before.content.decode()
        assert page.index("Check the ledger") < page.index("Events, newest first"), "on a phone it stands above the events"
        assert "Is the ledger whole?" in words(before)
        assert "The ledger is whole." in words(auditor.post("/ledger", {}))
        from ersr.ledger import guard
        from ersr.ledger.models import EventBody

        with guard.lifted():
            EventBody.objects.filter(event__kind="request.take").update(record=b"{}")
        answer = words(auditor.post("/ledger", {}))
        assert "The ledger is not whole." in answer
        assert "the bytes do not match the commitment" in answer

    def test_a_proof_shows_no_content(self, world: World, visit: Visit) -> None:
        play(world, "received")
        world.sequence()
        event = Event.objects.get(kind="request.submit")
        page = words(visit(world.auditor).get(f"/ledger?proof={event.pk}"))
        assert "c2sp.org/tlog-proof@v1" in page
        assert "worm" not in page
        assert visit(world.auditor).get("/ledger?proof=999999").status_code == 404


def test_a_popularity_list_of_too_many_bytes_is_refused(
    world: World, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ersr.lists.actions.POPULARITY_BYTES", 10)
    given = {"title": "Made", "day": "1", "month": "1", "year": "2026"}
    answer = visit(world.officer).post("/popularity", {**given, "file": SimpleUploadedFile("a.txt", b"1,alpha.biz")})
    assert "The file has 11 bytes; at most 10 are taken" in answer.content.decode()


@pytest.mark.parametrize("number", ["\u00b2", "\u0663", "9" * 5000, "9" * 19])
def test_a_proof_of_no_number_is_not_found(world: World, visit: Visit, number: str) -> None:
    assert visit(world.auditor).get("/ledger", {"proof": number}).status_code == 404
