"""Keeps the proposed lines in step with the facts: the rules propose, staff change, nobody edits."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

from ersr.core import triage
from ersr.core.lifecycle import LineState, State
from ersr.ledger.append import append
from ersr.lists.queries import latest_versions
from ersr.parties.models import Agreement, Tld
from ersr.requests import queries
from ersr.requests.models import Line, Request

_TRUTH = {"yes": True, "no": False}


def facts(request: Request) -> triage.Facts:
    """What the filing says, as the rules want it."""
    parts = {name: row.body for name, row in queries.latest_parts(request).items()}
    by_agreement: dict[Agreement, list[str]] = {}
    for tld in Tld.objects.filter(name__in=request.tlds).select_related("agreement").order_by("agreement__key", "name"):
        by_agreement.setdefault(tld.agreement, []).append(tld.name)
    versions = latest_versions(request.incident)
    numbers = tuple(v.of.number for v in versions)
    relief = parts.get("relief", {})
    return triage.Facts(
        agreements=tuple(
            triage.AgreementFacts(a.key, a.family, a.version, a.dated, tuple(tlds)) for a, tlds in by_agreement.items()
        ),
        actions=tuple(
            triage.ActionFacts(
                action=triage.Action(act.action),
                taken=act.taken,
                starts_at=act.starts_at,
                ends_at=act.ends_at,
                list_numbers=numbers if act.action != "suspend_service" else (),
                registered_names=_TRUTH.get(act.registered),
                service=triage.Service(act.service) if act.service else None,
            )
            for act in queries.current_acts(request)
        ),
        registrar_route=triage.RegistrarRoute(relief.get("registrar_route") or "unknown"),
        fee_relief=_TRUTH.get(relief.get("fee_relief", "")),
        names_count=sum(v.names for v in versions) if versions else None,
        immediate=_TRUTH.get(parts.get("incident", {}).get("immediate", "")),
    )


def advice(request: Request) -> triage.Advice:
    return triage.advise(facts(request), queries.catalogue())


Key = tuple[str, str, str, int | None]


def _spoken_on(request: Request) -> set[Key]:
    """What staff dropped, or pointed at another provision: the rules do not propose it once more."""
    found: set[Key] = set()
    rows = request.lines.filter(by_rules=False).select_related("agreement", "name_list").prefetch_related("changes")
    for line in rows:
        before = {change.before.get("provision") for change in line.changes.all()} - {None}
        for provision in {line.provision, *before}:
            number = line.name_list.number if line.name_list else None
            found.add((line.agreement.key, provision, line.action, number))
    return found


def renew(request: Request, *, now: datetime) -> None:
    """Proposes lines anew while nobody has confirmed them. Lines that staff changed or added stay as they are."""
    if request.lines_confirmed_at or State(request.state) not in (
        State.RECEIVED, State.VERIFYING, State.AWAITING_REQUESTER, State.ASSESSING,
    ):  # fmt: skip
        return
    rows = {row.key: row for row in queries.catalogue()}
    agreements = {a.key: a for a in Agreement.objects.filter(tlds__name__in=request.tlds).distinct()}
    lists = {row.number: row for row in request.incident.lists.all()}
    known = {
        (w.agreement.key, w.provision, w.action, w.name_list.number if w.name_list else None): w
        for w in queries.live_lines(request)
    }
    spoken = _spoken_on(request)
    wanted: dict[Key, dict[str, Any]] = {}
    for proposed in advice(request).lines:
        agreement = agreements[proposed.agreement]
        row = rows.get((agreement.family, agreement.version, proposed.provision))
        for list_number in proposed.list_numbers or (None,):
            key = (proposed.agreement, proposed.provision, proposed.action.value, list_number)
            wanted.setdefault(
                key,
                {
                    "tlds": list(proposed.tlds),
                    "provision_title": proposed.provision_title,
                    "provision_row": row.row if row else 1,
                    "demands": row.demands if row else "",
                    "waivable_by": row.waivable_by.value if row else "staff",
                    "hint": proposed.outcome_hint.value,
                    "instrument": proposed.instrument.value if proposed.instrument else "",
                    "reasons": list(proposed.reasons),
                },
            )
    untouched = {key: line for key, line in known.items() if line.by_rules and line.state == LineState.OPEN}
    # What only the rules said and nobody took up leaves nothing behind: its number is free again.
    gone = [line.pk for key, line in untouched.items() if key not in wanted]
    Line.objects.filter(pk__in=gone).delete()
    changed = bool(gone)
    for key, values in wanted.items():
        if key in known:
            line = untouched.get(key)
            if line is not None and any(getattr(line, f) != v for f, v in values.items()):
                Line.objects.filter(pk=line.pk).update(**values)
                changed = True
        elif key not in spoken:
            agreement_key, provision, action, list_number = key
            Line.objects.create(
                request=request, number=next_number(request), agreement=agreements[agreement_key], provision=provision,
                action=action, name_list=lists.get(list_number) if list_number else None, **values,
            )  # fmt: skip
            changed = True
    if changed:
        append("request.advice_renewed", subject=request.reference, by="system", now=now, facts={"lines": len(wanted)})


def next_number(request: Request) -> int:
    """The lowest number that no line of the request has, dropped ones included: those stay readable."""
    taken = set(request.lines.values_list("number", flat=True))
    return next(n for n in itertools.count(1) if n not in taken)
