"""How the API says no, hands out tokens, turns pages and takes files: the same everywhere."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client

from ersr import clock
from ersr.core.errors import CODES, Refusal
from ersr.people import actions as people
from ersr.people.models import Person, Session, Token
from ersr.requests import actions, queries
from tests import world as worlds
from tests.faces.calling import Caller, good, refused
from tests.project.test_logs import rendered

pytestmark = pytest.mark.django_db


@pytest.fixture
def w() -> worlds.World:
    return worlds.build()


def test_what_is_not_there_answers_with_a_problem_whatever_the_method(w: worlds.World) -> None:
    """No page of the portal and no CSRF form ever answers below /api."""
    for path in ("/api/v1/nothing", "/api/v1/", "/api/v1/requests/", "/api", "/api/v2/requests", "/api/v1/me/x/y"):
        for method in ("get", "post", "delete", "put", "head", "options"):
            answer = getattr(Client(enforce_csrf_checks=True), method)(path)
            assert answer.status_code == 404, (method, path)
            assert answer["Content-Type"] == "application/problem+json"


def test_what_one_may_not_see_answers_in_the_same_words_as_what_is_not_there(w: worlds.World) -> None:
    """Byte for byte, for each address of a case, for a stranger and for an administrator."""
    request = actions.submit(worlds.SIX, by=w.filer, now=w.now, once="1")
    addresses = [
        "",
        "/receipt",
        "/history",
        "/numbers",
        "/notes",
        "/privileged",
        "/lists/1",
        "/lists/1/names",
        "/lists/1/hits",
    ]
    addresses += ["/evidence/1", "/previews/1"]
    for person in (w.stranger, w.administrator):
        caller = Caller(person)
        for address in addresses:
            hidden = caller.get(f"requests/{request.reference}{address}")
            absent = caller.get(f"requests/SRW-2026-0000000-X{address}")
            assert hidden.content == absent.content, address
            refused(hidden, 404, "not_found")
    for path in ("waivers/W-2026-0000000-X", "waivers/W-2026-0000000-X/pdf", "waivers/W-2026-0000000-X/covers?name=a.com", "waivers/W-2026-0000000-X/list-key", "waivers/W-2026-0000000-X/token"):
        refused(Caller(w.filer).get(path), 404, "not_found")


def test_another_method_is_a_problem_that_says_which_would_do(w: worlds.World) -> None:
    answer = Caller(w.filer).http.put("/api/v1/requests")
    refused(answer, 405, "method")
    assert {"GET", "POST"} == set(answer["Allow"].split(", "))
    refused(Client().post("/keys.json"), 405, "method")


def test_every_wrong_field_is_named_at_once_as_the_caller_named_it(w: worlds.World) -> None:
    """Those of types, and those of the product's own rules."""
    caller = Caller(w.filer)
    typed = refused(caller.post("requests", {"tlds": 5, "happening": [], "colour": "red"}), 422, "invalid")
    assert {"colour", "happening"} <= {e["field"] for e in typed["errors"]}
    ruled = refused(caller.post("requests", {}), 422, "invalid")
    fields = {e["field"] for e in ruled["errors"]}
    assert fields == {"number_claimed", "operator", "tlds", "happening", "irreversible"}
    assert all(e["message"] in ruled["detail"] for e in ruled["errors"])
    assert ruled["type"].endswith("/api/v1/problems#invalid")
    listed = good(Client().get("/api/v1/problems"))["items"]
    assert {row["code"] for row in listed} == set(CODES)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[1]", b'"x"', b'{"happening": "a\\u0000b"}', b'{"happening": "\\ud800"}', b'{"x": NaN}'],
)
def test_a_body_that_is_no_json_or_cannot_be_stored_is_refused(w: worlds.World, body: bytes) -> None:
    caller = Caller(w.filer)
    answer = caller.http.post("/api/v1/requests", body, "application/json", headers=caller.headers)
    refused(answer, 422, "invalid")


def test_a_deep_body_and_numbers_beyond_the_database_are_refused(w: worlds.World) -> None:
    caller = Caller(w.officer)
    deep = b"[" * 100_000
    answer = caller.http.post("/api/v1/requests", deep, "application/json", headers=caller.headers)
    refused(answer, 422, "invalid")
    refused(caller.post("requests/SRW-1/call", {"number_id": 10**30, "outcome": "confirmed"}), 422, "invalid")
    refused(caller.get(f"requests/SRW-1/lists/{10**30}"), 422, "invalid")
    refused(caller.get("requests/SRW%00-1"), 404, "not_found")
    refused(caller.get("requests", cursor="\0"), 404, "not_found")


