"""The office: who is known, who may do what, which provisions there are, the popularity list."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy

from ersr import clock
from ersr.core.errors import FieldError, Refusal
from ersr.core.lifecycle import DISCIPLINES, STAFF, Role
from ersr.core.permits import office
from ersr.core.provisions import CONDITIONS, UNSEEN, WaivableBy
from ersr.core.say import say_day
from ersr.core.terms import Instrument
from ersr.core.tongue import capital, joined, said, said_in, said_n, small, told
from ersr.core.tongue import number as figure
from ersr.faces.web.desk import query_of
from ersr.faces.web.desk_forms import Asked, discipline_words
from ersr.faces.web.forms import SizedFile
from ersr.faces.web.page import (
    moment_fields,
    parse_moment,
    posted,
    read_moment,
    refusals_into,
    render_form,
    staff_only,
    take_errors,
    tell,
    zones_for,
)
from ersr.lists import actions as lists
from ersr.lists import zones
from ersr.lists.queries import popularity as newest_popularity
from ersr.parties.models import Party
from ersr.parties.queries import parties_visible_to, party_for
from ersr.people import actions as people_actions
from ersr.people.models import Person
from ersr.people.queries import people_visible_to
from ersr.requests import actions, queries

PAGE = 50
KINDS = {
    "authority": said("Authority"), "originator": said("Originator"), "registrar": said("Registrar"),
    "registry_operator": said("Registry operator"), "rsp": "RSP",
}  # fmt: skip
assert set(KINDS) == set(Party.KINDS)


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
            "key": party.key, "name": party.name, "kind": KINDS[party.kind],
            "agreements": len(party.agreements.all()), "tlds": sum(len(a.tlds.all()) for a in party.agreements.all()),
            "acts_for": len({t.agreement.operator_id for t in party.acts_for.all()} - {party.pk}),
            "age": min(((now - c.as_of).days for c in party.contacts.all()), default=None),
        }
        for party in page
    ]  # fmt: skip
    kinds = [("", said_in("of parties", "All")), *KINDS.items()]
    return render(
        request,
        "office/parties.html",
        {"place": "Desk", "rows": shown, "page": page, "search": search, "kind": kind, "kinds": kinds, "query": query_of(q=search, kind=kind)},
    )


@staff_only
def party(request: HttpRequest, person: Person, key: str) -> HttpResponse:
    """One party: agreements with their TLDs, contacts with the age of what is known."""
    known = party_for(person, key, now=clock.now())
    return render(request, "office/party.html", {"place": "Desk", "known": known, "row": known.party, "kind": KINDS[known.party.kind]})


# --- people


class InviteForm(Asked):
    """Roles are boxes; a responder has a discipline, so each discipline is a box of its own."""

    email = forms.EmailField(label=said("E-mail"), required=False)
    name = forms.CharField(label=said("Name"), required=False, max_length=120)
    title = forms.CharField(label=said("Title, as it stands below a signature"), required=False, max_length=120)
    party = forms.ChoiceField(label=said("For whom do they act?"), error_messages={"required": gettext_lazy("Choose for whom they act")})
    roles = forms.MultipleChoiceField(label=said("Roles"), required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *words: Any, **more: Any) -> None:
        super().__init__(*words, **more)
        staff = [(r.value, capital(r.words)) for r in Role if r in STAFF - {Role.LEGAL, Role.RESPONDER}]
        team = [(f"responder:{d}", said("Responder, {discipline}", discipline=small(discipline_words(d)))) for d in DISCIPLINES]
        self.fields["roles"].choices = [("filer", said("Filer, for a registry operator or RSP")), *sorted(staff + team, key=lambda p: told(p[1]))]  # type: ignore[attr-defined]
        self.fields["party"].choices = [(p.key, p.name) for p in Party.objects.filter(kind__in=("authority", "registry_operator", "rsp"))]  # type: ignore[attr-defined]

    def pairs(self) -> list[tuple[str, str]]:
        return [(role, discipline) for role, _, discipline in (r.partition(":") for r in self.cleaned_data["roles"])]


class DelegationForm(Asked):
    prefix = "delegation"
    person = forms.ChoiceField(label=said("To whom?"), required=False)
    instrument = forms.ChoiceField(label=said("For which writing?"), required=False, choices=[(i.value, i.title) for i in Instrument])
    families = forms.CharField(label=said("For which agreement families?"), required=False, help_text=said("Separated by spaces, like base."), max_length=200)
    officer = forms.BooleanField(label=said("As an officer: also what only an officer can give"), required=False)
    words = forms.CharField(label=said("On what does it rest?"), required=False, help_text=said("The resolution or letter, with its date."), max_length=300)

    def __init__(self, *words: Any, people: list[Person], zones: list[tuple[str, str]], **more: Any) -> None:
        super().__init__(*words, **more)
        signatories = [p for p in people if Role.SIGNATORY in p.roles]
        self.fields["person"].choices = [(str(p.pk), p.name) for p in signatories]  # type: ignore[attr-defined]
        self.fields.update(moment_fields("starts_at", zones))
        self.fields.update(moment_fields("ends_at", zones))


class ReinviteForm(Asked):
    prefix = "reinvite"
    person = forms.TypedChoiceField(label=said("Whom?"), coerce=int, error_messages={"required": gettext_lazy("Choose a person")})

    def __init__(self, *words: Any, people: list[Person], **more: Any) -> None:
        super().__init__(*words, **more)
        self.fields["person"].choices = [("", said("Choose")), *((str(p.pk), _unless_ended(p, f"{p.name}, {p.email}")) for p in people)]  # type: ignore[attr-defined]


class DeactivateForm(ReinviteForm):
    prefix = "deactivate"
    reason = forms.CharField(label=said("Why does the access end?"), required=False, max_length=300)


class EndDelegationForm(Asked):
    prefix = "end"
    delegation = forms.TypedChoiceField(label=said("Which delegation?"), coerce=int, error_messages={"required": gettext_lazy("Choose a delegation")})
    reason = forms.CharField(label=said("Why does it end?"), required=False, max_length=300)

    def __init__(self, *words: Any, people: list[Person], now: datetime, **more: Any) -> None:
        super().__init__(*words, **more)
        open_ones = [(p, d) for p in people for d in p.delegations.all() if d.ends_at > now]
        self.fields["delegation"].choices = [("", said("Choose")), *((str(d.pk), said("{name}: {title}, {families}, {words}", name=p.name, title=Instrument(d.instrument).title, families=d.families, words=d.words)) for p, d in open_ones)]  # type: ignore[attr-defined]


@staff_only
def people(request: HttpRequest, person: Person) -> HttpResponse:
    """The administrator invites and delegates; the auditor reads. An invitation's link is shown once, here."""
    everybody = list(people_visible_to(person).order_by("party__name", "name"))
    do, now = request.POST.get("do", ""), clock.now()
    invite = InviteForm(request.POST if do == "invite" else None)
    give = DelegationForm(request.POST if do == "delegate" else None, people=everybody, zones=zones_for(person))
    anew = ReinviteForm(request.POST if do == "reinvite" else None, people=[p for p in everybody if p != person])
    leave = DeactivateForm(request.POST if do == "deactivate" else None, people=[p for p in everybody if p.is_active and p != person])
    back = ReinviteForm(request.POST if do == "reactivate" else None, prefix="reactivate", people=[p for p in everybody if not p.is_active and p != person])
    stop = EndDelegationForm(request.POST if do == "end_delegation" else None, people=everybody, now=now)
    link, invited = "", None
    if do == "reinvite" and anew.is_valid():
        with refusals_into(anew, default="person"):
            invited = next(p for p in everybody if p.pk == anew.cleaned_data["person"])
            link = f"{settings.ERSR_ADDRESS}/enrol/{people_actions.reinvite(invited, by=person, now=clock.real())}"
            invited.refresh_from_db(fields=["is_active"])
    if do == "reactivate" and back.is_valid():
        with refusals_into(back, default="person"):
            again = next(p for p in everybody if p.pk == back.cleaned_data["person"])
            people_actions.reactivate(again, by=person, now=clock.real())
            tell(request, said("{name} has access again.", name=again.name))
            return redirect("people")
    if do == "deactivate" and leave.is_valid():
        with refusals_into(leave, default="person"):
            gone = next(p for p in everybody if p.pk == leave.cleaned_data["person"])
            people_actions.deactivate(gone, by=person, reason=leave.cleaned_data["reason"], now=clock.real())
            tell(request, said("The access of {name} is ended.", name=gone.name))
            return redirect("people")
    if do == "end_delegation" and stop.is_valid():
        with refusals_into(stop, default="delegation"):
            people_actions.end_delegation(stop.cleaned_data["delegation"], by=person, reason=stop.cleaned_data["reason"], now=now)
            tell(request, said("The delegation is ended."))
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
                take_errors(give, (FieldError(f"{name}", said("Enter day, month, year and time")),))
        if not give.errors and starts is not None and ends is not None:
            given = give.cleaned_data
            with refusals_into(give, default="person"):
                people_actions.delegate(
                    person=next(p for p in everybody if str(p.pk) == given["person"]), instrument=given["instrument"],
                    families=given["families"].split(), officer=given["officer"], words=given["words"],
                    starts_at=starts, ends_at=ends, by=person, now=now,
                )  # fmt: skip
                tell(request, said("The delegation is on record."))
                return redirect("people")
    context = {
        "place": "Desk",
        "rows": [
            (p.name, p.email, p.party.name, _unless_ended(p, joined(", ", sorted((_role_words(r.role, r.discipline) for r in p.role_rows.all()), key=told))))
            for p in everybody
        ],
        "delegations": [
            (p.name, said("{title}, as an officer", title=Instrument(d.instrument).title) if d.officer else Instrument(d.instrument).title, d.families, d.starts_at, d.ends_at, d.words, d.starts_at <= now < d.ends_at)
            for p in everybody for d in p.delegations.all()
        ],
        "invite_form": invite,
        "give_form": give,
        "anew_form": anew,
        "leave_form": leave,
        "back_form": back,
        "stop_form": stop,
        "people_heads": (said("Name"), said("E-mail"), said_in("of people", "For"), said("Roles")),
        "may_invite": office("invite", person.roles).allowed,
        "may_give": office("delegate", person.roles).allowed,
        "link": link,
        "invited": invited,
    }  # fmt: skip
    sent = {"delegate": give, "reinvite": anew, "reactivate": back, "deactivate": leave, "end_delegation": stop}.get(do, invite)
    return render_form(request, "office/people.html", sent, context)


