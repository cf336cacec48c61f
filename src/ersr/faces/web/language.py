"""In which language a page speaks: the reader's own choice, else the browser's, of those that are complete for this reader.

Nobody gets a page that is half in one language and half in another. A language is offered to somebody when all that this
somebody can read is translated: settings.LANGUAGES to everybody, settings.STAFF_LANGUAGES to staff.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.formats import number_format

from ersr.core.tongue import Tongue
from ersr.people.models import Person


class OfDjango(Tongue):
    """Core's sentences from the catalogues in locale/, in the language that is active while the page is made."""

    def text(self, template: str, context: str) -> str:
        if not template:  # gettext answers the empty text with the catalogue's head
            return template
        return translation.pgettext(context, template) if context else translation.gettext(template)

    def plural(self, one: str, many: str, count: int) -> str:
        return translation.ngettext(one, many, count)

    def tight(self, words: str) -> str:
        return words.replace(" ", "\N{NO-BREAK SPACE}")

    def number(self, value: int) -> str:
        if translation.get_language() in (None, "en"):
            return super().number(value)
        return number_format(value, use_l10n=True, force_grouping=True)


def reader(request: HttpRequest) -> Person | None:
    person = getattr(request, "user", None)
    return person if isinstance(person, Person) and person.is_authenticated else None


def languages_for(person: Person | None) -> tuple[str, ...]:
    return person.languages if person else tuple(code for code, _ in settings.LANGUAGES)


def language_of(request: HttpRequest) -> str:
    """The person's own choice, else the cookie, else what the browser asks for; English where that is not offered."""
    person = reader(request)
    chosen = (person.language if person else "") or translation.get_language_from_request(request)
    return chosen if chosen in languages_for(person) else "en"


def offered(request: HttpRequest) -> list[dict[str, Any]]:
    """The languages that this reader may change to, for the foot of the page."""
    now = translation.get_language()
    return [
        {"code": code, "name": translation.get_language_info(code)["name_local"].capitalize()}
        for code in languages_for(reader(request)) if code != now
    ]  # fmt: skip

