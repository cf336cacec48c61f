"""Every page in every state, as documents: rendered once by the product for everybody in it, then looked at in Chromium.

The world is the leak test's, with sentences where that has markers: eleven cases, one at each step, and everybody who may look. Pages
are found as a reader finds them, by following links; what no link leads to is asked for by its address (tests/leak/routes.py). Forms
are sent as they stand, emptied, and filled with nonsense, for the pages that come of it.
"""

from __future__ import annotations

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import lxml.html
from django.db import OperationalError, transaction
from django.template import Template
from django.test import Client
from django.test.signals import template_rendered

from ersr import clock
from ersr.core.lifecycle import FINAL
from ersr.faces.web import public
from ersr.ledger import sequence
from ersr.ledger.append import append
from ersr.people import actions as people
from ersr.people.actions import devices
from ersr.requests import actions as requests
from ersr.requests import queries
from ersr.requests.models import Request
from ersr.waivers import actions as waivers
from ersr.waivers.models import Waiver
from tests import world as worlds
from tests.faces.desk_play import play
from tests.leak import cases
from tests.leak.cases import Scene
from tests.leak.markers import Case, Marks
from tests.leak.pages import Form, read
from tests.leak.routes import Filler, Route, in_urlconf
from tests.leak.visitors import Visitor, local
from tests.lists.by_hand import screened

#: What stands in a field of the leak test's world, instead of a marker. Where several must differ they get a number.
WORDS = {
    "happening": "A worm registers names by algorithm in eight of our TLDs. Tonight's names come alive at midnight UTC.",
    "part": "Two of our own analysts reversed the sample and drew the names for the next ninety days.",
    "act": "We keep the names out of the zone until the list is confirmed.",
    "list title": "Names of tonight",
    "name on a list": "qhflhxyzq",
    "name refused": "ex",
    "name taken out": "mercato",
    "evidence name": "sample-and-report-of-the-second-variant",
    "evidence bytes": "MZ",
    "answer": "The sinkhole of our national CERT.",
    "withdrawal": "The sample turned out to be inert.",
    "filer's name": "Nils",
    "filer's e-mail": "nils.lindqvist",
    "question": "To which sinkhole do the names point?",
    "reason of an added line": "The act touches the escrow deposit too.",
    "provision of a line": "Data escrow of names that nobody registered",
    "reasons": "Imminent, specific and small: the list fits the algorithm, and nothing else stops it in time.",
    "modification": "Only the names on list 1, and for 60 days.",
    "quote": "The registry operator shall not register names itself.",
    "quote's source": "Section 2.9 of the agreement",
    "condition": "The registry reports the count of names alive each Monday.",
    "reporting": "An after-action report within 30 days of the end.",
    "disposition": "At the end the names are deleted and not released before a public notice of 30 days.",
    "service": "AWB 17 2026 0042",
    "how the answer was given": "by phone, +32 2 555 01 00",
    "delegation in a letter": "Resolution 2026.03.01 of the board",
    "why a name was taken out": "A shop with two million visitors a month.",
    "remark on a call": "Rang eleven times.",
    "assessment": "The list fits the published algorithm; four names are ordinary words.",
    "why a line was changed": "The agreement of 2016 has another wording.",
    "reasons of a returned proposal": "As the operator asks.",
    "why it was returned": "Sixty days are enough.",
    "reasons of a decision sent back": "Imminent and specific.",
    "why it was sent back": "The condition names no day.",
    "proposer's name": "Sana",
    "approver's name": "Tom",
    "popularity title": "Most visited names",
    "why a catalogue row was added": "Read anew with counsel.",
    "privileged note": "Outside counsel agrees.",
    "contact": "operations centre",
    "contact's e-mail": "noc",
    "contact called": "security desk",
    "draft": "Names come alive tonight, and we do not know yet how many.",
    "draft's error": "nosuchtld",
    "kept form": "Typed before the session ended.",
    "session's agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "token's name": "night shift",
    "delegation not used": "Letter of the chair",
    "invited person": "nora",
}
_NUMBERED = {"name on a list", "name taken out", "invited person", "contact's e-mail"}
READERS = (
    "filer", "officer", "security", "counsel", "approver", "signatory", "auditor", "administrator", "combined", "night", "anybody",
)  # fmt: skip
#: Addresses that are no pages: the API (its description is a test of its own), and what machines ask.
ELSEWHERE = ("api", "^api", "health")
#: Who sees another page of the same case, so that each of them goes through all of it.
TRAVELLERS = READERS[:9]