def test_a_time_needs_its_zone_and_a_place_in_the_calendar(w: worlds.World) -> None:
    caller = Caller(w.administrator)
    words = {"person": w.signatory.email, "instrument": "waiver", "families": ["base"], "words": "R"}
    for bad in ("2026-01-01T00:00:00", "9999-12-31T23:59:59-12:00", "soon"):
        told = refused(
            caller.post("delegations", words | {"starts_at": bad, "ends_at": "2027-01-01T00:00Z"}), 422, "invalid"
        )
        assert [e["field"] for e in told["errors"]] == ["starts_at"], bad


def test_who_can_is_told_to_staff_only(w: worlds.World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal names people to the authority's own people, never to a registry's, whatever the action said."""
    request = actions.submit(worlds.SIX, by=w.filer, now=w.now, once="1")
    staff = refused(Caller(w.approver).post(f"requests/{request.reference}/take"), 403, "not_allowed")
    assert {"Mira Adeyemi", "Jonas Weber"} <= set(staff["who_can"])
    filer = refused(Caller(w.filer).post(f"requests/{request.reference}/take"), 403, "not_allowed")
    assert "who_can" not in filer

    def careless(*_: Any, **__: Any) -> None:
        raise Refusal("not_allowed", "No.", who_can=("Tom Okafor",))

    monkeypatch.setattr(queries, "requests_visible_to", careless)
    assert refused(Caller(w.officer).get("requests"), 403, "not_allowed")["who_can"] == ["Tom Okafor"]
    assert "who_can" not in refused(Caller(w.filer).get("requests"), 403, "not_allowed")


def test_a_busy_database_is_a_sentence_and_a_time_to_come_back(
    w: worlds.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never the database's own words."""
    for words in ("database is locked", "canceling statement due to lock timeout", "could not connect to server"):

        def broken(*_: Any, words: str = words, **__: Any) -> None:
            raise OperationalError(words)

        monkeypatch.setattr(queries, "requests_visible_to", broken)
        answer = Caller(w.filer).get("requests")
        told = refused(answer, 503, "busy")
        assert answer["Retry-After"] == "1"
        assert words not in json.dumps(told)


def test_a_defect_of_ours_is_logged_without_what_was_sent(
    w: worlds.World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Types and frames only: messages quote values, and addresses hold references and codes."""

    def broken(*_: Any, **__: Any) -> None:
        try:
            raise KeyError("INNER-MARKER")
        except KeyError as inner:
            raise ValueError("MARKER") from inner

    monkeypatch.setattr(queries, "request_for", broken)
    caller = Caller(w.filer)
    caller.http.raise_request_exception = False
    refused(caller.get("requests/SRW-2026-9999"), 500, "failed")
    (row,) = (r for r in caplog.records if r.name == "ersr.api")
    told = rendered(row)
    assert "MARKER" not in told
    assert "9999" not in told
    for word in ("builtins.ValueError", "builtins.KeyError", "tests/faces/test_api_shapes.py:", ".broken"):
        assert word in told


def test_a_defect_of_ours_is_a_problem_too(w: worlds.World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the exception's words; Django's signal has them."""

    def broken(*_: Any, **__: Any) -> None:
        raise LookupError("MARKER")

    monkeypatch.setattr(queries, "requests_visible_to", broken)
    caller = Caller(w.filer)
    caller.http.raise_request_exception = False
    told = refused(caller.get("requests"), 500, "failed")
    assert "MARKER" not in json.dumps(told)
    caller.http.raise_request_exception = True
    with pytest.raises(LookupError):
        caller.get("requests")


# Tokens


def test_a_token_is_needed_and_named_in_the_refusal(w: worlds.World) -> None:
    for header in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer "},
    ):
        answer = Client().get("/api/v1/me", headers=header)
        refused(answer, 401, "sign_in")
        assert answer["WWW-Authenticate"] == "Bearer"


def test_a_session_of_the_portal_opens_nothing(w: worlds.World) -> None:
    """So no page elsewhere can make a browser act through the API."""
    browser = Client()
    browser.force_login(w.filer, backend="django.contrib.auth.backends.ModelBackend")
    refused(browser.get("/api/v1/me"), 401, "sign_in")


def test_a_token_is_made_with_all_three_secrets_and_told_once(w: worlds.World) -> None:
    words = {"email": w.filer.email, "password": worlds.PASSWORD, "name": "night", "scopes": ["read"], "days": 2}
    anybody = Caller(None)
    code = w.code(w.filer)
    refused(anybody.post("tokens", words | {"code": "000000"}), 401, "credentials")
    refused(anybody.post("tokens", words | {"code": code, "password": "wrong"}), 401, "credentials")
    made = good(anybody.post("tokens", words | {"code": code}), 201)
    refused(anybody.post("tokens", words | {"code": code}), 422, "code_used")
    caller = Caller(None)
    caller.headers = {"Authorization": f"Bearer {made['token']}"}
    assert good(caller.get("me"))["email"] == w.filer.email
    (row,) = good(caller.get("tokens"))["items"]
    assert row["id"] == made["id"]
    assert row["current"] is True
    assert row["used_at"]
    assert made["token"] not in json.dumps(row)
    assert Token.objects.get(pk=made["id"]).hash == people.digest(made["token"])
    wrong = refused(
        anybody.post("tokens", words | {"code": w.code(w.filer), "scopes": ["all"], "days": 0}), 422, "invalid"
    )
    assert {e["field"] for e in wrong["errors"]} == {"scopes", "days"}


def test_wrong_codes_make_the_next_one_wait(w: worlds.World) -> None:
    words = {"email": w.filer.email, "password": worlds.PASSWORD, "code": "0", "name": "", "scopes": ["read"]}
    for _ in range(6):
        refused(Caller(None).post("tokens", words), 401, "credentials")
    answer = Caller(None).post("tokens", words | {"code": w.code(w.filer)})
    refused(answer, 429, "too_many")
    assert answer["Retry-After"] in ("1", "2")


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (("read",), {"me"}),
        (("write",), {"withdraw"}),
        (("sign",), {"sign"}),
        (("admin",), {"invite"}),
        (("read", "write"), {"me", "withdraw"}),
    ],
)
def test_a_scope_opens_what_it_says_and_nothing_else(
    w: worlds.World, scopes: tuple[str, ...], allowed: set[str]
) -> None:
    """None includes another; what the person may do is asked afterwards."""
    caller = Caller(w.filer, scopes)
    answers = {
        "me": caller.get("me"),
        "withdraw": caller.post("requests/SRW-1/withdraw", {"reason": "x"}),
        "sign": caller.post("requests/SRW-1/sign", {"preview": 1, "code": "1"}),
        "invite": caller.post("people", {}),
    }
    for name, answer in answers.items():
        scope = answer.status_code == 403 and answer.json()["code"] == "scope"
        assert scope == (name not in allowed), name


