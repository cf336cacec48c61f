"""What is about the house and not about a case: people, delegations, parties, provisions, popularity lists, the ledger."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import File, Form, Status, UploadedFile

from ersr import clock
from ersr.core.errors import FieldError, invalid, not_found
from ersr.core.provisions import Provision
from ersr.faces.api.auth import ADMIN, READ, WRITE, caller
from ersr.faces.api.paging import Cursor, Limit, by_key
from ersr.faces.api.reading import taken
from ersr.faces.api.schemas.kinds import Id
from ersr.faces.api.schemas.office import (
    DelegationOut,
    Events,
    Invited,
    Parties,
    PartyKnownOut,
    People,
    PersonOut,
    PopularityOut,
    ProvisionOut,
    Provisions,
    Recoveries,
    RecoveryDone,
)
from ersr.faces.api.schemas.sent import CallIn, DelegateIn, InviteIn, ProvisionIn, ReasonIn
from ersr.faces.api.v1.operation import answers, router, sends
from ersr.ledger.models import Event
from ersr.lists import actions as lists
from ersr.parties.models import Party
from ersr.parties.queries import parties_visible_to, party_for
from ersr.people import actions as people
from ersr.people.actions import require_office
from ersr.people.models import Delegation, Person
from ersr.people.queries import (
    Lost,
    events_visible_to,
    newest_checkpoint_for,
    people_visible_to,
    person_for,
    recoveries_visible_to,
)
from ersr.requests import actions, queries


def _party(row: Party) -> dict[str, str]:
    return {"key": row.key, "kind": row.kind, "name": row.name}


def _delegation(row: Delegation) -> dict[str, Any]:
    fields = ("instrument", "starts_at", "ends_at", "words", "officer")
    return {f: getattr(row, f) for f in fields} | {"id": row.pk, "families": row.families.split()}


def _person(row: Person) -> dict[str, Any]:
    return {
        "id": row.pk,
        "email": row.email,
        "name": row.name,
        "title": row.title,
        "party": _party(row.party),
        "roles": sorted((r.role, r.discipline) for r in row.role_rows.all()),
        "zone": row.zone,
        "active": row.is_active,
        "delegations": [_delegation(d) for d in row.delegations.all()],
    }


@router.get("people", auth=READ, operation_id="people", **answers(People))
def people_list(request: HttpRequest, limit: Limit = 100, cursor: Cursor = "") -> dict[str, Any]:
    """Everybody who can sign in, with roles and delegations: for administrators and auditors."""
    found, last = by_key(people_visible_to(caller(request)), limit, cursor)
    return {"items": [_person(row) for row in found], "next": last}


@router.post("people", auth=ADMIN, operation_id="invite", **answers(Invited, 201))
def invite(request: HttpRequest, sent: InviteIn) -> Status[dict[str, Any]]:
    """Invites a person with roles [[role, discipline or ""]]. The link is shown once, here."""
    by = caller(request)
    require_office("invite", by)
    party = parties_visible_to(by).filter(key=sent.party.lower()).first()
    if party is None:
        raise invalid(FieldError("party", "Name a party by its key, as GET /api/v1/parties lists them"))
    person, code = people.invite(
        email=sent.email,
        name=sent.name,
        title=sent.title,
        party=party,
        roles=sent.roles,
        zone=sent.zone,
        by=by,
        now=clock.real(),
    )
    link = f"{settings.ERSR_ADDRESS}/enrol/{code}"
    return Status(201, {"id": person.pk, "email": person.email, "enrol_link": link})


@router.post("delegations", auth=ADMIN, operation_id="delegate", **answers(DelegationOut, 201))
def delegate(request: HttpRequest, sent: DelegateIn) -> Status[dict[str, Any]]:
    """Gives a signatory authority over one kind of instrument, for agreement families and a period."""
    by = caller(request)
    require_office("delegate", by)
    person = people_visible_to(by).filter(email=sent.person.strip().lower()).first()
    if person is None:
        raise invalid(FieldError("person", "Name a signatory by e-mail address"))
    row = people.delegate(**{**sent.dict(), "person": person}, by=by, now=clock.now())
    return Status(201, _delegation(row))


@router.post("people/{id}/reinvite", auth=ADMIN, operation_id="reinvite", **answers(Invited, 201))
def reinvite(request: HttpRequest, id: Id) -> Status[dict[str, Any]]:
    """A new invitation for who let the first one lapse. Whoever lost a factor asks for a recovery instead. The link is shown once."""
    by = caller(request)
    require_office("invite", by)
    person = person_for(by, id)
    code = people.reinvite(person, by=by, now=clock.real())
    link = f"{settings.ERSR_ADDRESS}/enrol/{code}"
    return Status(201, {"id": person.pk, "email": person.email, "enrol_link": link})


@router.post("people/{id}/reactivate", auth=ADMIN, operation_id="reactivate", **answers(PersonOut))
def reactivate(request: HttpRequest, id: Id) -> dict[str, Any]:
    """Gives ended access back: the person signs in with the password and factor they had."""
    by = caller(request)
    require_office("invite", by)
    people.reactivate(person_for(by, id), by=by, now=clock.real())
    return _person(person_for(by, id))


@router.post("people/{id}/deactivate", auth=ADMIN, operation_id="deactivate", **answers(PersonOut))
def deactivate(request: HttpRequest, id: Id, sent: ReasonIn) -> dict[str, Any]:
    """Ends somebody's access; sessions and tokens end at once."""
    by = caller(request)
    require_office("invite", by)
    people.deactivate(person_for(by, id), by=by, reason=sent.reason, now=clock.real())
    return _person(person_for(by, id))