class Sentences(Marks):
    def word(self, name: str, case: Case | None = None, *, owner: str = "", parties: Iterable[str] = ()) -> str:
        drawn = super().word(name, case, owner=owner, parties=parties)
        return WORDS[name] + (str(int(drawn[2:], 36) % 9000 + 1000) if name in _NUMBERED else "")


@dataclass(frozen=True, eq=False)
class Shown:
    """One page as the product sent it, with its headers."""

    name: str  # of its file: case-filer-12
    route: Route
    reader: str
    how: str  # "GET /desk/SRW-...", for messages
    status: int
    html: str
    headers: dict[str, str]
    templates: frozenset[str]
    state: str  # of the case that it is about, or ""
    later: bool  # seen at another time than that of the world

    def __str__(self) -> str:
        return f"{self.name} ({self.reader}, {self.status}, {self.how})"

    @functools.cached_property
    def tree(self) -> Any:
        return lxml.html.document_fromstring(self.html)

    @functools.cached_property
    def pieces(self) -> frozenset[str]:
        """What is to be seen here: the route, the templates, the state of the case, and every element with its surroundings (the two
        around it and the one before it). Texts do not count, and of a chart only that it is there."""
        found = {f"template {name}" for name in self.templates}
        if self.status == 200:
            found.add(f"route {self.route.pattern}")
        if self.state and self.status == 200 and self.route.name in ("case", "desk-case"):
            found.add(f"state {self.state} {self.route.name}")
        for element in self.tree.body.iter():
            if isinstance(element.tag, str) and element.getparent().tag not in ("svg", "g"):
                around = element.getparent()
                found.add(f"{_told(around.getparent())} > {_told(around)} > {_told(element)}")
                found.add(f"{_told(element.getprevious())} + {_told(element)}")
        return frozenset(found)


_KEPT = ("class", "role", "type", "open", "disabled", "rel", "tabindex", "autofocus", "scope")


def _told(element: Any) -> str:
    if element is None or not isinstance(element.tag, str):
        return ""
    kept = [f"{name}={value}" for name, value in element.items() if name in _KEPT]
    return f"{element.tag} {kept} {sorted(name for name, _ in element.items() if name.startswith('aria-'))}"


@dataclass
class Pages:
    every: list[Shown] = field(default_factory=list)
    visited: set[str] = field(default_factory=set)  # patterns of addresses that were asked for

    def few(self) -> list[Shown]:
        """As few pages as show all pieces: whatever anybody sees in any state is on one of them."""
        left = set().union(*(one.pieces for one in self.every))
        chosen: list[Shown] = []
        while left:
            best = max(self.every, key=lambda one: (len(one.pieces & left), -len(one.html)))
            chosen.append(best)
            left -= best.pieces
        return chosen

    def one(self, route: str, reader: str, state: str = "") -> Shown:
        """Of the pages at this address, as this reader sees them in this state, the one with most on it."""
        wanted = (route, reader, 200, False)
        found = [x for x in self.every if (x.route.name, x.reader, x.status, x.later) == wanted and state in ("", x.state)]
        return max((x for x in found if x.how.startswith("GET")), key=lambda x: len(x.html))


