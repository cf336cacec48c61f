"""What the authority's people do before a decision: take, call back, ask, assess, put the lines right."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from ersr import clock
from ersr.faces.api.auth import caller
from ersr.faces.api.schemas.sent import (
    AddLineIn,
    AskIn,
    AssessIn,
    CallIn,
    ChangeLineIn,
    GroupsIn,
    HitsIn,
    ListIn,
    NothingIn,
    PrivilegedIn,
    RemoveNamesIn,
    TakeIn,
)
from ersr.faces.api.v1.operation import does, done, router
from ersr.lists.models import ListVersion
from ersr.requests import actions


@router.post("requests/{ref}/take", **does("take"))
def take(request: HttpRequest, ref: str, sent: TakeIn | None = None) -> dict[str, Any]:
    """You have the request now; taking it from somebody else needs `from_holder` and is on record."""
    seen = sent.from_holder if sent else None
    actions.take(ref, by=caller(request), now=clock.now(), from_holder=seen)
    return done(request, ref)


@router.post("requests/{ref}/call", **does("call"))
def call(request: HttpRequest, ref: str, sent: CallIn) -> dict[str, Any]:
    """One attempt to a number on file (GET requests/REF/numbers). "confirmed" verifies the request."""
    row = actions.call(
        ref, number_id=sent.number_id, outcome=sent.outcome, remark=sent.remark, by=caller(request), now=clock.now()
    )
    return done(request, ref, "call", id=row.pk)


@router.post("requests/{ref}/renew_words", **does("call", name="renew_words"))
def renew_words(request: HttpRequest, ref: str, sent: NothingIn | None = None) -> dict[str, Any]:
    """Fresh verification words for the next call."""
    actions.renew_words(ref, by=caller(request), now=clock.now())
    return done(request, ref)


@router.post("requests/{ref}/ask", **does("ask"))
def ask(request: HttpRequest, ref: str, sent: AskIn) -> dict[str, Any]:
    """A question to the requester; the clock runs on."""
    row = actions.ask(ref, sent.text, by=caller(request), now=clock.now())
    return done(request, ref, "question", id=row.pk)


@router.post("requests/{ref}/assess", **does("assess"))
def assess(request: HttpRequest, ref: str, sent: AssessIn) -> dict[str, Any]:
    """A note of your discipline with a recommendation; a later one is a new version."""
    row = actions.assess(
        ref,
        discipline=sent.discipline,
        recommendation=sent.recommendation,
        body=sent.body,
        by=caller(request),
        now=clock.now(),
    )
    return done(request, ref, "note", id=row.pk, version=row.version)


@router.post("requests/{ref}/note_privileged", **does("note_privileged"))
def note_privileged(request: HttpRequest, ref: str, sent: PrivilegedIn) -> dict[str, Any]:
    """Advice of counsel, read by legal and the signatory only."""
    row = actions.assess(
        ref, discipline="legal", recommendation="", body=sent.body, by=caller(request), now=clock.now(), privileged=True
    )
    return done(request, ref, "note", id=row.pk, version=row.version)


@router.post("requests/{ref}/change_line", **does("change_line"))
def change_line(request: HttpRequest, ref: str, sent: ChangeLineIn) -> dict[str, Any]:
    """Another hint, instrument or provision, or drop; change and reason stay on record."""
    changes = {"hint": sent.hint, "instrument": sent.instrument, "provision": sent.provision}
    if sent.drop:
        changes["drop"] = "yes"
    row = actions.change_line(ref, sent.line, changes, reason=sent.reason, by=caller(request), now=clock.now())
    return done(request, ref, "line", number=row.number)


@router.post("requests/{ref}/add_line", **does("change_line", name="add_line"))
def add_line(request: HttpRequest, ref: str, sent: AddLineIn) -> dict[str, Any]:
    """A line that the rules did not find. `agreement` is its key."""
    row = actions.add_line(ref, **sent.dict(), by=caller(request), now=clock.now())
    return done(request, ref, "line", number=row.number)


def _changed(request: HttpRequest, ref: str, row: ListVersion | None) -> dict[str, Any]:
    """The request, and the new version of the list if there is one."""
    if row is None:
        return done(request, ref)
    told = {"number": row.of.number, "version": row.version, "digest": row.digest, "names": row.names}
    return done(request, ref, "list", **told)


@router.post("requests/{ref}/answer_hits", **does("answer_hits"))
def answer_hits(request: HttpRequest, ref: str, sent: HitsIn) -> dict[str, Any]:
    """Answers names that stand on a popularity list: kept or removed, each with a reason."""
    given = {name: (row.answer, row.reason) for name, row in sent.answers.items()}
    row = actions.answer_hits(ref, sent.list, given, by=caller(request), now=clock.now())
    return _changed(request, ref, row)


@router.post("requests/{ref}/remove_names", **does("answer_hits", name="remove_names"))
def remove_names(request: HttpRequest, ref: str, sent: RemoveNamesIn) -> dict[str, Any]:
    """Takes names off a list before the decision, hits or not."""
    row = actions.remove_names(ref, sent.list, sent.names, reason=sent.reason, by=caller(request), now=clock.now())
    return _changed(request, ref, row)


@router.post("requests/{ref}/answer_groups", **does("answer_hits", name="answer_groups"))
def answer_groups(request: HttpRequest, ref: str, sent: GroupsIn) -> dict[str, Any]:
    """Answers whole groups of hits: "registered/com", or "registered" for all TLDs. Removed ones make one new version of the list."""
    row = actions.answer_groups(
        ref, sent.list, sent.groups, answer=sent.answer, reason=sent.reason, by=caller(request), now=clock.now()
    )
    return _changed(request, ref, row)


@router.post("requests/{ref}/screen_again", **does("answer_hits", name="screen_again"))
def screen_again(request: HttpRequest, ref: str, sent: ListIn) -> dict[str, Any]:
    """Has the list held against the zones that are there now: GET requests/REF/lists/N/screening tells how far it is."""
    actions.screen_again(ref, sent.list, by=caller(request), now=clock.now())
    return done(request, ref)


@router.post("requests/{ref}/confirm_lines", **does("confirm_lines"))
def confirm_lines(request: HttpRequest, ref: str, sent: NothingIn | None = None) -> dict[str, Any]:
    """You stand behind the proposed lines; only now does the filer see them."""
    actions.confirm_lines(ref, by=caller(request), now=clock.now())
    return done(request, ref)
