"""A program asks to act for who is signed in (RFC 8628): type its code, see what asks, approve with a fresh second factor."""

from __future__ import annotations

from functools import partial

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ersr import clock
from ersr.faces.web.forms import CodeForm, PlainForm
from ersr.faces.web.fresh import fresh
from ersr.faces.web.page import posted, refusals_into, render_form, signed_in, tell
from ersr.people.actions import confirm, devices
from ersr.people.models import DeviceCode, Person

#: What a scope lets a program do, for who decides whether it may.
SCOPES = {
    "read": gettext_lazy("Read every request and waiver that you may read"),
    "write": gettext_lazy("File, add and act in your name"),
    "sign": gettext_lazy("Sign in your name, with a fresh code each time"),
    "admin": gettext_lazy("Invite people, end their access, give delegations"),
}


class UserCodeForm(PlainForm):
    user_code = forms.CharField(
        label=gettext_lazy("Code that the program shows"),
        help_text=gettext_lazy("Eight letters, like BCDF-GHJK."),
        required=False,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "maxlength": "20"}
        ),
    )


@signed_in
def device(request: HttpRequest, person: Person) -> HttpResponse:
    """Nothing is approved by an address: the code is typed here, and comes with no link."""
    form, now = UserCodeForm(posted(request)), clock.real()
    if request.method == "POST" and form.is_valid():
        with refusals_into(form, default="user_code"):
            row = devices.asking(person, form.cleaned_data["user_code"], now=now)
            return _decide(request, person, row, form.cleaned_data["user_code"])
    return render_form(request, "account/device.html", form)


def _decide(request: HttpRequest, person: Person, row: DeviceCode, user_code: str) -> HttpResponse:
    now, wanted = clock.real(), request.POST.get("do", "")
    if wanted == "refuse":
        devices.refuse(row, by=person, now=now)
        tell(request, _("Refused. “%(name)s” got nothing.") % {"name": row.name})
        return redirect("account")
    form = CodeForm(request.POST if wanted == "approve" else None)
    if form.is_bound and form.is_valid():
        with refusals_into(form, default="code"):
            approve = partial(devices.approve, row, by=person, now=now)
            confirm(person, fresh(request), approve, about=f"device:{row.pk}", now=now)
            tell(request, _("Approved. Go back to “%(name)s”: it goes on by itself.") % {"name": row.name})
            return redirect("account")
    may = [words for scope, words in SCOPES.items() if scope in row.scopes.split()]
    context = {"asks": row, "may": may, "user_code": user_code}
    return render_form(request, "account/device_decide.html", form, context)
