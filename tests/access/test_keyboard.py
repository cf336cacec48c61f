"""The keyboard alone, in a real browser against the real server: a filing from sign-in to its receipt, a case from the desk to its
signature; and on every kind of page the way of the focus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Page

from ersr import clock
from ersr.people.models import Person
from ersr.requests import queries
from tests.access.keyboard import FOCUSED, Keyboard
from tests.access.scene import Pages, Shown
from tests.access.serving import served
from tests.faces.conftest import Site, credentials
from tests.faces.desk_play import play

pytestmark = pytest.mark.browser


@pytest.fixture
def window(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """window(person): a window of their own in which this person has signed in, with the keyboard."""
    opened = []

    def open_as(person: Person, goal: str = "/desk") -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        opened.append(context)
        page = context.new_page()
        page.goto(f"{site.address}{goal}")
        keyboard, given = Keyboard(page), credentials(site.world, person)
        keyboard.type("E-mail", given["email"])
        keyboard.type("Password", given["password"])
        keyboard.type("Code", given["code"])
        keyboard.go("Sign in")
        return page

    yield open_as
    for context in opened:
        context.close()


# --- from the first key to the last


def test_a_filing_with_the_keyboard_alone(window: Callable[..., Page], site: Site) -> None:
    """Sign in, six answers with one mistake, check, submit, receipt: not one click. The mistake takes the focus to the summary, and
    its link to the field."""
    w = site.world
    filer = Keyboard(window(w.filer, "/file"))
    filer.go("Start")
    filer.type("On which number can we call you now?", "555 01 42")
    filer.type("Which TLDs?", "com net")
    filer.type("What is happening?", "A worm makes names.")
    filer.choose("It has already happened", "At a time that I know")
    soon = w.now + timedelta(days=1)
    for label, text in (("Day", str(soon.day)), ("Month", str(soon.month)), ("Year", str(soon.year)), ("Time, 24 h", "00:00")):
        filer.type(label, text)
    filer.go("Check your answers")
    assert filer.page.evaluate("document.activeElement.className") == "errors", "a mistake takes the focus to the summary"
    assert filer.page.title().startswith("Error: ")
    filer.reach("Enter a phone number with its country code, like +32 2 555 01 42")
    filer.page.keyboard.press("Enter")
    assert filer.page.evaluate(FOCUSED)["name"] == "On which number can we call you now?"
    filer.page.keyboard.press("Control+A")
    filer.page.keyboard.type("+32 2 555 01 42")
    filer.go("Check your answers")
    filer.go("Submit request")
    filer.says("Filed. Your reference is SRW-")
    filer.go("Add what you know")
    assert queries.requests_visible_to(w.filer).count() == 1


def test_the_whole_case_with_the_keyboard_alone(window: Callable[..., Page], site: Site) -> None:
    """Take, call, advise, answer, confirm, propose, approve, sign, serve: not one click."""
    w = site.world
    row = play(w, "received", hits=True)
    ref = row.reference

    officer = Keyboard(window(w.officer))
    officer.go("Open the first")
    officer.go("Take it")
    officer.says(f"You have {ref} now.")
    officer.go("Call back")
    officer.says(queries.request_for(w.officer, ref).words)
    officer.choose("Operations, 24 h", "Operations, 24 h")
    officer.choose("They confirm the filing", "They confirm the filing")
    officer.type("Remark", "She knew the list.")
    officer.go("Record the call")

    team = Keyboard(window(w.security))
    team.go("Open the first")
    team.go("Write what you advise")
    team.choose("Grant", "Grant")
    team.type("Why?", "The list fits the algorithm.")
    team.go("Save note")
    team.go("See the 4 names that need an answer")
    for name in ("jogli.com", "praat.org", "qhflh.com", "wnsux.com"):
        team.choose("Take it out", "Take it out")
        team.type(f"Why, for {name}?", "A real site.")
    team.go("Answer hits")
    team.says("4 answered.")
    team.go("Confirm the lines")
    team.go("Confirm the lines")
    team.go("Propose")
    lines = queries.live_lines(queries.request_for(w.security, ref))
    for group in queries.grouped(lines):
        assert group.first.instrument == "waiver", "the story grants all that it has"
        team.tick("Create names")
    team.choose("Granted", "Granted")
    team.type("Reasons", "Imminent and specific.")
    ends = w.now + timedelta(days=90)
    for label, text in (("Day", str(ends.day)), ("Month", str(ends.month)), ("Year", str(ends.year)), ("Time, 24 h", "00:00")):
        team.type(label, text)
    team.go("Propose")
    team.says("Proposed. Those who can approve it have a mail.")

    approver = Keyboard(window(w.approver))
    approver.go("Open the first")
    approver.go("Approve")
    approver.says("Imminent and specific.")
    approver.go("Approve")
    approver.says("Approved: granted.")

    signatory = Keyboard(window(w.signatory))
    signatory.go("Open the first")
    signatory.go("Prepare the instrument")
    signatory.go("Prepare the instrument")
    signatory.says("The instrument, exactly as it will be signed")
    signatory.type("Code from your authenticator", w.code(w.signatory))
    signatory.go("Sign")
    waiver = row.waivers.get()
    signatory.says(f"Signed: {waiver.reference}.")

    officer.page.goto(f"{site.address}/desk")
    officer.go("Open the first")
    officer.go("Record service")
    officer.choose("Courier", "Courier")
    now = clock.now()
    for label, text in (("Day", str(now.day)), ("Month", str(now.month)), ("Year", str(now.year)), ("Time, 24 h", f"{now:%H:%M}")):
        officer.type(label, text)
    # A minute has no seconds: served in the minute of the signature is served at its beginning.
    type(waiver).objects.filter(pk=waiver.pk).update(signed_at=waiver.signed_at - timedelta(minutes=2))
    officer.type("Confirmation of the server or courier", "AWB 7")
    officer.go("Record service")
    officer.says("Registry’s move: acknowledge receipt")
    assert queries.request_for(w.officer, ref).state == "served"


# --- on every kind of page


@pytest.fixture(scope="module")
def kinds(pages: Pages) -> list[Shown]:
    """Of each address the page with most on it."""
    found: dict[str, Shown] = {}
    for one in pages.every:
        known = found.get(one.route.pattern)
        if one.status == 200 and (known is None or len(one.html) > len(known.html)) and len(one.html) < 30_000:
            found[one.route.pattern] = one
    return list(found.values())


def test_the_focus_goes_the_way_of_the_eye_and_comes_to_an_end(browser: Browser, kinds: list[Shown]) -> None:
    """On a phone, where everything stands in one column: down, and in a row to the right; past every control once, each with its ring
    and in sight; and out of the page."""
    context = browser.new_context(viewport={"width": 360, "height": 800})
    page = context.new_page()
    with served({one.name: one for one in kinds}) as address:
        for one in kinds:
            page.goto(f"{address}/{one.name}", wait_until="load")
            first, *rest = Keyboard(page).stops()
            assert first.name == "Skip to the content", str(one)
            for before, after in pairwise(rest):
                assert after.top > before.top - 4 or after.left > before.left, (str(one), before, after)
            assert len({stop.key for stop in rest}) == len(rest), f"{one}: a stop twice"
            # Of the radios of one question the keyboard stops at one, and the arrows go on from there.
            wanted = page.evaluate("""() => { const seen = new Set(); return [...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
                .filter(e => e.checkVisibility() && !e.disabled && e.type !== 'hidden' && e.tabIndex >= 0
                    && !(e.type === 'radio' && (seen.has(e.name) || !seen.add(e.name)))).length; }""")
            stops = [stop for stop in (first, *rest) if stop.tag in ("A", "BUTTON", "INPUT", "SELECT", "TEXTAREA", "SUMMARY")]
            assert len(stops) == wanted, f"{one}: {wanted} controls, {len(stops)} stops"
    context.close()
    assert len(kinds) >= 30


def test_the_way_past_the_head_leads_into_the_content(browser: Browser, kinds: list[Shown]) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    with served({one.name: one for one in kinds}) as address:
        for one in kinds[::6]:
            page.goto(f"{address}/{one.name}", wait_until="load")
            keyboard = Keyboard(page)
            keyboard.reach("Skip to the content")
            assert page.locator(".skip").bounding_box()["y"] >= 0, "it is seen once it has the focus"  # type: ignore[index]
            page.keyboard.press("Enter")
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement === document.body || !document.activeElement.closest('header')"), str(one)
    context.close()


def test_every_link_of_an_error_summary_leads_to_a_field_that_takes_the_focus(browser: Browser, pages: Pages) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 800})
    page, looked = context.new_page(), 0
    wrong = [one for one in pages.few() if one.tree.xpath("//*[@class='errors']")]
    with served({one.name: one for one in wrong}) as address:
        for one in wrong:
            page.goto(f"{address}/{one.name}", wait_until="load")
            # autofocus is carried out with the first drawing, which may come after the load event
            page.wait_for_function("document.activeElement.className === 'errors'", timeout=10_000)
            for link in page.locator(".errors-list a").all():
                goal = str(link.get_attribute("href"))
                page.evaluate("document.querySelector('.errors').focus()")
                link.focus()
                page.keyboard.press("Enter")
                assert page.evaluate("'#' + document.activeElement.id") == goal, (str(one), goal)
                looked += 1
    context.close()
    assert looked >= 40
