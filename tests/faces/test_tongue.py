"""Every text of the public and of a filer's pages can be translated, and is shown translated.

The proof is a made-up language: each text that comes out of a catalogue is marked ⟦like this⟧, and the values inside it are
not. A page that still has letters outside the marks has a text that no translator ever sees. What people typed, names and what
is quoted in English (lang="en") are known beforehand.
"""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import lxml.html
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.test.signals import template_rendered
from django.utils import translation

from ersr import clock
from ersr.core.filing import PARTS
from ersr.faces.web import errors, urls
from ersr.files import store
from ersr.jobs import queue
from ersr.notifications.models import Notification
from ersr.people import actions as people
from ersr.people.models import Person
from ersr.requests import actions, queries
from ersr.waivers import actions as waivers
from ersr.waivers.models import Waiver
from tests import world as worlds
from tests.faces import stages
from tests.faces.conftest import Visit, credentials
from tests.leak.pages import read

TEMPLATES = Path(urls.__file__).parent / "templates"
#: Folders of the templates that everybody or a filer is shown.
OPEN = ("account", "errors", "filing", "public")
#: Typed by people or given by nature: never translated.
KNOWN = (
    "UTC", "SRW", "ERSR", "SD-JWT", "keys.json", "Ed25519", "P-256", "SHA-256", "English", "Français", "TLP:AMBER+STRICT",
    "Europe/Brussels", "Los_Angeles", "Los Angeles", "America", "example", "CERT-X", "evidence.bin", "Test browser",
    "night script", "Since noon.", "Which machines?", "Since when?", "Typed after the end.", "SRS/EPP", "DNSSEC", "DNS", "RDDS",
    "jogli.com", "ICANN", "e-mail", "read", "test 1", "evidence.bin", "bad name", "jogli.com", "Test authority", "srw.test/ledger", "List 1 2", "all, ",
    "12025 Waterfront Drive, Suite 300, Los Angeles, CA 90094-2536, USA", "Signatory", "Holm", "srw@localhost", "Read and act", "Made", "made up, for tests",
)  # fmt: skip


def marked(text: str) -> str:
    """The text in the made-up language; what will stand in its places is left alone."""
    parts = re.split(r"(\{\w*\}|%\(\w+\)[sd])", text)
    return "".join(part if n % 2 or not part.strip() else f"⟦{part}⟧" for n, part in enumerate(parts))


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    translation.gettext("")  # Django puts its functions in place at first use
    real = translation._trans
    monkeypatch.setattr(real, "gettext", marked)
    monkeypatch.setattr(real, "pgettext", lambda _context, text: marked(text), raising=False)
    monkeypatch.setattr(real, "ngettext", lambda one, many, n: marked(one if n == 1 else many), raising=False)
    monkeypatch.setattr(real, "npgettext", lambda _context, one, many, n: marked(one if n == 1 else many), raising=False)


def unmarked(page: str, known: list[str]) -> list[str]:
    """The words of a page that came from no catalogue and are not known."""
    tree = lxml.html.fromstring(page)
    for one in tree.xpath("//script | //style | //code | //body//*[@lang]"):
        one.drop_tree()
    texts = [" ".join(tree.itertext())]
    for one in tree.iter():
        if isinstance(one.tag, str):
            texts += [one.get(name) or "" for name in ("aria-label", "title", "alt", "placeholder", "data-label")]
    found = []
    for text in texts:
        left = re.sub(r"⟦[^⟦⟧]*⟧", " ", text)
        for word in known:
            left = left.replace(word, " ")
        left = re.sub(r"\bnorth\d\d\b", " ", left)
        left = re.sub(r"\b(?:SRW|W)-\d{4}-\d+-[A-Z]\b|\b[0-9a-f]{4}\b(?: [0-9a-f]{4})+|\b[0-9a-f]{64}\b|\b[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}\b|\b[\w.+-]+@[\w.-]+\b|\.[a-z0-9]+\b", " ", left)
        found += re.findall(r"[^\W\d_]{2,}[^⟦⟧\n]{0,40}", left)
    return found


