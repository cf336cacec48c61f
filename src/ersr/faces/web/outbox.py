"""The outbox: what became of each mail. Reference and recipient, never what it is about."""

from __future__ import annotations

import re

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ersr import clock
from ersr.core.errors import not_found
from ersr.core.permits import office
from ersr.faces.web.desk import query_of
from ersr.faces.web.page import staff_only, tell
from ersr.notifications import queries
from ersr.notifications.actions import send_again
from ersr.people.models import Person

PAGE = 50


@staff_only
def outbox(request: HttpRequest, person: Person) -> HttpResponse:
    """Sent, waiting, or failed with the server's words; "try again" for one, or for every one that failed."""
    if not office("read_outbox", person.roles).allowed:
        raise not_found()
    if request.method == "POST":
        return _again(request, person)
    kinds = {"": Q(), "open": ~Q(state="sent"), "failed": Q(state="failed"), "sent": Q(state="sent")}
    search, only = request.GET.get("q", "").strip(), request.GET.get("state", "")
    only = only if only in kinds else ""
    every = queries.outbox(person)
    rows = every.filter(kinds[only]).order_by("-queued_at", "-pk")
    if search:
        rows = rows.filter(Q(to__icontains=search) | Q(reference__iexact=search))
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "office/outbox.html",
        {
            "place": "Desk",
            "tlp": "AMBER+STRICT" if page.object_list else "",
            "page": page,
            "search": search,
            "only": only,
            "choices": [("", _("All")), ("open", _("Not sent")), ("failed", _("Failed")), ("sent", _("Sent"))],
            "failed": every.filter(state="failed").count(),
            "left": every.filter(state="failed", next_at__isnull=True).count(),
            "waiting": every.filter(state="queued").count(),
            "may_send": office("send_again", person.roles).allowed,
            "query": query_of(q=search, state=only),
        },
    )


def _again(request: HttpRequest, person: Person) -> HttpResponse:
    said = request.POST.get("mail", "")
    if not re.fullmatch(r"[0-9]{1,18}|failed", said):
        raise not_found()
    count = send_again(None if said == "failed" else int(said), by=person, now=clock.now())
    tell(request, ngettext("%(n)d mail is tried again now.", "%(n)d mails are tried again now.", count) % {"n": count})
    return redirect("outbox")
