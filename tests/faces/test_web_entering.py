"""The ways in and what changes them, as pages: fixation, known browsers, recovery codes, a lost factor, adding and removing."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client, RequestFactory

from ersr import clock
from ersr.faces.network import network_of
from ersr.people import actions, factors
from ersr.people.models import Passkey, Person, Recovery, Session
from tests import world as worlds
from tests.faces.conftest import Visit, credentials
from tests.faces.test_web_filing import page
from tests.people.authenticator import Authenticator


def test_a_session_that_was_set_before_sign_in_is_worth_nothing_afterwards(world: worlds.World, visit: Visit) -> None:
    """Whoever planted a cookie in somebody's browser does not come in with them; nor with a session that we gave out."""
    for planted in ("attackers0key0that0we0never0gave", _given_out()):
        victim, attacker = Client(), Client()
        victim.cookies["ersr_session"] = attacker.cookies["ersr_session"] = planted
        assert victim.post("/signin", credentials(world, world.filer)).status_code == 302
        assert victim.cookies["ersr_session"].value != planted
        assert "Signed in as" in page(victim, "/")
        assert "Signed in as" not in page(attacker, "/")


def _given_out() -> str:
    anybody = Client()
    anybody.post("/passkey/options", {"about": "sign-in"})
    return anybody.cookies["ersr_session"].value


def test_signing_in_again_gives_a_new_key_too(world: worlds.World, visit: Visit) -> None:
    client = visit(world.filer)
    before = client.cookies["ersr_session"].value
    client.post("/signin", credentials(world, world.filer))
    assert client.cookies["ersr_session"].value != before
    assert Session.objects.filter(person=world.filer).count() == 1


def test_a_session_ends_when_nothing_happens_in_it(world: worlds.World, visit: Visit) -> None:
    client = visit(world.filer)
    Session.objects.update(seen_at=clock.real() - timedelta(seconds=settings.ERSR_IDLE_SECONDS - 5))
    assert "Signed in as" in page(client, "/")
    assert Session.objects.get().seen_at > clock.real() - timedelta(minutes=1), "that it lives is noted"
    Session.objects.update(seen_at=clock.real() - timedelta(seconds=settings.ERSR_IDLE_SECONDS))
    assert "Signed in as" not in page(client, "/")
    assert client.get("/account").status_code == 302


def test_a_known_browser_comes_in_while_strangers_wait(world: worlds.World, visit: Visit) -> None:
    known, stranger = visit(world.officer), visit()
    known.post("/signout")
    assert known.cookies["ersr_device"]["httponly"]
    for _ in range(7):
        refused = stranger.post("/signin", {"email": world.officer.email, "password": "x", "code": "000000"})
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) >= 1
    assert "tel:" in refused.content.decode(), "the duty line stands on the page"
    assert "another look" not in refused.content.decode(), "no answer is what is wrong"
    assert known.post("/signin", credentials(world, world.officer)).status_code == 302


