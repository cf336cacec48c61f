"""What only a browser can tell: 400 % zoom, wider text, small targets, the first screen, high contrast, still pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

import ersr.faces.web
from tests.access.scene import Pages, Shown
from tests.access.serving import served

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

CSS = Path(ersr.faces.web.__file__).parent / "static/ersr"
#: Elements beyond the window; texts cut inside their box; texts that lie on one another.
CUT = """() => {
    const wide = document.documentElement.clientWidth, wrong = [];
    const name = e => e.outerHTML.replace(/\\s+/g, ' ').slice(0, 90);
    if (document.documentElement.scrollWidth > wide) wrong.push('the page scrolls sideways: ' + document.documentElement.scrollWidth);
    const seen = e => !e.closest('.unseen, .skip, .table--cards thead, svg, details:not([open]) > :not(summary)');
    const texts = [];
    for (const e of document.querySelectorAll('body *')) {
        if (!seen(e)) continue;
        const box = e.getBoundingClientRect();
        if (!box.width || !box.height) continue;
        if (box.right > wide + 1 || box.left < -1) wrong.push('beyond the window: ' + name(e));
        const style = getComputedStyle(e);
        if (e.scrollWidth > e.clientWidth + 1 && style.overflowX !== 'visible' && !e.matches('input, select, textarea, .hash, pre'))
            wrong.push('cut: ' + name(e));
        for (const node of e.childNodes) {
            if (node.nodeType !== 3 || !node.data.trim()) continue;
            const range = document.createRange();
            range.selectNodeContents(node);
            for (const r of range.getClientRects()) if (r.width > 1) texts.push([r, e]);
        }
    }
    texts.sort((a, b) => a[0].top - b[0].top);
    for (let i = 0; i < texts.length; i++) for (let j = i + 1; j < texts.length; j++) {
        const [a, one] = texts[i], [b, other] = texts[j];
        if (b.top >= a.bottom) break;
        if (one.contains(other) || other.contains(one)) continue;
        const high = Math.min(a.bottom, b.bottom) - b.top, across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        // Boxes of lines may touch; letters may not.
        if (across > 2 && high > .45 * Math.min(a.height, b.height)) wrong.push('overlapping: ' + name(one) + ' and ' + name(other));
    }
    // Labels inside the neatline stay inside the window.
    for (const e of document.querySelectorAll('.chart text')) {
        const b = e.getBoundingClientRect();
        if (b.width && (b.left < 0 || b.right > wide)) wrong.push('beyond the window: ' + e.textContent);
    }
    return wrong.slice(0, 5);
}"""
#: What a reader may set under WCAG 1.4.12, through a sheet of their own.
SPACED = """() => { const sheet = new CSSStyleSheet();
    sheet.replaceSync('* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }'
        + 'p { margin-bottom: 2em !important }');
    document.adoptedStyleSheets = [sheet]; }"""
#: Links inside a sentence are excepted (WCAG 2.5.8); controls, and links that stand alone, are not.
SMALL = """() => [...document.querySelectorAll('a, button, summary, select, textarea, .choice, '
    + 'input:not([type=hidden], [type=radio], [type=checkbox])')].filter(e => e.checkVisibility() && !e.matches('.unseen, .skip')
        && !(e.matches('a') && e.parentNode.innerText.trim().length > e.innerText.trim().length + 3)
        && e.getBoundingClientRect().height > 0 && e.getBoundingClientRect().height < 43.5)
    .map(e => e.outerHTML.slice(0, 100) + ' ' + e.getBoundingClientRect().height)"""
#: Where a reader begins: here what is to be done stands in the first screen of a phone.
BEGINNINGS = ("home", "case", "receipt", "waiver", "desk", "desk-case", "file")


@pytest.fixture(scope="module")
def site(pages: Pages) -> Iterator[tuple[str, list[Shown]]]:
    few = pages.few()
    with served({one.name: one for one in pages.every}) as address:
        yield address, few


def through(page: Page, site: tuple[str, list[Shown]], look: Any) -> list[Any]:
    """What `look(page)` finds wrong on each page."""
    address, few = site
    wrong = []
    for one in few:
        page.goto(f"{address}/{one.name}", wait_until="load")
        page.evaluate("() => document.fonts.ready.then(() => true)")
        wrong += [(str(one), words) for words in look(page, one)]
    return wrong


def few(wrong: list[Any]) -> str:
    return f"{len(wrong)} faults:\n" + "\n".join(f"{one}: {words}" for one, words in wrong[:40])


def test_nothing_is_cut_at_400_percent_and_targets_can_be_hit(browser: Browser, site: tuple[str, list[Shown]]) -> None:
    """A window of 1280 by 1024 at 400 % has 320 by 256 px of the page; then with the text spacing that a reader may set."""
    context = browser.new_context(viewport={"width": 320, "height": 256}, device_scale_factor=4)
    page = context.new_page()

    def look(page: Page, one: Shown) -> list[str]:
        wrong = page.evaluate(CUT) + [f"too small to touch: {words}" for words in page.evaluate(SMALL)]
        page.evaluate(SPACED)
        return wrong + [f"spaced: {words}" for words in page.evaluate(CUT)]

    wrong = through(page, site, look)
    assert wrong == [], few(wrong)
    context.close()


def test_what_is_to_be_done_stands_in_the_first_screen_of_a_phone(browser: Browser, pages: Pages, site: tuple[str, list[Shown]]) -> None:
    """360 by 800: whose move, the sentence, and the whole filled button where there is one."""
    context = browser.new_context(viewport={"width": 360, "height": 800})
    page = context.new_page()
    looked = []

    def look(page: Page, one: Shown) -> list[str]:
        if one.route.name not in BEGINNINGS or one.status != 200 or "kept" in one.html:
            return []
        found = page.evaluate("""() => [...document.querySelectorAll('.casehead .mover, h1, .button--main')].filter(e => e.checkVisibility())
            .map(e => [e.innerText, e.getBoundingClientRect().bottom])""")
        looked.append(len(found))
        return [f"“{words}” ends at {bottom:.0f} px" for words, bottom in found if bottom > 800]

    wrong = through(page, site, look)
    assert wrong == [], few(wrong)
    assert len(looked) >= 25
    context.close()


def test_with_forced_colours_states_are_still_seen(browser: Browser, site: tuple[str, list[Shown]]) -> None:
    """High contrast takes our colours away: shape, bar and words stay, a button has a frame, a chosen box its mark, focus a ring."""
    context = browser.new_context(forced_colors="active", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    script = """() => { const wrong = [], seen = e => e.checkVisibility() && e.getBoundingClientRect().width > 1;
        const ground = getComputedStyle(document.body).backgroundColor;
        for (const e of document.querySelectorAll('.mover, .mark, .notice')) {
            if (!seen(e)) continue;
            const style = getComputedStyle(e), shape = e.querySelector('svg.shape :first-child');
            if (shape && [getComputedStyle(shape).fill, getComputedStyle(shape).stroke].every(c => c === ground || c === 'none'))
                wrong.push('no shape: ' + e.innerText);
            if (style.color === ground) wrong.push('no words: ' + e.innerText);
            if (e.matches('.mover, .notice') && parseFloat(style.borderLeftWidth) < 4) wrong.push('no bar: ' + e.innerText);
        }
        for (const e of document.querySelectorAll('.button, input:not([type=hidden]), select, textarea')) {
            const style = getComputedStyle(e);
            if (seen(e) && !e.matches('.unseen') && (parseFloat(style.borderTopWidth) < 1 || style.borderTopColor === ground)) wrong.push('no frame: ' + e.outerHTML.slice(0, 80));
        }
        for (const e of document.querySelectorAll('input:checked')) {
            const mark = getComputedStyle(e, '::before');
            if (seen(e) && (mark.visibility !== 'visible' || mark.backgroundColor === getComputedStyle(e).backgroundColor)) wrong.push('no mark: ' + e.outerHTML.slice(0, 80));
        }
        return wrong.slice(0, 5); }"""
    wrong = through(page, site, lambda page, one: page.evaluate(script))
    assert wrong == [], few(wrong)
    page.keyboard.press("Tab")
    ring = page.evaluate("(s => [s.outlineStyle, s.outlineWidth, s.outlineColor])(getComputedStyle(document.activeElement))")
    assert ring[:2] == ["solid", "3px"]
    assert ring[2] != page.evaluate("getComputedStyle(document.body).backgroundColor")
    context.close()


def test_nothing_moves(browser: Browser, site: tuple[str, list[Shown]]) -> None:
    """No page animates anything for anybody, so that reduced motion has nothing to reduce."""
    for sheet in CSS.glob("*.css"):
        assert not re.search(r"\b(transition|animation|scroll-behavior|@keyframes)\b", sheet.read_text(encoding="utf-8")), sheet.name
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    script = """() => [document.getAnimations().length, [...document.querySelectorAll('*')].filter(e => { const s = getComputedStyle(e);
        return parseFloat(s.transitionDuration) || parseFloat(s.animationDuration) || s.scrollBehavior === 'smooth'; }).length, 
        document.querySelectorAll('marquee, blink, video, audio, [autoplay], meta[http-equiv=refresh], svg animate').length].filter(n => n)"""
    wrong = through(page, site, lambda page, one: page.evaluate(script))
    assert wrong == [], few(wrong)
    context.close()


def test_the_dark_theme_changes_colours_and_nothing_else() -> None:
    """Whatever else is proved of a page in the light holds in the dark."""
    css = "".join(sheet.read_text(encoding="utf-8") for sheet in CSS.glob("*.css"))
    blocks = re.findall(r"@media \(prefers-color-scheme: dark\) \{\s*:root \{([^}]*)\}\s*\}", css)
    assert len(blocks) == css.count("prefers-color-scheme") == 1
    assert re.fullmatch(r"(\s*--[a-z0-9-]+: #[0-9A-F]{6};)+\s*", blocks[0])
