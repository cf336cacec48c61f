"""A request, a waiver and a case on paper: black on white, labelled and numbered sheet by sheet, nothing that only a screen can use."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.access.scene import Pages, Shown
from tests.access.serving import served

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

#: (route, reader, state of the case)
PRINTED = [("case", "filer", "verifying"), ("waiver", "filer", "served"), ("desk-case", "officer", "verifying"), ("receipt", "filer", "verifying")]
LABEL = "TLP:AMBER+STRICT"


@pytest.fixture(params=PRINTED, ids=lambda one: one[0])
def printed(request: pytest.FixtureRequest, browser: Browser, pages: Pages, tmp_path: Path) -> tuple[Shown, Path]:
    """Printed from a screen in the dark, as somebody at night would."""
    one = pages.one(*request.param)
    context = browser.new_context(color_scheme="dark", viewport={"width": 1280, "height": 900})
    with served({one.name: one}) as address:
        page = context.new_page()
        page.goto(f"{address}/{one.name}", wait_until="load")
        page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True, print_background=False)
    context.close()
    return one, tmp_path / "page.pdf"


def sheets(path: Path, *how: str) -> list[str]:
    told = subprocess.run(["pdftotext", *how, str(path), "-"], capture_output=True, text=True, check=True).stdout
    return told.rstrip("\f").split("\f")


def colours(path: Path) -> Iterator[tuple[int, bytes]]:
    """(sheet, its pixels as red, green, blue)."""
    subprocess.run(["pdftoppm", "-r", "50", str(path), str(path.with_suffix(""))], check=True)
    for number, picture in enumerate(sorted(path.parent.glob("page-*.ppm")), 1):
        yield number, picture.read_bytes().split(b"\n255\n", 1)[1]


def test_each_sheet_bears_label_reference_and_number(printed: tuple[Shown, Path]) -> None:
    one, path = printed
    reference = re.search(r"(SRW|W)-[0-9A-Z-]+", one.how)[0]  # type: ignore[index]
    told = sheets(path, "-layout")
    for number, sheet in enumerate(told, 1):
        assert LABEL in sheet, (number, sheet[:300])
        assert reference in sheet, (number, sheet[:300])
        assert re.search(rf"{number} ?/ ?{len(told)}\s*$", sheet), (number, sheet[-300:])


def test_nothing_is_printed_that_only_a_screen_can_use_and_nothing_is_left_out(printed: tuple[Shown, Path]) -> None:
    """No way round the site, no button; whoever looks into a folded part on the screen reads it on paper; links of mails and
    telephones are their own words, and no address is printed into a sentence."""
    one, path = printed
    told = " ".join(" ".join(sheets(path)).split())
    for words in ("Sign out", "What you were told", "Your account", "Skip to the content", "Back to", "Record an act", "Acknowledge receipt", "Other actions", "http"):
        assert words not in told, words
    assert "Duty line, day and night" in told
    printed_words = set(re.findall(r"\w+", told))
    for element in one.tree.xpath("//main//h1 | //main//h2 | //main//h3 | //main//dd | //main//td | //main//details//li"):
        hidden = element.xpath("ancestor-or-self::*[contains(@class, 'move') or contains(@class, 'panel') or contains(@class, 'links-section') or contains(@class, 'unseen')]")
        missing = set(re.findall(r"\w{3,}", element.text_content())) - printed_words
        # A word at the end of a line of mono may be broken: digests are checked by their groups.
        assert hidden or not missing, (element.text_content(), missing)


def test_it_is_black_on_white(printed: tuple[Shown, Path]) -> None:
    """Nearly all of a sheet is white, and colour stands only in the label."""
    for number, pixels in colours(printed[1]):
        reds, greens, blues = pixels[0::3], pixels[1::3], pixels[2::3]
        count = len(reds)
        coloured = sum(max(p) - min(p) > 40 for p in zip(reds, greens, blues, strict=True))
        light = sum(p > 230 for p in greens)
        assert light / count > 0.75, f"sheet {number} is dark: {light / count:.0%} white"
        assert coloured / count < 0.004, f"sheet {number} has colour: {coloured} of {count}"
