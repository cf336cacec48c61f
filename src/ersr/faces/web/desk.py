"""The desk: the queue, the page that shows a whole case, and what is done before anything is assessed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header

from ersr import clock
from ersr.core import lifecycle
from ersr.core.lifecycle import MOVERS, State
from ersr.faces.web import desk_case, desk_story
from ersr.faces.web.desk_forms import CALL_OUTCOMES, AskForm, CallForm, ConcludeForm
from ersr.faces.web.page import refusals_into, render_form, staff_only, tell
from ersr.files import store
from ersr.notifications.queries import outbox_trouble
from ersr.people.models import Person
from ersr.requests import actions, queries
from ersr.requests.models import Request

PAGE = 50
GROUPS = (("mine", "Your move"), ("theirs", "The registry’s move"), ("others", "A colleague’s or nobody’s move"))


@dataclass(frozen=True)
class Row:
    """One request of the queue as this person reads it."""

    request: Request
    group: str
    move: desk_case.Said
    asks: str
    due: str  # "in 3 d 13 h"
    undone: str


def _row(person: Person, request: Request, now: datetime) -> Row:
    offered = queries.offered(person, request)
    if desk_case.mine_to_move(person, request, offered) is not None:
        group = "mine"
    else:
        group = "theirs" if MOVERS[State(request.state)].side == "registry" else "others"
    move = desk_case.mover(person, request, offered, now=now)
    undone = desk_case.away(request.irreversible_at, now) if request.irreversible_at else ""
    return Row(request, group, move, desk_case.asks(request), desk_case.away(request.due_at, now), undone)


def _wanted(request: Request, search: str) -> bool:
    words = f"{request.reference} {request.operator.name} {request.operator.key} {request.filing_party.name}".lower()
    return all(word in words for word in search.lower().split())


def posted(request: HttpRequest) -> Any:
    """What a form is bound to: also an empty post, which is a wrong answer and not a first look."""
    return request.POST if request.method == "POST" else None


def query_of(**words: str) -> str:
    """What stands before page=N in an address: "?q=north&", or "?"."""
    said = urlencode({name: value for name, value in words.items() if value})
    return f"?{said}&" if said else "?"


@staff_only
def queue(request: HttpRequest, person: Person) -> HttpResponse:
    """What must be moved, by the earlier of the deadline and the moment that cannot be undone."""
    now = clock.now()
    search, only = request.GET.get("q", "").strip(), request.GET.get("group", "")
    every = queries.desk(person, now=now)
    rows = [_row(person, one, now) for one in every if _wanted(one, search)]
    rows = [row for key, _ in GROUPS for row in rows if row.group == key and only in ("", key)]
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    shown = [(key, title, [row for row in page if row.group == key]) for key, title in GROUPS]
    first = next((row for row in rows if row.group == "mine"), None)
    upcoming = min((min(r.due_at, r.irreversible_at or r.due_at) for r in every), default=None)
    return render(
        request,
        "desk/queue.html",
        {
            "place": "Desk",
            "tlp": "AMBER+STRICT" if rows else "",
            "groups": [(title, found) for _, title, found in shown if found],
            "first": first,
            "page": page,
            "search": search,
            "only": only,
            "choices": [("", "All"), *GROUPS],
            "next": upcoming,
            "any": bool(every),
            "trouble": outbox_trouble()[:5],
            "query": query_of(q=search, group=only),
            "first_href": reverse("desk-case", args=[first.request.reference]) if first else "",
            "office": desk_story.office_links(person),
        },
    )


@staff_only
def case(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Everything about one request: what a person who wakes up at 3 a.m. reads first stands first."""
    row, now = queries.request_for(person, ref), clock.now()
    queries.require(person, row, "read_desk")
    return render(request, "desk/case.html", desk_story.whole(person, row, now=now))


