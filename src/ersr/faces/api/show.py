"""A case as one reader may see it. Staff see all but privileged notes; a filer sees what docs/process.md lets filers see:
no number on file, no staff note, no advice before its confirmation, no proposer or approver, no state that tells them apart."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ersr.core.deadlines import decide_by
from ersr.core.lifecycle import MOVERS, Action, LineState, Role, State, told_state
from ersr.core.reasons import sentence
from ersr.core.terms import NamesTerms
from ersr.lists.models import ListVersion, NameList
from ersr.lists.queries import newest_screening, screened
from ersr.lists.screening import progress
from ersr.parties.authority import authority
from ersr.parties.models import Party
from ersr.people.models import Person
from ersr.people.queries import with_role
from ersr.requests import queries
from ersr.requests.actions.advice import advice
from ersr.requests.models import Decision, Line, Request
from ersr.waivers.models import PREVIEW_LASTS, Preview, Waiver
from ersr.waivers.queries import Answer


def state_told_to(person: Person, state: str) -> str:
    return told_state(State(state), staff=person.is_staff_member).value if state else ""


def _party(party: Party) -> dict[str, str]:
    return {"key": party.key, "name": party.name}


def _mover(person: Person, state: State) -> dict[str, str]:
    mover = MOVERS[state]
    if person.is_staff_member:
        return {"side": mover.side, "words": mover.to_staff, "if_nobody": mover.if_nobody}
    return {"side": mover.side, "words": mover.to_filer}


def brief(person: Person, request: Request) -> dict[str, Any]:
    """A row of a list of requests."""
    told: dict[str, Any] = {
        "reference": request.reference,
        "state": state_told_to(person, request.state),
        "mover": _mover(person, State(request.state)),
        "tlp": request.tlp,
        "operator": _party(request.operator),
        "tlds": request.tlds,
        "received_at": request.received_at,
        "due_at": request.due_at,
        "irreversible": request.irreversible,
        "irreversible_at": request.irreversible_at,
    }
    if person.is_staff_member:
        told["holder"] = request.holder.name if request.holder else None
    return told


def action(request: Request, row: Action) -> dict[str, str]:
    return {"name": row.name, "label": row.label, "path": f"/api/v1/requests/{request.reference}/{row.name}"}


def whole(person: Person, request: Request, *, now: datetime, made: dict[str, Any] | None = None) -> dict[str, Any]:
    """Everything that this person may see of the request."""
    staff = person.is_staff_member
    offered = queries.offered(person, request)
    looked_at = request.state != State.RECEIVED  # before that nothing was decided, so there is nothing to look for
    told = brief(person, request) | {
        "calendar": request.calendar,
        "reckoning": _reckoning(request),
        "filed_by": request.filed_by.name,
        "filing_party": _party(request.filing_party),
        "number_claimed": request.number_claimed,
        "happening": request.happening,
        "verified_at": request.verified_at,
        "lines_confirmed_at": request.lines_confirmed_at,
        "closed_at": request.closed_at,
        "on_duty": {
            "number": authority().duty_number,
            "names": [officer.name for officer in with_role(Role.DUTY_OFFICER)],
        },
        "incident": {"category": request.incident.category, "presence": request.incident.presence},
        "parts": _parts(request),
        "acts": [_act(row) for row in request.acts.select_related("by", "replaced_by")],
        "evidence": [
            {"id": e.pk, "name": e.name, "digest": e.file_id, "size": e.file.size, "by": e.by.name, "at": e.at}
            for e in request.evidence.select_related("file", "by")
        ],
        "lists": [_list(person, request, row) for row in request.incident.lists.all()],
        "lines": [_line(person, request, row) for row in queries.lines_told_to(person, request)],
        "questions": [_question(person, row) for row in request.questions.select_related("asked_by", "answered_by")],
        "decisions": _decisions(person, request) if looked_at else [],
        "waivers": [waiver(row, now=now) for row in request.waivers.select_related("signed_by")] if looked_at else [],
        "offered": {
            "primary": action(request, offered.primary) if offered.primary else None,
            "others": [action(request, row) for row in offered.others],
        },
    }
    # The words prove the caller to the filer: only the one who calls and the one who is called need them.
    if queries.may(person, request, "call").allowed if staff else request.verified_at is None:
        told |= {"words": request.words, "words_until": request.words_until}
    if staff:
        told |= _for_staff(request)
    if made is not None:
        told["made"] = made
    return told


def _reckoning(request: Request) -> list[str]:
    """Day by day, if today's calendar is the one that the deadline was reckoned with."""
    calendar = authority().calendar
    if f"{calendar.name}, version {calendar.version}" != request.calendar:
        return []
    return list(decide_by(request.received_at, calendar).explain())


