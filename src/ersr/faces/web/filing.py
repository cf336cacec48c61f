"""Filing: from the start page through six answers to the receipt."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from ersr import clock
from ersr.core import filing
from ersr.core.errors import Refusal
from ersr.core.lifecycle import Role
from ersr.core.say import say
from ersr.core.tongue import said, said_n, tlds_said
from ersr.faces.download import download
from ersr.faces.web.desk_case import deadline
from ersr.faces.web.forms import SixForm, typed
from ersr.faces.web.page import render_form, signed_in, tell, zones_for
from ersr.ledger.sequence import receipt_for
from ersr.parties.authority import authority
from ersr.people.models import Person
from ersr.people.queries import with_role
from ersr.requests import actions, queries
from ersr.requests.models import Draft, Request

LABELS = {
    "number_claimed": said("Number to call now"),
    "operator": said("Registry operator"),
    "tlds": said("TLDs"),
    "happening": said("What is happening"),
    "irreversible": said("The next thing that cannot be undone"),
}


def _filers_only(person: Person) -> None:
    if Role.FILER not in person.roles:
        raise Refusal("not_allowed", said("This needs the role filer: staff do not file in a registry's name."))
    if not queries.operators_for(person):
        raise Refusal("not_allowed", said("No registry operator is on record that you may file for. Call the duty line."))


def _six(person: Person, data: Mapping[str, Any] | None, **more: Any) -> SixForm:
    return SixForm(data, person=person, zones=zones_for(person), **more)


@signed_in
def start(request: HttpRequest, person: Person) -> HttpResponse:
    """Can I file now? What it is used for, and the draft that waits."""
    _filers_only(person)
    if request.method == "POST":
        actions.drop_draft(person)
        tell(request, said("The draft is dropped."))
        return redirect("file")
    known = authority()
    return render(
        request, "filing/start.html",
        {"draft": queries.draft_of(person), "use": known.use_of_filing, "no_admission": known.no_admission},
    )  # fmt: skip


@signed_in
def six(request: HttpRequest, person: Person) -> HttpResponse:
    """The six answers. Every press of a button saves what was typed, right or wrong."""
    _filers_only(person)
    draft = queries.draft_of(person)
    if request.method == "POST":
        actions.save_draft(person, typed(request.POST), now=clock.now())
        if "save" in request.POST:
            tell(request, said("Saved. Nothing is filed yet."))
            return redirect("file")
        form = _six(person, request.POST)
        if form.is_valid():
            return redirect("file-check")
    elif draft is not None and "look" in request.GET:
        form = _six(person, draft.body)
    else:
        form = _six(person, None, initial=draft.body if draft else None)
    return render_form(request, "filing/six.html", form, {"until": request.session.get_expiry_date()})


@signed_in
def check(request: HttpRequest, person: Person) -> HttpResponse:
    """What will be filed, read back in UTC and in the reader's zone; the button files it."""
    _filers_only(person)
    draft = queries.draft_of(person)
    if request.method == "POST":
        return _submit(request, person, draft)
    if draft is None:
        return redirect("file")
    form = _six(person, draft.body)
    if not form.is_valid():
        return redirect("/file/six?look=1")
    known = authority()
    return render(
        request, "filing/check.html",
        {
            "answers": _answers(person, form), "draft": draft, "checked": _digest(draft.body),
            "use": known.use_of_filing, "no_admission": known.no_admission,
        },
    )  # fmt: skip


def _answers(person: Person, form: SixForm) -> list[tuple[str, str, str]]:
    """(question, answer, id of its field): one row each."""
    found = form.answers
    at = found["irreversible_at"]
    undone = filing.IRREVERSIBLE[found["irreversible"]]
    tlds = found["tlds"]
    return [
        (said("You"), f"{person.name}, {person.party.name}", ""),
        (LABELS["number_claimed"], found["number_claimed"], "number_claimed"),
        (LABELS["operator"], found["operator"].name, "" if form.operator_name else "operator"),
        (said_n("{n} TLD", "{n} TLDs", len(tlds)), ", ".join(f".{t}" for t in tlds), "tlds"),
        (LABELS["happening"], found["happening"], "happening"),
        (LABELS["irreversible"], say(at, person.zone) if at else undone, "irreversible_0"),
    ]


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _submit(request: HttpRequest, person: Person, draft: Draft | None) -> HttpResponse:
    """Files the draft that was checked. The draft's number names the attempt, so a second click finds the first one's request."""
    attempt = request.POST.get("draft", "")
    if not attempt.isascii() or not attempt.isdecimal() or len(attempt) > 18:
        return redirect("file")
    same = draft is not None and draft.pk == int(attempt)
    if draft is not None and same and _digest(draft.body) != request.POST.get("checked"):
        tell(request, said("Your answers changed since you read them. Nothing is filed yet: read them again."))
        return redirect("file-check")
    form = _six(person, draft.body if draft is not None and same else {})
    form.is_valid()
    try:
        row = actions.submit(form.raw, by=person, now=clock.now(), once=f"{person.pk}:draft:{int(attempt)}")
    except Refusal as refusal:
        if not refusal.fields:  # not about the answers: the draft stays, and a page of its own says what to do
            raise
        return redirect("/file/six?look=1" if same else "file")
    return redirect("receipt", ref=row.reference)


# --- the receipt


@signed_in
def receipt(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Is it in? 202 while the seal is on its way."""
    row = queries.request_for(person, ref)
    reckoned = deadline(row)
    sealed = True
    try:
        receipt_for(row.event)
    except Refusal as refusal:
        if refusal.code != "pending":
            raise
        sealed = False
    context = {
        "case": row, "ref": row.reference, "tlp": row.tlp, "sealed": sealed, "digest": record_digest(row),
        "why": reckoned.explain() if reckoned.at == row.due_at else (said("Reckoned with {calendar}.", calendar=row.calendar),),
        "due_in": row.due_at - clock.now(), "tlds": tlds_said(row.tlds), "words": words_of(row),
        # The words prove the caller to the filer. Staff who call have them on the desk; the others have no use for them.
        "called": row.state in ("received", "verifying") and not person.is_staff_member,
        "on_duty": [officer.name for officer in with_role(Role.DUTY_OFFICER)],
    }  # fmt: skip
    return render(request, "filing/receipt.html", context, status=200 if sealed else 202)


@signed_in
def receipt_json(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """The receipt as one file: the exact bytes."""
    row = queries.request_for(person, ref)
    return download(receipt_for(row.event), "application/json", f"receipt-{row.reference}.json")


def record_digest(row: Request) -> str:
    """SHA-256 of the filed record; "" once it was redacted."""
    body = getattr(row.event, "body", None)
    return hashlib.sha256(bytes(body.record)).hexdigest() if body else ""


def words_of(row: Request) -> str:
    """The verification words, while a call is to come and they still count."""
    waiting = row.state in ("received", "verifying") and clock.now() < row.words_until
    return row.words if waiting else ""
