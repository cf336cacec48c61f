"""The waiver as a token: an SD-JWT (RFC 9901), ES256, made from the same terms as the letter.

Open claims: `iss`, `jti` (the instrument's reference), `iat` (the signing, seconds since 1970, as RFC 7519 asks), and
`acts_from`, `effective_from`, `ends_at` as RFC 3339 text in UTC, letter for letter as the terms have them. There is no `nbf`
and no `exp`: a past `exp` makes other verifiers refuse what is evidence for ever.

Every other term is a disclosure of its own, and so is each element of `agreements` and `lines`, so that a holder can show one
TLD without the other thirty-nine. Order is fixed (claims by name, elements after their list), so a token, and each
presentation of it, has exactly one spelling; cutting a token after any `~` gives a presentation.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ersr.core.terms import Terms, WaiverStatus
from ersr.core.tongue import said
from ersr.proof import strict
from ersr.proof.keys import KeySet, Signer, SigningKey
from ersr.proof.strict import unfit

TYPE = "waiver+sd-jwt"
OPEN = frozenset({"iss", "jti", "iat", "acts_from", "effective_from", "ends_at"})
#: Every term that is not open, by the name that it has in core/terms.py.
DISCLOSABLE = frozenset(
    (
        *("agreements", "authority", "conditions", "confidentiality", "dated", "disposition", "incident", "instrument"),
        *("lines", "names", "publication", "reasons", "registry", "reporting", "request", "rsp", "signatory", "tlp"),
    )
)
LISTS = frozenset({"agreements", "lines"})
_SALT = 16


@dataclass(frozen=True)
class Disclosure:
    """One disclosed value: a claim (`name`) or an element of a list (`name` is None)."""

    text: str
    name: str | None
    value: Any

    @property
    def digest(self) -> str:
        return _digest(self.text)


@dataclass(frozen=True)
class Token:
    """A token that is well formed. Only `verify` says that it is signed."""

    header: dict[str, str]
    payload: dict[str, Any]
    signature: bytes
    disclosures: tuple[Disclosure, ...]
    claims: dict[str, Any]
    withheld: int
    signed: str = field(repr=False)
    issued_at: datetime = field(init=False)
    acts_from: datetime = field(init=False)
    effective_from: datetime = field(init=False)
    ends_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "issued_at", datetime.fromtimestamp(self.payload["iat"], UTC))
        for name in ("acts_from", "effective_from", "ends_at"):
            put(self, name, strict.moment_of(self.payload[name], name))
        if not self.acts_from <= self.effective_from < self.ends_at:
            raise unfit(said("The token's period does not hold: acts_from <= effective_from < ends_at."))

    @property
    def reference(self) -> str:
        return str(self.payload["jti"])

    @property
    def text(self) -> str:
        return "~".join([f"{self.signed}.{strict.b64url(self.signature)}", *(d.text for d in self.disclosures), ""])

    def status_at(self, now: datetime) -> WaiverStatus:
        if now < self.effective_from:
            return WaiverStatus.UPCOMING
        return WaiverStatus.IN_FORCE if now < self.ends_at else WaiverStatus.ENDED

    def terms(self) -> Terms:
        """The terms of a whole token; refuses a presentation."""
        if self.withheld:
            raise unfit(said("{withheld} claims of this token are withheld, so its terms cannot be read whole.", withheld=self.withheld))
        raw = {name: self.claims.get(name) for name in DISCLOSABLE}
        raw |= {name: self.payload[name] for name in ("acts_from", "effective_from", "ends_at")}
        try:
            terms = Terms.from_json(json.dumps({**raw, "reference": self.reference}))
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise unfit(said("The token's claims are not the terms of a waiver.")) from error
        if json.loads(terms.to_json()) != {**raw, "reference": self.reference}:
            raise unfit(said("The token's claims are not the terms of a waiver in their one spelling."))
        return terms


def issue(terms: Terms, *, issued_at: datetime, issuer: str, signer: Signer) -> str:
    """The whole token, ending in `~`, without a final newline. `issued_at` is the signing, UTC."""
    if issued_at.utcoffset() is None:
        raise ValueError("issued_at must have a zone")
    plain = json.loads(terms.to_json())
    made: list[Disclosure] = []
    digests: list[str] = []
    for name in sorted(DISCLOSABLE):
        if plain[name] is None:  # no RSP, no list of names: no claim
            continue
        elements = [_disclose(None, value) for value in plain[name]] if name in LISTS else []
        claim = _disclose(name, [{"...": e.digest} for e in elements] if name in LISTS else plain[name])
        made += [claim, *elements]
        digests.append(claim.digest)
    payload = {
        "iss": issuer,
        "jti": terms.reference,
        "iat": int(issued_at.timestamp()),
        **{name: plain[name] for name in ("acts_from", "effective_from", "ends_at")},
        "_sd": sorted(digests),
        "_sd_alg": "sha-256",
    }
    header = {"alg": "ES256", "kid": signer.kid, "typ": TYPE}
    signed = f"{strict.b64url(strict.canonical(header))}.{strict.b64url(strict.canonical(payload))}"
    signature = strict.b64url(signer.sign(signed.encode("ascii")))
    return "~".join([f"{signed}.{signature}", *(d.text for d in made), ""])


def parse(token: str) -> Token:
    """The token's parts, each decoded strictly; refuses ("unfit") undigested, repeated and reordered disclosures."""
    jwt, *texts = token.split("~")
    parts = jwt.split(".")
    if not texts or texts.pop() or len(parts) != 3:
        raise unfit(said("This is not an SD-JWT: three parts with dots, then disclosures, each followed by a '~'."))
    header = strict.uncanonical(strict.unb64url(parts[0], "The token's header"), "The token's header")
    strict.members(header, "The token's header", {"alg", "kid", "typ"})
    if header["alg"] != "ES256" or header["typ"] != TYPE or not isinstance(header["kid"], str):
        raise unfit(said("The token's header must say ES256, {type} and a kid.", type=TYPE))
    payload = strict.uncanonical(strict.unb64url(parts[1], said("The token's payload")), said("The token's payload"))
    _check_payload(payload)
    signature = strict.unb64url(parts[2], "The token's signature", length=64)
    disclosures = [_parse_disclosure(text) for text in texts]
    claims, order, withheld = _expand(payload, {d.digest: d for d in disclosures})
    if [d.text for d in order] != texts:
        raise unfit(said("The token's disclosures are undigested, repeated or out of order."))
    claims |= {name: payload[name] for name in OPEN}
    made = Token(header, payload, signature, tuple(order), claims, withheld, f"{parts[0]}.{parts[1]}")
    if made.text != token:
        raise unfit(said("The token is not what it would be if it were written again: it was changed."))
    return made


