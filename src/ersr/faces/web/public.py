"""Pages for everybody: where am I, is this waiver genuine, which keys, which rules, what if this site is down."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html

from ersr import clock
from ersr.core.errors import FieldError
from ersr.core.say import place, say
from ersr.core.tongue import Said, capital, number, said
from ersr.faces.network import network_of
from ersr.faces.web import language
from ersr.faces.web.account import offered_forms
from ersr.faces.web.case import mine
from ersr.faces.web.forms import CheckForm
from ersr.faces.web.page import posted, public, quoted, render_form, safe_next, take_errors
from ersr.ledger.resume import ended
from ersr.ledger.sequence import installed_keys, last_public
from ersr.parties.authority import authority
from ersr.people.actions import set_language
from ersr.people.models import Person
from ersr.people.patience import CHECKING, take
from ersr.proof.keys import SigningKey
from ersr.proof.verify import Outcome, Verdict, verify
from ersr.requests.queries import draft_of, yearly_counts

#: Bytes. A signed letter has about a tenth of it; a list of 200,000 names about a half.
CHECK_LIMIT = 10 * 2**20

#: What the command calls "authentic", "forged" and "cannot tell": (look of the notice, words).
VERDICTS = {
    Outcome.AUTHENTIC: ("good", said("Valid")),
    Outcome.FORGED: ("stop", said("Not valid")),
    Outcome.CANNOT_TELL: ("", said("Could not check")),
}


@public
def home(request: HttpRequest) -> HttpResponse:
    """Am I right here? For those who are signed in: what waits for them."""
    context: dict[str, object] = {"of": authority()}
    person = request.user
    if isinstance(person, Person) and person.is_authenticated:
        page, rows = mine(person, request.GET.get("page"), clock.now())
        context |= {
            "requests": rows, "page": page, "draft": draft_of(person), "kept": offered_forms(person),
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
                words = said(
                    "The file has {size} bytes; at most {limit} are checked here. The command takes more",
                    size=number(one.size), limit=number(CHECK_LIMIT),
                )
                take_errors(form, (FieldError(name, words),))
        if not form.errors:
            # Who is signed in has a measure of their own, so that an office behind one address does not share one.
            who = f"person:{request.user.pk}" if request.user.is_authenticated else network_of(request)
            take(f"check:{who}", CHECKING, now=clock.real())
            found = verify(
                sent.read(), installed_keys().key_set(), at=clock.now(), name=sent.name or "",
                names=listed.read() if listed else None,
            )  # fmt: skip
    context: dict[str, object] = {"found": found}
    if found is not None:
        covers = [one if isinstance(one, Said) else quoted(one) for one in found.covers]
        context |= {"verdict": VERDICTS[found.outcome], "facts": _facts(found), "covers": covers}
    return render_form(request, "public/verify.html", form, context)


def _facts(found: Verdict) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    if found.reference:
        facts.append((said("Reference"), found.reference))
    if found.state:
        facts.append((said("State"), said("{state}, as of {moment}", state=capital(found.state.words), moment=say(found.at))))
    if found.period:
        acts, starts, ends = found.period
        facts += [(said("Acts covered from"), say(acts)), (said("In force from"), say(starts)), (said("Ends"), say(ends))]
    if found.signed_at:
        facts.append((said("Signed"), say(found.signed_at)))
    if found.key is not None:
        holder = found.key.authority if isinstance(found.key, SigningKey) else said("log {name}", name=found.key.log_origin)
        key = format_html(
            "<code>{}</code><br>{}", found.key.kid,
            said("{holder}, trusted since {moment}", holder=holder, moment=say(found.key.valid_from)),
        )  # fmt: skip
        facts.append((said("Key"), key))
    return facts


@public
def choose_language(request: HttpRequest) -> HttpResponse:
    """Keeps the choice in this browser, and with the person who is signed in: it follows them to other devices."""
    response = redirect(safe_next(request))
    chosen, person = request.POST.get("language", ""), language.reader(request)
    if request.method != "POST" or chosen not in language.languages_for(person):
        return response
    if person is not None:
        set_language(person, chosen)
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME, chosen, max_age=settings.LANGUAGE_COOKIE_AGE, httponly=True,
        secure=settings.LANGUAGE_COOKIE_SECURE, samesite="Lax",
    )  # fmt: skip
    return response


@public
def about(request: HttpRequest) -> HttpResponse:
    known = authority()
    zone = known.calendar.zone
    counts = yearly_counts(now=clock.now(), zone=ZoneInfo(zone))
    return render(request, "public/about.html", {"of": known, "city": place(zone), "counts": counts, "heads": (said("Year"), said("Requests received"))})


@public
def keys(request: HttpRequest) -> HttpResponse:
    found = installed_keys().key_set()
    return render(
        request,
        "public/keys.html",
        {"signing": found.signing, "checkpoint": found.checkpoint, "latest": last_public(), "ended": ended()},
    )


@public
def offline(request: HttpRequest) -> HttpResponse:
    """To be printed before it is needed."""
    return render(request, "public/offline.html", {"of": authority()})