class Walk:
    """Goes through the site as each reader and keeps what is shown."""

    def __init__(self, scene: Scene, visitors: dict[str, Visitor]) -> None:
        self.scene, self.visitors, self.pages = scene, visitors, Pages()
        self.routes = [r for r in in_urlconf() if not r.pattern.startswith(ELSEWHERE)]
        self.state_of = dict(Request.objects.values_list("reference", "state"))
        self.state_of |= dict(Waiver.objects.values_list("reference", "request__state"))
        self.templates: set[str] = set()  # of the page that is being made
        self.later = False
        self.counts: defaultdict[str, int] = defaultdict(int)
        self.forms: dict[tuple[Any, ...], tuple[str, Form]] = {}

    def route_of(self, address: str) -> Route | None:
        return next((route for route in self.routes if route.fits(address.partition("?")[0])), None)

    def keep(self, route: Route, reader: str, how: str, answer: Any) -> str:
        """The page's text, "" if it was none."""
        templates, self.templates = frozenset(self.templates), set()
        self.pages.visited.add(route.pattern)
        if answer.streaming or not answer.get("Content-Type", "").startswith("text/html") or 300 <= answer.status_code < 400:
            return ""
        html: str = answer.content.decode()
        reference = re.search(r"(SRW|W)-\d{4}-\d+-[A-Z0-9]", how)
        state = self.state_of.get(reference[0], "") if reference else ""
        self.counts[route.name] += 1
        name = f"{route.name}-{reader}-{self.counts[route.name]}"
        self.pages.every.append(Shown(name, route, reader, how, answer.status_code, html, dict(answer.items()), templates, state, self.later))
        return html

    def get(self, reader: str, address: str) -> list[str]:
        """Links of this page, within the site."""
        route = self.route_of(address)
        if route is None or route.pattern.endswith((".pdf", ".txt", ".json", ".sd-jwt")) or "evidence/" in address:
            return []
        html = self.keep(route, reader, f"GET {address}", self.visitors[reader].send("GET", address))
        forms, links = read(html)
        for form in forms:
            goal = local(form.action, address) or address
            self.forms.setdefault((route.pattern, *form.shape), (reader, form.at(goal)))
        return [goal for goal in (local(link, address) for link in links) if goal]

    def follow(self, reader: str, start: Iterable[str]) -> None:
        """Of links that differ only in a number of their query, as the pages of the ledger do, the first two."""
        waiting, seen = list(start), Counter(start)
        while waiting:
            for goal in self.get(reader, waiting.pop()):
                kind = re.sub(r"=\d+$", "=", goal)
                if not seen[goal] and seen[kind] < 2:
                    seen.update({goal, kind})
                    waiting.append(goal)

    def send_forms(self) -> None:
        for reader, form in list(self.forms.values()):
            kind = "multipart/form-data" if form.multipart else ""
            route = self.route_of(form.action)
            if route is None or route.name == "signout":
                continue
            chosen = {name: value for name, type, value in form.fields if type == "hidden" and name != "csrfmiddlewaretoken"}
            buttons = [{name: value} for name, value in form.buttons if name] or [{}]
            for body in (*({**chosen, **button} for button in buttons), *form.bodies()):
                answer = self.visitors[reader].send("POST", form.action, body, media_type=kind)
                self.keep(route, reader, f"POST {form.action}", answer)

    def rest(self) -> None:
        """Addresses that no link leads to, and what is not there or not theirs; cases that have left the desk's list."""
        for case in self.scene.cases.values():
            for reader in TRAVELLERS[1:]:
                if self.state_of[case.ref] in FINAL:
                    self.get(reader, f"/desk/{case.ref}")
        filler = Filler(self.scene)
        for route in self.routes:
            for reader in ("filer", "officer", "anybody"):
                filled = [one for one, case in filler.fillings(route, "") if case is None or case.key in ("received", "served")]
                for one in (filled[0], filled[-1]):
                    address = route.address(one)
                    if not address.endswith((".pdf", ".txt", ".json", ".sd-jwt")):
                        self.keep(route, reader, f"GET {address}", self.visitors[reader].send("GET", address))


    @contextmanager
    def watched(self) -> Iterator[None]:
        """Notes which templates each page is made of, those included too, as Django itself reports it."""

        def note(sender: Any, template: Template, **_: Any) -> None:
            self.templates.add(str(template.name))

        template_rendered.connect(note)
        yield
        template_rendered.disconnect(note)


@contextmanager
def at(shift: timedelta) -> Iterator[None]:
    """Product time moved by `shift`: what is overdue, winding down or ended shows then."""
    moved = clock.real() + shift
    with mock.patch.object(clock, "now", return_value=moved):
        yield


