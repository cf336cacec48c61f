"""What anybody may ask, without a token: the keys, the last public checkpoint, whether a document is authentic."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import File, UploadedFile

from ersr import clock
from ersr.core.errors import CODES, not_found
from ersr.faces.api.reading import taken
from ersr.faces.api.schemas.office import ProblemKinds, VerdictOut
from ersr.faces.api.v1.operation import answers, router
from ersr.faces.network import network_of
from ersr.ledger import sequence
from ersr.people.patience import CHECKING, take
from ersr.proof.verify import verify as judge


@router.post("verify", operation_id="verify", **answers(VerdictOut))
def verify(
    request: HttpRequest,
    file: File[UploadedFile],
    names: File[UploadedFile | None] = None,
) -> dict[str, Any]:
    """What `ersr verify` says of a letter, token, receipt or checkpoint, and of a list held against its digest."""
    take(f"check:{network_of(request)}", CHECKING, now=clock.real())
    listed = taken(names) if names else None
    name = (file.name or "file")[:200]
    keys = sequence.installed_keys().key_set()
    return judge(taken(file), keys, at=clock.now(), name=name, names=listed).to_json()


@router.get("problems", operation_id="problems", **answers(ProblemKinds))
def problems(request: HttpRequest) -> dict[str, Any]:
    """Every code that a problem can carry."""
    return {"items": [{"code": code, "status": status, "title": title} for code, (status, title) in CODES.items()]}


def keys_json(request: HttpRequest) -> HttpResponse:
    """GET /keys.json: the JWK Set that verifiers pin, byte by byte."""
    return HttpResponse(sequence.installed_keys().key_set().to_json(), content_type="application/jwk-set+json")


def checkpoint(request: HttpRequest) -> HttpResponse:
    """GET /checkpoint: the last one made on the hour."""
    row = sequence.last_public()
    if row is None:
        raise not_found()
    return HttpResponse(row.text, content_type="text/plain; charset=utf-8")