def _role_words(role: str, discipline: str) -> str:
    return joined(", ", (Role(role).words, small(discipline_words(discipline)))) if discipline else Role(role).words


def _unless_ended(person: Person, words: str) -> str:
    return words if person.is_active else said("{words} (ended)", words=words)


# --- provisions


_DEPART = [(code, words) for code, words in {**CONDITIONS, **UNSEEN}.items()]


class ProvisionForm(Asked):
    family = forms.CharField(label=said("Agreement family"), required=False, help_text=said("Like base."), max_length=40)
    version = forms.CharField(label=said("Agreement version"), required=False, help_text=said("Like 2023-04-30."), max_length=40)
    id = forms.CharField(label=said("Provision"), required=False, help_text=said("Its number, like 2.9(a)."), max_length=40)
    title = forms.CharField(label=said("Title"), required=False, max_length=200)
    demands = forms.CharField(label=said("What it demands, in our own words"), required=False, widget=forms.Textarea)
    departs_by = forms.MultipleChoiceField(label=said("Which acts depart from it?"), required=False, choices=_DEPART, widget=forms.CheckboxSelectMultiple)
    instrument = forms.ChoiceField(label=said("Which writing could permit that?"), required=False, choices=[("", said_in("of instruments", "None")), *((i.value, i.title) for i in Instrument)])
    waivable_by = forms.ChoiceField(label=said("Who could give it?"), required=False, choices=[(w.value, capital(w.words)) for w in WaivableBy])
    certainty = forms.ChoiceField(label=said("How sure are we?"), required=False, choices=[("S", said("Read at the source named")), ("U", said("General knowledge"))], widget=forms.RadioSelect)
    source = forms.CharField(label=said("Source"), required=False, max_length=300)
    reason = forms.CharField(label=said("Why is the row added?"), required=False, widget=forms.Textarea)

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
        empty = [FieldError(k, said("Enter this")) for k in ("family", "version", "id", "title", "demands", "source") if not given[k].strip()]
        if not given["certainty"]:
            empty.append(FieldError("certainty", said("Choose how sure we are")))
        take_errors(form, tuple(empty))
        if not form.errors:
            with refusals_into(form, default="id"):
                row = actions.add_provision(
                    family=given["family"].strip(), version=given["version"].strip(), body=form.body(), reason=given["reason"],
                    by=person, now=clock.now(),
                )  # fmt: skip
                tell(request, said("Row {number} of {provision} was added.", number=row.version, provision=row.provision))
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
            "rows": [{"row": r, "given_by": r.waivable_by.words, "writing": r.instrument.title if r.instrument else said_in("of instruments", "None"), "departs": joined("; ", ({**CONDITIONS, **UNSEEN}[c] for c in r.departs_by))} for r in page],
            "versions": [("", said("All agreements")), *((v, v) for v in dict.fromkeys(f"{r.family} {r.version}" for r in catalogue))],
            "search": search,
            "of": of,
            "query": query_of(q=search, of=of),
            "may_add": office("add_provision", person.roles).allowed,
            "adding": form.is_bound or bool(request.GET.get("add")),
        },
    )  # fmt: skip