def verify(token: str, key_set: KeySet) -> tuple[Token, SigningKey]:
    """The token and the trusted key that signed it, or a refusal ("unfit") that says what is wrong."""
    found = parse(token)
    key = key_set.signing_key(found.header["kid"])
    if key is None:
        raise unfit(
            said("The token names the key {header}, which is not among the keys you trust: it is forged or damaged, comes from another installation, or is newer than your keys file.", header=found.header["kid"][:60])
        )
    if not key.verifies(found.signed.encode("ascii"), found.signature):
        raise unfit(
            said("The token's signature does not fit its content: it was changed, or the signature is not the key's.")
        )
    if not key.valid_from <= found.issued_at <= key.valid_until:
        raise unfit(said("The token says that it was signed when its key was not valid."))
    return found, key


def present(token: str, claims: Iterable[str]) -> str:
    """A presentation that shows only `claims`: "tlp", or "lines" with all elements, or "lines/0" for its first one.

    Open claims are always shown. Refuses a claim that the token does not show itself.
    """
    wanted = set(claims)
    found, kept, used = parse(token), list[Disclosure](), set[str]()
    by_digest = {d.digest: d for d in found.disclosures}
    for claim in (d for d in found.disclosures if d.name is not None):
        elements = [by_digest.get(e["..."]) for e in claim.value] if claim.name in LISTS else []
        paths = {f"{claim.name}/{n}": e for n, e in enumerate(elements) if e is not None}
        chosen = paths if claim.name in wanted else {p: e for p, e in paths.items() if p in wanted}
        if claim.name in wanted or chosen:
            kept += [claim, *chosen.values()]
            used |= {str(claim.name), *paths}
    if missing := wanted - used:
        raise unfit(said("The token does not show {missing}.", missing=', '.join(sorted(missing))))
    jwt = token.split("~", 1)[0]
    return "~".join([jwt, *(d.text for d in kept), ""])


