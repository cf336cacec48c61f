"""What the registry does: files, adds, records acts, answers, withdraws, acknowledges."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

from django.http import HttpRequest
from ninja import File, Form, Status, UploadedFile

from ersr import clock
from ersr.core.errors import not_found
from ersr.faces.api import show
from ersr.faces.api.auth import READ, caller
from ersr.faces.api.idempotency import key_of
from ersr.faces.api.reading import taken
from ersr.faces.api.schemas.office import Operators
from ersr.faces.api.schemas.sent import ActIn, AnswersIn, PartIn, ReasonIn, SixIn, WaiverRefIn
from ersr.faces.api.schemas.upload import UploadOut
from ersr.faces.api.v1.operation import answers, does, done, router
from ersr.files.incoming import to_keep
from ersr.lists.taking import is_small
from ersr.requests import actions, queries
from ersr.waivers import actions as waivers
from ersr.waivers.queries import waiver_for


@router.get("operators", auth=READ, operation_id="operators", tags=["filing"], **answers(Operators))
def operators(request: HttpRequest) -> dict[str, Any]:
    """Operators that you may file for, each with the TLDs that you may file for."""
    person = caller(request)
    found = [
        {"key": party.key, "name": party.name, "tlds": [tld.name for tld in queries.tlds_for(person, party)]}
        for party in queries.operators_for(person)
    ]
    return {"items": found, "next": None}


@router.post("requests", **does("submit", status=201))
def submit(request: HttpRequest, sent: SixIn) -> Status[dict[str, Any]]:
    """Files a request from six answers. The same Idempotency-Key with the same answers files once."""
    person, six = caller(request), sent.dict()
    # The answers count beside the key: when the stored answer is gone, a key used again must not swallow another filing.
    # Hashed together, since key and digest side by side are longer than the column, and a cut digest tells nothing apart.
    told = json.dumps([key_of(request) or secrets.token_urlsafe(24), six], sort_keys=True).encode()
    once = f"{person.pk}:api:{hashlib.sha256(told).hexdigest()}"
    filed = actions.submit(six, by=person, now=clock.now(), once=once)
    return Status(201, done(request, filed.reference))


@router.post("requests/{ref}/add_part", **does("add_part"))
def add_part(request: HttpRequest, ref: str, sent: PartIn) -> dict[str, Any]:
    """A new version of one part of the filing; the same content again is a no-op."""
    row = actions.add_part(ref, sent.part, sent.body, by=caller(request), now=clock.now())
    return done(request, ref, "part", version=row.version)


@router.post("requests/{ref}/record_act", **does("record_act"))
def record_act(request: HttpRequest, ref: str, sent: ActIn) -> dict[str, Any]:
    """An act planned or taken."""
    fields = sent.dict(exclude={"replaces"})
    row = actions.record_act(ref, fields, by=caller(request), now=clock.now(), replaces=sent.replaces)
    return done(request, ref, "act", id=row.pk)


@router.post("requests/{ref}/add_list", **does("add_list", later=UploadOut))
def add_list(
    request: HttpRequest,
    ref: str,
    file: File[UploadedFile],
    title: Form[str] = "",
) -> Any:
    """A file of names. The same names again are a no-op: `made.new` is false. Of more than a megabyte, and of a compressed one, the
    answer is 202 and `path` says where to look for what became of it."""
    person, size = caller(request), file.size or 0
    if not is_small(file, size):  # type: ignore[arg-type]
        number = actions.receive_list(ref, to_keep(file), size, title=title, by=person, now=clock.now())
        found = queries.request_for(person, ref)
        return Status(202, show.upload(found, queries.upload_of(found, number)))
    row, new = actions.add_list(ref, file, title=title, by=person, now=clock.now())  # type: ignore[arg-type]
    told = {"number": row.of.number, "version": row.version, "digest": row.digest, "names": row.names, "new": new}
    return done(request, ref, "list", **told)


@router.post("requests/{ref}/add_evidence", **does("add_evidence"))
def add_evidence(
    request: HttpRequest,
    ref: str,
    file: File[UploadedFile],
) -> dict[str, Any]:
    """A file as it is. It is only ever downloaded again, never opened by the service."""
    row = actions.add_evidence(ref, taken(file), name=file.name or "file", by=caller(request), now=clock.now())
    return done(request, ref, "evidence", id=row.pk, digest=row.file_id)


@router.post("requests/{ref}/answer", **does("answer"))
def answer(request: HttpRequest, ref: str, sent: AnswersIn) -> dict[str, Any]:
    """Answers open questions, by their id."""
    actions.answer(ref, sent.answers, by=caller(request), now=clock.now())
    return done(request, ref)


@router.post("requests/{ref}/withdraw", **does("withdraw"))
def withdraw(request: HttpRequest, ref: str, sent: ReasonIn) -> dict[str, Any]:
    """Only before the decision. Acts taken stay on record as not covered."""
    actions.withdraw(ref, reason=sent.reason, by=caller(request), now=clock.now())
    return done(request, ref)


@router.post("requests/{ref}/acknowledge", **does("acknowledge"))
def acknowledge(request: HttpRequest, ref: str, sent: WaiverRefIn) -> dict[str, Any]:
    """Receipt of a waiver of this request; not an agreement."""
    person = caller(request)
    if waiver_for(person, sent.waiver).request.reference != ref.upper():
        raise not_found()
    row = waivers.acknowledge(sent.waiver, by=person, now=clock.now())
    return done(request, ref, "acknowledgement", id=row.pk)
