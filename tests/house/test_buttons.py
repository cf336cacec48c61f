"""The life-cycle table against the pages: what the table lets somebody do has its button on the page that it names."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse

from ersr.core.lifecycle import ACTIONS, PRIMARY
from ersr.faces.web.desk_case import LINKS
from ersr.requests import queries
from ersr.waivers import actions as waivers
from tests import world as worlds
from tests.faces import stages
from tests.faces.conftest import credentials

#: What the address of a page takes beside the reference; the parts of the filing stand for themselves.
PARTS = {"add_part": "period", "record_act": "act", "add_list": "list", "add_evidence": "evidence"}
#: Who presses it in the story of tests/faces/stages.py.
WHO = {
    "acknowledge": "filer", "add_evidence": "filer", "add_list": "filer", "add_part": "filer", "answer": "filer",
    "answer_hits": "security", "approve": "approver", "ask": "officer", "assess": "security", "call": "officer",
    "change_line": "security", "conclude": "officer", "confirm_lines": "security", "note_privileged": "counsel",
    "preview": "signatory", "propose": "security", "record_act": "filer", "return_proposal": "approver",
    "send_back": "signatory", "serve": "officer", "sign": "signatory", "submit": "filer", "take": "officer",
    "withdraw": "filer",
}  # fmt: skip


def buttons(page: str) -> list[str]:
    """The words of every button of a page, and of every link that looks like one."""
    found = re.findall(r'<button[^>]*>(.*?)</button>|<a[^>]*class="button[^>]*>(.*?)</a>', page, re.DOTALL)
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", "", a or b)).split()) for a, b in found]


def address(made: stages.Stages, action: str) -> str:
    """Where the table says that the button is, for the request that stands at the action's stage."""
    page, ref = ACTIONS[action].page, made.reference(stages.STAGE[action])
    if action in PARTS:
        return reverse(page, args=[ref, PARTS[action]])
    if page == "desk-list":
        return reverse(page, args=[ref, 1])
    if page == "ack":
        return reverse(page, args=[made.facts["served waiver"]])
    where = reverse(page) if page == "file-check" else reverse(page, args=[ref])
    return f"{where}?change={made.facts['assessing']}" if action == "change_line" else where


def test_every_row_names_a_page_that_exists() -> None:
    names = {row.page for row in ACTIONS.values()}
    for name in names:
        for count in range(3):
            try:
                reverse(name, args=["1"] * count if name != "desk-list" else ["SRW", 1][:count])
                break
            except NoReverseMatch:
                continue
        else:
            raise AssertionError(f"{name} is no page")


def test_every_primary_action_is_a_row() -> None:
    """The one filled button of a role and state is something that the table knows and lets happen there."""
    for state, roles in PRIMARY.items():
        for names in roles.values():
            for name in names:
                assert state in ACTIONS[name].origin, (state, name)


@pytest.mark.django_db
def test_what_is_offered_has_its_button_on_the_page_that_the_table_names() -> None:
    w = worlds.build()
    made = stages.build(w)
    signed_in: dict[str, Client] = {}
    assert set(WHO) == set(ACTIONS)
    for action, who in WHO.items():
        person, row = getattr(w, who), ACTIONS[action]
        if who not in signed_in:
            signed_in[who] = Client()
            assert signed_in[who].post("/signin", credentials(w, person)).status_code == 302
        browser = signed_in[who]
        if action == "submit":
            browser.post("/file/six", {**worlds.SIX, "tlds": ", ".join(worlds.TLDS)})
        else:
            request = queries.request_for(person, made.reference(stages.STAGE[action]))
            offered = queries.offered(person, request)
            assert row in (offered.primary, *offered.others), f"{action} is not offered to the {who}"
        if action == "sign":
            instrument = waivers.unsigned_lines(made.requests["granted"])[0].instrument
            browser.post(address(made, action), {"do": "preview", "instrument": instrument})
        answer = browser.get(address(made, action))
        assert answer.status_code == 200, (action, answer.status_code)
        told = buttons(answer.content.decode())
        if row.label == "Call back":  # the button that leads there is called so; there the call is recorded
            case = browser.get(reverse("desk-case", args=[request.reference])).content.decode()
            assert re.search(rf'href="{address(made, action)}">{row.label}</a>', case)
            assert "Record the call" in told
            continue
        assert any(words.startswith(row.label) for words in told), (action, row.label, told)


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["officer", "security", "counsel", "approver", "signatory", "auditor"])
def test_no_page_of_a_case_has_two_filled_buttons(who: str) -> None:
    """One filled button a page, and where the reader has a move it is there; twice only as phone and desk show it."""
    w = worlds.build()
    made = stages.build(w)
    person, browser = getattr(w, who), Client()
    browser.post("/signin", credentials(w, person))
    for stage in made.requests:
        row = queries.request_for(person, made.reference(stage))
        page = browser.get(reverse("desk-case", args=[row.reference])).content.decode()
        filled = set(re.findall(r'class="button button--main[^>]*>(.*?)</', page))
        primary = queries.offered(person, row).primary
        if primary is None or (primary.name == "take" and row.holder_id not in (None, person.pk)):
            assert filled == set(), (stage, filled)
        else:
            # "Save note" is said where the note is written; what leads there says what one does there.
            assert filled == {LINKS["assess"] if primary.name == "assess" else primary.label}, stage
