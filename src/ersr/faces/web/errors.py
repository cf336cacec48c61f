"""Pages for what did not work. Each says what to do next; the duty line stands on all of them."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template

from ersr.core.errors import CODES, Refusal
from ersr.faces.web import context


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """A refusal as a page: what, why, and to staff who can."""
    status, title = CODES[refusal.code]
    staff = bool(request.user.is_authenticated and getattr(request.user, "is_staff_member", False))
    case = re.match(r"/(?:r|desk|w)/[^/]+", request.path)
    return render(
        request,
        "errors/refused.html",
        {
            "title": title,
            "refusal": refusal,
            "who_can": refusal.who_can if staff else (),
            "case": case[0] if case else "",
        },
        status=status,
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The same words for "not yours" and "not there"."""
    return render(request, "errors/not_found.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Asks nothing of database or session: they may be what broke."""
    return HttpResponse(get_template("errors/server_error.html").render(context.about()), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "errors/csrf.html", status=403)
