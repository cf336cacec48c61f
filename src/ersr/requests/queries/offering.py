"""What somebody may do now, asked of many requests in one statement; and the desk's queue, sorted by the database.

What an action needs beside state and permit is a fact about the request. Each fact is one condition: read as a column where
buttons are made, and as a filter where the queue is sorted by whose move it is. So both follow the same tables.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from django.db.models import BigIntegerField, Case, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact, IsNull

from ersr.core import permits
from ersr.core.errors import not_found
from ersr.core.lifecycle import ACTIONS, FINAL, MOVERS, PRIMARY, Action, LineState, Outcome, State
from ersr.core.permits import Relation
from ersr.lists.models import Hit
from ersr.lists.queries import open_groups
from ersr.people.models import Person
from ersr.requests.models import FIRST_AT, Decision, Line, Note, Request
from ersr.requests.queries.seeing import relations, relations_of_staff, requests_visible_to

#: action -> the fact without which it is not offered.
_NEEDS = {
    "acknowledge": "unacknowledged", "answer_hits": "unanswered_hits", "approve": "proposal", "preview": "unsigned",
    "propose": "open_line", "return_proposal": "proposal", "send_back": "unsigned", "serve": "signed", "sign": "unsigned",
}  # fmt: skip
#: action -> the fact that stands in its way.
_NOT_WITH = {"conclude": "unsigned", "withdraw": "decided_line"}
#: action -> the fact that makes the person an author of the decisions in question.
_AUTHOR = {"approve": "own_proposal", "preview": "own_grant", "send_back": "own_grant", "sign": "own_grant"}
#: action that can be repeated -> the fact that it has had its turn as the primary one, so that the next is offered.
_DONE = {"assess": "own_note", "preview": "own_preview", "take": "held"}
Allowed = Callable[[str, frozenset[Relation]], bool]


@dataclass(frozen=True)
class Offered:
    """What somebody may do now with a request: the one primary action, and the others."""

    primary: Action | None
    others: tuple[Action, ...]


class Move(IntEnum):
    """Whose move it is as a reader of the desk sees it. To take over what a colleague has is not the reader's move."""

    MINE = 0
    REGISTRY = 1
    OTHERS = 2


def _fact(name: str, person: Person) -> Q:
    """One fact as a condition on a request. The instruments' room is above this one: they are reached through relations."""
    here, itself = {"request": OuterRef("pk")}, Request.objects.filter(pk=OuterRef("pk"))
    grants = {"outcome__in": [outcome.value for outcome in Outcome if outcome.grants]}
    match name:
        case "decided_line":
            rows = Line.objects.filter(state__in=(LineState.DECIDED, LineState.EXECUTED), **here)
        case "held":
            return Q(holder=person)
        case "open_line":
            rows = Line.objects.filter(dropped_at__isnull=True, state=LineState.OPEN, **here)
        case "own_grant":
            rows = Decision.objects.filter(state="approved", proposed_by=person, **grants, **here)
        case "own_note":
            rows = Note.objects.filter(by=person, privileged=False, **here)
        case "own_preview":
            newest = itself.order_by("-previews__made_at")
            maker = Coalesce(Subquery(newest.values("previews__made_by")[:1]), 0, output_field=BigIntegerField())
            return Q(Exact(maker, person.pk)) & Q(IsNull(Subquery(newest.values("previews__signed")[:1]), True))
        case "own_proposal":
            rows = Decision.objects.filter(state="proposed", proposed_by=person, **here)
        case "proposal":
            rows = Decision.objects.filter(state="proposed", **here)
        case "signed":
            rows = itself.filter(waivers__isnull=False)
        case "unacknowledged":
            rows = itself.filter(waivers__isnull=False, waivers__acknowledgement__isnull=True)
        case "unanswered_hits":
            of = {"of__incident": OuterRef("incident")}
            return Q(Exists(Hit.objects.filter(answer="", **of))) | Q(Exists(open_groups().filter(**of)))
        case "unsigned":
            rows = Line.objects.filter(dropped_at__isnull=True, state=LineState.DECIDED, **grants, **here)
        case _:
            raise LookupError(f"no fact is called {name!r}")
    return Q(Exists(rows))


def _asked(person: Person, states: Collection[State]) -> set[str]:
    """The facts on which something hangs for a person of these roles in these states."""
    possible = [n for n, row in ACTIONS.items() if row.origin & set(states) and person.roles & permits.PERMITS[n].keys()]
    tables = (_NEEDS, _NOT_WITH, _AUTHOR, _DONE)
    return {table[name] for table in tables for name in possible if name in table}


