"""The crawled world: cases in every state, of several parties, with a marker in every confidential field."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ersr import clock
from ersr.core import filing
from ersr.lists import actions as lists
from ersr.parties.models import Contact, ContactNumber
from ersr.people import actions as people
from ersr.people.models import Person
from ersr.requests import actions, queries
from ersr.waivers import actions as waivers
from tests import world as worlds
from tests.leak.markers import Case, Marks, Reader
from tests.names import generator

#: Where a case stops. What a filer may know grows with it: moments of the table.
STOPS = (
    "received", "verifying", "asked", "assessing", "proposed", "decided", "served", "closed", "denied", "withdrawn",
)  # fmt: skip
_CONFIRMED = ("proposed", "decided", "served", "closed", "denied")
_ANSWERED = ("served", "closed", "denied")
#: One of the staff a role.
ROLE_KEYS = ("officer", "security", "counsel", "approver", "signatory", "auditor", "administrator")


@dataclass
class Scene:
    w: worlds.World
    marks: Marks
    cases: dict[str, Case] = field(default_factory=dict)
    popular: dict[str, str] = field(default_factory=dict)  # case -> its name on the popularity list
    links: dict[str, str] = field(default_factory=dict)  # what only one person is given: enrolment codes, kept forms
    sessions: dict[str, str] = field(default_factory=dict)  # reader -> hash of the session's key

    def readers(self) -> dict[str, Reader]:
        found = {"anybody": Reader("anybody")}
        for key in ("stranger", "filer", "night", *ROLE_KEYS, "combined"):
            person = self.w.people[key]
            found[key] = Reader(key, person.party.key, frozenset(r.value for r in person.roles))
        return found


def begin(w: worlds.World) -> Scene:
    """Everything but the cases: staff and contacts under marked names, a popularity list, a catalogue row, delegations."""
    scene = Scene(w, marks := Marks())
    for key, mark in (("security", "proposer's name"), ("approver", "approver's name")):
        _rename(w, key, marks.word(mark))
    _rename(w, "filer", marks.word("filer's name", parties=("northlight",)))
    # Who may see the RSP's person: the operators that it files for, and itself.
    _rename(w, "night", marks.word("filer's name", parties=("northlight", "baltic")))
    local = marks.word("filer's e-mail", parties=("northlight",))
    Person.objects.filter(pk=w.filer.pk).update(email=f"{local}@northlight.example")
    w.people = {key: Person.objects.get(pk=p.pk) for key, p in w.people.items()}
    both = [("administrator", ""), ("responder", "legal"), ("signatory", "")]
    worlds.enrol(w, "combined", "Kim Both", w.parties["authority"], both)
    for key in ("north", "south", "baltic"):
        _contact(w, marks, key, called=True)
        _contact(w, marks, key, called=False)
    for stop in (*STOPS, "own"):
        scene.popular[stop] = f"{marks.word('name taken out', _case(scene, stop))}.com"
    listed = "".join(f"{n},{name}\n" for n, name in enumerate(scene.popular.values(), 1)).encode()
    lists.import_popularity(
        listed + generator.popularity(), title=marks.word("popularity title"), as_of=w.now.date(), by=w.officer, now=w.now
    )
    for instrument in ("waiver", "authorisation", "fee_reduction"):
        _delegate(w, instrument, marks.word("delegation in a letter", parties=("northlight", "southwind", "baltic")), 400)
    _delegate(w, "waiver", marks.word("delegation not used", owner="signatory"), 10)
    return scene


def _rename(w: worlds.World, key: str, word: str) -> None:
    Person.objects.filter(pk=w.people[key].pk).update(name=f"{word.capitalize()} {key.capitalize()}")


def _delegate(w: worlds.World, instrument: str, words: str, days: int) -> None:
    people.delegate(
        person=w.signatory, instrument=instrument, families=["base"], starts_at=w.now - timedelta(days=1),
        ends_at=w.now + timedelta(days=days), words=words, officer=True, by=w.administrator, now=w.now,
    )  # fmt: skip


def _contact(w: worlds.World, marks: Marks, key: str, *, called: bool) -> None:
    """The one that is called has stood longest, so that the desk finds it first."""
    party, day = w.parties[key], w.now.date()
    contact = Contact.objects.create(
        party=party, name=marks.word("contact called" if called else "contact").capitalize(),
        email=marks.word("contact's e-mail") + f"@{party.key}.example", source="authority's list", as_of=day,
    )  # fmt: skip
    age = timedelta(days=2000 if called else 500)
    number = marks.number("number called" if called else "number on file")
    ContactNumber.objects.create(contact=contact, number=number, since=day - age)


def _case(scene: Scene, stop: str) -> Case:
    """Who is in it is decided here and nowhere else."""
    if stop not in scene.cases:
        parties = {"own": {"southwind"}}.get(stop, {"northlight", "baltic"} if stop in BY_RSP else {"northlight"})
        at = "served" if stop == "own" else stop
        moments = {m for m, stops in (("confirmed", _CONFIRMED), ("answered", _ANSWERED)) if at in stops}
        scene.cases[stop] = Case(stop, frozenset(parties), frozenset(moments))
    return scene.cases[stop]


#: Cases that the RSP's night shift filed for the operator.
BY_RSP = ("asked", "assessing", "served")


# --- one case


def play(scene: Scene, key: str) -> Case:
    """Files a case and carries it to its stop; `own` is the stranger's, and goes as far as served."""
    return _Play(scene, key).run()


