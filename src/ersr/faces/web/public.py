"""Pages for everybody: where am I, is this waiver genuine, which keys, which rules, what if this site is down."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html

from ersr import clock
from ersr.core.errors import FieldError
from ersr.core.say import say
from ersr.faces.web.account import offered_forms
from ersr.faces.web.case import mine
from ersr.faces.web.forms import CheckForm
from ersr.faces.web.page import posted, public, render_form, take_errors
from ersr.ledger.sequence import installed_keys, last_public
from ersr.parties.authority import authority
from ersr.people.models import Person
from ersr.proof.keys import SigningKey
from ersr.proof.verify import Outcome, Verdict, verify
from ersr.requests.queries import draft_of, yearly_counts

#: Bytes. A signed letter has about a tenth of it; a list of 200,000 names about a half.
CHECK_LIMIT = 10 * 2**20

#: What the command calls "authentic", "forged" and "cannot tell": (look of the notice, words).
VERDICTS = {
    Outcome.AUTHENTIC: ("good", "Valid"),
    Outcome.FORGED: ("stop", "Not valid"),
    Outcome.CANNOT_TELL: ("", "Could not check"),
}


@public
def home(request: HttpRequest) -> HttpResponse:
    """Am I right here? For those who are signed in: what waits for them."""
    context: dict[str, object] = {"of": authority()}
    person = request.user
    if isinstance(person, Person) and person.is_authenticated:
        context |= {
            "requests": mine(person, clock.now()), "draft": draft_of(person), "kept": offered_forms(person),
            "staff": person.is_staff_member,
        }  # fmt: skip
    return render(request, "public/home.html", context)


@public
def check(request: HttpRequest) -> HttpResponse:
    """The same function as `ersr verify`, with this installation's keys. Nothing that is sent here is kept."""
    form = CheckForm(posted(request), request.FILES or None)
    found = None
    if request.method == "POST" and form.is_valid():
        sent, listed = form.cleaned_data["file"], form.cleaned_data["names"]
        for name, one in (("file", sent), ("names", listed)):
            if one and one.size > CHECK_LIMIT:
                words = f"The file has {one.size:,} bytes; at most {CHECK_LIMIT:,} are checked here. The command takes more"
                take_errors(form, (FieldError(name, words),))
        if not form.errors:
            found = verify(
                sent.read(), installed_keys().key_set(), at=clock.now(), name=sent.name or "",
                names=listed.read() if listed else None,
            )  # fmt: skip
    context: dict[str, object] = {"found": found}
    if found is not None:
        context |= {"verdict": VERDICTS[found.outcome], "facts": _facts(found)}
    return render_form(request, "public/verify.html", form, context)


def _facts(found: Verdict) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    if found.reference:
        facts.append(("Reference", found.reference))
    if found.state:
        facts.append(("State", f"{found.state.value.capitalize()}, as of {say(found.at)}"))
    if found.period:
        acts, starts, ends = found.period
        facts += [("Acts covered from", say(acts)), ("In force from", say(starts)), ("Ends", say(ends))]
    if found.signed_at:
        facts.append(("Signed", say(found.signed_at)))
    if found.key is not None:
        holder = found.key.authority if isinstance(found.key, SigningKey) else f"log {found.key.log_origin}"
        key = format_html("<code>{}</code><br>{}, trusted since {}", found.key.kid, holder, say(found.key.valid_from))
        facts.append(("Key", key))
    return facts


@public
def about(request: HttpRequest) -> HttpResponse:
    known = authority()
    zone = known.calendar.zone
    counts = yearly_counts(now=clock.now(), zone=ZoneInfo(zone))
    return render(request, "public/about.html", {"of": known, "counts": counts, "heads": ("Year", "Requests received")})


@public
def keys(request: HttpRequest) -> HttpResponse:
    found = installed_keys().key_set()
    return render(
        request, "public/keys.html", {"signing": found.signing, "checkpoint": found.checkpoint, "latest": last_public()}
    )


@public
def offline(request: HttpRequest) -> HttpResponse:
    """To be printed before it is needed."""
    return render(request, "public/offline.html", {"of": authority()})
