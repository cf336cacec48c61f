"""Idempotency-Key: the same call again gets the same answer, and acts once.

The row is inserted first, in the transaction that acts and stores the answer: a second call with the key waits for the first
(unique index on PostgreSQL, write lock on SQLite), and a crash leaves neither the act nor the row. A call that was refused
leaves no row, since it changed nothing: it may be mended and sent again.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from ersr import clock
from ersr.core.errors import FieldError, Refusal, invalid, not_found
from ersr.faces.api.auth import caller
from ersr.faces.api.models import IdempotentAnswer
from ersr.faces.api.problems import CAUSED
from ersr.files.incoming import Received
from ersr.people.models import Person

KEPT = timedelta(hours=24)
LONGEST = 80


def _box() -> Fernet:
    key = hashlib.sha256(b"ersr idempotent answers\n" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def key_of(request: HttpRequest) -> str | None:
    """The header, 1 to 80 visible ASCII characters; None without it."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= LONGEST and key.isascii() and key.isprintable() and " " not in key):
        raise invalid(
            FieldError("Idempotency-Key", f"An Idempotency-Key has 1 to {LONGEST} visible ASCII characters, no space")
        )
    return key


def digest_of(request: HttpRequest) -> str:
    """Of what was sent. Of multipart bodies the parts count and not the boundary, which clients draw anew each time."""
    if request.content_type != "multipart/form-data":
        return hashlib.sha256(request.body).hexdigest()
    parts: list[list[str]] = [[name, *request.POST.getlist(name)] for name in request.POST]
    for name in request.FILES:
        for file in request.FILES.getlist(name):
            parts.append([name, file.name or "", _digest_of(file)])
    return hashlib.sha256(json.dumps(sorted(parts)).encode("utf-8", "surrogatepass")).hexdigest()


def _digest_of(file: UploadedFile) -> str:
    if isinstance(file, Received):
        return file.arriving.digest
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    file.seek(0)
    return digest


def _stored(person: Person, key: str, path: str, digest: str) -> HttpResponse:
    row = IdempotentAnswer.objects.get(person=person, key=key)
    if (row.path, row.body_digest) != (path, digest):
        raise Refusal(
            "idempotency", f"The key {key} was used for another call to {row.path}. Draw a new key for a new call."
        )
    try:
        body = _box().decrypt(row.body.encode("ascii"))
    except InvalidToken:
        raise Refusal("damaged", "The stored answer cannot be opened: ERSR_SECRET_KEY was changed.") from None
    response = HttpResponse(body, status=row.status, content_type=row.media_type)
    response["Idempotency-Replayed"] = "true"
    return response


def _once(run: Callable[[], HttpResponse], person: Person, key: str, path: str, digest: str) -> HttpResponse:
    now = clock.real()
    with transaction.atomic():
        IdempotentAnswer.objects.filter(at__lt=now - KEPT).delete()
        try:
            with transaction.atomic():
                row = IdempotentAnswer.objects.create(person=person, key=key, path=path, body_digest=digest, at=now)
        except IntegrityError:
            return _stored(person, key, path, digest)
        response = run()
        if response.status_code >= 500:
            transaction.set_rollback(True)
        elif response.status_code >= 400:
            # The refused action has undone itself; what was noted of the attempt, such as a wrong code, must stay.
            row.delete()
        else:
            IdempotentAnswer.objects.filter(pk=row.pk).update(
                status=response.status_code,
                body=_box().encrypt(response.content).decode("ascii"),
                media_type=response["Content-Type"],
            )
    return response


def act_once(run: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Wraps an operation's `run` (ninja's decorator mode "view"). Public operations know nobody and take no key."""
    operation = run.__self__  # type: ignore[attr-defined]

    @functools.wraps(run)
    def wrapper(request: HttpRequest, **path: object) -> HttpResponse:
        try:
            if "\0" in request.path or "\0" in "".join(request.GET.values()):
                raise not_found()  # no stored text holds one, and PostgreSQL takes none
            key = key_of(request) if request.method == "POST" and operation.auth_callbacks else None
            if key is None:
                return run(request, **path)
            for callback in operation.auth_callbacks:
                if not callback(request):
                    return run(request, **path)  # which refuses
            whole = functools.partial(run, request, **path)
            return _once(whole, caller(request), key, request.path[:300], digest_of(request))
        except CAUSED as error:
            return operation.api.on_exception(request, error)

    return wrapper
