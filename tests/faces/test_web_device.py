"""/device: what asks is shown before anything is approved; a fresh second factor approves, one button refuses."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from ersr.ledger.models import Event
from ersr.people.models import DeviceCode, Person, Token
from tests import world as worlds
from tests.faces.calling import Caller, good, refused
from tests.faces.conftest import Visit

pytestmark = pytest.mark.django_db
ASKED = {"name": "ersr on night-desk", "scopes": ["read", "sign"], "days": 7}


def asked() -> dict[str, Any]:
    return good(Caller(None).post("device_codes", ASKED), 201)


def fetch(told: dict[str, Any]) -> Any:
    DeviceCode.objects.update(polled_at=None)  # the program waits between two questions; the test does not
    return Caller(None).post("device_tokens", {"device_code": told["device_code"]})


def test_the_whole_way_over_http(world: worlds.World, visit: Visit) -> None:
    """Asked for without a token, shown, approved with a fresh code, fetched once, seen on /account, ended there."""
    told = asked()
    assert told["verification_uri"].endswith("/device")
    assert told["user_code"] not in told["verification_uri"]
    assert (told["expires_in"], told["interval"]) == (600, 2)
    refused(fetch(told), 400, "authorization_pending")
    refused(Caller(None).post("device_tokens", {"device_code": told["device_code"]}), 400, "slow_down")
    browser = visit(world.filer)
    assert browser.get("/device").status_code == 200
    page = browser.post("/device", {"user_code": told["user_code"].lower()}).content.decode()
    for words in ("night-desk", "7 days", "127.0.0.1", "Sign in your name", "somebody else read this code"):
        assert words in page
    assert "Invite people" not in page
    assert not Event.objects.filter(kind__startswith="people.device").exists(), "showing it approves nothing"
    refused(fetch(told), 400, "authorization_pending")
    sent = {"user_code": told["user_code"], "do": "approve", "code": "000000"}
    wrong = browser.post("/device", sent)
    assert wrong.status_code == 422
    assert "night-desk" in wrong.content.decode()
    refused(fetch(told), 400, "authorization_pending")
    answer = browser.post("/device", sent | {"code": world.code(world.filer)}, follow=True)
    assert "Go back to “ersr on night-desk”" in answer.content.decode()
    token = good(fetch(told), 201)
    assert token["scopes"] == ["read", "sign"]
    refused(fetch(told), 400, "expired_token")
    headers = {"Authorization": f"Bearer {token['token']}"}
    assert Client().get("/api/v1/me", headers=headers).json()["email"] == world.filer.email
    assert "ersr on night-desk" in browser.get("/account").content.decode()
    browser.post("/account", {"do": "end-token", "token": token["id"]})
    assert Client().get("/api/v1/me", headers=headers).status_code == 401


def test_get_changes_nothing_and_a_stranger_signs_in_first(world: worlds.World, visit: Visit) -> None:
    told = asked()
    browser = visit(world.filer)
    for query in (
        {"user_code": told["user_code"], "do": "approve", "code": world.code(world.filer)},
        {"code": told["user_code"]},
    ):
        assert "night-desk" not in browser.get("/device", query).content.decode()
    refused(fetch(told), 400, "authorization_pending")
    anybody = Client()
    assert anybody.get("/device")["Location"] == "/signin?next=%2Fdevice"
    anybody.post("/device", {"user_code": told["user_code"], "do": "approve", "code": world.code(world.filer)})
    refused(fetch(told), 400, "authorization_pending")


def test_a_refusal_needs_no_code_and_is_final(world: worlds.World, visit: Visit) -> None:
    told = asked()
    browser = visit(world.filer)
    answer = browser.post("/device", {"user_code": told["user_code"], "do": "refuse"}, follow=True)
    assert "got nothing" in answer.content.decode()
    refused(fetch(told), 400, "access_denied")
    again = browser.post("/device", {"user_code": told["user_code"], "do": "approve", "code": world.code(world.filer)})
    assert again.status_code == 422
    assert "No program waits with this code" in again.content.decode()
    assert not Token.objects.filter(name=ASKED["name"]).exists()


def test_a_posted_code_is_not_kept_after_sign_out(world: worlds.World, visit: Visit) -> None:
    """Whoever finds the database must not find codes that are still open."""
    told = asked()
    browser = visit(world.filer)
    browser.post("/signout")
    assert browser.post("/device", {"user_code": told["user_code"]})["Location"] == "/signin?next=%2Fdevice"


@pytest.mark.parametrize("scope", ["read", "write", "sign"])
def test_any_token_may_end_itself_and_only_write_ends_another(world: worlds.World, scope: str) -> None:
    """Else a program that may only read could not sign out."""
    own, other = Caller(world.filer, (scope,)), Caller(world.filer)
    answer = own.delete(f"tokens/{other.token_id}")
    assert answer.status_code == (204 if scope == "write" else 403)
    assert own.delete(f"tokens/{own.token_id}").status_code == 204
    assert own.get("me").status_code == 401
    strange: Person = world.stranger
    assert Caller(strange).delete(f"tokens/{own.token_id}").status_code == 404