@staff_only
def history(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    row, now = queries.request_for(person, ref), clock.now()
    queries.require(person, row, "read_desk")
    happened = queries.history(person, row)
    rows = [{"at": h.at, "words": h.words, "by": h.by, "facts": desk_story.facts_said(h.facts)} for h in happened]
    head = desk_case.head(person, row, now=now)
    step = desk_story.step(person, row, head, request.path, now=now)
    return render(
        request,
        "desk/history.html",
        {**head, "place": "Desk", "step": step, "rows": rows},
    )


@staff_only
def evidence(request: HttpRequest, person: Person, ref: str, pk: int) -> HttpResponse:
    """A file as it came: downloaded, never shown, never sniffed."""
    row = queries.request_for(person, ref)
    queries.require(person, row, "read_desk")
    found = row.evidence.select_related("file").filter(pk=pk).first()
    if found is None:
        raise desk_story.nothing()
    return download(store.get(found.file_id), found.name)


def download(payload: bytes, name: str, kind: str = "application/octet-stream") -> HttpResponse:
    """An attachment in a sandbox: whatever is in it, it never runs on this site."""
    response = HttpResponse(payload, content_type=kind)
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@staff_only
def take(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Takes, or takes over. `from_holder` is whom the page showed: if somebody was quicker, nothing happens."""
    row = queries.request_for(person, ref)
    if request.method == "POST":
        holder = request.POST.get("from_holder", "")
        actions.take(ref, by=person, now=clock.now(), from_holder=holder)
        tell(request, f"You have {row.reference} now.")
    return redirect("desk-case", ref=row.reference)


def open_form(person: Person, ref: str, action: str) -> Request:
    """The request, if this person may do this with it now; else the refusal that says why not and who can."""
    row = queries.request_for(person, ref)
    queries.require(person, row, action)
    lifecycle.check(action, State(row.state), row.reference)
    return row


@staff_only
def call(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """The numbers on file, the words that the caller says first, and what came of the call."""
    row, now = open_form(person, ref, "call"), clock.now()
    if request.method == "POST" and request.POST.get("do") == "words":
        actions.renew_words(ref, by=person, now=now)
        tell(request, "New words were drawn. The old ones no longer count.")
        return redirect("desk-call", ref=row.reference)
    form = CallForm(posted(request))
    if form.is_bound and form.is_valid():
        answers = form.cleaned_data
        with refusals_into(form, default="number_id"):
            done = actions.call(
                ref, number_id=answers["number_id"] or 0, outcome=answers["outcome"], remark=answers["remark"],
                by=person, now=now,
            )  # fmt: skip
            tell(request, f"Recorded: {done.contact_name}, {CALL_OUTCOMES[done.outcome].lower()}.")
            return redirect("desk-case" if done.outcome == "confirmed" else "desk-call", ref=row.reference)
    numbers = queries.numbers_to_call(person, row, now=now)
    return render_form(
        request,
        "desk/call.html",
        form,
        {
            **desk_case.head(person, row, now=now),
            "place": "Desk",
            "numbers": numbers,
            "callable": any(n.may_be_called for n in numbers),
            "calls": desk_story.calls(person, row),
            "stale": now > row.words_until,
            "chosen": request.POST.get("number_id", ""),
            "claimed": queries.claimed_is_on_file(row),
        },
    )


@staff_only
def ask(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    row, now = open_form(person, ref, "ask"), clock.now()
    form = AskForm(posted(request))
    if form.is_bound and form.is_valid():
        with refusals_into(form):
            actions.ask(ref, form.cleaned_data["text"], by=person, now=now)
            tell(request, "Asked. The registry has a mail with a link to it.")
            return redirect("desk-case", ref=row.reference)
    head = desk_case.head(person, row, now=now)
    return render_form(request, "desk/ask.html", form, {**head, "place": "Desk", "open": desk_story.advice_questions(row)})


@staff_only
def conclude(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Where nothing was granted, the answer was given in another way: it says which."""
    row, now = open_form(person, ref, "conclude"), clock.now()
    form = ConcludeForm(posted(request))
    if form.is_bound and form.is_valid():
        with refusals_into(form):
            actions.conclude(ref, channel=form.cleaned_data["channel"], by=person, now=now)
            tell(request, "Closed. The registry has a mail with a link to the answer.")
            return redirect("desk-case", ref=row.reference)
    return render_form(
        request,
        "desk/conclude.html",
        form,
        {**desk_case.head(person, row, now=now), "place": "Desk", "groups": desk_story.group_rows(row)},
    )
