"""What a list would meet, found by the worker: a job for each zone, then one that puts the result together (names/screening.py).

The units' folders lie in ERSR_HOME/screenings/LIST until the result is there: a worker that is killed costs the unit that ran, and a
screening that is begun again takes up what is done and still true. A thief of that folder gains what a thief of the store does.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction

from ersr import clock
from ersr.core.errors import Refusal
from ersr.core.screening import Class
from ersr.files import store
from ersr.jobs import queue
from ersr.jobs.models import Job
from ersr.ledger.append import append
from ersr.lists import folders, hits, queries, zones
from ersr.lists.models import Hit, HitGroup, ListVersion, NameList, Screening
from ersr.names import crew, screening

if TYPE_CHECKING:
    from polars import DataFrame

#: Subjects are "SCREENING TLD", and "SCREENING" for the one that ends it; REST stands for all TLDs without a zone, which cost little.
UNIT, END = "screening.unit", "screening.end"
REST = "-"
#: What filings and receipts leave of the processor, and no more.
NICE = 4  # on top of the worker's own thread
TRIES = 2


def wanted(version: ListVersion, *, now: datetime, again: bool = False) -> Screening | None:
    """A screening of the version, begun by the worker once the caller's transaction is there; None where there is nothing to hold it
    against. A version that others only left has been looked at with them, unless somebody asks `again`."""
    if (version.removed or version.removed_file_id) and not again:
        return None
    found = zones.there()
    known = [zone for tld, zone in found.zones.items() if tld in version.tlds]
    if not known and not found.beside:
        return None
    known.sort(key=lambda zone: -zone.size)  # the longest first
    units = [zone.tld for zone in known] + ([REST] if version.tlds.keys() - found.zones.keys() else [])
    inputs = {"zones": {zone.tld: {"file": zone.path.name, "day": zone.at.isoformat()} for zone in known}, "units": len(units)}
    row = Screening.objects.create(version=version, inputs=inputs, made_at=now)
    queue.put_all(UNIT, [f"{row.pk} {unit}" for unit in units], now=clock.real())
    return row


def progress(row: Screening) -> tuple[int, int]:
    """How many units are done, of how many."""
    done = Job.objects.filter(kind=UNIT, subject__startswith=f"{row.pk} ", state="done").count()
    return done, int(row.inputs.get("units", 0))


def _place(row: Screening) -> Path:
    return Path(settings.ERSR_HOME) / "screenings" / str(row.version.of_id)


def _plan(row: Screening) -> screening.Plan:
    """Made by whoever comes first and kept: a zone that is fetched anew meanwhile is the next screening's."""
    work = _place(row)
    kept = work / f"plan-{row.pk}.json"
    if kept.is_file():
        return screening.Plan.parse(kept.read_text())
    popular = queries.popularity()
    beside = zones.there().taken(store.path(popular.file_id) if popular else None)
    files = {tld: zones.place() / zone["file"] for tld, zone in row.inputs["zones"].items()}
    made = screening.plan(folders.folder_of(row.version), files, work, beside, threads=1)
    part = kept.with_name(f".{kept.name}.{secrets.token_hex(6)}")
    part.write_text(made.to_json())
    os.replace(part, kept)
    return made


def _begun(pk: str) -> Screening | None:
    return Screening.objects.select_related("version__of").filter(pk=int(pk), state="waiting").first()


def _do(units: list[screening.Unit]) -> None:
    """In a process of its own; one that was killed is tried once more, since whatever killed it by chance does not do so twice."""
    for tries in range(1, TRIES + 1):
        left = [unit for unit in units if not unit.done]
        try:
            return crew.alone(left, nice=NICE) if left else None
        except Refusal as refusal:
            if refusal.code != "failed" or tries == TRIES:
                raise


def given_up(subject: str, problem: str) -> None:
    """A unit, or the end, that stays failed ends the screening; what other units have found is kept for the next."""
    pk = int(subject.partition(" ")[0])
    words = problem.removeprefix("GiveUp: ")[:500]
    Screening.objects.filter(pk=pk, state="waiting").update(state="failed", problem=words, ended_at=clock.now())


