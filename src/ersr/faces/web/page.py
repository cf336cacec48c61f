"""What every page does the same way: asks who is there, turns refusals into pages or form errors, reads times from boxes.

Conventions of a view:

    @signed_in                                   # or @staff_only, or @public for pages without sign-in
    def withdraw(request, person, ref):          # `person` is given by the decorator (not by @public)
        row = queries.request_for(person, ref)   # a Refusal that gets out becomes a page
        form = WithdrawForm(posted(request))  # bound only by a POST
        if form.is_bound and form.is_valid():
            with refusals_into(form):            # a Refusal about what was typed becomes errors at the fields
                actions.withdraw(ref, reason=form.cleaned_data["reason"], by=person, now=clock.now())
                tell(request, "Withdrawn.")      # shown once on the next page (messages.html)
                return redirect("case", ref)
        return render_form(request, "filing/withdraw.html", form, {"row": row})

GET changes nothing; a form is posted to the address that shows it; a good post ends with a redirect.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString

from ersr import clock
from ersr.core.errors import CODES, FieldError, Refusal
from ersr.core.filing import TIME_WRONG
from ersr.core.say import MONTHS, place
from ersr.core.tongue import said, told
from ersr.faces.web import errors
from ersr.parties.authority import authority
from ersr.people import actions as people
from ersr.people.models import Person

View = Callable[..., HttpResponse]

#: Names whose values are never kept after sign-out, whatever form they come from.
NEVER_KEPT = errors.SECRET | {"csrfmiddlewaretoken", "kept_form"}
SENDER_COOKIE, SENDER_SALT, SENDER_LASTS = "ersr_sender", "ersr.sender", timedelta(hours=32)
KEPT_AT_MOST = 200_000  # characters


# --- who is there


def public(view: View) -> View:
    """A page for everybody; a Refusal becomes a page."""

    @wraps(view)
    def inner(request: HttpRequest, **words: Any) -> HttpResponse:
        return _answer(request, lambda: view(request, **words))

    return inner


def signed_in(view: View) -> View:
    """A page for somebody: calls view(request, person, ...). A form that comes after sign-out is kept for its sender."""

    @wraps(view)
    def inner(request: HttpRequest, **words: Any) -> HttpResponse:
        person = request.user
        if not isinstance(person, Person) or not person.is_authenticated:
            return _to_sign_in(request)
        response = _answer(request, lambda: view(request, person, **words))
        kept = request.POST.get("kept_form", "")
        if kept and response.status_code in (302, 303):
            request.ersr_acted = True  # type: ignore[attr-defined]
            people.drop_kept_form(person, kept)
        return response

    return inner


def staff_only(view: View) -> View:
    """A page of the desk. To a registry's people it answers as if nothing were there."""

    @signed_in
    @wraps(view)
    def inner(request: HttpRequest, person: Person, **words: Any) -> HttpResponse:
        if not person.is_staff_member:
            return errors.not_found(request)
        return view(request, person, **words)

    return inner


def _answer(request: HttpRequest, act: Callable[[], HttpResponse]) -> HttpResponse:
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    try:
        return act()
    except Refusal as refusal:
        if refusal.code == "not_found":
            return errors.not_found(request)
        return errors.refused(request, refusal)


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    goal = request.get_full_path()
    if request.method == "POST":
        goal = _keep(request) or request.path
    return redirect(f"/signin?{urlencode({'next': goal})}")


def _keep(request: HttpRequest) -> str:
    """Keeps what was posted for whoever was signed in here last; returns the address where it waits, or ""."""
    try:
        raw = request.get_signed_cookie(cookie_name(SENDER_COOKIE), salt=SENDER_SALT, max_age=SENDER_LASTS)
    except (KeyError, signing.BadSignature):  # nobody was signed in here lately: there is no one to keep it for
        return ""
    sender = Person.objects.filter(pk=int(raw), is_active=True).first()
    typed = [(name, value) for name in request.POST if name not in NEVER_KEPT for value in request.POST.getlist(name)]
    body = urlencode(typed)
    if sender is None or not typed or len(body) > KEPT_AT_MOST:
        return ""
    kept = people.keep_form(sender, request.get_full_path(), body, now=clock.real())
    return f"/kept/{kept.key}"


