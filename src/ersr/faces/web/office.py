"""The office: who is known, who may do what, which provisions there are, the popularity list, the ledger."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from ersr import clock
from ersr.core.errors import FieldError, Refusal, not_found
from ersr.core.events import EVENTS
from ersr.core.lifecycle import DISCIPLINES, STAFF, Role
from ersr.core.permits import office
from ersr.core.provisions import CONDITIONS, UNSEEN, WaivableBy
from ersr.core.terms import Instrument
from ersr.faces.web.desk import posted, query_of
from ersr.faces.web.desk_forms import Asked, discipline_words
from ersr.faces.web.forms import SizedFile
from ersr.faces.web.page import (
    moment_fields,
    parse_moment,
    read_moment,
    refusals_into,
    render_form,
    staff_only,
    take_errors,
    tell,
    zones_for,
)
from ersr.ledger import fsck, sequence
from ersr.lists import actions as lists
from ersr.lists.queries import popularity as newest_popularity
from ersr.parties.models import Party
from ersr.parties.queries import parties_visible_to, party_for
from ersr.people import actions as people_actions
from ersr.people.models import Person
from ersr.people.queries import events_visible_to, newest_checkpoint_for, people_visible_to
from ersr.requests import actions, queries

PAGE = 50


def _require(person: Person, action: str) -> None:
    """Who may not is told which role it needs; nobody else's page says that it is there."""
    verdict = office(action, person.roles)
    if not verdict.allowed:
        raise Refusal("not_allowed", verdict.why)


def _page(rows: Any, request: HttpRequest) -> Any:
    return Paginator(rows, PAGE).get_page(request.GET.get("page"))


# --- parties


@staff_only
def parties(request: HttpRequest, person: Person) -> HttpResponse:
    """Legal entities: an operator may have many TLDs under several agreements, an RSP acts for many operators."""
    search, kind = request.GET.get("q", "").strip(), request.GET.get("kind", "")
    rows = parties_visible_to(person).prefetch_related("agreements__tlds", "acts_for__agreement__operator", "contacts")
    if search:
        tld = search.lstrip(".").lower()
        rows = rows.filter(Q(name__icontains=search) | Q(key__icontains=search) | Q(agreements__tlds__name=tld)).distinct()
    if kind in Party.KINDS:
        rows = rows.filter(kind=kind)
    page = _page(rows.order_by("name"), request)
    now = clock.now().date()
    shown = [
        {
            "key": party.key, "name": party.name, "kind": party.get_kind_display(),
            "agreements": len(party.agreements.all()), "tlds": sum(len(a.tlds.all()) for a in party.agreements.all()),
            "acts_for": len({t.agreement.operator_id for t in party.acts_for.all()} - {party.pk}),
            "age": min(((now - c.as_of).days for c in party.contacts.all()), default=None),
        }
        for party in page
    ]  # fmt: skip
    kinds = [("", "All"), *((k, k.replace("_", " ").capitalize() if k != "rsp" else "RSP") for k in Party.KINDS)]
    return render(
        request,
        "office/parties.html",
        {"place": "Desk", "rows": shown, "page": page, "search": search, "kind": kind, "kinds": kinds, "query": query_of(q=search, kind=kind)},
    )


@staff_only
def party(request: HttpRequest, person: Person, key: str) -> HttpResponse:
    """One party: agreements with their TLDs, contacts with the age of what is known."""
    known = party_for(person, key, now=clock.now())
    return render(request, "office/party.html", {"place": "Desk", "known": known, "row": known.party})


# --- people


class InviteForm(Asked):
    """Roles are boxes; a responder has a discipline, so each discipline is a box of its own."""

    email = forms.EmailField(label="E-mail", required=False)
    name = forms.CharField(label="Name", required=False, max_length=120)
    title = forms.CharField(label="Title, as it stands below a signature", required=False, max_length=120)
    party = forms.ChoiceField(label="For whom do they act?", required=False)
    roles = forms.MultipleChoiceField(label="Roles", required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *words: Any, **more: Any) -> None:
        super().__init__(*words, **more)
        staff = [(r.value, r.words.capitalize()) for r in Role if r in STAFF - {Role.LEGAL, Role.RESPONDER}]
        team = [(f"responder:{d}", f"Responder, {discipline_words(d).lower()}") for d in DISCIPLINES]
        self.fields["roles"].choices = [("filer", "Filer, for a registry operator or RSP"), *sorted(staff + team, key=lambda p: p[1])]  # type: ignore[attr-defined]
        self.fields["party"].choices = [(p.key, p.name) for p in Party.objects.filter(kind__in=("authority", "registry_operator", "rsp"))]  # type: ignore[attr-defined]

    def pairs(self) -> list[tuple[str, str]]:
        return [(role, discipline) for role, _, discipline in (r.partition(":") for r in self.cleaned_data["roles"])]