@queue.job(UNIT, long=True, given_up=given_up)
def unit(subject: str) -> None:
    pk, _, what = subject.partition(" ")
    row = _begun(pk)
    if row is None:
        return
    try:
        units = _plan(row).units
        _do([one for one in units if (one.tld == what) or (what == REST and not one.zone)])
    except Refusal as refusal:
        raise queue.GiveUp(str(refusal)) from refusal
    others = Job.objects.filter(kind=UNIT, subject__startswith=f"{pk} ", state__in=("open", "running")).exclude(subject=subject)
    if all(one.done for one in units) or not others.exists():
        queue.put(END, pk, now=clock.real())


@queue.job(END, long=True, given_up=given_up)
def end(subject: str) -> None:
    """Puts the result together, outside of any transaction, and then says it in one."""
    row = _begun(subject)
    if row is None:
        return
    work = _place(row)
    try:
        planned = _plan(row)
        _do(list(planned.units))  # none is left, unless somebody cleared the folder
        with tempfile.TemporaryDirectory(dir=work, prefix=".end-") as made:
            summary = screening.put_together(planned, Path(made))
            with (Path(made) / screening.HITS_FILE).open("rb") as file:
                digest = store.keep(file)
        found = hits.on_list(hits.read(digest), row.version.of)
        grown = _grown(row, found)
    except Refusal as refusal:
        raise queue.GiveUp(str(refusal)) from refusal
    with transaction.atomic():
        of = NameList.objects.select_for_update().get(pk=row.version.of_id)
        row = Screening.objects.select_for_update().select_related("version").get(pk=row.pk)
        if row.state != "waiting":
            return
        now = clock.now()
        row.hits = store.record(digest, hits.MEDIA_TYPE, now=now)
        row.state, row.ended_at = "done", now
        row.classes, row.tlds = summary["classes"], summary["tlds"]
        row.inputs = {**row.inputs, **{k: v for k, v in summary["inputs"].items() if k != "zones"}, "zones": {
            tld: {**zone, **summary["inputs"]["zones"].get(tld, {})} for tld, zone in row.inputs["zones"].items()
        }}  # fmt: skip
        row.save()
        if not Screening.objects.filter(version__of=of, pk__gt=row.pk).exists():  # else the newer one says what is to be answered
            _ask(of, found, grown)
        append(
            "list.screened", subject=f"list:{of.pk}", by="system", now=now,
            facts={"list": of.number, "version": row.version.version, "digest": row.version.digest, "hits": digest, "classes": row.classes},
        )  # fmt: skip
    if not Screening.objects.filter(version__of=of, state="waiting").exists():
        shutil.rmtree(work, ignore_errors=True)


def _grown(row: Screening, found: DataFrame) -> set[tuple[str, str]]:
    """Groups with a name that the screening before did not have in them: an answer was given without knowing of it."""
    before = Screening.objects.filter(version__of=row.version.of, state="done", pk__lt=row.pk).exclude(hits=None).order_by("-pk").first()
    if before is None or before.hits_id is None:
        return set()
    new = found.join(hits.read(before.hits_id), on=("class", "name"), how="anti")
    return set(new.select("class", "tld").unique().iter_rows())


def _ask(of: NameList, found: DataFrame, grown: set[tuple[str, str]]) -> None:
    """Groups for every class but popular, whose names are answered one by one. An answer stays unless its group has grown."""
    import polars

    groups = found.filter(polars.col("class") != Class.POPULAR.value)
    counts = Counter({(kind, tld): n for kind, tld, n in groups.group_by("class", "tld").len().iter_rows()})
    known = {(group.kind, group.tld): group for group in of.groups.select_for_update()}
    for key, group in known.items():
        if key in grown and group.answer:
            group.answer, group.reason, group.answered_by, group.answered_at = "", "", None, None
        if counts[key] or not group.answer:
            group.names = counts[key]
        group.save()
    new = sorted(counts.keys() - known.keys())
    HitGroup.objects.bulk_create([HitGroup(of=of, kind=kind, tld=tld, names=counts[kind, tld]) for kind, tld in new])
    popular = dict(found.filter(polars.col("class") == Class.POPULAR.value).select("name", "rank").iter_rows())
    asked = set(of.hits.values_list("name", flat=True))
    Hit.objects.bulk_create([Hit(of=of, name=name, rank=rank) for name, rank in popular.items() if name not in asked])
