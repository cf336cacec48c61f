"""People who sign in: second factors, sessions, tokens, roles, delegations of authority."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from ersr.core.lifecycle import DISCIPLINES, STAFF, Role
from ersr.core.terms import Instrument
from ersr.parties.models import Party


class PersonManager(BaseUserManager["Person"]):
    def get_by_natural_key(self, username: str | None) -> Person:
        return self.get(email__iexact=username)


class Person(AbstractBaseUser):
    """Somebody who can sign in. `party` is whom they act for; staff act for the authority."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    title = models.CharField(max_length=120, blank=True)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="people")
    zone = models.CharField(max_length=60, default="UTC")
    language = models.CharField(max_length=10, blank=True, default="", db_default="")  # of pages and mails; "" until they chose one
    is_active = models.BooleanField(default=True)
    invited_at = models.DateTimeField()

    USERNAME_FIELD = "email"
    objects = PersonManager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def roles(self) -> frozenset[Role]:
        """Roles in core's terms; a responder of the legal discipline is also `legal`. Read once per instance."""
        if not hasattr(self, "_roles"):
            found = {(r.role, r.discipline) for r in self.role_rows.all()}
            self._roles = frozenset(Role(role) for role, _ in found) | (
                {Role.LEGAL} if (Role.RESPONDER.value, "legal") in found else frozenset()
            )
        return self._roles

    @property
    def disciplines(self) -> tuple[str, ...]:
        return tuple(sorted(r.discipline for r in self.role_rows.all() if r.discipline))

    @property
    def is_staff_member(self) -> bool:
        return bool(self.roles & STAFF)

    @property
    def languages(self) -> tuple[str, ...]:
        """Those in which all that this person can read is complete."""
        return settings.STAFF_LANGUAGES if self.is_staff_member else tuple(code for code, _ in settings.LANGUAGES)


class RoleRow(models.Model):
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="role_rows")
    role = models.CharField(max_length=20, choices=[(r.value, r.words) for r in Role if r is not Role.LEGAL])
    discipline = models.CharField(max_length=20, blank=True, choices=[(d, d.replace("_", " ")) for d in DISCIPLINES])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "role", "discipline"], name="role_once"),
            models.CheckConstraint(
                condition=models.Q(role="responder") & ~models.Q(discipline="")
                | ~models.Q(role="responder") & models.Q(discipline=""),
                name="responders_have_a_discipline",
            ),
        ]