def offered(person: Person, request: Request) -> Offered:
    """From the life-cycle table and the permits; nothing else makes a button."""
    return offered_for(person, [request])[request.pk]


def offered_for(person: Person, requests: Iterable[Request]) -> dict[int, Offered]:
    """The same for many: request's key -> what this person may do with it now. One statement, however many they are."""
    known = {request.pk: request for request in requests}
    facts = _asked(person, {State(request.state) for request in known.values()})
    columns = {f"is_{name}": Case(When(_fact(name, person), then=1), default=0) for name in facts}
    rows = Request.objects.filter(pk__in=known).order_by().annotate(**columns).values("pk", *columns) if columns else ()
    true = {row["pk"]: {name for name in facts if row[f"is_{name}"]} for row in rows}
    # Many rows ask the permits the same.
    allowed = functools.cache(lambda name, ties: permits.verdict(name, person.roles, ties).allowed)
    return {pk: _offer(person, request, true.get(pk, set()), allowed) for pk, request in known.items()}


def _offer(person: Person, request: Request, true: set[str], allowed: Allowed) -> Offered:
    state = State(request.state)
    possible = {}
    for name, row in ACTIONS.items():
        if name == "submit" or state not in row.origin or _NOT_WITH.get(name) in true:
            continue
        if name in _NEEDS and _NEEDS[name] not in true:
            continue
        if allowed(name, relations(person, request, authors=[person.pk] if _AUTHOR.get(name) in true else [])):
            possible[name] = row
    first = next((name for name in _wanted(person, state) if name in possible and _DONE.get(name) not in true), "")
    return Offered(possible.get(first), tuple(row for name, row in possible.items() if name != first))


def _wanted(person: Person, state: State) -> Iterator[str]:
    """The actions that may be the one filled button, in the table's order of the person's roles."""
    return itertools.chain.from_iterable(names for role, names in PRIMARY[state].items() if role in person.roles)


def _mine(person: Person) -> Iterator[Q]:
    """The same as `_offer` says of the primary action, as conditions: in which requests it is the person's to do."""
    fact = functools.cache(lambda name: _fact(name, person))
    for state, name in ((s, n) for s in PRIMARY for n in _wanted(person, s) if s in ACTIONS[n].origin):
        needs = Q(state=state)
        if name in _NEEDS:
            needs &= fact(_NEEDS[name])
        for table in (_NOT_WITH, _DONE):
            if name in table:
                needs &= ~fact(table[name])
        if name == "take":
            needs &= Q(holder__isnull=True)
        for held, author in itertools.product((False, True), (False, True) if name in _AUTHOR else (False,)):
            ties = relations_of_staff(holder=held, author=author)
            if permits.verdict(name, person.roles, ties).allowed:
                tied = fact("held") if held else ~fact("held")
                if name in _AUTHOR:
                    tied &= fact(_AUTHOR[name]) if author else ~fact(_AUTHOR[name])
                yield needs & tied


_REGISTRY = [state for state, mover in MOVERS.items() if mover.side == "registry"]


def desk(person: Person, *, search: str = "") -> QuerySet[Request]:
    """What is open, by the earlier of the deadline and the moment that cannot be undone: `first_at`; `move` is a Move.

    `search`: words that must all stand in reference, operator or filing party.
    """
    if not permits.verdict("read_desk", person.roles, {Relation.NONE}).allowed:
        raise not_found()
    rows = requests_visible_to(person).exclude(state__in=FINAL)
    for word in search.split():
        rows = rows.filter(
            Q(reference__icontains=word) | Q(operator__name__icontains=word) | Q(operator__key__icontains=word)
            | Q(filing_party__name__icontains=word)
        )  # fmt: skip
    move = Case(
        *(When(condition, then=Move.MINE) for condition in _mine(person)),
        When(state__in=_REGISTRY, then=Move.REGISTRY),
        default=Move.OTHERS,
        output_field=IntegerField(),
    )
    return rows.annotate(first_at=FIRST_AT, move=move).order_by("first_at", "pk")


def in_desk_order(rows: QuerySet[Request]) -> QuerySet[Request]:
    """The open ones as on the desk, then the finished (`over` is 1)."""
    over = Case(When(state__in=FINAL, then=1), default=0)
    return rows.annotate(over=over, first_at=FIRST_AT).order_by("over", "first_at", "pk")


def own(person: Person) -> QuerySet[Request]:
    """A registry's requests: those that wait for it, then the other open ones, then the finished; each by deadline."""
    place = Case(When(state__in=_REGISTRY, then=0), When(state__in=FINAL, then=2), default=1)
    return requests_visible_to(person).order_by(place, "due_at", "pk")
