"""A fresh second factor on a page: a code, or a passkey where scripts run.

A page that asks for one

- includes "parts/passkey.html" in its form, with `about` (for what the factor is given: bound into what the passkey signs)
  and `label` (of the button), and a field `code`;
- gives `fresh(request)` to the action, or to `people.actions.confirm` with the same `about`.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse

from ersr import clock
from ersr.core.errors import CODES, Refusal
from ersr.core.tongue import said
from ersr.faces.network import network_of
from ersr.faces.web.page import public
from ersr.people import passkeys
from ersr.people.actions import Fresh
from ersr.people.models import Person
from ersr.people.patience import CHECKING, take


def session_key(request: HttpRequest) -> str:
    """The key of this session, which begins if there is none."""
    if request.session.session_key is None:
        request.session.create()
        request.session.set_expiry(int(passkeys.CHALLENGE_LASTS.total_seconds()))
    return str(request.session.session_key)


def fresh(request: HttpRequest) -> Fresh:
    """What was posted as a second factor."""
    return Fresh(
        code=request.POST.get("code", ""), passkey=request.POST.get("passkey", ""),
        session=request.session.session_key or "",
    )  # fmt: skip


@public
def options(request: HttpRequest) -> HttpResponse:
    """What the script asks before it asks the authenticator: JSON for navigator.credentials.get. Nobody is asked to sign in."""
    if request.method != "POST":
        raise Refusal("not_found", said("There is nothing here."))
    person = request.user if isinstance(request.user, Person) and request.user.is_authenticated else None
    about = request.POST.get("about", "")[:200]
    if person is None or about == passkeys.SIGN_IN:
        person, about = None, passkeys.SIGN_IN
        # Each answer makes rows. Of this network only: a passkey never waits for strangers elsewhere.
        take(f"asks:{network_of(request)}", CHECKING, now=clock.real())
    return JsonResponse(passkeys.options_to_use(about, person, session_key(request), now=clock.real()))


def told(refusal: Refusal) -> HttpResponse:
    """A refusal for the script, which shows the sentence."""
    return JsonResponse({"detail": refusal.message}, status=CODES[refusal.code][0])
