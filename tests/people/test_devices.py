"""A program asks to act for a person (RFC 8628): who approves, who refuses, who guesses, who comes too early or too late."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection

from ersr import clock
from ersr.core.errors import Refusal
from ersr.ledger.models import Event
from ersr.people import actions, factors, patience, queries
from ersr.people.actions import devices
from ersr.people.actions.inviting import invitation_of
from ersr.people.models import DeviceCode, Token
from tests import world as worlds
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def w(db: None) -> World:
    return worlds.build()


def ask(**changes: object) -> tuple[DeviceCode, str, str]:
    words: dict[str, object] = {
        "name": "ersr on night-desk",
        "scopes": ["read", "write"],
        "days": 7,
        "address": "192.0.2.7",
    }
    return devices.ask(**{**words, "now": clock.real(), **changes})  # type: ignore[arg-type]


def approved(w: World, **changes: object) -> tuple[DeviceCode, str]:
    row, device_code, user_code = ask(**changes)
    devices.approve(devices.asking(w.filer, user_code, now=clock.real()), by=w.filer, now=clock.real())
    return row, device_code


def said(code: str, device_code: str, now: object = None) -> Refusal:
    with pytest.raises(Refusal) as refused:
        devices.fetch(device_code, now=now or clock.real())  # type: ignore[arg-type]
    assert refused.value.code == code
    return refused.value


def test_an_approved_program_gets_its_token_once(w: World) -> None:
    """The token has the scopes and days that were shown, is its owner's to see and to end; neither code is stored."""
    row, device_code = approved(w)
    token, text = devices.fetch(device_code, now=clock.real())
    assert (token.person, token.name, token.scopes) == (w.filer, "ersr on night-desk", "read write")
    assert token.expires_at - token.made_at == timedelta(days=7)
    assert queries.person_of_token(text, now=clock.real()) == token
    assert token in queries.tokens_of(w.filer)
    said("expired_token", device_code)
    assert Token.objects.filter(name="ersr on night-desk").count() == 1
    row.refresh_from_db()
    stored = {str(value) for value in DeviceCode.objects.values().get().values()}
    assert device_code not in stored
    kinds = list(Event.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds[-2:] == ["people.device_approved", "people.token_made"]


def test_the_user_code_can_be_read_aloud_and_typed_as_one_likes(w: World) -> None:
    """No vowel and no Y, so no word; nothing that looks like a figure. Case, hyphens and spaces do not count."""
    row, _, user_code = ask()
    assert set(user_code) <= set(devices.LETTERS) | {"-"}
    assert not set(devices.LETTERS) & set("AEIOUY0123456789")
    assert len(devices.LETTERS) ** devices.LENGTH > 2 * 10**10
    for typed in (user_code, user_code.lower(), user_code.replace("-", ""), f" {user_code.replace('-', ' - ')} "):
        assert devices.asking(w.filer, typed, now=clock.real()) == row


def test_who_polls_too_often_waits_longer(w: World) -> None:
    _, device_code, user_code = ask()
    now = clock.real()
    said("authorization_pending", device_code, now)
    refused = said("slow_down", device_code, now + timedelta(seconds=1))
    assert refused.facts["interval"] == devices.INTERVAL + devices.SLOWER
    devices.approve(devices.asking(w.filer, user_code, now=now), by=w.filer, now=now)
    said("slow_down", device_code, now + timedelta(seconds=3))
    later = now + timedelta(seconds=3 + devices.INTERVAL + 2 * devices.SLOWER)
    assert devices.fetch(device_code, now=later)[0].person == w.filer


def test_a_refused_program_gets_nothing_ever(w: World) -> None:
    row, device_code, user_code = ask()
    devices.refuse(devices.asking(w.filer, user_code, now=clock.real()), by=w.filer, now=clock.real())
    said("access_denied", device_code)
    with pytest.raises(Refusal, match="answered already"):
        devices.approve(row, by=w.filer, now=clock.real())
    said("access_denied", device_code)
    assert Event.objects.filter(kind="people.device_refused").count() == 1
    assert not Token.objects.filter(name=row.name).exists()


def test_codes_end_after_ten_minutes(w: World) -> None:
    """To type, and to fetch: an approval that nobody fetched is worth nothing later."""
    _, device_code, user_code = ask()
    late = clock.real() + devices.LASTS
    with pytest.raises(Refusal, match="No program waits"):
        devices.asking(w.filer, user_code, now=late)
    said("expired_token", device_code, late)
    _, device_code = approved(w)
    said("expired_token", device_code, late + timedelta(seconds=9))
    said("expired_token", "never given out")


def test_guesses_are_limited_and_leave_the_right_code_alone(w: World) -> None:
    """After ten wrong ones the right one has to wait, for this person; another person goes on."""
    row, _, user_code = ask()
    for _n in range(patience.CONFIRMING.free + 1):
        with pytest.raises(Refusal, match="No program waits"):
            devices.asking(w.stranger, "BBBB-BBBB", now=clock.real())
    with pytest.raises(Refusal) as refused:
        devices.asking(w.stranger, user_code, now=clock.real())
    assert refused.value.code == "too_many"
    assert devices.asking(w.filer, user_code, now=clock.real()) == row


def test_nobody_fills_the_table_from_one_address(w: World) -> None:
    for _n in range(devices.OPEN_AT_MOST):
        ask()
    with pytest.raises(Refusal) as refused:
        ask()
    assert refused.value.code == "too_many"
    ask(address="192.0.2.8")
    ask(now=clock.real() + devices.LASTS)
    ask(now=clock.real() + 3 * devices.LASTS)
    assert DeviceCode.objects.count() == 1, "old ones go by themselves"


@pytest.mark.parametrize(
    ("changes", "field"), [({"scopes": []}, "scopes"), ({"scopes": ["root"]}, "scopes"), ({"days": 0}, "days"), ({"days": 400}, "days"), ({"name": " "}, "name")]
)  # fmt: skip
def test_what_no_token_may_have_is_refused_before_anybody_is_asked(
    w: World, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(Refusal) as refused:
        ask(**changes)
    assert [e.field for e in refused.value.fields] == [field]


def test_a_name_cannot_play_with_the_page_that_shows_it(w: World) -> None:
    row, _, _ = ask(name="night\u202e\n\x1b[2J desk")
    assert row.name == "night [2J desk"


@pytest.mark.parametrize("how", ["a new factor", "deactivate"])
def test_access_that_ends_takes_waiting_programs_with_it(w: World, how: str) -> None:
    """Between approval and fetching the person loses access: the program gets no token."""
    _, device_code = approved(w)
    now = clock.real()
    if how == "a new factor":
        code = invitation_of(w.filer, now, timedelta(days=1))
        drawn = actions.begin_enrolment(code, "four loud geese swim", now=now)
        actions.confirm_enrolment(code, factors._code(factors._open(drawn), int(now.timestamp()) // 30), now=now)
    else:
        actions.deactivate(w.filer, by=w.administrator, reason="Left.", now=now)
    said("expired_token", device_code)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_fetches_at_once_make_one_token() -> None:
    w = worlds.build()
    _, device_code = approved(w)
    told: list[str] = []
    start = threading.Barrier(4)

    def fetch() -> None:
        start.wait()
        try:
            devices.fetch(device_code, now=clock.real())
            told.append("token")
        except Refusal as refusal:
            told.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["expired_token"] * 3 + ["token"]
    assert Token.objects.filter(name="ersr on night-desk").count() == 1
