"""Somebody who has no mouse: Tab, arrows, Space, Enter and letters, and who must see where they are."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

#: What a reader calls the thing that has the focus, and where it is: a field's label, or a button's or link's own words.
FOCUSED = """() => { const e = document.activeElement;
    if (!e || e === document.body) return null;
    const words = e.labels && e.labels.length ? e.labels[0].innerText : e.innerText || '';
    const style = getComputedStyle(e), box = e.getBoundingClientRect();
    return {name: words.replace(/\\s+/g, ' ').trim(), tag: e.tagName, id: e.id, top: box.top + scrollY, left: box.left, bottom: box.bottom,
        seen: box.bottom > 0 && box.top < innerHeight && box.width > 0,
        ring: [style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow].join(' '),
        key: [...document.querySelectorAll('*')].indexOf(e)}; }"""
#: Two colours, so that it is seen on any ground (3 to 1 on each: tests/faces/test_css.py).
RINGS = (
    "solid 3px rgb(19, 35, 43) rgb(255, 210, 74) 0px 0px 0px 3px",
    "solid 3px rgb(255, 210, 74) rgb(13, 22, 27) 0px 0px 0px 3px",
)


@dataclass(frozen=True)
class Stop:
    name: str
    tag: str
    top: float
    left: float
    key: int


@dataclass
class Keyboard:
    page: Page

    def tab(self) -> Stop | None:
        """The next stop, with its ring and in sight; None where the page ends and the browser's own buttons begin."""
        self.page.keyboard.press("Tab")
        at = self.page.evaluate(FOCUSED)
        if at is None:
            return None
        assert at["ring"] in RINGS, f"“{at['name']}” has the focus and does not show it: {at['ring']}"
        assert at["seen"], f"“{at['name']}” has the focus and is out of sight"
        return Stop(at["name"], at["tag"], at["top"], at["left"], at["key"])

    def stops(self, most: int = 400) -> list[Stop]:
        """Every stop of the page, once: that Tab comes out at the end, or at the first again, shows that nothing traps."""
        found: list[Stop] = []
        while (at := self.tab()) is not None and at not in found[:1]:
            found.append(at)
            assert len(found) < most, f"Tab does not leave the page; it goes round {[one.name for one in found[-6:]]}"
        return found

    def reach(self, words: str) -> None:
        """Tabs on, once round the page at most, until what has the focus is called so."""
        seen: list[str] = []
        for _ in range(300):
            at = self.tab()
            if at is not None and (at.name == words or at.name.startswith((f"{words} ", f"{words}:", f"{words},"))):
                return
            seen.append(at.name if at else "the end")
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
            at = self.page.evaluate(FOCUSED)
            if at["name"].startswith(wanted):
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"no {wanted!r} in the group of {first!r}")

    def tick(self, words: str) -> None:
        self.reach(words)
        self.page.keyboard.press("Space")

    def says(self, words: str) -> None:
        assert words in " ".join(self.page.inner_text("body").split()), words
