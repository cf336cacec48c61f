"""Waits: strangers slow down, and keep nobody out; tries at one moment all count."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection

from ersr import clock
from ersr.core.errors import Refusal
from ersr.people import actions, browsers, patience
from ersr.people.models import Budget, Person
from tests import world as worlds
from tests.world import PASSWORD, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def w(db: None) -> World:
    return worlds.build()


def enter(person: Person, code: str, password: str = PASSWORD, **words: object) -> Person:
    return actions.sign_in(person.email, password, code, now=words.pop("now", clock.real()), through="portal", **words)  # type: ignore[arg-type]


def guess(person: Person, times: int, password: str = "wrong", **words: object) -> list[str]:
    told = []
    for _ in range(times):
        with pytest.raises(Refusal) as refusal:
            enter(person, "000000", password, **words)
        told.append(refusal.value.code)
    return told


def test_waits_double_up_to_a_most_and_are_forgotten() -> None:
    now, pace = clock.real(), patience.STRANGER
    waits = [pace.wait(n).total_seconds() for n in (5, 6, 7, 8, 16, 10_000)]
    assert waits == [0, 2, 4, 8, 900, 900]
    for _ in range(6):
        patience.take("k", pace, now=now)
    with pytest.raises(Refusal, match="Wait 2 seconds") as refusal:
        patience.take("k", pace, now=now)
    assert refusal.value.facts == {"retry_after": 2}
    patience.take("k", pace, now=now + timedelta(seconds=2))
    later = now + timedelta(days=1, seconds=3)
    for _ in range(5):
        patience.take("k", pace, now=later)


def test_a_clock_that_was_put_back_keeps_nobody_waiting_for_long() -> None:
    now = clock.real()
    for _ in range(8):
        patience.take("k", patience.DEVICE, now=now + timedelta(days=30))
    patience.take("k", patience.DEVICE, now=now)


def test_a_stranger_cannot_keep_a_known_browser_out(w: World) -> None:
    """From anywhere, with any number of tries, and from the person's own network."""
    cookie = browsers.remembered(w.officer, "")
    for network in ("192.0.2.1", "192.0.2.2", "198.51.100.9"):
        assert guess(w.officer, 8, network=network)[-1] == "too_many"
    assert enter(w.officer, w.code(w.officer), network="198.51.100.9", browser=cookie) == w.officer


def test_a_stranger_elsewhere_keeps_no_new_browser_out(w: World) -> None:
    assert guess(w.officer, 8, network="192.0.2.1")[-1] == "too_many"
    assert enter(w.officer, w.code(w.officer), network="192.0.2.2") == w.officer


def test_a_known_browser_slows_down_by_its_own_tries(w: World) -> None:
    cookie = browsers.remembered(w.officer, "")
    assert guess(w.officer, 12, browser=cookie)[-1] == "too_many"
    assert patience.DEVICE.most <= timedelta(minutes=1)


def test_one_network_slows_down_over_many_addresses(w: World) -> None:
    told = []
    for n in range(42):
        with pytest.raises(Refusal) as refusal:
            actions.sign_in(f"n{n}@icann.example", "x", "000000", now=clock.real(), through="portal", network="192.0.2.1")
        told.append(refusal.value.code)
    assert (told[0], told[-1]) == ("credentials", "too_many")


def test_who_has_the_password_cannot_guess_codes_from_many_networks(w: World) -> None:
    """The answer stays the same, so that it does not tell that the password was right; a known browser goes on."""
    for n in range(12):
        assert guess(w.officer, 1, PASSWORD, network=f"192.0.2.{n}") == ["credentials"]
    with pytest.raises(Refusal) as refusal:
        enter(w.officer, w.code(w.officer), network="203.0.113.1")
    assert refusal.value.code == "credentials"
    assert enter(w.officer, w.code(w.officer), browser=browsers.remembered(w.officer, "")) == w.officer


def test_nobody_is_told_who_is_known_by_what_is_counted(w: World) -> None:
    """A wrong password, an unknown address and a right password with a wrong code leave as many rows."""
    counts = []
    for email, password in ((w.officer.email, "wrong"), ("nobody@icann.example", "wrong"), (w.officer.email, PASSWORD)):
        Budget.objects.all().delete()
        with pytest.raises(Refusal):
            actions.sign_in(email, password, "000000", now=clock.real(), through="portal", network="192.0.2.1")
        counts.append(Budget.objects.count())
    assert counts == [3, 3, 3]


def test_a_cookie_of_another_person_or_an_old_password_is_a_stranger(w: World) -> None:
    cookie = browsers.remembered(w.officer, "")
    assert browsers.known(w.officer, cookie)
    assert not browsers.known(w.second, cookie)
    both = browsers.remembered(w.second, cookie)
    assert browsers.known(w.officer, both)
    assert browsers.known(w.second, both)
    for forged in ("", "x", f"{w.officer.pk}..", f"{w.officer.pk}.a.{'0' * 40}", "é", cookie[:-1], "~" * 3000):
        assert not browsers.known(w.officer, forged)
    w.officer.password = "another"
    assert not browsers.known(w.officer, cookie)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_tries_at_one_moment_all_count() -> None:
    """Twenty at once: as many pass as are free, and one whose wait begins with it. Counted after judging, all would."""
    now, told, barrier = clock.real(), [], threading.Barrier(20)

    def attempt() -> None:
        try:
            barrier.wait(10)
            patience.take("k", patience.STRANGER, now=now)
            told.append("passed")
        except Refusal as refusal:
            told.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (told.count("passed"), told.count("too_many")) == (6, 14)
