"""The signing key in a token that speaks PKCS#11 (hardware, or SoftHSM): nobody can copy it, also not whoever owns the machine.

Trust: a thief of the PIN can sign while he can reach the token, and not afterwards. The key behaves like one of
`cryptography`, so that letters, tokens and certificate requests are signed by the same code as with a key file.

Ed25519, which signs checkpoints, stays a file: the modules that approve mechanisms do not approve it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from dataclasses import dataclass, field
from typing import Any, NoReturn

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ersr.core.errors import Refusal


@dataclass(frozen=True)
class Place:
    """Where the key lies: the module's path, the token's label, the key's label, and the PIN of the token's user."""

    module: str
    token: str
    key: str
    pin: str = field(repr=False)


def absent(message: str) -> Refusal:
    return Refusal("key_absent", message)


def _library() -> Any:
    try:
        import pkcs11  # an extra, ersr[pkcs11]: a service with key files and every verifier run without it
    except ImportError:
        raise absent("keys in hardware need the package python-pkcs11: install ersr[pkcs11].") from None
    return pkcs11


def _told(problem: Exception) -> str:
    return str(problem) or type(problem).__name__


class _Token:
    """One log-in of one process. A module allows one per process and shares it among threads, so they take turns."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.turn = threading.Lock()
        self.session: Any = None
        #: What the token said to our PIN: it is not asked again, because a token locks itself after a few wrong ones.
        self.refused = ""

    def open(self, *, insist: bool = False, rw: bool = False) -> Any:
        """The session, logged in. Call with `turn` held. `insist` tries a PIN although the token counted a wrong one."""
        if self.session is not None and rw:  # keys are made in a session of another kind, and there is one log-in only
            self.session.close()
            self.session = None
        if self.session is not None:
            return self.session
        if self.refused:
            raise absent(self.refused)
        pkcs11, place = _library(), self.place
        try:
            library = pkcs11.lib(place.module)
            if _started.setdefault(place.module, os.getpid()) != os.getpid():
                library.reinitialize()  # the module's state is the parent's; this process needs its own
                _started[place.module] = os.getpid()
            token = library.get_token(token_label=place.token)
        except (pkcs11.NoSuchToken, pkcs11.MultipleTokensReturned):
            raise absent(
                f"there is not exactly one token labelled {place.token!r}: set ERSR_PKCS11_TOKEN, or plug it in."
            ) from None
        except pkcs11.PKCS11Error as problem:
            raise absent(f"the PKCS#11 module {place.module} cannot be used: {_told(problem)}.") from None
        flags = token.flags
        if flags & pkcs11.TokenFlag.USER_PIN_LOCKED:
            raise absent(f"the PIN of the token {place.token!r} is locked: its security officer must set a new one.")
        if flags & (pkcs11.TokenFlag.USER_PIN_COUNT_LOW | pkcs11.TokenFlag.USER_PIN_FINAL_TRY) and not insist:
            raise absent(
                f"the token {place.token!r} was given a wrong PIN and is not asked again, so that it does not lock itself: "
                "put ERSR_PKCS11_PIN right, then run `ersr-service keys prove`."
            )
        try:
            self.session = token.open(user_pin=place.pin, rw=rw)
        except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange, pkcs11.PinExpired, pkcs11.PinLocked):
            self.refused = (
                f"the token {place.token!r} refused the PIN; it is not asked again, so that it does not lock itself: put "
                "ERSR_PKCS11_PIN right, run `ersr-service keys prove`, and start again."
            )
            raise absent(self.refused) from None
        except pkcs11.PKCS11Error as problem:
            raise absent(f"the token {place.token!r} cannot be opened: {_told(problem)}.") from None
        return self.session

    def sign(self, digest: bytes, *, insist: bool = False) -> bytes:
        """r || s as the token gives it."""
        pkcs11 = _library()
        with self.turn:
            for last in (False, True):
                session = self.open(insist=insist)
                try:
                    key = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=self.place.key)
                    return bytes(key.sign(digest, mechanism=pkcs11.Mechanism.ECDSA))
                except (pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned):
                    raise absent(
                        f"the token {self.place.token!r} holds not exactly one key labelled {self.place.key!r}: set ERSR_PKCS11_KEY."
                    ) from None
                except pkcs11.PKCS11Error as problem:
                    # The token was pulled out or restarted: one new session may do, a second failure is the token's.
                    self.session = None
                    if last:
                        raise absent(f"the token does not sign: {_told(problem)}.") from None
        raise AssertionError("unreachable")

    def generate(self) -> ec.EllipticCurvePublicKey:
        """A new P-256 pair that stays in the token; refuses a label that is taken."""
        pkcs11 = _library()
        from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

        with self.turn:
            session = self.open(rw=True)
            label = {pkcs11.Attribute.LABEL: self.place.key}
            if next(iter(session.get_objects(label)), None) is not None:
                raise absent(f"the token holds {self.place.key!r} already: name another label with ERSR_PKCS11_KEY.")
            curve = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
            made = session.create_domain_parameters(pkcs11.KeyType.EC, curve, local=True)
            public, _ = made.generate_keypair(store=True, label=self.place.key)
            key = serialization.load_der_public_key(encode_ec_public_key(public))
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise TypeError("the token made another kind of key")
        return key


#: (process, place) -> its log-in. Entries of a parent stay: if they went, their end would close sessions of the child.
_tokens: dict[tuple[int, Place], _Token] = {}
#: module -> the process that initialised it.
_started: dict[str, int] = {}


def _token(place: Place) -> _Token:
    return _tokens.setdefault((os.getpid(), place), _Token(place))


class HardwareKey(ec.EllipticCurvePrivateKey):
    """A P-256 key that signs and cannot be read. `public` is the certificate's: every signature is held against it."""

    def __init__(self, place: Place, public: ec.EllipticCurvePublicKey) -> None:
        self.place, self._public = place, public

    @classmethod
    def generate(cls, place: Place) -> HardwareKey:
        return cls(place, _token(place).generate())

    def sign(
        self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm, *, insist: bool = False
    ) -> bytes:
        if not isinstance(signature_algorithm.algorithm, hashes.SHA256):
            raise UnsupportedAlgorithm("only SHA-256")
        raw = _token(self.place).sign(hashlib.sha256(data).digest(), insist=insist)
        signature = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        try:
            self._public.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise absent(
                f"the certificate in chain.pem is not that of the key {self.place.key!r} in the token {self.place.token!r}: "
                "set ERSR_PKCS11_KEY, or put its certificate there."
            ) from None
        return signature

    def prove(self, *, insist: bool = False) -> None:
        """Signs something of no meaning: refuses ("key_absent") whatever would keep a waiver from being signed."""
        self.sign(b"ersr: does the key answer? " + secrets.token_bytes(16), ec.ECDSA(hashes.SHA256()), insist=insist)

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def exchange(self, *_: object) -> NoReturn:
        raise UnsupportedAlgorithm("a signing key agrees on nothing")

    def private_numbers(self) -> NoReturn:
        raise UnsupportedAlgorithm("the key stays in the token")

    def private_bytes(self, *_: object) -> NoReturn:
        raise UnsupportedAlgorithm("the key stays in the token")

    def __copy__(self) -> HardwareKey:
        return self

    def __deepcopy__(self, _: object) -> HardwareKey:
        return self
