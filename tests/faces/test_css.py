"""The stylesheet, the parts and the page frame: contrast, sizes, no foreign thing, nothing that the CSP forbids."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

import ersr.faces.web
from ersr.faces.web.templatetags import say as words
from tests.faces import looking, specimen

WEB = Path(ersr.faces.web.__file__).parent
CSS = "".join(
    (WEB / f"static/ersr/{name}.css").read_text(encoding="utf-8") for name in ("site", "pages", "print")
)
TEMPLATES = sorted((WEB / "templates").glob("base.html")) + sorted((WEB / "templates/parts").glob("*.html"))
LIGHT, DARK = (dict(re.findall(r"--([a-z0-9-]+): (#[0-9A-F]{6});", block)) for block in re.findall(
    r":root \{(?:(?!--page: #FFF;)[^}])*?--page: #[0-9A-F]{6};[^}]*\}", CSS)[:2])
TINTS = [name for name in LIGHT if name.endswith("-tint")]


def luminance(colour: str) -> float:
    parts = [int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative contrast."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_dark_scheme_changes_colours_and_nothing_else() -> None:
    """What axe finds of anything but colours it finds in the light scheme (tests/access/test_axe.py)."""
    blocks = re.findall(r"@media[^{]*prefers-color-scheme[^{]*\{\s*([^{]+?)\s*\{([^}]*)\}\s*\}", CSS)
    assert CSS.count("prefers-color-scheme") == len(blocks) == 1
    (selector, body), *_ = blocks
    assert selector == ":root"
    assert re.sub(r"--[a-z0-9-]+: #[0-9A-F]{6};", "", body).strip() == ""
    assert set(re.findall(r"--([a-z0-9-]+):", body)) <= LIGHT.keys()
    assert "light-dark(" not in CSS


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
class TestContrast:
    def test_text_is_readable_on_every_ground(self, theme: dict[str, str]) -> None:
        for ground in ("page", "sheet", "inset", *TINTS):
            for text, least in (("ink", 7), ("ink2", 4.5), ("act", 4.5)):
                assert contrast(theme[text], theme[ground]) >= least, (text, ground)

    def test_a_state_is_readable_on_its_tint_and_on_the_page(self, theme: dict[str, str]) -> None:
        for tint in TINTS:
            state = tint.removesuffix("-tint")
            for ground in (tint, "page", "sheet", "inset"):
                assert contrast(theme[state], theme[ground]) >= 4.5, (state, ground)

    def test_controls_and_the_focus_ring_are_seen_everywhere(self, theme: dict[str, str]) -> None:
        for ground in ("page", "sheet", "inset", *TINTS):
            assert contrast(theme["edge"], theme[ground]) >= 3
            assert contrast(theme["focus-ring"], theme[ground]) >= 3
        assert contrast(theme["focus-gap"], theme["act"]) >= 3
        assert contrast(theme["on-act"], theme["act"]) >= 4.5
        assert contrast(theme["on-stop"], theme["stop"]) >= 4.5

    def test_both_themes_name_the_same_tokens(self, theme: dict[str, str]) -> None:
        assert set(theme) == set(LIGHT)
        assert len(theme) == 25


def test_the_tlp_colours_are_those_of_first_2_0() -> None:
    """RED FF2B2B, both AMBERs FFC000, GREEN 33FF00, CLEAR FFFFFF on black, in both themes."""
    colours = dict(re.findall(r"\.tlp--([a-z]+)[^{]*\{ color: (#[0-9A-F]{6}); \}", CSS))
    assert colours == {"red": "#FF2B2B", "amber": "#FFC000", "green": "#33FF00", "clear": "#FFFFFF"}
    assert "background: #000" in re.search(r"\.tlp \{[^}]*\}", CSS)[0]
    assert all(contrast(colour, "#000000") >= 4.5 for colour in colours.values())


def test_no_shadow_but_the_focus_gap_and_no_pill() -> None:
    assert set(re.findall(r"box-shadow: ([^;]+);", CSS)) == {"0 0 0 3px var(--focus-gap)", "none"}
    assert "text-shadow" not in CSS
    assert set(re.findall(r"border-radius: ([^;]+);", CSS)) <= {"2px", "50%", "0"}


def test_text_has_six_sizes() -> None:
    sizes = re.findall(r"--s(\d+): ([\d.]+)rem;", CSS)
    assert [int(name) for name, _ in sizes] == [15, 16, 18, 20, 25, 34]
    assert all(float(rem) * 16 == int(name) for name, rem in sizes)
    own = re.findall(r"font-size: ([^;]+);", CSS.split("@media print")[0])
    assert set(own) <= {f"var(--s{name})" for name, _ in sizes} | {"100%", "15px"}


def test_nothing_comes_from_another_site_and_every_font_is_there() -> None:
    urls = re.findall(r"url\(\"?([^\")]+)", CSS)
    assert urls
    assert all((WEB / "static/ersr" / url).is_file() for url in urls)
    fonts = sorted((WEB / "static/ersr/fonts").glob("*.woff2"))
    assert {f"fonts/{font.name}" for font in fonts} == set(urls)
    assert sum(font.stat().st_size for font in fonts) < 110_000
    assert len(list((WEB / "static/ersr/fonts").glob("OFL-*.txt"))) == 3


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_part_has_nothing_that_the_csp_forbids(path: Path) -> None:
    """No style, no handler and no script, except one of our own files."""
    text = re.sub(r'<script src="{% static "ersr/[a-z]+\.js" %}" defer></script>', "", path.read_text(encoding="utf-8"))
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:|<script|hx-on", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_part_says_what_it_takes(path: Path) -> None:
    assert "{% comment %}" in path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("specimen")
    specimen.write(where)
    return where


@pytest.mark.parametrize("name", specimen.PAGES)
def test_every_class_on_a_page_is_in_the_stylesheet(folder: Path, name: str) -> None:
    """A class that the stylesheet does not know is a misspelling; "clock" and "moves" only say which chart it is."""
    used = {one for group in re.findall(r'class="([^"]*)"', (folder / f"{name}.html").read_text(encoding="utf-8"))
            for one in group.split()}
    bare = {one for one in used if "--" not in one}
    assert {one for one in bare if not re.search(rf"\.{one}(?![\w-])", CSS)} <= {"clock", "moves"}


@pytest.mark.parametrize("name", specimen.PAGES)
def test_every_page_shows_the_duty_line_and_what_to_do_when_the_site_is_down(folder: Path, name: str) -> None:
    page = (folder / f"{name}.html").read_text(encoding="utf-8")
    assert '<a class="phone" href="tel:+13105550142">+1 310 555 0142</a>' in page
    assert 'href="/offline"' in page
    assert "Demonstration: people, bodies and keys are made up." in page
    assert not re.search(r"<title>[^<]*(SRW-\d|Northlight|sinkhole)", page)


def test_a_page_with_wrong_answers_says_so_first_in_its_title_and_twice_in_the_same_words(folder: Path) -> None:
    page = (folder / "file.html").read_text(encoding="utf-8")
    assert "<title>Error: " in page
    assert page.count("Enter the TLDs that are affected, like example, test") == 2
    assert "Two answers need another look:" in page
    assert 'aria-describedby="id_tlds_helptext id_tlds_error"' in page
    assert {'id="id_tlds_helptext"', 'id="id_tlds_error"'} <= set(re.findall(r'id="[^"]+"', page))


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    with looking.served(folder) as address:
        yield address


@pytest.mark.browser
class TestInABrowser:
    def open(self, browser: Browser, address: str, width: int, scheme: str = "light") -> tuple[Page, list[str]]:
        page = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address)
        page.wait_for_load_state("networkidle")
        return page, said

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("name", specimen.PAGES)
    def test_axe_finds_nothing_and_the_csp_stops_nothing(
        self, browser: Browser, site: str, name: str, scheme: str
    ) -> None:
        for width in (360, 1280):
            page, said = self.open(browser, f"{site}/{name}.html", width, scheme)
            found = Axe().run(page).response["violations"]
            assert [(one["id"], [node["html"][:90] for node in one["nodes"]]) for one in found] == []
            assert said == []
            page.context.close()

    @pytest.mark.parametrize("name", specimen.PAGES)
    def test_nothing_is_cut_at_320_px(self, browser: Browser, site: str, name: str) -> None:
        page, _ = self.open(browser, f"{site}/{name}.html", 320)
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        cut = page.evaluate("""[...document.querySelectorAll('main *, header *, footer *')].filter(e => {
            const b = e.getBoundingClientRect();
            return b.width > 0 && !e.closest('.unseen, thead') && !e.closest('svg') && (b.right > 320.5 || b.left < -0.5);
        }).map(e => e.outerHTML.slice(0, 80))""")
        assert cut == []
        # Labels inside the neatline stay inside their day.
        loose = page.evaluate("""[...document.querySelectorAll('.clock-day')].filter(e => e.getBBox().width > 0)
            .map(e => e.getBoundingClientRect()).filter(b => b.left < 14 || b.right > 306).length""")
        assert loose == 0
        page.context.close()

    @pytest.mark.parametrize("name", specimen.PAGES)
    def test_targets_are_at_least_44_px_high(self, browser: Browser, site: str, name: str) -> None:
        """Links inside a sentence are excepted (WCAG 2.2, 2.5.8); controls and links that stand alone are not."""
        page, _ = self.open(browser, f"{site}/{name}.html", 360)
        small = page.evaluate("""[...document.querySelectorAll('.button, .linklike, .links a, .foot-links a, .tasks a, .phone,'
            + 'summary, .pagination a, .golink, .errors-list a, .choice, select, textarea, .back a,'
            + 'input:not([type=hidden], [type=radio], [type=checkbox])')]
            .filter(e => e.offsetHeight > 0 && e.getBoundingClientRect().height < 43.5)
            .map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect().height])""")
        assert small == []
        page.context.close()

    def test_focus_is_a_ring_with_a_gap(self, browser: Browser, site: str) -> None:
        page, _ = self.open(browser, f"{site}/states.html", 1280)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.focus("#f1")
        ring = page.evaluate("(s => [s.outlineWidth, s.outlineOffset, s.outlineColor, s.boxShadow])"
                             "(getComputedStyle(document.querySelector('#f1')))")
        assert ring == ["3px", "3px", "rgb(19, 35, 43)", "rgb(255, 210, 74) 0px 0px 0px 3px"]
        page.context.close()

    def test_the_error_summary_has_the_focus_without_a_script(self, browser: Browser, site: str) -> None:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{site}/file.html")
        assert page.evaluate("document.activeElement.className") == "errors"
        page.click(".errors-list a >> nth=0")
        assert page.evaluate("document.activeElement.id") == "id_phone"
        context.close()

    def test_own_typefaces_are_used(self, browser: Browser, site: str) -> None:
        page, _ = self.open(browser, f"{site}/sign.html", 1280)
        loaded = page.evaluate("[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family.replaceAll('\"', ''))")
        assert {"SRW Sans", "SRW Serif", "SRW Mono"} <= set(loaded)
        page.context.close()


AT = datetime(2026, 11, 19, 1, 0, tzinfo=UTC)


class TestWords:
    def test_a_time_is_absolute_and_machine_readable(self) -> None:
        assert words.utc(AT) == '<time datetime="2026-11-19T01:00Z">Thu 19 Nov 2026, 01:00 UTC</time>'
        assert words.short_utc(AT) == '<time datetime="2026-11-19T01:00Z">01:00 UTC</time>'
        assert "Thu 19 Nov, 01:00 UTC" in words.day_utc(AT)
        assert words.as_of(AT).startswith("as of <time")

    def test_local_time_names_the_day_only_where_it_differs(self) -> None:
        assert ">02:00 Brussels<" in words.local(AT, "Europe/Brussels")
        assert ">Wed 18 Nov, 17:00 Los Angeles<" in words.local(AT, "America/Los_Angeles")
        assert words.local(AT, "UTC") == ""

    def test_an_empty_value_leaves_an_empty_place(self) -> None:
        for word in (words.utc, words.short_utc, words.day_utc, words.until, words.span, words.day, words.groups,
                     words.thousands, words.reference, words.phone, words.as_of, words.tlp_words, words.tlp_class):
            assert word(None) == ""

    def test_a_digest_has_groups_of_four_and_four_a_line(self) -> None:
        lines = words.groups(specimen.DIGEST).split("<br>")
        assert lines[0] == "9f2c 41d0 7be3 a815"
        assert len(lines) == 4
        assert words.groups(bytes.fromhex(specimen.DIGEST)) == words.groups(specimen.DIGEST)

    def test_numbers_spans_days_and_ends(self) -> None:
        assert words.thousands(7750) == "7,750"
        assert words.span(timedelta(days=4, hours=13, minutes=26)) == "4 d 13 h"
        assert ">3 Feb 2024<" in words.day(date(2024, 2, 3))
        assert words.until(datetime(2027, 3, 14, tzinfo=UTC)) == "until the end of 13 March 2027 UTC"

    def test_a_reference_is_whole_and_its_number_strong(self) -> None:
        assert words.reference("SRW-2026-4821003-K") == '<span class="reference">SRW-2026-<b>4821003-K</b></span>'

    def test_what_was_typed_is_escaped(self) -> None:
        for said in (words.reference("SRW-<i>-<i>"), words.phone('"><i>'), words.groups("<i><i>"), words.paragraphs("<i>\n\nx")):
            assert "<i>" not in said
            assert '"><i' not in said

    def test_a_tlp_label_is_never_shortened(self) -> None:
        assert words.tlp_words("amber+strict") == words.tlp_words("TLP:AMBER+STRICT") == "TLP:AMBER+STRICT"
        assert words.tlp_class("AMBER+STRICT") == "amber-strict"
