"""Reads forms and links out of a page, and fills forms as somebody in a hurry would."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

TYPED = "plausible"


@dataclass(frozen=True)
class Form:
    action: str
    fields: tuple[tuple[str, str, str], ...]  # (name, type, value)
    buttons: tuple[tuple[str, str], ...] = ()
    multipart: bool = False

    @property
    def shape(self) -> tuple[Any, ...]:
        hidden = tuple(value for name, _, value in self.fields if name == "do")
        return (tuple(sorted({name for name, _, _ in self.fields})), hidden, tuple(n for n, _ in self.buttons))

    def at(self, address: str) -> Form:
        return replace(self, action=address)

    def bodies(self) -> list[dict[str, Any]]:
        """One a button: what stands in the form stays, what is empty is filled."""
        filled: dict[str, Any] = {}
        for name, kind, value in self.fields:
            if name == "csrfmiddlewaretoken":
                continue
            if kind == "file":
                filled[name] = b"plausible bytes\n"
            elif kind in ("radio", "checkbox"):
                filled.setdefault(name, value or "on")
            elif kind == "hidden":
                filled[name] = value
            else:
                filled[name] = value or TYPED
        named = [(name, value) for name, value in self.buttons if name]
        return [{**filled, name: value} for name, value in named] or [filled]


@dataclass
class _Reader(HTMLParser):
    forms: list[Form] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._form: dict[str, Any] | None = None
        self._select = self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "a" and told.get("href"):
            self.links.append(told["href"])
        elif tag == "form":
            post = told.get("method", "").lower() == "post"
            kind = "multipart" in told.get("enctype", "")
            self._form = {"action": told.get("action", ""), "fields": [], "buttons": [], "multipart": kind} if post else None
        elif self._form is None:
            return
        elif tag == "input" and told.get("name"):
            self._form["fields"].append((told["name"], told.get("type", "text"), told.get("value", "")))
        elif tag == "textarea" and told.get("name"):
            self._form["fields"].append((told["name"], "textarea", ""))
        elif tag == "select":
            self._select = told.get("name", "")
        elif tag == "option" and self._select and told.get("value"):
            self._form["fields"].append((self._select, "radio", told["value"]))
        elif tag == "button":
            self._form["buttons"].append((told.get("name", ""), told.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._form is not None:
            told = self._form
            self.forms.append(Form(told["action"], tuple(told["fields"]), tuple(told["buttons"]), told["multipart"]))
            self._form = None
        elif tag == "select":
            self._select = ""


def read(text: str) -> tuple[list[Form], list[str]]:
    """(forms that post, addresses of links)."""
    reader = _Reader()
    reader.feed(text)
    return reader.forms, reader.links
