"""Passkeys in a real browser, with Chromium's virtual authenticator: made, signed in with, a waiver signed with, removed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, expect

from ersr import clock
from ersr.core.lifecycle import State
from ersr.people.models import Passkey, Person
from ersr.waivers.models import Waiver
from tests import world as worlds
from tests.faces.conftest import credentials
from tests.requests import steps

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world(transactional_db: None, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> worlds.World:
    monkeypatch.setattr(settings, "ERSR_ADDRESS", live_server.url)
    assert "localhost" in live_server.url
    return worlds.build(clock.now().replace(microsecond=0) - timedelta(minutes=10))


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1280, "height": 900})
    yield made
    made.close()


def device(page: Page) -> tuple[Any, str]:
    """A virtual authenticator that verifies its user: (the CDP session, its id)."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    return cdp, cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


def sign_in(page: Page, address: str, world: worlds.World, person: Person) -> None:
    page.goto(f"{address}/signin?next=/account")
    for name, value in credentials(world, person).items():
        page.fill(f"#id_{name}", value)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def press(page: Page, words: str) -> None:
    """With the keyboard, as somebody without a mouse does."""
    page.get_by_role("button", name=words, exact=True).focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")


def make(page: Page, address: str, world: worlds.World, person: Person) -> None:
    page.goto(f"{address}/account/passkey")
    page.fill("#id_code", world.code(person))
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.fill("#id_name", "phone")
    press(page, "Make the passkey")
    assert "The passkey is added." in page.inner_text("main")


def test_a_passkey_is_made_signs_in_signs_a_waiver_and_is_removed(world: worlds.World, live_server: Any, context: BrowserContext) -> None:
    case = steps.Case(world).file().to(State.DECIDED)
    page, address = context.new_page(), live_server.url
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    cdp, authenticator = device(page)
    sign_in(page, address, world, world.signatory)
    make(page, address, world, world.signatory)
    press(page, "Sign out")
    press(page, "Sign in with a passkey")
    page.goto(f"{address}/desk/{case.ref}/sign")
    page.get_by_role("button", name="Prepare the instrument").first.click()
    page.wait_for_selector("text=Sign with a passkey")
    press(page, "Sign with a passkey")
    assert Waiver.objects.get().signed_by == world.signatory
    assert Passkey.objects.get().counter >= 2
    page.goto(f"{address}/account/remove")
    page.select_option("#remove_factor", label="Passkey “phone”")
    page.fill("#remove_code", world.code(world.signatory))
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "Removed." in page.inner_text("main")
    press(page, "Sign out")
    press(page, "Sign in with a passkey")
    assert "We do not know this passkey" in page.inner_text("main")
    assert not [said for said in problems if "422" not in said], problems
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator(".passkey-words")).to_contain_text("Nothing was signed")


def test_without_scripts_there_is_no_button_and_codes_work(world: worlds.World, live_server: Any, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{live_server.url}/signin")
    assert page.get_by_text("Sign in with a passkey").count() == 1
    assert not page.get_by_text("Sign in with a passkey").is_visible()
    sign_in(page, live_server.url, world, world.filer)
    assert "What can act as you" in page.inner_text("main")
    context.close()