def collect(now: datetime) -> Pages:
    """Builds the world and goes through it. `now`: product time while the pages are read."""
    w = worlds.build(now - timedelta(minutes=50))
    with mock.patch.object(cases, "Marks", Sentences):
        scene = cases.begin(w)
    for stop in ("own", *sorted(cases.STOPS, key=lambda one: one in ("received", "verifying"))):
        cases.play(scene, stop)
    _more(w)
    screened(scene.cases["assessing"].ref, by=w.filer, now=w.now)
    people.set_zone(w.filer, "Europe/Brussels")
    waivers.preview(scene.cases["decided"].ref, "waiver", by=w.signatory, now=now)  # one that has not lapsed
    cases.belongings(scene)
    visitors = {key: Visitor(scene, reader) for key, reader in scene.readers().items()}
    with transaction.atomic():
        append(
            "ledger.resumed", subject="ledger", by="system", now=w.now,
            facts={
                "log_ended": "srw.example/ledger", "log_begun": "srw.example/ledger/from-20261101T000000Z", "entries_signed": 1204,
                "entries_left": 1180, "reason": "The disk was lost; the backup of the evening before was restored.", "checkpoint": "srw.example/ledger",
            },
        )  # fmt: skip
    w.sequence()
    sequence.publish_hourly(w.now)
    walk = Walk(scene, visitors)
    with walk.watched():
        for reader in READERS:
            walk.follow(reader, ["/"] if reader in TRAVELLERS else [])
        cases.draft(scene, "filer")
        requests.save_draft(w.night, {**worlds.SIX, "tlds": "com, org", "irreversible": "already"}, now=w.now)
        for reader in ("filer", "night", "anybody", "officer"):
            for address in ("/", "/file", "/file/six", "/file/check", *(f"/kept/{key}" for key in scene.links.values())):
                walk.get(reader, address)
        for days in (-1, 4, 59, 61, 200):
            walk.later = True
            with at(timedelta(days=days)):
                for case in scene.cases.values():
                    walk.get("filer", f"/r/{case.ref}")
                    walk.get("officer", f"/desk/{case.ref}")
                    for one in case.waivers:
                        walk.get("filer", f"/w/{one}")
                walk.get("officer", "/desk")
                walk.get("signatory", f"/desk/{scene.cases['decided'].ref}/sign")
        walk.later = False
        walk.rest()
        walk.send_forms()
        _typed(walk)
        _broken(walk)
    return walk.pages


def _more(w: worlds.World) -> None:
    """Cases that the leak test has not: to be proposed, to be served, with nothing granted, and with what cannot be undone."""
    soon = (w.now + timedelta(hours=9)).replace(microsecond=0)
    for number, undone in enumerate(({"irreversible": "at", "irreversible_at": soon.isoformat()}, {"irreversible": "already"})):
        row = requests.submit({**worlds.SIX, **undone}, by=w.filer, now=w.now, once=f"undone:{number}")
        requests.take(row.reference, by=w.officer, now=w.now)
    play(w, "deciding")
    play(w, "signed")
    ref = play(w, "deciding").reference
    lines = [line.number for line in queries.live_lines(queries.request_for(w.officer, ref))]
    denied = requests.propose(ref, lines=lines, outcome="denied", reasons=WORDS["reasons"], by=w.security, now=w.now)
    requests.approve(ref, denied.pk, by=w.approver, now=w.now)


def _typed(walk: Walk) -> None:
    """What only the right words lead to: the second step of an enrolment, and a program that asks to act for somebody."""
    _, _, code = devices.ask(name="night shift", scopes=("read",), days=30, address="192.0.2.7", now=clock.real())
    for reader, name, address, body in (
        ("anybody", "enrol", f"/enrol/{walk.scene.links['enrol']}", {"password": worlds.PASSWORD}), ("officer", "device", "/device", {"user_code": code}),
        ("anybody", "lost", "/signin/lost", {"email": "nobody@example.org"}),
        ("filer", "add-passkey", "/account/passkey", {"code": walk.scene.w.code(walk.scene.w.filer)}),
    ):  # fmt: skip
        route = next(r for r in walk.routes if r.name == name)
        walk.keep(route, reader, f"POST {route.pattern}", walk.visitors[reader].send("POST", address, body))


def _broken(walk: Walk) -> None:
    """What is shown when a form is forged, when the product itself fails, and when its database is busy."""
    home = next(r for r in walk.routes if r.name == "home")
    signin = next(r for r in walk.routes if r.name == "signin")
    walk.keep(signin, "anybody", "POST /signin forged", Client(enforce_csrf_checks=True).post("/signin", {}))
    for wrong in (RuntimeError("broken on purpose"), OperationalError("database is locked")):
        with mock.patch.object(public, "render", side_effect=wrong):
            walk.keep(home, "anybody", f"GET /about: {wrong}", Client(raise_request_exception=False).get("/about"))