@pytest.mark.parametrize(
    ("proxies", "remote", "forwarded", "network"),
    [
        (0, "192.0.2.1", "198.51.100.7", "192.0.2.1"), (1, "127.0.0.1", "198.51.100.7", "198.51.100.7"),
        (1, "127.0.0.1", "203.0.113.5, 198.51.100.7", "198.51.100.7"), (2, "127.0.0.1", "6.6.6.6, 203.0.113.5, 10.0.0.1", "203.0.113.5"),
        (1, "127.0.0.1", "", "127.0.0.1"), (0, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"), (0, "::ffff:192.0.2.1", "", "192.0.2.1"),
        (0, "", "", ""), (1, "127.0.0.1", "nonsense", ""),
    ],
)  # fmt: skip
def test_an_address_is_believed_only_from_our_own_proxies(proxies: int, remote: str, forwarded: str, network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ERSR_PROXIES", proxies)
    assert network_of(RequestFactory().get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)) == network


def test_recovery_codes_are_shown_once_saved_and_let_in(world: worlds.World, visit: Visit) -> None:
    client = visit(world.filer)
    assert client.post("/account/recovery-codes", {"code": "000000"}).status_code == 422
    html = client.post("/account/recovery-codes", {"code": world.code(world.filer)}).content.decode()
    assert "Made <time" in html, "of two sheets one knows which still holds"
    codes = re.findall(r"<li>([A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})</li>", html)
    assert len(codes) == 10
    assert codes[0] not in page(client, "/account/recovery-codes")
    assert "You have 10 codes" in page(client, "/account/recovery-codes")
    saved = client.post("/account/recovery-codes.txt", {"codes": " ".join(codes)})
    assert saved["Content-Disposition"] == 'attachment; filename="recovery-codes.txt"'
    assert all(code in saved.content.decode() for code in codes)
    assert client.post("/account/recovery-codes.txt", {"codes": "<script>"}).status_code == 404
    other = visit()
    given = {"email": world.filer.email, "password": worlds.PASSWORD, "code": codes[0]}
    assert other.post("/signin", given).status_code == 401, "not where a code of the authenticator goes"
    assert other.post("/signin/recovery", given)["Location"] == "/account"
    told = page(other, "/account")
    assert "You came in with a recovery code" in told
    assert other.post("/signin/recovery", given).status_code == 422
    token = {"do": "make-token", "name": "n", "scopes": ["read"], "days": "3", "code": codes[1]}
    assert "The code is not right" in other.post("/account", token).content.decode(), "it makes no token"
    drawn = other.post("/account/authenticator", {})
    assert "<svg" in drawn.content.decode()
    assert "style=" not in drawn.content.decode()
    fresh = Person.objects.get(pk=world.filer.pk).factors.get(confirmed_at__isnull=True)
    step = int(clock.real().timestamp()) // factors.STEP
    done = other.post("/account/authenticator", {"do": "confirm", "code": factors._code(factors._open(fresh), step)})
    assert done["Location"] == "/account"
    assert client.get("/account").status_code == 302, "other sessions are ended"
    assert other.post("/account/authenticator", {}).status_code == 422, "the recovery code has done what it was for"


def test_changing_a_factor_gives_the_session_a_new_key(world: worlds.World, visit: Visit) -> None:
    client = visit(world.filer)
    before = client.cookies["ersr_session"].value
    client.post("/account/recovery-codes", {"code": world.code(world.filer)})
    after = client.cookies["ersr_session"].value
    assert after != before
    given = {"old_password": worlds.PASSWORD, "new_password": "four loud geese swim", "code": world.code(world.filer)}
    assert client.post("/account/password", given | {"new_password": "short"}).status_code == 422
    assert client.post("/account/password", given | {"code": world.code(world.filer)})["Location"] == "/account"
    assert client.cookies["ersr_session"].value != after
    assert "The password is changed" in page(client, "/account")


def test_the_last_factor_is_not_removed(world: worlds.World, visit: Visit) -> None:
    client = visit(world.filer)
    mine = world.filer.factors.get()
    answer = client.post("/account/remove", {"factor": f"totp-{mine.pk}", "code": world.code(world.filer)})
    assert answer.status_code == 409
    assert "last second factor" in answer.content.decode()
    theirs = world.stranger.factors.get()
    answer = client.post("/account/remove", {"factor": f"totp-{theirs.pk}", "code": world.code(world.filer)})
    assert answer.status_code == 422
    assert world.stranger.factors.exists()


def test_a_lost_factor_is_reported_with_the_same_answer_for_all(world: worlds.World, visit: Visit) -> None:
    client = visit()
    told = {re.sub(r'value="[A-Za-z0-9]{64}"', "", client.post("/signin/lost", {"email": email}).content.decode())
            for email in (world.filer.email, "nobody@icann.example")}  # fmt: skip
    assert len(told) == 1
    assert client.post("/signin/lost", {"email": "no address"}).status_code == 422


def test_staff_call_back_and_another_approves(world: worlds.World, visit: Visit) -> None:
    row = actions.begin_recovery(world.filer.email, now=clock.real())
    assert row is not None
    one, two = visit(world.officer), visit(world.second)
    html = page(one, "/recoveries")
    assert world.filer.name in html
    assert "+3225550188" not in html.replace(" ", ""), "a number that changed lately is not offered"
    sent = {"do": "call", "recovery": row.pk}
    assert one.post("/recoveries", sent).status_code == 422
    choice = re.search(r'<option value="(\d+)">Operations', html)
    assert choice
    sent |= {f"r{row.pk}-number_id": choice[1], f"r{row.pk}-outcome": "confirmed", f"r{row.pk}-remark": "Spoke to Ann."}
    assert one.post("/recoveries", sent)["Location"] == "/recoveries"
    assert "another must approve" in page(one, "/recoveries")
    assert one.post("/recoveries", {"do": "approve", "recovery": row.pk}).status_code == 403
    assert "Spoke to Ann." in page(two, "/recoveries")
    assert two.post("/recoveries", {"do": "approve", "recovery": row.pk})["Location"] == "/recoveries"
    assert Recovery.objects.get().approved_by == world.second
    own = visit(world.filer)
    assert "Somebody reported at" in page(own, "/account")
    own.post("/account", {"do": "stop-recovery"})
    assert Recovery.objects.get().ended == "stopped"


def test_a_passkey_over_http_without_a_browser(world: worlds.World, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the script does, step by step: made after a fresh factor, signs in alone, and is bound to its page's purpose."""
    monkeypatch.setattr(settings, "ERSR_ADDRESS", "https://srw.example")
    device, client = Authenticator("https://srw.example", "srw.example"), visit(world.filer)
    step = client.post("/account/passkey", {"code": world.code(world.filer)})
    options = step.context["options"]
    made = {"do": "make", "passkey": device.make(json.loads(options))}
    assert client.post("/account/passkey", made).status_code == 422, "it needs a name"
    again = client.post("/account/passkey", made | {"name": "phone"})
    assert again.status_code == 422, "and the challenge of the first page is gone"
    made["passkey"] = device.make(json.loads(again.context["options"]))
    assert client.post("/account/passkey", made | {"name": "phone"})["Location"] == "/account"
    assert "Passkey “phone”" in page(client, "/account")
    anybody = visit()
    answer = device.answer(anybody.post("/passkey/options", {"about": "sign-in"}).json())
    assert anybody.post("/signin", {"passkey": answer, "next": "/told"})["Location"] == "/told"
    replay = visit()
    replay.post("/passkey/options", {"about": "sign-in"})
    refused = replay.post("/signin", {"passkey": answer})
    assert refused.status_code == 422
    assert "was not accepted" in refused.content.decode()
    token = {"do": "make-token", "name": "n", "scopes": ["read"], "days": "3"}
    wrong = device.answer(anybody.post("/passkey/options", {"about": "factors"}).json())
    assert "asked too long ago, or for something else" in anybody.post("/account", token | {"passkey": wrong}).content.decode()
    right = device.answer(anybody.post("/passkey/options", {"about": "token"}).json())
    assert "ersr_" in anybody.post("/account", token | {"passkey": right}).content.decode()
    assert Passkey.objects.get().counter == device.counter