def test_an_ended_an_expired_and_an_inactive_persons_token_open_nothing(w: worlds.World) -> None:
    first, second = Caller(w.filer), Caller(w.filer)
    refused(Caller(w.night).delete(f"tokens/{first.token_id}"), 404, "not_found")
    assert good(second.delete(f"tokens/{first.token_id}"), 204) == b""
    refused(first.get("me"), 401, "sign_in")
    Token.objects.filter(pk=second.token_id).update(expires_at=clock.real())
    refused(second.get("me"), 401, "sign_in")
    third = Caller(w.filer)
    Person.objects.filter(pk=w.filer.pk).update(is_active=False)
    refused(third.get("me"), 401, "sign_in")


def test_sessions_are_listed_and_ended_by_their_owner(w: worlds.World) -> None:
    browser = Client()
    browser.force_login(w.filer, backend="django.contrib.auth.backends.ModelBackend")
    (row,) = good(Caller(w.filer).get("sessions"))["items"]
    refused(Caller(w.night).delete(f"sessions/{row['key_hash']}"), 404, "not_found")
    good(Caller(w.filer).delete(f"sessions/{row['key_hash']}"), 204)
    assert not Session.objects.filter(person=w.filer).exists()


def test_an_invited_person_enrols_and_comes_in(w: worlds.World) -> None:
    """Invitation, password, factor, token, all over HTTP; the link works once."""
    from ersr.client import totp

    words = {
        "email": "Neu@icann.example", "name": "Neu", "title": "Officer", "party": "icann", "zone": "Europe/Vienna",
        "roles": [["duty_officer", ""], ["responder", "security"]],
    }  # fmt: skip
    made = good(Caller(w.administrator).post("people", words), 201)
    code = made["enrol_link"].rsplit("/", 1)[1]
    anybody = Caller(None)
    weak = refused(anybody.post(f"enrolments/{code}", {"password": "short"}), 422, "invalid")
    assert {e["field"] for e in weak["errors"]} == {"password"}
    factor = good(anybody.post(f"enrolments/{code}", {"password": "three quiet geese fly"}))
    assert factor["uri"].startswith("otpauth://totp/")
    shown = totp.Authenticator(factor["secret"])
    refused(anybody.post(f"enrolments/{code}/confirm", {"code": "abc"}), 422, "code_wrong")
    told = good(anybody.post(f"enrolments/{code}/confirm", {"code": shown.fresh()}))
    assert told == {"email": "neu@icann.example", "name": "Neu"}
    refused(anybody.post(f"enrolments/{code}", {"password": "three quiet geese fly"}), 409, "lapsed")
    refused(anybody.post("enrolments/nothing", {"password": "three quiet geese fly"}), 404, "not_found")
    words = {"email": "neu@icann.example", "password": "three quiet geese fly", "scopes": ["read"]}
    caller = Caller(None)
    token = good(anybody.post("tokens", words | {"code": shown.fresh()}), 201)["token"]
    caller.headers = {"Authorization": f"Bearer {token}"}
    me = good(caller.get("me"))
    assert me["roles"] == ["duty_officer", "responder"]
    assert me["disciplines"] == ["security"]


