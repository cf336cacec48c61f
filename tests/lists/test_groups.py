"""Hits answered by group: kept or removed in one go, and nothing is granted, approved or signed while one waits."""

from __future__ import annotations

import hashlib
import json

import pytest

from ersr.core.lifecycle import State
from ersr.ledger.models import Event
from ersr.lists import queries as list_queries
from ersr.lists import screening
from ersr.lists.models import HitGroup, ListVersion, Screening
from ersr.requests import actions, queries
from ersr.waivers import actions as waivers
from tests.lists import test_screening
from tests.lists.test_screening import fill, groups, work
from tests.requests.steps import NAMES, Case, begin, refused

pytestmark = pytest.mark.django_db
here = test_screening.here


@pytest.fixture
def c(db: None, here: list[str]) -> Case:
    """Deciding; alpha.biz and bravo.com are registered, echo.com is reserved."""
    fill("biz", "com", reserved="echo.com")
    c = begin().fill(NAMES + "echo.com\n").take().verify().confirm()
    work()
    assert groups() == {("registered", "biz"): (1, ""), ("registered", "com"): (1, ""), ("reserved", "com"): (1, "")}
    return c


def answer(c: Case, *chosen: str, **words: object) -> ListVersion | None:
    given = {"answer": "removed", "reason": " Somebody's ", "by": c.w.security, "now": c.w.now, **words}
    return actions.answer_groups(c.ref, 1, chosen, **given)  # type: ignore[arg-type]


def test_a_class_over_all_tlds_leaves_the_list_in_one_version_and_one_event(c: Case) -> None:
    version = answer(c, "registered")
    assert version is not None
    assert (version.version, version.names, version.removed, version.reason) == (2, 2, [], "Somebody's")
    assert b"".join(list_queries.lines_of(version)) == b"charlie.net\necho.com\n"
    assert version.digest == version.content_digest == hashlib.sha256(b"charlie.net\necho.com\n").hexdigest()
    assert version.tlds == {"com": 1, "net": 1}
    told = json.loads(bytes(Event.objects.get(kind="request.answer_hits").body.record))["facts"]
    assert told["removed"] == 2
    assert told["digest"] == version.digest
    assert told["groups"] == ["registered/biz", "registered/com"]
    assert "alpha.biz" not in str(told)
    assert not Screening.objects.filter(state="waiting").exists(), "what is left was looked at already"
    held = list_queries.listing(ListVersion.objects.get(version=1), ListVersion.objects.all(), "alpha.biz")
    assert held.removed_at == version.made_at
    assert list_queries.unanswered(c.request.incident).groups == 1
    assert answer(c, "reserved/com", answer="kept") is None
    assert not list_queries.unanswered(c.request.incident)
    c.w.assert_whole()


def test_an_answer_without_sense_changes_nothing(c: Case) -> None:
    refused(lambda: answer(c, "registered", answer="perhaps"), "invalid", "kept or removed")
    refused(lambda: answer(c, "registered", reason=" "), "invalid", "Say why")
    refused(lambda: answer(c), "invalid", "at least one group")
    refused(lambda: answer(c, "registered/org"), "invalid", "no hits called registered/org")
    refused(lambda: answer(c, "registered/biz", "allowed"), "invalid", "no hits called allowed")
    refused(lambda: answer(c, "registered", by=c.w.approver), "not_allowed")
    assert set(groups().values()) == {(1, "")}
    assert ListVersion.objects.count() == 1
    answer(c, "registered/biz", answer="kept")
    refused(lambda: answer(c, "registered/biz"), "invalid", "was answered before")
    answer(c, "registered", answer="kept")
    assert groups()["registered", "com"] == (1, "kept")


def test_a_group_that_is_all_of_the_list_is_not_taken_out(c: Case, here: list[str]) -> None:
    actions.add_list(c.ref, b"alpha.biz\n", title="y", by=c.w.filer, now=c.w.now)
    work()
    act = lambda: actions.answer_groups(c.ref, 2, ["registered"], answer="removed", reason="x", by=c.w.security, now=c.w.now)  # noqa: E731
    refused(act, "invalid", "leave the list empty")
    assert HitGroup.objects.get(of__number=2).answer == ""


def test_names_that_left_the_list_before_are_no_slip(c: Case) -> None:
    actions.remove_names(c.ref, 1, ["alpha.biz"], reason="x", by=c.w.security, now=c.w.now)
    version = answer(c, "registered")
    assert version is not None
    assert version.names == 2
    assert answer(c, "reserved") is not None


