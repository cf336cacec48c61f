"""Headers that no page may forget, and texts that no page takes."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from ersr.core.errors import Refusal
from ersr.core.filing import unstorable
from ersr.core.tongue import said
from ersr.faces.api.problems import problem
from ersr.faces.web.errors import refused, unavailable
from ersr.faces.web.language import language_of
from ersr.files.room import FULL, is_full

log = structlog.get_logger("ersr.request")


class Speaking:
    """Pages speak the reader's language. The API, whose answers programs read, speaks English."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        page = not request.path.startswith(("/api/", "/health", "/ready"))
        with translation.override(language_of(request) if page else "en"):
            response = self.get_response(request)
            if page:
                patch_vary_headers(response, ("Accept-Language", "Cookie"))
                if response.get("Content-Type", "").startswith("text/html"):
                    response.headers.setdefault("Content-Language", translation.get_language() or "en")
        return response


class Careful:
    """Pages of cases are never cached; what cannot be stored is refused early; a database that is locked or away is a page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        """A text that no database takes is refused before any page reads it; the API's parser does the same for JSON.

        A call that came in the clear is refused, not redirected: else a program would go on sending its token to be read.
        """
        if settings.SECURE_SSL_REDIRECT and request.path.startswith("/api/") and not request.is_secure():
            words = f"Call {settings.ERSR_ADDRESS}. If you sent a token, it went in the clear: end it and make another."
            return problem(Refusal("not_allowed", words), request)
        if request.method != "POST" or request.path.startswith("/api/"):
            return None
        if any(unstorable(text) for texts in request.POST.lists() for text in texts[1]):
            return refused(request, Refusal("invalid", said("Take out the character that is none, and send the page again.")))
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Here, so that no view can forget it; what fails outside a view goes to handler500, which answers the same."""
        if is_full(error):
            log.error("no room left", problem=type(error).__name__)
            return refused(request, FULL)
        return unavailable(request, error)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
