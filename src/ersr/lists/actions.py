"""What changes name lists. Called by the request's actions, which check who may and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime

from django.conf import settings
from django.db import transaction

from ersr.core.errors import FieldError, Refusal, invalid
from ersr.files import store
from ersr.incidents.models import Incident
from ersr.ledger.append import append
from ersr.lists import queries
from ersr.lists.models import Hit, ListVersion, NameList, PopularityList
from ersr.names import canonical, listfile, screen
from ersr.people.actions import require_office
from ersr.people.models import Person

#: Bytes of a file as it comes: much more than 200,000 names of usual length, or a million names with their ranks, take.
LIST_BYTES, POPULARITY_BYTES = 8 * 2**20, 32 * 2**20
PARQUET = "application/vnd.apache.parquet"


def _require_size(data: bytes, limit: int) -> None:
    if len(data) > limit:
        raise Refusal("too_large", f"The file has {len(data):,} bytes; at most {limit:,} are taken.")


def add(
    incident: Incident, data: bytes, tlds: Sequence[str], *, title: str, by: Person, now: datetime
) -> tuple[ListVersion, bool]:
    """A new list from a file of names; the same names in the same incident again are a no-op (second value False)."""
    _require_size(data, LIST_BYTES)
    found = canonical.intake(data, tlds, limit=settings.ERSR_LIST_LIMIT)
    if not found.names:
        raise Refusal(
            "unfit",
            "No name in this file can be taken in: " + "; ".join(f"{n} {r}" for r, n in found.refused.items()) + ".",
        )
    # Any version, not only the newest: names that were taken out do not come back by the same file once more.
    known = ListVersion.objects.filter(of__incident=incident, digest=found.digest).select_related("of").first()
    if known is not None:
        return known, False
    file = store.put(listfile.write(found.names), PARQUET, now=now)
    number = NameList.objects.filter(incident=incident).count() + 1
    row = NameList.objects.create(incident=incident, number=number, title=title.strip()[:120] or f"List {number}")
    version = ListVersion.objects.create(
        of=row,
        version=1,
        digest=found.digest,
        file=file,
        lines=found.lines,
        names=len(found.names),
        duplicates=found.duplicates,
        refused=dict(found.refused),
        refused_rows=[[r.line, r.text, r.reason] for r in found.refused_rows[:200]],
        tlds=dict(found.tlds),
        made_by=by,
        made_at=now,
    )
    screen_list(row, found.names)
    return version, True


def screen_list(row: NameList, names: Sequence[str]) -> None:
    """Marks every name that stands on the newest popularity list; answered hits stay answered."""
    popular = queries.popularity()
    if popular is None:
        return
    ranks = screen.Popularity.parse(store.get(popular.file_id))
    known = set(row.hits.values_list("name", flat=True))
    Hit.objects.bulk_create(
        Hit(of=row, name=hit.name, rank=hit.rank) for hit in screen.hits(names, ranks) if hit.name not in known
    )


def remove(row: NameList, names: Sequence[str], *, reason: str, by: Person, now: datetime) -> ListVersion:
    """A new version without these names; all of them must be on the list."""
    last = row.versions.order_by("-version").first()
    assert last is not None
    held = listfile.read(store.get(last.file_id))
    absent = sorted(set(names) - set(held))
    if absent:
        raise invalid(FieldError("names", f"Not on list {row.number}: {', '.join(absent[:5])}"))
    kept = listfile.without(held, names)
    if not kept:
        raise invalid(FieldError("names", "This would leave the list empty: deny the line instead"))
    return ListVersion.objects.create(
        of=row,
        version=last.version + 1,
        digest=canonical.digest(kept),
        file=store.put(listfile.write(kept), PARQUET, now=now),
        lines=len(kept),
        names=len(kept),
        tlds=dict(sorted(Counter(n.rsplit(".", 1)[1] for n in kept).items())),
        removed=sorted(names),
        reason=reason,
        made_by=by,
        made_at=now,
    )


def answer_hits(row: NameList, answers: dict[str, tuple[str, str]], *, by: Person, now: datetime) -> ListVersion | None:
    """answers: name -> ("kept" | "removed", reason). Removed names make one new version of the list."""
    hits = {hit.name: hit for hit in row.hits.filter(name__in=answers)}
    errors = [
        FieldError("names", f"{name} is no hit on list {row.number}") for name in sorted(set(answers) - set(hits))
    ]
    for name, (answer, reason) in sorted(answers.items()):
        if answer not in ("kept", "removed"):
            errors.append(FieldError(name, f"Choose for {name} whether it is kept or removed"))
        elif not reason.strip():
            errors.append(FieldError(name, f"Say why {name} is {answer}"))
        elif name in hits and hits[name].answer:
            errors.append(FieldError(name, f"{name} was answered before: {hits[name].answer}"))
    if errors:
        raise invalid(*errors)
    for name, (answer, reason) in answers.items():
        hit = hits[name]
        hit.answer, hit.reason, hit.answered_by, hit.answered_at = answer, reason.strip(), by, now
        hit.save()
    removed = sorted(name for name, (answer, _) in answers.items() if answer == "removed")
    if not removed:
        return None
    return remove(row, removed, reason="; ".join(sorted({answers[n][1].strip() for n in removed})), by=by, now=now)


def import_popularity(data: bytes, *, title: str, as_of: date, by: Person, now: datetime) -> PopularityList:
    """A list of much-visited names. Lists of open requests are screened against it at once."""
    require_office("import_popularity", by)
    _require_size(data, POPULARITY_BYTES)
    if not title.strip():
        raise invalid(FieldError("title", "Say where the list comes from"))
    ranks = screen.Popularity.parse(data)
    with transaction.atomic():
        file = store.put(data, "text/plain", now=now)
        row = PopularityList.objects.create(
            title=title.strip()[:120], as_of=as_of, file=file, names=len(ranks), imported_by=by, imported_at=now
        )
        append(
            "popularity.imported",
            subject=f"popularity:{row.pk}",
            by=by.email,
            now=now,
            facts={"digest": file.digest, "names": row.names},
        )
        for name_list in queries.unsettled_lists():
            screen_list(name_list, listfile.read(store.get(queries.latest(name_list).file_id)))
    return row
