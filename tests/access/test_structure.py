"""What the check list of a page asks and a machine can tell from its markup alone, on every page that anybody was shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.access.scene import Pages, Shown

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

#: Pages of a case that begin with whose move it is and what holds.
CASE = ("case", "desk-case")
#: Never on a page (house words), whoever wrote the page.
NEVER = re.compile(r"\b(please|oops|application|ticket|case type|vendor|manage|utils|sorry|successfully|click here)\b", re.I)
TLP = {"TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"}


def told(element: Any) -> str:
    return " ".join(element.text_content().split())


def has(name: str) -> str:
    return f"contains(concat(' ', @class, ' '), ' {name} ')"


def every(pages: Pages, wrong: Callable[[Shown], Iterator[str]]) -> None:
    """No page for which `wrong` has words; of each kind of fault the first few."""
    found = [f"{one}: {words}" for one in pages.every for words in wrong(one)]
    assert found == [], f"{len(found)} faults:\n" + "\n".join(found[:12])


def test_headings_are_one_first_and_then_step_by_step(pages: Pages) -> None:
    """One h1; below it no level is left out. Only the error summary may stand before it."""

    def wrong(one: Shown) -> Iterator[str]:
        levels = [(int(h.tag[1]), told(h)) for h in one.tree.body.iter("h1", "h2", "h3", "h4", "h5", "h6")]
        if [level for level, _ in levels].count(1) != 1:
            yield f"{[level for level, _ in levels].count(1)} h1"
        if levels and levels[0][1] == "There is a problem":
            levels.pop(0)
        before = 0
        for level, words in levels:
            if level > before + 1:
                yield f"“{words}” is h{level} after h{before}"
            if not words:
                yield f"an empty h{level}"
            before = level

    every(pages, wrong)


def test_ids_are_unique_and_everything_that_names_one_finds_it(pages: Pages) -> None:
    def wrong(one: Shown) -> Iterator[str]:
        ids = Counter(one.tree.xpath("//@id"))
        yield from (f"id {name} stands {count} times" for name, count in ids.items() if count > 1)
        for attribute in ("for", "aria-describedby", "aria-labelledby", "aria-controls"):
            for value in one.tree.xpath(f"//@{attribute}"):
                yield from (f"{attribute} names {name}, which is not there" for name in value.split() if name not in ids)
        for link in one.tree.xpath("//a[starts-with(@href, '#')]/@href"):
            if link[1:] not in ids:
                yield f"a link leads to {link}, which is not there"

    every(pages, wrong)


def test_every_control_has_words_of_its_own(pages: Pages) -> None:
    """A label for what is typed and chosen, a legend for what belongs together, a caption and heads for tables."""

    def wrong(one: Shown) -> Iterator[str]:
        labelled = {label.get("for"): told(label) for label in one.tree.iter("label")}
        for control in one.tree.xpath("//input[not(@type='hidden')] | //select | //textarea"):
            if control.get("aria-hidden") != "true" and not labelled.get(control.get("id")):
                yield f"{control.get('name')} has no label"
        yield from ("a fieldset without a legend" for f in one.tree.iter("fieldset") if not f.xpath("legend[normalize-space()]"))
        yield from ("a button without words" for b in one.tree.iter("button") if not told(b))
        yield from ("a link without words" for a in one.tree.iter("a") if not told(a))
        for table in one.tree.iter("table"):
            if not table.xpath("caption[normalize-space()]"):
                yield "a table without a caption"
            if table.xpath(".//th[not(@scope)]") or not table.xpath("thead//th[@scope='col']"):
                yield "a table without heads, or heads without a scope"
            heads = {told(head) for head in table.xpath("thead//th")}
            yield from (f"a cell is called {x} and no head is" for x in table.xpath(".//td/@data-label") if x not in heads)

    every(pages, wrong)


def test_at_most_one_button_is_filled(pages: Pages) -> None:
    """At any width: a page that shows it in the head on a phone and at the side on a desk shows it once each time."""

    def wrong(one: Shown) -> Iterator[str]:
        for other in ("narrow-only", "wide-only"):
            found = one.tree.xpath(f"//*[{has('button--main')}][not(ancestor::*[{has(other)}])]")
            if len(found) > 1:
                yield f"filled without {other}: {[told(button) for button in found]}"

    every(pages, wrong)


def test_the_duty_line_and_what_to_do_without_this_site_stand_on_every_page(pages: Pages) -> None:
    """Errors too: a telephone number to press."""

    def wrong(one: Shown) -> Iterator[str]:
        if not one.tree.xpath("//header//p[@class='dutyline']/a[starts-with(@href, 'tel:+')]"):
            yield "no duty line"
        if not one.tree.xpath("//footer//a[@href='/offline']"):
            yield "no way to the offline sheet"
        if one.tree.get("lang") is None or not one.tree.xpath("//a[@class='skip'][@href='#main']") or not one.tree.xpath("//main[@id='main']"):
            yield "no language, or no way past the head"

    every(pages, wrong)


def test_nothing_of_a_case_stands_in_a_title_or_in_an_address(pages: Pages) -> None:
    """Titles go into histories and onto shared screens; addresses go into logs."""
    words = re.compile(r"SRW-\d|W-\d{4}-|Northlight|Southwind|Baltic|worm|mercato|Nils|Sana|Tom|granted|denied", re.I)

    def wrong(one: Shown) -> Iterator[str]:
        title = told(one.tree.find(".//title"))
        if words.search(title) or not title.endswith(" · SRW"):
            yield f"the title is {title!r}"
        if (one.status >= 400) != title.startswith("Error: ") and one.tree.xpath("//*[@class='errors']"):
            yield f"errors, and the title is {title!r}"
        for query in re.findall(r"""(?:href|action)="[^"]*\?([^"]*)""", one.html):
            if words.search(query):
                yield f"an address with ?{query}"

    every(pages, wrong)


def test_a_page_of_a_case_bears_its_label_whole_and_once(pages: Pages) -> None:
    def wrong(one: Shown) -> Iterator[str]:
        labels = [told(x) for x in one.tree.xpath(f"//*[{has('tlp')}]")]
        sheet = re.findall(r"sheet--[a-z-]+", one.tree.body.get("class", ""))
        if one.state and one.status in (200, 422) and len(labels) != 1:
            yield f"labels: {labels}"
        yield from (f"the label is {label}" for label in labels if label not in TLP)
        if labels and sheet != ["sheet--" + labels[0].removeprefix("TLP:").lower().replace("+", "-")]:
            yield f"{labels[0]} on the screen, {sheet} on paper"

    every(pages, wrong)


def test_a_case_opens_with_the_mover_then_what_holds_then_its_times(pages: Pages) -> None:
    """Whose move it is, one sentence, the deadline in UTC (and in the reader's zone) "as of"; what cannot be undone before it."""
    seen = Counter[str]()

    def wrong(one: Shown) -> Iterator[str]:
        if one.route.name not in CASE or one.status != 200:
            return
        head = one.tree.xpath("//*[@class='casehead']")[0]
        order = [x.tag if x.tag in ("h1", "svg") else "mover" for x in head.xpath(f".//p[{has('mover')}] | .//h1 | .//svg[@role='img']")]
        words = told(head)
        if order[:2] != ["mover", "h1"] or not re.search(r"move: |Overdue|Closed|Withdrawn|closed|withdrawn|Nobody", words):
            yield f"it begins {order}, {words[:90]}"
        if "svg" not in order:
            return
        seen["due"] += 1
        if not re.search(r"due (before that, |after that, )?[A-Z][a-z]{2} \d+ [A-Z][a-z]{2} \d{4}, \d\d:\d\d UTC.*as of ", words):
            yield f"no deadline in UTC as of a time: {words[:200]}"
        if one.reader == "filer" and not re.search(r"UTC \([^)]*Brussels\)", words):
            yield "the filer's own zone is not beside UTC"
        undone = words.find("Cannot be undone:")
        if undone >= 0:
            seen["undone"] += 1
            if undone > re.search(r"due (before that, |after that, )?[A-Z][a-z]{2} \d", words).start():
                yield "what cannot be undone stands after the deadline"

    every(pages, wrong)
    assert seen["due"] >= 40
    assert seen["undone"] >= 2


def test_relative_times_stand_beside_absolute_ones_as_of_a_time(pages: Pages) -> None:
    """A page is a photograph."""

    def wrong(one: Shown) -> Iterator[str]:
        words = told(one.tree.body)
        if re.search(r"\bin \d+ (d|h|min)\b|\d+ (d|h|min) ago|overdue by \d", words) and not re.search(r"as of (\w{3} \d+ \w{3} \d{4}, )?\d\d:\d\d UTC", words, re.I):
            yield words[:200]

    every(pages, wrong)


def test_a_state_is_a_shape_and_words_never_colour_alone(pages: Pages) -> None:
    def wrong(one: Shown) -> Iterator[str]:
        for element in one.tree.xpath(f"//*[{has('mover')} or {has('mark')} or {has('notice--stop')} or {has('notice--good')} or {has('wrong-words')}]"):
            shaped = element.xpath(".//svg[starts-with(@class, 'shape')]/*") or "mark--none" in element.get("class")
            if not shaped or not told(element):
                yield f"{element.get('class')}: {told(element)!r}"

    every(pages, wrong)


def test_an_error_stands_on_top_and_at_its_field_in_the_same_words(pages: Pages) -> None:
    """The link leads to the field, and the field says to a screen reader that it is wrong and why."""
    seen = Counter[str]()

    def wrong(one: Shown) -> Iterator[str]:
        summary = one.tree.xpath("//*[@class='errors']")
        if one.status == 422 and not summary:
            yield "422 without a summary"
        if not summary:
            return
        if summary[0].get("tabindex") != "-1" or summary[0].get("autofocus") is None:
            yield "the summary does not take the focus"
        for link in summary[0].iter("a"):
            seen["links"] += 1
            goal, words = one.tree.get_element_by_id(link.get("href")[1:], None), told(link)
            if goal is None:
                yield f"“{words}” leads nowhere"
                continue
            near = goal.xpath("ancestor-or-self::*[self::fieldset or contains(@class, 'field')][1]")
            if not near or words not in [told(x).removeprefix("Error: ") for x in near[0].xpath(f".//*[{has('wrong-words')}]")]:
                yield f"“{words}” is not at its field"
            described = " ".join(told(one.tree.get_element_by_id(name, one.tree)) for name in goal.get("aria-describedby", "").split())
            if words not in described:
                yield f"“{words}” is not what {goal.tag} {goal.get('id')} is described by"
            if goal.tag in ("input", "select", "textarea") and goal.get("aria-invalid") != "true":
                yield f"{goal.get('id')} is not said to be wrong"

    every(pages, wrong)
    assert seen["links"] >= 60


def test_a_chart_is_named_with_its_finding_and_has_a_table(pages: Pages) -> None:
    """The table's facts: a picture is never the only place."""
    seen = Counter[str]()

    def wrong(one: Shown) -> Iterator[str]:
        for chart in one.tree.xpath("//svg[@role='img']"):
            seen["charts"] += 1
            named = " ".join(told(one.tree.get_element_by_id(name)) for name in chart.get("aria-labelledby", "").split())
            if len(named) < 20 or not re.search(r"\d", named):
                yield f"a chart is named {named!r}"
            if "clock" in chart.get("class"):
                if not one.tree.xpath("//table") and not one.tree.xpath("//time"):
                    yield "a clock without its times in words"
            elif not one.tree.xpath("//table"):
                yield "a chart without a table"

    every(pages, wrong)
    assert seen["charts"] >= 100


def test_house_words_only(pages: Pages) -> None:
    def wrong(one: Shown) -> Iterator[str]:
        body = re.sub(r"(?s)<textarea.*?</textarea>|<code.*?</code>|<div class=\"words\">.*?</div>", "", one.html)
        found = NEVER.search(re.sub(r"(?s)<head>.*?</head>|<[^>]+>", " ", body))
        if found:
            yield found[0]

    every(pages, wrong)


def test_an_empty_state_says_what_comes_next(pages: Pages) -> None:
    """No empty table, no empty list, no section that ends with its heading."""

    def wrong(one: Shown) -> Iterator[str]:
        for element in one.tree.iter("tbody", "ul", "ol", "dl"):
            if not element.xpath("*"):
                yield f"an empty {element.tag}"
        for section in one.tree.xpath(f"//section[{has('section')}]"):
            if len(section) < 2 and section[0].tag in ("h2", "h3"):
                yield f"nothing below “{told(section)}”"

    every(pages, wrong)
