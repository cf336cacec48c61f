"""Words that no password of this service may be built on: ours, the authority's, the trade's."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError

#: What somebody who guesses tries first here (ASVS 5.0, 6.1.2). Compared without digits, marks and case.
WORDS = (
    "agreement", "authority", "checkpoint", "conficker", "contractual", "domain", "dutyofficer", "ersr", "expedited", "iana", "icann", "ledger",
    "nameserver", "password", "registrar", "registry", "request", "securityresponse", "sinkhole", "srw", "waiver",
)  # fmt: skip
_SWAPPED = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s"})
#: Characters that must be left when those words are taken out.
LEFT_AT_LEAST = 8


class OwnWords:
    """Django validator: what remains without our own words must still be long enough to be a password."""

    def validate(self, password: str, user: object = None) -> None:
        left = password.lower().translate(_SWAPPED)
        for word in sorted(WORDS, key=len, reverse=True):
            left = left.replace(word, "")
        if len(re.sub(r"[\W\d_]", "", left)) < LEFT_AT_LEAST and left != password.lower().translate(_SWAPPED):
            raise ValidationError("Choose words that have nothing to do with this service or its trade.")

    def get_help_text(self) -> str:
        return "Words of this service and its trade do not count."
