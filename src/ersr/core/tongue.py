"""Sentences that remember how they were made: English where they are kept, the reader's language where they are read.

`said("Enter a day like {example}", example=day)` is a `str`, and what it holds is the English sentence: so it is compared,
stored, sealed and sent by the API. Beside that it knows its template and its values, and `told()` makes the sentence anew in
the language of whoever reads. A page does so by itself: Django's templates show what `__html__` gives. The words come from
a `Tongue`, which the web face installs; without one everything speaks English.

What loses the memory: an f-string, `+`, `str.join`, and every other method of `str`. Use values, `joined`, `listed`,
`capital` and `small` instead. What waits in a row or goes to another process is `kept` and `recalled`. tools/messages.py collects the templates, so they are written out where `said` is called.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any


class Tongue:
    """A language that sentences can be told in. This one is English."""

    def text(self, template: str, context: str) -> str:
        """The template in this language; `context` tells apart what English says with the same word."""
        return template

    def plural(self, one: str, many: str, count: int) -> str:
        return one if count == 1 else many

    def number(self, value: int) -> str:
        return f"{value:,}"

    def tight(self, words: str) -> str:
        """Words that a page keeps on one line; what is kept or sent to a program has plain spaces."""
        return words


_ENGLISH = Tongue()
_tongue = _ENGLISH


def speak(tongue: Tongue) -> None:
    """From now on `told()` asks this one: called once, by the face that knows its readers."""
    global _tongue
    _tongue = tongue


class Said(str):
    """Made by the functions below."""

    def __new__(
        cls, template: str, values: dict[str, Any], many: str = "", count: int = 1, kind: str = "text", context: str = ""
    ) -> Said:
        made = super().__new__(cls, _made(_ENGLISH, template, values, many, count, kind, context))
        made._parts = (template, values, many, count, kind, context)
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self._parts

    def told(self) -> str:
        """The sentence in the reader's language, as plain text."""
        return _made(_tongue, *self._parts)

    def __html__(self) -> str:
        """The same, escaped for a page: the values too, whoever typed them."""
        return html.escape(self.told())


def _made(tongue: Tongue, template: str, values: dict[str, Any], many: str, count: int, kind: str, context: str) -> str:
    if kind == "number":
        return tongue.number(count)
    if kind == "text":
        template = tongue.plural(template, many, count) if many else tongue.text(template, context)
    if not values:
        return template
    shown = {name: _made(tongue, *one._parts) if isinstance(one, Said) else one for name, one in values.items()}
    text = template.format(**shown)
    if kind == "tight":
        return tongue.tight(text)
    if kind in ("capital", "small"):
        return (text[:1].upper() if kind == "capital" else text[:1].lower()) + text[1:]
    return text


def said(template: str, /, **values: Any) -> Said:
    """A sentence; `values` stand in it as {name}. Times and spans come from core/say.py, figures from `number`."""
    return Said(template, values)


def said_in(context: str, template: str, /, **values: Any) -> Said:
    """A sentence, or a word, that other languages say in more than one way: `context` says which is meant."""
    return Said(template, values, context=context)


def said_n(one: str, many: str, count: int, /, **values: Any) -> Said:
    """The sentence for one thing or for many; {n} is the count."""
    return Said(one, {"n": number(count), **values}, many, count)


def number(value: int) -> Said:
    """7,750: with the separators of the reader."""
    return Said("", {}, count=value, kind="number")


def joined(separator: str, parts: Iterable[str]) -> Said:
    """Like `separator.join(parts)`, remembering what each part was."""
    values = {f"p{place}": part for place, part in enumerate(parts)}
    return Said(separator.replace("{", "{{").replace("}", "}}").join(f"{{{name}}}" for name in values), values, kind="bare")


def paired(label: str, value: str) -> str:
    """Label: value, with the colon set as the reader's language sets it; the label alone where there is no value."""
    return said("{label}: {value}", label=label, value=value) if value else label


def listed(words: Iterable[str]) -> str:
    """a, b and c."""
    known = list(words)
    if len(known) < 2:
        return known[0] if known else ""
    return said("{several} and {last}", several=joined(", ", known[:-1]), last=known[-1])


def tlds_said(tlds: Iterable[str]) -> str:
    """.biz, .cc and .cn; beyond four: .biz, .cc, .cn and 37 other TLDs."""
    named = [f".{tld}" for tld in tlds]
    if len(named) <= 4:
        return listed(named)
    return said("{some} and {n} other TLDs", some=joined(", ", named[:3]), n=number(len(named) - 3))


def capital(words: str) -> Said:
    """With a capital first: at the beginning of a sentence or a cell."""
    return Said("{words}", {"words": words}, kind="capital")


def small(words: str) -> Said:
    """With a small letter first: inside a sentence."""
    return Said("{words}", {"words": words}, kind="small")


def tight(words: str) -> Said:
    """What a page never breaks: a day, a time, a span."""
    return Said("{words}", {"words": words}, kind="tight")


def kept(words: str) -> Any:
    """What JSON can hold of the sentence: its template and values, so that `recalled` gives the same one. Values are texts and figures."""
    if not isinstance(words, Said):
        return words
    template, values, *rest = words._parts
    return [template, {name: kept(value) for name, value in values.items()}, *rest]


def recalled(found: Any) -> Any:
    """The sentence of which this was kept."""
    if not isinstance(found, list):
        return found
    template, values, *rest = found
    return Said(template, {name: recalled(value) for name, value in values.items()}, *rest)


def told(words: str) -> str:
    """The sentence in the reader's language as plain text; what was never `said` stays as it is."""
    return words.told() if isinstance(words, Said) else words
