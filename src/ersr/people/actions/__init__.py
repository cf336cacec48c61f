"""Every verb that changes people: one function, one transaction. Real time, except for delegations."""

from ersr.people.actions.delegating import delegate, end_delegation
from ersr.people.actions.entering import end_other_sessions, end_session, sign_in, sign_in_with_passkey
from ersr.people.actions.factors import (
    add_authenticator,
    add_passkey,
    ask_again_for_passkey,
    ask_for_passkey,
    change_password,
    draw_authenticator,
    make_recovery_codes,
    remove_factor,
)
from ersr.people.actions.inviting import (
    begin_enrolment,
    confirm_enrolment,
    deactivate,
    has_enrolled,
    invitation_for,
    invite,
    reactivate,
    reinvite,
    require_office,
)
from ersr.people.actions.keeping import drop_kept_form, keep_form, set_language, set_zone, sweep
from ersr.people.actions.recovering import (
    approve_recovery,
    begin_recovery,
    call_back,
    draw_recovery_link,
    report_lost,
    stop_recovery,
)
from ersr.people.actions.tokens import digest, end_token, make_token, note_token_use
from ersr.people.fresh import Fresh, confirm

__all__ = [
    "Fresh",
    "add_authenticator",
    "add_passkey",
    "approve_recovery",
    "ask_again_for_passkey",
    "ask_for_passkey",
    "begin_enrolment",
    "begin_recovery",
    "call_back",
    "change_password",
    "confirm",
    "confirm_enrolment",
    "deactivate",
    "delegate",
    "digest",
    "draw_authenticator",
    "draw_recovery_link",
    "drop_kept_form",
    "end_delegation",
    "end_other_sessions",
    "end_session",
    "end_token",
    "has_enrolled",
    "invitation_for",
    "invite",
    "keep_form",
    "make_recovery_codes",
    "make_token",
    "note_token_use",
    "reactivate",
    "reinvite",
    "remove_factor",
    "report_lost",
    "require_office",
    "set_language",
    "set_zone",
    "sign_in",
    "sign_in_with_passkey",
    "stop_recovery",
    "sweep",
]  # fmt: skip
