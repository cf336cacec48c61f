"""Lists as no action makes them here: with windows, or held against a zone without a worker."""

from __future__ import annotations

import io
import tempfile
from datetime import datetime
from pathlib import Path

from ersr.files import store
from ersr.jobs import queue
from ersr.jobs.models import Job
from ersr.lists import zones
from ersr.lists.actions import PARQUET
from ersr.lists.models import ListVersion, NameList
from ersr.names import intake
from ersr.people.models import Person
from ersr.requests.actions import add_list


def windowed(row: NameList, text: str, *, by: Person, now: datetime) -> ListVersion:
    """The next version of the list, from CSV with `name,valid_from,valid_until`."""
    with tempfile.TemporaryDirectory() as place:
        told = intake.take([("x.csv", io.BytesIO(text.encode()))], ["biz", "com", "net"], Path(place))
        file = store.put((Path(place) / "list.parquet").read_bytes(), PARQUET, now=now)
    last = row.versions.last()
    return ListVersion.objects.create(
        of=row, version=last.version + 1 if last else 1, digest=told.digest, content_digest=told.content_digest, file=file,
        lines=told.lines, names=told.names, tlds=dict(told.tlds), made_by=by, made_at=now,
    )  # fmt: skip


def screened(ref: str, *, by: Person, now: datetime) -> ListVersion:
    """A further list of the request, held against a zone in which two of its names are delegated; nothing of it is answered."""
    zones.place().mkdir(parents=True, exist_ok=True)
    zone = zones.place() / "com.zone"
    zone.write_text("com. 1 in soa a. b. 1 2 3 4 5\nqqsinkq.com. 1 in ns ns1.host.example.\nqqtaken.com. 1 in ns ns2.host.example.\n")
    try:
        version, _ = add_list(ref, b"qqfreeq.com\nqqsinkq.com\nqqtaken.com\n", title="Held against a zone", by=by, now=now)
        while job := Job.objects.filter(kind__startswith="screening.", state="open").order_by("pk").first():
            queue.KINDS[job.kind](job.subject)
            Job.objects.filter(pk=job.pk).update(state="done")
    finally:
        zone.unlink()
    assert version.screenings.get().state == "done"
    return version
