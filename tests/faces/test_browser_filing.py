"""The filing side in a real browser: a whole filing on a phone without scripts; every page against axe, CSP and 320 px."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
from ersr.requests import actions, queries
from tests import world as worlds
from tests.faces import case_story as story
from tests.faces.conftest import credentials

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

#: Cut at the right edge, or wider than the window.
CUT = """[...document.querySelectorAll('main *, header *, footer *')].filter(e => {
    const b = e.getBoundingClientRect();
    return b.width > 0 && !e.closest('.unseen, thead, svg') && (b.right > 320.5 || b.left < -0.5);
}).map(e => e.outerHTML.slice(0, 80))"""
SMALL = """[...document.querySelectorAll('.button, .linklike, .links a, .foot-links a, .tasks a, summary, .golink,'
    + '.errors-list a, .choice, select, textarea, .back a, input:not([type=hidden], [type=radio], [type=checkbox])')]
    .filter(e => e.offsetHeight > 0 && e.getBoundingClientRect().height < 43.5)
    .map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect().height])"""


@dataclass
class Site:
    world: worlds.World
    address: str


@pytest.fixture
def site(transactional_db: None, live_server: Any) -> Site:
    return Site(worlds.build(clock.now().replace(microsecond=0) - timedelta(minutes=10)), live_server.url)


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


def addresses(w: worlds.World) -> tuple[list[str], list[str]]:
    """(pages of everybody, pages of the filer), with a case in each state that looks different."""
    done, waivers = story.whole(w)
    new = story.filed(w, once="new", irreversible="at", irreversible_at=(w.now + timedelta(hours=9)).isoformat())
    asked = story.filed(w, once="asked")
    actions.add_list(asked.reference, b"aaa.com\nex ample.com\n", title="T", by=w.filer, now=w.now)
    actions.add_evidence(asked.reference, b"x", name="a file with a long name indeed.bin", by=w.filer, now=w.now)
    actions.add_part(asked.reference, "incident", {"category": "malicious_activity", "presence": "present"}, by=w.filer, now=w.now)
    actions.record_act(asked.reference, {"action": "create", "taken": "planned"}, by=w.filer, now=w.now)
    story.taken(w, asked)
    actions.ask(asked.reference, "Which sinkhole?", by=w.officer, now=w.now)
    actions.save_draft(w.filer, {"tlds": "nosuch", "number_claimed": "1"}, now=w.now)
    people.keep_form(w.filer, "/file/six", "happening=Kept", now=clock.real())
    people.make_token(w.filer, name="night", scopes=["read"], lasts=timedelta(days=1), now=clock.real())
    kept = people.keep_form(w.filer, "/file/six", "happening=Kept&irreversible=unknown", now=clock.real()).key
    public = ["/", "/signin", "/verify", "/about", "/keys", "/offline", "/nothing"]
    own = ["/", "/file", "/file/six", "/file/six?look=1", "/account", "/told", f"/kept/{kept}", "/r/SRW-2026-1000000-A"]
    own += [f"/r/{new.reference}{p}" for p in ("", "/receipt", "/add/act", "/add/period", "/add/list", "/withdraw")]
    own += [f"/r/{asked.reference}{p}" for p in ("", "/answer", "/add/incident", "/add/evidence", "/lists/1")]
    own += [f"/r/{done.reference}{p}" for p in ("", "/withdraw")]
    own += [f"/w/{waivers[0].reference}", f"/w/{waivers[0].reference}/ack"]
    return public, own


def check(page: Page, address: str, said: list[str]) -> list[str]:
    """What is wrong with one page, in both colour schemes, on a phone and on a desk."""
    wrong = []
    said.clear()
    page.set_viewport_size({"width": 320, "height": 740})
    page.goto(address)
    if page.evaluate("document.documentElement.scrollWidth") > 320:
        wrong.append(f"{address} scrolls sideways at 320 px")
    wrong += [f"{address} cut at 320 px: {one}" for one in page.evaluate(CUT)]
    wrong += [f"{address} too small to touch: {one}" for one in page.evaluate(SMALL)]
    for width, scheme in ((360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for one in Axe().run(page).response["violations"]:
            wrong.append(f"{address} {width} {scheme}: {one['id']} {[n['html'][:90] for n in one['nodes']]}")
    # The browser itself reports a page's status above 399; everything else it says is a fault.
    wrong += [f"{address}: {one}" for one in said if "Failed to load resource: the server responded" not in one]
    return wrong


def test_every_page_passes_axe_and_the_csp_and_fits_a_small_phone(site: Site, browser: Browser) -> None:
    public, own = addresses(site.world)
    context = browser.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    wrong = [one for path in public for one in check(page, site.address + path, said)]
    sign_in(page, site, site.world.filer)
    for path in own:
        wrong += check(page, site.address + path, said)
    assert wrong == []
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
