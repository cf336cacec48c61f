"""The forms of the filing side. Questions, words and rules come from core/filing.py; a form only knows how to show them.

Every field may be left empty as far as Django is concerned: what is needed is the core's to say, all errors at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy

from ersr.core import filing
from ersr.core.errors import Refusal
from ersr.core.tongue import joined, number, said, said_in, told
from ersr.faces.web.page import moment_fields, moment_initial, read_moment, take_errors
from ersr.parties.models import Party
from ersr.people.models import Person
from ersr.requests import actions, queries
from ersr.requests.models import Question

Zones = list[tuple[str, str]]


class PlainForm(forms.Form):
    """No browser's own checks, no colon, no guess at what is needed."""

    use_required_attribute = False
    refused_with: int | None = None

    def __init__(self, *words: Any, **more: Any) -> None:
        super().__init__(*words, **{"label_suffix": "", **more})


def _text(label: str, hint: str = "", **attributes: str) -> forms.CharField:
    return forms.CharField(label=label, help_text=hint, required=False, widget=forms.TextInput(attrs=attributes))


def _long(label: str, hint: str = "") -> forms.CharField:
    return forms.CharField(label=label, help_text=hint, required=False, widget=forms.Textarea(attrs={"rows": 5}))


def _choice(label: str, choices: Mapping[str, str], hint: str = "") -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, help_text=hint, required=False, choices=list(choices.items()), widget=forms.RadioSelect
    )


# --- the six answers


class SixForm(PlainForm):
    """Six answers that are enough to file; the first, who files, is known from sign-in."""

    def __init__(self, data: Mapping[str, Any] | None = None, *, person: Person, zones: Zones, **more: Any) -> None:
        super().__init__(data, **more)
        self.person = person
        self.operators: list[Party] = queries.operators_for(person)
        self.fields.update(
            {
                "number_claimed": _text(
                    said("On which number can we call you now?"),
                    said("We compare it with the numbers on file. We never show those here."),
                    inputmode="tel",
                    autocomplete="tel",
                ),
                "operator": self._operator(),
                "tlds": _text(said("Which TLDs?"), self._tld_hint(), autocomplete="off", autocapitalize="none", spellcheck="false"),
                "happening": _long(
                    said("What is happening?"), said("Plain words. No clause numbers. Do not paste name lists: you add them later.")
                ),
                "irreversible": _choice(
                    said("When does the next thing happen that cannot be undone?"),
                    filing.IRREVERSIBLE,
                    said("Your best guess is good enough."),
                ),
                **moment_fields("irreversible_at", zones),
            }
        )

    def _operator(self) -> forms.Field:
        known = [(party.key, party.name) for party in self.operators]
        if len(known) == 1:
            return forms.ChoiceField(choices=known, initial=known[0][0], required=False, widget=forms.HiddenInput)
        return forms.ChoiceField(
            label=said("Which registry operator do you file for?"),
            choices=[("", said("Choose the operator")), *known],
            required=False,
        )

    def _tld_hint(self) -> str:
        counts = [(party.name, queries.tlds_for(self.person, party).count()) for party in self.operators]
        if len(counts) == 1:
            return said("Separate with commas or spaces. You may write “all {n}”.", n=counts[0][1])
        parts = [said("“all {n}” for {name}", n=n, name=name) for name, n in counts]
        return said("Separate with commas or spaces. You may write {what}.", what=joined(", ", parts))

    @property
    def operator_name(self) -> str:
        """The one operator that this person may file for, "" where there is a choice."""
        return self.operators[0].name if len(self.operators) == 1 else ""

    def clean(self) -> dict[str, Any]:
        at = read_moment(self, "irreversible_at")
        raw = {**self.cleaned_data, "irreversible_at": at}
        if self.operator_name and not raw.get("operator"):
            raw["operator"] = self.operators[0].key
        if raw.get("irreversible") != "at":  # what stands in boxes that do not count is not judged
            for name in [name for name in self.errors if name.startswith("irreversible_at_")]:
                del self._errors[name]  # type: ignore[union-attr,attr-defined]
        try:
            self.answers = actions.check_six(self.person, raw)
        except Refusal as refusal:
            take_errors(self, refusal.fields)
        self.raw = raw
        return self.cleaned_data


