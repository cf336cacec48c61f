"""The one meaning of "covered": does a signed writing reach this act?

Desk, registry pages, API, command and verifier all ask here, so that no two of them can disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ersr.core.say import aware, say
from ersr.core.terms import Terms


@dataclass(frozen=True)
class Coverage:
    """`why` is one sentence, whichever way it went."""

    covered: bool
    why: str


class Listing(NamedTuple):
    """What a list says of one name. `windows` are half-open, an open side is None; without any the name is listed at all times.

    `removed_at` is when a version of the list left the name out: from then on it is not on the list; if it is not `listed` either, it
    was out before the list was signed, and never was covered.
    """

    listed: bool
    windows: tuple[tuple[datetime | None, datetime | None], ...] = ()
    removed_at: datetime | None = None

    def window(self, at: datetime) -> tuple[datetime | None, datetime | None] | None:
        """The window that `at` lies in; None if there is none, or none is needed."""
        for begins, ends in self.windows:
            if (begins is None or at >= begins) and (ends is None or at < ends):
                return begins, ends
        return None


ALWAYS = Listing(True)
ABSENT = Listing(False)

_LISTED = Coverage(True, "It is on the list.")
_ABSENT = Coverage(False, "It is not on the list.")


def on_list(listing: Listing, at: datetime) -> Coverage:
    """Whether the list has the name at the moment `at` (aware)."""
    if not listing.listed and listing.removed_at is None:
        return _ABSENT
    if listing.removed_at is not None and (not listing.listed or aware(at) >= listing.removed_at):
        return Coverage(False, f"It was removed from the list at {say(listing.removed_at)}.")
    if not listing.windows:
        return _LISTED
    if found := listing.window(aware(at)):
        return Coverage(True, f"It is on the list {_say_window(*found)}.")
    windows = ", and ".join(_say_window(*one) for one in listing.windows)
    return Coverage(False, f"It is on the list {windows}, and not at {say(at)}.")


def _say_window(begins: datetime | None, ends: datetime | None) -> str:
    """With at least one side given, as intake sees to."""
    told = [f"from {say(begins)}"] if begins else []
    return " ".join(told + ([f"until {say(ends)}"] if ends else []))


def covers(
    terms: Terms,
    *,
    acted_at: datetime,
    action: str,
    tld: str,
    provision: str | None = None,
    listing: Listing | None = None,
) -> Coverage:
    """Whether `terms` cover an act of kind `action` under `tld` (A-label) done at `acted_at` (aware).

    An act is covered from `acts_from` (which may lie before the signature: retroactive cover) and before `ends_at`, if
    one granted line has this action and this TLD, and this provision where one is asked for. `listing` is what the
    caller found of the name in the covered set: where there is one, None (not looked up) is never a yes, and the name's
    window must hold the act.
    """
    acted_at = aware(acted_at)
    if acted_at < terms.acts_from:
        return Coverage(False, f"{terms.reference} covers no act before {say(terms.acts_from)}.")
    if acted_at >= terms.ends_at:
        return Coverage(False, f"{terms.reference} covers no act from {say(terms.ends_at)} on.")
    tld = tld.lower().strip(".")
    fitting = [line for line in terms.lines if line.action == action]
    if not fitting:
        return Coverage(False, f"{terms.reference} has no line for this action.")
    fitting = [line for line in fitting if tld in line.tlds]
    if not fitting:
        return Coverage(False, f"{terms.reference} has no line for this action under .{tld}.")
    if provision is not None:
        fitting = [line for line in fitting if line.provision == provision]
        if not fitting:
            return Coverage(False, f"{terms.reference} does not reach {provision} for this action under .{tld}.")
    if terms.names is not None:
        if listing is None:
            return Coverage(False, f"{terms.reference} covers listed names only, and no name was looked up.")
        if not listing.listed and listing.removed_at is None:
            return Coverage(False, f"{terms.reference} covers listed names only, and this name is not one of them.")
        found = on_list(listing, acted_at)
        if not found.covered:
            return Coverage(False, f"{terms.reference} covers listed names only. {found.why}")
    numbers = ", ".join(str(line.number) for line in fitting)
    provisions = ", ".join(dict.fromkeys(line.provision for line in fitting))
    return Coverage(True, f"Covered by {terms.reference}, {'line' if len(fitting) == 1 else 'lines'} {numbers}: {provisions}.")