# Pages and files


def test_an_administrator_lets_in_again_and_ends(w: worlds.World) -> None:
    """Each for administrators only, each once; what is not there is not there."""
    from ersr.people.models import Delegation

    admin, given = Caller(w.administrator), Delegation.objects.earliest("pk")
    new = good(admin.post("people", {"email": "n@icann.example", "name": "N", "party": "icann", "roles": [["approver", ""]]}), 201)
    made = good(admin.post(f"people/{new['id']}/reinvite"), 201)
    assert (made["id"], made["email"]) == (new["id"], "n@icann.example")
    refused(admin.post(f"people/{w.filer.pk}/reinvite"), 409, "not_now")
    good(Caller(None).post(f"enrolments/{made['enrol_link'].rsplit('/', 1)[1]}", {"password": "three quiet geese fly"}))
    told = refused(admin.post(f"people/{w.filer.pk}/deactivate", {}), 422, "invalid")
    assert [e["field"] for e in told["errors"]] == ["reason"]
    assert good(admin.post(f"people/{w.filer.pk}/deactivate", {"reason": "Left."}))["active"] is False
    assert good(admin.post(f"people/{w.filer.pk}/reactivate"))["active"] is True
    refused(admin.post(f"people/{w.filer.pk}/reactivate"), 409, "already")
    assert good(admin.post(f"delegations/{given.pk}/end", {"reason": "Board."}))["id"] == given.pk
    refused(admin.post(f"delegations/{given.pk}/end", {"reason": "Board."}), 409, "already")
    refused(admin.post(f"people/{w.administrator.pk}/deactivate", {"reason": "x"}), 403, "not_allowed")
    refused(admin.post(f"people/{w.administrator.pk}/reinvite"), 403, "not_allowed")
    for path in ("people/2000000000/reinvite", "people/2000000000/reactivate", "people/2000000000/deactivate", "delegations/2000000000/end"):
        sent = None if path.endswith(("reinvite", "reactivate")) else {"reason": "x"}
        refused(admin.post(path, sent), 404, "not_found")
        for who in (w.officer, w.auditor, w.stranger):
            refused(Caller(who).post(path, sent), 403, "not_allowed")


