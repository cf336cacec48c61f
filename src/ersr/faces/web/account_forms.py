"""The forms about oneself: factors, recovery codes, the password, a lost factor."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from ersr.faces.web.forms import CodeForm, OnceInput, PlainForm


def _password(label: str, autocomplete: str, hint: str = "") -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label=label, required=False, strip=False, help_text=hint, widget=widget)


class RecoveryForm(PlainForm):
    email = forms.CharField(
        label=_("E-mail"), required=False, widget=forms.EmailInput(attrs={"autocomplete": "username", "spellcheck": "false"})
    )
    password = _password(_("Password"), "current-password")
    code = forms.CharField(
        label=_("Recovery code"), required=False, help_text=_("One that you have not used, like ABCD-EFGH-IJKL-MNOP."),
        widget=OnceInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "maxlength": "40"}),
    )  # fmt: skip


class LostForm(PlainForm):
    email = forms.EmailField(
        label=_("Your e-mail address"), required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "spellcheck": "false"}),
        error_messages={"invalid": _("Enter an e-mail address, like n.name@example.org")},
    )  # fmt: skip

    def clean_email(self) -> str:
        if not self.cleaned_data["email"]:
            raise forms.ValidationError(_("Enter your e-mail address"))
        return str(self.cleaned_data["email"])


class NameForm(PlainForm):
    name = forms.CharField(
        label=_("What do you call it?"), required=False, max_length=60, help_text=_("Like “phone” or “key on my ring”.")
    )


class RemoveForm(CodeForm):
    prefix = None
    factor = forms.ChoiceField(
        label=_("Which one?"), required=False, error_messages={"invalid_choice": _("Choose one of the list")}
    )
    field_order = ("factor", "code")

    def __init__(self, *words: object, choices: list[tuple[str, str]], **more: object) -> None:
        super().__init__(*words, auto_id="remove_%s", **more)
        self.fields["factor"].choices = [("", _("Choose")), *choices]  # type: ignore[attr-defined]


class NewPasswordForm(CodeForm):
    old_password = _password(_("The password you have"), "current-password")
    new_password = _password(_("The new one"), "new-password", _("At least 12 characters. A sentence is good."))
    field_order = ("old_password", "new_password", "code")