def _parts(request: Request) -> list[dict[str, Any]]:
    versions: dict[str, list[dict[str, Any]]] = {}
    for row in request.parts.select_related("by").order_by("part", "-version"):
        versions.setdefault(row.part, []).append(
            {"version": row.version, "body": row.body, "by": row.by.name, "at": row.at}
        )
    return [{"part": part, "versions": rows} for part, rows in versions.items()]


def _act(row: Any) -> dict[str, Any]:
    fields = ("action", "taken", "starts_at", "ends_at", "service", "registered", "words", "roll_back", "at")
    return {f: getattr(row, f) for f in fields} | {
        "id": row.pk,
        "by": row.by.name,
        "replaces": row.replaces_id,
        "current": not hasattr(row, "replaced_by"),
    }


def _list(person: Person, request: Request, row: NameList) -> dict[str, Any]:
    version = queries.versions_told_to(person, request, row)[0]
    told = {
        "number": row.number,
        "title": row.title,
        "version": version.version,
        "digest": version.digest,
        "names": version.names,
        "lines": version.lines,
        "duplicates": version.duplicates,
        "refused": version.refused,
    }
    if person.is_staff_member:
        told |= {"hits": row.hits.count(), "unanswered": row.hits.filter(answer="").count()}
        told["unanswered_groups"] = row.groups.filter(answer="", names__gt=0).count()
    return told


def screening(row: NameList) -> dict[str, Any]:
    newest, done = newest_screening(row), screened(row)
    fields = ("tld", "names", "answer", "reason", "answered_at")
    units = progress(newest) if newest else (0, 0)
    return {
        "state": newest.state if newest else "none",
        "problem": newest.problem if newest else "",
        "done": units[0],
        "units": units[1],
        "version": done.version.version if done else None,
        "classes": done.classes if done else {},
        "tlds": done.tlds if done else {},
        "inputs": done.inputs if done else {},
        "hits": done.hits_id if done else None,
        "at": done.ended_at if done else None,
        "groups": [
            {f: getattr(group, f) for f in fields}
            | {"kind": group.kind, "answered_by": group.answered_by.name if group.answered_by else None}
            for group in row.groups.filter(names__gt=0).select_related("answered_by")
        ],
    }


def name_list(person: Person, request: Request, row: NameList) -> dict[str, Any]:
    versions = queries.versions_told_to(person, request, row)
    return {"number": row.number, "title": row.title, "versions": [_version(person, v) for v in versions]}


def upload(request: Request, way: queries.OnItsWay) -> dict[str, Any]:
    row = way.upload
    told: dict[str, Any] = {
        "reference": request.reference, "number": way.number, "path": f"/api/v1/requests/{request.reference}/uploads/{way.number}",
        "size": row.file.size, "percent": way.percent, "stopped": way.stopped,
        **{f: getattr(row, f) for f in ("title", "state", "read", "made_at", "ended_at", "problem")},
    }  # fmt: skip
    if row.version is None:
        return told
    fields = ("version", "digest", "lines", "names", "duplicates", "refused")
    return told | {"list": row.version.of.number, "new": row.new} | {f: getattr(row.version, f) for f in fields}


def _version(person: Person, row: ListVersion) -> dict[str, Any]:
    fields = ("version", "digest", "names", "lines", "duplicates", "refused", "tlds", "removed")
    told = {f: getattr(row, f) for f in fields} | {
        "at": row.made_at,
        "refused_rows": [
            {"line": line, "text": text, "reason": reason, "words": sentence(reason, line=line, text=text)}
            for line, text, reason in row.refused_rows
        ],
    }
    return told | ({"reason": row.reason, "by": row.made_by.name} if person.is_staff_member else {})


def _line(person: Person, request: Request, row: Line) -> dict[str, Any]:
    staff = person.is_staff_member
    outcome = queries.outcome_told_to(person, request, row)
    told: dict[str, Any] = {
        "number": row.number,
        "agreement": str(row.agreement),
        "tlds": row.tlds,
        "provision": row.provision,
        "provision_title": row.provision_title,
        "demands": row.demands,
        "waivable_by": row.waivable_by,
        "action": row.action,
        "list": row.name_list.number if row.name_list else None,
        "hint": row.hint,
        "instrument": row.instrument,
        "reasons": row.reasons,
        "state": row.state if staff or outcome else LineState.OPEN.value,
        "outcome": outcome,
    }
    if staff:
        told["by_rules"] = row.by_rules
        told["changes"] = [
            {"before": c.before, "after": c.after, "reason": c.reason, "by": c.by.name, "at": c.at}
            for c in row.changes.select_related("by")
        ]
    return told


def _question(person: Person, row: Any) -> dict[str, Any]:
    told = {
        "id": row.pk,
        "text": row.text,
        "asked_at": row.asked_at,
        "answer": row.answer,
        "answered_at": row.answered_at,
    }
    if person.is_staff_member:
        told |= {"asked_by": row.asked_by.name, "answered_by": row.answered_by.name if row.answered_by else ""}
    return told


