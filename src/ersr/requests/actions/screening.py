"""What is answered of the names that a list would hit, one by one or by group, what is taken out, and that it is looked through again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from ersr.core.errors import FieldError, Refusal, invalid
from ersr.core.tongue import said
from ersr.lists import actions as lists
from ersr.lists import removing
from ersr.lists.models import ListVersion, NameList, Screening
from ersr.lists.queries import unanswered
from ersr.people.models import Person
from ersr.requests.actions.step import begin, end
from ersr.requests.models import Request


def _list(request: Request, number: int) -> NameList:
    row = request.incident.lists.select_for_update().filter(number=number).first()
    if row is None:
        raise invalid(FieldError("list", said("There is no list {number}", number=number)))
    return row


def answer_hits(
    reference: str, number: int, answers: dict[str, tuple[str, str]], *, by: Person, now: datetime
) -> ListVersion | None:
    """Answers names of list `number` that stand on a popularity list: kept or removed, each with a reason. A list without the removed
    ones is made before anything is locked."""
    with transaction.atomic():
        row = _list(begin(reference, "answer_hits", by=by), number)
        lists.hits_meant(row, answers)
    removed = sorted(name for name, (answer, _) in answers.items() if answer == "removed")
    without = removing.without_names(row, removed) if removed else None
    with transaction.atomic():
        request = begin(reference, "answer_hits", by=by)
        version = lists.answer_hits(_list(request, number), answers, without, by=by, now=now)
        facts: dict[str, Any] = {"list": number, "answers": {n: list(a) for n, a in sorted(answers.items())}}
        if version is not None:
            facts |= {"digest": version.digest, "names": version.names}
        end(request, "answer_hits", by=by, now=now, facts=facts)
        return version


def remove_names(
    reference: str, number: int, names: Sequence[str], *, reason: str, by: Person, now: datetime
) -> ListVersion:
    """Takes names off a list before the decision, hits or not; the list without them is made before anything is locked."""
    names = sorted({n.strip().lower() for n in names if n.strip()})
    if not reason.strip() or not names:
        raise invalid(FieldError("reason", said("Name the names, and say why they are taken out")))
    with transaction.atomic():
        row = _list(begin(reference, "answer_hits", by=by), number)
    without = removing.without_names(row, names)
    with transaction.atomic():
        request = begin(reference, "answer_hits", by=by)
        row = _list(request, number)
        row.hits.filter(name__in=names, answer="").update(
            answer="removed", reason=reason.strip(), answered_by=by, answered_at=now
        )
        version = lists.remove(row, without, reason=reason.strip(), by=by, now=now)
        end(
            request, "answer_hits", by=by, now=now,
            facts={"list": number, "removed": names, "reason": reason.strip(), "digest": version.digest},
        )  # fmt: skip
        return version


def answer_groups(
    reference: str, number: int, groups: Sequence[str], *, answer: str, reason: str, by: Person, now: datetime
) -> ListVersion | None:
    """Answers whole groups of hits of list `number`: "registered/com", or "registered" for all TLDs. Those of removed groups leave the
    list in one new version, which is made before anything is locked."""
    with transaction.atomic():
        request = begin(reference, "answer_hits", by=by)
        chosen = lists.groups_meant(_list(request, number), groups, answer=answer, reason=reason)
        row = chosen[0].of
    keys = sorted((group.kind, group.tld) for group in chosen)
    without = removing.without_groups(row, keys) if answer == "removed" else None
    with transaction.atomic():
        request = begin(reference, "answer_hits", by=by)
        row = _list(request, number)
        chosen = lists.groups_meant(row, groups, answer=answer, reason=reason)
        if sorted((group.kind, group.tld) for group in chosen) != keys:
            raise lists.changed_meanwhile(row)
        version = lists.answer_groups(row, chosen, without, answer=answer, reason=reason, by=by, now=now)
        facts = {"list": number, "groups": ["/".join(key) for key in keys], "answer": answer, "reason": reason.strip()}
        if without is not None and version is not None:
            facts |= {"removed": len(without.removed), "digest": version.digest, "names": version.names}
        end(request, "answer_hits", by=by, now=now, facts=facts)
        return version


def screen_again(reference: str, number: int, *, by: Person, now: datetime) -> Screening:
    """Has list `number` held against the zones that are there now. Answers stay, unless their group turns out to have grown."""
    with transaction.atomic():
        request = begin(reference, "answer_hits", by=by)
        row = lists.screen_again(_list(request, number), now=now)
        facts = {"list": number, "version": row.version.version, "zones": sorted(row.inputs["zones"])}
        end(request, "answer_hits", by=by, now=now, event="list.screened_again", facts=facts)
        return row


def require_answered(request: Request, code: str, way_out: str) -> None:
    """Refuses while a hit is unanswered or a screening under way; asked before anything is granted or signed."""
    if found := unanswered(request.incident):
        raise Refusal(code, found.words(way_out))
