"""Headers that no page may forget, and texts that no page takes."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from ersr.core.errors import Refusal
from ersr.core.filing import unstorable
from ersr.faces.web.errors import refused


class Careful:
    """Pages of cases are never cached; what cannot be stored is refused early."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        """A text that no database takes is refused before any page reads it; the API's parser does the same for JSON."""
        if request.method != "POST" or request.path.startswith("/api/"):
            return None
        if any(unstorable(text) for texts in request.POST.lists() for text in texts[1]):
            return refused(request, Refusal("invalid", "Take out the character that is none, and send the page again."))
        return None

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
