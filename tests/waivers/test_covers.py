"""The list's tree in the portal: its root is signed, its key goes to the list's holder, and who may ask is told of a name."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from ersr.core.lifecycle import State
from ersr.core.terms import Terms
from ersr.files import store
from ersr.ledger.sequence import installed_keys
from ersr.lists import actions as lists
from ersr.lists.models import NameList
from ersr.lists.queries import latest, records_of
from ersr.lists.removing import without_names
from ersr.people.models import Person
from ersr.proof import membership
from ersr.proof.membership import Claim, ListKey
from ersr.proof.verify import verify
from ersr.waivers.models import Preview, Waiver
from ersr.waivers.queries import covers_name, list_key_for
from tests.oracles import plain_tree
from tests.requests.steps import Case, begin, refused

pytestmark = pytest.mark.django_db

NAMES = [b"alpha.biz", b"bravo.com", b"charlie.net"]


@pytest.fixture
def c(db: None) -> Case:
    return begin().to(State.EXECUTED)


def listed(c: Case) -> Waiver:
    return next(w for w in Waiver.objects.order_by("pk") if w.terms.names)


def answer(c: Case, name: str, *, by: Person | None = None, **more):
    return covers_name(by or c.w.filer, listed(c).reference, name, at=more.pop("at", c.w.now), **more)


def test_the_signed_root_is_that_of_the_plain_tree_over_the_names(c: Case) -> None:
    """With a secret of 32 bytes that was drawn for this instrument alone; letter, token and terms say the same root."""
    waiver = listed(c)
    key = ListKey.parse(waiver.list_key.encode())
    assert waiver.terms.names is not None
    assert waiver.terms.names.root == plain_tree.root(key.secret, NAMES).hex() == key.checkpoint.checkpoint.root.hex()
    assert key.checkpoint.checkpoint.size == 3
    assert key.checkpoint.signed_for_list(installed_keys().key_set()) == (installed_keys().key_set().checkpoint[0], waiver.terms.names.digest)
    secrets = [bytes(row.list_secret) for row in Preview.objects.exclude(list_secret=None)]
    assert len(set(secrets)) == len(secrets)
    assert all(len(secret) == 32 for secret in secrets)


def test_the_holder_proves_a_name_to_somebody_else_by_letter_and_by_token(c: Case) -> None:
    waiver, keys = listed(c), installed_keys().key_set()
    key = ListKey.parse(list_key_for(c.w.filer, waiver.reference)[1])
    with records_of(latest(NameList.objects.get())) as lines:
        tiles = membership.Tiles.of(lines, key.secret)
        proof = membership.prove(lines, lines.of("bravo.com")[b"bravo.com"], key, tiles)
    for document in (store.get(waiver.pdf_id), store.get(waiver.token_id)):
        verdict = verify(proof.text.encode(), keys, at=c.w.now, name="x", claim=Claim("bravo.com", document))
        assert (verdict.outcome, verdict.reference) == ("authentic", waiver.reference)
        assert verify(proof.text.encode(), keys, at=c.w.now, name="x", claim=Claim("alpha.biz", document)).outcome == "forged"


def test_the_list_key_is_the_holders_alone(c: Case) -> None:
    """Neither staff nor another registry gets it, in the words for what is not there."""
    reference = listed(c).reference
    for person in (c.w.officer, c.w.signatory, c.w.security, c.w.stranger):
        with pytest.raises(Exception, match=str(refused(lambda: list_key_for(c.w.filer, "W-2026-0000000-X"), "not_found").message)):
            list_key_for(person, reference)


def test_a_waiver_of_before_has_no_root_and_stays_what_it_was(c: Case) -> None:
    """Its terms are written again byte by byte, and there is no key to give."""
    waiver = listed(c)
    raw = json.loads(waiver.terms_json)
    del raw["names"]["root"]
    older = json.dumps(raw, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert Terms.from_json(older).to_json() == older
    Waiver.objects.filter(pk=waiver.pk).update(terms_json=older, list_key="")
    assert answer(c, "bravo.com").coverage.covered
    refused(lambda: list_key_for(c.w.filer, waiver.reference), "not_found")


def test_a_name_is_covered_by_list_tld_act_and_time(c: Case) -> None:
    found = answer(c, "BRAVO.com.")
    assert (found.coverage.covered, found.name, found.actions) == (True, "bravo.com", ("create",))
    assert answer(c, "bravo.com", action="create").coverage == found.coverage
    assert "no line for this action" in answer(c, "bravo.com", action="transfer").coverage.why
    assert "this name is not one of them" in answer(c, "bravo0.com").coverage.why
    assert "from" in answer(c, "bravo.com", at=c.ends).coverage.why
    assert not answer(c, "bravo.com", at=c.ends).coverage.covered
    refused(lambda: answer(c, "a b.com"), "invalid")


def test_a_name_that_was_removed_is_covered_until_then(c: Case) -> None:
    later = c.w.now + timedelta(hours=1)
    lists.remove(NameList.objects.get(), without_names(NameList.objects.get(), ["bravo.com"]), reason="In good faith.", by=c.w.security, now=later)
    assert answer(c, "bravo.com").coverage.covered
    gone = answer(c, "bravo.com", at=later)
    assert (gone.coverage.covered, gone.listing and gone.listing.removed_at) == (False, later)
    assert "was removed from the list" in gone.coverage.why
    assert answer(c, "alpha.biz", at=later).coverage.covered


def test_a_name_that_was_removed_before_the_signature_never_was_covered(db: None) -> None:
    c = begin().fill().take().verify().confirm()
    lists.remove(NameList.objects.get(), without_names(NameList.objects.get(), ["bravo.com"]), reason="In good faith.", by=c.w.security, now=c.w.now)
    c.decide().refuse_the_rest().sign_all()
    for at in (c.w.now - timedelta(minutes=1), c.w.now):
        found = answer(c, "bravo.com", at=at)
        assert not found.coverage.covered
    assert answer(c, "alpha.biz").coverage.covered


def test_names_of_others_and_instruments_of_others_are_told_as_if_they_were_not_there(c: Case) -> None:
    """A list may hold another registry's names: under a TLD that the instrument does not reach, both get one answer."""
    waiver = listed(c)
    raw = json.loads(waiver.terms_json)
    for line in raw["lines"]:
        line["tlds"] = ["com"]
    Waiver.objects.filter(pk=waiver.pk).update(terms_json=json.dumps(raw))
    on_it, not_on_it = answer(c, "alpha.biz"), answer(c, "zulu.biz")
    assert (on_it.coverage, on_it.listing, on_it.actions) == (not_on_it.coverage, None, ())
    assert not_on_it.listing is None
    absent = refused(lambda: covers_name(c.w.filer, "W-2026-0000000-X", "bravo.com", at=c.w.now), "not_found")
    theirs = refused(lambda: answer(c, "bravo.com", by=c.w.stranger), "not_found")
    assert theirs.message == absent.message
