"""What changes name lists. Called by the request's actions, which check who may and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from django.db import transaction

from ersr.core.errors import FieldError, Refusal, invalid
from ersr.core.tongue import number as figure
from ersr.core.tongue import said
from ersr.files import store
from ersr.incidents.models import Incident
from ersr.ledger.append import append
from ersr.lists import queries, screening
from ersr.lists.models import Hit, HitGroup, ListVersion, NameList, PopularityList, Screening
from ersr.lists.removing import Without
from ersr.lists.taking import Hits, Taken, hits_of
from ersr.names.screen import Popularity
from ersr.people.actions import require_office
from ersr.people.models import Person

#: Bytes of a file as it comes: more than a million names with their ranks take.
POPULARITY_BYTES = 32 * 2**20
PARQUET = "application/vnd.apache.parquet"


def _require_size(data: bytes, limit: int) -> None:
    if len(data) > limit:
        raise Refusal("too_large", said("The file has {data} bytes; at most {limit} are taken.", data=figure(len(data)), limit=figure(limit)))


def adopt(incident: Incident, taken: Taken, *, title: str, by: Person, now: datetime) -> tuple[ListVersion, bool]:
    """A new list of what was taken in; the same records in the same incident again are a no-op (second value False)."""
    told = taken.summary
    # Any version, not only the newest: names that were taken out do not come back by the same file once more.
    known = ListVersion.objects.filter(of__incident=incident, content_digest=told.content_digest).select_related("of").first()
    if known is not None:
        return known, False
    number = NameList.objects.filter(incident=incident).count() + 1
    row = NameList.objects.create(incident=incident, number=number, title=title.strip()[:120] or f"List {number}")
    version = ListVersion.objects.create(
        of=row,
        version=1,
        digest=told.digest,
        content_digest=told.content_digest,
        file=store.record(taken.file, PARQUET, now=now),
        sent=store.record(taken.sent, "application/octet-stream", now=now),
        lines=told.lines,
        names=told.names,
        duplicates=told.duplicates,
        refused=dict(told.refused),
        refused_rows=taken.refused_rows,
        refused_file=taken.refused_file and store.record(taken.refused_file, "text/csv", now=now),
        tlds=dict(told.tlds),
        made_by=by,
        made_at=now,
    )
    _meet(row, version, taken.hits)
    screening.wanted(version, now=now)
    return version, True


def _meet(row: NameList, version: ListVersion, looked: Hits) -> None:
    """Notes every name that stands on the newest popularity list; answered hits stay answered."""
    newest = queries.popularity()
    if looked[0] != (newest and newest.pk):  # another list was imported meanwhile
        looked = hits_of(store.path(version.file_id))
    known = set(row.hits.values_list("name", flat=True))
    Hit.objects.bulk_create(Hit(of=row, name=name, rank=rank) for name, rank in looked[1] if name not in known)


def remove(row: NameList, without: Without, *, reason: str, by: Person, now: datetime) -> ListVersion:
    """The next version, as removing.py made it before; it must still be about the newest one."""
    last, newest = queries.latest(row), queries.screened(row)
    if last.pk != without.of or (without.seen is not None and without.seen != (newest and newest.pk)):
        raise changed_meanwhile(row)
    told, whole = without.told, without.file_of_removed
    return ListVersion.objects.create(
        of=row,
        version=last.version + 1,
        digest=told.digest,
        content_digest=told.content_digest,
        file=store.record(without.file, PARQUET, now=now),
        lines=told.names,
        names=told.names,
        tlds=told.tlds,
        removed=[] if whole else list(without.removed),
        removed_file=whole and store.record(whole, "text/plain", now=now),
        reason=reason,
        made_by=by,
        made_at=now,
    )


def hits_meant(row: NameList, answers: dict[str, tuple[str, str]]) -> list[Hit]:
    """The unanswered hits that `answers` (name -> "kept" | "removed", reason) are about; a refusal for what makes no sense."""
    hits = {hit.name: hit for hit in row.hits.filter(name__in=answers)}
    errors = [
        FieldError("names", said("{name} is no hit on list {number}", name=name, number=row.number)) for name in sorted(set(answers) - set(hits))
    ]
    for name, (answer, reason) in sorted(answers.items()):
        if answer not in ("kept", "removed"):
            errors.append(FieldError(name, said("Choose for {name} whether it is kept or removed", name=name)))
        elif not reason.strip():
            errors.append(FieldError(name, said("Say why {name} is {answer}", name=name, answer=answer)))
        elif name in hits and hits[name].answer:
            errors.append(FieldError(name, said("{name} was answered before: {answer}", name=name, answer=hits[name].answer)))
    if errors:
        raise invalid(*errors)
    return list(hits.values())


def answer_hits(
    row: NameList, answers: dict[str, tuple[str, str]], without: Without | None, *, by: Person, now: datetime
) -> ListVersion | None:
    """`without`: the list less the names that are removed, which make one new version of it."""
    for hit in hits_meant(row, answers):
        hit.answer, hit.reason, hit.answered_by, hit.answered_at = answers[hit.name][0], answers[hit.name][1].strip(), by, now
        hit.save()
    if without is None:
        return None
    return remove(row, without, reason="; ".join(sorted({answers[name][1].strip() for name in without.removed})), by=by, now=now)


def groups_meant(row: NameList, groups: Sequence[str], *, answer: str, reason: str) -> list[HitGroup]:
    """The unanswered groups that are meant by "registered/com", or "registered" for all TLDs; a refusal for what makes no sense."""
    errors = [] if answer in ("kept", "removed") else [FieldError("answer", said("Choose whether they are kept or removed"))]
    if not reason.strip():
        errors.append(FieldError("reason", said("Say why: the reason stays on record")))
    known = {(group.kind, group.tld): group for group in row.groups.filter(names__gt=0).select_related("of")}
    meant: dict[tuple[str, str], HitGroup] = {}
    for text in groups:
        kind, _, tld = text.partition("/")
        found = {key: group for key, group in known.items() if key[0] == kind and tld in ("", key[1]) and not group.answer}
        if not found:
            answered = any(key[0] == kind and tld in ("", key[1]) for key in known)
            words = said("{group} was answered before", group=text) if answered else said("List {number} has no hits called {group}", number=row.number, group=text)
            errors.append(FieldError("groups", words))
        meant |= found
    if not groups:
        errors.append(FieldError("groups", said("Choose at least one group of hits")))
    if errors:
        raise invalid(*errors)
    return list(meant.values())


def changed_meanwhile(row: NameList) -> Refusal:
    return Refusal("conflict", said("List {number} changed at this moment. Look at it again.", number=row.number))


def answer_groups(
    row: NameList, groups: Sequence[HitGroup], without: Without | None, *, answer: str, reason: str, by: Person, now: datetime
) -> ListVersion | None:
    """`without`: the list less their names, if they are removed and any of them was on it."""
    for group in groups:
        group.answer, group.reason, group.answered_by, group.answered_at = answer, reason.strip(), by, now
        group.save()
    return remove(row, without, reason=reason.strip(), by=by, now=now) if without else None


def screen_again(row: NameList, *, now: datetime) -> Screening:
    """A screening of the newest version against what lies in the folder of zones now."""
    if Screening.objects.filter(version__of=row, state="waiting").exists():
        raise Refusal("already", said("List {number} is being held against the zones already. Reload to see how far it is.", number=row.number))
    made = screening.wanted(queries.latest(row), now=now, again=True)
    if made is None:
        raise Refusal("not_now", said("No zone of this list's TLDs is there. The operator of the service puts them into ERSR_ZONES."))
    return made


def import_popularity(data: bytes, *, title: str, as_of: date, by: Person, now: datetime) -> PopularityList:
    """A list of much-visited names. Lists of open requests are screened against it at once."""
    require_office("import_popularity", by)
    _require_size(data, POPULARITY_BYTES)
    if not title.strip():
        raise invalid(FieldError("title", said("Say where the list comes from")))
    ranks = Popularity.parse(data)
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
            version = queries.latest(name_list)
            _meet(name_list, version, hits_of(store.path(version.file_id)))
    return row
