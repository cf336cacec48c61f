"""Service, acknowledgement, status, who sees what: after the signature."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, transaction

from ersr.core.lifecycle import State
from ersr.core.terms import WaiverStatus
from ersr.notifications.models import Notification
from ersr.waivers import actions as waivers
from ersr.waivers import queries
from ersr.waivers.models import Acknowledgement, ServiceRecord, Waiver
from tests.requests.steps import Case, begin, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def c(db: None) -> Case:
    """A waiver and a fee reduction, both signed."""
    return begin().to(State.EXECUTED)


def serve(c: Case, waiver: Waiver | None = None, **changes: object) -> ServiceRecord:
    words: dict[str, object] = {
        "channel": "e-mail", "served_at": c.w.now, "confirmation": "250 OK", "by": c.w.officer, "now": c.w.now, **changes,
    }  # fmt: skip
    return waivers.serve((waiver or c.waivers[0]).reference, **words)  # type: ignore[arg-type]


def test_two_instruments_are_served_and_acknowledged_each_by_itself(c: Case) -> None:
    """The request is served when both are, and closed when both are acknowledged."""
    first, second = c.waivers
    assert {first.instrument, second.instrument} == {"waiver", "fee_reduction"}
    assert first.reference != second.reference
    assert not set(first.terms.lines) & set(second.terms.lines)
    serve(c, first)
    assert c.state is State.EXECUTED
    c.acknowledge(first)
    assert c.state is State.EXECUTED
    serve(c, second)
    assert c.state is State.SERVED
    c.acknowledge(second)
    assert c.state is State.CLOSED
    assert c.request.closed_at == c.w.now
    c.w.assert_whole()


def test_receipt_acknowledged_before_the_service_is_recorded_closes_with_the_record(c: Case) -> None:
    """The registry sees the instrument as soon as it is signed; the courier's slip comes later."""
    for waiver in c.waivers:
        c.acknowledge(waiver)
    assert c.state is State.EXECUTED
    serve(c, c.waivers[0])
    assert c.state is State.EXECUTED
    serve(c, c.waivers[1])
    assert c.state is State.CLOSED
    assert c.request.closed_at == c.w.now
    c.w.assert_whole()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"channel": "pigeon"}, "channel"),
        ({"channel": "portal"}, "channel"),
        ({"confirmation": "  "}, "confirmation"),
        ({"served_at": timedelta(seconds=1)}, "served_at"),
        ({"served_at": timedelta(seconds=-2)}, "served_at"),
    ],
)
def test_a_service_without_sense_is_refused(c: Case, changes: dict[str, object], field: str) -> None:
    """A click in a portal is no channel; service lies between the signature and now."""
    given = {k: c.w.now + v if isinstance(v, timedelta) else v for k, v in changes.items()}
    assert [f.field for f in refused(lambda: serve(c, **given), "invalid").fields] == [field]
    assert not ServiceRecord.objects.exists()


def test_service_by_two_channels_is_two_records(c: Case) -> None:
    """E-mail, and the copy by post (7.9), while another instrument is still to be served."""
    serve(c)
    serve(c, channel="post", confirmation="RR 1")
    assert [r.channel for r in c.waivers[0].service.all()] == ["e-mail", "post"]


def test_the_copy_by_post_is_recorded_after_the_request_is_closed(c: Case) -> None:
    """It may come three days after the e-mail; the moment of closing stays what it was."""
    for waiver in c.waivers:
        serve(c, waiver)
        c.acknowledge(waiver)
    closed = c.request.closed_at
    c.w.later(days=2)
    serve(c, channel="post", confirmation="RR 1")
    assert (c.state, c.request.closed_at) == (State.CLOSED, closed)
    c.w.assert_whole()


@pytest.mark.parametrize("who", ["approver", "signatory", "auditor", "filer", "stranger", "administrator"])
def test_who_records_service(c: Case, who: str) -> None:
    code = "not_found" if who in ("stranger", "administrator") else "not_allowed"
    refused(lambda: serve(c, by=getattr(c.w, who)), code)


@pytest.mark.parametrize("who", ["officer", "signatory", "auditor", "stranger", "administrator", "night"])
def test_who_acknowledges(c: Case, who: str) -> None:
    """Only who filed or for whom it was filed; the RSP of the TLDs had no part in this filing."""
    person = getattr(c.w, who)
    code = "not_found" if who in ("stranger", "administrator", "night") else "not_allowed"
    refused(lambda: waivers.acknowledge(c.waivers[0].reference, by=person, now=c.w.now), code)


def test_an_acknowledgement_is_given_once_and_told_to_the_holder(c: Case) -> None:
    c.acknowledge(c.waivers[0])
    refused(lambda: c.acknowledge(c.waivers[0]), "already", f"{c.waivers[0].reference} was acknowledged already.")
    with pytest.raises(DatabaseError), transaction.atomic():
        Acknowledgement.objects.create(waiver=c.waivers[0], by=c.w.filer, at=c.w.now)
    assert Notification.objects.filter(kind="acknowledged", to=c.w.officer.email).count() == 1


def test_a_waiver_is_upcoming_in_force_or_ended_by_time_alone(db: None) -> None:
    """To the second: in force from its beginning on, ended at its end; nothing is stored."""
    c = begin().to(State.DECIDING)
    begins = (c.w.now + timedelta(days=2)).replace(microsecond=0)
    c.decide(c.lines(instrument="waiver", hint="waiver"), effective_from=begins, ends_at=c.ends)
    waiver = c.sign("waiver")

    def status(moment: datetime) -> WaiverStatus:
        return waiver.status_at(moment)

    second = timedelta(seconds=1)
    assert status(c.w.now) is WaiverStatus.UPCOMING
    assert status(begins - second) is WaiverStatus.UPCOMING
    assert status(begins) is WaiverStatus.IN_FORCE
    assert status(waiver.ends_at - second) is WaiverStatus.IN_FORCE
    assert status(waiver.ends_at) is WaiverStatus.ENDED
    assert status(waiver.ends_at + timedelta(days=3650)) is WaiverStatus.ENDED
    assert not [f.name for f in Waiver._meta.fields if "status" in f.name or "state" in f.name]


def test_who_sees_the_request_sees_its_instruments_and_nobody_else(c: Case) -> None:
    ref = c.waivers[0].reference
    for who in (c.w.filer, c.w.officer, c.w.auditor, c.w.signatory):
        assert queries.waivers_visible_to(who).count() == 2
        assert queries.waiver_for(who, ref.lower()).reference == ref
    for who in (c.w.stranger, c.w.administrator, c.w.night):
        assert not queries.waivers_visible_to(who).exists()
        there = refused(lambda who=who: queries.waiver_for(who, ref), "not_found")
        assert there == refused(lambda who=who: queries.waiver_for(who, "W-2026-9999999-A"), "not_found")
