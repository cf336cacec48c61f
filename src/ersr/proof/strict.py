"""Strict decoding: each byte string has exactly one spelling, and every other spelling is refused.

Why: a verifier that accepts two spellings of one document accepts a changed file as authentic.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any

import rfc8785

from ersr.core.errors import Refusal
from ersr.core.terms import rfc3339
from ersr.core.tongue import said

#: No document of ours is near this; a larger one is refused before it is parsed.
LARGEST = 64 * 2**20


def unfit(message: str) -> Refusal:
    """A file that is not, byte for byte, what its format demands."""
    return Refusal("unfit", message)


def b64(data: bytes) -> str:
    """RFC 4648 section 4, with padding."""
    return base64.b64encode(data).decode("ascii")


def b64url(data: bytes) -> str:
    """RFC 4648 section 5, without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64(text: str, what: str, *, length: int | None = None) -> bytes:
    """The bytes of `text`; refuses other alphabets, missing padding, stray bits and a wrong `length`."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise unfit(said("{what} is not base64.", what=what)) from error
    if b64(data) != text:
        raise unfit(said("{what} is not base64 in its one strict spelling.", what=what))
    return _of_length(data, what, length)


def unb64url(text: str, what: str, *, length: int | None = None) -> bytes:
    """As `unb64`, for the URL alphabet without padding."""
    try:
        raw = text.encode("ascii")
        data = base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise unfit(said("{what} is not base64url.", what=what)) from error
    if b64url(data) != text:
        raise unfit(said("{what} is not base64url in its one strict spelling.", what=what))
    return _of_length(data, what, length)


def _of_length(data: bytes, what: str, length: int | None) -> bytes:
    if length is not None and len(data) != length:
        raise unfit(said("{what} has {data} bytes; it must have {length}.", what=what, data=len(data), length=length))
    return data


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise unfit(said("A JSON object names a member twice."))
    return found


def canonical(value: Any) -> bytes:
    """RFC 8785 (JCS)."""
    return rfc8785.dumps(value)


def uncanonical(data: bytes, what: str) -> Any:
    """The JSON value of `data`, which must be its own RFC 8785 form."""
    if len(data) > LARGEST:
        raise unfit(said("{what} is larger than {largest} bytes.", what=what, largest=LARGEST))
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_no_repeats)
        same = canonical(value) == data
    except (ValueError, RecursionError, rfc8785.CanonicalizationError) as error:
        raise unfit(said("{what} is not JSON.", what=what)) from error
    if not same:
        raise unfit(said("{what} is not in the canonical form of RFC 8785.", what=what))
    return value


def members(value: Any, what: str, needed: set[str], optional: frozenset[str] = frozenset()) -> dict[str, Any]:
    """`value` as an object with exactly these members."""
    if not isinstance(value, dict) or not needed <= set(value) <= needed | optional:
        raise unfit(said("{what} must have the members {needed}.", what=what, needed=', '.join(sorted(needed))))
    return value


def text_of(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise unfit(said("{what} must be text.", what=what))
    return value


def moment_of(value: Any, what: str) -> datetime:
    """RFC 3339 in UTC with whole seconds and a Z: 2026-11-14T11:07:00Z."""
    text = text_of(value, what)
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise unfit(said("{what} must be a time such as 2026-11-14T11:07:00Z.", what=what)) from error
    if rfc3339(moment) != text:
        raise unfit(said("{what} must be a time such as 2026-11-14T11:07:00Z.", what=what))
    return moment
