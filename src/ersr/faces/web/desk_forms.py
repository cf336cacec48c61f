"""Forms of the desk. They only read what was typed: what is right is said by the actions, whose refusals come back here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from ersr.core.lifecycle import DISCIPLINES, Outcome
from ersr.core.terms import Instrument
from ersr.core.tongue import capital, number, said, said_in, told
from ersr.core.triage import Action, Hint
from ersr.faces.web.page import moment_fields
from ersr.lists.models import Hit
from ersr.requests.models import CallAttempt, Note, Request
from ersr.waivers.models import ServiceRecord

CALL_OUTCOMES = {
    "confirmed": said("They confirm the filing"),
    "no_answer": said("No answer"),
    "wrong_words": said("They did not wait for, or did not know, the words"),
    "not_confirmed": said("They cannot confirm it now"),
    "denied": said("They say that it is not theirs"),
}
RECOMMENDATIONS = {
    "grant": said("Grant"),
    "grant_as_modified": said("Grant, but modified"),
    "deny": said("Deny"),
    "no_waiver_needed": said("No waiver is needed"),
    "undecided": said("I cannot say yet"),
}
CHANNELS = {"courier": said("Courier"), "e-mail": said("E-mail"), "post": said("Post"), "web_site": said("Web site")}
assert set(CALL_OUTCOMES) == set(CallAttempt.OUTCOMES)
assert set(RECOMMENDATIONS) == set(Note.RECOMMENDATIONS)
assert set(CHANNELS) == set(ServiceRecord.CHANNELS)

DISCIPLINE_WORDS = {
    "compliance": said("Compliance"), "legal": said("Legal"),
    "registry_services": said("Registry services"), "security": said("Security"),
}  # fmt: skip
assert set(DISCIPLINE_WORDS) == set(DISCIPLINES)

INSTRUMENTS = [(i.value, said("{title} ({basis})", title=i.title, basis=i.basis)) for i in Instrument]


def discipline_words(discipline: str) -> str:
    """registry_services -> Registry services."""
    return DISCIPLINE_WORDS[discipline]


class Asked(forms.Form):
    """Nothing is required here, so that all of an action's errors come at once and in its words."""

    use_required_attribute = False
    refused_with: int | None = None
    #: field -> what is said where nothing was chosen: the action's own words list codes, for whoever uses the API.
    unchosen: Mapping[str, str] = {}

    def add_error(self, field: str | None, error: Any) -> None:
        if field in self.unchosen and not self.cleaned_data.get(field):
            error = told(self.unchosen[field])
        super().add_error(field, error)


def _text(label: str, *, hint: str = "", **attributes: str) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "off", **attributes})
    return forms.CharField(label=label, required=False, help_text=hint, widget=widget, max_length=300)


def _long(label: str, *, hint: str = "") -> forms.CharField:
    return forms.CharField(label=label, required=False, help_text=hint, widget=forms.Textarea, max_length=20_000)


def _radio(label: str, choices: Iterable[tuple[str, str]], *, hint: str = "") -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=list(choices), required=False, help_text=hint, widget=forms.RadioSelect)


def _select(label: str, choices: Iterable[tuple[str, str]], *, hint: str = "", empty: str = "") -> forms.ChoiceField:
    first = [("", empty)] if empty else []
    return forms.ChoiceField(label=label, choices=[*first, *choices], required=False, help_text=hint)


class CallForm(Asked):
    """`number_id` is drawn by the page: a number that changed too lately cannot be chosen there."""

    unchosen = {"outcome": said("Choose what came of the call")}
    number_id = forms.IntegerField(label=said("Whom did you call?"), required=False)
    outcome = _radio(said("What came of it?"), CALL_OUTCOMES.items())
    remark = _long(said("Remark"), hint=said("Who answered, and what they said."))


class AskForm(Asked):
    text = _long(said("What do you ask?"), hint=said("One question at a time. The registry sees it; the clock runs on."))


