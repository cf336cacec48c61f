"""Assess, decide, sign, serve: one proposes, another approves, a third signs, and each page says who can."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import RequestFactory

from ersr import clock
from ersr.faces.web import deciding
from ersr.ledger.models import Event
from ersr.people.models import Delegation
from ersr.requests import actions, queries
from ersr.waivers import actions as waivers
from tests import world as worlds
from tests.faces.conftest import Visit
from tests.faces.desk_play import also, play, second_signatory
from tests.faces.test_web_desk import filled, words

pytestmark = pytest.mark.django_db
World = worlds.World


class TestAssess:
    def test_a_note_has_a_recommendation_and_a_later_one_is_a_new_version(self, world: World, visit: Visit) -> None:
        row = play(world, "assessing")
        desk, path = visit(world.security), f"/desk/{row.reference}/assess"
        wrong = desk.post(path, {"do": "note"})
        assert wrong.status_code == 422
        assert words(wrong).count("Choose what you recommend") == 2
        assert words(wrong).count("Write why") == 2
        for body in ("First thought.", "Second thought."):
            desk.post(path, {"do": "note", "recommendation": "grant", "body": body})
        page = words(visit(world.services).get(path))
        assert "Security: Grant" in page
        assert "version 2" in page
        assert "Second thought." in page
        assert "First thought." not in page

    def test_the_legal_responder_has_one_filled_button_and_the_privileged_form(self, world: World, visit: Visit) -> None:
        row = play(world, "assessing")
        answer = visit(world.counsel).get(f"/desk/{row.reference}/assess")
        assert filled(answer) == ["Save note"]
        assert "Save privileged note" in words(answer)
        assert "Save privileged note" not in words(visit(world.security).get(f"/desk/{row.reference}/assess"))

    def test_who_is_no_responder_reads_and_is_told_who_can(self, world: World, visit: Visit) -> None:
        page = words(visit(world.approver).get(f"/desk/{play(world, 'assessing').reference}/assess"))
        assert "This needs the role responder." in page
        assert "Sana Iqbal" in page


class TestPrivileged:
    def advise(self, world: World) -> str:
        row = play(world, "assessing")
        advice = {"discipline": "legal", "recommendation": "", "body": "PRIVILEGED-MARK", "privileged": True}
        actions.assess(row.reference, **advice, by=world.counsel, now=world.now)
        return row.reference

    def readings(self) -> int:
        return Event.objects.filter(kind="privileged.read").count()

    def test_only_the_link_appends_its_event(self, world: World, visit: Visit) -> None:
        """Pages about the case tell counsel and signatory that there is advice, and leave no event."""
        ref = self.advise(world)
        for who in (world.counsel, world.signatory):
            desk, before = visit(who), self.readings()
            for path in (f"/desk/{ref}", f"/desk/{ref}/assess", f"/desk/{ref}/decide", f"/desk/{ref}/history"):
                page = desk.get(path)
                assert "PRIVILEGED-MARK" not in page.content.decode()
            assert "Read the privileged notes" in words(desk.get(f"/desk/{ref}"))
            assert self.readings() == before
            assert "PRIVILEGED-MARK" in words(desk.get(f"/desk/{ref}/privileged"))
            assert self.readings() == before + 1

    @pytest.mark.parametrize("who", ["officer", "security", "approver", "auditor"])
    def test_for_everybody_else_nothing_hints_at_it(self, world: World, visit: Visit, who: str) -> None:
        """Absent, not locked: the pages with a privileged note are those without, history and counts included."""
        ref = self.advise(world)
        desk = visit(getattr(world, who))
        for path in (f"/desk/{ref}", f"/desk/{ref}/assess", f"/desk/{ref}/decide", f"/desk/{ref}/history"):
            assert "privileged" not in words(desk.get(path)).lower(), path
        answer = desk.get(f"/desk/{ref}/privileged")
        assert answer.status_code == 404
        assert self.readings() == 0
        told = re.search(r"All (\d+) events", words(desk.get(f"/desk/{ref}")))
        assert told
        assert int(told[1]) == Event.objects.filter(subject=ref).count() - 1

    def test_an_auditor_who_is_a_signatory_too_reads_none(self, world: World, visit: Visit) -> None:
        ref = self.advise(world)
        assert visit(also(world.signatory, "auditor")).get(f"/desk/{ref}/privileged").status_code == 404


class TestDecide:
    def test_unanswered_popular_names_stand_first_and_stop_a_grant(self, world: World, visit: Visit) -> None:
        row = play(world, "deciding", hits=True)
        desk, path = visit(world.security), f"/desk/{row.reference}/decide"
        page = words(desk.get(path))
        assert page.index("4 popular names wait for an answer.") < page.index("Which lines do you decide?")
        lines = ",".join(str(line.number) for line in queries.live_lines(row) if line.instrument == "waiver")
        answer = desk.post(path, self.grant(world, [lines]))
        assert answer.status_code == 409
        assert "4 names that stand on a popularity list are unanswered." in words(answer)
        assert "Imminent and specific." in words(answer)

    def grant(self, world: World, lines: list[str], **more: str) -> dict[str, object]:
        ends = (world.now + timedelta(days=90)).date()
        return {
            "do": "propose", "lines": lines, "outcome": "granted", "reasons": "Imminent and specific.",
            "ends_at_day": ends.day, "ends_at_month": ends.month, "ends_at_year": ends.year, "ends_at_time": "00:00",
            "ends_at_zone": "UTC", **more,
        }  # fmt: skip

    def test_every_error_at_once_next_to_its_field(self, world: World, visit: Visit) -> None:
        row = play(world, "deciding")
        desk, path = visit(world.security), f"/desk/{row.reference}/decide"
        times = {"ends_at_day": "31", "ends_at_month": "2", "ends_at_year": "26", "ends_at_time": "25:00"}
        answer = desk.post(path, {"do": "propose", "outcome": "granted", **times})
        assert answer.status_code == 422
        for said in ("Enter the year with four figures, like 2026", "Enter the time of 24 hours"):
            assert words(answer).count(said) == 2, said
        answer = desk.post(path, {"do": "propose", "outcome": "granted_as_modified", "quote": "Words"})
        page = words(answer)
        for said in ("Choose the lines that you decide", "Write the reasons: the letter is made from them",
                     "Say what is modified", "A quotation needs its source", "Enter when the waiver ends"):
            assert page.count(said) == 2, said
        assert "Words" in page

    def test_the_period_is_the_one_asked_for(self, world: World, visit: Visit) -> None:
        row = play(world, "deciding")
        body = {"acts_from": "2026-11-14T11:07Z", "ends_at": "2027-03-14T00:00Z"}
        actions.add_part(row.reference, "period", body, by=world.filer, now=world.now)
        page = visit(world.security).get(f"/desk/{row.reference}/decide").content.decode()
        for name, value in (("ends_at_day", "14"), ("ends_at_year", "2027"), ("acts_from_time", "11:07")):
            assert re.search(rf'name="{name}"[^>]*value="{value}"|value="{value}"[^>]*name="{name}"', page), name

    def test_a_group_is_split_without_losing_what_was_typed(self, world: World, visit: Visit) -> None:
        row = play(world, "deciding")
        desk, path = visit(world.security), f"/desk/{row.reference}/decide"
        group = next(g for g in queries.grouped(queries.live_lines(row)) if len(g.lines) > 1)
        key = ",".join(str(line.number) for line in group.lines)
        assert f'value="{key}"' in desk.get(path).content.decode()
        page = desk.post(path, {"split": key, "reasons": "Half a thought", "outcome": "granted"})
        assert page.status_code == 200
        source = page.content.decode()
        assert "Half a thought" in source
        assert f'name="lines" value="{key}"' not in source
        for line in group.lines:
            assert f'name="lines" value="{line.number}"' in source
            assert f"Line {line.number}: " in words(page)
        first, second = group.lines[:2]
        desk.post(path, self.grant(world, [str(first.number)], was_split=key))
        desk.post(path, {"do": "propose", "lines": [str(second.number)], "outcome": "denied", "reasons": "Not this one."})
        told = {line.number: line.state for line in queries.live_lines(row)}
        assert told[first.number] == told[second.number] == "proposed"
        assert [d.outcome for d in queries.proposals(row)] == ["granted", "denied"]

    def test_the_approver_has_one_filled_button_and_may_return_with_a_reason(self, world: World, visit: Visit) -> None:
        row = play(world, "proposed")
        desk, path = visit(world.approver), f"/desk/{row.reference}/decide"
        answer = desk.get(path)
        assert answer.content.decode().count("button--main") == 1
        assert "Do you approve?" in words(answer)
        first = queries.proposals(row)[0]
        wrong = desk.post(path, {"do": "return", "decision": first.pk, "reason": " "})
        assert wrong.status_code == 422
        assert words(wrong).count("Say what should be different") == 2
        desk.post(path, {"do": "return", "decision": first.pk, "reason": "Shorter."})
        assert "Shorter." in words(visit(world.security).get(path))
        assert queries.request_for(world.officer, row.reference).state == "deciding"

    def test_nobody_approves_alone_and_the_names_of_those_who_can_are_said(self, world: World, visit: Visit) -> None:
        row = play(world, "proposed")
        author = also(world.security, "approver")
        decision = queries.proposals(row)[0]
        desk, path = visit(author), f"/desk/{row.reference}/decide"
        page = words(desk.get(path))
        assert "You proposed this decision, so somebody else must approve it." in page
        assert "Who can: Tom Okafor." in page
        answer = desk.post(path, {"do": "approve", "decision": decision.pk})
        assert answer.status_code == 403
        assert "You proposed this decision, so somebody else must approve it." in words(answer)
        assert "Tom Okafor" in words(answer)
        decision.refresh_from_db()
        assert decision.state == "proposed"

    def test_a_list_changed_after_the_proposal_is_told_first(self, world: World, visit: Visit) -> None:
        row = play(world, "deciding")
        lines = [line.number for line in queries.live_lines(row)]
        actions.propose(row.reference, lines=lines[:1], outcome="denied", reasons="No.", by=world.security, now=world.now)
        actions.remove_names(row.reference, 1, ["zzzzzz.org"], reason="Ours", by=world.security, now=world.now)
        page = words(visit(world.approver).get(f"/desk/{row.reference}"))
        assert "A name list changed after the proposal." in page
        answer = visit(world.approver).post(f"/desk/{row.reference}/decide", {"do": "approve", "decision": queries.proposals(row)[0].pk})  # fmt: skip
        assert answer.status_code == 409

    def test_conclude_where_nothing_is_granted(self, world: World, visit: Visit) -> None:
        row = play(world, "deciding")
        lines = [line.number for line in queries.live_lines(row)]
        actions.propose(row.reference, lines=lines, outcome="denied", reasons="No.", by=world.security, now=world.now)
        actions.approve(row.reference, queries.proposals(row)[0].pk, by=world.approver, now=world.now)
        desk, path = visit(world.officer), f"/desk/{row.reference}/conclude"
        assert filled(desk.get(f"/desk/{row.reference}")) == ["Give the answer"]
        assert "Say how the registry was told" in words(desk.post(path, {"channel": ""}))
        page = words(desk.post(path, {"channel": "Call to Operations"}, follow=True))
        assert "Northlight Registry SA has its answer: nothing was granted." in page
        assert "Nobody’s move: closed" in page


class TestSign:
    def prepare(self, world: World, visit: Visit) -> tuple:
        row = play(world, "decided")
        desk, path = visit(world.signatory), f"/desk/{row.reference}/sign"
        assert filled(desk.get(path)) == ["Prepare the instrument"]
        page = desk.post(path, {"do": "preview", "instrument": "waiver"}, follow=True)
        return row, desk, path, page

    def test_what_is_signed_is_read_first(self, world: World, visit: Visit) -> None:
        row, desk, _, page = self.prepare(world, visit)
        preview = row.previews.get()
        said = words(page)
        assert filled(page) == [f"Sign {preview.reference}"]
        assert "Once signed, Northlight Registry SA may create 2 names in" in said
        assert said.index("Decided, line by line") < said.index("The instrument, exactly as it will be signed")
        for fact in ("Sana Iqbal", "Tom Okafor", "Waived. 2.9(a)", "Changed since approval Nothing",
                     "Names that needed a look None. What they were held against", "Resolution 2026.01", preview.file_id[:4]):
            assert fact in said, fact
        pdf = desk.get(f"/desk/{row.reference}/previews/{preview.pk}.pdf")
        assert pdf.content.startswith(b"%PDF")
        assert pdf["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert "attachment" in pdf["Content-Disposition"]

    def test_a_wrong_code_is_an_error_at_its_field_and_a_right_one_signs(self, world: World, visit: Visit) -> None:
        row, desk, path, _ = self.prepare(world, visit)
        form = {"do": "sign", "preview": row.previews.get().pk}
        wrong = desk.post(path, {**form, "code": "000000"})
        assert wrong.status_code == 422
        assert words(wrong).count("The code is not right.") == 2
        code = world.code(world.signatory)
        done = desk.post(path, {**form, "code": code}, follow=True)
        assert f"Signed: {row.waivers.get().reference}." in words(done)
        assert "In force until" in words(done)

    def test_a_code_that_was_used_already(self, world: World, visit: Visit) -> None:
        """The code that signed in does not sign too."""
        from tests.faces.conftest import credentials

        row = play(world, "decided")
        desk = visit()
        given = credentials(world, world.signatory)
        desk.post("/signin", given)
        path = f"/desk/{row.reference}/sign"
        desk.post(path, {"do": "preview", "instrument": "waiver"})
        answer = desk.post(path, {"do": "sign", "preview": row.previews.get().pk, "code": given["code"]})
        assert "This code was used already. Wait for the next one." in words(answer)
        assert not row.waivers.exists()

    def test_a_preview_lapses(self, world: World, visit: Visit) -> None:
        row, desk, path, _ = self.prepare(world, visit)
        preview = row.previews.get()
        type(preview).objects.filter(pk=preview.pk).update(made_at=clock.now() - timedelta(minutes=16))
        page = desk.get(path)
        assert "older than 15 minutes and has lapsed" in words(page)
        assert filled(page) == ["Prepare the instrument"]
        late = desk.post(path, {"do": "sign", "preview": preview.pk, "code": world.code(world.signatory)})
        assert late.status_code == 409
        assert "The preview is older than 15 minutes." in words(late)
        assert not row.waivers.exists()

    def test_what_the_registry_added_after_the_approval_is_said(self, world: World, visit: Visit) -> None:
        row, desk, path, _ = self.prepare(world, visit)
        actions.record_act(row.reference, {"action": "reserve", "taken": "planned"}, by=world.filer, now=clock.now())
        assert "the filing: the registry added something" in words(desk.get(path))

    def test_it_goes_back_with_a_reason(self, world: World, visit: Visit) -> None:
        row = play(world, "decided")
        desk, path = visit(world.signatory), f"/desk/{row.reference}/sign"
        wrong = desk.post(path, {"do": "send_back", "reason": ""})
        assert words(wrong).count("Say what should be different") == 2
        done = desk.post(path, {"do": "send_back", "reason": "Until when?"}, follow=True)
        assert "Sent back." in words(done)
        assert queries.request_for(world.officer, row.reference).state == "deciding"

    def test_why_not_you_and_who_can(self, world: World, visit: Visit) -> None:
        row = play(world, "decided")
        path = f"/desk/{row.reference}/sign"
        answer = visit(world.approver).get(path)
        assert "This needs the role signatory." in words(answer)
        assert "Who can: Greta Holm." in words(answer)
        assert filled(answer) == []
        author = also(world.security, "signatory")
        page = words(visit(author).get(path))
        assert "You proposed this decision, so somebody else must sign it." in page
        assert "Who can: Greta Holm." in page

    def test_a_signatory_without_delegation_is_told_who_has_one(self, world: World, visit: Visit) -> None:
        row = play(world, "decided")
        deputy = second_signatory(world, covers=False)
        answer = visit(deputy).get(f"/desk/{row.reference}/sign")
        assert "Waiver of specific provisions: no delegation of yours covers it." in words(answer)
        assert "Who can: Greta Holm." in words(answer)
        assert filled(answer) == []
        posted = visit(deputy).post(f"/desk/{row.reference}/sign", {"do": "preview", "instrument": "waiver"})
        assert posted.status_code == 403
        Delegation.objects.all().delete()
        assert "Nobody can at the moment" in words(visit(deputy).get(f"/desk/{row.reference}/sign"))

    def test_each_signs_what_they_have_read_themselves(self, world: World, visit: Visit) -> None:
        row, _, path, _ = self.prepare(world, visit)
        deputy = second_signatory(world, covers=True)
        desk = visit(deputy)
        assert filled(desk.get(path)) == ["Prepare the instrument"]
        answer = desk.post(path, {"do": "sign", "preview": row.previews.get().pk, "code": world.code(deputy)})
        assert answer.status_code == 403
        assert "You sign what you have read" in words(answer)


class TestServe:
    def test_service_is_recorded_per_instrument(self, world: World, visit: Visit) -> None:
        row = play(world, "signed")
        waiver = row.waivers.get()
        desk, path = visit(world.officer), f"/desk/{row.reference}/serve"
        assert "Our mail to the registry is a notification, not service." in words(desk.get(path))
        wrong = desk.post(path, {"waiver": waiver.reference})
        assert words(wrong).count("Enter when it was served") == 2
        at = clock.now()
        served = {"waiver": waiver.reference, "channel": "courier", "confirmation": "AWB 7", "served_at_day": at.day, "served_at_month": at.month, "served_at_year": at.year, "served_at_time": f"{at:%H:%M}", "served_at_zone": "UTC"}  # fmt: skip
        late = desk.post(path, {**served, "served_at_year": at.year + 1})
        assert words(late).count("Service lies between the signature and now") == 2
        done = desk.post(path, served, follow=True)
        assert f"Service of {waiver.reference} is on record." in words(done)
        assert "Registry’s move: acknowledge receipt" in words(done)

    def test_nothing_to_serve_before_the_signature(self, world: World, visit: Visit) -> None:
        answer = visit(world.officer).get(f"/desk/{play(world, 'assessing').reference}/serve")
        assert answer.status_code == 409


def test_a_signed_case_says_what_may_be_done_and_until_when(world: World, visit: Visit) -> None:
    row = play(world, "signed")
    page = words(visit(world.officer).get(f"/desk/{row.reference}"))
    assert re.search(r"Northlight Registry SA may create 2 names in .*?, until ", page)
    assert waivers.unsigned_lines(row) == []


@pytest.mark.parametrize("text", ["\u00b2", "\u0663", "9" * 5000])
def test_what_is_no_number_names_no_decision_and_no_line(text: str) -> None:
    sent = RequestFactory().post("/", {"decision": text, "lines": ["1,3", text]})
    assert deciding.number_in(sent, "decision") == 0
    assert deciding._lines(sent) == [1, 3]
