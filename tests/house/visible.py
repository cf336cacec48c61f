"""Texts of a template that a reader sees and that no translator does."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from django.template.base import DebugLexer, TokenType

#: Attributes that are read out or shown.
SEEN = ("aria-label", "alt", "data-label", "label", "placeholder", "title")
#: Not language: names, marks and codes that are the same everywhere.
SAME_EVERYWHERE = ("TLP:", "UTC", "RSP", "TLD", "SRW", "SHA-256", "Ed25519")
#: Elements whose content is not language, or that HTML leaves open.
SILENT = ("script", "style", "code")
VOID = ("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
#: Tags of Django that begin a text for translators, and what ends it.
ENDS = {"blocktranslate": "endblocktranslate", "blocktrans": "endblocktrans", "comment": "endcomment"}
#: Filters whose argument is shown as it stands.
SHOWING = re.compile(r"\|(?:default|default_if_none|yesno|pluralize|add|join)(?::(?:\"([^\"]*)\"|'([^']*)'))?")
PLACE = "\x00"


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self.silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        quoted = any(name == "lang" for name, _ in attrs) and tag != "html"
        if tag not in VOID and (self.silent or tag in SILENT or quoted):
            self.silent.append(tag)
        if self.silent or tag == "meta":
            return
        for name, value in attrs:
            if name in SEEN or (tag == "input" and name == "value" and ("type", "submit") in attrs):
                self.found.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.silent:
            while self.silent.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.found.append(data)


def bare_texts(template: str) -> list[str]:
    """Each text between and inside the elements of a template that stands outside {% translate %} and {% blocktranslate %};
    each text that is handed to an {% include %} or put out by a filter without _(). What has lang= is quoted."""
    page, handed, until = "", [], ""
    for token in DebugLexer(template).tokenize():
        word = token.contents.split(maxsplit=1)[0] if token.contents.strip() else ""
        if until:
            until = "" if token.token_type is TokenType.BLOCK and word == until else until
        elif token.token_type is TokenType.TEXT:
            page += token.contents
        elif token.token_type is TokenType.VAR:
            handed += _shown_by_filters(token.contents)
            if literal := re.match(r"""\s*["']([^"']*)["']""", token.contents):
                handed.append(literal[1])
            if "|pluralize" in token.contents:
                handed.append(token.contents)  # glues an ending of English to a word
            page += PLACE
        elif token.token_type is TokenType.BLOCK:
            until = ENDS.get(word, "")
            if word in ("include", "with"):
                handed += _shown_by_filters(token.contents)
                given = re.findall(r"""\w+=(?:"([^"]*)"|'([^']*)')""", token.contents)
                handed += [one for pair in given for one in pair if re.search(r"[A-Z]|\w \w", one)]
            if word == "block" and token.contents.split()[1] == "shape":
                until = "endblock"  # a class of the style sheet
    reader = _Page()
    reader.feed(page)
    reader.close()
    return [shown for one in (*reader.found, *handed) if (shown := _language(one))]


def _shown_by_filters(contents: str) -> list[str]:
    return [one for pair in SHOWING.findall(contents) for one in pair if one]


def _language(text: str) -> str:
    """The text, if there are words in it."""
    left = re.sub(r"(?<!\w)\.[a-z]+\b", " ", text.replace(PLACE, " "))  # .com
    for known in SAME_EVERYWHERE:
        left = left.replace(known, " ")
    return " ".join(left.split()) if re.search(r"[^\W\d_]{2,}", left) else ""
