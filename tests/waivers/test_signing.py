"""Preview, delegation, signature: only what was read is signed, by whom it was read, once, or not at all."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, transaction

from ersr import clock
from ersr.core import references
from ersr.core.lifecycle import State
from ersr.core.terms import Terms
from ersr.files import store
from ersr.ledger.models import Event
from ersr.ledger.sequence import installed_keys
from ersr.lists import actions as lists
from ersr.notifications.models import Notification
from ersr.people import actions as people
from ersr.people.models import Delegation, Factor, Person, RoleRow
from ersr.proof import letter, pdfread, sdjwt
from ersr.proof.verify import verify
from ersr.requests import actions
from ersr.requests.models import Decision, Line
from ersr.waivers import actions as waivers
from ersr.waivers.models import Preview, Waiver, WaiverLine
from tests.requests.steps import Case, begin, refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def c(db: None) -> Case:
    """Everything granted for the waiver, nothing signed."""
    return begin().to(State.DECIDED)


def preview(c: Case, instrument: str = "waiver", by: Person | None = None, now: datetime | None = None) -> Preview:
    return waivers.preview(c.ref, instrument, by=by or c.w.signatory, now=now or c.w.now)


def sign(
    c: Case, row: Preview, code: str | None = None, by: Person | None = None, now: datetime | None = None
) -> Waiver:
    by = by or c.w.signatory
    return waivers.sign(c.ref, row.pk, code or c.w.code(by), by=by, now=now or c.w.now)


def second_signatory(c: Case, **delegation: object) -> Person:
    person, _ = people.invite(
        email="other@icann.example", name="Otto Other", party=c.w.parties["authority"], roles=[("signatory", "")],
        by=c.w.administrator, now=c.w.now,
    )  # fmt: skip
    Factor.objects.create(person=person, sealed=Factor.objects.get(person=c.w.signatory).sealed, confirmed_at=c.w.now)
    delegate(c, person, **delegation)
    return Person.objects.get(pk=person.pk)


def delegate(c: Case, person: Person, **changes: object) -> Delegation:
    words: dict[str, object] = {
        "instrument": "waiver", "families": ["base"], "starts_at": c.w.now - timedelta(days=1), "officer": True,
        "ends_at": c.w.now + timedelta(days=1), "words": "Letter", "by": c.w.administrator, "now": c.w.now, **changes,
    }  # fmt: skip
    return people.delegate(person=person, **words)  # type: ignore[arg-type]


# --- the preview ---


def test_the_preview_is_a_letter_without_token_stored_by_digest(c: Case) -> None:
    row = preview(c)
    pdf = store.get(row.file_id)
    assert pdf.startswith(b"%PDF-1.7")
    assert b"/EmbeddedFile" not in pdf or b"sd-jwt" not in pdf
    assert b"/ByteRange" not in pdf, "nothing is signed yet"
    assert not Waiver.objects.exists()
    assert references.parse(row.reference)[0] == "W"
    event = Event.objects.get(kind="request.preview")
    assert row.file_id.encode() in bytes(event.body.record)


def test_each_preview_draws_its_own_number_so_that_no_number_is_used_twice(c: Case) -> None:
    assert len({preview(c).reference for _ in range(4)}) == 4


@pytest.mark.parametrize(("late", "works"), [(timedelta(minutes=15, seconds=-1), True), (timedelta(minutes=15), False)])
def test_a_preview_lapses_after_exactly_fifteen_minutes(c: Case, late: timedelta, works: bool) -> None:
    row = preview(c)
    if works:
        assert sign(c, row, now=c.w.now + late)
    else:
        refused(lambda: sign(c, row, now=c.w.now + late), "lapsed", "older than 15 minutes")
        assert sign(c, preview(c, now=c.w.now + late), now=c.w.now + late)


def test_there_must_be_something_to_prepare(c: Case) -> None:
    refused(lambda: preview(c, "licence"), "invalid", "Choose one of")
    refused(lambda: preview(c, "authorisation"), "not_now", "No granted line waits for a authorisation in writing")


@pytest.mark.parametrize("who", ["approver", "security", "officer", "auditor", "filer", "stranger", "administrator"])
def test_only_a_signatory_prepares_signs_and_sends_back(c: Case, who: str) -> None:
    row = preview(c)
    person = getattr(c.w, who)
    code = "not_found" if who in ("stranger", "administrator") else "not_allowed"
    refused(lambda: preview(c, by=person), code)
    refused(lambda: waivers.sign(c.ref, row.pk, "000000", by=person, now=c.w.now), code)
    refused(lambda: waivers.send_back(c.ref, reason="x", by=person, now=c.w.now), code)


def test_the_proposer_never_signs_whatever_other_roles(db: None) -> None:
    c = begin()
    RoleRow.objects.create(person=c.w.signatory, role="responder", discipline="security")
    both = Person.objects.get(pk=c.w.signatory.pk)
    c.w.people["security"] = both
    c.to(State.DECIDED)
    for act in (
        lambda: preview(c, by=both),
        lambda: waivers.sign(c.ref, 1, "000000", by=both, now=c.w.now),
        lambda: waivers.send_back(c.ref, reason="x", by=both, now=c.w.now),
    ):
        refused(act, "self_approval", "You proposed this decision")


def test_the_approver_may_sign(db: None) -> None:
    c = begin()
    RoleRow.objects.create(person=c.w.signatory, role="approver", discipline="")
    c.w.people["signatory"] = c.w.people["approver"] = Person.objects.get(pk=c.w.signatory.pk)
    c.to(State.DECIDED)
    assert sign(c, preview(c)).signed_by == c.w.signatory


# --- what changed meanwhile ---


def test_another_signatorys_preview_is_not_ones_own(c: Case) -> None:
    row = preview(c)
    other = second_signatory(c)
    refused(lambda: sign(c, row, by=other), "not_allowed", "You sign what you have read")


def test_more_lines_after_the_preview_make_it_lapse(db: None) -> None:
    c = begin().to(State.DECIDING)
    lines = c.lines(instrument="waiver", hint="waiver")
    c.decide(lines[:1], ends_at=c.ends)
    row = preview(c)
    c.decide(lines[1:2], ends_at=c.ends)
    refused(lambda: sign(c, row), "lapsed", "Something changed after the preview")
    assert sign(c, preview(c)).lines.count() == 2


def test_a_list_that_changes_after_the_proposal_is_not_signed(db: None) -> None:
    """Other lines are open, so staff may still take names out: what was approved is then not what would be signed."""
    c = begin().to(State.DECIDING)
    c.decide(c.lines(instrument="waiver", hint="waiver"))
    row = preview(c)
    actions.remove_names(c.ref, 1, ["alpha.biz"], reason="x", by=c.w.security, now=c.w.now)
    refused(lambda: sign(c, row), "lapsed", "List 1 changed after the decision.")
    refused(lambda: preview(c), "lapsed", "List 1 changed after the decision.")
    waivers.send_back(c.ref, reason="list changed", by=c.w.signatory, now=c.w.now)
    c.decide(c.lines(instrument="waiver", hint="waiver", state="open"))
    assert sign(c, preview(c)).terms.names.size == 2  # type: ignore[union-attr]


def test_a_name_that_turns_out_popular_after_the_preview_is_not_signed(c: Case) -> None:
    row = preview(c)
    lists.import_popularity(b"1,alpha.biz\n", title="New", as_of=c.w.now.date(), by=c.w.officer, now=c.w.now)
    refused(lambda: sign(c, row), "lapsed", "Send the decision back")


def test_a_popularity_list_that_comes_after_the_approval_leads_back_to_the_deciders(c: Case) -> None:
    """Not a dead end at the signature: the preview is refused at once, and sending back is the way out."""
    lists.import_popularity(b"1,alpha.biz\n", title="New", as_of=c.w.now.date(), by=c.w.officer, now=c.w.now)
    refused(lambda: preview(c), "lapsed", "Send the decision back")
    waivers.send_back(c.ref, reason="A hit", by=c.w.signatory, now=c.w.now)
    actions.answer_hits(c.ref, 1, {"alpha.biz": ("removed", "A real site")}, by=c.w.security, now=c.w.now)
    c.decide()
    assert c.sign("waiver").terms.names.size == 2
    c.w.assert_whole()


def test_a_popularity_list_that_comes_before_the_approval_stops_it(db: None) -> None:
    c = begin().to(State.PROPOSED)
    lists.import_popularity(b"1,alpha.biz\n", title="New", as_of=c.w.now.date(), by=c.w.officer, now=c.w.now)
    grant = Decision.objects.get(request=c.request, outcome="granted")
    refused(lambda: c.approve(grant), "lapsed", "Return it")


@pytest.mark.parametrize("field", ["reporting", "disposition", "conditions"])
def test_what_was_decided_for_one_line_is_neither_dropped_nor_spread(db: None, field: str) -> None:
    """Two lines of one writing with different conditions, reports or disposition are not signed as one."""
    c = begin().to(State.DECIDING)
    first, second, *_ = [line for line in c.grantable() if line.instrument == "waiver"]
    c.decide([first], **{field: ["Only at night"] if field == "conditions" else "Daily."})
    c.decide([second])
    refused(lambda: preview(c), "not_now", "Send one back")


def test_a_sent_back_decision_takes_its_preview_with_it(c: Case) -> None:
    row = preview(c)
    waivers.send_back(c.ref, reason="Too long", by=c.w.signatory, now=c.w.now)
    refused(lambda: sign(c, row), "not_now" if c.state not in (State.DECIDING,) else "lapsed")


# --- delegations ---


@pytest.mark.parametrize(
    ("change", "covers"),
    [
        ({}, True),
        ({"instrument": "authorisation"}, False),
        ({"families": ["legacy-verisign"]}, False),
        ({"families": ["legacy-verisign", "base"]}, True),
        ({"starts_at": timedelta(0)}, True),
        ({"starts_at": timedelta(seconds=1)}, False),
        ({"ends_at": timedelta(0)}, False),
        ({"ends_at": timedelta(seconds=1)}, True),
        ({"officer": False}, True),
    ],
)
def test_a_delegation_covers_instrument_family_and_moment(c: Case, change: dict[str, object], covers: bool) -> None:
    Delegation.objects.all().delete()
    Line.objects.update(waivable_by="staff")
    words = {k: c.w.now + v if isinstance(v, timedelta) else v for k, v in change.items()}
    delegate(c, c.w.signatory, **words)
    if covers:
        assert preview(c)
    else:
        refused(lambda: preview(c), "delegation", "Your delegation does not cover the waiver of specific provisions")


def test_what_only_an_officer_gives_needs_an_officers_delegation_and_says_who_has_one(c: Case) -> None:
    Delegation.objects.all().delete()
    Line.objects.filter(pk=waivers.unsigned_lines(c.request, "waiver")[0].pk).update(waivable_by="officer")
    delegate(c, c.w.signatory, officer=False)
    refusal = refused(lambda: preview(c), "delegation", "an officer of the authority must give this")
    assert refusal.who_can == ()
    other = second_signatory(c, officer=True)
    refusal = refused(lambda: preview(c), "delegation")
    assert refusal.who_can == ("Otto Other",)
    assert sign(c, preview(c, by=other), by=other).signed_by == other


def test_a_delegation_that_ends_after_the_preview_signs_nothing(c: Case) -> None:
    Delegation.objects.all().delete()
    delegate(c, c.w.signatory, ends_at=c.w.now + timedelta(minutes=5))
    row = preview(c)
    refused(lambda: sign(c, row, now=c.w.now + timedelta(minutes=5)), "delegation")
    delegate(c, c.w.signatory, words="Another letter", starts_at=c.w.now, ends_at=c.w.now + timedelta(days=1))
    refused(lambda: sign(c, row, now=c.w.now + timedelta(minutes=6)), "lapsed", "Your delegation changed")


# --- the period ---


def test_lines_with_different_ends_do_not_go_into_one_writing(db: None) -> None:
    c = begin().to(State.DECIDING)
    lines = c.lines(instrument="waiver", hint="waiver")
    c.decide(lines[:1], ends_at=c.ends)
    c.decide(lines[1:2], ends_at=c.ends + timedelta(days=1))
    refused(lambda: preview(c), "not_now", "end at the same time: these do not")


def test_retroactive_cover_decided_for_one_line_is_not_given_to_another(db: None) -> None:
    """Acts of last week are covered for the first line only; one writing has one beginning."""
    c = begin().to(State.DECIDING)
    lines = c.lines(instrument="waiver", hint="waiver")
    c.decide(lines[:1], ends_at=c.ends, acts_from=c.w.now - timedelta(days=7))
    c.decide(lines[1:2], ends_at=c.ends)
    refused(lambda: preview(c), "not_now", "are covered from the same time: these are not")


def test_a_decision_whose_end_has_passed_is_sent_back_and_not_signed(db: None) -> None:
    """In words: not an error of the terms' own checks."""
    c = begin().to(State.DECIDING)
    c.decide(c.lines(instrument="waiver", hint="waiver"), ends_at=c.w.now + timedelta(hours=1))
    refused(lambda: preview(c, now=c.w.now + timedelta(hours=1)), "lapsed", "The decided period ends at")


