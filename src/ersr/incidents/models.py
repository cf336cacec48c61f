"""An incident: what happened in the world. A request is one party's filing about it."""

from __future__ import annotations

from django.db import models

CATEGORIES = {
    "malicious_activity": (
        "Malicious activity involving the DNS, of a scale and severity that threatens the systematic security, stability and "
        "resiliency of a TLD or the DNS"
    ),
    "unauthorized_access": (
        "Unauthorized disclosure, alteration, insertion or destruction of registry data, or unauthorized access to or "
        "disclosure of information or resources"
    ),
    "critical_function": (
        "An occurrence that may cause a temporary or long-term failure of a critical function of a gTLD registry"
    ),
}


class Incident(models.Model):
    category = models.CharField(max_length=30, blank=True, choices=[(k, k) for k in CATEGORIES])
    presence = models.CharField(max_length=10, blank=True, choices=[("present", "Present"), ("imminent", "Imminent")])
    began_at = models.DateTimeField(null=True)
    made_at = models.DateTimeField()
