"""Every address that there is, from the URLconf and from the OpenAPI document, and what its parameters are filled with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from ersr import clock
from ersr.core import filing
from ersr.faces.api.v1 import api
from ersr.notifications.models import Notification
from ersr.parties.models import ContactNumber, Party
from ersr.people.models import Delegation, Person, Recovery, Token
from ersr.requests.models import Request
from tests.leak.cases import ROLE_KEYS, Scene
from tests.leak.markers import Case
from tests.leak.pages import TYPED

#: Well formed and never given out: how "not there" answers.
ABSENT_REF, ABSENT_ID, ABSENT_WORD = "SRW-2026-1000000-A", 2_000_000_000, "nosuchthing"
_PARAMETER = re.compile(r"<(?:[a-z]+:)?([a-z_]+)>")
STATES_APART = ("own", "received", "decided", "closed")
FEW_PARTS = ("act", "list", "evidence", "happening")
FEW_CASES = {"anybody": STATES_APART, "administrator": STATES_APART, "combined": ("decided",)}
#: Of the catch-alls, which are no template: an address that falls into each.
REGULAR = {"^api(?:/|$)": "/api/nothing"}


@dataclass(frozen=True)
class Route:
    pattern: str  # as in the URLconf: r/<str:ref>/lists/<int:number>
    name: str

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(_PARAMETER.findall(self.pattern))

    def address(self, filled: dict[str, Any]) -> str:
        if "^" in self.pattern:
            if self.pattern not in REGULAR:
                raise LookupError(f"no address for {self.pattern}: the crawl would not visit it")
            return REGULAR[self.pattern]
        return "/" + _PARAMETER.sub(lambda found: str(filled[found[1]]), self.pattern)

    def fits(self, path: str) -> bool:
        if self.pattern in REGULAR:
            return path == REGULAR[self.pattern]
        return re.fullmatch("/" + _PARAMETER.sub("[^/]+", self.pattern).replace(".", r"\."), path) is not None

    @property
    def bare(self) -> str:
        """Without converters, as OpenAPI says it."""
        return "/" + _PARAMETER.sub(r"{\1}", self.pattern)


def _walk(resolver: Any, prefix: str = "") -> Iterator[Route]:
    for entry in resolver.url_patterns:
        told = entry.pattern
        own = told._route if isinstance(told, RoutePattern) else told._regex
        if isinstance(entry, URLResolver):
            yield from _walk(entry, prefix + own)
        elif isinstance(entry, URLPattern):
            yield Route(prefix + own, entry.name or prefix + own)


def in_urlconf() -> list[Route]:
    """One a pattern: an address that two views claim is answered by the first."""
    return list({route.pattern: route for route in _walk(get_resolver())}.values())


@dataclass(frozen=True)
class Operation:
    path: str
    method: str
    schema: dict[str, Any] | None  # of the body
    media_type: str
    action: str  # row of the life-cycle table, or ""


def in_openapi() -> tuple[list[Operation], dict[str, Any]]:
    """Every operation of the description, and the schemas that it names."""
    document = api.get_openapi_schema()
    found = []
    for path, operations in document["paths"].items():
        for method, told in operations.items():
            content = told.get("requestBody", {}).get("content", {})
            media_type, body = next(iter(content.items()), ("", {}))
            found.append(Operation(path, method.upper(), body.get("schema"), media_type, told.get("x-action", "")))
    return found, document["components"]["schemas"]


# --- what parameters are filled with


class Filler:
    """Every object of the world for every parameter. Things inside a case: its own; in two cases also one of another case,
    and one that is not there."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.by_ref = {case.ref: case for case in scene.cases.values() if case.ref}
        self.waivers = {ref: case for case in self.by_ref.values() for ref in case.waivers}

    def fillings(self, route: Route, reader: str) -> Iterator[tuple[dict[str, Any], Case | None]]:
        """(parameter -> value, the case that it is about). Staff have no business on the filer's pages of parts, whichever
        part it is, so that a few do, and one of them asks for what is not there. Who has no part in any case, or combines
        roles, tries the cases where there is most to see."""
        for filled, case in self._rest(route, list(route.parameters), {}, None):
            if reader in ROLE_KEYS and filled.get("part", "act") not in FEW_PARTS:
                continue
            if reader in ROLE_KEYS[1:] and "ref" in filled and case is None:
                continue
            if reader in FEW_CASES and case is not None and case.key not in FEW_CASES[reader]:
                continue
            yield filled, case

    def _rest(
        self, route: Route, left: list[str], filled: dict[str, Any], case: Case | None
    ) -> Iterator[tuple[dict[str, Any], Case | None]]:
        if not left:
            yield filled, case
            return
        name, *rest = left
        for value, about in self.values(route, name, case):
            yield from self._rest(route, rest, {**filled, name: value}, about or case)

    def values(self, route: Route, name: str, case: Case | None) -> list[tuple[Any, Case | None]]:
        known = getattr(self, f"_{name}", None)
        if known is None:
            raise LookupError(f"no filler for the parameter {name} of {route.pattern}: the crawl would not visit it")
        return known(route, case)

    def _ref(self, route: Route, case: Case | None) -> list[tuple[Any, Case | None]]:
        own, other = (self.waivers, self.by_ref) if re.search(r"(^|/)(w|waivers)/", route.pattern) else (self.by_ref, self.waivers)
        strays = [next(iter(other)), ABSENT_REF] if other else [ABSENT_REF]
        return [*own.items(), *((stray, None) for stray in strays)]

    def _inside(self, route: Route, case: Case | None) -> list[tuple[Any, Case | None]]:
        kind = "previews" if "previews" in route.pattern else "evidence"
        mine = getattr(case, kind) if case else []
        others = [pk for one in self.by_ref.values() if one is not case for pk in getattr(one, kind)]
        strays = [*others[:1], ABSENT_ID] if case is None or case.key in ("own", "decided") else []
        return [(pk, None) for pk in (*(mine or [ABSENT_ID]), *strays)]

    def _pk(self, route: Route, case: Case | None) -> list[tuple[Any, Case | None]]:
        return self._inside(route, case)

    def _id(self, route: Route, case: Case | None) -> list[tuple[Any, Case | None]]:
        for word, kind in (("tokens/", Token), ("people/", Person), ("recoveries/", Recovery), ("delegations/", Delegation), ("outbox/", Notification)):
            if word in route.pattern:
                return [(pk, None) for pk in (*kind.objects.order_by("pk").values_list("pk", flat=True), ABSENT_ID)]
        return self._inside(route, case)

    def _number(self, route: Route, case: Case | None) -> list[tuple[Any, Case | None]]:
        strays = [7] if case is None or case.key in ("own", "decided") else []
        return [(number, None) for number in (*(case.lists if case else [1]), *strays)]

    _n = _number

    def _part(self, route: Route, case: Case | None) -> list[tuple[Any, Case | None]]:
        parts = [*filing.PARTS, "act", "list", "evidence", ABSENT_WORD]
        return [(part, None) for part in parts]

    def _key(self, route: Route, case: Case | None) -> list[tuple[Any, Case | None]]:
        if route.pattern.startswith("kept"):
            keys = [key for what, key in self.scene.links.items() if what.startswith("kept:")]
        else:
            keys = list(Party.objects.values_list("key", flat=True))
        return [(key, None) for key in (*keys, ABSENT_WORD)]

    def _code(self, route: Route, case: Case | None) -> list[tuple[Any, Case | None]]:
        return [(code, None) for code in (self.scene.links["enrol"], ABSENT_WORD)]

    def _key_hash(self, route: Route, case: Case | None) -> list[tuple[Any, Case | None]]:
        return [(key, None) for key in (*self.scene.sessions.values(), "0" * 64)]


