"""Requests in different states, so that every page of the portal has something to show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from demo import names
from demo.case import midnight, six
from demo.parties import OTHERS
from demo.people import Player
from demo.story import Story


class Stage:
    """Brings requests of other operators to where somebody has to move."""

    def __init__(self, players: Mapping[str, Player], story: Story) -> None:
        self.players, self.story = players, story

    def act(self, key: str, ref: str, action: str, /, **body: Any) -> dict[str, Any]:
        return self.players[key].api.act(ref, action, **body)

    def _filed(self, agreement: str, happening: str, **more: Any) -> str:
        operator = agreement.rpartition("-")[0]
        answers = six(operator, OTHERS[agreement]) | {"happening": happening} | more
        return self.players["night"].api.submit(answers)["reference"]

    def _called(self, ref: str) -> None:
        self.act("officer", ref, "take")
        number = next(n for n in self.players["officer"].api.numbers(ref) if n["may_be_called"])
        self.act(
            "officer",
            ref,
            "call",
            number_id=number["id"],
            outcome="confirmed",
            remark="Said the words, and knew of it.",
        )

    def _described(self, ref: str, tlds: tuple[str, ...], count: int, *, route: str = "registry_itself") -> None:
        night = self.players["night"].api
        self.act(
            "night",
            ref,
            "record_act",
            action="create",
            taken="planned",
            starts_at=midnight().isoformat(),
            registered="no",
        )
        self.act("night", ref, "add_part", part="incident",
                 body={"category": "malicious_activity", "presence": "imminent", "immediate": "yes", "scale": "40 names a day"})  # fmt: skip
        self.act("night", ref, "add_part", part="relief", body={"registrar_route": route, "fee_relief": "no"})
        labels = [name.partition(".")[0] for name in names.made(count, seed=len(ref) + count)]
        listed = "".join(f"{label}.{tlds[place % len(tlds)]}\n" for place, label in enumerate(labels))
        night.add_list(ref, listed.encode("ascii"), title="This week")

    def _decided(self, ref: str, *, approve: bool) -> None:
        self.act(
            "security",
            ref,
            "assess",
            discipline="security",
            recommendation="grant",
            body="The names fit the generator.",
        )
        self.act("security", ref, "confirm_lines")
        ends = datetime.now(UTC) + timedelta(days=60)
        for line in self.players["security"].api.request(ref)["lines"]:
            grant = line["hint"] == "waiver" and line["waivable_by"] in ("staff", "officer")
            outcome = "granted" if grant else "no_waiver_needed"
            made = self.act("security", ref, "propose", lines=[line["number"]], outcome=outcome,
                            reasons="Imminent, specific and small." if grant else "Within the agreement.",
                            **({"ends_at": ends.replace(microsecond=0)} if grant else {}))  # fmt: skip
            if approve:
                self.act("approver", ref, "approve", decision=made["made"]["id"])

    def _served(self, ref: str) -> None:
        preview = self.act("waiver", ref, "preview", instrument="waiver")["made"]["id"]
        self.story.tell(self.players["waiver"].called, "waits for a fresh code: each works once")
        signed = self.players["waiver"].with_code(
            lambda code: self.act("waiver", ref, "sign", preview=preview, code=code)
        )
        self.act("officer", ref, "serve", waiver=signed["made"]["reference"], channel="courier", served_at=datetime.now(UTC),
                 confirmation="Courier's confirmation, signed at the desk of Lakeside")  # fmt: skip

    def set(self) -> None:
        story = self.story
        story.chapter("Other requests, each where somebody has to move")
        soon = (datetime.now(UTC) + timedelta(hours=9)).isoformat()
        for agreement, words, told in (
            (
                "southwind-2015",
                "A phishing kit registers under generated names. We want to hold them back.",
                "received",
            ),
            ("eastgate-2016", "Somebody has changed glue records through a stolen account.", "a question is open"),
            ("lakeside-2014", "A botnet rotates through generated names; a list is attached.", "assessing"),
            ("harbour-2017", "A worm's names for the coming week were computed.", "a decision waits for an approval"),
            ("fjord-2015", "A worm's names for the coming week were computed.", "a signature is due"),
            ("southwind-2015", "Filed twice by mistake.", "withdrawn"),
            ("lakeside-2014", "Last week's names, created on Sunday.", "receipt of the waiver is due"),
        ):
            ref = self._filed(agreement, words, irreversible_at=soon)
            if told == "withdrawn":
                self.act("night", ref, "withdraw", reason="The same as the one before.")
            elif told == "a question is open":
                self._called(ref)
                self.act("officer", ref, "ask", text="Which name servers were put in, and since when?")
            elif told != "received":
                self._described(ref, OTHERS[agreement], 120)
                self._called(ref)
                if told == "assessing":
                    body = "Forty names checked by hand: none resolves."
                    self.act(
                        "services", ref, "assess", discipline="registry_services", recommendation="grant", body=body
                    )
                else:
                    self._decided(ref, approve=told != "a decision waits for an approval")
                if told == "receipt of the waiver is due":
                    self._served(ref)
            story.tell(ref, told)
