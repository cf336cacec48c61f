"""Sign and serve: the instrument exactly as it will be signed, what changed since, and the record of service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from ersr import clock
from ersr.core.errors import Refusal
from ersr.core.lifecycle import Role
from ersr.core.say import say, say_until
from ersr.core.screening import CLASSES, Class
from ersr.core.terms import Instrument, Terms
from ersr.core.tongue import joined, number, said, small, tlds_said, told
from ersr.faces.download import download
from ersr.faces.web import desk_case, desk_story
from ersr.faces.web.deciding import number_in
from ersr.faces.web.desk import open_form
from ersr.faces.web.desk_forms import CHANNELS, CodeForm, ReasonForm, ServeForm
from ersr.faces.web.desk_lists import why_not
from ersr.faces.web.fresh import fresh
from ersr.faces.web.page import posted, read_moment, refusals_into, render_form, staff_only, tell, zones_for
from ersr.files import store
from ersr.lists.queries import latest, met, unanswered
from ersr.people.models import Delegation, Person
from ersr.people.queries import with_role
from ersr.requests import queries
from ersr.requests.models import Decision, Line, Request
from ersr.waivers import actions as waivers
from ersr.waivers.models import PREVIEW_LASTS, Preview
from ersr.waivers.queries import covering
from ersr.waivers.trees import tree_of


@staff_only
def sign(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """Does the reader bind us? The instrument is prepared, read, then signed with a fresh code, or all is sent back."""
    row, now = queries.request_for(person, ref), clock.now()
    queries.require(person, row, "read_desk")
    do = request.POST.get("do", "")
    if do == "preview":
        try:
            waivers.preview(ref, request.POST.get("instrument", ""), by=person, now=now)
        except Refusal as refusal:
            if "hashed" not in refusal.facts:  # else the page says how far the worker is with a large list
                raise
        return redirect("desk-sign", ref=row.reference)
    form = CodeForm(request.POST if do == "sign" else None)
    back = ReasonForm(request.POST if do == "send_back" else None)
    if do == "sign" and form.is_valid():
        with refusals_into(form, default="code"):
            done = waivers.sign(ref, number_in(request, "preview"), fresh(request), by=person, now=now)
            tell(request, said("Signed: {reference}.", reference=done.reference))
            left = waivers.unsigned_lines(queries.request_for(person, ref))
            return redirect("desk-sign" if left else "desk-case", ref=row.reference)
    if do == "send_back" and back.is_valid():
        with refusals_into(back):
            waivers.send_back(ref, reason=back.cleaned_data["reason"], by=person, now=now)
            tell(request, said("Sent back. The lines are open again, with your reason on record."))
            return redirect("desk-case", ref=row.reference)
    chosen = back if do == "send_back" else form
    return render_form(request, "desk/sign.html", chosen, _sign_page(person, row, form, back, now))


def _sign_page(person: Person, row: Request, form: CodeForm, back: ReasonForm, now: datetime) -> dict[str, Any]:
    unsigned = waivers.unsigned_lines(row)
    decisions = queries.proposals(row)
    live = {line.pk: desk_case.decision_of(line, decisions) for line in queries.live_lines(row)}
    waiting = sorted({line.instrument for line in unsigned}, key=list(Instrument).index)
    authors = {d.proposed_by_id for d in (live.get(line.pk) for line in unsigned) if d is not None}
    refusal = why_not(person, row, "sign", authors=authors) if unsigned else None
    preview = None
    if refusal is None and unsigned:
        preview = row.previews.filter(made_by=person, signed__isnull=True, instrument__in=waiting).order_by("-made_at").first()
    lapsed = preview is not None and preview.lapsed(now)
    held = preview if preview is not None and not lapsed else None
    ends = next((d.ends_at for d in live.values() if d is not None and d.ends_at), None)
    about = [line for line in unsigned if held is None or line.instrument == held.instrument]
    head = desk_case.head(person, row, now=now)
    able = bool(waiting) and refusal is None
    made = {i: tree_of(row, i, person) for i in waiting}
    return {
        **head,
        "place": "Desk",
        "step": {} if able else desk_story.step(person, row, head, f"/desk/{row.reference}/sign", now=now),
        "grants": desk_case.grants(row, about, ends, signed=False) if about else desk_case.sentence(row),
        "rows": [_signed_row(line, live.get(line.pk)) for line in queries.live_lines(row)],
        "not_in": [line.number for line in queries.live_lines(row) if line not in about],
        "waiting": [(i, Instrument(i).title, _delegation(person, row, i, now), made[i]) for i in waiting],
        "hashing": any(one and not one.root and not one.problem for one in made.values()),
        "preview": held,
        "signs": waivers.what_is_signed(held) if held is not None else "",
        "lapsed": lapsed,
        "pdf": reverse("desk-preview", args=[row.reference, held.pk]) if held is not None else "",
        "first_instrument": next((i for i in waiting if covering(person, i, waivers.unsigned_lines(row, i), now=now)), ""),
        "why_not": refusal,
        "code_form": form,
        "back": back,
        "may_send_back": bool(unsigned) and why_not(person, row, "send_back", authors=authors) is None,
        "read": _read(row, held, live, now) if held is not None else None,
        "signed": desk_story.waivers_shown(row, now=now),
    }


def _signed_row(line: Line, decision: Decision | None) -> dict[str, Any]:
    words, look = desk_story.outcome_of(line)
    return {
        "words": said("{number}. {action}, {tlds}", number=line.number, action=desk_case.act_words(line.action), tlds=tlds_said(line.tlds)),
        "provision": joined(", ", (line.provision, desk_story.written(line))),
        "outcome": words,
        "look": look,
        "proposed": (decision.proposed_by.name, decision.proposed_at) if decision else None,
        "approved": (decision.approved_by.name, decision.approved_at) if decision and decision.approved_by else None,
    }


def _delegation(person: Person, row: Request, instrument: str, now: datetime) -> tuple[Delegation | None, Sequence[str]]:
    """(the reader's delegation that covers this instrument, or None; names of others who could sign it)."""
    lines = waivers.unsigned_lines(row, instrument)
    own = covering(person, instrument, lines, now=now)
    authors = {d.proposed_by_id for d in queries.proposals(row) if d.state == "approved"}
    others = [
        p.name
        for p in with_role(Role.SIGNATORY)
        if p.pk != person.pk and p.pk not in authors and covering(p, instrument, lines, now=now) is not None
    ]
    return own, others


def _read(row: Request, preview: Preview, live: dict[int, Decision | None], now: datetime) -> dict[str, Any]:
    """What the signatory reads beside the instrument: the terms in short and in the language that is signed, what changed, the
    hits, the digest."""
    terms = Terms.from_json(preview.terms)
    provisions = list(dict.fromkeys(f"{x.provision}, {x.provision_title}" for x in terms.lines))
    dates = "; ".join(f"{a.family} {a.version} of {a.dated.isoformat()} for {tlds_said(a.tlds)}" for a in terms.agreements)
    acts = list(dict.fromkeys(x.action_words for x in terms.lines))
    named = f", for the {terms.names.size:,} {'name' if terms.names.size == 1 else 'names'} of the annex and not more" if terms.names else ""
    lead = {"waiver": "Waived.", "authorisation": "Authorised.", "fee_reduction": "Reduced."}[terms.instrument.value]
    clauses = [
        (lead, f"{'; '.join(provisions)}, of the Registry Agreements {dates}, and no other provision."),
        ("Permitted.", f"To {', '.join(acts)}{named}."),
        ("Period.", f"Acts from {say(terms.acts_from)}. Begins {say(terms.effective_from)}. Lasts {say_until(terms.ends_at)}."),
        ("Conditions.", " ".join(c if c.endswith(".") else f"{c}." for c in terms.conditions)),
    ]  # fmt: skip
    modified = [x.modification for x in terms.lines if x.modification]
    if modified:
        clauses.insert(2, ("Modified.", "; ".join(dict.fromkeys(modified))))
    approved = [d.approved_at for d in live.values() if d is not None and d.approved_at and d.state == "approved"]
    digests = {latest(x).content_digest for x in row.incident.lists.all()}
    changed = []
    if terms.names is not None and terms.names.of_records not in digests:
        changed.append(said("a name list"))
    if {x.pk for x in waivers.unsigned_lines(row, preview.instrument)} != set(preview.lines):
        changed.append(said("the lines"))
    later = [v.at for v in row.parts.all() if approved and v.at > max(approved)] + [a.at for a in row.acts.all() if approved and a.at > max(approved)]
    if later:
        changed.append(said("the filing: the registry added something"))
    return {
        "clauses": [(lead, text) for lead, text in clauses if text],
        "changed": joined(", ", changed) if changed else "",
        "met": _met(row),
        "open_hits": bool(unanswered(row.incident)),
        "delegation": said(
            "{words}; {title}, {families}, {until}", words=preview.delegation.words, title=small(Instrument(preview.instrument).title),
            families=preview.delegation.families, until=say_until(preview.delegation.ends_at),
        ),
        "digest": preview.file_id,
        "names_digest": terms.names.digest if terms.names else "",
        "called": terms.instrument.title,
        "title": str(terms.instrument.title),  # as it is signed
        "left": preview.made_at + PREVIEW_LASTS - now,
        "until": preview.made_at + PREVIEW_LASTS,
    }  # fmt: skip


def _met(row: Request) -> list[str]:
    """A sentence for each class of names that asked for an answer, worst first: how many wait, stay and went."""
    sums: dict[Class, Counter[str]] = {}
    for of_list in met(row.incident).values():
        for kind, counts in of_list.items():
            sums.setdefault(kind, Counter()).update(counts)
    return [
        said(
            "{kind}: {waiting} without an answer, {kept} kept, {removed} taken out", kind=CLASSES[kind],
            waiting=number(counts[""]), kept=number(counts["kept"]), removed=number(counts["removed"]),
        )
        for kind, counts in sorted(sums.items(), key=lambda one: list(Class).index(one[0]))
    ]  # fmt: skip


@staff_only
def preview_pdf(request: HttpRequest, person: Person, ref: str, pk: int) -> HttpResponse:
    """The instrument as it will be signed, all pages; stored by digest."""
    row = queries.request_for(person, ref)
    queries.require(person, row, "read_desk")
    found = row.previews.filter(pk=pk).first()
    if found is None:
        raise desk_story.nothing()
    return download(store.get(found.file_id), "application/pdf", f"{found.reference}-preview.pdf")


# --- serve


@staff_only
def serve(request: HttpRequest, person: Person, ref: str) -> HttpResponse:
    """The record of service, one instrument after the other. Our mail is no service."""
    row, now = open_form(person, ref, "serve"), clock.now()
    every = list(row.waivers.all())
    waiting = [w for w in every if not w.service.exists()]
    wanted = request.POST.get("waiver") or request.GET.get("waiver", "")
    chosen = next((w for w in every if w.reference == wanted), next(iter([*waiting, *every]), None))
    form = ServeForm(posted(request), zones=zones_for(person))
    if form.is_bound and form.is_valid():
        served_at = read_moment(form, "served_at")
        if served_at is None and not form.errors:
            form.add_error("served_at_day", told(said("Enter when it was served: day, month, year and time")))
        if not form.errors and served_at is not None and chosen is not None:
            with refusals_into(form):
                words = {k: form.cleaned_data[k] for k in ("channel", "confirmation")}
                waivers.serve(chosen.reference, **words, served_at=served_at, by=person, now=now)
                tell(request, said("Service of {reference} is on record.", reference=chosen.reference))
                return redirect("desk-serve" if len(waiting) > 1 else "desk-case", ref=row.reference)
    context = {
        **desk_case.head(person, row, now=now),
        "place": "Desk",
        "chosen": chosen,
        "title": Instrument(chosen.instrument).title if chosen else "",
        "served_heads": (said("Instrument"), said("Channel"), said("When"), said("Confirmation")),
        "rest": [(w.reference, Instrument(w.instrument).title) for w in every if w is not chosen],
        "served": [
            (w.reference, CHANNELS[record.channel], say(record.served_at), record.confirmation)
            for w in row.waivers.prefetch_related("service") for record in w.service.all()
        ],
    }  # fmt: skip
    return render_form(request, "desk/serve.html", form, context)