class Factor(models.Model):
    """A second factor. The secret is sealed with the installation's secret; `last_step` makes each code work once."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="factors")
    kind = models.CharField(max_length=10, default="totp")
    sealed = models.TextField()
    last_step = models.BigIntegerField(default=0)
    confirmed_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)


class Passkey(models.Model):
    """A WebAuthn credential: the other kind of second factor. Holds nothing secret: a thief of the table gains nothing."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=60)
    credential = models.CharField(max_length=1400, unique=True)  # its id, base64url
    key = models.TextField()  # fido2's AttestedCredentialData, base64url
    counter = models.BigIntegerField()  # of signatures, as the authenticator counts; 0 where it does not
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class Challenge(models.Model):
    """What a passkey is asked to sign: for one thing, in one session, once, for five minutes.

    Of a person, or of nobody yet where it is for the sign-in. A new one replaces what was asked before about the same.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="+")
    session = models.CharField(max_length=64)  # digest of its key
    about = models.CharField(max_length=200)
    nonce = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["session", "about"], name="challenge_once")]


class RecoveryCode(models.Model):
    """One of ten codes on paper that let in once each. Only hashes are kept, of 80 random bits."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="recovery_codes")
    hash = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class Invitation(models.Model):
    """A link that lets one person set a password and enrol a factor. Only its hash is kept.

    `password` is the hash of the one that was chosen; it counts once the new factor has worked.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="invitations")
    hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    password = models.CharField(max_length=128, default="", db_default="", blank=True)


class Recovery(models.Model):
    """A lost second factor on its way to a new one: asked for, called back, approved by another, used or ended.

    `called_by` made the call that confirmed it. The database too keeps the three apart.
    """

    ENDS = ("denied", "lapsed", "stopped", "used")

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="recoveries")
    asked_at = models.DateTimeField()
    called_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    called_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    invitation = models.OneToOneField(Invitation, on_delete=models.PROTECT, null=True, related_name="recovery")
    ended_at = models.DateTimeField(null=True)
    ended = models.CharField(max_length=10, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=models.Q(ended_at__isnull=True), name="one_open_recovery"
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True)
                | models.Q(called_by__isnull=False) & ~models.Q(approved_by=models.F("called_by")),
                name="recovery_approver_is_not_caller",
            ),
            models.CheckConstraint(
                condition=(models.Q(called_by__isnull=True) | ~models.Q(called_by=models.F("person")))
                & (models.Q(approved_by__isnull=True) | ~models.Q(approved_by=models.F("person"))),
                name="recovery_is_not_by_oneself",
            ),
        ]


class RecoveryCall(models.Model):
    """A call to a number on file, copied, since the file changes. Append-only."""

    OUTCOMES = ("confirmed", "denied", "no_answer")

    recovery = models.ForeignKey(Recovery, on_delete=models.PROTECT, related_name="calls")
    contact_number_id = models.BigIntegerField()
    number = models.CharField(max_length=20)
    contact_name = models.CharField(max_length=120)
    outcome = models.CharField(max_length=20, choices=[(o, o.replace("_", " ")) for o in OUTCOMES])
    remark = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()


class Session(AbstractBaseSession):
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="sessions")
    began_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    agent = models.CharField(max_length=200, blank=True)

    @classmethod
    def get_session_store_class(cls) -> type:
        from ersr.people.sessions import SessionStore

        return SessionStore


class Token(models.Model):
    """A personal token for the API. Only its hash is kept; a thief of the table gains nothing."""

    SCOPES = ("read", "write", "sign", "admin")

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=60)
    hash = models.CharField(max_length=64, unique=True)
    scopes = models.CharField(max_length=60)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)


class DeviceCode(models.Model):
    """A program that asks to act for whoever approves it in the browser (RFC 8628). Only hashes of both codes are kept.

    The token is made when the program fetches it, so that its text is never stored.
    """

    device_hash = models.CharField(max_length=64, unique=True)
    user_hash = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=60)  # what asks, as it says of itself
    scopes = models.CharField(max_length=60)
    days = models.SmallIntegerField()  # how long the token is to last
    address = models.CharField(max_length=45)  # of the network, from where it asked
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    polled_at = models.DateTimeField(null=True)
    interval = models.SmallIntegerField()  # seconds between two questions whether it was approved
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="device_codes")
    approved_at = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True)
    token = models.OneToOneField(Token, on_delete=models.CASCADE, null=True, related_name="device_code")


class Budget(models.Model):
    """How often something was tried lately, and from when it may be tried again (people/patience.py). Holds no address."""

    key = models.CharField(max_length=64, unique=True)  # digest of what is guessed and from where
    spent = models.IntegerField(default=0)
    last_at = models.DateTimeField()
    free_at = models.DateTimeField()


class Attempt(models.Model):
    """What counted failed sign-ins before `Budget` did. Nothing is added any more; the next release drops the table."""

    email = models.CharField(max_length=254, db_index=True)
    at = models.DateTimeField()


class Delegation(models.Model):
    """A delegation of authority: who may sign which instrument, for which agreement families, from when to when."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="delegations")
    instrument = models.CharField(max_length=20, choices=[(i.value, i.title) for i in Instrument])
    families = models.CharField(max_length=200)  # separated by spaces
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    officer = models.BooleanField(default=False)  # an officer of the authority: may give what only an officer can give
    words = models.CharField(max_length=300)  # the resolution or letter it rests on
    given_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(ends_at__gt=models.F("starts_at")), name="delegation_period")
        ]


class KeptForm(models.Model):
    """A form posted after sign-out, kept for its sender for 24 hours. Never files, never passwords."""

    key = models.CharField(max_length=64, unique=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    path = models.CharField(max_length=300)
    body = models.TextField()  # urlencoded
    kept_at = models.DateTimeField()