class Reader:
    """Reads pages and keeps what was found on them."""

    def __init__(self, known: list[str]) -> None:
        self.known = sorted(known, key=len, reverse=True)
        self.wrong: dict[str, list[str]] = {}
        self.templates: set[str] = set()

    def look(self, where: str, answer: Any) -> Any:
        if answer.content and answer.get("Content-Type", "").startswith("text/html"):
            # Recovery codes are drawn, and are words in no language.
            page = re.sub(r"\b[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}\b", "", answer.content.decode())
            found = unmarked(page, self.known)
            if found:
                self.wrong.setdefault(f"{where} ({answer.status_code})", []).extend(found)
        return answer

    def noted(self, sender: Any, template: Any, **_more: Any) -> None:
        self.templates.add(template.name or "")


@pytest.fixture
def reader(world: worlds.World, made_up: None) -> Iterator[Reader]:
    names = [text for p in Person.objects.all() for text in (p.name, p.title)] + [p.name for p in world.parties.values()]
    found = Reader([*KNOWN, *names, *(f" {tld}," for tld in worlds.TLDS),  worlds.SIX["happening"], "Internet Corporation for Assigned Names and Numbers"])
    template_rendered.connect(found.noted)
    yield found
    template_rendered.disconnect(found.noted)


def _wrongly(reader: Reader, client: Client, address: str, page: str) -> None:
    """Sends every form of a page with nothing in it, so that it says what would be right."""
    for form in read(page)[0]:
        goal = form.action or address
        if goal.startswith("/") and goal not in ("/signout", "/language", "/file", "/told") and not goal.startswith("/kept") and not goal.endswith("/ack"):
            hidden = {name: value for name, kind, value in form.fields if kind == "hidden"}
            if hidden.get("do") == "end-session":
                continue
            reader.look(f"POST {goal}", client.post(goal, {k: v for k, v in hidden.items() if k != "checked"}))


