"""Addresses of the API, and the two public files that verifiers fetch. What is not there answers with a problem too."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from ersr.core.errors import not_found
from ersr.faces.api.problems import CAUSED, method_refused, problem, refusal_of
from ersr.faces.api.v1 import api
from ersr.faces.api.v1.public import checkpoint, keys_json


def careful(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Turns what a view refuses outside ninja's reach (405, the description, the public files) into problems."""

    @csrf_exempt
    @functools.wraps(view, assigned=(), updated=())
    def wrapper(request: HttpRequest, *words: Any, **named: Any) -> HttpResponse:
        try:
            response = view(request, *words, **named)
        except CAUSED as error:
            return problem(refusal_of(error), request)
        return method_refused(request, response) if isinstance(response, HttpResponseNotAllowed) else response

    return wrapper


def nothing_here(request: HttpRequest) -> HttpResponse:
    return problem(not_found(), request)


# Not named app_name: Django reads that name as this module's own namespace.
operations, family, namespace = api.urls
for pattern in operations:
    pattern.callback = careful(pattern.callback)

urlpatterns = [
    path("api/v1/", (operations, family, namespace)),
    re_path(r"^api(?:/|$)", csrf_exempt(nothing_here)),
    path("keys.json", careful(require_safe(keys_json)), name="keys-json"),
    path("checkpoint", careful(require_safe(checkpoint)), name="checkpoint"),
]
