"""What an instrument will say: decided lines that wait for a signature, and the terms made from them. Reads only."""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from datetime import datetime

from ersr.core.errors import Refusal
from ersr.core.lifecycle import LineState
from ersr.core.terms import AgreementTerms, Entity, Instrument, LineTerms, NamesTerms, Signatory, Terms, rfc3339
from ersr.core.tongue import said
from ersr.core.triage import Action
from ersr.incidents.models import CATEGORIES
from ersr.parties.authority import authority
from ersr.parties.models import Party
from ersr.people.models import Delegation, Person
from ersr.requests import queries
from ersr.requests.models import Decision, Line, Request

GRANTS = ("granted", "granted_as_modified")


def unsigned_lines(request: Request, instrument: str | None = None) -> list[Line]:
    """Granted lines that no signature covers yet."""
    rows = [w for w in queries.live_lines(request) if w.state == LineState.DECIDED and w.outcome in GRANTS]
    return [w for w in rows if instrument is None or w.instrument == instrument]


def decisions_on(lines: Sequence[Line]) -> list[Decision]:
    rows = Decision.objects.filter(items__line__in=lines, items__live=True, state="approved").distinct()
    return list(rows.select_related("proposed_by"))


def period(decisions: Sequence[Decision], now: datetime) -> tuple[datetime, datetime, datetime]:
    """(acts_from, effective_from, ends_at) of one instrument, in whole seconds, or a refusal if no period comes of them."""
    effective = max([d.effective_from for d in decisions if d.effective_from] + [now])
    starts = [d.acts_from for d in decisions if d.acts_from]
    ends = {d.ends_at for d in decisions if d.ends_at}
    if len(ends) != 1:
        raise Refusal("not_now", said("The lines of one instrument end at the same time: these do not. Send one back."))
    begins = {(min(d.acts_from or effective, effective), max(d.effective_from or now, now)) for d in decisions}
    if len(begins) > 1:  # else cover that was decided for one line would be given to another
        raise Refusal(
            "not_now", said("The lines of one instrument are covered from the same time: these are not. Send one back.")
        )
    last = ends.pop()
    if last <= effective:
        raise Refusal("lapsed", said("The decided period ends at {last}, before it begins. Send it back.", last=rfc3339(last)))
    return min([*starts, effective]), effective, last


def require_same(decisions: Sequence[Decision], reporting: str, disposition: str) -> None:
    """One writing says one thing: what was decided for a line is neither dropped nor spread over the others."""
    forms = {(d.reporting or reporting, d.disposition or disposition, tuple(sorted(d.conditions))) for d in decisions}
    if len(forms) > 1:
        raise Refusal(
            "not_now",
            said("The lines of one instrument have the same conditions, reports and disposition: these do not. Send one back."),
        )


def compose(
    request: Request,
    instrument: Instrument,
    lines: Sequence[Line],
    *,
    reference: str,
    by: Person,
    delegation: Delegation,
    names: NamesTerms | None,
    now: datetime,
) -> Terms:
    """The terms of one instrument from decided lines. Reads only what was decided, filed and configured.

    `names`: the covered set, from the tree of the list that these lines are about (trees.py).
    """
    known = authority()
    own = Party.objects.get(kind="authority")
    decided = {item.line_id: d for d in decisions_on(lines) for item in d.items.filter(live=True)}
    decisions = list({d.pk: d for d in decided.values()}.values())
    agreements: dict[int, list[Line]] = {}
    for line in lines:
        agreements.setdefault(line.agreement_id, []).append(line)
    require_same(decisions, known.reporting, known.disposition)
    acts_from, effective, ends = period(decisions, now.replace(microsecond=0))
    rsps = {t.rsp for line in lines for t in line.agreement.tlds.select_related("rsp") if t.name in line.tlds and t.rsp}
    rsp = rsps.pop() if len(rsps) == 1 else None
    incident = CATEGORIES.get(request.incident.category, "A present or imminent security incident")
    presence = request.incident.presence or "present or imminent"
    return Terms(
        reference=reference,
        instrument=instrument,
        request=request.reference,
        tlp=request.tlp,
        authority=Entity(own.name, own.address, own.jurisdiction),
        registry=Entity(request.operator.name, request.operator.address, request.operator.jurisdiction),
        rsp=Entity(rsp.name, rsp.address, rsp.jurisdiction) if rsp and rsp.pk != request.operator_id else None,
        agreements=tuple(
            AgreementTerms(
                rows[0].agreement.family,
                rows[0].agreement.version,
                rows[0].agreement.dated,
                tuple(sorted({t for line in rows for t in line.tlds})),
            )
            for rows in agreements.values()
        ),
        lines=tuple(
            LineTerms(
                number=line.number,
                provision=line.provision,
                provision_title=line.provision_title,
                action=line.action,
                action_words=Action(line.action).words,
                tlds=tuple(line.tlds),
                outcome=line.outcome,
                modification=decided[line.pk].modification,
                quote=decided[line.pk].quote,
                quote_source=decided[line.pk].quote_source,
            )
            for line in lines
        ),
        names=names,
        incident=f"{incident} ({presence})",
        reasons=tuple(dict.fromkeys(d.reasons for d in decisions)),
        conditions=tuple(dict.fromkeys([*known.conditions, *(c for d in decisions for c in d.conditions)])),
        reporting=next((d.reporting for d in decisions if d.reporting), known.reporting),
        disposition=next((d.disposition for d in decisions if d.disposition), known.disposition),
        acts_from=acts_from,
        effective_from=effective,
        ends_at=ends,
        dated=now.astimezone(zoneinfo.ZoneInfo(known.calendar.zone)).date(),
        signatory=Signatory(by.name, by.title or "Authorised signatory", delegation.words),
        confidentiality=known.confidentiality,
        publication=known.publication,
    )
