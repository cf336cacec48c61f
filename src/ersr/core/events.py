"""The event vocabulary: everything that can stand in the ledger. Alphabetical; a kind is never reused."""

from __future__ import annotations

from collections.abc import Mapping

from ersr.core.lifecycle import ACTIONS

_OTHERS = {
    "authority.configured": "The authority, its calendar and its keys were set up.",
    "call.attempted": "A call attempt: number, time, outcome.",
    "call.words_drawn": "New verification words were drawn for a call.",
    "delegation.ended": "A delegation of authority was ended before its time.",
    "delegation.given": "Somebody was given authority to sign a kind of instrument.",
    "key.introduced": "A key came into use.",
    "ledger.redacted": "The body of an event was erased; its leaf stays.",
    "notification.read": "A notification was acknowledged by its reader.",
    "parties.imported": "Parties, agreements or contacts were imported.",
    "people.deactivated": "Somebody's access was ended.",
    "people.ended_session": "A session was ended.",
    "people.enrolled": "A person set a password and a second factor.",
    "people.invited": "A person was invited with roles.",
    "people.reinvited": "A person was invited anew: the old password and factor ended.",
    "people.signed_in": "A person signed in.",
    "people.token_ended": "A personal token was ended.",
    "people.token_made": "A personal token was made.",
    "popularity.imported": "A popularity list was imported.",
    "privileged.read": "A privileged note was read.",
    "provision.added": "A row was added to the provision catalogue.",
    "request.advice_renewed": "The rules proposed lines anew.",
}

#: kind -> what happened, in words.
EVENTS: Mapping[str, str] = dict(sorted({**_OTHERS, **{a.event: f"{a.told}." for a in ACTIONS.values()}}.items()))
