"""People who sign in: second factors, sessions, tokens, roles, delegations of authority."""

from __future__ import annotations

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


class Invitation(models.Model):
    """A link that lets one person set a password and enrol a factor. Only its hash is kept."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="invitations")
    hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


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


class Attempt(models.Model):
    """A failed sign-in, kept to slow down guessing."""

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