# --- bodies


#: What a field of that name is given; everything else is filled by its type.
PLAUSIBLE: dict[str, Any] = {
    "acts_from": "2026-01-01T00:00:00Z", "agreement": "north-2014", "channel": "courier", "code": "000000", "days": 30,
    "discipline": "security", "email": "filer@northlight.example", "ends_at": "2099-01-01T00:00:00Z", "families": ["base"],
    "family": "base", "hint": "notice_only", "instrument": "waiver", "irreversible": "unknown", "as_of": "2026-01-01",
    "number_claimed": "+3225550142", "operator": "northlight", "outcome": "denied", "part": "telling", "party": "southwind",
    "provision": "6.1", "recommendation": "grant", "roles": [["filer", ""]], "scopes": ["read"], "tlds": ["com"],
    "taken": "planned", "version": "2023-04-30", "zone": "UTC", "action": "create", "starts_at": None,
    "irreversible_at": None, "replaces": None, "service": "", "registered": "no", "from_holder": None, "lines": [1],
    "effective_from": None,
}  # fmt: skip


class Body:
    """A body that the description would accept, made from its schema, about one case."""

    def __init__(self, schemas: dict[str, Any], case: Case) -> None:
        self.schemas, self.case = schemas, case
        request = Request.objects.get(reference=case.ref)
        decision = request.decisions.order_by("-pk").first()
        question = request.questions.filter(answered_at__isnull=True).first()
        number = ContactNumber.objects.filter(contact__party=request.operator).order_by("since").first()
        self.ids = {
            "decision": decision.pk if decision else 1, "preview": (case.previews or [1])[0], "line": 1, "list": 1,
            "number_id": number.pk if number else 1, "waiver": (case.waivers or ["W-2026-1000000-A"])[0],
            "served_at": clock.real().isoformat(), "names": list(request.incident.lists.first().hits.values_list("name", flat=True)[:1]),
            "person": Person.objects.get(role_rows__role="signatory", role_rows__discipline="", name="Greta Holm").email,
        }  # fmt: skip
        self.keys = {"AnswersIn": str(question.pk if question else 1)}

    def of(self, operation: Operation) -> Any:
        if operation.action == "call":
            self.ids["outcome"] = "no_answer"
        return self.value("", operation.schema) if operation.schema else None

    def value(self, name: str, schema: dict[str, Any]) -> Any:
        if "$ref" in schema:
            kind = schema["$ref"].rsplit("/", 1)[-1]
            told = self.schemas[kind]
            return {n: self.value(n, s) if kind not in self.keys else {self.keys[kind]: TYPED} for n, s in told.get("properties", {}).items()}
        if name in self.ids:
            return self.ids[name]
        if schema.get("type") == "object" and "properties" in schema:
            return {n: self.value(n, s) for n, s in schema["properties"].items()}
        if name in PLAUSIBLE:
            return PLAUSIBLE[name]
        for choice in schema.get("anyOf", ()):
            return self.value(name, choice)
        if schema.get("format") == "binary":
            return b"plausible.com\n"
        if schema.get("type") == "object":
            more = schema.get("additionalProperties")
            return {"may": self.value("", more) if isinstance(more, dict) else TYPED}
        return {"integer": 1, "boolean": False, "array": [], "null": None}.get(schema.get("type", "string"), TYPED)