def remember_sender(response: HttpResponse, person: Person) -> None:
    """Set at sign-in: says whose a form is that comes after the session has ended. Opens nothing by itself."""
    response.set_signed_cookie(
        cookie_name(SENDER_COOKIE), str(person.pk), salt=SENDER_SALT, max_age=SENDER_LASTS, httponly=True,
        secure=settings.SESSION_COOKIE_SECURE, samesite="Lax",
    )  # fmt: skip


def cookie_name(name: str) -> str:
    """With https, under the prefix that only this host itself can set (as the session's)."""
    return f"__Host-{name}" if settings.SESSION_COOKIE_SECURE else name


def safe_next(request: HttpRequest, otherwise: str = "/") -> str:
    """Where to go after sign-in: an address of this site only."""
    goal = request.POST.get("next") or request.GET.get("next") or otherwise
    fine = url_has_allowed_host_and_scheme(goal, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return goal if fine else otherwise


# --- pages and forms


def posted(request: HttpRequest) -> Any:
    """What was posted, even if it is nothing; None while nobody has posted: such a form has no errors yet."""
    return request.POST if request.method == "POST" else None


def quoted(words: str) -> SafeString | str:
    """Text that stays as it was written, whatever language the page has: law, and what an instrument says."""
    return format_html('<span lang="en">{}</span>', words) if words else ""


def tell(request: HttpRequest, words: str) -> None:
    """A sentence for the next page: include "messages.html" at the top of its content."""
    messages.success(request, told(words))


def render_form(
    request: HttpRequest, template: str, form: Any, context: Mapping[str, Any] | None = None, *, status: int | None = None
) -> HttpResponse:
    """The page with its form; 422, or the refusal's own status, while something is wrong with it."""
    wrong = form.is_bound and bool(form.errors)
    known = getattr(form, "refused_with", None)
    if wrong and "file" in form.fields and form.has_error("file", "too_large"):
        known = known or CODES["too_large"][0]
    response = render(
        request, template, {**(context or {}), "form": form}, status=status or (known or 422 if wrong else 200)
    )
    if wrong and getattr(form, "retry_after", None):
        response["Retry-After"] = str(form.retry_after)
    return response


@contextmanager
def refusals_into(form: Any, *, default: str | None = None) -> Iterator[None]:
    """Refusals about what was typed become errors of the form; `default` names the field for those that name none.

    What is not there, or not for this person, goes on as a refusal of its own.
    """
    try:
        yield
    except Refusal as refusal:
        if refusal.code in ("not_found", "not_allowed", "sign_in", "damaged"):
            raise
        take_errors(form, refusal.fields or (FieldError(default or "", refusal.message),))
        form.refused_with, form.retry_after = CODES[refusal.code][0], refusal.facts.get("retry_after")


def take_errors(form: Any, found: tuple[FieldError, ...]) -> None:
    """Core's errors at the form's fields. An error of a time stands at its boxes; one of no field, at the top."""
    for error in found:
        name = error.field
        if f"{name}_day" in form.fields:
            if any(form.errors.get(f"{name}_{box}") for box in BOXES):
                continue
            form.add_error(f"{name}_day", told(said("Enter day, month, year and time") if error.message == TIME_WRONG else error.message))
        elif (words := told(error.message)) not in form.errors.get(name, ()):
            form.add_error(name if name in form.fields else None, words)


# --- times: day, month, year, time of 24 hours, zone


BOXES = ("day", "month", "year", "time", "zone")


def zones_for(person: Person | None) -> list[tuple[str, str]]:
    """UTC first, then the reader's own zone and the authority's."""
    known = dict.fromkeys(["UTC", person.zone if person else "UTC", authority().calendar.zone])
    return [(zone, place(zone)) for zone in known]


def moment_fields(name: str, zones: list[tuple[str, str]], *, hint: str = "") -> dict[str, forms.Field]:
    """Five fields NAME_day ... NAME_zone, to be shown with parts/moment.html."""

    def box(label: str, *, help_text: str = "", mode: str = "numeric") -> forms.CharField:
        widget = forms.TextInput(attrs={"inputmode": mode, "autocomplete": "off", "maxlength": "12"})
        return forms.CharField(label=label, required=False, help_text=help_text, widget=widget, max_length=12)

    return {
        f"{name}_day": box(said("Day"), help_text=hint),
        f"{name}_month": box(said("Month"), mode="text"),
        f"{name}_year": box(said("Year")),
        f"{name}_time": box(said("Time, 24 h"), mode="text"),
        f"{name}_zone": forms.ChoiceField(label=said("Time zone"), choices=zones, required=False),
    }


def moment_initial(name: str, at: datetime | None) -> dict[str, str]:
    """What the boxes show for a known time, in UTC."""
    if at is None:
        return {}
    at = at.astimezone(UTC)
    return {
        f"{name}_day": str(at.day), f"{name}_month": str(at.month), f"{name}_year": str(at.year),
        f"{name}_time": f"{at:%H:%M}", f"{name}_zone": "UTC",
    }  # fmt: skip


def read_moment(form: Any, name: str) -> datetime | None:
    """The time in the boxes as aware UTC, None if they are empty; adds errors to the boxes that are wrong."""
    given = {box: str(form.cleaned_data.get(f"{name}_{box}") or "").strip() for box in BOXES}
    found, wrong = parse_moment(**given)
    for box, words in wrong.items():
        form.add_error(f"{name}_{box}", told(words))
    return found


def parse_moment(*, day: str, month: str, year: str, time: str, zone: str = "UTC") -> tuple[datetime | None, dict[str, str]]:
    """(the time in UTC, {}) or (None, box -> what would be right); (None, {}) when nothing was entered."""
    if not any((day, month, year, time)):
        return None, {}
    wrong: dict[str, str] = {}
    number = _month(month)
    if not re.fullmatch(r"[0-9]{1,2}", day) or not 1 <= int(day) <= 31:
        wrong["day"] = said("Enter the day as a number from 1 to 31")
    if number is None:
        wrong["month"] = said("Enter the month as a number from 1 to 12")
    if not re.fullmatch(r"20[0-9]{2}", year):
        wrong["year"] = said("Enter the year with four figures, like 2026")
    clocked = re.fullmatch(r"([0-9]{1,2})\s?[:.hH]?\s?([0-9]{2})", time)
    if not clocked or int(clocked[1]) > 23 or int(clocked[2]) > 59:
        wrong["time"] = said("Enter the time of 24 hours, like 00:00 or 23:45")
    if wrong or number is None or not clocked:
        return None, wrong
    try:
        wall = datetime(int(year), number, int(day), int(clocked[1]), int(clocked[2]), tzinfo=ZoneInfo(zone or "UTC"))
    except ValueError:
        return None, {"day": said("{month} {year} has no day {day}", month=MONTHS[number - 1], year=year, day=int(day))}
    found = wall.astimezone(UTC)
    if found.astimezone(wall.tzinfo).replace(tzinfo=None) != wall.replace(tzinfo=None):
        return None, {"time": said("On that day {place} has no {time}: clocks go forward. Give it in UTC", place=place(zone), time=f"{wall:%H:%M}")}
    if wall.replace(fold=1).astimezone(UTC) != found:
        return None, {"time": said("On that day {place} has {time} twice: clocks go back. Give it in UTC", place=place(zone), time=f"{wall:%H:%M}")}
    return found, {}


def _month(text: str) -> int | None:
    if re.fullmatch(r"[0-9]{1,2}", text):
        return int(text) if 1 <= int(text) <= 12 else None
    typed = _folded(text.rstrip("."))
    names = ((n, word) for n, name in enumerate(MONTHS, 1) for word in (name, told(name)))
    return next((n for n, word in names if len(typed) >= 3 and _folded(word).startswith(typed)), None)


def _folded(text: str) -> str:
    """Small letters without accents: "fevrier" is a month too."""
    return "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
