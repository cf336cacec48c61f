"""Pages for what did not work. Each says what to do next; the duty line stands on all of them."""

from __future__ import annotations

import re
import sys

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import get_template

from ersr.core.errors import CODES, Refusal
from ersr.core.tongue import said
from ersr.faces import busy as database
from ersr.faces.web import context

#: Names whose values are never written into a page, whatever form they come from.
SECRET = frozenset({"password", "old_password", "new_password", "code", "codes", "totp", "passkey", "user_code"})
#: Characters of a form that are given back for another try.
GIVEN_BACK = 200_000


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """A refusal as a page: what, why, and to staff who can."""
    status, title = CODES[refusal.code]
    staff = bool(request.user.is_authenticated and getattr(request.user, "is_staff_member", False))
    case = re.match(r"/(?:r|desk|w)/[^/]+", request.path)
    response = render(
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
    if "retry_after" in refusal.facts:
        response["Retry-After"] = str(refusal.facts["retry_after"])
    return response


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """More than is taken, or nothing that can be read. Asks nothing of the session or the host, which may be what is wrong."""
    large = isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent)
    code = "too_large" if large else "invalid"
    words = (
        said("This is more than a form takes. Nothing was saved: go back, and send less of it, or send it as a file.")
        if large
        else said("What was sent cannot be read. Nothing was saved: go back, and send it again.")
    )
    status, title = CODES[code]
    page = get_template("errors/refused.html").render({**context.about(), "title": title, "refusal": Refusal(code, words), "case": ""})
    return HttpResponse(page, status=status if large else 400)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The same words for "not yours" and "not there", byte for byte: the language form does not lead back to the address either."""
    return render(request, "errors/not_found.html", {"back_to": "/"}, status=404)


def busy(request: HttpRequest, error: Exception, *, saved: bool | None = None) -> HttpResponse:
    """The database is locked or away: 503 with a button that sends the same form again, and what became of it.

    `saved`: False where nothing was for sure, True where it was and only what came after it failed, None where nobody knows.
    Asks nothing of database or session.
    """
    typed = [
        (name, value) for name in request.POST for value in request.POST.getlist(name) if name != "csrfmiddlewaretoken"
    ]
    whole = not (request.FILES or SECRET & set(request.POST))
    words = {
        **context.about(),
        "post": request.method == "POST",
        "saved": saved,
        "again": request.get_full_path(),
        "typed": typed if whole and sum(len(n) + len(v) for n, v in typed) <= GIVEN_BACK else None,
        "csrf_token": get_token(request),
    }
    response = HttpResponse(get_template("errors/busy.html").render(words), status=503)
    response["Retry-After"] = str(database.RETRY_AFTER)
    return response


def unavailable(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """The page of `busy` for an exception of a view, or None if it is another's."""
    if not isinstance(error, database.UNAVAILABLE):
        return None
    undone = database.refusal_of(error).facts["undone"]
    acted = getattr(request, "ersr_acted", False)
    return busy(request, error, saved=True if acted else False if undone else None)


def server_error(request: HttpRequest) -> HttpResponse:
    """Asks nothing of database or session: they may be what broke, outside a view; what a view did may be saved then."""
    error = sys.exc_info()[1]
    if isinstance(error, database.UNAVAILABLE):
        database.refusal_of(error)
        return busy(request, error)
    words = {**context.about(), "trace": request.META.get("ersr.trace", "")}
    return HttpResponse(get_template("errors/server_error.html").render(words), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "errors/csrf.html", status=403)
