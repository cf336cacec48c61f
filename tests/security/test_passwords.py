"""Passwords: changed by their owner alone, long enough, none that everybody tries first; what ends with the old one."""

from __future__ import annotations

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from ersr.people.factors import text_secret
from ersr.people.models import Challenge
from ersr.people.passkeys import ENROL
from tests import world as worlds
from tests.faces.conftest import Visit, credentials
from tests.world import World

GOOD = "seven green lanterns in the harbour"


@pytest.mark.parametrize(
    "password", ["icannregistry", "W4iverWaiver!2026", "securityresponsewaiver", "R3gistry-Registrar", "sinkhole2026sinkhole", "dutyofficer!!"]
)
@pytest.mark.django_db
def test_our_own_words_are_no_password(password: str) -> None:
    """What an attacker of this service tries first, with the usual swaps of letters."""
    with pytest.raises(ValidationError, match="nothing to do with this service"):
        validate_password(password)


@pytest.mark.parametrize("password", ["passwordpassword", "qwertyuiop123", "1qaz2wsx3edc", "short"])
def test_common_and_short_ones_are_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password)


@pytest.mark.parametrize("password", [GOOD, "x" * 30 + "yz" * 35, "käse und brot, ohne wein", "  spaces  at  the  edges  "])
def test_any_other_is_taken(password: str) -> None:
    """Letters of all kinds, spaces, more than 64 characters; no rule of composition."""
    validate_password(password)


def test_a_password_is_changed_with_the_old_one_and_a_fresh_factor(world: World, visit: Visit) -> None:
    """Neither is enough alone; the other sessions end; the new one counts exactly as typed, the old one no more."""
    here, there = visit(world.filer), visit(world.filer)
    new = f"  {GOOD.upper()} 64+ " + "z" * 64

    def change(old: str, code: str) -> int:
        return here.post("/account/password", {"old_password": old, "new_password": new, "code": code}).status_code

    assert here.get("/account/password").status_code == 200
    assert change("not the old one", world.code(world.filer)) == 422
    assert change(worlds.PASSWORD, "000000") == 422
    assert there.get("/account").status_code == 200
    assert change(worlds.PASSWORD, world.code(world.filer)) == 302
    assert here.get("/account").status_code == 200, "who changed it stays"
    assert there.get("/account").status_code == 302, "the others do not"
    for wrong in (worlds.PASSWORD, new.strip(), new.lower(), new[:72]):
        assert visit().post("/signin", {**credentials(world, world.filer), "password": wrong}).status_code in (401, 422, 429)
    assert visit().post("/signin", {**credentials(world, world.filer), "password": new}, REMOTE_ADDR="203.0.113.7").status_code == 302


def test_signing_out_clears_the_browser(world: World, visit: Visit) -> None:
    """What was shown does not stay in caches or storage behind the person."""
    client = visit(world.filer)
    answer = client.post("/signout")
    assert '"cache"' in answer["Clear-Site-Data"]
    assert '"storage"' in answer["Clear-Site-Data"]
    assert client.get("/account").status_code == 302


def test_a_session_alone_gets_no_challenge_for_a_new_passkey(world: World, visit: Visit) -> None:
    """The challenge for making one stands for a fresh factor; the address that anybody signed in may ask gives none."""
    client = visit(world.filer)
    assert client.post("/passkey/options", {"about": "factors"}).status_code == 200
    assert client.post("/passkey/options", {"about": ENROL}).status_code == 404
    assert not Challenge.objects.filter(about=ENROL).exists()
    again = client.post("/account/passkey", {"do": "make", "name": "thief", "passkey": "{}"})
    assert again.status_code in (403, 422)
    assert b"challenge" not in again.content
    assert not world.filer.passkeys.exists()


def test_an_authenticator_left_lying_is_nobodys_to_confirm(world: World, visit: Visit) -> None:
    """Drawn with a fresh factor in one session, it can be confirmed in that one only; another is not shown its secret."""
    owner = visit(world.filer)
    drawn = owner.post("/account/authenticator", {"code": world.code(world.filer)})
    secret = text_secret(world.filer.factors.get(confirmed_at__isnull=True))
    assert secret[:4] in drawn.content.decode()
    thief = visit(world.filer)
    seen = thief.post("/account/authenticator", {"do": "confirm", "code": "000000"}).content.decode()
    assert " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)) not in seen
    assert world.filer.factors.filter(confirmed_at__isnull=True).count() == 1
