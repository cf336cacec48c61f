"""The crawl: everybody asks every address for everything, and what comes back is held against the table of markers."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ersr.core.lifecycle import ACTIONS
from ersr.requests.models import Request
from tests.leak.cases import ROLE_KEYS, Scene
from tests.leak.looking import Finder, body, compact
from tests.leak.markers import Case, may_act, may_read
from tests.leak.pages import Form, read
from tests.leak.routes import ABSENT_REF, Body, Filler, Operation, Route, in_openapi, in_urlconf
from tests.leak.visitors import Visitor, local

PAGES = 12  # of a paged answer that are followed
#: Who also sends HEAD and OPTIONS: nobody in particular, somebody else's person, and staff.
BRIEFLY = {"anybody", "stranger", "officer"}


@dataclass(frozen=True)
class Leak:
    mark: str
    route: str
    reader: str
    where: str
    address: str

    def __str__(self) -> str:
        return f"{self.reader} reads {self.mark} at {self.route} ({self.where} of {self.address})"


@dataclass
class Report:
    visits: Counter[tuple[str, str]] = field(default_factory=Counter)  # (route, reader)
    checks: int = 0
    leaks: set[Leak] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)  # answers of 500, Parquet, acts where none is allowed
    seen: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # marker -> who found it
    forms: dict[tuple[Any, ...], Form] = field(default_factory=dict)
    links: dict[tuple[Any, ...], str] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def out_of_place(self) -> list[str]:
        return sorted(map(str, self.leaks)) + self.faults


class Crawl:
    """`people`, `only` (a test of routes) and `cases` make a smaller crawl, for planted leaks."""

    def __init__(self, scene: Scene, visitors: dict[str, Visitor]) -> None:
        self.scene, self.visitors, self.filler = scene, visitors, Filler(scene)
        self.finder, self.report = Finder(scene.marks.all), Report()
        self.routes = in_urlconf()
        self.operations, self.schemas = in_openapi()
        self.reads = {op.path for op in self.operations if op.method == "GET"}

    # --- looking

    def look(self, visitor: Visitor, route: Route, address: str, answer: Any, typed: str = "") -> None:
        """`typed`: what this visitor sent, which may come back to them."""
        report, marks, key = self.report, self.scene.marks.all, visitor.reader.key
        report.visits[route.pattern, key] += 1
        report.statuses[answer.status_code] += 1
        report.checks += len(marks)
        if answer.status_code >= 500 and not (route.pattern == "ready" and answer.status_code == 503):  # no worker runs here
            report.faults.append(f"{key} got {answer.status_code} from {address}")
        if body(answer).startswith(b"PAR1"):
            report.faults.append(f"{key} was served Parquet by {address}")
        holds = route.pattern.startswith(("enrol", "api/v1/enrol"))
        for text, where in self.finder.in_answer(answer):
            if may_read(visitor.reader, marks[text], holds_link=holds):
                report.seen[text].add(key)
            elif text not in typed:
                report.leaks.add(Leak(str(marks[text]), route.pattern, key, where, address))

    def route_of(self, address: str) -> Route:
        path = address.partition("?")[0]
        return next(route for route in self.routes if route.fits(path))

    # --- GET

    def get_all(self, people: Iterable[str] = (), only: Any = None, cases: Iterable[str] = ()) -> Report:
        """Every route with every filling by everybody; HEAD and OPTIONS once a route; then links that carry a query."""
        people = list(people) or list(self.visitors)
        for route in self.routes:
            if only is not None and not only(route):
                continue
            readable = not route.pattern.startswith("api/v1/") or route.bare in self.reads or "openapi" in route.pattern
            for key in people:
                for n, (filled, case) in enumerate(self.filler.fillings(route, key)):
                    if not n or (readable and (not cases or case is None or case.key in cases)):
                        self.get(self.visitors[key], route, route.address(filled))
            first = route.address(next(self.filler.fillings(route, ""))[0])
            for key in BRIEFLY & set(people):
                for method in ("HEAD", "OPTIONS"):
                    self.look(self.visitors[key], route, first, self.visitors[key].send(method, first))
        for address in list(self.report.links.values()):
            for key in people:
                self.get(self.visitors[key], self.route_of(address), address)
        return self.report

    def get(self, visitor: Visitor, route: Route, address: str) -> Any:
        answer = visitor.send("GET", address)
        self.look(visitor, route, address, answer)
        kind = answer.get("Content-Type", "")
        if answer.status_code != 200:
            return answer
        if "html" in kind:
            self.remember(route, address, answer.content.decode())
        elif kind.startswith("application/json") and not answer.has_header("Content-Disposition"):
            onward, told = answer, json.loads(answer.content)
            for _ in range(PAGES):
                if not isinstance(told, dict) or not told.get("next"):
                    break
                onward = visitor.send("GET", f"{address.partition('?')[0]}?cursor={told['next']}")
                self.look(visitor, route, address, onward)
                told = json.loads(onward.content)
        return answer

    def remember(self, route: Route, address: str, text: str) -> None:
        """Forms and links that a page shows to somebody are tried by everybody."""
        forms, links = read(text)
        for form in forms:
            goal = local(form.action, address) or address
            self.report.forms.setdefault((self.route_of(goal).pattern, *form.shape), form.at(goal))
        for goal in filter(None, (local(link, address) for link in links)):
            if "?" in goal:
                names = tuple(sorted(re.findall(r"[?&]([a-z_]+)=", goal)))
                self.report.links.setdefault((route.pattern, names), goal)

    # --- POST and DELETE

    def post_all(self, people: Iterable[str] = ()) -> Report:
        """Forms that somebody was shown, by everybody; nothing at all to each address; what the description asks for."""
        people = list(people) or list(self.visitors)
        for form in list(self.report.forms.values()):
            kind = "multipart/form-data" if form.multipart else ""
            for sent in form.bodies():
                for key in people:
                    self.change(key, "POST", form.action, sent, kind)
        own = self.scene.cases["own"]
        for route in self.routes:
            if route.pattern.startswith("api"):
                continue
            filled = [f for f, case in self.filler.fillings(route, "") if case is None or case.key in ("own", "decided")]
            for n, one in enumerate((filled[0], filled[-1]) if len(filled) > 1 else filled):
                for key in people:
                    if not n or key not in ROLE_KEYS:
                        self.change(key, "POST", route.address(one), {}, "")
        for operation in self.operations:
            if operation.method != "GET":
                case = self.ready(operation)
                for target in (case, own) if "{ref}" in operation.path else (case,):
                    self.operate(operation, target, people)
        return self.report

    def ready(self, operation: Operation) -> Case:
        """A case in whose state the action is possible, so that the call gets as far as it can."""
        row = ACTIONS.get(operation.action)
        states = dict(Request.objects.values_list("reference", "state"))
        fit = [c for c in self.scene.cases.values() if row and states.get(c.ref) in row.origin and c.key != "own"]
        return fit[-1] if fit else self.scene.cases["decided"]

    def operate(self, operation: Operation, case: Case, people: Iterable[str]) -> None:
        route = next(route for route in self.routes if route.bare == operation.path)
        filled = next(f for f, c in self.filler.fillings(route, "") if c is case or "ref" not in f)
        sent = Body(self.schemas, case).of(operation)
        for key in people:
            self.change(key, operation.method, route.address(filled), sent, operation.media_type)
            if case.key != "own":
                self.change(key, operation.method, route.address(filled), {} if operation.schema else None, operation.media_type)

    def change(self, key: str, method: str, address: str, sent: Any, media_type: str) -> Any:
        visitor = self.visitors[key]
        answer = visitor.send(method, address, sent, media_type=media_type)
        self.look(visitor, self.route_of(address), address, answer, typed=compact(str(sent)))
        foreign = {c.ref for c in self.scene.cases.values() if visitor.reader.party not in c.parties}
        for kind, subject in visitor.acted:
            if not may_act(visitor.reader, kind) or (visitor.reader.party != "icann" and subject in foreign):
                self.report.faults.append(f"{key} did {kind} on {subject} through {method} {address}")
        return answer

    # --- "not yours" is "not there"

    def same_as_absent(self, key: str, only: Any = None) -> list[str]:
        """Addresses at which this reader can tell somebody else's case from one that does not exist."""
        visitor, told = self.visitors[key], []
        foreign = [c for c in self.scene.cases.values() if visitor.reader.party not in c.parties]
        near = [c for c in foreign if c.key in ("received", "decided", "closed")]
        for route in self.routes:
            if "ref" not in route.parameters or (only is not None and not only(route)):
                continue
            api = route.pattern.startswith("api/")
            methods = [op.method for op in self.operations if op.path == route.bare] if api else ["GET", "POST"]
            for method in methods:
                sent, kind = ({} if method == "POST" else None), ("application/json" if api else "")
                nowhere: dict[str, Any] = {}
                for case in near:
                    filled = next((f for f, c in self.filler.fillings(route, key) if c is case), None)
                    if filled is None:  # this case has no such thing yet
                        continue
                    away = route.address({**filled, "ref": ABSENT_REF})
                    if away not in nowhere:
                        nowhere[away] = self.asked(visitor, route, method, away, sent, kind)
                    if self.asked(visitor, route, method, route.address(filled), sent, kind) != nowhere[away]:
                        told.append(f"{key}: {method} {route.pattern} tells {case.key} from nothing")
        return told

    def asked(self, visitor: Visitor, route: Route, method: str, address: str, sent: Any, kind: str) -> Any:
        answer = visitor.send(method, address, sent, media_type=kind)
        self.look(visitor, route, address, answer)
        return plain(answer, address)

    def unvisited(self, people: Iterable[str] = ()) -> list[str]:
        """Routes of the URLconf and of the description that somebody did not visit."""
        people = list(people) or list(self.visitors)
        known = {route.bare for route in self.routes}
        missing = [f"{op.method} {op.path} is in the description and not in the URLconf" for op in self.operations if op.path not in known]
        return missing + [f"{key} did not visit {r.pattern}" for r in self.routes for key in people if not self.report.visits[r.pattern, key]]


_MASKED = re.compile(rb'(csrfmiddlewaretoken" value=|csrftoken=|X-Request-ID: )"?[A-Za-z0-9]+')


def plain(answer: Any, address: str) -> tuple[int, bytes, bytes]:
    """Status, headers and body without what is drawn anew each time and without the reference that was asked for."""
    asked = set(re.findall(r"(?:SRW|W)-[0-9]{4}-[0-9]+-[A-Z]", address))
    # Without the length: the reference that was asked for comes back in the page, and the body is compared itself.
    head = "\n".join(f"{name}: {value}" for name, value in sorted(answer.items()) if name != "Content-Length").encode()
    found = [_MASKED.sub(b"", part) for part in (head, body(answer))]
    for ref in asked:
        found = [part.replace(ref.encode(), b"REF") for part in found]
    return answer.status_code, found[0], found[1]