class ConcludeForm(Asked):
    channel = _text(said("How was the registry told?"), hint=said("By whom, when and through which channel, like: call to Operations, 17:10 UTC."))


class ReasonForm(Asked):
    """A return, or a sending back."""

    reason = _long(said("What should be different?"), hint=said("The reason stays on record."))


class NoteForm(Asked):
    unchosen = {"recommendation": said("Choose what you recommend")}
    recommendation = _radio(said("What do you recommend?"), RECOMMENDATIONS.items())
    body = _long(said("Why?"), hint=said("For your colleagues, and for the record. A later note is a new version."))

    def __init__(self, *words: Any, disciplines: Iterable[str], **more: Any) -> None:
        super().__init__(*words, **more)
        own = [d for d in disciplines if d in DISCIPLINES]
        if len(own) > 1:
            self.fields["discipline"] = _select(said("For which discipline?"), [(d, discipline_words(d)) for d in own])
            self.order_fields(["discipline"])
        self.own = own

    @property
    def written_for(self) -> str:
        return self.cleaned_data.get("discipline") or (self.own[0] if self.own else "")


class PrivilegedForm(Asked):
    """Its own prefix: it stands on the same page as the other note."""

    prefix = "privileged"
    body = _long(said("Advice of counsel"), hint=said("Read by legal and the signatory only; each reading is on record."))


class LineForm(Asked):
    """Changes one proposed line."""

    hint = _select(said("What is needed?"), [(h.value, capital(h.words)) for h in Hint])
    instrument = _select(said("Which writing?"), INSTRUMENTS, empty=said_in("of instruments", "None"))
    provision = _select(said("Which provision?"), ())
    drop = forms.BooleanField(label=said("Leave this line out"), required=False)
    reason = _long(said("Why do you change it?"), hint=said("The change and its reason stay on record."))

    def __init__(self, *words: Any, provisions: Iterable[tuple[str, str]], **more: Any) -> None:
        super().__init__(*words, **more)
        self.fields["provision"].choices = list(provisions)  # type: ignore[attr-defined]


class NewLineForm(Asked):
    """A line that the rules did not find."""

    unchosen = {"action": said("Choose the action"), "instrument": said("Choose the writing")}
    agreement = _select(said("Under which agreement?"), ())
    provision = _select(said("Which provision?"), ())
    action = _select(said("Which action?"), [(a.value, capital(a.words)) for a in Action])
    instrument = _select(said("Which writing?"), INSTRUMENTS)
    list_number = forms.IntegerField(label=said("About which list? (its number)"), required=False, min_value=1, max_value=9999)
    reason = _long(said("Why is it needed?"))

    def __init__(
        self, *words: Any, agreements: Iterable[tuple[str, str]], provisions: Iterable[tuple[str, str]], **more: Any
    ) -> None:
        super().__init__(*words, **more)
        self.fields["agreement"].choices = list(agreements)  # type: ignore[attr-defined]
        self.fields["provision"].choices = list(provisions)  # type: ignore[attr-defined]


class HitsForm(Asked):
    """Popular names, one by one: kept or taken out, each with a reason. Fields are answer_PK and reason_PK."""

    def __init__(self, *words: Any, hits: Iterable[Hit], **more: Any) -> None:
        super().__init__(*words, **more)
        self.hits = list(hits)
        for hit in self.hits:
            label = said("{name}, rank {rank}", name=hit.name, rank=number(hit.rank))
            self.fields[f"answer_{hit.pk}"] = _radio(label, [("removed", said("Take it out")), ("kept", said("Keep it"))])
            self.fields[f"reason_{hit.pk}"] = _text(said("Why, for {name}?", name=hit.name))

    def rows(self) -> list[tuple[Any, Any]]:
        return [(self[f"answer_{hit.pk}"], self[f"reason_{hit.pk}"]) for hit in self.hits]

    def answers(self) -> dict[str, tuple[str, str]]:
        """name -> (answer, reason), for those where something was entered."""
        found = {}
        for hit in self.hits:
            pair = (self.cleaned_data[f"answer_{hit.pk}"], self.cleaned_data[f"reason_{hit.pk}"])
            if any(pair):
                found[hit.name] = pair
        return found

    def field_of(self, name: str) -> str | None:
        """Core names errors after the domain name; the field is named after the hit's number. A missing reason is said there."""
        hit = next((h for h in self.hits if h.name == name), None)
        if hit is None:
            return None
        return f"reason_{hit.pk}" if self.cleaned_data.get(f"answer_{hit.pk}") else f"answer_{hit.pk}"


