"""The signed instruments as a registry reads them: what may I do now, until when, and did it reach me.

A download is a read and appends nothing: no GET changes a case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from ersr import clock
from ersr.core import lifecycle
from ersr.core.lifecycle import State
from ersr.core.say import say, say_day, say_span, say_until
from ersr.core.terms import Instrument, Terms, WaiverStatus
from ersr.faces.web.page import signed_in, tell
from ersr.files import store
from ersr.lists.queries import latest_versions
from ersr.people.models import Person
from ersr.requests import queries
from ersr.waivers import actions
from ersr.waivers.models import Waiver
from ersr.waivers.queries import waiver_for

_VERBS = {
    "create": "create", "reserve": "reserve", "server_hold": "hold", "sinkhole": "sinkhole", "transfer": "transfer",
}  # fmt: skip


# --- words


def together(words: Sequence[str]) -> str:
    """a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def tlds_said(tlds: Sequence[str]) -> str:
    """.biz, .cc and .cn; beyond four: .biz, .cc, .cn and 37 other TLDs."""
    named = [f".{tld}" for tld in tlds]
    return together(named) if len(named) <= 4 else f"{', '.join(named[:3])} and {len(named) - 3} other TLDs"


def does(instruments: Sequence[Terms]) -> str:
    """create and sinkhole 7,750 names in .example and .test: what all lines of these instruments permit."""
    lines = [line for terms in instruments for line in terms.lines]
    verbs = sorted({_VERBS[line.action] for line in lines if line.action in _VERBS})
    sets = {terms.names.digest: terms.names.size for terms in instruments if terms.names}
    size = sum(sets.values())
    counted = "names" if not sets else "1 name" if size == 1 else f"{size:,} names"
    found = [f"{together(verbs)} {counted}"] if verbs else []
    found += [line.action_words for line in lines if line.action not in _VERBS]
    return f"{together(list(dict.fromkeys(found)))} in {tlds_said(sorted({t for line in lines for t in line.tlds}))}"


def permits(instruments: Sequence[Terms]) -> str:
    """The whole sentence: who may do what, until when; of several instruments until the first of them ends."""
    acting = [t for t in instruments if t.instrument is not Instrument.FEE_REDUCTION] or list(instruments)
    name, ends = acting[0].registry.name, min(t.ends_at for t in acting)
    if acting[0].instrument is Instrument.FEE_REDUCTION:
        tlds = sorted({tld for t in acting for tld in t.tlds})
        return f"{name} pays reduced fees for what it does in {tlds_said(tlds)}, {say_until(ends)}."
    return f"{name} may {does(acting)}, {say_until(ends)}."


@dataclass(frozen=True)
class Status:
    """`whose` is a look of parts/mover.html."""

    whose: str
    words: str


def status(waiver: Waiver, now: datetime) -> Status:
    """Upcoming, in force or ended: from time, never stored."""
    found = waiver.status_at(now)
    if found is WaiverStatus.UPCOMING:
        return Status("upcoming", f"Upcoming: in force from {say(waiver.effective_from)}, in {say_span(waiver.effective_from - now)}")
    if found is WaiverStatus.IN_FORCE:
        return Status("force", f"In force {say_until(waiver.ends_at)}")
    return Status("ended", f"Ended {say(waiver.ends_at)}")


def may_acknowledge(person: Person, waiver: Waiver) -> bool:
    return not hasattr(waiver, "acknowledgement") and queries.may(person, waiver.request, "acknowledge").allowed


# --- pages


@signed_in
def waiver(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """One instrument: a sentence, its lines, what it is not, its period, its files."""
    row, now = waiver_for(person, ref), clock.now()
    terms = row.terms
    lists = [v.of.number for v in latest_versions(row.request.incident) if terms.names and v.digest == terms.names.digest]
    lines = [
        (
            line.action_words[:1].upper() + line.action_words[1:],
            f"{line.provision} {line.provision_title}",
            tlds_said(line.tlds),
            f"Granted as modified: {line.modification}" if line.modification else "Granted",
        )
        for line in terms.lines
    ]
    agreements = together([f"{say_day(a.dated)} ({tlds_said(a.tlds)})" for a in terms.agreements])
    facts = [
        ("Kind", f"{terms.instrument.title} (Registry Agreement, {terms.instrument.basis})"),
        ("Agreements of", agreements),
        ("Acts covered from", say(terms.acts_from, person.zone)),
        ("In force from", say(terms.effective_from, person.zone)),
        ("Ends", f"{say(terms.ends_at, person.zone)}; {say_until(terms.ends_at)}"),
        ("At the end", terms.disposition),
        ("Reports", terms.reporting),
        ("Signed", f"{say(row.signed_at)}, by {terms.signatory.name}, {terms.signatory.title}"),
    ]
    return render(
        request,
        "filing/waiver.html",
        {
            "waiver": row, "terms": terms, "ref": row.reference, "tlp": terms.tlp, "status": status(row, now),
            "sentence": permits([terms]) if row.status_at(now) is not WaiverStatus.ENDED else "Nothing is covered any more.",
            "retroactive": terms.acts_from < terms.effective_from, "lines": lines, "facts": facts,
            "heads": ("Action", "Provision", "TLDs", "Decision"), "list_number": lists[0] if lists else None,
            "service": list(row.service.all()), "acknowledgement": getattr(row, "acknowledgement", None),
            "acknowledges": may_acknowledge(person, row), "place": "Desk" if person.is_staff_member else "",
        },
    )  # fmt: skip


@signed_in
def ack(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """A page with a button: mail scanners open links, so opening this changes nothing."""
    row = waiver_for(person, ref)
    queries.require(person, row.request, "acknowledge")
    lifecycle.check("acknowledge", State(row.request.state), row.request.reference, staff=person.is_staff_member)
    if request.method == "POST":
        actions.acknowledge(row.reference, by=person, now=clock.now())
        tell(request, f"You have acknowledged receipt of {row.reference}. That is no agreement with it.")
        return redirect("waiver", ref=row.reference)
    context = {
        "waiver": row, "terms": row.terms, "ref": row.reference, "tlp": row.terms.tlp, "service": list(row.service.all()),
        "acknowledgement": getattr(row, "acknowledgement", None),
    }  # fmt: skip
    return render(request, "filing/ack.html", context)


@signed_in
def waiver_pdf(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    row = waiver_for(person, ref)
    return attachment(store.get(row.pdf_id), "application/pdf", f"{row.reference}.pdf")


@signed_in
def waiver_token(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """The exact bytes, without a line break at the end."""
    row = waiver_for(person, ref)
    return attachment(store.get(row.token_id), "application/dc+sd-jwt", f"{row.reference}.sd-jwt")


def attachment(data: bytes, media_type: str, name: str) -> HttpResponse:
    """Download only: whatever it holds never runs in our pages' name."""
    response = HttpResponse(data, content_type=media_type)
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    response["Content-Disposition"] = f'attachment; filename="{safe}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