class _Play:
    def __init__(self, scene: Scene, key: str) -> None:
        self.scene, self.w, self.marks = scene, scene.w, scene.marks
        self.key, self.case = key, _case(scene, key)
        self.stop = "served" if key == "own" else key
        self.by = {"own": self.w.stranger}.get(key, self.w.night if key in BY_RSP else self.w.filer)

    def mark(self, name: str) -> str:
        return self.marks.word(name, self.case)

    def past(self, stop: str) -> bool:
        return STOPS.index(self.stop) >= STOPS.index(stop) and self.stop != "withdrawn"

    def run(self) -> Case:
        self.file()
        self.case.ref = self.ref
        if self.stop == "withdrawn":
            actions.withdraw(self.ref, reason=self.mark("withdrawal"), by=self.by, now=self.w.later(seconds=20))
            return self.case
        for stop, step in (
            ("verifying", self.take), ("assessing", self.verify), ("proposed", self.propose), ("decided", self.decide),
        ):  # fmt: skip
            if self.past(stop):
                step()
        if self.stop == "asked":
            self.ask()
        elif self.stop == "denied":
            self.conclude()
        elif self.past("served"):
            self.sign()
        return self.case

    def file(self) -> None:
        w, own = self.w, self.key == "own"
        number = self.marks.number("number claimed", self.case)
        six: dict[str, Any] = {
            "number_claimed": number, "operator": "southwind" if own else "northlight", "tlds": ["wind"] if own else ["com", "org"],
            "happening": self.mark("happening"), "irreversible": "unknown",
        }  # fmt: skip
        self.request = actions.submit(six, by=self.by, now=w.later(seconds=60), once=f"leak:{self.key}")
        self.ref = ref = self.request.reference
        self.words = self.marks.note(self.request.words, "words for the call", self.case)
        for part in filing.PARTS.values():
            actions.add_part(ref, part.name, self.answers(part.fields, "part"), by=self.by, now=w.now)
        first = {"action": "create", "taken": "taken", "starts_at": (w.now - timedelta(days=1)).isoformat(), "registered": "no"}
        act = actions.record_act(ref, {**self.answers(filing.ACT_FIELDS, "act"), **first}, by=self.by, now=w.now)
        actions.record_act(ref, {**self.answers(filing.ACT_FIELDS, "act"), **first}, by=self.by, now=w.now, replaces=act.pk)
        tld = "wind" if own else "com"
        self.popular = self.scene.popular[self.key].replace(".com", f".{tld}")
        named = [f"{self.mark('name on a list')}.{tld}", self.popular, f"{self.mark('name refused')}..{tld}"]
        version, _ = actions.add_list(ref, "\n".join(named).encode(), title=self.mark("list title"), by=self.by, now=w.now)
        self.case.lists.append(version.of.number)
        large = b"a large file that the worker has not come to"
        actions.receive_list(ref, io.BytesIO(large), len(large), title="", by=self.by, now=w.now)
        evidence = actions.add_evidence(
            ref, self.mark("evidence bytes").encode(), name=f"{self.mark('evidence name')}.bin", by=self.by, now=w.now
        )
        self.case.evidence.append(evidence.pk)

    def answers(self, fields: Iterable[filing.Field], mark: str) -> dict[str, str]:
        """A marker in each field that takes a text, the first choice in each that has choices."""
        found = {"registrar_route": "registry_itself", "fee_relief": "no", "acts_from": "", "ends_at": ""}
        for one in fields:
            if one.kind in ("text", "long"):
                found[one.name] = self.mark(mark)
            elif one.choices and one.name not in found:
                found[one.name] = next(iter(one.choices))
        return {one.name: found[one.name] for one in fields if one.name in found}

    def take(self) -> None:
        w = self.w
        self.renewed(actions.take(self.ref, by=w.officer, now=w.later(seconds=20)))
        number = queries.numbers_to_call(w.officer, self.request, now=w.now)[0]
        self.number = number.pk
        actions.call(
            self.ref, number_id=number.pk, outcome="no_answer", remark=self.mark("remark on a call"), by=w.officer, now=w.now
        )

    def renewed(self, request: Any) -> None:
        self.marks.refresh(self.words, request.words)
        self.words = request.words

    def verify(self) -> None:
        w, ref = self.w, self.ref
        actions.call(ref, number_id=self.number, outcome="confirmed", by=w.officer, now=w.later(seconds=20))
        note = {"discipline": "security", "recommendation": "grant", "body": self.mark("assessment")}
        actions.assess(ref, **note, by=w.security, now=w.now)
        advice = {"discipline": "legal", "recommendation": "", "body": self.mark("privileged note"), "privileged": True}
        actions.assess(ref, **advice, by=w.counsel, now=w.now)
        self.lines()
        version = actions.answer_hits(
            ref, 1, {self.popular: ("removed", self.mark("why a name was taken out"))} if self.hit() else {}, by=w.security, now=w.now
        ) or actions.remove_names(ref, 1, [self.popular], reason=self.mark("why a name was taken out"), by=w.security, now=w.now)
        self.marks.note(version.digest, "list as decided", self.case)

    def hit(self) -> bool:
        return self.request.incident.lists.get(number=1).hits.exists()

    def lines(self) -> None:
        """One line pointed at a catalogue row of staff's own, one added: both are advice until they are confirmed."""
        w, ref = self.w, self.ref
        title, demands = self.mark("provision of a line"), self.mark("provision of a line")
        row = {
            "id": f"9.{STOPS.index(self.stop) + 10}{'s' if self.key == 'own' else ''}", "title": title, "demands": demands,
            "departs_by": ["transfer"], "instrument": "waiver", "waivable_by": "staff", "certainty": "U", "source": "Read on paper.",
        }  # fmt: skip
        actions.add_provision(
            family="base", version="2023-04-30", body=row, reason=self.marks.word("why a catalogue row was added"), by=w.security,
            now=w.now,
        )  # fmt: skip
        agreement = queries.live_lines(self.request)[0].agreement.key
        line = actions.add_line(
            ref, agreement=agreement, provision=row["id"], action="create", instrument="waiver",
            reason=self.mark("reason of an added line"), by=w.security, now=w.now,
        )  # fmt: skip
        actions.change_line(ref, line.number, {"hint": "waiver"}, reason=self.mark("why a line was changed"), by=w.security, now=w.now)

    def propose(self) -> None:
        w, ref = self.w, self.ref
        actions.confirm_lines(ref, by=w.security, now=w.later(seconds=20))
        returned = self.proposal(self.mark("reasons of a returned proposal"))
        actions.return_proposal(ref, returned.pk, reason=self.mark("why it was returned"), by=w.approver, now=w.now)
        if self.stop != "denied":
            self.decision = self.proposal(self.mark("reasons"), marked=True)

    def proposal(self, reasons: str, *, marked: bool = False) -> Any:
        w = self.w
        rows = [x for x in queries.live_lines(self.request) if x.hint == "waiver" and x.instrument == "waiver"]
        chosen = [x for x in rows if x.waivable_by in ("staff", "officer")]
        more: dict[str, Any] = {"ends_at": w.now + timedelta(days=60), "acts_from": w.now - timedelta(days=1)}
        if marked:
            more |= {name: self.mark(name) for name in ("modification", "quote", "reporting", "disposition")}
            more |= {"conditions": [self.mark("condition")], "quote_source": self.mark("quote's source")}
        outcome = "granted_as_modified" if marked else "granted"
        return actions.propose(
            self.ref, lines=[x.number for x in chosen], outcome=outcome, reasons=reasons, by=w.security, now=w.now, **more
        )

    def decide(self) -> None:
        w, ref = self.w, self.ref
        if self.stop == "denied":
            return
        actions.approve(ref, self.decision.pk, by=w.approver, now=w.later(seconds=20))
        said = self.decision
        texts = (said.reasons, said.modification, said.quote, said.quote_source, said.reporting, said.disposition, *said.conditions)
        for text in texts:  # not the registry's to know any more
            self.marks.note(text, "reasons of a decision sent back", self.case)
        waivers.send_back(ref, reason=self.mark("why it was sent back"), by=w.signatory, now=w.now)
        self.decision = self.proposal(self.mark("reasons"), marked=True)
        self.settle()
        actions.approve(ref, self.decision.pk, by=w.approver, now=w.now)
        self.case.previews.append(waivers.preview(ref, "waiver", by=w.signatory, now=w.later(seconds=20)).pk)

    def settle(self) -> None:
        """Every other line gets its answer too."""
        w = self.w
        rest = [x.number for x in queries.live_lines(self.request) if x.state == "open"]
        if rest:
            answer = "denied" if self.stop == "denied" else "no_waiver_needed"
            other = actions.propose(self.ref, lines=rest, outcome=answer, reasons=self.mark("reasons"), by=w.security, now=w.now)
            actions.approve(self.ref, other.pk, by=w.approver, now=w.now)

    def conclude(self) -> None:
        self.settle()
        actions.conclude(self.ref, channel=self.mark("how the answer was given"), by=self.w.officer, now=self.w.later(seconds=20))

    def sign(self) -> None:
        w, ref = self.w, self.ref
        waiver = waivers.sign(ref, self.case.previews[0], w.code(w.signatory), by=w.signatory, now=w.later(seconds=20))
        self.case.waivers.append(waiver.reference)
        waivers.serve(
            waiver.reference, channel="courier", served_at=w.now, confirmation=self.mark("service"), by=w.officer, now=w.now
        )
        if self.past("closed"):
            waivers.acknowledge(waiver.reference, by=self.by, now=w.now)

    def ask(self) -> None:
        w, ref = self.w, self.ref
        asked = actions.ask(ref, self.mark("question"), by=w.officer, now=w.later(seconds=20))
        actions.answer(ref, {asked.pk: self.mark("answer")}, by=self.by, now=w.now)
        actions.ask(ref, self.mark("question"), by=w.officer, now=w.now)