@pytest.mark.parametrize("effective", [None, timedelta(days=-3), timedelta(days=5)])
def test_cover_begins_when_decided_and_never_before_the_signature_but_for_acts(
    db: None, effective: timedelta | None
) -> None:
    c = begin().to(State.DECIDING)
    acts = (c.w.now - timedelta(days=4)).replace(microsecond=0)
    c.decide(
        c.lines(instrument="waiver", hint="waiver"),
        acts_from=acts,
        effective_from=c.w.now + effective if effective else None,
    )
    terms = sign(c, preview(c)).terms
    now = c.w.now.replace(microsecond=0)
    assert terms.acts_from == acts
    assert terms.effective_from == (now + timedelta(days=5) if effective and effective > timedelta(0) else now)


# --- the signature ---


def test_pdf_and_token_say_the_same_and_the_preview_is_the_pdfs_beginning(c: Case) -> None:
    """Read back with the verifier's own readers, without the rows."""
    row = preview(c)
    waiver = sign(c, row, now=c.w.now + timedelta(minutes=3))
    pdf, token = store.get(waiver.pdf_id), store.get(waiver.token_id)
    assert pdf.startswith(store.get(row.file_id))
    keyset = installed_keys().key_set()
    signed = pdfread.verify(pdf, keyset)
    assert signed.token == sdjwt.parse(token.decode()), "the very token, inside the PDF"
    assert signed.signed_at == waiver.signed_at
    parsed, key = sdjwt.verify(token.decode(), keyset)
    claims = parsed.claims
    assert key.kid == installed_keys().signer.kid
    assert claims["jti"] == waiver.reference == row.reference
    assert claims["iat"] == int((c.w.now + timedelta(minutes=3)).timestamp())
    assert "nbf" not in claims
    assert "exp" not in claims
    terms = waiver.terms
    assert claims["names"] == {"digest": terms.names.digest, "size": 3, "root": terms.names.root}  # type: ignore[union-attr]
    assert parsed.terms() == terms, "one set of terms"
    payload = json.loads(base64.urlsafe_b64decode(token.split(b".")[1] + b"=="))
    assert "names" not in payload, "disclosable, not open"
    assert terms == Terms.from_json(row.terms)
    assert terms.dated == c.w.now.astimezone(ZoneInfo("America/Los_Angeles")).date()
    for data, name in ((pdf, "waiver.pdf"), (token, "waiver.sd-jwt")):
        assert verify(data, keyset, at=c.w.now, name=name).outcome == "authentic"
    assert not token.endswith(b"\n")


