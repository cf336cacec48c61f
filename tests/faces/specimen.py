"""Pages that show every part with made-up people, for looking at and for the axe gate; not part of the product.

`python -m tests.faces.specimen FOLDER` writes them and what they link to; the tests serve that folder with a strict CSP.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import django
import django_htmx
from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.template import Context, Engine

import ersr.faces.web
from ersr.core.deadlines import Calendar, Segment, decide_by, merge_closed, segments
from ersr.faces.web.charts import AUTHORITY, REGISTRY, Chart, Moment, Move, case_timeline, clock, lanes, list_chart

HERE = Path(__file__).parent
WEB = Path(ersr.faces.web.__file__).parent
PAGES = ("brief", "file", "request", "sign", "states")

if not settings.configured:
    settings.configure(SECRET_KEY="specimen", STATIC_URL="/static/", USE_TZ=True,
                       INSTALLED_APPS=["django.contrib.staticfiles", "django_htmx", "ersr.faces.web"])
    django.setup()

CALENDAR = Calendar("specimen", "America/Los_Angeles", frozenset(), "1")
FILED = datetime(2026, 11, 14, 11, 7, tzinfo=UTC)
NOW = datetime(2026, 11, 14, 11, 34, tzinfo=UTC)
UNDONE = datetime(2026, 11, 15, 0, 0, tzinfo=UTC)
DUE = decide_by(FILED, CALENDAR).at
DIGEST = "9f2c41d07be3a815c6e40d9752fa18b36a70e1c9f43d825b07ce9ad43158b6f2"
SITE = {"duty_number": "+1 310 555 0142", "demonstration": True}


class FilingForm(forms.Form):
    """The six answers of a filing, wrongly filled in, as the form shows them."""

    phone = forms.CharField(label="On which number can we call you now?",
                            help_text="We compare it with the numbers on file. We never show those here.")
    operator = forms.CharField(label="Which registry operator do you file for?")
    tlds = forms.CharField(label="Which TLDs?", help_text='Separate with commas or spaces. You may write "all 12".',
                           error_messages={"required": "Enter the TLDs that are affected, like example, test"})
    happening = forms.CharField(label="What is happening?", widget=forms.Textarea,
                                help_text="Plain words. No clause numbers. Do not paste name lists: you add them later.")
    undone = forms.ChoiceField(label="When does the next thing happen that cannot be undone?", widget=forms.RadioSelect,
                               help_text="Your best guess is good enough.",
                               choices=[("past", "It has already happened"), ("hour", "Within the next hour"),
                                        ("at", "At a time that I know"), ("unknown", "I do not know")])
    day = forms.CharField(label="Day", widget=forms.TextInput(attrs={"inputmode": "numeric"}))
    month = forms.CharField(label="Month", widget=forms.TextInput(attrs={"inputmode": "numeric"}))
    year = forms.CharField(label="Year", widget=forms.TextInput(attrs={"inputmode": "numeric"}))
    time = forms.CharField(label="Time, 24 h")
    zone = forms.ChoiceField(label="Time zone", choices=[("UTC", "UTC"), ("Europe/Brussels", "Brussels")])
    already = forms.MultipleChoiceField(label="Which actions?", widget=forms.CheckboxSelectMultiple, required=False,
                                        choices=[("create", "Create the names"), ("hold", "Put on serverHold")])
    evidence = forms.FileField(label="Evidence", required=False, help_text="Download only. At most 20 MB.")

    def clean_phone(self) -> str:
        number = self.cleaned_data["phone"]
        if not number.startswith("+"):
            raise forms.ValidationError("Enter a phone number with its country code, like +32 2 555 01 42")
        return number


class CodeForm(forms.Form):
    code = forms.CharField(label="Code from your authenticator", help_text="6 digits. You may paste it.",
                           widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}))


def the_clock(now: datetime = NOW, key: str = "") -> Chart:
    return clock(merge_closed(segments(FILED, DUE, CALENDAR)), now=now, due=DUE, cannot_be_undone=UNDONE,
                 zone="Europe/Brussels", key=key)


def the_timeline() -> Chart:
    def at(day: int, hour: int, minute: int = 0) -> datetime:
        return datetime(2026, 11, day, hour, minute, tzinfo=UTC)

    moves = [Move(AUTHORITY, FILED, at(15, 7)), Move(REGISTRY, at(15, 7), at(15, 16)),
             Move(AUTHORITY, at(15, 16), at(16, 17, 37)), Move(REGISTRY, at(16, 17, 37), at(17, 8))]
    moments = [Moment(1, at(14, 11, 37), "first response"), Moment(2, at(16, 17, 5), "decision"),
               Moment(3, at(16, 17, 37), "signature"), Moment(4, at(16, 17, 40), "service"),
               Moment(5, at(17, 8), "acknowledgement")]
    days = segments(FILED, at(21, 11), CALENDAR)
    return case_timeline(moves, moments, start=FILED, end=at(21, 11), due=DUE, names=lanes("ICANN"), signed_at=at(16, 17, 37), closed=days)


def the_names() -> Chart:
    return list_chart([
        ("On a popularity list", "popular", {"example": 3, "test": 1}),
        ("Registered, in use", "registered", {"example": 121, "test": 38}),
        ("Already sinkholed", "sinkholed", {"example": 96, "test": 40}),
        ("Reserved or premium", "reserved", {"example": 14, "test": 2}),
        ("Unregistered", "unregistered", {"example": 4466, "test": 2969}),
    ], key="names")


def long_clock() -> Chart:
    """Fifteen calendar days, overdue: the registrars' clock."""
    start = FILED
    days = [Segment(date(2026, 11, 14) + timedelta(n), start + timedelta(n), start + timedelta(n + 1),
                    f"Day {n + 1}", False, n + 1) for n in range(15)]
    due = start + timedelta(15)
    return clock(days, now=due + timedelta(hours=30), due=due, key="long")


