"""Passkeys: each wrong answer is refused, each right one counts once and for what it was given."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from ersr import clock
from ersr.core.errors import Refusal
from ersr.core.lifecycle import State
from ersr.ledger.models import Event
from ersr.people import actions, passkeys
from ersr.people.models import Challenge, Passkey, Person, Session
from ersr.people.sessions import SessionStore
from ersr.waivers import actions as waivers
from ersr.waivers.models import Waiver
from tests import world as worlds
from tests.people.authenticator import PRESENT, Authenticator
from tests.requests import steps
from tests.world import PASSWORD, World

pytestmark = pytest.mark.django_db
ORIGIN, RP = "https://srw.example", "srw.example"


@pytest.fixture
def w(db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(settings, "ERSR_ADDRESS", ORIGIN)
    return worlds.build()


def enrolled(w: World, person: Person, session: str = "s1", **words: Any) -> Authenticator:
    device = Authenticator(ORIGIN, RP, **words)
    options = actions.ask_for_passkey(person, actions.Fresh(code=w.code(person), session=session), now=clock.real())
    actions.add_passkey(person, device.make(options), "phone", session=session, now=clock.real())
    return device


def ask(person: Person | None, about: str = "x", session: str = "s1") -> dict[str, Any]:
    return passkeys.options_to_use(about, person, session, now=clock.real())


def give(person: Person, answer: str, about: str = "x", session: str = "s1", now: Any = None) -> str:
    given = actions.Fresh(passkey=answer, session=session)
    return actions.confirm(person, given, lambda: "done", about=about, now=now or clock.real())


def refused(act: Callable[[], Any], code: str = "passkey_refused", words: str = "") -> None:
    with pytest.raises(Refusal, match=words or ".") as refusal:
        act()
    assert refusal.value.code == code


def test_a_right_answer_confirms_once(w: World) -> None:
    device = enrolled(w, w.officer)
    answer = device.answer(ask(w.officer))
    assert give(w.officer, answer) == "done"
    assert Passkey.objects.get().used_at is not None
    refused(lambda: give(w.officer, answer), words="asked too long ago")


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://srw.example.evil.example"}, {"origin": "https://evil.srw.example"}, {"origin": "http://srw.example"},
        {"rp": "evil.example"}, {"flags": PRESENT}, {"flags": 0}, {"kind": "webauthn.create"}, {"handle": b"somebody else"},
        {"key": ec.generate_private_key(ec.SECP256R1())},
    ],
    ids=lambda wrong: "-".join(f"{k}" for k in wrong),
)  # fmt: skip
def test_each_wrong_answer_is_refused(w: World, wrong: dict[str, Any]) -> None:
    """Another origin (a subdomain too), another relying party, nobody verified, nobody there, another ceremony, handle or key."""
    device = enrolled(w, w.officer)
    refused(lambda: give(w.officer, device.answer(ask(w.officer), **wrong)), words="not accepted")
    assert give(w.officer, device.answer(ask(w.officer))) == "done"


@pytest.mark.parametrize("nonsense", ["", "{", "[]", "{}", "null", '{"id": 5}', '{"id":"a","rawId":"a","type":"x","response":{}}'])
def test_nonsense_is_refused_and_never_an_error(w: World, nonsense: str) -> None:
    enrolled(w, w.officer)
    ask(w.officer)
    with pytest.raises(Refusal) as refusal:
        give(w.officer, nonsense)
    assert refusal.value.code == ("passkey_refused" if nonsense else "code_wrong")
    ask(None, passkeys.SIGN_IN)
    refused(lambda: actions.sign_in_with_passkey(nonsense, session="s1", now=clock.real(), through="portal"))


def test_an_answer_is_for_one_person_one_thing_and_one_session(w: World) -> None:
    device, other = enrolled(w, w.officer), enrolled(w, w.second)
    refused(lambda: give(w.second, device.answer(ask(w.second))), words="not accepted")
    refused(lambda: give(w.officer, other.answer(ask(w.officer))), words="not accepted")
    answer = device.answer(ask(w.officer, "sign:1:aa"))
    refused(lambda: give(w.officer, answer, about="sign:2:bb"))
    ask(w.officer, "sign:2:bb")
    refused(lambda: give(w.officer, answer, about="sign:2:bb"), words="not accepted")
    refused(lambda: give(w.officer, answer, about="sign:1:aa", session="s2"))
    ask(w.officer, "sign:1:aa", "s2")
    refused(lambda: give(w.officer, answer, about="sign:1:aa", session="s2"), words="not accepted")
    assert give(w.officer, answer, about="sign:1:aa") == "done"


def test_a_challenge_is_new_each_time_and_lapses(w: World) -> None:
    device = enrolled(w, w.officer)
    first, second = ask(w.officer), ask(w.officer)
    assert first["publicKey"]["challenge"] != second["publicKey"]["challenge"]
    assert first["publicKey"]["userVerification"] == "required"
    refused(lambda: give(w.officer, device.answer(first)), words="not accepted")
    options = ask(w.officer)
    late = clock.real() + timedelta(minutes=5)
    refused(lambda: give(w.officer, device.answer(options), now=late), words="too long ago")
    passkeys.options_to_use("y", w.officer, "s9", now=late)
    assert Challenge.objects.count() == 1, "what lapsed is dropped on the way"


def test_a_counter_that_goes_back_tells_of_a_copy(w: World) -> None:
    device = enrolled(w, w.officer, counter=5)
    for back in (5, 4, 0):
        refused(lambda back=back: give(w.officer, device.answer(ask(w.officer), counter=back)), words="counts backwards")
    assert give(w.officer, device.answer(ask(w.officer), counter=6)) == "done"
    without = enrolled(w, w.second)  # many do not count: theirs is always 0
    for _ in range(2):
        assert give(w.second, without.answer(ask(w.second), counter=0)) == "done"


def test_a_passkey_alone_signs_in_and_is_on_record(w: World) -> None:
    """Something one has, and something one knows or is: the authenticator verified its user."""
    device = enrolled(w, w.officer)
    options = ask(None, passkeys.SIGN_IN, "anonymous")
    assert not options["publicKey"].get("allowCredentials"), "the sign-in page does not tell whose passkeys we know"
    answer = device.answer(options)
    refused(lambda: actions.sign_in_with_passkey(answer, session="another", now=clock.real(), through="portal"))
    came = actions.sign_in_with_passkey(answer, session="anonymous", now=clock.real(), through="portal")
    assert came == w.officer
    assert b'"factor":"passkey"' in bytes(Event.objects.filter(kind="people.signed_in").latest("pk").body.record)
    refused(lambda: actions.sign_in_with_passkey(answer, session="anonymous", now=clock.real(), through="portal"))
    Person.objects.filter(pk=w.officer.pk).update(is_active=False)
    again = device.answer(ask(None, passkeys.SIGN_IN, "anonymous"))
    refused(lambda: actions.sign_in_with_passkey(again, session="anonymous", now=clock.real(), through="portal"))


def test_strangers_keep_nobody_from_signing_in_with_a_passkey(w: World) -> None:
    device = enrolled(w, w.officer)
    for _ in range(60):
        with pytest.raises(Refusal):
            actions.sign_in(w.officer.email, "x", "000000", now=clock.real(), through="portal", network="192.0.2.1")
    answer = device.answer(ask(None, passkeys.SIGN_IN))
    assert actions.sign_in_with_passkey(answer, session="s1", now=clock.real(), through="portal") == w.officer


@pytest.mark.parametrize("wrong", [{"origin": "https://evil.example"}, {"rp": "evil.example"}, {"flags": PRESENT}])
def test_no_passkey_is_made_elsewhere_or_without_its_user(w: World, wrong: dict[str, Any]) -> None:
    options = actions.ask_for_passkey(w.officer, actions.Fresh(code=w.code(w.officer), session="s"), now=clock.real())
    asked = options["publicKey"]
    assert (asked["attestation"], asked["authenticatorSelection"]["residentKey"]) == ("none", "required")
    refused(lambda: actions.add_passkey(w.officer, Authenticator(ORIGIN, RP).make(options, **wrong), "n", session="s", now=clock.real()))
    assert not Passkey.objects.exists()


def test_a_session_alone_adds_no_passkey_and_a_credential_is_known_once(w: World) -> None:
    refused(lambda: actions.ask_for_passkey(w.officer, actions.Fresh(code="000000", session="s"), now=clock.real()), "code_wrong")
    device = enrolled(w, w.officer)
    options = actions.ask_for_passkey(w.second, actions.Fresh(code=w.code(w.second), session="s"), now=clock.real())
    refused(lambda: actions.add_passkey(w.second, device.make(options), "n", session="s", now=clock.real()), "already")


def test_a_removed_passkey_opens_nothing_and_the_last_factor_stays(w: World) -> None:
    device = enrolled(w, w.officer)
    row, totp = Passkey.objects.get(), w.officer.factors.get()
    actions.remove_factor(w.officer, "totp", totp.pk, actions.Fresh(code=w.code(w.officer)), keep="", now=clock.real())
    last = actions.Fresh(passkey=device.answer(ask(w.officer, "factors")), session="s1")
    refused(lambda: actions.remove_factor(w.officer, "passkey", row.pk, last, keep="", now=clock.real()), "not_now", "last second factor")
    other = enrolled(w, w.second)
    mine, code = Passkey.objects.get(person=w.second), actions.Fresh(code=w.code(w.second))
    refused(lambda: actions.remove_factor(w.second, "passkey", row.pk, code, keep="", now=clock.real()), "not_found")
    actions.remove_factor(w.second, "passkey", mine.pk, actions.Fresh(code=w.code(w.second)), keep="", now=clock.real())
    refused(lambda: give(w.second, other.answer(ask(w.second))))
    answer = other.answer(ask(None, passkeys.SIGN_IN))
    refused(lambda: actions.sign_in_with_passkey(answer, session="s1", now=clock.real(), through="portal"), words="do not know")


def test_what_changes_a_factor_ends_the_other_sessions(w: World) -> None:
    keys = []
    for _ in range(2):
        session = SessionStore()
        session["_auth_user_id"] = str(w.officer.pk)
        session.create()
        keys.append(session.session_key)
    enrolled(w, w.officer, session=keys[0])
    assert list(Session.objects.values_list("session_key", flat=True)) == keys[:1]


def test_a_waiver_is_signed_with_a_passkey_for_that_preview_alone(w: World) -> None:
    """The answer is bound to the preview and the digest of its bytes: one for an older preview signs nothing."""
    device = enrolled(w, w.signatory)
    case = steps.Case(w).file().to(State.DECIDED)
    first = waivers.preview(case.ref, "waiver", by=w.signatory, now=w.now)
    second = waivers.preview(case.ref, "waiver", by=w.signatory, now=w.now)
    answer = device.answer(ask(w.signatory, waivers.what_is_signed(first)))
    given = actions.Fresh(passkey=answer, session="s1")
    refused(lambda: waivers.sign(case.ref, second.pk, given, by=w.signatory, now=w.now))
    assert not Waiver.objects.exists()
    made = waivers.sign(case.ref, first.pk, given, by=w.signatory, now=w.now)
    assert made.preview == first
    assert json.loads(bytes(Event.objects.get(kind="request.sign").body.record))["facts"]["factor"] == "passkey"


def test_recovery_codes_let_in_once_and_sign_nothing(w: World) -> None:
    codes = actions.make_recovery_codes(w.signatory, w_fresh(w, w.signatory), keep="", now=clock.real())
    assert len(set(codes)) == 10

    def enter(code: str) -> Person:
        return actions.sign_in(w.signatory.email, PASSWORD, code, now=clock.real(), through="portal", recovery=True)

    assert enter(codes[0].lower()) == w.signatory
    refused(lambda: enter(codes[0]), "code_used")
    refused(lambda: enter("AAAA-AAAA-AAAA-AAAA"), "credentials")
    refused(lambda: give(w.signatory, "", about="x"), "code_wrong")
    with pytest.raises(Refusal):
        actions.confirm(w.signatory, codes[1], lambda: "signed", about="sign", now=clock.real())
    assert Event.objects.filter(kind="people.recovery_code_used").count() == 1
    again = actions.make_recovery_codes(w.signatory, w_fresh(w, w.signatory), keep="", now=clock.real())
    refused(lambda: enter(codes[2]), "credentials")
    assert enter(again[2]) == w.signatory


def w_fresh(w: World, person: Person) -> actions.Fresh:
    return actions.Fresh(code=w.code(person))


def test_after_a_recovery_code_a_factor_is_added_for_a_quarter_of_an_hour(w: World) -> None:
    now, nothing = clock.real(), actions.Fresh(session="s")
    assert actions.draw_authenticator(w.officer, nothing, now=now, recovered_at=now - timedelta(minutes=14))
    assert actions.ask_for_passkey(w.officer, nothing, now=now, recovered_at=now - timedelta(minutes=14))
    for late in (timedelta(minutes=15), timedelta(minutes=-1)):
        refused(lambda late=late: actions.draw_authenticator(w.officer, nothing, now=now, recovered_at=now - late), "code_wrong")


def test_the_password_changes_with_the_old_one_and_a_fresh_factor(w: World) -> None:
    new = "four loud geese swim"
    refused(lambda: actions.change_password(w.officer, "wrong", new, w_fresh(w, w.officer), keep="", now=clock.real()), "code_wrong")
    refused(lambda: actions.change_password(w.officer, PASSWORD, "short", w_fresh(w, w.officer), keep="", now=clock.real()), "invalid")
    actions.change_password(w.officer, PASSWORD, new, w_fresh(w, w.officer), keep="", now=clock.real())
    assert actions.sign_in(w.officer.email, new, w.code(w.officer), now=clock.real(), through="portal") == w.officer


def test_trying_again_lasts_no_longer_than_the_fresh_factor_did(w: World) -> None:
    """An attempt that failed may be repeated within the five minutes; repeating it draws no new five, and then it is over."""
    now, session = clock.real(), "s1"
    actions.ask_for_passkey(w.filer, actions.Fresh(code=w.code(w.filer), session=session), now=now)
    actions.ask_again_for_passkey(w.filer, session, now=now + timedelta(minutes=4))
    with pytest.raises(Refusal) as refusal:
        actions.ask_again_for_passkey(w.filer, session, now=now + timedelta(minutes=6))
    assert refusal.value.code == "factor_needed"