def test_signing_executes_the_lines_tells_the_filer_and_is_on_record(c: Case) -> None:
    waiver = sign(c, preview(c))
    assert {w.state for w in c.lines(instrument="waiver", outcome="granted")} == {"executed"}
    assert Notification.objects.filter(kind="signed", to=c.w.filer.email).count() == 1
    facts = json.loads(bytes(Event.objects.get(kind="request.sign").body.record))["facts"]
    assert (facts["reference"], facts["pdf"], facts["token"]) == (waiver.reference, waiver.pdf_id, waiver.token_id)
    assert "fee_reduction" in {w.instrument for w in waivers.unsigned_lines(c.request)}
    assert c.state is State.DECIDED, "the fee reduction waits for its own signature"


def test_a_preview_is_signed_once(c: Case) -> None:
    row = preview(c)
    waiver = sign(c, row)
    refused(lambda: sign(c, row), "already", f"{waiver.reference} was signed already.")
    refused(lambda: preview(c), "not_now", "No granted line waits")
    assert Waiver.objects.count() == 1


def test_the_database_keeps_a_line_in_one_instrument(c: Case) -> None:
    waiver = sign(c, preview(c))
    item = waiver.lines.first()
    with pytest.raises(DatabaseError), transaction.atomic():
        WaiverLine.objects.create(waiver=waiver, line=item.line)


