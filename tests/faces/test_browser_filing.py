"""The filing side in a real browser: a whole filing on a phone without scripts. How its pages look and sound: tests/access."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from ersr import clock
from ersr.files import store
from ersr.ledger import sequence
from ersr.people import actions as people
from ersr.proof.verify import verify
from ersr.requests import queries
from tests.faces import case_story as story
from tests.faces.conftest import Site, credentials

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    """360 px wide, scripts off."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    yield context
    context.close()


def sign_in(page: Page, site: Site, person: Any) -> None:
    page.goto(f"{site.address}/signin")
    for name, value in credentials(site.world, person).items():
        page.fill(f"#id_{name}", value)
    page.click("button:text-is('Sign in')")
    page.wait_for_url(f"{site.address}/")


def test_a_filing_on_a_phone_without_scripts(site: Site, phone: BrowserContext, tmp_path: Path) -> None:
    """From the start page to a receipt that verifies: two mistakes on the way, nothing typed twice, one request."""
    w, page = site.world, phone.new_page()
    page.goto(site.address)
    page.click("text=File a request")
    assert page.url.endswith("/signin?next=%2Ffile")
    for name, value in credentials(w, w.filer).items():
        page.fill(f"#id_{name}", value)
    page.click("button:text-is('Sign in')")
    page.click("text=Start")
    page.fill("#id_number_claimed", "555 01 42")
    page.fill("#id_happening", "A worm makes names.")
    page.check("text=At a time that I know")
    soon = w.now + timedelta(days=1)
    for box, value in (("day", soon.day), ("month", soon.month), ("year", soon.year), ("time", "00:00")):
        page.fill(f"#id_irreversible_at_{box}", str(value))
    page.click("text=Check your answers")
    assert page.locator(".errors-list a").all_text_contents() == [
        "Enter a phone number with its country code, like +32 2 555 01 42",
        "Enter the TLDs that are affected, like example, test",
    ]
    assert page.evaluate("document.activeElement.className") == "errors"
    assert page.input_value("#id_happening") == "A worm makes names."
    page.fill("#id_number_claimed", "+32 2 555 01 42")
    page.fill("#id_tlds", "com net")
    page.click("text=Check your answers")
    assert page.locator("h1").text_content() == "Check your answers"
    page.click("text=Submit request")
    assert page.locator("h1").text_content().startswith("Filed. Your reference is SRW-")  # type: ignore[union-attr]
    w.sequence()
    page.click("text=Reload")
    with page.expect_download() as waiting:
        page.click("text=Download the receipt")
    receipt = Path(waiting.value.path()).read_bytes()
    assert verify(receipt, sequence.installed_keys().key_set(), at=clock.now(), name="receipt").outcome == "authentic"

    page.click("text=Add what you know")
    page.click(".button--main:has-text('Record an act')")
    page.check("label:text-is('Create names')")
    page.check("label:text-is('Planned')")
    page.click("button:has-text('Record an act')")
    page.click("text=Name lists")
    names = tmp_path / "names.txt"
    names.write_text("aaa.com\nbbb.net\n")
    page.set_input_files("#id_file", str(names))
    page.click("button:has-text('Add list')")
    assert "2 names" in page.locator("h1").text_content()  # type: ignore[operator]
    assert queries.requests_visible_to(w.filer).count() == 1


def test_what_is_typed_after_sign_out_is_not_lost(site: Site, phone: BrowserContext) -> None:
    """The session ends in another window; the form is kept, and sent after signing in again."""
    w, page = site.world, phone.new_page()
    sign_in(page, site, w.filer)
    page.goto(f"{site.address}/file/six")
    page.fill("#id_happening", "Typed before the session ended.")
    other = phone.new_page()
    other.goto(site.address)
    other.click("text=Sign out")
    page.click("text=Check your answers")
    assert "Your text is kept" in page.content()
    for name, value in credentials(w, w.filer).items():
        page.fill(f"#id_{name}", value)
    page.click("button:text-is('Sign in')")
    assert "Typed before the session ended." in page.content()
    page.click("text=Send it now")
    assert page.input_value("#id_happening") == "Typed before the session ended."


def test_enrolment_shows_a_picture_that_a_camera_can_read(site: Site, browser: Browser) -> None:
    """The picture is dark on light in dark mode too, large enough, and the CSP stops nothing."""
    w = site.world
    _, code = people.invite(
        email="new@northlight.example", name="Nora New", party=w.parties["north"], roles=[("filer", "")], by=None,
        now=clock.real(),
    )  # fmt: skip
    context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme="dark")
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{site.address}/enrol/{code}")
    page.fill("#id_password", "a long sentence of mine")
    page.click("text=Go on")
    box = page.locator("svg.qr").bounding_box()
    assert box
    assert box["width"] >= 200
    cut = """[...document.querySelectorAll('.qr path')].map(e => [e.getBoundingClientRect(), e.farthestViewportElement
        .getBoundingClientRect()]).filter(([a, b]) => a.right > b.right + 1 || a.bottom > b.bottom + 1).length"""
    assert page.evaluate(cut) == 0, "the whole picture is inside its frame"
    assert Axe().run(page).response["violations"] == []
    assert said == []
    context.close()


def test_a_file_is_checked_on_a_phone_without_scripts(site: Site, phone: BrowserContext, tmp_path: Path) -> None:
    _, waivers = story.whole(site.world)
    page = phone.new_page()
    for name, data, verdict in (
        ("waiver.pdf", store.get(waivers[0].pdf_id), "Valid"),
        ("changed.pdf", store.get(waivers[0].pdf_id)[:-9], "Not valid"),
        ("other.txt", b"a shopping list", "Could not check"),
    ):
        (tmp_path / name).write_bytes(data)
        page.goto(f"{site.address}/verify")
        page.set_input_files("#id_file", str(tmp_path / name))
        page.click("text=Check file")
        assert page.locator("h1").text_content() == verdict
