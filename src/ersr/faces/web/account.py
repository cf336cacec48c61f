"""Who are you, and what can act as you: sign-in, enrolment, factors, sessions, tokens, what you were told, kept forms."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from ersr import clock
from ersr.core import filing
from ersr.core.tongue import joined, small
from ersr.faces.web.factors import secret_shown
from ersr.faces.web.filing import LABELS
from ersr.faces.web.forms import SCOPES, CodeForm, PasswordForm, TokenForm, ZoneForm
from ersr.faces.web.fresh import fresh
from ersr.faces.web.page import (
    BOXES,
    posted,
    public,
    refusals_into,
    render_form,
    signed_in,
    tell,
)
from ersr.notifications.actions import acknowledge_notification
from ersr.notifications.queries import told_to
from ersr.people import actions, queries
from ersr.people.models import Factor, Person

# --- enrolment


@public
def enrol(request: HttpRequest, code: str) -> HttpResponse:
    """First a password, then a second factor; the invitation counts until a code was seen."""
    now = clock.real()
    person, waiting = queries.enrolling(code, now=now)
    if "code" in request.POST and waiting is not None:
        confirm = CodeForm(request.POST)
        confirm.is_valid()
        with refusals_into(confirm, default="code"):
            actions.confirm_enrolment(code, confirm.cleaned_data["code"], now=now)
            tell(request, _("Your second factor works. Sign in with your password and the next code."))
            return redirect("signin")
        return _factor_page(request, person, waiting, confirm)
    form = PasswordForm(posted(request))
    if request.method == "POST" and form.is_valid():
        with refusals_into(form, default="password"):
            factor = actions.begin_enrolment(code, form.cleaned_data["password"], now=now)
            return _factor_page(request, person, factor, CodeForm())
    return render_form(request, "account/enrol.html", form, {"whom": person})


def _factor_page(request: HttpRequest, person: Person, factor: Factor, form: CodeForm) -> HttpResponse:
    return render_form(request, "account/factor.html", form, {"whom": person, **secret_shown(factor)})


# --- what can act as me


@signed_in
def account(request: HttpRequest, person: Person) -> HttpResponse:
    """Factors, sessions, tokens, zone. What is ended is ended at once."""
    now = clock.real()
    token_form, zone_form = TokenForm(initial={"days": 30}), ZoneForm(initial={"zone": person.zone})
    shown = ""
    wanted = request.POST.get("do", "")
    if wanted == "end-session":
        named = request.POST.get("session", "")
        own = named == actions.digest(request.session.session_key or "")
        actions.end_session(person, named, now=now)
        if own:  # nothing may be written into a session that is gone
            auth.logout(request)
            return redirect("signin")
        tell(request, _("The session is ended."))
        return redirect("account")
    if wanted == "end-token":
        number = request.POST.get("token", "")
        actions.end_token(person, int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else -1, now=now)
        tell(request, _("The token is ended."))
        return redirect("account")
    if wanted == "stop-recovery":
        actions.stop_recovery(person, now=now)
        tell(request, _("Stopped. Nobody gets a new second factor in your name."))
        return redirect("account")
    if wanted == "zone":
        zone_form = ZoneForm(request.POST)
        if zone_form.is_valid():
            with refusals_into(zone_form):
                actions.set_zone(person, zone_form.cleaned_data["zone"].strip())
                tell(request, _("Saved. Times stand in UTC first, then in your zone."))
                return redirect("account")
    if wanted == "make-token":
        token_form = TokenForm(request.POST)
        if token_form.is_valid():
            given = token_form.cleaned_data
            with refusals_into(token_form, default="code"):
                lasts = timedelta(days=min(given["days"] or 0, 9999))
                make = partial(
                    actions.make_token, person, name=given["name"], scopes=given["scopes"], lasts=lasts, now=now
                )
                # A token outlives the session: whoever found a screen unlocked must not walk away with one.
                _row, shown = actions.confirm(person, fresh(request), make, about="token", now=now)
                token_form = TokenForm(initial={"days": 30})
    this = request.session.session_key
    context = {
        "factors": queries.factors_of(person), "passkeys": queries.passkeys_of(person),
        "codes_left": queries.recovery_codes_left(person), "recovery": queries.open_recovery_of(person),
        "sessions": [
            {"row": s, "key": actions.digest(s.session_key), "this": s.session_key == this}
            for s in queries.sessions_of(person, now=now)
        ],
        "tokens": [(t, joined(", ", [small(words) for scope, words in SCOPES.items() if scope in t.scopes.split()])) for t in queries.tokens_of(person) if t.expires_at > now],
        "token_form": token_form, "zone_form": zone_form, "shown": shown,
    }  # fmt: skip
    return render_form(request, "account/account.html", zone_form if zone_form.is_bound else token_form, context)


@signed_in
def told(request: HttpRequest, person: Person) -> HttpResponse:
    """What was I told? Acknowledged by button."""
    if request.method == "POST":
        number = request.POST.get("notification", "")
        pk = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else -1
        acknowledge_notification(person, pk, now=clock.now())
        tell(request, _("Acknowledged."))
        return redirect("told")
    rows = list(told_to(person)[:200])
    return render(
        request, "account/told.html",
        {"waiting": [r for r in rows if not r.acknowledged_at], "done": [r for r in rows if r.acknowledged_at]},
    )  # fmt: skip


# --- forms that came after sign-out


@signed_in
def kept(request: HttpRequest, person: Person, key: str) -> HttpResponse:
    """What was typed, and one button that sends it to where it was going."""
    found = queries.kept_form(person, key, now=clock.real())
    if request.method == "POST":
        actions.drop_kept_form(person, key)
        tell(request, _("The kept form is dropped."))
        return redirect("home")
    fields = parse_qsl(found.body, keep_blank_values=True)
    return render(
        request, "account/kept.html", {"kept": found, "fields": fields, "typed": list(_told(fields)), "path": found.path}
    )


def _questions() -> dict[str, tuple[str, dict[str, str]]]:
    known: dict[str, tuple[str, dict[str, str]]] = {name: (label, {}) for name, label in LABELS.items()}
    known["irreversible"] = (LABELS["irreversible"], dict(filing.IRREVERSIBLE))
    for one in (*filing.ACT_FIELDS, *(f for part in filing.PARTS.values() for f in part.fields)):
        known.setdefault(one.name, (one.label, dict(one.choices or {})))
    return known


def _told(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """(question, what was typed), in words; boxes of a time and what is only for the machine are not told apart."""
    known, found = _questions(), []
    moments: dict[str, list[str]] = {}
    for name, value in fields:
        base, _dash, box = name.rpartition("_")
        if box in BOXES and base:
            moments.setdefault(base, []).append(value)
        elif value and name not in ("draft", "checked", "save"):
            label, choices = known.get(name, (name.replace("_", " ").replace("-", " ").capitalize(), {}))
            found.append((label, choices.get(value, value)))
    for base, values in moments.items():
        if any(values[:-1]):
            label = known.get(base, (base.replace("_", " ").capitalize(), {}))[0]
            found.append((label, " ".join(v for v in values if v)))
    return found


def offered_forms(person: Person) -> list[tuple[str, Any]]:
    """Addresses of the forms that wait for this person, for the start page."""
    return [(reverse("kept", args=[row.key]), row) for row in queries.kept_forms_of(person, now=clock.real())]
