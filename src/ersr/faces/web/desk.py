"""The desk: the queue, the page that shows a whole case, and what is done before anything is assessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from ersr import clock
from ersr.core import lifecycle
from ersr.core.lifecycle import State
from ersr.core.tongue import said, said_in, small
from ersr.faces.download import download
from ersr.faces.web import desk_case, desk_story
from ersr.faces.web.desk_forms import CALL_OUTCOMES, AskForm, CallForm, ConcludeForm
from ersr.faces.web.facts import facts_said
from ersr.faces.web.page import posted, refusals_into, render_form, staff_only, tell
from ersr.files import store
from ersr.lists.queries import names_counts
from ersr.notifications.queries import outbox_trouble
from ersr.people.models import Person
from ersr.requests import actions, queries
from ersr.requests.models import Request

#: Rows of a page: on a phone each is a card, and five screens of them are enough.
PAGE = 25
GROUPS = (("mine", said("Your move")), ("theirs", said("The registry’s move")), ("others", said("A colleague’s or nobody’s move")))


WHOSE = {"mine": queries.Move.MINE, "theirs": queries.Move.REGISTRY, "others": queries.Move.OTHERS}


@dataclass(frozen=True)
class Row:
    """One request of the queue as this person reads it."""

    request: Request
    move: desk_case.Said
    asks: str
    due: str  # "in 3 d 13 h"
    undone: str


def _rows(person: Person, requests: Sequence[Request], now: datetime) -> list[Row]:
    """A page of the queue in words; what its rows say is read for all of them at once."""
    prefetch_related_objects(requests, "acts", "waivers__service")
    offered = queries.offered_for(person, requests)
    names = names_counts(one.incident_id for one in requests)
    return [
        Row(
            one,
            desk_case.mover(person, one, offered[one.pk], now=now),
            desk_case.asks(one, names.get(one.incident_id)),
            desk_case.away(one.due_at, now),
            desk_case.away(one.irreversible_at, now) if one.irreversible_at else "",
        )
        for one in requests
    ]


def query_of(**words: str) -> str:
    """What stands before page=N in an address: "?q=north&", or "?"."""
    asked = urlencode({name: value for name, value in words.items() if value})
    return f"?{asked}&" if asked else "?"


@staff_only
def queue(request: HttpRequest, person: Person) -> HttpResponse:
    """What must be moved, by the earlier of the deadline and the moment that cannot be undone."""
    now = clock.now()
    search, only = request.GET.get("q", "").strip(), request.GET.get("group", "")
    found = queries.desk(person, search=search).order_by("move", "first_at", "pk")
    if only in WHOSE:
        found = found.filter(move=WHOSE[only])
    # Sorted by their keys alone: ten thousand whole rows are more than the database sorts in memory.
    keys = found.select_related(None).values_list("pk", flat=True)
    page = Paginator(keys, PAGE).get_page(request.GET.get("page"))
    # On a later page what comes first is none of its rows; one sort gives both.
    wanted = [*keys[: page.end_index()]]
    wanted = [*wanted[:1], *wanted[max(1, page.start_index() - 1) :]]
    rows = _rows(person, list(found.filter(pk__in=wanted)), now)
    leading = rows[:1]
    if page.number > 1:
        rows = rows[1:]
    if search or only:  # what waits for this person does not depend on what is looked for
        leading = _rows(person, list(queries.desk(person).order_by("move", "first_at", "pk")[:1]), now)
    first = next((row for row in leading if row.request.move == queries.Move.MINE), None)
    upcoming = None if first else queries.desk(person).first()
    shown = [(title, [row for row in rows if row.request.move == WHOSE[key]]) for key, title in GROUPS]
    return render(
        request,
        "desk/queue.html",
        {
            "place": "Desk",
            "tlp": "AMBER+STRICT" if rows or first else "",
            "groups": [(title, group) for title, group in shown if group],
            "first": first,
            "page": page,
            "search": search,
            "only": only,
            "choices": [("", said_in("of moves", "All")), *GROUPS],
            "next": upcoming.first_at if upcoming else None,
            "any": first is not None or upcoming is not None,
            "trouble": outbox_trouble(person)[:5],
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
    rows = [{"at": h.at, "words": h.words, "by": h.by, "facts": facts_said(h.facts)} for h in happened]
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
    return download(store.get(found.file_id), "application/octet-stream", found.name)


@staff_only
def take(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Takes, or takes over. `from_holder` is whom the page showed: if somebody was quicker, nothing happens."""
    row = queries.request_for(person, ref)
    if request.method == "POST":
        holder = request.POST.get("from_holder", "")
        actions.take(ref, by=person, now=clock.now(), from_holder=holder)
        tell(request, said("You have {reference} now.", reference=row.reference))
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
        tell(request, said("New words were drawn. The old ones no longer count."))
        return redirect("desk-call", ref=row.reference)
    form = CallForm(posted(request))
    if form.is_bound and form.is_valid():
        answers = form.cleaned_data
        with refusals_into(form, default="number_id"):
            done = actions.call(
                ref, number_id=answers["number_id"] or 0, outcome=answers["outcome"], remark=answers["remark"],
                by=person, now=now,
            )  # fmt: skip
            tell(request, said("Recorded: {name}, {outcome}.", name=done.contact_name, outcome=small(CALL_OUTCOMES[done.outcome])))
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
            tell(request, said("Asked. The registry has a mail with a link to it."))
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
            tell(request, said("Closed. The registry has a mail with a link to the answer."))
            return redirect("desk-case", ref=row.reference)
    return render_form(
        request,
        "desk/conclude.html",
        form,
        {**desk_case.head(person, row, now=now), "place": "Desk", "groups": desk_story.group_rows(row)},
    )
