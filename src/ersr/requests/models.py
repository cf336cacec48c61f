"""A request: one party's filing, and everything that the authority does with it until the decision.

Nothing that happened is edited: versions, attempts, notes and decisions are rows of their own.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Least

from ersr.core.lifecycle import LineState, Outcome, State
from ersr.core.terms import Instrument
from ersr.files.models import StoredFile
from ersr.incidents.models import Incident
from ersr.ledger.models import Event
from ersr.lists.models import NameList
from ersr.parties.models import Agreement, ContactNumber, Party
from ersr.people.models import Person


def _choices(vocabulary: type) -> list[tuple[str, str]]:
    return [(item.value, item.value) for item in vocabulary]  # type: ignore[attr-defined]


#: What the desk is sorted by: the earlier of the deadline and the moment that cannot be undone.
FIRST_AT = Least(F("due_at"), Coalesce(F("irreversible_at"), F("due_at")))


class Draft(models.Model):
    """Six answers on their way; survives the session. One per person."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="draft")
    body = models.JSONField(default=dict)
    saved_at = models.DateTimeField()


class Request(models.Model):
    reference = models.CharField(max_length=24, unique=True)
    once = models.CharField(max_length=120, unique=True)  # names the attempt to file, so that a double click files once
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="requests")
    operator = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="requests")
    filed_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="filed")
    filing_party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="filed")
    tlds = models.JSONField()  # A-labels, sorted
    state = models.CharField(max_length=20, choices=_choices(State))
    resumes = models.CharField(max_length=20, blank=True)  # the state to go back to from awaiting_requester
    tlp = models.CharField(max_length=15, default="AMBER+STRICT")
    received_at = models.DateTimeField()
    due_at = models.DateTimeField()
    calendar = models.CharField(max_length=120)  # name and version of the calendar that `due_at` was reckoned with
    number_claimed = models.CharField(max_length=20)
    happening = models.TextField()
    irreversible = models.CharField(max_length=12)  # already, within_hour, at, unknown
    irreversible_at = models.DateTimeField(null=True)
    words = models.CharField(max_length=80)  # verification words: the caller says them first
    words_until = models.DateTimeField()
    holder = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="holds")
    taken_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    lines_confirmed_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    event = models.OneToOneField(
        Event, on_delete=models.PROTECT, related_name="+"
    )  # the filing, whose receipt is given

    class Meta:
        ordering = ["due_at", "pk"]
        indexes = [
            models.Index(fields=["state", "due_at"]),
            models.Index(FIRST_AT, F("id"), name="request_first_at"),
            models.Index(fields=["operator", "received_at", "state"], name="request_of_operator"),
            models.Index(fields=["filed_by", "received_at"], name="request_of_filer"),
        ]

    def __str__(self) -> str:
        return self.reference


class PartVersion(models.Model):
    """One version of one part of the filing; the latest counts, all stay readable."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="parts")
    part = models.CharField(max_length=20)
    version = models.IntegerField()
    body = models.JSONField()
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["part", "version"]
        constraints = [models.UniqueConstraint(fields=["request", "part", "version"], name="part_version_once")]


class Act(models.Model):
    """An action planned or taken. A correction is a new row that names the old one."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="acts")
    action = models.CharField(max_length=20)
    service = models.CharField(max_length=20, blank=True)
    taken = models.BooleanField()
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    registered = models.CharField(max_length=10, default="unknown")  # are the names registered: yes, no, unknown
    words = models.TextField(blank=True)
    roll_back = models.TextField(blank=True)
    replaces = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="replaced_by")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]


class Evidence(models.Model):
    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="evidence")
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["request", "file"], name="evidence_once")]


