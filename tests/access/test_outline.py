"""A screen reader's order on the five main pages, as Chromium gives it: whose move, what holds, the deadline, what to do; then the rest.

The outlines are written down here. Who changes a page's order changes them with open eyes.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.access.hearing import outline
from tests.access.outlines import FOOT, HEAD, OUTLINES
from tests.access.scene import Pages
from tests.access.serving import served

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

#: (route, reader, state of the case)
MAIN = {"file-six": ("filer", ""), "case": ("filer", "verifying"), "desk-case": ("officer", "verifying"), "desk-sign": ("signatory", "decided"), "waiver": ("filer", "served")}


@pytest.mark.parametrize("route", MAIN)
def test_it_is_read_in_this_order(browser: Browser, pages: Pages, route: str) -> None:
    reader, state = MAIN[route]
    one = pages.one(route, reader, state)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    with served({one.name: one}) as address:
        page = context.new_page()
        page.goto(f"{address}/{one.name}", wait_until="load")
        heard = outline(page)
    context.close()
    told = "\n".join(heard)
    assert told == "\n".join([*HEAD, *OUTLINES[route].strip().splitlines(), *FOOT]), told


def test_the_move_is_heard_before_anything_that_happened(browser: Browser, pages: Pages) -> None:
    """On each page of a case, for everybody and in every state: mover, h1, times, the filled button, then the history."""
    looked = 0
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    chosen = [one for one in pages.few() if one.route.name in ("case", "desk-case") and one.status == 200]
    with served({one.name: one for one in chosen}) as address:
        for one in chosen:
            page.goto(f"{address}/{one.name}", wait_until="load")
            order = page.evaluate("""() => [...document.querySelectorAll('.casehead .mover, h1, .button--main, .history')]
                .filter(e => e.checkVisibility()).map(e => e.classList.contains('mover') ? 'mover' : e.tagName === 'H1' ? 'sentence'
                    : e.classList.contains('history') ? 'history' : 'button')""")
            wanted = [word for word in ("mover", "sentence", "button", "history") if word in order]
            assert list(dict.fromkeys(order)) == wanted, (str(one), order)
            looked += "button" in order
    context.close()
    assert looked >= 10