class DelegationForm(Asked):
    prefix = "delegation"
    person = forms.ChoiceField(label="To whom?", required=False)
    instrument = forms.ChoiceField(label="For which writing?", required=False, choices=[(i.value, i.title) for i in Instrument])
    families = forms.CharField(label="For which agreement families?", required=False, help_text="Separated by spaces, like base.", max_length=200)
    officer = forms.BooleanField(label="As an officer: also what only an officer can give", required=False)
    words = forms.CharField(label="On what does it rest?", required=False, help_text="The resolution or letter, with its date.", max_length=300)

    def __init__(self, *words: Any, people: list[Person], zones: list[tuple[str, str]], **more: Any) -> None:
        super().__init__(*words, **more)
        signatories = [p for p in people if Role.SIGNATORY in p.roles]
        self.fields["person"].choices = [(str(p.pk), p.name) for p in signatories]  # type: ignore[attr-defined]
        self.fields.update(moment_fields("starts_at", zones))
        self.fields.update(moment_fields("ends_at", zones))


class ReinviteForm(Asked):
    prefix = "reinvite"
    person = forms.TypedChoiceField(label="Whom?", coerce=int, error_messages={"required": "Choose a person"})

    def __init__(self, *words: Any, people: list[Person], **more: Any) -> None:
        super().__init__(*words, **more)
        self.fields["person"].choices = [("", "Choose"), *((str(p.pk), f"{p.name}, {p.email}{'' if p.is_active else ' (ended)'}") for p in people)]  # type: ignore[attr-defined]


class DeactivateForm(ReinviteForm):
    prefix = "deactivate"
    reason = forms.CharField(label="Why does the access end?", required=False, max_length=300)


class EndDelegationForm(Asked):
    prefix = "end"
    delegation = forms.TypedChoiceField(label="Which delegation?", coerce=int, error_messages={"required": "Choose a delegation"})
    reason = forms.CharField(label="Why does it end?", required=False, max_length=300)

    def __init__(self, *words: Any, people: list[Person], now: datetime, **more: Any) -> None:
        super().__init__(*words, **more)
        open_ones = [(p, d) for p in people for d in p.delegations.all() if d.ends_at > now]
        self.fields["delegation"].choices = [("", "Choose"), *((str(d.pk), f"{p.name}: {Instrument(d.instrument).title}, {d.families}, {d.words}") for p, d in open_ones)]  # type: ignore[attr-defined]