def bound_form() -> FilingForm:
    return FilingForm({
        "phone": "555 01 42", "operator": "Northlight Registry SA", "tlds": "", "undone": "at", "day": "15",
        "month": "11", "year": "2026", "time": "00:00", "zone": "UTC", "already": ["hold"],
        "happening": "A botnet registers names by algorithm. Tonight's 7,750 names come alive at midnight UTC. "
                     "We want to create and sinkhole them before.",
    })


def history() -> list[Mapping[str, Any]]:
    return [
        {"at": FILED, "words": "You filed.", "href": "#receipt", "link": "Receipt"},
        {"at": FILED, "words": "Your operator’s other contacts were told that a filing was made, without content."},
        {"at": FILED + timedelta(minutes=5), "words": "The duty officer took the request."},
        {"at": FILED + timedelta(minutes=30), "words": "First call to a number on file", "open": True},
    ]


def contexts() -> dict[str, dict[str, Any]]:
    monday = datetime(2026, 11, 16, 17, 37, tzinfo=UTC)
    case = {"ref": "SRW-2026-4821003-K", "tlp": "AMBER+STRICT", "clock": the_clock(key="clock"), "due": DUE, "now": NOW,
            "left": DUE - NOW, "undone": UNDONE, "undone_in": UNDONE - NOW, "digest": DIGEST, "history": history()}
    return {
        "brief": {**case, "person": "M. Adeyemi", "person_as": "duty officer", "place": "Desk", "names": the_names(),
                  "contacts": [("Operations, 24 h", "+32 2 555 01 00", date(2024, 2, 3), "1,015 days", True),
                               ("Security lead", "+32 2 555 01 17", date(2025, 5, 19), "544 days", True),
                               ("Legal", "+32 2 555 01 88", date(2026, 11, 8), "6 days", False)],
                  "lines": [("Create without a registrar, 2 TLDs", "2.9(a), Spec 9 1(b)", "Waiver",
                             "The registry acts as registrant"),
                            ("Fee relief, 2 TLDs", "6.1 via 6.7", "Fee reduction", "Asked for defensive creates")],
                  "line_heads": ("Action", "Provision", "Writing", "Why"),
                  "before": [("This operator", "1 request, 2024: granted"),
                             ("Provision 2.9(a)", "6 decisions: 5 granted, 1 denied")],
                  "others": [("#ask", "Ask the requester"), ("#freeze", "Not the operator: freeze")]},
        "file": {"person": "N. Lindqvist", "person_as": "Northlight Registry SA", "form": bound_form()},
        "request": {**case, "person": "N. Lindqvist", "person_as": "Northlight Registry SA",
                    "others": [("#w", "Withdraw the request"), ("#c", "All clocks as a table"), ("#p", "Print this page")],
                    "tasks": [{"href": f"#{n}", "label": label, "mark": mark, "words": words} for n, (label, mark, words)
                              in enumerate([("Actions, planned and taken", "needed", "Needed for the decision"),
                                            ("Your authority to file", "needed", "Needed for the decision"),
                                            ("Period", "none", "Not started"), ("Court order", "none", "Not started"),
                                            ("What is happening", "done", "Done"), ("Evidence", "done", "2 files")])]},
        "sign": {**case, "person": "signatory", "place": "Desk", "clock": the_clock(monday, "signclock"), "code": CodeForm(),
                 "clauses": [("Waived.", "Section 2.9(a) and Specification 9, 1(b), of the Registry Agreements of 12 June "
                              "2014 for .example and .test, and no other provision."),
                             ("Permitted.", "To create, and to delegate to the sinkhole named in Annex 2, the 7,746 names "
                              "of Annex 1, and not more."),
                             ("Period.", "Acts from 14 November 2026, 11:07 UTC. Ends at the end of 13 March 2027 UTC. "
                              "Then 30 days of wind-down: holding only.")]},
        "states": {"timeline": the_timeline(), "long": long_clock(), "now": NOW, "page": Paginator(range(95), 10).page(2),
                   "file_form": FilingForm(),
                   "states": [("yours", "Your move: call back"), ("theirs", "Registry’s move: answer 2 questions"),
                              ("nobody", "Nobody’s move until 14 March"), ("overdue", "Overdue by 3 h: ICANN’s move"),
                              ("upcoming", "Upcoming: starts in 2 days"), ("force", "In force until the end of 13 March 2027 UTC"),
                              ("winding", "Winding down: holding only until 13 April 2027"), ("ended", "Ended 14 March 2027")],
                   "labels": ["RED", "AMBER+STRICT", "AMBER", "GREEN", "CLEAR"]},
    }


