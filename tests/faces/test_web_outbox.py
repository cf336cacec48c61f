"""The outbox page: what became of each mail, and the button that has it tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ersr import clock
from ersr.jobs import queue
from ersr.jobs.models import Job
from ersr.notifications.actions import queue_notification
from ersr.notifications.models import Notification
from tests import world as worlds
from tests.faces.calling import Caller, good, refused
from tests.faces.conftest import Visit
from tests.faces.test_web_desk import filled, words

pytestmark = pytest.mark.django_db
World = worlds.World


@pytest.fixture
def mails(world: World) -> dict[str, Notification]:
    """One mail in every state that there is."""
    found = {}
    for name in ("waits", "sent", "retried", "given-up"):
        reference = "SRW-2026-4821003-V" if name == "retried" else ""
        queue_notification("asked", to=f"{name}@north.example", about=name, reference=reference, now=world.now)
        found[name] = Notification.objects.get(to=f"{name}@north.example")
    for name, problem, for_good in (
        ("retried", "451 4.3.0 <b>queue</b> is full", False),
        ("given-up", "550 5.1.1 no such mailbox", True),
    ):
        Notification.objects.filter(pk=found[name].pk).update(state="failed", tries=3, problem=problem)
        job = Job.objects.get(subject=str(found[name].pk))
        Job.objects.filter(pk=job.pk).update(state="running", lease="x", tries=3)
        job.refresh_from_db()
        queue.fail(job, problem, now=clock.real(), for_good=for_good)
    Notification.objects.filter(pk=found["sent"].pk).update(state="sent", tries=1, sent_at=world.now)
    Job.objects.filter(subject=str(found["sent"].pk)).update(state="done")
    return found


def test_it_says_of_each_mail_what_became_of_it(world: World, visit: Visit, mails: dict[str, Notification]) -> None:
    """The server's words, the tries, the next one; never the mail's own words."""
    answer = visit(world.officer).get("/outbox")
    page = words(answer)
    assert "2 mails could not be sent." in page
    assert "Nobody tries 1 of them any more." in page
    for said in (
        "Waits to be sent",
        "Sent, ",
        "Failed , next try ",
        "Failed, and not tried any more",
        "SRW-2026-4821003-V",
    ):
        assert said in page, page
    assert "451 4.3.0 <b>queue</b> is full" in page.replace("&lt;", "<"), "the server's words are text, not tags"
    assert "There is a question for you" not in page
    assert "<b>queue" not in answer.content.decode()
    assert filled(answer) == ["Try all again"]


def test_it_finds_by_state_recipient_and_reference(world: World, visit: Visit, mails: dict[str, Notification]) -> None:
    desk = visit(world.officer)

    def shown(**query: str) -> set[str]:
        page = words(desk.get("/outbox", query))
        return {name for name in mails if f"{name}@north.example" in page}

    assert shown() == set(mails)
    assert shown(state="open") == {"waits", "retried", "given-up"}
    assert shown(state="failed") == {"retried", "given-up"}
    assert shown(state="sent") == {"sent"}
    assert shown(q="SRW-2026-4821003-V") == {"retried"}
    assert shown(q="waits@") == {"waits"}
    assert shown(q="nobody", state="x") == set()


def test_the_buttons_have_mails_tried_again(world: World, visit: Visit, mails: dict[str, Notification]) -> None:
    desk = visit(world.officer)
    answer = desk.post("/outbox", {"mail": mails["given-up"].pk}, follow=True)
    assert "1 mail is tried again now." in words(answer)
    open_job = Job.objects.get(subject=str(mails["given-up"].pk), state="open")
    assert open_job.due_at <= clock.real()
    answer = desk.post("/outbox", {"mail": mails["given-up"].pk})
    assert (answer.status_code, "is being tried at this moment" in words(answer)) == (409, True)
    assert "1 mail is tried again now." in words(desk.post("/outbox", {"mail": "failed"}, follow=True))
    assert Job.objects.filter(state="open", due_at__gt=clock.real() + timedelta(seconds=1)).count() == 0
    for wrong in ("", "x", "²", "9" * 30, "99999"):
        assert desk.post("/outbox", {"mail": wrong}).status_code == 404


def test_whoever_may_only_read_has_no_button_and_no_other_way(
    world: World, visit: Visit, mails: dict[str, Notification]
) -> None:
    """The auditor reads; approvers, signatories, administrators and registries find nothing there."""
    auditor = visit(world.auditor)
    answer = auditor.get("/outbox")
    assert "given-up@north.example" in words(answer)
    assert "Try again" not in words(answer)
    assert auditor.post("/outbox", {"mail": mails["given-up"].pk}).status_code == 403
    for person in (world.approver, world.signatory, world.administrator, world.filer):
        browser = visit(person)
        assert browser.get("/outbox").status_code == 404
        assert browser.post("/outbox", {"mail": mails["given-up"].pk}).status_code == 404
    assert "given-up@" in words(visit(world.officer).get("/desk"))
    assert "given-up@" not in words(visit(world.approver).get("/desk"))


def test_the_api_tells_the_same(world: World, mails: dict[str, Notification]) -> None:
    caller = Caller(world.officer)
    items = {row["to"].partition("@")[0]: row for row in good(caller.get("outbox"))["items"]}
    assert {name: (row["state"], row["next_at"] is not None) for name, row in items.items()} == {
        "waits": ("queued", True), "sent": ("sent", False), "retried": ("failed", True), "given-up": ("failed", False),
    }  # fmt: skip
    assert set(items["sent"]) == {
        "id",
        "to",
        "reference",
        "state",
        "tries",
        "problem",
        "queued_at",
        "sent_at",
        "next_at",
    }
    assert good(caller.post(f"outbox/{mails['given-up'].pk}/send_again")) == {"mails": 1}
    refused(caller.post(f"outbox/{mails['sent'].pk}/send_again"), 409, "already")
    refused(caller.post("outbox/99999/send_again"), 404, "not_found")
    refused(Caller(world.auditor).post("outbox/send_again"), 403, "not_allowed")