def test_there_is_no_such_preview(c: Case) -> None:
    refused(lambda: waivers.sign(c.ref, 999, "000000", by=c.w.signatory, now=c.w.now), "invalid", "no such preview")
    other = Case(c.w).file().to(State.DECIDED)
    theirs = preview(other)
    refused(lambda: sign(c, theirs), "invalid", "no such preview")


def counts() -> tuple[int, ...]:
    return (
        Waiver.objects.count(), WaiverLine.objects.count(), Event.objects.count(), Notification.objects.count(),
        Line.objects.filter(state="executed").count(),
    )  # fmt: skip


@pytest.mark.parametrize("wrong", ["000000", "", "abc", "used"])
def test_a_wrong_or_used_code_signs_nothing(c: Case, wrong: str) -> None:
    row = preview(c)
    if wrong == "used":
        wrong = c.w.code(c.w.signatory)
        people.sign_in(c.w.signatory.email, "correct horse battery staple", wrong, now=clock.real(), through="web")
        code = "code_used"
    else:
        code = "code_wrong"
    before = counts()
    refused(lambda: waivers.sign(c.ref, row.pk, wrong, by=c.w.signatory, now=c.w.now), code)
    assert counts() == before


def test_one_code_signs_one_instrument(c: Case) -> None:
    first, second = preview(c), preview(c, "fee_reduction")
    code = c.w.code(c.w.signatory)
    assert sign(c, first, code)
    refused(lambda: sign(c, second, code), "code_used", "Wait for the next one")
    assert sign(c, second)


