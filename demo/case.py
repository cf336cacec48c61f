"""The case: from six answers at night to a waiver that is signed, served and acknowledged. Everything goes over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from demo import names
from demo.installation import Stopped
from demo.parties import OPERATOR
from demo.people import Player
from demo.screens import Camera
from demo.story import Story
from ersr.client.http import Problem

JSON = dict[str, Any]
#: What the filing and counsel say, and mail must never repeat.
HAPPENING = (
    "A worm of the family Wyvernmoth draws its command names from a generator that changes at midnight UTC. An analyst of CERT "
    "Exampleland has rebuilt it. Whoever registers one of tonight's names commands the machines that it has taken."
)
ADVICE = "Section 7.6(i) asks for a signed writing for each provision. Wyvernmoth is also before the court of Exampleland: say nothing of that."
SECRETS = ("Wyvernmoth", "worm", "CERT Exampleland", "court of Exampleland", names.made(1)[0], *names.LEGITIMATE)

FILES = {"waiver": "waiver", "authorisation": "authorisation", "fee_reduction": "fee-reduction"}


def six(operator: str = OPERATOR, tlds: tuple[str, ...] = names.TLDS) -> JSON:
    """The six answers; the first, who files, is told by the token."""
    return {
        "number_claimed": "+32 2 555 01 42",
        "operator": operator,
        "tlds": list(tlds),
        "happening": HAPPENING,
        "irreversible": "at",
        "irreversible_at": midnight().isoformat(),
    }


def midnight() -> datetime:
    """The next one, in UTC."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def refused(story: Story, who: str, code: str, call: Callable[[], Any]) -> None:
    """Tells the refusal; a call that goes through, or is refused for another reason, ends the demonstration."""
    try:
        call()
    except Problem as problem:
        if problem.code != code:
            raise Stopped(f"{who} should have been refused with {code}, not with {problem}") from problem
        can = f" ({', '.join(problem.who_can)} can.)" if problem.who_can else ""
        story.refused(who, f"{problem.detail}{can}")
        return
    raise Stopped(f"{who} should have been refused with {code}, and was not")