def render(name: str) -> str:
    """One page as HTML. Its own engine: it looks the same whatever the project's settings are."""
    engine = Engine(dirs=[str(HERE / "pages"), str(WEB / "templates")], libraries={
        "i18n": "django.templatetags.i18n", "say": "ersr.faces.web.templatetags.say", "static": "django.templatetags.static",
        "django_htmx": "django_htmx.templatetags.django_htmx",
    }, string_if_invalid="")
    return engine.get_template(f"{name}.html").render(Context({"site": SITE, "csrf_token": "specimen", **contexts()[name]}))


def write(folder: Path) -> list[Path]:
    """All pages and what they link to, ready to be served from `folder`."""
    from django.test import override_settings

    shutil.copytree(WEB / "static" / "ersr", folder / "static" / "ersr", dirs_exist_ok=True)
    shutil.copytree(Path(django_htmx.__file__).parent / "static" / "django_htmx", folder / "static" / "django_htmx",
                    dirs_exist_ok=True)
    plain = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
             "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}}
    written = []
    with override_settings(STATIC_URL="/static/", STORAGES=plain, DEBUG=False):
        for name in PAGES:
            (folder / f"{name}.html").write_text(render(name), encoding="utf-8")
            written.append(folder / f"{name}.html")
    return written


if __name__ == "__main__":
    for path in write(Path(sys.argv[1])):
        print(path)