@staff_only
def people(request: HttpRequest, person: Person) -> HttpResponse:
    """The administrator invites and delegates; the auditor reads. An invitation's link is shown once, here."""
    everybody = list(people_visible_to(person).order_by("party__name", "name"))
    do, now = request.POST.get("do", ""), clock.now()
    invite = InviteForm(request.POST if do == "invite" else None)
    give = DelegationForm(request.POST if do == "delegate" else None, people=everybody, zones=zones_for(person))
    anew = ReinviteForm(request.POST if do == "reinvite" else None, people=[p for p in everybody if p != person])
    leave = DeactivateForm(request.POST if do == "deactivate" else None, people=[p for p in everybody if p.is_active and p != person])
    stop = EndDelegationForm(request.POST if do == "end_delegation" else None, people=everybody, now=now)
    link, invited = "", None
    if do == "reinvite" and anew.is_valid():
        with refusals_into(anew, default="person"):
            invited = next(p for p in everybody if p.pk == anew.cleaned_data["person"])
            link = f"{settings.ERSR_ADDRESS}/enrol/{people_actions.reinvite(invited, by=person, now=clock.real())}"
            invited.refresh_from_db(fields=["is_active"])
    if do == "deactivate" and leave.is_valid():
        with refusals_into(leave, default="person"):
            gone = next(p for p in everybody if p.pk == leave.cleaned_data["person"])
            people_actions.deactivate(gone, by=person, reason=leave.cleaned_data["reason"], now=clock.real())
            tell(request, f"The access of {gone.name} is ended.")
            return redirect("people")
    if do == "end_delegation" and stop.is_valid():
        with refusals_into(stop, default="delegation"):
            people_actions.end_delegation(stop.cleaned_data["delegation"], by=person, reason=stop.cleaned_data["reason"], now=now)
            tell(request, "The delegation is ended.")
            return redirect("people")
    if do == "invite" and invite.is_valid():
        given = invite.cleaned_data
        with refusals_into(invite, default="email"):
            invited, code = people_actions.invite(
                email=given["email"], name=given["name"], title=given["title"], roles=invite.pairs(),
                party=Party.objects.get(key=given["party"]), by=person, now=clock.real(),
            )  # fmt: skip
            link = f"{settings.ERSR_ADDRESS}/enrol/{code}"
            invite = InviteForm()
    if do == "delegate" and give.is_valid():
        starts, ends = read_moment(give, "starts_at"), read_moment(give, "ends_at")
        for name, found in (("starts_at", starts), ("ends_at", ends)):
            if found is None and not give.errors.get(f"{name}_day"):
                take_errors(give, (FieldError(f"{name}", "Enter day, month, year and time"),))
        if not give.errors and starts is not None and ends is not None:
            given = give.cleaned_data
            with refusals_into(give, default="person"):
                people_actions.delegate(
                    person=next(p for p in everybody if str(p.pk) == given["person"]), instrument=given["instrument"],
                    families=given["families"].split(), officer=given["officer"], words=given["words"],
                    starts_at=starts, ends_at=ends, by=person, now=now,
                )  # fmt: skip
                tell(request, "The delegation is on record.")
                return redirect("people")
    context = {
        "place": "Desk",
        "rows": [
            (p.name, p.email, p.party.name, ", ".join(sorted(_role_words(r.role, r.discipline) for r in p.role_rows.all())) + ("" if p.is_active else " (ended)"))
            for p in everybody
        ],
        "delegations": [
            (p.name, Instrument(d.instrument).title + (", as an officer" if d.officer else ""), d.families, d.starts_at, d.ends_at, d.words, d.starts_at <= now < d.ends_at)
            for p in everybody for d in p.delegations.all()
        ],
        "invite_form": invite,
        "give_form": give,
        "anew_form": anew,
        "leave_form": leave,
        "stop_form": stop,
        "people_heads": ("Name", "E-mail", "For", "Roles"),
        "may_invite": office("invite", person.roles).allowed,
        "may_give": office("delegate", person.roles).allowed,
        "link": link,
        "invited": invited,
    }  # fmt: skip
    sent = {"delegate": give, "reinvite": anew, "deactivate": leave, "end_delegation": stop}.get(do, invite)
    return render_form(request, "office/people.html", sent, context)


def _role_words(role: str, discipline: str) -> str:
    return Role(role).words + (f", {discipline_words(discipline).lower()}" if discipline else "")


# --- provisions


_DEPART = [(code, words) for code, words in {**CONDITIONS, **UNSEEN}.items()]


class ProvisionForm(Asked):
    family = forms.CharField(label="Agreement family", required=False, help_text="Like base.", max_length=40)
    version = forms.CharField(label="Agreement version", required=False, help_text="Like 2023-04-30.", max_length=40)
    id = forms.CharField(label="Provision", required=False, help_text="Its number, like 2.9(a).", max_length=40)
    title = forms.CharField(label="Title", required=False, max_length=200)
    demands = forms.CharField(label="What it demands, in our own words", required=False, widget=forms.Textarea)
    departs_by = forms.MultipleChoiceField(label="Which acts depart from it?", required=False, choices=_DEPART, widget=forms.CheckboxSelectMultiple)
    instrument = forms.ChoiceField(label="Which writing could permit that?", required=False, choices=[("", "None"), *((i.value, i.title) for i in Instrument)])
    waivable_by = forms.ChoiceField(label="Who could give it?", required=False, choices=[(w.value, w.words[:1].upper() + w.words[1:]) for w in WaivableBy])
    certainty = forms.ChoiceField(label="How sure are we?", required=False, choices=[("S", "Read at the source named"), ("U", "General knowledge")], widget=forms.RadioSelect)
    source = forms.CharField(label="Source", required=False, max_length=300)
    reason = forms.CharField(label="Why is the row added?", required=False, widget=forms.Textarea)

    def body(self) -> dict[str, Any]:
        given = self.cleaned_data
        found = {k: given[k] for k in ("id", "title", "demands", "departs_by", "waivable_by", "certainty", "source")}
        return found | ({"instrument": given["instrument"]} if given["instrument"] else {})


