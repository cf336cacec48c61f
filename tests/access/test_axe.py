"""axe-core, every rule of WCAG 2.2 A and AA, its best practice and its experiments, on every template and every state."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

import ersr.faces.web
from ersr.core.lifecycle import State
from tests.access.scene import ELSEWHERE, Pages
from tests.access.serving import served
from tests.leak.routes import in_urlconf

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

WEB = Path(ersr.faces.web.__file__).parent
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice", "experimental")
#: Rules of axe that are left out, and why.
LEFT_OUT = {
    "color-contrast-enhanced": "AAA: 7 to 1. We hold 4.5, and 7 for text in ink (tests/faces/test_css.py)",
    "identical-links-same-purpose": "AAA: the same words with the same purpose",
    "meta-refresh-no-exceptions": "AAA: no page refreshes itself, which meta-refresh of level A sees too",
    "duplicate-id": "retired by axe itself: WCAG 2.2 has no 4.1.1; test_structure.py holds ids unique all the same",
    "duplicate-id-active": "retired by axe itself, as duplicate-id",
}
RUN = f"""colours => {{ const every = axe.getRules({list(TAGS)}).filter(one => !colours || one.tags.includes('cat.color'));
    window.found = document.fonts.ready.then(() => axe.run(document, {{
    resultTypes: ['violations'], preload: false, runOnly: {{type: 'rule', values: every.map(one => one.ruleId)}}}})).then(found => found.violations.map(
        one => [one.id, one.nodes.map(node => node.html.slice(0, 160) + ' ' + node.failureSummary)])); return every.length; }}"""
SETUPS: tuple[tuple[int, Literal["light", "dark"]], ...] = ((360, "light"), (360, "dark"), (1280, "dark"), (1280, "light"))


@pytest.fixture
def windows(browser: Browser) -> Iterator[list[Page]]:
    """Two, so that Chromium's processes look at two pages side by side; no colour is half-way to another when one is looked at."""
    contexts = [browser.new_context(reduced_motion="reduce") for _ in range(2)]
    opened = [context.new_page() for context in contexts]
    for page in opened:
        page.add_init_script(AXE_SCRIPT)
    yield opened
    for context in contexts:
        context.close()


def test_axe_finds_nothing_in_any_state(pages: Pages, windows: list[Page]) -> None:
    """Light and dark, 360 and 1280 px; and the product's own CSP stops nothing that its pages want. The dark scheme changes colours and
    nothing else (tests/faces/test_css.py), so that there the rules about colours are asked once more, and no others.

    On some hundred of the pages that were rendered, chosen so that every route, template, state of a case, and element with its
    neighbours stands on one of them (scene.py, `few`): what two pieces do only together, on a page not chosen, is not seen.
    """
    wrong: list[Any] = []
    for page in windows:
        page.on("console", lambda said: wrong.append(said.text) if "plausible" not in said.text else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
    few, rules = pages.few(), {"light": set[int](), "dark": set[int]()}
    with served({one.name: one for one in few}) as address:
        for at in range(0, len(few), len(windows)):
            looked_at = list(zip(windows, few[at:], strict=False))
            for page, one in looked_at:
                page.goto(f"{address}/{one.name}", wait_until="load")
            for width, scheme in SETUPS:
                for page, _ in looked_at:
                    page.set_viewport_size({"width": width, "height": 900})
                    page.emulate_media(color_scheme=scheme)
                    rules[scheme].add(page.evaluate(RUN, scheme == "dark"))
                for page, one in looked_at:
                    wrong += [(str(one), width, scheme, *found) for found in page.evaluate("() => window.found")]
    assert wrong == [], f"{len(wrong)} faults:\n" + "\n".join(str(one)[:600] for one in wrong[:12])
    assert len(few) >= 60
    assert min(rules["light"]) >= 95
    assert min(rules["dark"]) >= 2


def test_no_rule_of_axe_is_left_out_without_a_reason(windows: list[Page]) -> None:
    windows[0].goto("about:blank")
    every, run = windows[0].evaluate(f"() => [axe.getRules().map(one => one.ruleId), axe.getRules({list(TAGS)}).map(one => one.ruleId)]")
    assert set(every) - set(run) == LEFT_OUT.keys() & set(every)
    assert {"target-size", "color-contrast", "heading-order", "focus-order-semantics", "autocomplete-valid"} <= set(run)
    assert len(run) >= 95


# --- that nothing is missing from the pages


#: Addresses that never show a page, and what they give instead.
NO_PAGE = {
    "keys.json": "for machines", "ready": "for machines", "account/recovery-codes.txt": "a file", "checkpoint": "for machines", "signout": "ends the session", "language": "goes back to the page",
    "passkey/options": "for scripts", "r/<str:ref>/lists/<int:number>/refused.csv": "a file", "r/<str:ref>/receipt.json": "a file", "r/<str:ref>/lists/<int:number>/names.txt": "a file",
    "r/<str:ref>/evidence/<int:pk>": "a file", "w/<str:ref>/waiver.pdf": "a file", "w/<str:ref>/waiver.sd-jwt": "a file",
    "desk/<str:ref>/take": "goes to the case", "desk/<str:ref>/evidence/<int:pk>": "a file",
    "desk/<str:ref>/lists/<int:number>/names.txt": "a file", "desk/<str:ref>/lists/<int:number>/hits.csv": "a file",
    "r/<str:ref>/lists/<int:number>/records.txt": "a file", "r/<str:ref>/lists/<int:number>/removed.txt": "a file", "w/<str:ref>/list-key.json": "a file",
    "desk/<str:ref>/previews/<int:pk>.pdf": "a file",
}  # fmt: skip


def test_every_address_of_the_site_is_visited(pages: Pages) -> None:
    """Of the URL configuration, not of a list: a new page that nobody can reach here fails."""
    shown = {one.route.pattern for one in pages.every if one.status == 200}
    assert {route.pattern for route in in_urlconf() if not route.pattern.startswith(ELSEWHERE)} - shown == NO_PAGE.keys()


def test_every_template_is_rendered(pages: Pages) -> None:
    files = {str(path.relative_to(WEB / "templates")) for path in (WEB / "templates").rglob("*.html")}
    assert files - {name for one in pages.every for name in one.templates} == set()


@pytest.mark.parametrize("reader", ["filer", "officer", "security", "counsel", "approver", "signatory", "auditor"])
def test_the_case_is_seen_in_every_state_by_everybody(pages: Pages, reader: str) -> None:
    route = "case" if reader == "filer" else "desk-case"
    seen = {one.state for one in pages.every if one.reader == reader and one.route.name == route and one.status == 200}
    assert set(map(str, State)) - seen == set()


def test_every_look_of_a_state_is_shown(pages: Pages) -> None:
    """Of movers, instruments and lines (parts/mover.html). No instrument winds down yet: its look waits for that."""
    said = (WEB / "templates/parts/mover.html").read_text(encoding="utf-8")
    looks = set(re.findall(r"[a-z]+", re.search(r"whose: ([a-z |]+)\n", said)[1]))  # type: ignore[index]
    seen = {name for one in pages.every for name in re.findall(r"mover--([a-z]+)", one.html)}
    assert looks - seen == {"winding"}


def test_what_goes_wrong_is_seen_too(pages: Pages) -> None:
    """Not yours, not there, not now, wrong answers, and the product's own failure."""
    assert {one.status for one in pages.every} >= {200, 403, 404, 409, 422, 500}
