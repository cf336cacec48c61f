"""Who are you, and what can act as you: sign-in, enrolment, factors, sessions, tokens, what you were told, kept forms."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import segno
from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from ersr import clock
from ersr.core import filing
from ersr.faces.web.filing import LABELS
from ersr.faces.web.forms import CodeForm, PasswordForm, SignInForm, TokenForm, ZoneForm
from ersr.faces.web.page import (
    BOXES,
    posted,
    public,
    refusals_into,
    remember_sender,
    render_form,
    safe_next,
    signed_in,
    tell,
)
from ersr.notifications.actions import acknowledge_notification
from ersr.notifications.queries import told_to
from ersr.people import actions, factors, queries
from ersr.people.models import Person

_BACKEND = "django.contrib.auth.backends.ModelBackend"


@public
def signin(request: HttpRequest) -> HttpResponse:
    """One page and one refusal, whichever of the three was wrong."""
    goal = safe_next(request)
    if request.user.is_authenticated and request.method != "POST":
        return redirect(goal)
    form = SignInForm(posted(request))
    if request.method == "POST" and form.is_valid():
        given, now = form.cleaned_data, clock.real()
        with refusals_into(form):
            person = actions.sign_in(given["email"], given["password"], given["code"], now=now, through="portal")
            auth.login(request, person, backend=_BACKEND)  # gives the session a new key
            request.session["began"] = now.isoformat()
            request.session["agent"] = request.headers.get("User-Agent", "")[:200]
            request.session.set_expiry(now + timedelta(seconds=settings.SESSION_COOKIE_AGE))
            response = redirect(goal)
            remember_sender(response, person)
            return response
    return render_form(request, "account/signin.html", form, {"next": goal, "kept": goal.startswith("/kept/")})


@public
def signout(request: HttpRequest) -> HttpResponse:
    """By button only. Who was here is remembered for a form that another window still sends."""
    if request.method != "POST":
        return redirect("home")
    auth.logout(request)
    return redirect("signin")


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
            tell(request, "Your second factor works. Sign in with your password and the next code.")
            return redirect("signin")
        return _factor_page(request, person, waiting, confirm)
    form = PasswordForm(posted(request))
    if request.method == "POST" and form.is_valid():
        with refusals_into(form, default="password"):
            factor = actions.begin_enrolment(code, form.cleaned_data["password"], now=now)
            return _factor_page(request, person, factor, CodeForm())
    return render_form(request, "account/enrol.html", form, {"whom": person})


def _factor_page(request: HttpRequest, person: Person, factor: Any, form: CodeForm) -> HttpResponse:
    secret = factors.text_secret(factor)
    spaced = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    context = {"whom": person, "qr": _qr(factors.uri(factor)), "secret": spaced}
    return render_form(request, "account/factor.html", form, context)


def _qr(uri: str) -> SafeString:
    """Inline, dark on light in both themes, without style attributes (the CSP forbids them)."""
    made = segno.make(uri, error="m").svg_inline(
        omitsize=True, border=4, dark="#000000", light="#ffffff", svgclass="qr", lineclass=None,
        title="Code for the authenticator's camera",
    )  # fmt: skip
    return mark_safe(made)  # segno wrote it from a URI that we made


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
        tell(request, "The session is ended.")
        return redirect("account")
    if wanted == "end-token":
        number = request.POST.get("token", "")
        actions.end_token(person, int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else -1, now=now)
        tell(request, "The token is ended.")
        return redirect("account")
    if wanted == "zone":
        zone_form = ZoneForm(request.POST)
        if zone_form.is_valid():
            with refusals_into(zone_form):
                actions.set_zone(person, zone_form.cleaned_data["zone"].strip())
                tell(request, "Saved. Times stand in UTC first, then in your zone.")
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
                _row, shown = factors.confirm_with_code(person, given["code"], make, now=now)
                token_form = TokenForm(initial={"days": 30})
    this = request.session.session_key
    context = {
        "factors": queries.factors_of(person),
        "sessions": [
            {"row": s, "key": actions.digest(s.session_key), "this": s.session_key == this}
            for s in queries.sessions_of(person, now=now)
        ],
        "tokens": [t for t in queries.tokens_of(person) if t.expires_at > now],
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
        tell(request, "Acknowledged.")
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
        tell(request, "The kept form is dropped.")
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
        base, _, box = name.rpartition("_")
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