@staff_only
def provisions(request: HttpRequest, person: Person) -> HttpResponse:
    """The catalogue, newest row of each provision; responders add rows without a release."""
    _require(person, "read_provisions")
    form = ProvisionForm(posted(request))
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        empty = [FieldError(k, "Enter this") for k in ("family", "version", "id", "title", "demands", "source") if not given[k].strip()]
        if not given["certainty"]:
            empty.append(FieldError("certainty", "Choose how sure we are"))
        take_errors(form, tuple(empty))
        if not form.errors:
            with refusals_into(form, default="id"):
                row = actions.add_provision(
                    family=given["family"].strip(), version=given["version"].strip(), body=form.body(), reason=given["reason"],
                    by=person, now=clock.now(),
                )  # fmt: skip
                tell(request, f"Row {row.version} of {row.provision} was added.")
                return redirect("provisions")
    search, of = request.GET.get("q", "").strip().lower(), request.GET.get("of", "")
    catalogue = queries.catalogue()
    rows = [r for r in catalogue if (not of or f"{r.family} {r.version}" == of) and all(w in f"{r.id} {r.title} {r.demands}".lower() for w in search.split())]  # fmt: skip
    page = _page(rows, request)
    return render_form(
        request,
        "office/provisions.html",
        form,
        {
            "place": "Desk",
            "page": page,
            "rows": [{"row": r, "given_by": r.waivable_by.words, "writing": r.instrument.title if r.instrument else "None", "departs": "; ".join({**CONDITIONS, **UNSEEN}[c] for c in r.departs_by)} for r in page],
            "versions": [("", "All agreements"), *((v, v) for v in dict.fromkeys(f"{r.family} {r.version}" for r in catalogue))],
            "search": search,
            "of": of,
            "query": query_of(q=search, of=of),
            "may_add": office("add_provision", person.roles).allowed,
            "adding": form.is_bound or bool(request.GET.get("add")),
        },
    )  # fmt: skip


# --- popularity


class PopularityForm(Asked):
    title = forms.CharField(label="Where does the list come from?", required=False, max_length=120)
    day = forms.CharField(label="Day", required=False, max_length=2, widget=forms.TextInput(attrs={"inputmode": "numeric"}))
    month = forms.CharField(label="Month", required=False, max_length=12)
    year = forms.CharField(label="Year", required=False, max_length=4, widget=forms.TextInput(attrs={"inputmode": "numeric"}))
    file = SizedFile(limit=lambda: lists.POPULARITY_BYTES, label="The list", required=False, help_text="Text: one name a line, the most visited first, or rank,name.")


@staff_only
def popularity(request: HttpRequest, person: Person) -> HttpResponse:
    """Much-visited names that no list may hit unseen. None ships; open requests are screened again at once."""
    _require(person, "import_popularity")
    form = PopularityForm(posted(request), request.FILES if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        as_of, wrong = parse_moment(day=given["day"], month=given["month"], year=given["year"], time="00:00")
        take_errors(form, tuple(FieldError(box, words) for box, words in wrong.items()))
        if given["file"] is None:
            take_errors(form, (FieldError("file", "Choose the file"),))
        if not form.errors and as_of is not None:
            with refusals_into(form, default="file"):
                row = lists.import_popularity(given["file"].read(), title=given["title"], as_of=as_of.date(), by=person, now=clock.now())
                tell(request, f"Imported: {row.names:,} names. Open requests were screened again.")
                return redirect("popularity")
    return render_form(request, "office/popularity.html", form, {"place": "Desk", "current": newest_popularity()})


# --- ledger


@dataclass(frozen=True)
class Checked:
    """What fsck said, when it was asked."""

    problems: list[str]


@staff_only
def ledger(request: HttpRequest, person: Person) -> HttpResponse:
    """Kind, time and subject of every event; never its content. fsck runs when the auditor presses the button."""
    if not office("read_ledger", person.roles).allowed:
        raise not_found()
    checked = Checked(list(fsck.problems())) if request.method == "POST" else None
    kind, subject = request.GET.get("kind", ""), request.GET.get("q", "").strip()
    events = events_visible_to(person)
    rows = events.order_by("-pk")
    if kind in EVENTS:
        rows = rows.filter(kind=kind)
    if subject:
        rows = rows.filter(subject__iexact=subject)
    page = _page(rows, request)
    last = newest_checkpoint_for(person)
    proof = None
    if wanted := request.GET.get("proof", ""):
        found = events.filter(pk=int(wanted), leaf__isnull=False).first() if re.fullmatch(r"[0-9]{1,18}", wanted) else None
        if found is None:
            raise not_found()
        proof = {"event": found, "leaf": found.leaf, "text": json.loads(sequence.receipt_for(found))["proof"]}
    return render(
        request,
        "office/ledger.html",
        {
            "place": "Desk",
            "page": page,
            "rows": [{"event": e, "words": EVENTS.get(e.kind, e.kind), "leaf": getattr(e, "leaf", None)} for e in page],
            "kinds": list(EVENTS),
            "kind": kind,
            "subject": subject,
            "last": last,
            "public": sequence.last_public(),
            "pending": events.filter(leaf__isnull=True).count(),
            "checked": checked,
            "query": query_of(kind=kind, q=subject),
            "post": request.path,
            "proof": proof,
        },
    )
