"""Triage: the rules of docs/process.md, "When is a waiver needed?", one test each; then properties over all facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ersr.core.provisions import load
from ersr.core.terms import Instrument
from ersr.core.triage import (
    Action,
    ActionFacts,
    Advice,
    AgreementFacts,
    Facts,
    Hint,
    RegistrarRoute,
    Service,
    advise,
)

BASE = AgreementFacts("A1", "base", "2023-04-30", date(2023, 4, 30), ("example", "test"))
LEGACY = AgreementFacts("A2", "legacy-verisign", "2024-12-01", date(2024, 12, 1), ("com",))
ITSELF, REGISTRAR = RegistrarRoute.REGISTRY_ITSELF, RegistrarRoute.ACCREDITED_REGISTRAR
SINCE = datetime(2026, 11, 13, 20, tzinfo=UTC)


def told(*actions: ActionFacts, agreement: AgreementFacts = BASE, **facts: object) -> Advice:
    return advise(Facts((agreement,), actions, **{"immediate": True, **facts}), load())


def hints(advice: Advice) -> list[tuple[str, str, str | None]]:
    return [(line.provision, line.outcome_hint.value, line.instrument) for line in advice.lines]


def test_the_conficker_case_needs_all_three_instruments():
    """Names created by the registry itself, delegated to a sinkhole, without the fee, since the day before."""
    advice = told(
        ActionFacts(Action.CREATE, taken=True, starts_at=SINCE, list_numbers=(1,)),
        ActionFacts(Action.SINKHOLE, taken=True, starts_at=SINCE, list_numbers=(1,)),
        registrar_route=ITSELF,
        fee_relief=True,
        names_count=7750,
    )
    assert hints(advice) == [
        ("2.9(a)", "waiver", Instrument.WAIVER),
        ("Spec 9 1(b)", "waiver", Instrument.WAIVER),
        ("2.6", "waiver", Instrument.AUTHORISATION),
        ("6.1", "waiver", Instrument.FEE_REDUCTION),
    ]
    first = advice.lines[0]
    assert (first.agreement, first.tlds, first.list_numbers) == ("A1", ("example", "test"), (1,))
    assert first.reasons == (
        "creates names without a registrar: 2.9(a)",
        "taken already, so that cover must reach back to Fri 13 Nov 2026, 20:00 UTC",
    )
    assert "an officer must give this" in advice.lines[3].reasons
    assert advice.summary.startswith("4 lines for 7,750 names: 2 waivers, 1 authorisation in writing, 1 fee reduction.")


def test_an_accredited_registrar_meets_2_9a_and_the_fee_remains():
    advice = told(ActionFacts(Action.CREATE), registrar_route=REGISTRAR, fee_relief=True)
    assert hints(advice) == [("2.9(a)", "no_waiver_needed", None), ("6.1", "waiver", Instrument.FEE_REDUCTION)]


def test_an_unknown_route_is_asked_never_assumed():
    advice = told(ActionFacts(Action.CREATE), fee_relief=False)
    assert {line.outcome_hint for line in advice.lines} == {Hint.ASK}
    assert "Who creates the names: an accredited registrar, or the registry itself?" in advice.open_questions


def test_reserving_what_nobody_has_registered_needs_no_waiver():
    advice = told(ActionFacts(Action.RESERVE, registered_names=False))
    assert hints(advice) == [("2.6", "no_waiver_needed", None)]
    assert advice.lines[0].reasons == ("reserves names that nobody has registered: this is within 2.6",)
    assert advice.open_questions == ()


def test_reserving_registered_names_is_another_matter():
    advice = told(ActionFacts(Action.RESERVE, registered_names=True))
    assert advice.lines == ()
    assert "2.6 (Reserved Names" in advice.open_questions[0]


def test_reserving_without_saying_which_names_is_asked():
    """Under the base agreement nothing is proposed; under the legacy clause a notice might do."""
    assert any("registered already" in question for question in told(ActionFacts(Action.RESERVE)).open_questions)
    assert hints(told(ActionFacts(Action.RESERVE), agreement=LEGACY)) == [("7.1(b)", "ask", Instrument.WAIVER)]


def test_under_the_legacy_clause_a_notice_is_enough_for_blocking():
    advice = told(ActionFacts(Action.RESERVE, registered_names=False), agreement=LEGACY)
    assert hints(advice) == [("7.1(b)", "notice_only", None)]


def test_the_legacy_clause_covers_blocking_only():
    advice = told(
        ActionFacts(Action.CREATE),
        ActionFacts(Action.SINKHOLE),
        agreement=LEGACY,
        registrar_route=ITSELF,
        fee_relief=True,
    )
    assert hints(advice) == [
        ("7.1(b)", "waiver", Instrument.WAIVER),
        ("7.2(a)", "waiver", Instrument.FEE_REDUCTION),
    ]
    assert any("says nothing about this action" in question for question in advice.open_questions)


@pytest.mark.parametrize(
    ("service", "provisions"),
    [
        (Service.DNS, ["2.16"]),
        (Service.DNSSEC, ["2.7", "2.16"]),
        (Service.SRS, ["2.7", "2.16"]),
        (Service.RDDS, ["2.5", "2.16"]),
        (Service.ESCROW, ["2.3"]),
    ],
)
def test_suspending_a_service_departs_from_what_measures_it(service: Service, provisions: list[str]):
    advice = told(ActionFacts(Action.SUSPEND_SERVICE, service=service))
    assert [line.provision for line in advice.lines] == provisions
    assert {line.outcome_hint for line in advice.lines} == {Hint.WAIVER}


def test_a_service_left_unsaid_is_asked():
    advice = told(ActionFacts(Action.SUSPEND_SERVICE))
    assert {line.outcome_hint for line in advice.lines} == {Hint.ASK}
    assert advice.open_questions[0] == "Which service is suspended: DNS, DNSSEC, SRS/EPP, RDDS or data escrow?"


def test_a_consensus_policy_is_not_ours_to_waive():
    line = told(ActionFacts(Action.TRANSFER)).lines[0]
    assert (line.provision, line.outcome_hint, line.instrument) == ("2.2", Hint.ASK, None)
    assert line.reasons[1] == "no waiver can give this"


def test_what_need_not_be_done_at_once_goes_through_rsep():
    advice = told(ActionFacts(Action.CREATE), registrar_route=ITSELF, fee_relief=True, immediate=False)
    assert hints(advice) == [
        ("2.9(a)", "use_rsep", None),
        ("Spec 9 1(b)", "use_rsep", None),
        ("6.1", "ask", Instrument.FEE_REDUCTION),
    ]


def test_another_action_is_compared_with_what_a_form_cannot_show():
    (question,) = told(ActionFacts(Action.OTHER)).open_questions
    assert "answers for names that are not registered (Spec 6 2.2)" in question


def test_an_agreement_without_rows_is_a_question_not_a_no():
    advice = told(ActionFacts(Action.CREATE), agreement=replace(BASE, version="2031-01-01"))
    assert advice.lines == ()
    assert any("no rows for base 2031-01-01" in question for question in advice.open_questions)
    assert advice.summary.startswith("No line follows from what is known.")


def test_one_line_for_two_lists_of_one_action():
    advice = told(
        ActionFacts(Action.RESERVE, list_numbers=(2,), registered_names=False),
        ActionFacts(Action.RESERVE, list_numbers=(1,), registered_names=False),
    )
    assert [line.list_numbers for line in advice.lines] == [(1, 2)]


def test_a_sinkhole_without_creation_asks_who_creates():
    advice = told(ActionFacts(Action.SINKHOLE, registered_names=False))
    assert hints(advice) == [("2.6", "waiver", Instrument.AUTHORISATION)]
    assert any("who creates the names" in question for question in advice.open_questions)


def test_words_of_a_form_become_members_or_fail():
    assert ActionFacts("create").action is Action.CREATE
    assert ActionFacts("suspend_service", service="dns").service is Service.DNS
    with pytest.raises(ValueError, match="fly"):
        ActionFacts("fly")


maybe = st.sampled_from([True, False, None])
some_actions = st.builds(
    ActionFacts,
    st.sampled_from(Action),
    st.booleans(),
    st.sampled_from([SINCE, None]),
    st.none(),
    st.sampled_from([(), (1,), (2,), (1, 2)]),
    maybe,
    st.sampled_from([*Service, None]),
)
some_facts = st.builds(
    Facts,
    st.lists(st.sampled_from([BASE, LEGACY, replace(BASE, key="A3", version="unknown")]), max_size=3, unique=True).map(
        tuple
    ),
    st.lists(some_actions, max_size=4).map(tuple),
    st.sampled_from(RegistrarRoute),
    maybe,
    st.sampled_from([None, 1, 7750]),
    maybe,
)


@given(some_facts)
def test_every_action_under_every_agreement_gets_an_answer(facts: Facts):
    """A line or a question: nothing that was filed is passed over in silence."""
    advice = advise(facts, load())
    for agreement in facts.agreements:
        for filed in facts.actions:
            lined = any(line.agreement == agreement.key and line.action is filed.action for line in advice.lines)
            named = f"{agreement.family} {agreement.version}"
            assert lined or any(named in question for question in advice.open_questions)


@given(some_facts)
def test_lines_are_distinct_and_reasoned(facts: Facts):
    advice = advise(facts, load())
    keys = [(line.agreement, line.provision, line.action, line.outcome_hint) for line in advice.lines]
    assert len(keys) == len(set(keys))
    assert len(advice.open_questions) == len(set(advice.open_questions))
    for line in advice.lines:
        assert line.provision in line.reasons[0]
        assert (line.instrument is None) or line.outcome_hint in (Hint.WAIVER, Hint.ASK)
        assert line.outcome_hint is not Hint.WAIVER or line.instrument
    assert advice == advise(facts, load())


@given(some_facts)
def test_no_writing_is_proposed_for_what_need_not_be_done_at_once(facts: Facts):
    advice = advise(replace(facts, immediate=False), load())
    assert Hint.WAIVER not in {line.outcome_hint for line in advice.lines}


@given(some_facts)
def test_an_unknown_route_never_yields_a_waiver_for_creating(facts: Facts):
    advice = advise(replace(facts, registrar_route=RegistrarRoute.UNKNOWN), load())
    for line in advice.lines:
        if line.action is Action.CREATE and line.outcome_hint is Hint.WAIVER:
            assert line.instrument is Instrument.FEE_REDUCTION
