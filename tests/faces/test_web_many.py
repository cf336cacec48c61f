"""Pages and lists do not grow dearer with the number of requests: as many statements for many as for few."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench.many import Crowd
from ersr.core.lifecycle import FINAL
from ersr.requests import queries
from ersr.requests.models import Request
from tests.faces.calling import Caller
from tests.world import World

Visit = Callable[..., Client]
FEW, MANY = 110, 330


def _statements(look: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as seen:
        answer = look()
    assert answer.status_code == 200, answer
    return [one["sql"] for one in seen.captured_queries]


def test_many_requests_cost_as_many_statements_as_few(world: World, visit: Visit) -> None:
    """The desk and its second page, both pages of a request, the start page, what one was told, parties, people, and the
    lists of the API; each shows a page of rows, so that a statement for every row would be seen."""
    crowd = Crowd(world)
    crowd.fill(FEW)
    desk, office, filer = visit(world.officer), visit(world.administrator), visit(world.filer)
    staff, own = Caller(world.officer), Caller(world.filer)
    refs = [one.reference for one in crowd.played]
    looks: dict[str, Callable[[], object]] = {
        "desk": lambda: desk.get("/desk"),
        "desk, mine": lambda: desk.get("/desk?group=mine"),
        "desk, found": lambda: desk.get("/desk?q=northlight+srw"),
        "desk, second page": lambda: desk.get("/desk?page=2"),
        "start": lambda: filer.get("/"),
        "told": lambda: desk.get("/told"),
        "about": lambda: filer.get("/about"),
        "parties": lambda: desk.get("/parties"),
        "people": lambda: office.get("/people"),
        "API, staff": lambda: staff.get("requests", limit=50),
        "API, registry": lambda: own.get("requests", limit=50),
        "API, waivers": lambda: own.get("waivers", limit=20),
    }
    for ref in refs:
        looks[f"staff {ref}"] = lambda ref=ref: desk.get(f"/desk/{ref}")
        looks[f"filer {ref}"] = lambda ref=ref: filer.get(f"/r/{ref}")
    for look in looks.values():  # what is read once per process is read now
        look()
    few = {name: _statements(look) for name, look in looks.items()}
    crowd.fill(MANY)
    assert Request.objects.count() >= MANY
    many = {name: _statements(look) for name, look in looks.items()}
    assert {n: len(s) for n, s in many.items()} == {n: len(s) for n, s in few.items()}
    assert all(len(statements) < 60 for statements in many.values()), {n: len(s) for n, s in many.items()}

    _shows_each_open_request_once(desk)
    # What is copied is whole, and the queue by statement says of each row what its page says.
    world.assert_whole()
    for person in world.people.values():
        if not person.is_staff_member or person == world.administrator:
            continue
        open_ones = [one for one in queries.desk(person) if one.reference in refs or one.holder == person][:60]
        said = queries.offered_for(person, open_ones)
        for one in open_ones:
            assert (one.move == queries.Move.MINE) == _own_move(person, one, said[one.pk].primary), (person, one.state)


def _own_move(person: object, request: Request, primary: object) -> bool:
    """As the page of the request says it: a primary action, unless it is to take what a colleague has."""
    if primary is None:
        return False
    return not (primary.name == "take" and request.holder_id not in (None, person.pk))


def _shows_each_open_request_once(desk: Client) -> None:
    """Page by page, group by group: nothing twice, nothing lost, each group in the order of what comes first."""
    seen, number, pages = [], 1, 1
    while number <= pages:
        context = desk.get(f"/desk?page={number}").context
        seen += [row.request for _, rows in context["groups"] for row in rows]
        number, pages = number + 1, context["page"].paginator.num_pages
    assert len(seen) == len({one.pk for one in seen}) == Request.objects.exclude(state__in=FINAL).count()
    order = [(one.move, min(one.due_at, one.irreversible_at or one.due_at), one.pk) for one in seen]
    assert order == sorted(order)
    assert {one.move for one in seen} == set(queries.Move)
