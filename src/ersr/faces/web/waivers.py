"""The signed instruments as a registry reads them: what may I do now, until when, and did it reach me.

A download is a read and appends nothing: no GET changes a case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render

from ersr import clock
from ersr.core import lifecycle
from ersr.core.errors import Refusal
from ersr.core.lifecycle import State
from ersr.core.say import say, say_day, say_span, say_until
from ersr.core.terms import Instrument, LineTerms, Terms, WaiverStatus
from ersr.core.tongue import Said, capital, listed, said, said_n, tlds_said
from ersr.core.triage import Action
from ersr.faces.download import download
from ersr.faces.web.page import quoted, signed_in, tell
from ersr.files import store
from ersr.lists.queries import latest_versions
from ersr.people.models import Person
from ersr.requests import queries
from ersr.waivers import actions
from ersr.waivers.models import Waiver
from ersr.waivers.queries import covers_name, holds, list_key_for, waiver_for

_VERBS = {
    "create": said("create"), "reserve": said("reserve"), "server_hold": said("hold"), "sinkhole": said("sinkhole"),
    "transfer": said("transfer"),
}  # fmt: skip


# --- words


def ends_said(moment: datetime, zone: str) -> Said:
    """The moment; of a midnight also the day that it closes."""
    closes = moment.astimezone(UTC).time() == time()
    return said("{moment}; {until}", moment=say(moment, zone), until=say_until(moment)) if closes else say(moment, zone)


def does(instruments: Sequence[Terms]) -> Said:
    """create and sinkhole 7,750 names in .example and .test: what all lines of these instruments permit."""
    lines = [line for terms in instruments for line in terms.lines]
    verbs = sorted({_VERBS[line.action] for line in lines if line.action in _VERBS})
    sets = {terms.names.of_records: terms.names.size for terms in instruments if terms.names}
    names = said_n("{n} name", "{n} names", sum(sets.values())) if sets else said("names")
    found = [said("{verbs} {names}", verbs=listed(verbs), names=names)] if verbs else []
    found += [action_said(line) for line in lines if line.action not in _VERBS]
    tlds = tlds_said(sorted({t for line in lines for t in line.tlds}))
    return said("{acts} in {tlds}", acts=listed(dict.fromkeys(found)), tlds=tlds)


def action_said(line: LineTerms) -> str:
    """The act in the reader's words, where it is one that we have words for; else as the instrument says it."""
    known = Action(line.action).words if line.action in set(Action) else ""
    return known if known == line.action_words else line.action_words


def permits(instruments: Sequence[Terms]) -> Said:
    """The whole sentence: who may do what, until when; of several instruments until the first of them ends."""
    acting = [t for t in instruments if t.instrument is not Instrument.FEE_REDUCTION] or list(instruments)
    name, until = acting[0].registry.name, say_until(min(t.ends_at for t in acting))
    if acting[0].instrument is Instrument.FEE_REDUCTION:
        tlds = tlds_said(sorted({tld for t in acting for tld in t.tlds}))
        return said("{name} pays reduced fees for what it does in {tlds}, {until}.", name=name, tlds=tlds, until=until)
    return said("{name} may {acts}, {until}.", name=name, acts=does(acting), until=until)


@dataclass(frozen=True)
class Status:
    """`whose` is a look of parts/mover.html."""

    whose: str
    words: str


def status(waiver: Waiver, now: datetime) -> Status:
    """Upcoming, in force or ended: from time, never stored."""
    found = waiver.status_at(now)
    if found is WaiverStatus.UPCOMING:
        return Status("upcoming", said(
            "Upcoming: in force from {moment}, in {span}",
            moment=say(waiver.effective_from), span=say_span(waiver.effective_from - now),
        ))
    if found is WaiverStatus.IN_FORCE:
        return Status("force", said("In force {until}", until=say_until(waiver.ends_at)))
    return Status("ended", said("Ended {moment}", moment=say(waiver.ends_at)))


def may_acknowledge(person: Person, waiver: Waiver) -> bool:
    return not hasattr(waiver, "acknowledgement") and queries.may(person, waiver.request, "acknowledge").allowed


# --- pages