def typed(data: Mapping[str, Any]) -> dict[str, str]:
    """What a draft keeps: every text of the form, right or wrong."""
    kept = ("number_claimed", "operator", "tlds", "happening", "irreversible")
    return {k: str(data.get(k, "")).replace("\0", "") for k in data if k in kept or k.startswith("irreversible_at_")}


# --- the parts


@dataclass(frozen=True)
class Row:
    """One question of a form that is made from core's fields: a field, or five boxes with a legend."""

    name: str
    legend: str
    optional: bool
    field: BoundField | None = None
    day: BoundField | None = None
    month: BoundField | None = None
    year: BoundField | None = None
    time: BoundField | None = None
    zone: BoundField | None = None


class CoreForm(PlainForm):
    """A form made from a sequence of core's fields. `check(raw)` is core's judgement; it raises a Refusal with fields."""

    def __init__(
        self,
        questions: Sequence[filing.Field],
        check: Callable[[Mapping[str, Any]], Any],
        data: Mapping[str, Any] | None,
        *,
        zones: Zones,
        known: Mapping[str, Any] | None = None,
    ) -> None:
        initial: dict[str, Any] = {}
        for one in questions:
            value = (known or {}).get(one.name)
            if one.kind == "time":
                initial.update(moment_initial(one.name, filing.moment(value)))
            elif value is not None:
                initial[one.name] = value
        super().__init__(data, initial=initial)
        self.questions, self.check = questions, check
        for one in questions:
            if one.kind == "time":
                self.fields.update(moment_fields(one.name, zones, hint=one.hint))
            elif one.kind == "choice":
                self.fields[one.name] = _choice(one.label, one.choices or {}, one.hint)
            elif one.kind == "long":
                self.fields[one.name] = _long(one.label, one.hint)
            else:
                self.fields[one.name] = _text(one.label, one.hint)

    def rows(self) -> list[Row]:
        found = []
        for one in self.questions:
            if one.kind == "time":
                boxes = {box: self[f"{one.name}_{box}"] for box in ("day", "month", "year", "time", "zone")}
                found.append(Row(one.name, one.label, not one.needed, **boxes))
            else:
                found.append(Row(one.name, one.label, not one.needed, field=self[one.name]))
        return found

    def clean(self) -> dict[str, Any]:
        self.raw = {
            one.name: read_moment(self, one.name) if one.kind == "time" else self.cleaned_data.get(one.name, "")
            for one in self.questions
        }
        try:
            self.check(self.raw)
        except Refusal as refusal:
            take_errors(self, refusal.fields)
        return self.cleaned_data


def part_form(part: str, data: Mapping[str, Any] | None, *, zones: Zones, known: Mapping[str, Any] | None) -> CoreForm:
    return CoreForm(
        filing.PARTS[part].fields, lambda raw: filing.clean_part(part, raw), data, zones=zones, known=known
    )


def act_form(
    data: Mapping[str, Any] | None, *, zones: Zones, known: Mapping[str, Any] | None, now: datetime
) -> CoreForm:
    return CoreForm(
        filing.ACT_FIELDS, lambda raw: filing.clean_act(raw, now=now), data, zones=zones, known=known
    )


# --- smaller ones


class SizedFile(forms.FileField):
    """A file of at most `limit()` bytes, refused by its size before anybody reads it into memory."""

    def __init__(self, *, limit: Callable[[], int], **more: Any) -> None:
        super().__init__(**more)
        self.limit = limit

    def clean(self, data: Any, initial: Any = None) -> Any:
        found, limit = super().clean(data, initial), self.limit()
        if found and found.size > limit:
            raise forms.ValidationError(told(said("The file has {size} bytes; at most {limit} are taken", size=number(found.size), limit=number(limit))), "too_large")
        return found