def _decisions(person: Person, request: Request) -> list[dict[str, Any]]:
    found = queries.proposals(request)
    if person.is_staff_member:
        return [_decision(row) | _deciders(row) for row in found]
    told = {
        line.number for line in queries.lines_told_to(person, request) if queries.outcome_told_to(person, request, line)
    }
    decided = [_decision(row) for row in found if row.state == "approved"]
    return [row for row in decided if row["lines"] and set(row["lines"]) <= told]


def _decision(row: Decision) -> dict[str, Any]:
    fields = (
        "outcome", "reasons", "modification", "quote", "quote_source", "acts_from", "effective_from", "ends_at", "conditions",
        "reporting", "disposition",
    )  # fmt: skip
    return {f: getattr(row, f) for f in fields} | {
        "id": row.pk,
        "lines": sorted(item.line.number for item in row.items.all()),
    }


def _deciders(row: Decision) -> dict[str, Any]:
    return {
        "state": row.state,
        "proposed_by": row.proposed_by.name,
        "proposed_at": row.proposed_at,
        "approved_by": row.approved_by.name if row.approved_by else "",
        "approved_at": row.approved_at,
        "ended_by": row.ended_by.name if row.ended_by else "",
        "ended_at": row.ended_at,
        "end_reason": row.end_reason,
    }


def waiver(row: Waiver, *, now: datetime) -> dict[str, Any]:
    terms = row.terms
    given = getattr(row, "acknowledgement", None)
    return {
        "reference": row.reference,
        "request": terms.request,
        "instrument": row.instrument,
        "title": terms.instrument.title,
        "status": terms.status_at(now).value,
        "signed_by": row.signed_by.name,
        "signed_at": row.signed_at,
        "acts_from": row.acts_from,
        "effective_from": row.effective_from,
        "ends_at": row.ends_at,
        "lines": [line.number for line in terms.lines],
        "names": _names(terms.names) if terms.names else None,
        "pdf_digest": row.pdf_id,
        "token_digest": row.token_id,
        "service": [
            {"channel": s.channel, "served_at": s.served_at, "confirmation": s.confirmation} for s in row.service.all()
        ],
        "acknowledged": {"by": given.by.name, "at": given.at} if given else None,
    }


def _names(names: NamesTerms) -> dict[str, Any]:
    """`content_digest` and `records` are those of the lines `name,from,until`; without windows these are the names."""
    return {
        "digest": names.digest, "size": names.size, "root": names.root or None, "content_digest": names.of_records, "records": names.leaves,
    }  # fmt: skip


def preview(row: Preview) -> dict[str, Any]:
    return {
        "id": row.pk,
        "reference": row.reference,
        "instrument": row.instrument,
        "digest": row.file_id,
        "made_by": row.made_by.name,
        "made_at": row.made_at,
        "lapses_at": row.made_at + PREVIEW_LASTS,
        "signed": hasattr(row, "signed"),
    }


def _for_staff(request: Request) -> dict[str, Any]:
    lines = queries.live_lines(request)
    return {
        "holder_email": request.holder.email if request.holder else "",
        "taken_at": request.taken_at,
        "claimed_is_on_file": queries.claimed_is_on_file(request),
        "filer_is_on_file": queries.filer_is_on_file(request),
        "calls": [
            {
                "number": c.number,
                "contact": c.contact_name,
                "outcome": c.outcome,
                "remark": c.remark,
                "by": c.by.name,
                "at": c.at,
            }
            for c in request.calls.select_related("by")
        ],
        "previews": [preview(row) for row in request.previews.select_related("made_by", "signed").order_by("pk")],
        "open_questions": list(advice(request).open_questions),
        "earlier_of_operator": [
            {"reference": r.reference, "state": r.state, "received_at": r.received_at}
            for r in queries.earlier_of_operator(request)[:50]
        ],
        "earlier_on_provisions": queries.earlier_on_provisions(request, sorted({line.provision for line in lines})),
    }


def notes(rows: Iterable[Any]) -> list[dict[str, Any]]:
    fields = ("discipline", "recommendation", "body", "version", "at")
    return [{f: getattr(n, f) for f in fields} | {"id": n.pk, "by": n.by.name} for n in rows]


def coverage(found: Answer, *, at: datetime) -> dict[str, Any]:
    names, window = found.waiver.terms.names, found.listing and found.listing.window(at)
    return {
        "waiver": found.waiver.reference,
        "name": found.name,
        "tld": found.tld,
        "at": at,
        "covered": found.coverage.covered,
        "why": found.coverage.why,
        "actions": list(found.actions),
        "list": names.digest if names else None,
        "window": {"begins": window[0], "ends": window[1]} if window else None,
        "removed_at": found.listing.removed_at if found.listing else None,
    }