def test_pages_hold_everything_once_and_in_order(w: worlds.World) -> None:
    """Staff read in the desk's order, a registry's people newest first; what comes in meanwhile shifts nothing."""
    for number in range(7):
        at = (w.now + timedelta(hours=10 - number)).isoformat()
        six = worlds.SIX | {"irreversible": "at", "irreversible_at": at}
        actions.submit(six, by=w.filer, now=w.now, once=str(number))
    for person, ordered in (
        (w.officer, [r.reference for r in queries.desk(w.officer)]),
        (w.filer, [r.reference for r in queries.requests_visible_to(w.filer).order_by("-pk")]),
    ):
        caller, seen, cursor = Caller(person), [], ""
        while True:
            page = good(caller.get("requests", limit=3, cursor=cursor))
            seen += [row["reference"] for row in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == ordered
    unfit = ([0, 5, 1], ["a", "b", "c"], [0, "2026-01-01T00:00:00", 1], [0, "0001-01-01T00:00:00+14:00", 1], [True, True, True])
    sealed = [base64.urlsafe_b64encode(json.dumps(one).encode()).decode() for one in unfit]
    for wrong in sealed:
        refused(Caller(w.officer).get("requests", cursor=wrong), 422, "invalid")
    for wrong in ("x", "W10", "e30", "!!", "MQ"):
        answer = Caller(w.officer).get("requests", cursor=wrong)
        assert answer.status_code in (200, 422), wrong
        assert Caller(w.auditor).get("ledger/events", cursor=wrong).status_code in (200, 422), wrong
    refused(Caller(w.officer).get("requests", limit=0), 422, "invalid")
    refused(Caller(w.officer).get("requests", limit=501), 422, "invalid")


def test_an_auditor_reads_the_whole_ledger_by_pages(w: worlds.World) -> None:
    actions.submit(worlds.SIX, by=w.filer, now=w.now, once="1")
    auditor = Caller(w.auditor)
    refused(auditor.get("ledger/checkpoint"), 404, "not_found")
    refused(Client().get("/checkpoint"), 404, "not_found")
    w.sequence()
    first = good(auditor.get("ledger/events", limit=2))
    rest = good(auditor.get("ledger/events", limit=500, cursor=first["next"]))
    rows = first["items"] + rest["items"]
    assert [row["index"] for row in rows[:-1]] == list(range(len(rows) - 1))
    filed = next(row for row in rows if row["kind"] == "request.submit")
    assert filed["by"] == w.filer.email
    assert filed["facts"]["operator"] == "Northlight Registry SA"
    assert auditor.get("ledger/checkpoint").content.startswith(b"srw.test/ledger\n")


def test_a_file_that_is_too_large_or_no_text_is_refused(w: worlds.World, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = actions.submit(worlds.SIX, by=w.filer, now=w.now, once="1").reference
    caller = Caller(w.filer)
    monkeypatch.setattr(settings, "ERSR_EVIDENCE_LIMIT", 1000)
    monkeypatch.setattr(settings, "ERSR_LIST_BYTES", 1000)
    for action in ("add_evidence", "add_list"):
        refused(caller.post(f"requests/{ref}/{action}", files={"file": b"x" * 1001}), 413, "too_large")
    good(caller.post(f"requests/{ref}/add_evidence", files={"file": b"x" * 1000}))
    refused(caller.post(f"requests/{ref}/add_evidence", files={"file": b""}), 422, "invalid")
    refused(caller.post(f"requests/{ref}/add_list", files={"file": b"\x00\xff\xfe\x89PNG"}), 422, "unfit")
    refused(caller.post(f"requests/{ref}/add_list", {"title": "x"}), 422, "invalid")
    refused(caller.post(f"requests/{ref}/add_list", {"title": "a\0b"}, files={"file": b"aaa.com"}), 422, "invalid")
    monkeypatch.setattr(settings, "DATA_UPLOAD_MAX_MEMORY_SIZE", 100)
    refused(caller.post("requests", {"happening": "x" * 200}), 413, "too_large")


def test_a_provision_and_a_party_come_out_whole(w: worlds.World) -> None:
    officer = Caller(w.services)
    before = len(good(officer.get("provisions"))["items"])
    row = {
        "id": "9.9", "title": "T", "demands": "D", "source": "S", "waivable_by": "staff", "certainty": "U",
        "instrument": "waiver", "departs_by": ["create:direct"],
    }  # fmt: skip
    words = {"family": "base", "version": "2023-04-30", "body": row, "reason": "Found"}
    made = good(officer.post("provisions", words), 201)
    assert (made["id"], made["row"]) == ("9.9", 1)
    assert good(officer.post("provisions", words), 201)["row"] == 2
    assert len(good(officer.get("provisions"))["items"]) == before + 1
    wrong = refused(officer.post("provisions", words | {"body": {"id": 5}}), 422, "unfit")
    assert {"title", "demands"} <= {e["field"] for e in wrong["errors"]}
    known = good(officer.get("parties/northlight"))
    assert sum(len(a["tlds"]) for a in known["agreements"]) == 40
    assert {c["name"] for c in known["contacts"]} >= {"Legal"}
    refused(officer.get("parties/nobody"), 404, "not_found")
    everybody = good(Caller(w.auditor).get("people", limit=500))["items"]
    assert len(everybody) == len(w.people)
    assert next(p for p in everybody if p["name"] == "Greta Holm")["delegations"][0]["families"] == ["base"]
