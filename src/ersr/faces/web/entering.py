"""The ways in: password and code, a passkey, a recovery code; what is set at each; and what to do about a lost factor."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from ersr import clock
from ersr.faces.network import network_of
from ersr.faces.web.account_forms import LostForm, RecoveryForm
from ersr.faces.web.forms import SignInForm
from ersr.faces.web.page import (
    cookie_name,
    posted,
    public,
    refusals_into,
    remember_sender,
    render_form,
    safe_next,
    tell,
)
from ersr.people import actions, browsers, passkeys
from ersr.people.models import Person

_BACKEND = "django.contrib.auth.backends.ModelBackend"
RECOVERED = "recovered_at"


def _browser(request: HttpRequest) -> str:
    return request.COOKIES.get(cookie_name(browsers.COOKIE), "")


def _enter(request: HttpRequest, person: Person, goal: str, now: datetime, *, recovered: bool = False) -> HttpResponse:
    """A session that begins here: what was in this browser before sign-in, its key above all, is worth nothing afterwards."""
    request.session.flush()
    auth.login(request, person, backend=_BACKEND)
    request.session["began"] = now.isoformat()
    request.session["agent"] = request.headers.get("User-Agent", "")[:200]
    if recovered:
        request.session[RECOVERED] = now.isoformat()
    request.session.set_expiry(now + timedelta(seconds=settings.SESSION_COOKIE_AGE))
    response = redirect(goal)
    remember_sender(response, person)
    response.set_cookie(
        cookie_name(browsers.COOKIE), browsers.remembered(person, _browser(request)),
        max_age=int(browsers.LASTS.total_seconds()), httponly=True, secure=settings.SESSION_COOKIE_SECURE, samesite="Lax",
    )  # fmt: skip
    return response


def recovered_at(request: HttpRequest) -> datetime | None:
    """When a recovery code let this session in, if it did."""
    told = request.session.get(RECOVERED)
    return datetime.fromisoformat(told) if told else None


@public
def signin(request: HttpRequest) -> HttpResponse:
    """One page and one refusal, whichever of the three was wrong; a passkey alone is enough, since it verifies its user."""
    goal = safe_next(request)
    if request.user.is_authenticated and request.method != "POST":
        return redirect(goal)
    now, answer = clock.real(), request.POST.get("passkey", "")
    form = SignInForm(posted(request))
    if answer:
        form = SignInForm({"email": request.POST.get("email", ""), "password": "-", "code": "-"})
        form.fields["email"].required = False
        form.errors.clear()
        with refusals_into(form):
            person = actions.sign_in_with_passkey(
                answer, session=request.session.session_key or "", now=now, through="portal"
            )
            return _enter(request, person, goal, now)
    elif request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        with refusals_into(form):
            person = actions.sign_in(
                given["email"], given["password"], given["code"], now=now, through="portal", browser=_browser(request),
                network=network_of(request),
            )  # fmt: skip
            return _enter(request, person, goal, now)
    context = {"next": goal, "kept": goal.startswith("/kept/"), "signs_in": passkeys.SIGN_IN}
    return render_form(request, "account/signin.html", form, context)


@public
def recover(request: HttpRequest) -> HttpResponse:
    """With e-mail, password and a recovery code: lets in, to add a new factor; signs nothing."""
    form, now = RecoveryForm(posted(request)), clock.real()
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        with refusals_into(form):
            person = actions.sign_in(
                given["email"], given["password"], given["code"], now=now, through="portal", recovery=True,
                browser=_browser(request), network=network_of(request),
            )  # fmt: skip
            response = _enter(request, person, "/account", now, recovered=True)
            tell(request, _("You came in with a recovery code. Add a new second factor within 15 minutes, then remove the lost one."))
            return response
    return render_form(request, "account/recover.html", form)


@public
def lost(request: HttpRequest) -> HttpResponse:
    """Reports a lost factor. The answer is the same for everybody: it does not tell who is known here."""
    form, now = LostForm(posted(request)), clock.real()
    if form.is_bound and form.is_valid():
        with refusals_into(form):
            actions.report_lost(form.cleaned_data["email"], network=network_of(request), now=now)
            return render_form(request, "account/lost_told.html", LostForm())
    return render_form(request, "account/lost.html", form)


@public
def signout(request: HttpRequest) -> HttpResponse:
    """By button only. Who was here is remembered for a form that another window still sends."""
    if request.method != "POST":
        return redirect("home")
    auth.logout(request)
    response = redirect("signin")
    response["Clear-Site-Data"] = '"cache", "storage"'  # not "cookies": one says that this browser is known here
    return response


