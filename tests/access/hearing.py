"""What a screen reader is given: Chromium's accessibility tree, told as an outline in its order."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page

#: Roles that are told, each with its name; everything else is only passed through.
LANDMARKS = ("banner", "main", "contentinfo", "navigation", "complementary", "region", "search", "form")
TOLD = (
    *LANDMARKS, "heading", "link", "button", "textbox", "spinbutton", "radio", "checkbox", "combobox", "group", "radiogroup", "table",
    "columnheader", "image", "alert", "status", "DisclosureTriangle", "disclosureTriangle", "article",
)  # fmt: skip
#: Words that differ from run to run.
SAME = (
    (r"\+\d[\d ]{7,}\d", "NUMBER"), (r"(SRW|W)-\d{4}- ?\d{6,7}-[A-Z0-9]", r"\1-REF"),
    (r"(\w{3} \d{1,2} \w{3}( \d{4})?, )?\d\d:\d\d (UTC|Brussels)", "TIME"), (r"\d+ (d|h|min)\b( \d+ (h|min)\b)?", "SPAN"),
    (r"\d{1,2} \w{3} \d{4}", "DAY"), (r"\b(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b", "WEEKDAY"), (r"mercato\d+", "mercato"), (r" ([,.;)]+)(?= |,|$)", r"\1"), (r"\( ", "("),
)  # fmt: skip


def outline(page: Page) -> list[str]:
    """One line a thing: "heading 2 Look at these first", "link Receipt"; paragraphs as text until the first h2."""
    session = page.context.new_cdp_session(page)
    nodes = {node["nodeId"]: node for node in session.send("Accessibility.getFullAXTree")["nodes"]}
    root = next(node for node in nodes.values() if not node.get("parentId"))
    lines: list[str] = []

    words: list[str] = []

    def say() -> None:
        if words and not any(line.startswith("heading 2") for line in lines):
            lines.append("text " + " ".join("".join(words).split()))
        words.clear()

    def tell(node: dict[str, Any], within: bool = False) -> None:
        """`within`: inside something that is named by what it holds."""
        role = node["role"]["value"] if not node.get("ignored") else ""
        name = " ".join(str(node.get("name", {}).get("value", "")).split())
        if role == "StaticText" and not within:
            words.append(name if not words else f" {name}")
        told = role in TOLD and not (role in ("region", "form", "group") and not name)
        if told or role in ("paragraph", "list", "listitem"):
            say()
        if told:
            level = next((f" {x['value']['value']}" for x in node.get("properties", ()) if x["name"] == "level"), "")
            lines.append(f"{role}{level} {name}".strip())
        inside = within or role in ("heading", "link", "button", "image", "columnheader", "DisclosureTriangle", "LabelText")
        for child in node.get("childIds", ()):
            if child in nodes:
                tell(nodes[child], inside)
        if told or role in ("paragraph", "list", "listitem"):
            say()

    tell(root)
    return [_same(line) for line in lines]


def _same(line: str) -> str:
    for pattern, word in SAME:
        line = re.sub(pattern, word, line)
    return " ".join(line.split())