# --- what is one person's own


def draft(scene: Scene, key: str) -> None:
    """A draft of a filer, right and wrong answers alike; filing drops it, so that it comes last."""
    person, word = scene.w.people[key], scene.marks.word
    typed = {"happening": word("draft", owner=key), "tlds": word("draft's error", owner=key)}
    actions.save_draft(person, {"number_claimed": "1", "operator": person.party.key, **typed}, now=scene.w.now)


def belongings(scene: Scene) -> None:
    """Kept forms, tokens, and an invitation that waits."""
    w, marks, real = scene.w, scene.marks, clock.real()
    for key in ("filer", "stranger"):
        form = people.keep_form(w.people[key], "/file/six", f"happening={marks.word('kept form', owner=key)}", now=real)
        scene.links[f"kept:{key}"] = form.key
    for key in scene.readers():
        if key != "anybody":
            people.make_token(
                w.people[key], name=marks.word("token's name", owner=key), scopes=["read"], lasts=timedelta(days=1), now=real
            )
    people.begin_recovery(w.filer.email, now=real)
    _, code = people.invite(
        email=f"{marks.word('invited person')}@northlight.example", name=marks.word("invited person").capitalize(),
        party=w.parties["north"], roles=[("filer", "")], by=w.administrator, now=real,
    )  # fmt: skip
    scene.links["enrol"] = code
