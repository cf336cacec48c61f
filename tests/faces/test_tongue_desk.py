"""Every text of staff's pages can be translated, and is shown translated: as in test_tongue.py, with the desk and the office."""

from __future__ import annotations

import json

import pytest

from ersr.ledger.models import Event
from ersr.notifications.models import Notification
from ersr.parties.authority import authority
from ersr.people import actions as people
from ersr.people.models import Person
from ersr.requests import actions, queries
from ersr.waivers import actions as waivers
from tests import world as worlds
from tests.faces import stages
from tests.faces.conftest import Visit
from tests.faces.test_tongue import TEMPLATES, Reader, _wrongly, made_up, reader  # noqa: F401
from tests.lists.by_hand import screened

pytestmark = pytest.mark.once
#: Typed by people, or codes that are the same everywhere.
DESK_KNOWN = (
    "base", "RSP", "RSEP", "TLD", "serverHold", "Holm", "cert", "names.txt", "Advice.", "Within.", "No.", "As evidence shows.",
    "Which machines?", "Since when?", "night script", "rank,name", "Root letter", "made for tests", "Not ours.", "Elsewhere.", "nothing", "Because.", "Legal", "Operations", "Night shift",
    "authority's list", "California, United States of America", "Estonia", "Austria", "Rue du Nord, Brussels, Belgium", "Spec", "legacy-verisign", "jog",
)  # fmt: skip


def test_no_text_of_staffs_pages_escapes_the_translators(
    world: worlds.World, visit: Visit, reader: Reader  # noqa: F811
) -> None:
    """Every page of the desk and the office, by everybody who works there, in every state, with its errors; every template of
    them is seen at least once."""
    made = stages.build(world)
    w = world
    reader.known = sorted([*reader.known, *DESK_KNOWN], key=len, reverse=True)
    # --- what the stages lack
    assessing = made.reference("assessing")
    actions.add_evidence(assessing, b"bytes", name="evidence.bin", by=w.filer, now=w.now)
    actions.add_part(assessing, "originator", {"kind": "cert", "name": "CERT-X"}, by=w.filer, now=w.now)
    actions.assess(assessing, discipline="security", recommendation="grant", body="As evidence shows.", by=w.security, now=w.now)
    actions.answer(made.reference("asked"), {made.facts["question"]: "Since noon."}, by=w.filer, now=w.now)
    actions.withdraw(made.reference("received"), reason="Since noon.", by=w.filer, now=w.now)
    zone = screened(assessing, by=w.filer, now=w.now).screenings.get().inputs["zones"]["com"]
    reader.known = ["Held against a zone", "qqsinkq", "qqtaken", "ns1", "ns2", "host.example", "com.zone", "com", zone["sha256"][:16], *reader.known]
    number = queries.numbers_to_call(w.officer, made.requests["verifying"], now=w.now)[0].pk
    actions.call(made.reference("verifying"), number_id=number, outcome="wrong_words", by=w.officer, now=w.now, remark="Not ours.")
    preview = waivers.preview(made.reference("granted"), "waiver", by=w.signatory, now=w.now)
    reader.known = [preview.delegation.words, *reader.known]
    signed = [json.loads(bytes(e.body.record))["facts"] for e in Event.objects.filter(kind="request.sign").select_related("body")]
    reader.known = [*{facts["kid"] for facts in signed}, *reader.known]
    for index, one in enumerate(Notification.objects.order_by("pk")[:3]):
        state = ("sent", "failed", "queued")[index]
        Notification.objects.filter(pk=one.pk).update(state=state, sent_at=w.now if state == "sent" else None, problem="550")
    people.report_lost(w.filer.email, network="127.0.0.1", now=w.now)
    people.begin_recovery(w.filer.email, now=w.now)
    w.sequence()
    # Provisions are quoted from the catalogue: also as choices, and inside sentences.
    titles = {f"{p.id}, {p.title}"[:110] for p in queries.catalogue()} | {word for p in queries.catalogue() for word in (p.title, p.id)}
    reader.known = sorted({*reader.known, *titles, authority().reporting, authority().disposition}, key=len, reverse=True)
    # --- everybody
    staff = [p for p in Person.objects.filter(is_active=True) if p.is_staff_member]
    assert len(staff) > 5
    office = ["/desk", "/desk?q=nothing", "/parties", "/parties?q=nothing", "/people", "/recoveries", "/provisions", "/provisions?q=nothing",
              "/provisions?add=1", "/popularity", "/outbox", "/outbox?q=nothing", "/ledger", "/ledger?q=nothing", "/account"]  # fmt: skip
    office += [f"/parties/{party.key}" for party in w.parties.values()]
    steps = ("", "/call", "/ask", "/conclude", "/history", "/lines", "/lines?add=1", "/lines?change=1", "/lists/1", "/lists/1?q=jog", "/lists/2", "/lists/2/hits",
             "/assess", "/privileged", "/decide", "/sign", "/serve")  # fmt: skip
    # Who may act there reads and sends each page; to all others a page says no, which one of them reads for all.
    stays = {w.officer: ("received", "verifying", "asked", "executed", "denied"), w.security: ("assessing", "deciding"), w.counsel: ("assessing",),
             w.approver: ("proposed",), w.signatory: ("granted", "served"), w.auditor: ("assessing",), w.administrator: ()}  # fmt: skip
    assert {*stays} <= {*staff}
    for person, found in stays.items():
        client = visit(person)
        client.cookies["ersr_language"] = "fr"
        for address in office + [f"/desk/{made.reference(stage)}{step}" for stage in found for step in steps]:
            answer = reader.look(f"{person.name} {address}", client.get(address))
            if answer.status_code == 200 and not address.startswith("/account"):
                _wrongly(reader, client, address, answer.content.decode())
    shown = "\n".join(f"{where}: {sorted(set(words))[:6]}" for where, words in sorted(reader.wrong.items()))
    assert not reader.wrong, shown
    wanted = {p.relative_to(TEMPLATES).as_posix() for folder in ("desk", "office") for p in (TEMPLATES / folder).glob("*.html")}
    assert wanted <= reader.templates, sorted(wanted - reader.templates)