def _digest(text: str) -> str:
    return strict.b64url(hashlib.sha256(text.encode("ascii")).digest())


def _disclose(name: str | None, value: Any) -> Disclosure:
    salt = strict.b64url(secrets.token_bytes(_SALT))
    text = strict.b64url(strict.canonical([salt, value] if name is None else [salt, name, value]))
    return Disclosure(text, name, value)


def _parse_disclosure(text: str) -> Disclosure:
    raw = strict.uncanonical(strict.unb64url(text, "A disclosure"), "A disclosure")
    if not isinstance(raw, list) or len(raw) not in (2, 3):
        raise unfit(said("A disclosure must be a list of salt, name and value, or of salt and value."))
    strict.unb64url(strict.text_of(raw[0], "A salt"), "A salt", length=_SALT)
    if len(raw) == 3 and (not isinstance(raw[1], str) or raw[1] not in DISCLOSABLE):
        raise unfit(said("A disclosure names {raw}, which is no term of a waiver.", raw=repr(raw[1])))
    return Disclosure(text, raw[1] if len(raw) == 3 else None, raw[-1])


def _check_payload(payload: Any) -> None:
    strict.members(payload, said("The token's payload"), set(OPEN) | {"_sd", "_sd_alg"})
    iat, digests = payload["iat"], payload["_sd"]
    if payload["_sd_alg"] != "sha-256" or not isinstance(digests, list):
        raise unfit(said("The token's digests must be a list made with sha-256."))
    for digest in digests:
        strict.unb64url(strict.text_of(digest, "A digest"), "A digest", length=32)
    if sorted(set(digests)) != digests:
        raise unfit(said("The token's digests must be sorted, each once."))
    if type(iat) is not int or not 0 <= iat <= 253402300799:
        raise unfit(said("The token's iat must be whole seconds since 1970."))
    strict.text_of(payload["iss"], "iss")
    strict.text_of(payload["jti"], "jti")


def _expand(payload: dict[str, Any], given: dict[str, Disclosure]) -> tuple[dict[str, Any], list[Disclosure], int]:
    """The disclosed claims, the disclosures in their one order, and how many digests have none."""
    shown = [given[d] for d in payload["_sd"] if d in given]
    withheld = len(payload["_sd"]) - len(shown)
    claims: dict[str, Any] = {}
    order: list[Disclosure] = []
    for claim in sorted(shown, key=lambda d: d.name or ""):
        if claim.name is None or claim.name in claims:
            raise unfit(said("The token discloses a list's element as a claim, or one claim twice."))
        order.append(claim)
        value = claim.value
        if claim.name in LISTS:
            elements, hidden = _elements(value, given)
            order += elements
            withheld += hidden
            value = [e.value for e in elements]
        claims[claim.name] = value
    return claims, order, withheld


def _elements(value: Any, given: dict[str, Disclosure]) -> tuple[list[Disclosure], int]:
    if not isinstance(value, list):
        raise unfit(said("A list of the token is not a list."))
    digests = [strict.text_of(strict.members(e, "An element", {"..."})["..."], "A digest") for e in value]
    if len(set(digests)) != len(digests):
        raise unfit(said("A digest stands twice in a list of the token."))
    shown = [given[d] for d in digests if d in given]
    if any(e.name is not None for e in shown):
        raise unfit(said("The token discloses a claim as a list's element."))
    return shown, len(digests) - len(shown)