def test_no_text_of_the_public_and_of_filers_pages_escapes_the_translators(
    world: worlds.World, visit: Visit, reader: Reader, settings: Any
) -> None:
    """Every page in every state, with its errors; every template of these pages is seen at least once."""
    made = stages.build(world)
    w, seen = world, reader.look
    # --- what the stages lack: a file, a correction, a refusal, an end, an answer
    assessing = made.reference("assessing")
    actions.add_evidence(assessing, b"bytes", name="evidence.bin", by=w.filer, now=w.now)
    actions.add_part(assessing, "originator", {"kind": "cert", "name": "CERT-X"}, by=w.filer, now=w.now)
    actions.add_part(assessing, "order", {"exists": "yes", "expires_at": "2027-01-01T00:00Z"}, by=w.filer, now=w.now)
    act = queries.current_acts(made.requests["assessing"])[0]
    actions.record_act(
        assessing, {"action": "reserve", "taken": "taken", "starts_at": w.now - timedelta(hours=2)}, by=w.filer, now=w.now, replaces=act.pk
    )
    actions.add_list(made.reference("deciding"), b"jogli.com\nqqqqqq.com\nbad name.com\n", title="", by=w.filer, now=w.now)
    for stage in ("assessing", "deciding"):
        data = gzip.compress(b"qqsent.com\nbad name.com\n" if stage == "assessing" else b"nothing")
        actions.receive_list(made.reference(stage), io.BytesIO(data), len(data), title="", by=w.filer, now=w.now)
    queue.KINDS["take_list"](f"{assessing}:1")
    actions.answer(made.reference("asked"), {made.facts["question"]: "Since noon."}, by=w.filer, now=w.now)
    actions.ask(made.reference("asked"), "Which machines?", by=w.officer, now=w.now)
    actions.conclude(made.reference("denied"), channel="phone", by=w.officer, now=w.now)
    actions.withdraw(made.reference("verifying"), reason="Since noon.", by=w.filer, now=w.now)
    w.sequence()
    served = Waiver.objects.get(reference=made.facts["served waiver"])

    # --- everybody
    anybody = visit()
    anybody.cookies["ersr_language"] = "fr"
    for address in ("/", "/verify", "/about", "/keys", "/offline", "/signin", "/r/SRW-2026-1000000-A", "/enrol/nothing"):
        page = seen(address, anybody.get(address))
        _wrongly(reader, anybody, address, page.content.decode())
    sent = {
        "letter": store.get(served.pdf_id), "token": store.get(served.token_id), "forged": store.get(served.pdf_id)[:-40],
        "broken token": store.get(served.token_id) + b"\n", "nothing": b"nothing", "keys": b'{"keys":[',
    }  # fmt: skip
    for name, data in sent.items():
        for listed in (None, b"other.example\n"):
            files = {"file": SimpleUploadedFile("CERT-X", data)} | ({"names": SimpleUploadedFile("n", listed)} if listed else {})
            seen(f"/verify with {name}", anybody.post("/verify", files))
    strict = Client(enforce_csrf_checks=True)
    strict.cookies["ersr_language"] = "fr"
    seen("without token", strict.post("/signin", {"email": "x"}))
    seen("unstorable", anybody.post("/signin", {"email": "\0"}))
    broken = HttpRequest()
    with translation.override("fr"):
        seen("500", errors.server_error(broken))
    for method in ("GET", "POST"):
        for saved in (True, False, None):
            request = getattr(RequestFactory(), method.lower())("/file/six", {"happening": "CERT-X"})
            with translation.override("fr"):
                seen("busy", errors.busy(request, OSError(), saved=saved))
    person, code = people.invite(
        email="new@northlight.example", name="CERT-X", party=w.parties["north"], roles=[("filer", "")], by=None, now=clock.real()
    )
    page = seen("/enrol", anybody.get(f"/enrol/{code}"))
    _wrongly(reader, anybody, f"/enrol/{code}", page.content.decode())
    seen("weak password", anybody.post(f"/enrol/{code}", {"password": "short"}))
    seen("factor", anybody.post(f"/enrol/{code}", {"password": worlds.PASSWORD}))
    seen("wrong code", anybody.post(f"/enrol/{code}", {"code": "000000"}))
    assert person.pk

    # --- the filer, in every state
    filer = visit(w.filer)
    filer.cookies["ersr_language"] = "fr"
    one = Notification.objects.filter(person=w.filer).first()
    Notification.objects.filter(pk=one.pk).update(state="sent", sent_at=w.now, acknowledged_at=w.now)
    addresses = ["/", "/file", "/file/six", "/file/check", "/account", "/told", "/names", "/about", "/desk", "/ledger"]
    for stage in made.requests:
        ref = made.reference(stage)
        addresses += [f"/r/{ref}", f"/r/{ref}/receipt", f"/r/{ref}/withdraw", f"/r/{ref}/answer"]
    for stage in ("assessing", "deciding", "denied"):
        ref = made.reference(stage)
        addresses += [f"/r/{ref}/add/{part}" for part in (*PARTS, "act", "list", "evidence")]
        addresses += [f"/r/{ref}/lists/1", f"/r/{ref}/uploads/1"]
    for waiver in Waiver.objects.all():
        addresses += [f"/w/{waiver.reference}", f"/w/{waiver.reference}/ack"]
    for address in addresses:
        page = seen(address, filer.get(address))
        _wrongly(reader, filer, address, page.content.decode())
    seen("list of nonsense", filer.post(f"/r/{assessing}/add/list", {"file": SimpleUploadedFile("n", b"a b\n*.x\n")}))
    seen("empty file", filer.post(f"/r/{assessing}/add/evidence", {"file": SimpleUploadedFile("n", b"")}))
    settings.ERSR_EVIDENCE_LIMIT = 3
    seen("large file", filer.post(f"/r/{assessing}/add/evidence", {"file": SimpleUploadedFile("n", b"12345")}))
    times = {"irreversible": "at", "irreversible_at_day": "31", "irreversible_at_month": "feb", "irreversible_at_year": "2027",
             "irreversible_at_time": "24:00", "tlds": "example, all 7", "operator": "northlight"}  # fmt: skip
    seen("wrong times", filer.post("/file/six", times))
    seen("no such day", filer.post("/file/six", {**times, "irreversible_at_time": "01:00"}))
    answer = filer.post("/file/six", {**worlds.SIX, "tlds": "all"})
    assert answer.status_code == 302, answer.content.decode()
    for address in ("/", "/file", "/file/check"):
        seen(address, filer.get(address))
    page = filer.get("/file/check")
    assert page.status_code == 200, page.headers
    sent = next(f for f in read(page.content.decode())[0] if f.action == "/file/check")
    seen("filed", filer.post("/file/check", sent.bodies()[0], follow=True))
    for row in Waiver.objects.exclude(pk=served.pk):
        waivers.acknowledge(row.reference, by=w.filer, now=w.now)
    seen("acknowledged", filer.post(f"/w/{served.reference}/ack", follow=True))
    seen("/told", filer.post("/told", {"notification": Notification.objects.filter(person=w.filer, acknowledged_at=None).first().pk}, follow=True))
    # --- what can act as oneself: the ways in, each factor with its steps, a program that asks
    for address in ("/signin/recovery", "/signin/lost"):
        page = seen(address, anybody.get(address))
        _wrongly(reader, anybody, address, page.content.decode())
    seen("/signin/lost, told", anybody.post("/signin/lost", {"email": w.filer.email}))
    addresses = [f"/account/{step}" for step in ("passkey", "authenticator", "recovery-codes", "remove", "password")]
    for address in (*addresses, "/device"):
        page = seen(address, filer.get(address))
        _wrongly(reader, filer, address, page.content.decode())
    for step in ("passkey", "authenticator", "recovery-codes"):
        seen(f"/account/{step} with a code", filer.post(f"/account/{step}", {"code": w.code(w.filer)}))
        seen(f"/account/{step}, step 2", filer.post(f"/account/{step}", {"do": "make" if step == "passkey" else "confirm"}))
    asked = Client().post("/api/v1/device_codes", {"name": "CERT-X", "scopes": ["read", "sign"], "days": 7}, content_type="application/json")
    seen("/device asks", filer.post("/device", {"user_code": asked.json()["user_code"]}))
    seen("/account, reported as lost", filer.get("/account"))
    # --- later: ended, overdue
    ends = Waiver.objects.order_by("-ends_at").first().ends_at
    assert ends
    before = clock.now
    for later in (timedelta(days=20), timedelta(days=60)):
        moved = before() + later
        clock_now = lambda moved=moved: moved  # noqa: E731
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clock, "now", clock_now)
            for stage in ("received", "granted", "executed", "served"):
                seen(f"{stage} later", filer.get(f"/r/{made.reference(stage)}"))
            seen("waiver later", filer.get(f"/w/{served.reference}"))
    # --- a form that came after the session
    filer.post("/signout")
    answer = filer.post(f"/r/{assessing}/add/happening", {"text": "Typed after the end."})
    kept = re.search(r"kept/[^&]+", answer["Location"].replace("%2F", "/"))
    seen("/signin", filer.get(answer["Location"]))
    filer.post("/signin", credentials(w, w.filer))
    seen("/kept", filer.get(f"/{kept[0]}"))
    seen("/", filer.get("/"))
    # --- an RSP's night shift chooses its operator
    night = visit(w.night)
    night.cookies["ersr_language"] = "fr"
    seen("/file/six", night.get("/file/six"))
    seen("/", night.get("/"))

    shown = "\n".join(f"{where}: {sorted(set(words))[:6]}" for where, words in sorted(reader.wrong.items()))
    assert not reader.wrong, shown
    wanted = {p.relative_to(TEMPLATES).as_posix() for folder in OPEN for p in (TEMPLATES / folder).glob("*.html")}
    assert wanted <= reader.templates, sorted(wanted - reader.templates)
