"""What each action of the life-cycle table takes, as the command asks for it: names, kinds, which are needed.

The service judges; this only says of what kind a field is, so that a slip is told before anything is sent. A house test holds it
against the API's own description, field by field, and another carries out every action with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ersr.core import filing
from ersr.core.lifecycle import ACTIONS, DISCIPLINES, Outcome
from ersr.core.terms import Instrument


@dataclass(frozen=True)
class Takes:
    """kind: text, time, number, numbers, texts, flag, file, secret; answers (N=TEXT) and hits (NAME=ANSWER,REASON), which may
    be repeated like numbers and texts. A secret is asked for without echo where somebody can be asked."""

    name: str
    kind: str = "text"
    needed: bool = False
    hint: str = ""


def _choice(name: str, choices: object, *, needed: bool = True, hint: str = "") -> Takes:
    told = ", ".join(choices)  # type: ignore[arg-type]
    return Takes(name, "text", needed, f"{hint}{'. ' if hint else ''}One of: {told}." if told else hint)


def _of(field: filing.Field) -> Takes:
    if field.kind == "choice":
        return _choice(field.name, field.choices or {}, needed=field.needed, hint=field.label.rstrip("?."))
    return Takes(field.name, "time" if field.kind == "time" else "text", field.needed, field.label)


def _part_fields() -> tuple[Takes, ...]:
    """Every field of every part once; which belong to which part is looked at when the part is known."""
    found: dict[str, Takes] = {}
    for part in filing.PARTS.values():
        for field in part.fields:
            one = _of(field)
            found.setdefault(field.name, Takes(one.name, one.kind, False, f"{part.name}: {one.hint}"))
    return tuple(found.values())


_REASON = Takes("reason", needed=True)
_WAIVER = Takes("waiver", needed=True, hint="Its reference, like W-2026-3310222-C.")
_DECISION = Takes("decision", "number", True, "Its number: ersr show REF.")
_LIST = Takes("list", "number", True, "Number of the list.")
_INSTRUMENT = _choice("instrument", Instrument)
_CHANGES = (
    Takes("hint", hint="What the rules advise, like waiver or no_waiver_needed."),
    _choice("instrument", Instrument, needed=False),
    Takes("provision", hint="Its number in the agreement."),
)
_PERIOD = tuple(Takes(n, "time", hint=h) for n, h in (("acts_from", "The first act that is covered."), ("effective_from", "When it comes into force."), ("ends_at", "When it ends; a grant needs it.")))  # fmt: skip

#: What a part of the filing holds: the fields that go into `body` of add_part.
PART_FIELDS = _part_fields()

#: verb -> its fields. Every row of the life-cycle table but `submit`, which is `ersr file`; and the verbs beside their row.
TAKES: Mapping[str, tuple[Takes, ...]] = {
    "acknowledge": (_WAIVER,),
    "add_evidence": (Takes("file", "file", True, "A file as it is."),),
    "add_line": (
        Takes("agreement", needed=True, hint="Its key."),
        Takes("provision", needed=True),
        _choice("action", filing.ACTIONS),
        _INSTRUMENT,
        _REASON,
        Takes("list_number", "number", hint="Number of the list that it is about."),
    ),
    "add_list": (Takes("file", "file", True, "Names in any form that ersr names intake takes."), Takes("title")),
    "add_part": (_choice("part", filing.PARTS), *PART_FIELDS),
    "answer": (Takes("answers", "answers", True, "Number of the question and the answer; may be repeated."),),
    "answer_groups": (
        _LIST,
        Takes("groups", "texts", True, "CLASS/TLD like registered/com, or CLASS for all its TLDs; may be repeated."),
        _choice("answer", ("kept", "removed")),
        _REASON,
    ),
    "answer_hits": (_LIST, Takes("answers", "hits", True, "Name, kept or removed, and why; may be repeated.")),
    "approve": (_DECISION,),
    "ask": (Takes("text", needed=True),),
    "assess": (
        _choice("discipline", DISCIPLINES),
        _choice("recommendation", ("grant", "grant_as_modified", "deny", "no_waiver_needed", "undecided")),
        Takes("body", needed=True),
    ),
    "call": (
        Takes("number_id", "number", True, "Of a number on file: ersr show REF --with numbers."),
        _choice("outcome", ("confirmed", "not_confirmed", "no_answer", "wrong_words", "denied")),
        Takes("remark"),
    ),
    "change_line": (Takes("line", "number", True), *_CHANGES, Takes("drop", "flag", hint="Take the line out."), _REASON),
    "conclude": (Takes("channel", needed=True, hint="How the answer was given."),),
    "confirm_lines": (),
    "note_privileged": (Takes("body", needed=True),),
    "preview": (_INSTRUMENT,),
    "propose": (
        Takes("lines", "numbers", True, "Numbers of lines; may be repeated."),
        _choice("outcome", Outcome),
        Takes("reasons", needed=True),
        Takes("modification"),
        *_PERIOD,
        Takes("conditions", "texts", hint="May be repeated."),
        Takes("reporting"),
        Takes("disposition"),
        Takes("quote"),
        Takes("quote_source"),
    ),
    "record_act": (*map(_of, filing.ACT_FIELDS), Takes("replaces", "number", hint="Number of the act that this one corrects.")),
    "remove_names": (_LIST, Takes("names", "texts", True, "May be repeated."), _REASON),
    "renew_words": (),
    "return_proposal": (_DECISION, _REASON),
    "screen_again": (_LIST,),
    "send_back": (_REASON,),
    "serve": (
        _WAIVER,
        _choice("channel", ("courier", "e-mail", "post", "web_site")),
        Takes("served_at", "time", True),
        Takes("confirmation", hint="The server's or courier's."),
    ),
    "sign": (
        Takes("preview", "number", True, "Of the prepared instrument: ersr act REF preview tells it."),
        Takes("code", "secret", True, "A fresh one of your second factor; asked for if left out."),
    ),
    "take": (Takes("from_holder", hint="E-mail of who has it now; needed to take it over. Nothing happens if somebody else was quicker."),),
    "withdraw": (_REASON,),
}  # fmt: skip

#: verb -> the row whose button and permit it has.
ROW: Mapping[str, str] = {
    "add_line": "change_line", "answer_groups": "answer_hits", "remove_names": "answer_hits", "renew_words": "call",
    "screen_again": "answer_hits",
}  # fmt: skip


def verbs_of(row: str) -> list[str]:
    """The verbs of a row of the table: its own first."""
    return [row, *(verb for verb, its in ROW.items() if its == row)]


def words(verb: str) -> str:
    """How the verb is called to people."""
    return ACTIONS[verb].label if verb in ACTIONS else verb.replace("_", " ").capitalize()
