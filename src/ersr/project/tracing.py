"""Outermost of all: a number for each request, in its answer and in each line that is logged about it."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

log = structlog.get_logger("ersr.request")

#: A proxy's own id is taken over if it is one; anything else would be a way to write into the log.
_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Traced:
    """Logs one line a request: never the address, the query or the body."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        trace = given if _ID.fullmatch(given) else secrets.token_hex(8)
        request.META["ersr.trace"] = trace
        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request=trace):
            response = self.get_response(request)
            found = request.resolver_match
            if found is not None:  # static files have no route and are no news
                log.info(
                    "answered",
                    method=request.method if request.method in _METHODS else "other",
                    route=found.url_name or found.route,
                    status=response.status_code,
                    ms=round(1000 * (time.perf_counter() - began)),
                )
        response.headers["X-Request-ID"] = trace
        return response
