"""The one meaning of "covered": does a signed writing reach this act?

Desk, registry pages, API and verifier all ask here, so that no two of them can disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ersr.core.say import aware, say
from ersr.core.terms import Terms


@dataclass(frozen=True)
class Coverage:
    """`why` is one sentence, whichever way it went."""

    covered: bool
    why: str


def covers(
    terms: Terms,
    *,
    acted_at: datetime,
    action: str,
    tld: str,
    provision: str | None = None,
    name_listed: bool | None = None,
) -> Coverage:
    """Whether `terms` cover an act of kind `action` under `tld` (A-label) done at `acted_at` (aware).

    An act is covered from `acts_from` (which may lie before the signature: retroactive cover) and before `ends_at`, if
    one granted line has this action and this TLD, and this provision where one is asked for. `name_listed` is the
    caller's finding whether the name is in the covered set: where there is one, None (not looked up) is never a yes.
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
    if terms.names is not None and not name_listed:
        if name_listed is None:
            return Coverage(False, f"{terms.reference} covers listed names only, and no name was looked up.")
        return Coverage(False, f"{terms.reference} covers listed names only, and this name is not one of them.")
    numbers = ", ".join(str(line.number) for line in fitting)
    provisions = ", ".join(dict.fromkeys(line.provision for line in fitting))
    return Coverage(True, f"Covered by {terms.reference}, line {numbers}: {provisions}.")