def _sized(limit: Callable[[], int]) -> SizedFile:
    words = dict.fromkeys(("required", "invalid", "missing"), gettext_lazy("Choose a file"))
    return SizedFile(limit=limit, label=said("File"), allow_empty_file=True, error_messages=words)


class FileForm(PlainForm):
    """A file on a page of its own: no browser fills a file field a second time."""

    file = _sized(lambda: settings.ERSR_EVIDENCE_LIMIT)


class ListForm(FileForm):
    file = _sized(lambda: settings.ERSR_LIST_BYTES)
    title = _text(said("What shall we call it?"), said("Like “Tonight”. Without a title it gets a number."))
    field_order = ("title", "file")


class WithdrawForm(PlainForm):
    reason = _long(said("Why do you withdraw?"), said("A few words. They stay on record."))


class AnswerForm(PlainForm):
    def __init__(self, data: Mapping[str, Any] | None, *, questions: Iterable[Question]) -> None:
        super().__init__(data)
        self.asked = list(questions)
        for one in self.asked:
            self.fields[f"question-{one.pk}"] = _long(one.text)

    def answers(self) -> dict[int, str]:
        return {one.pk: str(self.cleaned_data.get(f"question-{one.pk}") or "") for one in self.asked}


class CheckForm(FileForm):
    """Of the public page that checks a document."""

    names = forms.FileField(
        label=said("The list of names, if you have it"),
        required=False,
        help_text=said("Plain text, a name a line. We hold it against the digest in the document."),
    )


class OnceInput(forms.PasswordInput):
    """Seen while it is typed, never sent back: a code works once."""

    input_type = "text"


class SignInForm(PlainForm):
    email = forms.CharField(
        label=said("E-mail"), required=False, widget=forms.EmailInput(attrs={"autocomplete": "username", "spellcheck": "false"})
    )
    password = forms.CharField(
        label=said("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    code = forms.CharField(
        label=said("Code from your authenticator"),
        required=False,
        help_text=said("6 digits. You may paste it."),
        widget=OnceInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "maxlength": "12"}),
    )

    def clean(self) -> dict[str, Any]:
        for name, words in (
            ("email", said("Enter your e-mail address")),
            ("password", said("Enter your password")),
            ("code", said("Enter the 6 digits that your authenticator shows now")),
        ):
            if not self.cleaned_data.get(name):
                self.add_error(name, told(words))
        return self.cleaned_data


class PasswordForm(PlainForm):
    password = forms.CharField(
        label=said("Choose a password"),
        required=False,
        strip=False,
        help_text=said("At least 12 characters. A sentence is good."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class CodeForm(PlainForm):
    code = forms.CharField(
        label=said("Code from your authenticator"),
        required=False,
        help_text=said("The 6 digits that it shows now."),
        widget=OnceInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "maxlength": "12"}),
    )


#: What a token may do, in words.
SCOPES = {"read": said("Read"), "write": said("File and act"), "sign": said_in("button", "Sign"), "admin": said("People and keys")}


class TokenForm(CodeForm):
    name = _text(said("What is it for?"), said("Like “night script”."))
    scopes = forms.MultipleChoiceField(
        label=said("What may it do?"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=list(SCOPES.items()),
    )
    days = forms.IntegerField(
        label=said("For how many days?"),
        required=False,
        help_text=said("At most 366."),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
        error_messages={"invalid": gettext_lazy("Enter a number of days, like 30")},
    )
    field_order = ("name", "scopes", "days", "code")


class ZoneForm(PlainForm):
    zone = _text(said("Your time zone"), said("Like Europe/Brussels. Times stand in UTC first, then in this zone."), autocomplete="off")
