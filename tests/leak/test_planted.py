"""The crawl fails when something leaks: each plant is reported with marker, route and reader."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse

from ersr import clock
from ersr.faces.api import show
from ersr.faces.web import desk_story, errors, public
from ersr.notifications.actions import Mail
from ersr.notifications.models import Notification
from ersr.parties.models import ContactNumber
from ersr.requests import actions
from ersr.requests.models import Request
from tests import world as worlds
from tests.leak import mails
from tests.leak.conftest import Ground
from tests.leak.crawl import Crawl
from tests.leak.markers import Case
from tests.leak.routes import Route

pytestmark = pytest.mark.django_db


def crawled(ground: Ground, pattern: str, *people: str) -> set[tuple[str, str, str]]:
    """(field, route, reader) of what is out of place on one route, in the case that is decided."""
    crawl = Crawl(ground.scene, ground.visitors)
    report = crawl.get_all(people, lambda route: route.pattern == pattern, ["decided"])
    return {(leak.mark.partition(" (")[0], leak.route, leak.reader) for leak in report.leaks}


def test_a_privileged_note_on_a_page_is_found(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    real, place = desk_story.notes_shown, "desk/<str:ref>"

    def with_advice(person: Any, request: Request) -> list[dict[str, Any]]:
        hidden = request.notes.filter(privileged=True)
        return real(person, request) + [
            {"name": "Legal", "words": "", "by": n.by.name, "at": n.at, "version": 1, "body": n.body} for n in hidden
        ]

    people = ("officer", "counsel", "signatory", "auditor", "administrator", "combined", "filer")
    assert crawled(ground, place, *people) == set()
    monkeypatch.setattr(desk_story, "notes_shown", with_advice)
    found = crawled(ground, place, *people)
    assert {("privileged note", place, key) for key in ("officer", "auditor", "combined")} == found


def test_a_number_on_file_for_the_filer_is_found(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    real, place = show.whole, "api/v1/requests/<ref>"

    def with_numbers(person: Any, request: Request, **words: Any) -> dict[str, Any]:
        told = real(person, request, **words)
        known = ContactNumber.objects.filter(contact__party=request.operator)
        return {**told, "reckoning": [f"{row.contact.name}: {row.number}" for row in known]}

    monkeypatch.setattr(show, "whole", with_numbers)
    found = crawled(ground, place, "filer", "stranger", "officer")
    fields = ("contact", "contact called", "number called", "number on file")
    assert found == {(name, place, "filer") for name in fields}


def test_what_happens_in_a_mail_is_found(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    from ersr.requests.actions import filing

    real, marks, w = filing.queue_notifications, ground.scene.marks, ground.scene.w
    case = Case("planted", frozenset({"northlight"}), frozenset())
    text = marks.word("happening", case)
    last = Notification.objects.latest("pk").pk if Notification.objects.exists() else 0

    def with_content(queued: Iterable[Mail], *, now: datetime) -> None:
        real([replace(m, path=f"{m.path}?{text}") if m.kind == "received" else m for m in queued], now=now)

    monkeypatch.setattr(filing, "queue_notifications", with_content)
    actions.submit({**worlds.SIX, "happening": text}, by=w.filer, now=clock.now(), once="planted")
    _, wrong = mails.out_of_place(marks.all, since=last)
    marks.all.pop(text)
    assert f"happening (planted) in the mail “received” to {w.officer.email}" in wrong


def test_another_word_for_not_yours_is_found(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    real = errors.not_found

    def telling(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
        answer = real(request, exception)
        if Request.objects.filter(reference__in=request.path.split("/")).exists():
            answer["X-Found"] = "yes"
        return answer

    monkeypatch.setattr(errors, "not_found", telling)
    told = Crawl(ground.scene, ground.visitors).same_as_absent("stranger", lambda route: route.name == "case")
    assert "stranger: GET r/<str:ref> tells decided from nothing" in told


def test_a_running_count_is_found(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ground.noticed("/about") == []
    monkeypatch.setattr(public, "yearly_counts", lambda **_: [(2026, Request.objects.count())])
    assert ground.noticed("/about") == ["anybody at /about", "stranger at /about"]


def test_an_act_by_the_wrong_person_is_found(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """An auditor who can take a case: the permits fail, the crawl's own table does not."""
    from ersr.core import permits

    everything = dict.fromkeys(permits.Role, frozenset(permits.Relation))
    monkeypatch.setattr(permits, "PERMITS", {**permits.PERMITS, "take": everything})
    monkeypatch.setattr(permits, "BANS", {})
    crawl, ref = Crawl(ground.scene, ground.visitors), ground.scene.cases["received"].ref
    crawl.change("auditor", "POST", f"/api/v1/requests/{ref}/take", {}, "application/json")
    assert crawl.report.faults == [f"auditor did request.take on {ref} through POST /api/v1/requests/{ref}/take"]


def test_an_address_that_the_crawl_cannot_fill_fails_it_by_name(ground: Ground) -> None:
    crawl = Crawl(ground.scene, ground.visitors)
    crawl.routes.append(Route("new/<str:whoknows>", "new"))
    with pytest.raises(LookupError, match="whoknows of new/<str:whoknows>"):
        crawl.get_all(["officer"], lambda route: route.name == "new")
    assert "officer did not visit new/<str:whoknows>" in crawl.unvisited(["officer"])
