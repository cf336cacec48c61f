"""Every refusal as application/problem+json (RFC 9457), made in this one place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from ersr.core.errors import CODES, FieldError, Refusal, invalid, not_found
from ersr.faces import busy
from ersr.faces.api.auth import caller_or_none
from ersr.files.room import FULL, is_full

log = structlog.get_logger("ersr.api")

MEDIA_TYPE = "application/problem+json"
#: What each operation may answer besides its own; the description of the API declares all of them.
STATUSES = frozenset({401, 403, 404, 409, 413, 422, 429, 500, 503})
#: code -> seconds after which the same call may do better.
RETRY_AFTER = {"busy": busy.RETRY_AFTER, "conflict": 1, "pending": 1, "too_many": 900}


def problem(refusal: Refusal, request: HttpRequest) -> HttpResponse:
    """The refusal for this caller; names of people who can do it go to staff only."""
    status, title = CODES[refusal.code]
    body: dict[str, Any] = {
        "type": f"{settings.ERSR_ADDRESS}/api/v1/problems#{refusal.code}",
        "title": title,
        "status": status,
        "detail": refusal.message,
        "code": refusal.code,
        "errors": [{"field": error.field, "message": error.message} for error in refusal.fields],
    }
    person = caller_or_none(request)
    if refusal.who_can and person is not None and person.is_staff_member:
        body["who_can"] = list(refusal.who_can)
    response = HttpResponse(json.dumps(body), status=status, content_type=MEDIA_TYPE)
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if refusal.code in RETRY_AFTER:
        response["Retry-After"] = str(refusal.facts.get("retry_after", RETRY_AFTER[refusal.code]))
    return response


def method_refused(request: HttpRequest, allowed: HttpResponseNotAllowed) -> HttpResponse:
    """405 in our words; Allow says what the address takes."""
    response = problem(Refusal("method", f"{request.path} takes {allowed['Allow']}."), request)
    response["Allow"] = allowed["Allow"]
    return response


def _of_validation(rows: Sequence[Mapping[str, Any]]) -> Refusal:
    """Each wrong field once, named as the caller knows it: without where it was found and without the parameter's name."""
    errors: dict[str, FieldError] = {}
    for row in rows:
        path = [str(step) for step in row["loc"]]
        path = path[2:] if path[0] in ("body", "form", "file") and len(path) > 2 else path[1:]
        name = ".".join(path) or "body"
        message = str(row["msg"]).removeprefix("Value error, ")
        errors.setdefault(name, FieldError(name, message[:1].upper() + message[1:]))
    return invalid(*errors.values())


def refusal_of(error: Exception) -> Refusal:
    """What an exception of Django, ninja or the database means in the product's own words."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, HttpError) and isinstance(error.__cause__, Refusal):
        return error.__cause__
    if isinstance(error, AuthenticationError):
        return Refusal("sign_in", "Send Authorization: Bearer TOKEN. Make a token with POST /api/v1/tokens.")
    if isinstance(error, ValidationError):
        return _of_validation(error.errors)
    if isinstance(error, busy.UNAVAILABLE):
        return busy.refusal_of(error)
    if isinstance(error, Http404):
        return not_found()
    if isinstance(error, RequestDataTooBig):
        return Refusal("too_large", f"At most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes are taken, files apart.")
    return invalid(FieldError("body", "The body cannot be read: send JSON, or multipart/form-data where a file goes"))


#: What a caller can cause; anything else is a defect of ours.
CAUSED = (
    Refusal, HttpError, ValidationError, *busy.UNAVAILABLE, Http404, SuspiciousOperation, BadRequest, MultiPartParserError,
    UnreadablePostError,
)  # fmt: skip


def _failed(request: HttpRequest, error: Exception) -> HttpResponse:
    # Django's own log and the tests' client hear of it as of any other failure.
    got_request_exception.send(sender=None, request=request)
    if is_full(error):
        return problem(FULL, request)
    log.error("failed", exc_info=error)
    return problem(
        Refusal("failed", "This is our mistake and is on our record. Call the duty line if it is urgent."), request
    )


def install(api: NinjaAPI) -> None:
    """Makes every exception that an operation lets out a problem."""
    for kind in CAUSED:
        api.add_exception_handler(kind, lambda request, error: problem(refusal_of(error), request))
    api.add_exception_handler(Exception, _failed)