@router.post("delegations/{id}/end", auth=ADMIN, operation_id="end_delegation", **answers(DelegationOut))
def end_delegation(request: HttpRequest, id: Id, sent: ReasonIn) -> dict[str, Any]:
    """Ends a delegation that is in force or to come."""
    return _delegation(people.end_delegation(id, by=caller(request), reason=sent.reason, now=clock.now()))


def _recovery(lost: Lost) -> dict[str, Any]:
    row = lost.row
    fields = ("asked_at", "called_at", "approved_at")
    return {f: getattr(row, f) for f in fields} | {
        "id": row.pk,
        "name": row.person.name,
        "email": row.person.email,
        "party": _party(row.person.party),
        "called_by": row.called_by.name if row.called_by else None,
        "approved_by": row.approved_by.name if row.approved_by else None,
        "numbers": [{"id": n.pk, "contact": n.contact.name, "number": n.number, "since": n.since} for n in lost.numbers],
        "calls": [{f: getattr(c, f) for f in ("number", "outcome", "remark", "at")} | {"by": c.by.name} for c in lost.calls],
    }


@router.get("recoveries", auth=READ, operation_id="recoveries", **answers(Recoveries))
def recoveries(request: HttpRequest) -> dict[str, Any]:
    """Lost second factors that wait for a call or an approval, oldest first, for staff who may do either."""
    found = recoveries_visible_to(caller(request), now=clock.real())
    return {"items": [_recovery(lost) for lost in found], "next": None}


def _recovered(person: Person, pk: int) -> dict[str, Any]:
    """As it stands now; one that has just ended is told by its id alone."""
    open_ones = recoveries_visible_to(person, now=clock.real())
    return {"id": pk, "open": next((_recovery(lost) for lost in open_ones if lost.row.pk == pk), None)}


@router.post("recoveries/{id}/call", auth=ADMIN, operation_id="call_back", **answers(RecoveryDone))
def call_back(request: HttpRequest, id: Id, sent: CallIn) -> dict[str, Any]:
    """A call to a number on file that has stood 30 days: "confirmed", "denied" (which ends the recovery) or "no_answer"."""
    by = caller(request)
    people.call_back(id, **sent.dict(), by=by, now=clock.real())
    return _recovered(by, id)


@router.post("recoveries/{id}/approve", auth=ADMIN, operation_id="approve_recovery", **answers(RecoveryDone))
def approve_recovery(request: HttpRequest, id: Id) -> dict[str, Any]:
    """By another than who called. A link for a new second factor goes out by mail."""
    by = caller(request)
    people.approve_recovery(id, by=by, now=clock.real())
    return _recovered(by, id)


@router.get("parties", auth=READ, operation_id="parties", **answers(Parties))
def parties(request: HttpRequest, limit: Limit = 100, cursor: Cursor = "") -> dict[str, Any]:
    """Legal entities that are known, for staff."""
    found, last = by_key(parties_visible_to(caller(request)), limit, cursor)
    return {"items": [_party(row) for row in found], "next": last}


