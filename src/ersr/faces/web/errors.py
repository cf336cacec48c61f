"""Pages for what did not work. Each says what to do next; the duty line stands on all of them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ersr.core.errors import CODES, Refusal


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """A refusal as a page: what, why, and to staff who can."""
    status, title = CODES[refusal.code]
    staff = bool(request.user.is_authenticated and getattr(request.user, "is_staff_member", False))
    return render(
        request,
        "errors/refused.html",
        {"title": title, "refusal": refusal, "who_can": refusal.who_can if staff else ()},
        status=status,
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "errors/not_found.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    return render(request, "errors/server_error.html", status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "errors/csrf.html", status=403)