class RemoveForm(Asked):
    prefix = "remove"
    names = _long(said("Which names do you take out?"), hint=said("One a line, as they stand on the list."))
    reason = _text(said("Why?"))


class DecisionForm(Asked):
    """One outcome for the chosen lines. `lines` is drawn by the page, in groups that can be split."""

    unchosen = {"outcome": said("Choose what you propose")}
    outcome = _radio(said("What do you propose?"), [(o.value, o.words) for o in Outcome])
    reasons = _long(said("Reasons"), hint=said("The letter is made from them. Whole sentences, for the registry's lawyers."))
    modification = _long(said("What is modified?"), hint=said("Only for “granted as modified”."))
    conditions = _long(said("Conditions"), hint=said("One a line, beside those that every instrument has."))
    reporting = _text(said("Reporting"))
    disposition = _text(said("What becomes of the names at the end?"))
    quote = _long(said("Wording of the provision"), hint=said("Only if the letter is to quote it: word for word."))
    quote_source = _text(said("Source of this wording"), hint=said("Agreement, section and date."))

    def __init__(self, *words: Any, zones: list[tuple[str, str]], usual: Mapping[str, str], **more: Any) -> None:
        super().__init__(*words, **more)
        self.fields.update(moment_fields("acts_from", zones))
        self.fields.update(moment_fields("effective_from", zones))
        self.fields.update(moment_fields("ends_at", zones))
        for name, words in usual.items():
            self.fields[name].help_text = said("Leave empty for the usual: {usual}", usual=words)
        self.fields["lines"] = forms.CharField(label=said("Which lines?"), required=False)


class CodeForm(Asked):
    code = forms.CharField(
        label=said("Code from your authenticator"),
        required=False,
        help_text=said("6 digits. You may paste it."),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


class ServeForm(Asked):
    unchosen = {"channel": said("Choose how it was served")}
    channel = _radio(said("How was it served?"), CHANNELS.items())
    confirmation = _text(said("Confirmation of the server or courier"), hint=said("Number of the consignment, name of who took it, message id."))

    def __init__(self, *words: Any, zones: list[tuple[str, str]], **more: Any) -> None:
        super().__init__(*words, **more)
        self.fields.update(moment_fields("served_at", zones))


def provision_choices(request: Request, catalogue: Iterable[Any]) -> list[tuple[str, str]]:
    """Provisions of the request's agreements, once each, in the catalogue's order."""
    keys = {(line.agreement.family, line.agreement.version) for line in request.lines.select_related("agreement")}
    if not keys:
        keys = {(a.family, a.version) for a in request.operator.agreements.filter(tlds__name__in=request.tlds)}
    found: dict[str, str] = {}
    for row in catalogue:
        if (row.family, row.version) in keys:
            found.setdefault(row.id, f"{row.id}, {row.title}"[:110])
    return list(found.items())


class GroupsForm(Asked):
    """`groups` is drawn by the page: a class over all TLDs, and below it each TLD."""

    prefix = "groups"
    answer = _radio(said("What becomes of their names?"), [("removed", said("Take them out")), ("kept", said("Keep them"))])
    reason = _text(said("Why?"))