def test_nothing_is_proposed_while_a_group_waits(c: Case) -> None:
    """By the action itself. A denial needs none of it."""
    lines = c.grantable()
    refused(lambda: c.propose(lines[:1]), "not_now", "3 groups of hits are unanswered. Answer each first.")
    c.propose(lines[1:2], "denied")
    answer(c, "registered", "reserved", answer="kept")
    assert c.propose(lines[:1])


def test_nothing_is_proposed_while_a_screening_is_under_way(c: Case) -> None:
    answer(c, "registered", "reserved", answer="kept")
    actions.screen_again(c.ref, 1, by=c.w.security, now=c.w.now)
    refused(lambda: c.propose(c.grantable()[:1]), "not_now", "1 list is still being held against the zones. Wait until that is done.")
    refused(lambda: actions.screen_again(c.ref, 1, by=c.w.security, now=c.w.now), "already")
    work()
    assert {answered for _, answered in groups().values()} == {"kept"}
    assert c.propose(c.grantable()[:1])
    event = Event.objects.get(kind="list.screened_again")
    assert event.subject == c.ref
    assert any(h.kind == "list.screened_again" and h.words != h.kind for h in queries.history(c.w.officer, c.request))


def test_nothing_is_approved_or_signed_with_a_group_that_came_after(c: Case) -> None:
    answer(c, "registered", "reserved", answer="kept")
    decision = c.propose()
    group = HitGroup.objects.first()
    assert group is not None
    HitGroup.objects.filter(pk=group.pk).update(answer="")
    refused(lambda: c.approve(decision), "lapsed", "Return it")
    HitGroup.objects.filter(pk=group.pk).update(answer="kept")
    c.approve(decision)
    row = waivers.preview(c.ref, "waiver", by=c.w.signatory, now=c.w.now)
    sign = lambda: waivers.sign(c.ref, row.pk, c.w.code(c.w.signatory), by=c.w.signatory, now=c.w.now)  # noqa: E731
    HitGroup.objects.filter(pk=group.pk).update(answer="")
    refused(sign, "lapsed", "1 group of hits is unanswered. Send the decision back.")
    HitGroup.objects.filter(pk=group.pk).update(answer="kept")
    waiting = screening.wanted(ListVersion.objects.get(), now=c.w.now, again=True)
    assert waiting is not None
    refused(sign, "lapsed", "still being held against the zones. Wait until")
    refused(lambda: waivers.preview(c.ref, "waiver", by=c.w.signatory, now=c.w.now), "lapsed", "Wait until")
    work()
    assert sign().terms.names.size == 4  # type: ignore[union-attr]


def test_what_is_signed_is_the_list_after_the_removal(c: Case) -> None:
    answer(c, "reserved", answer="kept")
    version = answer(c, "registered")
    assert version is not None
    c.decide()
    terms = c.sign("waiver").terms
    assert terms.names is not None
    assert (terms.names.digest, terms.names.size) == (version.digest, 2)
    c.w.assert_whole()


def test_a_screening_that_failed_holds_up_nothing_and_can_be_begun_again(c: Case) -> None:
    """An answer may be due tonight; the page says loudly that nobody knows."""
    answer(c, "registered", "reserved", answer="kept")
    Screening.objects.update(state="failed", problem="com.zone.gz is damaged")
    assert not list_queries.unanswered(c.request.incident)
    assert [row.version.of.number for row in list_queries.screenings_failed(c.request.incident)] == [1]
    assert actions.screen_again(c.ref, 1, by=c.w.security, now=c.w.now).state == "waiting"


def test_without_a_zone_there_is_nothing_to_screen_again(c: Case) -> None:
    for file in test_screening.zones.place().iterdir():
        file.unlink()
    refused(lambda: actions.screen_again(c.ref, 1, by=c.w.security, now=c.w.now), "not_now", "No zone")
    refused(lambda: actions.screen_again(c.ref, 1, by=c.w.filer, now=c.w.now), "not_allowed")


def test_the_case_asks_for_the_answer_where_groups_alone_wait(c: Case) -> None:
    offered = queries.offered(c.w.security, c.request)
    assert "answer_hits" in {a.name for a in (offered.primary, *offered.others) if a}
    answer(c, "registered", "reserved", answer="kept")
    offered = queries.offered(c.w.security, c.request)
    assert "answer_hits" not in {a.name for a in (offered.primary, *offered.others) if a}
    assert c.state is State.DECIDING