@signed_in
def waiver(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """One instrument: a sentence, its lines, what it is not, its period, its files."""
    row, now = waiver_for(person, ref), clock.now()
    terms, asked = row.terms, request.GET.get("name", "").strip()
    lists = [v.of.number for v in latest_versions(row.request.incident) if terms.names and v.content_digest == terms.names.of_records]
    lines = [
        (
            capital(action_said(line)),
            quoted(f"{line.provision} {line.provision_title}"),
            tlds_said(line.tlds),
            said("Granted as modified: {how}", how=line.modification) if line.modification else said("Granted"),
        )
        for line in terms.lines
    ]
    agreements = listed([said("{day} ({tlds})", day=say_day(a.dated), tlds=tlds_said(a.tlds)) for a in terms.agreements])
    facts = [
        (said("Kind"), said("{kind} (Registry Agreement, {basis})", kind=terms.instrument.title, basis=terms.instrument.basis)),
        (said("Agreements of"), agreements),
        (said("Acts covered from"), say(terms.acts_from, person.zone)),
        (said("In force from"), say(terms.effective_from, person.zone)),
        (said("Ends"), ends_said(terms.ends_at, person.zone)),
        (said("At the end"), quoted(terms.disposition)),
        (said("Reports"), quoted(terms.reporting)),
        (said("Signed"), said("{moment}, by {name}, {title}", moment=say(row.signed_at), name=terms.signatory.name, title=terms.signatory.title)),
    ]
    return render(
        request,
        "filing/waiver.html",
        {
            "waiver": row, "terms": terms, "ref": row.reference, "tlp": terms.tlp, "status": status(row, now),
            "sentence": permits([terms]) if row.status_at(now) is not WaiverStatus.ENDED else said("Nothing is covered any more."),
            "retroactive": terms.acts_from < terms.effective_from, "lines": lines, "facts": facts,
            "heads": (said("Action"), said("Provision"), said("TLDs"), said("Decision")), "list_number": lists[0] if lists else None,
            "service": list(row.service.all()), "acknowledgement": getattr(row, "acknowledgement", None),
            "asked": asked, "answer": _covered(person, row, asked, now) if asked else None, "holds_key": bool(row.list_key) and holds(person, row),
            "acknowledges": may_acknowledge(person, row), "place": said("Desk") if person.is_staff_member else "",
        },
    )  # fmt: skip


def _covered(person: Person, row: Waiver, asked: str, now: datetime) -> dict[str, Any]:
    """Whether an act on this name is covered now, and why; `wrong` where what was asked for is no name."""
    try:
        found = covers_name(person, row.reference, asked, at=now)
    except Refusal as refusal:
        if refusal.code != "invalid":
            raise
        return {"wrong": refusal.fields[0].message}
    words = {line.action: action_said(line) for line in row.terms.lines}
    facts = [("TLD", f".{found.tld}")]
    if found.actions:
        facts.append((said("Acts"), listed([words[one] for one in found.actions])))
    if found.listing is not None and (window := found.listing.window(now)):
        begins, ends = (say(moment, person.zone) if moment else said("not bounded") for moment in window)
        facts.append((said("Window"), said("{begins} to {ends}", begins=begins, ends=ends)))
    if found.listing is not None and found.listing.removed_at:
        facts.append((said("Removed from the list"), say(found.listing.removed_at, person.zone)))
    return {"name": found.name, "covered": found.coverage.covered, "why": quoted(found.coverage.why), "facts": facts}


@signed_in
def list_key(request: HttpRequest, person: Person, ref: str) -> HttpResponseBase:
    """For the list's holder alone; to everybody else there is nothing here."""
    row, data = list_key_for(person, ref)
    return download(data, "application/json", f"{row.reference}-list-key.json")


@signed_in
def ack(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """A page with a button: mail scanners open links, so opening this changes nothing."""
    row = waiver_for(person, ref)
    queries.require(person, row.request, "acknowledge")
    lifecycle.check("acknowledge", State(row.request.state), row.request.reference, staff=person.is_staff_member)
    if request.method == "POST":
        actions.acknowledge(row.reference, by=person, now=clock.now())
        tell(request, said("You have acknowledged receipt of {reference}. That is no agreement with it.", reference=row.reference))
        return redirect("waiver", ref=row.reference)
    context = {
        "waiver": row, "terms": row.terms, "ref": row.reference, "tlp": row.terms.tlp, "service": list(row.service.all()),
        "acknowledgement": getattr(row, "acknowledgement", None),
    }  # fmt: skip
    return render(request, "filing/ack.html", context)


@signed_in
def waiver_pdf(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    row = waiver_for(person, ref)
    return download(store.get(row.pdf_id), "application/pdf", f"{row.reference}.pdf")


@signed_in
def waiver_token(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """The exact bytes, without a line break at the end."""
    row = waiver_for(person, ref)
    return download(store.get(row.token_id), "application/dc+sd-jwt", f"{row.reference}.sd-jwt")
