"""The event vocabulary: everything that can stand in the ledger. Alphabetical; a kind is never reused."""

from __future__ import annotations

from collections.abc import Mapping

from ersr.core.lifecycle import ACTIONS
from ersr.core.tongue import said

_OTHERS = {
    "authority.configured": said("The authority, its calendar and its keys were set up."),
    "call.attempted": said("A call attempt: number, time, outcome."),
    "call.words_drawn": said("New verification words were drawn for a call."),
    "delegation.ended": said("A delegation of authority was ended before its time."),
    "delegation.given": said("Somebody was given authority to sign a kind of instrument."),
    "key.introduced": said("A key came into use."),
    "key.retired": said("A key went out of use."),
    "ledger.redacted": said("The body of an event was erased; its leaf stays."),
    "ledger.resumed": said("The ledger went on from a backup under a new name: later entries were lost."),
    "list.screened": said("A name list was held against zones; the hits are a file of that digest."),
    "list.screened_again": said("Somebody asked that a name list be held against zones once more."),
    "notification.read": said("A notification was acknowledged by its reader."),
    "notification.sent_again": said("A mail that had failed was tried again at somebody's word."),
    "parties.imported": said("Parties, agreements or contacts were imported."),
    "people.deactivated": said("Somebody's access was ended."),
    "people.device_approved": said("A person let a program act for them."),
    "people.device_refused": said("A person refused a program that asked to act for them."),
    "people.ended_session": said("A session was ended."),
    "people.enrolled": said("A person set a password and a second factor."),
    "people.factor_added": said("A second factor was added."),
    "people.factor_removed": said("A second factor was removed."),
    "people.invited": said("A person was invited with roles."),
    "people.password_changed": said("A person changed their password."),
    "people.reactivated": said("Ended access was given back."),
    "people.recovery_approved": said("A new second factor for a lost one was approved."),
    "people.recovery_asked": said("A lost second factor was reported."),
    "people.recovery_called": said("A call to a number on file about a lost second factor."),
    "people.recovery_code_used": said("A recovery code let somebody in."),
    "people.recovery_codes_made": said("Recovery codes were made anew."),
    "people.recovery_sent": said("The link to a new second factor went out."),
    "people.recovery_stopped": said("The person stopped the recovery of a second factor."),
    "people.reinvited": said("A person was invited anew: the first invitation had lapsed, or an administrator was let in again."),
    "people.signed_in": said("A person signed in."),
    "people.token_ended": said("A personal token was ended."),
    "people.token_made": said("A personal token was made."),
    "popularity.imported": said("A popularity list was imported."),
    "privileged.read": said("A privileged note was read."),
    "provision.added": said("A row was added to the provision catalogue."),
    "request.advice_renewed": said("The rules proposed lines anew."),
}

#: kind -> what happened, in words.
EVENTS: Mapping[str, str] = dict(sorted({**_OTHERS, **{a.event: said("{what}.", what=a.told) for a in ACTIONS.values()}}.items()))