@router.get("parties/{key}", auth=READ, operation_id="party", **answers(PartyKnownOut))
def party(request: HttpRequest, key: str) -> dict[str, Any]:
    """One party with agreements, TLDs and contacts, each with its age, for staff."""
    known = party_for(caller(request), key, now=clock.now())
    return {
        **_party(known.party),
        "address": known.party.address,
        "jurisdiction": known.party.jurisdiction,
        "agreements": [
            {f: getattr(a, f) for f in ("key", "family", "version", "dated")} | {"tlds": [t.name for t in tlds]}
            for a, tlds in known.agreements
        ],
        "runs": [tld.name for tld in known.runs],
        "contacts": [
            {f: getattr(c.contact, f) for f in ("name", "roles", "email", "source", "as_of")}
            | {"days": c.days}
            | {"numbers": [{"number": n.number, "since": n.since, "days": n.days} for n in c.numbers]}
            for c in known.contacts
        ],
    }


def _provision(row: Provision) -> dict[str, Any]:
    fields = ("family", "version", "id", "row", "title", "demands", "certainty", "source")
    codes = ("departs_by", "may_depart_by", "met_by", "notice_by")
    return {
        **{f: getattr(row, f) for f in fields},
        **{f: list(getattr(row, f)) for f in codes},
        "instrument": row.instrument.value if row.instrument else None,
        "waivable_by": row.waivable_by.value,
    }


@router.get("provisions", auth=READ, operation_id="provisions", **answers(Provisions))
def provisions(request: HttpRequest) -> dict[str, Any]:
    """The catalogue: of each provision the newest row."""
    require_office("read_provisions", caller(request))
    return {"items": [_provision(row) for row in queries.catalogue()], "next": None}


@router.post("provisions", auth=WRITE, operation_id="add_provision", **answers(ProvisionOut, 201))
def add_provision(request: HttpRequest, sent: ProvisionIn) -> Status[dict[str, Any]]:
    """A new row, or a newer version of one. Decided lines keep their own copy."""
    row = actions.add_provision(**sent.dict(), by=caller(request), now=clock.now())
    key = (row.family, row.agreement_version, row.provision)
    return Status(201, _provision(next(found for found in queries.catalogue() if found.key == key)))


@router.post("popularity", auth=WRITE, operation_id="import_popularity", **answers(PopularityOut, 201))
def import_popularity(
    request: HttpRequest,
    file: File[UploadedFile],
    as_of: Form[date],
    title: Form[str] = "",
) -> Status[dict[str, Any]]:
    """A list of much-visited names, `rank,name` a line. Lists of open requests are screened against it at once."""
    by = caller(request)
    require_office("import_popularity", by)
    row = lists.import_popularity(taken(file, lists.POPULARITY_BYTES), title=title, as_of=as_of, by=by, now=clock.now())
    told = {"id": row.pk, "title": row.title, "as_of": row.as_of, "names": row.names, "digest": row.file_id}
    return Status(201, told)


def _event(row: Event) -> dict[str, Any]:
    body, leaf = getattr(row, "body", None), getattr(row, "leaf", None)
    record = json.loads(bytes(body.record)) if body else {"by": None, "facts": None}
    return {
        "id": row.pk,
        "kind": row.kind,
        "subject": row.subject,
        "at": row.at,
        "commitment": bytes(row.commitment).hex(),
        "index": leaf.index if leaf else None,
        "by": record["by"],
        "facts": record["facts"],
    }


@router.get("ledger/events", auth=READ, operation_id="ledger_events", **answers(Events))
def ledger_events(request: HttpRequest, limit: Limit = 100, cursor: Cursor = "") -> dict[str, Any]:
    """Everything that is in evidence, oldest first, for auditors."""
    found, last = by_key(events_visible_to(caller(request)), limit, cursor)
    return {"items": [_event(row) for row in found], "next": last}


@router.get("ledger/checkpoint", auth=READ, operation_id="ledger_checkpoint", **sends("text/plain"))
def ledger_checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest signed checkpoint, public or not, for auditors."""
    row = newest_checkpoint_for(caller(request))
    if row is None:
        raise not_found()
    return HttpResponse(row.text, content_type="text/plain; charset=utf-8")
