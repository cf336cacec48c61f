"""A waiver's terms: stable as text, refused when they contradict themselves, their state derived from time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from ersr.core.terms import Instrument, Terms, WaiverStatus, rfc3339
from tests.core.terms_for_tests import made, utc

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("terms", [made(), made(rsp=None, names=None), made(instrument=Instrument.FEE_REDUCTION)])
def test_text_and_back_is_the_same(terms: Terms):
    text = terms.to_json()
    assert Terms.from_json(text) == terms
    assert Terms.from_json(text).to_json() == text
    assert json.loads(text)["acts_from"] == "2026-11-13T20:00:00Z"


def test_the_same_terms_have_the_same_text():
    assert made().to_json() == made().to_json()
    assert made().to_json() != made(reporting="daily").to_json()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lines": ()}, "at least one line"),
        ({"acts_from": utc(2026, 11, 14, 12, 1)}, "does not hold"),
        ({"ends_at": utc(2026, 11, 14, 12)}, "does not hold"),
        ({"ends_at": datetime(2027, 3, 14)}, "must be UTC"),  # noqa: DTZ001
        ({"ends_at": datetime(2027, 3, 14, tzinfo=timezone(timedelta(hours=1)))}, "must be UTC"),
        ({"ends_at": datetime(2027, 3, 14, 0, 0, 0, 1, tzinfo=UTC)}, "whole seconds"),
    ],
)
def test_terms_that_contradict_themselves_are_refused(change: dict, words: str):
    with pytest.raises(ValueError, match=words):
        made(**change)


def test_a_waiver_is_upcoming_in_force_and_ended_by_time_alone():
    terms = made()
    assert terms.status_at(terms.effective_from - SECOND) is WaiverStatus.UPCOMING
    assert terms.status_at(terms.effective_from) is WaiverStatus.IN_FORCE
    assert terms.status_at(terms.ends_at - SECOND) is WaiverStatus.IN_FORCE
    assert terms.status_at(terms.ends_at) is WaiverStatus.ENDED


def test_tlds_are_those_of_all_agreements_once():
    terms = made()
    assert terms.tlds == ("example", "test")
    assert replace(terms, agreements=terms.agreements * 2).tlds == ("example", "test")


def test_each_instrument_names_its_basis():
    assert {kind: kind.basis for kind in Instrument} == {
        "waiver": "7.6(i)",
        "authorisation": "2.6",
        "fee_reduction": "6.7",
    }
    assert len({kind.title for kind in Instrument}) == 3


def test_times_are_written_in_utc_and_never_without_zone():
    assert rfc3339(datetime(2026, 11, 14, 12, 7, tzinfo=timezone(timedelta(hours=1)))) == "2026-11-14T11:07:00Z"
    with pytest.raises(ValueError, match="without zone"):
        rfc3339(datetime(2026, 11, 14))  # noqa: DTZ001
