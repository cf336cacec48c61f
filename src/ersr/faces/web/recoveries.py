"""Lost second factors: one of the staff calls back and records it, another approves. A link then goes out by mail."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ersr import clock
from ersr.core.permits import office
from ersr.faces.web.forms import PlainForm
from ersr.faces.web.page import refusals_into, render_form, staff_only, tell
from ersr.people import actions
from ersr.people.models import Person
from ersr.people.queries import Lost, recoveries_visible_to

OUTCOMES = {
    "confirmed": gettext_lazy("They know the person, and the person has lost the factor"),
    "denied": gettext_lazy("Nobody there lost anything: end this"),
    "no_answer": gettext_lazy("No answer, or nobody who could tell"),
}


class CallBackForm(PlainForm):
    number_id = forms.TypedChoiceField(
        label=gettext_lazy("Which number did you call?"), coerce=int, empty_value=None,
        error_messages={"required": gettext_lazy("Choose the number that you called"), "invalid_choice": gettext_lazy("Choose a number on file")},
    )  # fmt: skip
    outcome = forms.ChoiceField(
        label=gettext_lazy("What did they say?"), choices=list(OUTCOMES.items()), widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose what they said")},
    )  # fmt: skip
    remark = forms.CharField(label=gettext_lazy("Whom did you speak to?"), required=False, max_length=300)

    def __init__(self, *words: object, lost: Lost, **more: object) -> None:
        super().__init__(*words, prefix=f"r{lost.row.pk}", **more)
        numbers = [(n.pk, f"{n.contact.name}, {n.number}") for n in lost.numbers]
        self.fields["number_id"].choices = [("", _("Choose")), *numbers]  # type: ignore[attr-defined]


@staff_only
def recoveries(request: HttpRequest, person: Person) -> HttpResponse:
    """Oldest first. What somebody may not do here is said, not hidden: it needs another."""
    now, do, wanted = clock.real(), request.POST.get("do", ""), request.POST.get("recovery", "")
    found = recoveries_visible_to(person, now=now)
    if do == "approve" and any(str(lost.row.pk) == wanted for lost in found):
        actions.approve_recovery(int(wanted), by=person, now=now)
        tell(request, _("Approved. A link goes out by mail, and the other contacts of the organisation are told."))
        return redirect("recoveries")
    shown, sent = [], None
    for lost in found:
        mine = do == "call" and str(lost.row.pk) == wanted
        form = CallBackForm(request.POST if mine else None, lost=lost)
        if mine:
            sent = form
            if form.is_valid():
                given = form.cleaned_data
                with refusals_into(form):
                    actions.call_back(lost.row.pk, **given, by=person, now=now)
                    tell(request, _("The call is on record."))
                    return redirect("recoveries")
        shown.append((lost, form, lost.row.called_by_id == person.pk or lost.row.person_id == person.pk))
    may = {name: office(name, person.roles).allowed for name in ("call_back", "approve_recovery")}
    context = {"place": "Desk", "shown": shown, "outcomes": OUTCOMES, "may_call": may["call_back"], "may_approve": may["approve_recovery"]}
    return render_form(request, "office/recoveries.html", sent or PlainForm(), context)
