"""Browsers that somebody has signed in with, remembered by a cookie: their own tries are counted apart from strangers'.

The cookie holds, for each of the last few people who signed in there, "PERSON.NONCE.MAC". It opens nothing: it decides whose
patience a try costs (after OWASP's device cookies). The MAC covers the password's hash, so that a changed password or a
recovery makes every browser unknown again.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.utils.crypto import constant_time_compare, salted_hmac

from ersr.people.models import Person

COOKIE, LASTS = "ersr_device", timedelta(days=365)
PEOPLE_AT_MOST = 8  # a duty room shares a machine


def _mac(person: Person, nonce: str) -> str:
    return salted_hmac("ersr.device", f"{person.pk}.{nonce}.{person.password}", algorithm="sha256").hexdigest()[:40]


def _entries(cookie: str) -> list[str]:
    return cookie.split("~")[:PEOPLE_AT_MOST] if cookie.isascii() and len(cookie) < 2000 else []


def known(person: Person, cookie: str) -> str:
    """The browser's nonce, if this person has signed in with it; else ""."""
    for entry in _entries(cookie):
        who, _, rest = entry.partition(".")
        nonce, _, mac = rest.partition(".")
        if who == str(person.pk) and nonce and constant_time_compare(mac, _mac(person, nonce)):
            return nonce
    return ""


def remembered(person: Person, cookie: str) -> str:
    """The cookie's value after this person has signed in: their entry first, others' kept."""
    nonce = known(person, cookie) or secrets.token_hex(16)
    others = [entry for entry in _entries(cookie) if entry and not entry.startswith(f"{person.pk}.")]
    return "~".join([f"{person.pk}.{nonce}.{_mac(person, nonce)}", *others][:PEOPLE_AT_MOST])