@dataclass
class Case:
    """One request on its way; `out` takes what the registry keeps."""

    players: Mapping[str, Player]
    story: Story
    camera: Camera
    out: Path
    ref: str = ""
    #: instrument -> reference of the signed one
    waivers: dict[str, str] = field(default_factory=dict)
    acts_from: datetime = field(default_factory=lambda: (datetime.now(UTC) - timedelta(days=1)).replace(microsecond=0))
    ends_at: datetime = field(default_factory=lambda: midnight() + timedelta(days=90))

    def who(self, key: str) -> str:
        return self.players[key].called

    def act(self, key: str, action: str, /, **body: Any) -> JSON:
        return self.players[key].api.act(self.ref, action, **body)

    def play(self) -> None:
        self.file()
        self.add()
        self.call_back()
        self.assess()
        self.decide()
        self.sign()
        self.serve()

    # The registry

    def file(self) -> None:
        story, night = self.story, self.players["night"]
        story.chapter("A night shift files")
        once = f"demo-{time.time_ns()}"
        filed = night.api.submit(six(), key=once)
        self.ref = filed["reference"]
        story.tell(
            night.called,
            f"files six answers for Northlight's {', '.join('.' + t for t in names.TLDS)} and gets {self.ref}",
        )
        if night.api.submit(six(), key=once)["reference"] != self.ref:
            raise Stopped("the same filing twice made two requests")
        story.tell(night.called, "the line breaks, the same filing is sent again: it is still one request")
        story.tell("", f"decide by {filed['due_at']}: {' '.join(filed['reckoning'])}")
        asked, began = 0, time.monotonic()
        while (receipt := night.api.receipt(self.ref)) is None:
            asked += 1
            if time.monotonic() - began > 10:
                raise Stopped("no receipt within 10 s")
            time.sleep(0.1)
        (self.out / "receipt.json").write_bytes(receipt)
        said = f"was 202 at first, and 200 after {time.monotonic() - began:.1f} s" if asked else "is there at once"
        story.good(night.called, f"the receipt {said}: the record's exact bytes, and their place in the ledger")
        refused(story, self.who("stranger"), "not_found", lambda: self.players["stranger"].api.request(self.ref))
        self.camera.shoot("filed", "night", f"/r/{self.ref}")

    def add(self) -> None:
        """What may follow until the decision."""
        story, night = self.story, self.who("night")
        self.act("night", "record_act", action="create", taken="taken", starts_at=self.acts_from.isoformat(), registered="no",
                 words="Created at the registry, without a registrar: there was no time.", roll_back="Deletion within the grace period.")  # fmt: skip
        story.tell(
            night,
            f"records an act already taken: names created since {self.acts_from:%d %b %H:%M} UTC, so a waiver must reach back",
        )
        self.act(
            "night", "record_act", action="sinkhole", taken="planned", starts_at=midnight().isoformat(), registered="no"
        )
        story.tell(night, "records an act planned: delegation to a sinkhole at midnight UTC")
        for part, body in (
            ("authority", {"basis": "delegated", "words": "Nils Lindqvist, security officer of Northlight"}),
            ("incident", {"category": "malicious_activity", "presence": "imminent", "immediate": "yes",
                          "scale": "250 names a day per TLD, some 400,000 machines", "generator": "Wyvernmoth, rebuilt by the CERT"}),
            ("relief", {"registrar_route": "registry_itself", "fee_relief": "yes"}),
            ("period", {"acts_from": self.acts_from.isoformat(), "ends_at": self.ends_at.isoformat()}),
            ("originator", {"kind": "cert", "name": "CERT Exampleland"}),
        ):  # fmt: skip
            self.act("night", "add_part", part=part, body=body)
        story.tell(
            night,
            "adds: on whose authority, the incident, no registrar and fee relief asked for, the period, who asked",
        )
        api = self.players["night"].api
        made = api.add_list(self.ref, names.filed(), title="Tonight and the ninety days after", name="names.txt")[
            "made"
        ]
        if made["names"] != names.COUNT + len(names.LEGITIMATE):
            raise Stopped(f"the list has {made['names']} names")
        story.tell(night, f"adds the list: {made['names']:,} names, digest {made['digest'][:16]}…")
        if api.add_list(self.ref, names.filed(), title="Again")["made"]["new"]:
            raise Stopped("the same list twice was taken for another one")
        api.add_evidence(self.ref, b"Analysis of the generator, made up for the demonstration.\n", name="analysis.txt")
        story.tell(night, "adds the analyst's report as evidence: it is only ever downloaded, never opened here")

    # The desk

    def call_back(self) -> None:
        story, officer = self.story, self.who("officer")
        story.chapter("The authority calls back")
        queue = self.players["officer"].api.requests()
        story.tell(officer, f"sees {queue[0]['reference']} first on the desk: {queue[0]['mover']['words']}")
        self.camera.shoot("desk", "officer", "/desk")
        taken = self.act("officer", "take", from_holder="")
        story.tell(officer, f"takes the request; the words to say first on the phone are “{taken['words']}”")
        numbers = self.players["officer"].api.numbers(self.ref)
        recent = next(n for n in numbers if not n["may_be_called"])
        refused(story, officer, "number_recent",
                lambda: self.act("officer", "call", number_id=recent["id"], outcome="confirmed"))  # fmt: skip
        stood = next(n for n in numbers if n["may_be_called"] and n["contact"].startswith("Operations"))
        self.camera.shoot("call", "officer", f"/desk/{self.ref}/call")
        self.act("officer", "call", number_id=stood["id"], outcome="no_answer", remark="Rang for two minutes.")
        story.tell(
            officer, f"calls {stood['contact']}, on file for {stood['days']:,} days: no answer, on record all the same"
        )
        told = self.act(
            "officer",
            "call",
            number_id=stood["id"],
            outcome="confirmed",
            remark="Spoke to the shift; Northlight knows.",
        )
        story.good(officer, f"calls again: confirmed. The request is {told['state'].replace('_', ' ')}")

    def assess(self) -> None:
        story = self.story
        story.chapter("Four disciplines, and a list with four names that are somebody's")
        popular = names.popularity()
        got = self.players["officer"].api.import_popularity(
            popular, title="Made popularity list", as_of=f"{datetime.now(UTC):%Y-%m-%d}"
        )
        story.tell(
            self.who("officer"),
            f"imports a popularity list of {got['names']:,} names; the filed list is held against it at once",
        )
        for key, discipline, body in (
            (
                "security",
                "security",
                "The list fits the generator. Two days' names were checked against sinkhole traffic.",
            ),
            (
                "services",
                "registry_services",
                "2.9(a) and Spec 9 stand in the way of direct creation; 2.6 of the sinkhole.",
            ),
            (
                "compliance",
                "compliance",
                "No open matter with this operator. The fee relief is within what was given before.",
            ),
            ("counsel", "legal", "A waiver for the period, retroactive to the first act, in a signed writing."),
        ):
            self.act(key, "assess", discipline=discipline, recommendation="grant", body=body)
            story.tell(self.who(key), f"{discipline.replace('_', ' ')}: grant. {body}")
        self.act("counsel", "note_privileged", body=ADVICE)
        story.tell(self.who("counsel"), "writes a privileged note, for legal and the signatories alone")
        for key in ("auditor", "security"):
            refused(story, self.who(key), "not_allowed", lambda key=key: self.players[key].api.privileged(self.ref))
        self.act("security", "confirm_lines")
        self.camera.shoot("lines", "officer", f"/desk/{self.ref}/lines")
        seen = self.players["security"].api.request(self.ref)
        story.tell(self.who("security"), f"confirms {len(seen['lines'])} lines that the rules proposed from the facts")
        refused(story, self.who("security"), "not_now", lambda: self._propose([seen["lines"][0]], "granted"))
        hits = self.players["security"].api.hits(self.ref, 1)
        if sorted(hit["name"] for hit in hits) != sorted(names.LEGITIMATE):
            raise Stopped(f"the hits are {[hit['name'] for hit in hits]}")
        self.camera.shoot("hits", "officer", f"/desk/{self.ref}/lists/1")
        answers = {h["name"]: {"answer": "removed", "reason": "A real site, there before the worm."} for h in hits}
        made = self.act("security", "answer_hits", list=1, answers=answers)["made"]
        if made["names"] != names.COUNT:
            raise Stopped(f"{made['names']} names are left")
        story.good(
            self.who("security"), f"takes out {', '.join(h['name'] for h in hits)}: {made['names']:,} names are left"
        )

    # The decision

    def _propose(self, lines: list[JSON], outcome: str) -> JSON:
        grants = {"acts_from": self.acts_from, "ends_at": self.ends_at} if outcome == "granted" else {}
        reasons = (
            "The incident is imminent and of scale, the acts are specific, and no lesser measure would do."
            if outcome == "granted"
            else "On the facts filed, the act lies within the agreement."
        )
        return self.act(
            "security", "propose", lines=[w["number"] for w in lines], outcome=outcome, reasons=reasons, **grants
        )

    def decide(self) -> None:
        story = self.story
        story.chapter("One proposes, another approves")
        groups: dict[tuple[str, ...], list[JSON]] = {}
        for line in self.players["security"].api.request(self.ref)["lines"]:
            groups.setdefault((line["provision"], line["action"], line["hint"], line["instrument"]), []).append(line)
        for (provision, action, hint, instrument), lines in groups.items():
            grant = hint == "waiver" and lines[0]["waivable_by"] in ("staff", "officer")
            outcome = "granted" if grant else hint if hint in ("notice_only", "use_rsep") else "no_waiver_needed"
            decision = self._propose(lines, outcome)["made"]["id"]
            what = f"{provision} ({lines[0]['provision_title']}), {action.replace('_', ' ')}, {sum(len(w['tlds']) for w in lines)} TLDs"
            told = f"{outcome.replace('_', ' ')}" + (f", by {instrument.replace('_', ' ')}" if grant else "")
            if provision == next(iter(groups))[0] and lines is next(iter(groups.values())):
                refused(
                    story,
                    self.who("security"),
                    "self_approval",
                    lambda d=decision: self.act("security", "approve", decision=d),
                )
                self.camera.shoot("decide", "officer", f"/desk/{self.ref}/decide")
            self.act("approver", "approve", decision=decision)
            story.tell(f"{self.who('security').split()[0]}, then {self.who('approver').split()[0]}", f"{what}: {told}")
        state = self.players["approver"].api.request(self.ref)["state"]
        story.good(
            self.who("approver"),
            f"every line is decided. The request is {state}, and nothing is covered until it is signed",
        )

    def sign(self) -> None:
        story = self.story
        story.chapter("Authorised people sign")
        lines = self.players["approver"].api.request(self.ref)["lines"]
        wanted = {line["instrument"] for line in lines if line["outcome"] == "granted"}
        advice = self.players["waiver"].api.privileged(self.ref)
        story.tell(self.who("waiver"), f"reads counsel's advice ({len(advice)} note); the reading itself is on record")
        instruments = [i for i in FILES if i in wanted]
        for instrument, other in zip(instruments, [*instruments[1:], None], strict=True):
            self._sign(instrument, other)
        (self.out / "names.txt").write_bytes(self.players["night"].api.names(self.ref, 1))

    def _sign(self, instrument: str, other: str | None) -> None:
        """One signatory signs one instrument; `other` is one that somebody else must sign."""
        story, signatory = self.story, self.players[instrument]
        if other:
            refused(story, signatory.called, "delegation", lambda: self.act(instrument, "preview", instrument=other))
        made = self.act(instrument, "preview", instrument=instrument)["made"]
        preview = signatory.api.preview_pdf(self.ref, made["id"])
        words = f"reads {made['reference']} as it will be signed: {len(preview):,} bytes of PDF, no token in it"
        story.tell(signatory.called, words)

        def sign(code: str) -> JSON:
            return self.act(instrument, "sign", preview=made["id"], code=code)["made"]

        if not self.waivers:
            refused(story, signatory.called, "code_wrong", lambda: sign("000000"))
        reference = signatory.with_code(sign)["reference"]
        pdf, token = signatory.api.waiver_pdf(reference), signatory.api.waiver_token(reference)
        if not pdf.startswith(preview):
            raise Stopped(f"{reference} does not begin with the bytes that were read")
        (self.out / f"{FILES[instrument]}.pdf").write_bytes(pdf)
        (self.out / f"{FILES[instrument]}.sd-jwt").write_bytes(token)
        self.waivers[instrument] = reference
        words = (
            f"signs the {instrument.replace('_', ' ')} {reference} with a fresh code; what was read is its beginning"
        )
        story.good(signatory.called, words)

    def serve(self) -> None:
        story = self.story
        story.chapter("Service, and receipt of it")
        for reference in self.waivers.values():
            self.act("officer", "serve", waiver=reference, channel="courier", served_at=datetime.now(UTC),
                     confirmation=f"Courier's confirmation for {reference}, signed at the desk of Northlight")  # fmt: skip
        story.tell(self.who("officer"), f"enters the courier's confirmations for {', '.join(self.waivers.values())}")
        self.camera.shoot("served", "nils", f"/r/{self.ref}")
        for reference in self.waivers.values():
            told = self.act("nils", "acknowledge", waiver=reference)
        story.good(self.who("nils"), f"acknowledges receipt for Northlight. The request is {told['state']}")
