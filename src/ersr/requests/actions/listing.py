"""A registry's name lists: taken in while it waits, or by the worker. Whichever way, one transaction makes the version."""

from __future__ import annotations

import hashlib
import io
from datetime import datetime
from typing import BinaryIO

from django.conf import settings
from django.db import transaction

from ersr.core.errors import Refusal
from ersr.core.tongue import kept, said
from ersr.core.tongue import number as figure
from ersr.files import store
from ersr.jobs import queue
from ersr.lists import actions as lists
from ersr.lists.models import ListVersion, Upload
from ersr.lists.taking import Taken, take_small
from ersr.people.models import Person
from ersr.requests.actions.advice import renew
from ersr.requests.actions.step import begin, end
from ersr.requests.models import Request


def add_list(reference: str, file: bytes | BinaryIO, *, title: str, by: Person, now: datetime) -> tuple[ListVersion, bool]:
    """A name list; the same records twice are a no-op and say so (second value False). Takes as long as its intake takes."""
    file = io.BytesIO(file) if isinstance(file, bytes) else file
    _require_size(file.seek(0, io.SEEK_END))
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    file.seek(0)
    with transaction.atomic():
        request = _begin(reference, by)
    taken = take_small(file, digest, request.tlds)
    with transaction.atomic():
        return _adopt(_begin(reference, by), taken, title=title, by=by, now=now)


def receive_list(
    reference: str, file: BinaryIO | store.Arriving, size: int, *, title: str, by: Person, now: datetime
) -> int:
    """Keeps a large file for the worker to take in; the upload's number in its incident. A file that waits already is not taken twice."""
    _require_size(size)
    with transaction.atomic():
        _begin(reference, by)
    kept = store.keep(file)
    with transaction.atomic():
        request = _begin(reference, by)
        uploads = request.incident.uploads
        same = uploads.filter(file_id=kept, state="waiting").first()
        if same is not None:
            return same.number
        upload = uploads.create(
            title=title.strip()[:120], file=store.record(kept, "application/octet-stream", now=now), tlds=request.tlds,
            made_by=by, made_at=now,
        )  # fmt: skip
        queue.put("take_list", f"{request.reference}:{upload.number}", now=now)
        return upload.number


def note_read(upload: Upload, read: int) -> None:
    """How many bytes of the file the worker has behind it."""
    Upload.objects.filter(pk=upload.pk, state="waiting").update(read=read)


def finish_upload(reference: str, number: int, taken: Taken, *, now: datetime) -> None:
    """What the worker took in becomes a list, if whoever sent it still may add one."""
    with transaction.atomic():
        upload = _waiting(reference, number)
        if upload is None:
            return
        if not upload.made_by.is_active:
            raise Refusal("not_allowed", said("Whoever sent this list has no account any more."))
        request = begin(reference, "add_list", by=upload.made_by)
        version, new = _adopt(request, taken, title=upload.title, by=upload.made_by, now=now)
        upload.state, upload.version, upload.new, upload.read, upload.ended_at = "taken", version, new, upload.file.size, now
        upload.save()


def refuse_upload(reference: str, number: int, problem: str, *, now: datetime) -> None:
    """The file was no list, or it is too late for it: whoever looks at the upload reads why."""
    with transaction.atomic():
        upload = _waiting(reference, number)
        if upload is not None:
            upload.state, upload.problem, upload.why, upload.ended_at = "refused", problem, kept(problem), now
            upload.save()


def _waiting(reference: str, number: int) -> Upload | None:
    """The upload, locked with its request, unless it came to its end before."""
    request = Request.objects.select_for_update().get(reference=reference)
    found = request.incident.uploads.all()[number - 1]
    return found if found.state == "waiting" else None


def _begin(reference: str, by: Person) -> Request:
    request = begin(reference, "add_list", by=by)
    limit = settings.ERSR_LISTS_LIMIT
    if request.incident.lists.count() + request.incident.uploads.filter(state="waiting").count() >= limit:
        raise Refusal("too_many", said("This request has {limit} name lists, and no more are taken. Send several as one.", limit=limit))
    return request


def _adopt(request: Request, taken: Taken, *, title: str, by: Person, now: datetime) -> tuple[ListVersion, bool]:
    version, new = lists.adopt(request.incident, taken, title=title, by=by, now=now)
    if new:
        end(
            request, "add_list", by=by, now=now,
            facts={"list": version.of.number, "digest": version.digest, "names": version.names},
        )  # fmt: skip
        renew(request, now=now)
    return version, new


def _require_size(size: int) -> None:
    limit = settings.ERSR_LIST_BYTES
    if size > limit:
        raise Refusal("too_large", said("The file has {data} bytes; at most {limit} are taken.", data=figure(size), limit=figure(limit)))
