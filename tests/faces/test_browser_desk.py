"""The desk in a real browser: the whole case with the keyboard alone; every page against axe, the CSP and 320 px."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from ersr import clock
from ersr.people.models import Person
from ersr.requests import actions, queries
from tests import world as worlds
from tests.faces.conftest import credentials
from tests.faces.desk_play import play

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

#: What a reader calls the thing that has the focus: a field's label, or a button's or link's own words.
NAME = """(() => { const e = document.activeElement; if (!e) return '';
    const words = e.labels && e.labels.length ? e.labels[0].innerText : e.innerText || '';
    return words.replace(/\\s+/g, ' ').trim(); })()"""
CUT = """[...document.querySelectorAll('main *, header *, footer *')].filter(e => {
    const b = e.getBoundingClientRect();
    return b.width > 0 && !e.closest('.unseen, thead, svg') && (b.right > 320.5 || b.left < -0.5);
}).map(e => e.outerHTML.slice(0, 80))"""
SMALL = """[...document.querySelectorAll('.button, .linklike, .links a, .foot-links a, .tasks a, summary, .golink, .rowlink,'
    + '.errors-list a, .choice, select, textarea, .back a, .phone, input:not([type=hidden], [type=radio], [type=checkbox])')]
    .filter(e => e.offsetHeight > 0 && e.getBoundingClientRect().height < 43.5).map(e => e.outerHTML.slice(0, 80))"""
FILLED = "[...document.querySelectorAll('.button--main')].filter(e => e.offsetHeight > 0).map(e => e.innerText.trim())"


@dataclass
class Site:
    world: worlds.World
    address: str


@pytest.fixture
def site(transactional_db: None, live_server: Any) -> Site:
    return Site(worlds.build(clock.now().replace(microsecond=0) - timedelta(minutes=10)), live_server.url)


@dataclass
class Keyboard:
    """Somebody who has no mouse: Tab, arrows, Space, Enter and letters."""

    page: Page

    def reach(self, words: str) -> None:
        """Tabs on until what has the focus is called so."""
        seen: list[str] = []
        for _ in range(250):
            self.page.keyboard.press("Tab")
            name = self.page.evaluate(NAME)
            if name == words or name.startswith((f"{words} ", f"{words}:", f"{words},")):
                outline = self.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline == "solid", f"{words} has the focus and does not show it"
                return
            seen.append(name)
        raise AssertionError(f"no {words!r} is reached by Tab; there were {list(dict.fromkeys(seen))}")

    def go(self, words: str) -> None:
        """Enter on a link or button, and the page that comes of it."""
        self.reach(words)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def type(self, label: str, text: str) -> None:
        self.reach(label)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def choose(self, first: str, wanted: str) -> None:
        """Among radios: Tab to the group, whose first is `first`, then arrows until `wanted`."""
        self.reach(first)
        self.page.keyboard.press("Space")
        for _ in range(12):
            if self.page.evaluate(NAME).startswith(wanted):
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"no {wanted!r} in the group of {first!r}")

    def tick(self, words: str) -> None:
        self.reach(words)
        self.page.keyboard.press("Space")

    def says(self, words: str) -> None:
        assert words in " ".join(self.page.inner_text("body").split()), words


Windows = Callable[..., Page]


@pytest.fixture
def window(browser: Browser, site: Site) -> Iterator[Windows]:
    """window(person): a window of their own in which this person has signed in, with the keyboard."""
    opened = []

    def open_as(person: Person, **words: Any) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, **words)
        opened.append(context)
        page = context.new_page()
        page.goto(f"{site.address}/signin?next=/desk")
        given = credentials(site.world, person)
        for name in ("email", "password", "code"):
            page.focus(f"#id_{name}")
            page.keyboard.type(given[name])
        with page.expect_navigation():
            page.keyboard.press("Enter")
        return page

    yield open_as
    for context in opened:
        context.close()


def test_the_whole_case_with_the_keyboard_alone(window: Windows, site: Site) -> None:
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
    team.go("Save note")
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


def look(page: Page, address: str, *, most: int = 1) -> None:
    """axe finds nothing, the CSP stopped nothing, at most one button is filled."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == 200, address
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"][:90] for node in one["nodes"]]) for one in found] == [], address
    assert said == [], address
    assert len(page.evaluate(FILLED)) <= most, address


def stops(site: Site) -> dict[str, list[str]]:
    """Who looks at which pages, in states in which these have something to show."""
    w = site.world
    fresh, called, assessed = play(w, "received"), play(w, "verifying", hits=True), play(w, "assessing", hits=True)
    words = {"discipline": "legal", "recommendation": "", "body": "Advice.", "privileged": True}
    actions.assess(assessed.reference, **words, by=w.counsel, now=w.now)
    deciding, proposed, decided, signed = (play(w, step) for step in ("deciding", "proposed", "decided", "signed"))
    line = queries.live_lines(assessed)[0].number
    a, b = f"/desk/{called.reference}", f"/desk/{assessed.reference}"
    return {
        "officer": ["/desk", f"/desk/{fresh.reference}", a, f"{a}/call", f"{a}/ask", f"{a}/history", f"/desk/{signed.reference}/serve",
                    f"/desk/{signed.reference}", "/parties", "/parties/northlight", "/popularity"],
        "counsel": [b, f"{b}/assess", f"{b}/privileged", f"{b}/lines", f"{b}/lines?change={line}", f"{b}/lines?add=1",
                    f"{b}/lists/1", f"{b}/lists/1?q=q", f"/desk/{deciding.reference}/decide", "/provisions", "/provisions?add=1"],
        "approver": [f"/desk/{proposed.reference}", f"/desk/{proposed.reference}/decide"],
        "signatory": [f"/desk/{decided.reference}", f"/desk/{decided.reference}/sign"],
        "administrator": ["/people"],
        "auditor": [f"/desk/{signed.reference}", "/ledger"],
    }  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_the_csp_stops_nothing(window: Windows, site: Site, scheme: str) -> None:
    for who, paths in stops(site).items():
        page = window(getattr(site.world, who), color_scheme=scheme)
        for path in paths:
            look(page, site.address + path)
        if who == "signatory":
            page.click("text=Prepare the instrument >> nth=0")
            look(page, site.address + paths[-1])


def test_nothing_is_cut_at_320_px_and_targets_are_44_px_high(window: Windows, site: Site) -> None:
    for who, paths in stops(site).items():
        page = window(getattr(site.world, who))
        page.set_viewport_size({"width": 320, "height": 700})
        for path in paths:
            page.goto(site.address + path)
            assert page.evaluate("document.documentElement.scrollWidth") == 320, path
            assert page.evaluate(CUT) == [], path
            assert page.evaluate(SMALL) == [], path


def test_on_a_phone_the_move_stands_in_the_first_screen(window: Windows, site: Site) -> None:
    """360 by 800: whose move it is, the sentence, and the filled button, before any scrolling."""
    row = play(site.world, "verifying", hits=True)
    page = window(site.world.officer)
    page.set_viewport_size({"width": 360, "height": 800})
    for path in ("/desk", f"/desk/{row.reference}"):
        page.goto(site.address + path)
        for what in (".mover", "h1", ".button--main:visible"):
            box = page.locator(what).first.bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= 800, (path, what)


def test_it_prints_black_with_its_label(window: Windows, site: Site) -> None:
    row = play(site.world, "verifying")
    page = window(site.world.officer, color_scheme="dark")
    page.goto(f"{site.address}/desk/{row.reference}")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('h2')).color") == "rgb(0, 0, 0)"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.body.className") == "sheet--amber-strict"
    assert not page.is_visible(".panel .button")
