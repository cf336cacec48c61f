"""One's own second factors: adding and removing authenticators and passkeys, recovery codes, the password.

Each asks for a fresh factor, and each gives this session a new key and ends the others.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import segno
from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from ersr import clock
from ersr.core.errors import FieldError, not_found
from ersr.core.say import say_date
from ersr.core.tongue import said, told
from ersr.faces.web.account_forms import NameForm, NewPasswordForm, RemoveForm
from ersr.faces.web.entering import RECOVERED, recovered_at
from ersr.faces.web.forms import CodeForm
from ersr.faces.web.fresh import fresh, session_key
from ersr.faces.web.page import posted, refusals_into, render_form, signed_in, take_errors, tell
from ersr.people import actions, factors, queries
from ersr.people.models import Factor, Person

ABOUT = "factors"


def changed(request: HttpRequest, words: str) -> None:
    """After what changed a factor: a new session key, and the recovery code that let in has done what it was for."""
    request.session.pop(RECOVERED, None)
    request.session.cycle_key()
    tell(request, words)


def secret_shown(factor: Factor) -> dict[str, Any]:
    """The authenticator's secret as a picture and as text."""
    secret = factors.text_secret(factor)
    return {"qr": _qr(factors.uri(factor)), "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))}


def _qr(uri: str) -> SafeString:
    """Inline, dark on light in both themes, without style attributes (the CSP forbids them)."""
    made = segno.make(uri, error="m").svg_inline(
        omitsize=True, border=4, dark="#000000", light="#ffffff", svgclass="qr", lineclass=None,
        title=_("Code for the authenticator's camera"),
    )  # fmt: skip
    return mark_safe(made)  # segno wrote it from a URI that we made


#: In the session: the authenticator that was drawn in it, and when.
DRAWN, DRAWN_LASTS = "drawn_authenticator", 15 * 60


def _drawn_here(request: HttpRequest, person: Person, now: datetime) -> Factor | None:
    """The authenticator that this session drew just now, with a fresh factor. One that was left lying is nobody's to confirm:
    its secret would stand for a fresh factor."""
    number, at = request.session.get(DRAWN, (0, 0))
    waiting = queries.drawn_authenticator(person)
    fine = waiting is not None and waiting.pk == number and 0 <= now.timestamp() - at < DRAWN_LASTS
    return waiting if fine else None


@signed_in
def add_authenticator(request: HttpRequest, person: Person) -> HttpResponse:
    """First a fresh factor, then the picture and the first code."""
    now, do = clock.real(), request.POST.get("do", "")
    waiting = _drawn_here(request, person, now)
    if do == "confirm" and waiting is not None:
        form = CodeForm(request.POST)
        form.is_valid()
        with refusals_into(form, default="code"):
            actions.add_authenticator(
                person, form.cleaned_data["code"], keep=request.session.session_key or "", now=now
            )
            changed(request, _("The authenticator is added. Your other sessions are ended."))
            return redirect("account")
        return render_form(request, "account/factor.html", form, {**secret_shown(waiting), "adding": True})
    form = CodeForm(posted(request))
    if form.is_bound and form.is_valid():
        with refusals_into(form, default="code"):
            drawn = actions.draw_authenticator(person, fresh(request), now=now, recovered_at=recovered_at(request))
            request.session[DRAWN] = [drawn.pk, now.timestamp()]
            return render_form(request, "account/factor.html", CodeForm(), {**secret_shown(drawn), "adding": True})
    title = _("Add an authenticator")
    return render_form(request, "account/confirm.html", form, {"title": title, "about": ABOUT, "recovered": recovered_at(request)})


@signed_in
def add_passkey(request: HttpRequest, person: Person) -> HttpResponse:
    """First a fresh factor, then the device makes the passkey: the second step needs a script."""
    now, do = clock.real(), request.POST.get("do", "")
    if do == "make":
        form: Any = NameForm(request.POST)
        form.is_valid()
        session = session_key(request)
        with refusals_into(form, default="name"):
            actions.add_passkey(
                person, request.POST.get("passkey", ""), form.cleaned_data["name"], session=session, now=now
            )
            changed(request, _("The passkey is added. Your other sessions are ended."))
            return redirect("account")
        again = actions.ask_again_for_passkey(person, session, now=now)
        return render_form(request, "account/passkey.html", form, {"options": json.dumps(again)})
    form = CodeForm(posted(request))
    if form.is_bound and form.is_valid():
        with refusals_into(form, default="code"):
            options = actions.ask_for_passkey(person, fresh(request), now=now, recovered_at=recovered_at(request))
            return render_form(request, "account/passkey.html", NameForm(), {"options": json.dumps(options)})
    title = _("Add a passkey")
    return render_form(request, "account/confirm.html", form, {"title": title, "about": ABOUT, "recovered": recovered_at(request)})


def choices(person: Person) -> list[tuple[str, str]]:
    """Every factor of the person as a choice: "totp-3" or "passkey-5", and its name."""
    rows = [(f"totp-{row.pk}", told(said("Authenticator, since {day}", day=say_date(row.confirmed_at.date())))) for row in queries.factors_of(person)]
    return rows + [(f"passkey-{row.pk}", _("Passkey “%(name)s”") % {"name": row.name}) for row in queries.passkeys_of(person)]


@signed_in
def remove(request: HttpRequest, person: Person) -> HttpResponse:
    """Never the last one."""
    form = RemoveForm(posted(request), choices=choices(person))
    if form.is_bound and form.is_valid():
        kind, _dash, number = form.cleaned_data["factor"].partition("-")
        if not number:
            take_errors(form, (FieldError("factor", _("Choose one of the list")),))
        else:
            with refusals_into(form, default="code"):
                actions.remove_factor(
                    person, kind, int(number), fresh(request), keep=request.session.session_key or "", now=clock.real()
                )
                changed(request, _("Removed. It opens nothing any more, and your other sessions are ended."))
                return redirect("account")
    return render_form(request, "account/remove.html", form, {"about": ABOUT})


@signed_in
def recovery_codes(request: HttpRequest, person: Person) -> HttpResponse:
    """Ten codes, shown once; those from before end."""
    form = CodeForm(posted(request))
    made: list[str] = []
    if form.is_bound and form.is_valid():
        with refusals_into(form, default="code"):
            made = actions.make_recovery_codes(
                person, fresh(request), keep=request.session.session_key or "", now=clock.real()
            )
            request.session.cycle_key()
            form = CodeForm()
    left = queries.recovery_codes_left(person)
    return render_form(request, "account/codes.html", form, {"made": made, "left": left, "about": ABOUT})


@signed_in
def recovery_codes_file(request: HttpRequest, person: Person) -> HttpResponse:
    """What the page has just shown, as a text file: it comes back from there, since we keep only digests."""
    codes = re.findall(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", request.POST.get("codes", ""))[:10]
    if not codes:
        raise not_found()
    words = _("Recovery codes for the Security Response Waiver. Each works once.")
    response = HttpResponse("\n".join([words, "", *codes, ""]), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="recovery-codes.txt"'
    return response


@signed_in
def password(request: HttpRequest, person: Person) -> HttpResponse:
    """With the old one and a fresh factor."""
    form = NewPasswordForm(posted(request))
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        with refusals_into(form, default="new_password"):
            row = actions.change_password(
                person, given["old_password"], given["new_password"], fresh(request),
                keep=request.session.session_key or "", now=clock.real(),
            )  # fmt: skip
            auth.update_session_auth_hash(request, row)  # gives this session a new key
            tell(request, _("The password is changed. Your other sessions are ended."))
            return redirect("account")
    return render_form(request, "account/password.html", form, {"about": ABOUT})