class Line(models.Model):
    """agreement x provision x action x list. Keeps its own copy of the provision, so that a later catalogue changes nothing."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="lines")
    number = models.IntegerField()
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="+")
    tlds = models.JSONField()
    provision = models.CharField(max_length=40)
    provision_title = models.CharField(max_length=200)
    provision_row = models.IntegerField(default=1)  # version of the catalogue's row
    demands = models.TextField(blank=True)
    waivable_by = models.CharField(max_length=20)
    action = models.CharField(max_length=20)
    name_list = models.ForeignKey(NameList, on_delete=models.PROTECT, null=True, related_name="+")
    hint = models.CharField(max_length=20)  # what the rules, or staff, hold likely: waiver, no_waiver_needed, ...
    instrument = models.CharField(max_length=20, blank=True, choices=[(i.value, i.value) for i in Instrument])
    reasons = models.JSONField(default=list)
    by_rules = models.BooleanField(default=True)
    dropped_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, default=LineState.OPEN.value, choices=_choices(LineState))
    outcome = models.CharField(max_length=20, blank=True, choices=_choices(Outcome))

    class Meta:
        ordering = ["number"]
        indexes = [models.Index(fields=["provision", "outcome"], condition=~Q(outcome=""), name="line_with_outcome")]
        constraints = [models.UniqueConstraint(fields=["request", "number"], name="line_number_once")]


class LineChange(models.Model):
    """What staff changed in a proposal of the rules, and why."""

    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="changes")
    before = models.JSONField()
    after = models.JSONField()
    reason = models.TextField()
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]


class CallAttempt(models.Model):
    """A call to a number on file, with the copy of the number that was dialled."""

    OUTCOMES = ("confirmed", "not_confirmed", "no_answer", "wrong_words", "denied")

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="calls")
    contact_number = models.ForeignKey(ContactNumber, on_delete=models.SET_NULL, null=True, related_name="+")
    number = models.CharField(max_length=20)
    contact_name = models.CharField(max_length=120)
    outcome = models.CharField(max_length=15)
    remark = models.TextField(blank=True)
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]


class Question(models.Model):
    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="questions")
    text = models.TextField()
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    answer = models.TextField(blank=True)
    answered_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]


class Note(models.Model):
    """An assessment by one discipline; privileged ones are advice of counsel and are read by legal and signatory only."""

    RECOMMENDATIONS = ("grant", "grant_as_modified", "deny", "no_waiver_needed", "undecided")

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="notes")
    discipline = models.CharField(max_length=20)
    privileged = models.BooleanField(default=False)
    recommendation = models.CharField(max_length=20, blank=True)
    body = models.TextField()
    version = models.IntegerField()
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["discipline", "version"]
        constraints = [
            models.UniqueConstraint(fields=["request", "discipline", "privileged", "version"], name="note_version_once")
        ]


class Decision(models.Model):
    """A proposal for a group of lines, and its approval by somebody else."""

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="decisions")
    outcome = models.CharField(max_length=20, choices=_choices(Outcome))
    reasons = models.TextField()
    modification = models.TextField(blank=True)
    quote = models.TextField(blank=True)
    quote_source = models.CharField(max_length=200, blank=True)
    acts_from = models.DateTimeField(null=True)
    effective_from = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    conditions = models.JSONField(default=list)
    reporting = models.CharField(max_length=300, blank=True)
    disposition = models.TextField(blank=True)
    list_digests = models.JSONField(default=dict)  # list number -> content digest at the time of the proposal
    state = models.CharField(max_length=10, default="proposed")  # proposed, approved, returned, sent_back
    proposed_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    approved_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    end_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            # Nobody approves alone; an unknown author means no (house, habit 8).
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("proposed_by")), name="approver_is_not_author"
            ),
            models.CheckConstraint(
                condition=~Q(state="approved") | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="approved_by_somebody",
            ),
        ]


class DecisionLine(models.Model):
    """A line stands in at most one decision that is proposed or approved: so it has at most one final one."""

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="items")
    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="decided")
    live = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line"], condition=Q(live=True), name="one_live_decision_per_line")
        ]


class ProvisionRow(models.Model):
    """A catalogue row that staff added; the seeds are TOML files in core/catalogue."""

    family = models.CharField(max_length=40)
    agreement_version = models.CharField(max_length=40)
    provision = models.CharField(max_length=40)
    version = models.IntegerField()
    body = models.JSONField()
    reason = models.TextField()
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["family", "agreement_version", "provision", "version"]
        constraints = [
            models.UniqueConstraint(
                fields=["family", "agreement_version", "provision", "version"], name="provision_row_once"
            )
        ]