def test_codes_cannot_be_guessed_at_signing(c: Case) -> None:
    """Whoever holds a stolen session has ten guesses, then fewer and fewer; the right code waits too."""
    row = preview(c)
    for _ in range(11):
        refused(lambda: waivers.sign(c.ref, row.pk, "000000", by=c.w.signatory, now=c.w.now), "code_wrong")
    refused(lambda: sign(c, row), "too_many", "Wait 2 seconds")
    assert not Waiver.objects.exists()


@pytest.mark.parametrize("where", ["letter", "token", "store", "notification", "event"])
def test_a_signature_that_fails_midway_leaves_nothing(c: Case, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """No row, no event, no mail, no executed line; and the code is not spent, so that the signatory can try again."""
    row = preview(c)
    code = c.w.code(c.w.signatory)
    before = counts()

    def broken(*_: object, **__: object) -> None:
        raise OSError("the key store is away")

    with monkeypatch.context() as patch:
        match where:
            case "letter":
                patch.setattr(letter, "sign", broken)
            case "token":
                patch.setattr(sdjwt, "issue", broken)
            case "store":
                patch.setattr(store, "put", broken)
            case "notification":
                patch.setattr(waivers, "queue_notification", broken)
            case "event":
                patch.setattr(waivers, "end", broken)
        with pytest.raises(OSError, match="key store"):
            sign(c, row, code)
    assert counts() == before
    assert Preview.objects.filter(signed__isnull=False).count() == 0
    c.w.assert_whole()
    assert sign(c, row, code), "the same code, since nothing was signed with it"
    c.w.assert_whole()


def test_sending_back_opens_the_lines_and_keeps_the_reason(c: Case) -> None:
    granted = [w.number for w in waivers.unsigned_lines(c.request)]
    refused(
        lambda: waivers.send_back(c.ref, reason=" ", by=c.w.signatory, now=c.w.now),
        "invalid",
        "what should be different",
    )
    waivers.send_back(c.ref, reason="Too long", by=c.w.signatory, now=c.w.now)
    assert c.state is State.DECIDING
    assert [w.number for w in c.lines(state="open")] == granted
    assert {d.end_reason for d in Decision.objects.filter(state="sent_back")} == {"Too long"}
    refused(
        lambda: waivers.send_back(c.ref, reason="x", by=c.w.signatory, now=c.w.now), "not_now", "No granted line waits"
    )
    c.w.assert_whole()


def test_what_is_signed_is_not_sent_back(c: Case) -> None:
    """The fee reduction goes back; the waiver that was signed stays."""
    waiver = sign(c, preview(c))
    waivers.send_back(c.ref, reason="Fee too wide", by=c.w.signatory, now=c.w.now)
    assert {w.instrument for w in c.lines(state="open")} == {"fee_reduction"}
    decision = Decision.objects.get(outcome="granted")
    assert (decision.state, decision.end_reason) == ("approved", "Fee too wide"), "it still carries what was signed"
    c.decide()
    assert c.sign("fee_reduction").reference != waiver.reference
    c.w.assert_whole()
    assert set(waiver.lines.values_list("line__state", flat=True)) == {"executed"}


def test_a_letter_that_cannot_be_set_leaves_no_preview(c: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (Event.objects.count(), Preview.objects.count())

    def broken(*_: object) -> bytes:
        raise OSError("no fonts")

    monkeypatch.setattr(letter, "render", broken)
    with pytest.raises(OSError, match="no fonts"):
        preview(c)
    assert (Event.objects.count(), Preview.objects.count()) == before
