"""Who is known before an incident: parties, agreements, TLDs, contacts on file. Imported; the real list lives elsewhere."""

from __future__ import annotations

from django.db import models

from ersr.core.say import say_date
from ersr.core.tongue import said


class Party(models.Model):
    """A legal entity. `key` is the short name that imports use."""

    KINDS = ("authority", "originator", "registrar", "registry_operator", "rsp")

    key = models.SlugField(max_length=60, unique=True)
    kind = models.CharField(max_length=20, choices=[(k, k.replace("_", " ")) for k in KINDS])
    name = models.CharField(max_length=200)
    address = models.CharField(max_length=300, blank=True)
    jurisdiction = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["kind"], condition=models.Q(kind="authority"), name="one_authority"),
        ]

    def __str__(self) -> str:
        return self.name


class Agreement(models.Model):
    """One Registry Agreement: family (base, legacy), version and date. One operator may have several."""

    key = models.SlugField(max_length=80, unique=True)
    operator = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="agreements")
    family = models.CharField(max_length=40)
    version = models.CharField(max_length=40)
    dated = models.DateField()

    class Meta:
        ordering = ["operator__name", "dated", "key"]

    def __str__(self) -> str:
        return said("{agreement} of {day}", agreement=f"{self.family} {self.version}", day=say_date(self.dated))


class Tld(models.Model):
    """A TLD as A-label without dot, under exactly one agreement; the RSP acts for the operator."""

    name = models.CharField(max_length=63, unique=True)
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="tlds")
    rsp = models.ForeignKey(Party, on_delete=models.PROTECT, null=True, related_name="acts_for")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return "." + self.name


class Contact(models.Model):
    """A contact on file. Trusted for: whom to call. Filers never see it."""

    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="contacts")
    name = models.CharField(max_length=120)
    roles = models.CharField(max_length=200, blank=True)
    email = models.EmailField(blank=True)
    source = models.CharField(max_length=200)
    as_of = models.DateField()

    class Meta:
        ordering = ["party__name", "name"]
        constraints = [models.UniqueConstraint(fields=["party", "name"], name="contact_once")]

    def __str__(self) -> str:
        return self.name


class ContactNumber(models.Model):
    """A telephone number in E.164 form, and since when it has stood: only one that stood 30 days is called."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="numbers")
    number = models.CharField(max_length=20)
    since = models.DateField()

    class Meta:
        ordering = ["since", "number"]
        constraints = [models.UniqueConstraint(fields=["contact", "number"], name="number_once")]
