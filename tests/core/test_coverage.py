"""What "covered" means: from acts_from, before ends_at, for the granted action, TLD, provision and names."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ersr.core.coverage import ABSENT, ALWAYS, Listing, covers, on_list
from tests.core.terms_for_tests import made, utc

TERMS = made()
ACT = {"acted_at": utc(2026, 11, 14, 13), "action": "create", "tld": "example", "listing": ALWAYS}
SECOND = timedelta(seconds=1)


def test_an_act_within_all_bounds_is_covered_and_says_by_what():
    assert covers(TERMS, **ACT) == covers(TERMS, **{**ACT, "provision": "2.9(a)", "tld": ".EXAMPLE"})
    assert covers(TERMS, **ACT).why == "Covered by W-2026-3310222-C, line 1: 2.9(a)."


def test_retroactive_cover_reaches_back_to_acts_from_and_no_further():
    """Before the signature, but not before acts_from."""
    assert covers(TERMS, **{**ACT, "acted_at": TERMS.acts_from}).covered
    early = covers(TERMS, **{**ACT, "acted_at": TERMS.acts_from - SECOND})
    assert not early.covered
    assert early.why == "W-2026-3310222-C covers no act before Fri 13 Nov 2026, 20:00 UTC."


def test_the_end_itself_is_not_covered():
    assert covers(TERMS, **{**ACT, "acted_at": TERMS.ends_at - SECOND}).covered
    assert not covers(TERMS, **{**ACT, "acted_at": TERMS.ends_at}).covered


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"action": "transfer"}, "has no line for this action."),
        ({"tld": "other"}, "has no line for this action under .other."),
        ({"action": "sinkhole"}, "has no line for this action under .example."),
        ({"provision": "6.1"}, "does not reach 6.1"),
        ({"listing": ABSENT}, "this name is not one of them"),
        ({"listing": None}, "no name was looked up"),
    ],
)
def test_what_is_not_granted_is_not_covered(change: dict, words: str):
    found = covers(TERMS, **{**ACT, **change})
    assert not found.covered
    assert words in found.why


def test_without_a_list_no_name_need_be_looked_up():
    assert covers(made(names=None), **{**ACT, "listing": None}).covered


@given(st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)))  # noqa: DTZ001
def test_cover_in_time_is_one_unbroken_stretch(moment: datetime):
    at = moment.replace(tzinfo=TERMS.ends_at.tzinfo)
    assert covers(TERMS, **{**ACT, "acted_at": at}).covered == (TERMS.acts_from <= at < TERMS.ends_at)


def test_a_time_without_zone_is_a_mistake():
    with pytest.raises(ValueError, match="without zone"):
        covers(TERMS, **{**ACT, "acted_at": datetime(2026, 11, 14)})  # noqa: DTZ001


MARCH = Listing(True, ((utc(2026, 3, 1), utc(2026, 3, 2)), (utc(2026, 4, 1), None)))


@pytest.mark.parametrize(
    ("at", "covered", "why"),
    [
        (utc(2026, 3, 1), True, "It is on the list from Sun 1 Mar 2026, 00:00 UTC until Mon 2 Mar 2026, 00:00 UTC."),
        (utc(2026, 3, 2) - SECOND, True, "It is on the list from Sun 1 Mar 2026, 00:00 UTC until Mon 2 Mar 2026, 00:00 UTC."),
        (utc(2099, 1, 1), True, "It is on the list from Wed 1 Apr 2026, 00:00 UTC."),
        (
            utc(2026, 3, 2),
            False,
            "It is on the list from Sun 1 Mar 2026, 00:00 UTC until Mon 2 Mar 2026, 00:00 UTC, and from Wed 1 Apr 2026, 00:00 UTC, "
            "and not at Mon 2 Mar 2026, 00:00 UTC.",
        ),
    ],
)
def test_a_name_with_windows_is_listed_within_them_and_not_at_their_end(at: datetime, covered: bool, why: str):
    found = on_list(MARCH, at)
    assert (found.covered, found.why) == (covered, why)


def test_a_name_that_was_removed_is_listed_until_then():
    gone = ALWAYS._replace(removed_at=utc(2026, 3, 2))
    assert on_list(gone, utc(2026, 3, 2) - SECOND).covered
    assert on_list(gone, utc(2026, 3, 2)).why == "It was removed from the list at Mon 2 Mar 2026, 00:00 UTC."


def test_an_act_outside_the_names_window_is_not_covered_by_the_waiver():
    """The window narrows the waiver's own period and never widens it."""
    narrow = Listing(True, ((TERMS.acts_from - 9 * SECOND, TERMS.acts_from + SECOND),))
    assert covers(TERMS, **{**ACT, "acted_at": TERMS.acts_from, "listing": narrow}).covered
    late = covers(TERMS, **{**ACT, "acted_at": TERMS.acts_from + SECOND, "listing": narrow})
    assert (late.covered, late.why[:55]) == (False, "W-2026-3310222-C covers listed names only. It is on the")
    assert not covers(TERMS, **{**ACT, "acted_at": TERMS.acts_from - SECOND, "listing": narrow}).covered
    gone = ALWAYS._replace(removed_at=TERMS.acts_from)
    assert not covers(TERMS, **{**ACT, "listing": gone}).covered