# --- popularity


class PopularityForm(Asked):
    title = forms.CharField(label=said("Where does the list come from?"), required=False, max_length=120)
    day = forms.CharField(label=said("Day"), required=False, max_length=2, widget=forms.TextInput(attrs={"inputmode": "numeric"}))
    month = forms.CharField(label=said("Month"), required=False, max_length=12)
    year = forms.CharField(label=said("Year"), required=False, max_length=4, widget=forms.TextInput(attrs={"inputmode": "numeric"}))
    file = SizedFile(limit=lambda: lists.POPULARITY_BYTES, label=said("The list"), required=False, help_text=said("Text: one name a line, the most visited first, or rank,name."))


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
            take_errors(form, (FieldError("file", said("Choose the file")),))
        if not form.errors and as_of is not None:
            with refusals_into(form, default="file"):
                row = lists.import_popularity(given["file"].read(), title=given["title"], as_of=as_of.date(), by=person, now=clock.now())
                tell(request, said_n("Imported: {n} name. Open requests were screened again.", "Imported: {n} names. Open requests were screened again.", row.names))
                return redirect("popularity")
    there = zones.there()
    context = {
        "place": "Desk",
        "current": newest_popularity(),
        "zones": [(f".{zone.tld}", zone.path.name, say_day(zone.at), said("{n} kB", n=figure(-(-zone.size // 1000)))) for zone in there.zones.values()],
        "zone_heads": (said("TLD"), said("File"), said("Day"), said("Size")),
        "beside": ", ".join(path.name for path in there.beside.values()),
        "troubles": list(zones.problems()),
    }
    return render_form(request, "office/popularity.html", form, context)
