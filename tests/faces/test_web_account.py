"""Who are you, what can act as you, what were you told: sign-in, enrolment, sessions, tokens, kept forms."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.contrib.auth.hashers import check_password
from django.test import Client

from ersr import clock
from ersr.notifications.models import Notification
from ersr.people import actions as people
from ersr.people import factors, patience
from ersr.people.models import KeptForm, Person, Session, Token
from ersr.requests.models import Request
from tests import world as worlds
from tests.faces import case_story as story
from tests.faces.conftest import Visit, credentials
from tests.faces.test_web_filing import GOOD, page


def test_signing_in_takes_all_three_and_gives_a_new_session(world: worlds.World, visit: Visit) -> None:
    client = visit(world.filer)
    assert client.cookies["ersr_session"]["httponly"]
    session = Session.objects.get(person=world.filer)
    assert session.began_at is not None
    assert session.agent == "Test browser"
    assert session.expire_date - session.began_at == timedelta(hours=8), "it ends at a fixed time, used or not"
    assert "Signed in as Nils Lindqvist, Northlight Registry SA." in page(client, "/")


@pytest.mark.parametrize("wrong", ["email", "password", "code"])
def test_one_refusal_whichever_was_wrong(world: worlds.World, visit: Visit, wrong: str) -> None:
    """The words do not tell which; the e-mail is still there, password and code are not."""
    client = visit()
    given = credentials(world, world.filer)
    given[wrong] = {"email": "nobody@example.org", "password": "not the password", "code": "000000"}[wrong]
    answer = client.post("/signin", given)
    html = answer.content.decode()
    assert answer.status_code == 401
    assert "E-mail, password or code is not right" in html
    assert f'value="{given["email"]}"' in html
    assert given["password"] not in html
    assert given["code"] not in html
    assert not Session.objects.filter(person=world.filer).exists()


def test_what_is_left_empty_is_asked_for_at_once(world: worlds.World, visit: Visit) -> None:
    answer = visit().post("/signin", {})
    assert answer.status_code == 422
    assert "Three answers need another look" in answer.content.decode()


def test_guessing_is_slowed_down(world: worlds.World, visit: Visit) -> None:
    client = visit()
    for _ in range(6):
        client.post("/signin", {"email": world.filer.email, "password": "x", "code": "000000"})
    answer = client.post("/signin", credentials(world, world.filer))
    assert answer.status_code == 429
    assert answer["Retry-After"] in ("1", "2")
    assert "Too many attempts. Wait" in answer.content.decode()
    assert "or call the duty line" in answer.content.decode()


def test_a_code_signs_in_once(world: worlds.World, visit: Visit) -> None:
    given = credentials(world, world.filer)
    assert visit().post("/signin", given).status_code == 302
    again = visit().post("/signin", given)
    assert again.status_code == 422
    assert "was used already" in again.content.decode()


@pytest.mark.parametrize(
    ("asked", "goes"),
    [
        ("/told", "/told"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\\evil.example", "/"),
    ],
)
def test_sign_in_leads_to_this_site_only(world: worlds.World, visit: Visit, asked: str, goes: str) -> None:
    answer = visit().post("/signin", {**credentials(world, world.filer), "next": asked})
    assert answer["Location"] == goes


def test_signing_out_is_a_button(world: worlds.World, visit: Visit) -> None:
    client = visit(world.filer)
    client.get("/signout")
    assert "Signed in as" in page(client, "/")
    client.post("/signout")
    assert "Signed in as" not in page(client, "/")


def test_forms_without_their_token_are_refused_in_words(world: worlds.World) -> None:
    """Another site cannot post in a visitor's name."""
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/signin", credentials(world, world.filer))
    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()


# --- forms that come after sign-out


def test_a_form_that_comes_after_sign_out_waits_for_its_sender(world: worlds.World, visit: Visit) -> None:
    """It is kept, shown after sign-in, sent by one button, and gone then."""
    client = visit(world.filer)
    client.post("/signout")
    where = client.post("/file/six", {**GOOD, "happening": "KEPT words", "csrfmiddlewaretoken": "x"})["Location"]
    assert where.startswith("/signin?next=%2Fkept%2F")
    assert "Your text is kept: sign in to go on" in page(client, where)
    kept = KeptForm.objects.get()
    assert "csrfmiddlewaretoken" not in kept.body
    back = client.post("/signin", {**credentials(world, world.filer), "next": f"/kept/{kept.key}"})
    html = page(client, back["Location"])
    assert "KEPT words" in html
    assert 'action="/file/six"' in html
    assert "At a time that I know" in html, "choices are told in words"
    assert f'href="/kept/{kept.key}"' in page(client, "/"), "it is offered until it is sent"
    fields = re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)"', html)
    assert client.post("/file/six", dict(fields))["Location"] == "/file/check"
    assert not KeptForm.objects.exists()
    assert "KEPT words" in page(client, "/file/check")


def test_a_kept_form_that_is_still_wrong_comes_back_with_its_errors(world: worlds.World, visit: Visit) -> None:
    client = visit(world.filer)
    key = people.keep_form(world.filer, "/file/six", urlencode({**GOOD, "tlds": ""}), now=clock.real()).key
    html = client.post("/file/six", {**GOOD, "tlds": "", "kept_form": key}).content.decode()
    assert "Enter the TLDs that are affected" in html
    assert "A worm makes names." in html


def test_a_kept_form_is_its_senders_alone_and_for_a_day(world: worlds.World, visit: Visit) -> None:
    key = people.keep_form(world.filer, "/file/six", "happening=KEPT", now=clock.real()).key
    page(visit(world.stranger), f"/kept/{key}", status=404)
    assert visit(world.stranger).post(f"/kept/{key}").status_code == 404
    assert KeptForm.objects.exists()
    old = people.keep_form(world.filer, "/file/six", "happening=KEPT", now=clock.real() - timedelta(hours=25)).key
    page(visit(world.filer), f"/kept/{old}", status=404)


def test_a_kept_form_can_be_dropped(world: worlds.World, visit: Visit) -> None:
    client = visit(world.filer)
    key = people.keep_form(world.filer, "/file/six", "happening=KEPT", now=clock.real()).key
    client.post(f"/kept/{key}")
    assert not KeptForm.objects.exists()


def test_secrets_and_forms_of_strangers_are_never_kept(world: worlds.World, visit: Visit) -> None:
    client = visit(world.signatory)
    client.post("/signout")
    client.post("/desk/SRW-2026-1000000-A/sign", {"code": "123456", "password": "p", "reason": "KEPT"})
    assert KeptForm.objects.get().body == "reason=KEPT"
    KeptForm.objects.all().delete()
    nobody = visit().post("/file/six", GOOD)
    assert nobody["Location"] == "/signin?next=%2Ffile%2Fsix"
    forged = visit()
    forged.cookies["ersr_sender"] = f"{world.filer.pk}:xxxx:yyyy"
    forged.post("/file/six", GOOD)
    assert not KeptForm.objects.exists()


# --- enrolment


def invited(world: worlds.World) -> str:
    _, code = people.invite(
        email="new@northlight.example", name="Nora New", party=world.parties["north"], roles=[("filer", "")], by=None,
        now=clock.real(),
    )  # fmt: skip
    return f"/enrol/{code}"


def test_enrolment_takes_a_password_and_a_code_of_the_new_factor(world: worlds.World, visit: Visit) -> None:
    """A weak password and a wrong code are told in words; the picture stays until a code was right."""
    address, client = invited(world), visit()
    assert "Nora New" in page(client, address)
    weak = client.post(address, {"password": "short"})
    assert weak.status_code == 422
    assert "at least 12 characters" in weak.content.decode()
    html = client.post(address, {"password": "a long sentence of mine"}).content.decode()
    assert "<svg" in html
    assert "style=" not in html
    person = Person.objects.get(email="new@northlight.example")
    factor = person.factors.get()
    assert factors.text_secret(factor)[:4] in html
    wrong = client.post(address, {"code": "000000"})
    assert wrong.status_code == 422
    assert "The code is not right" in wrong.content.decode()
    assert "<svg" in wrong.content.decode()
    step = int(clock.real().timestamp()) // factors.STEP
    code = factors._code(factors._open(factor), step)
    assert client.post(address, {"code": code})["Location"] == "/signin"
    assert "Your second factor works" in page(client, "/signin")
    person.refresh_from_db()
    assert check_password("a long sentence of mine", person.password)
    assert "was used or is too old" in page(client, address, status=409)


def test_an_invitation_that_was_never_given_is_not_there(world: worlds.World, visit: Visit) -> None:
    page(visit(), "/enrol/abcdef", status=404)


# --- account


def test_sessions_are_listed_and_ended_at_once(world: worlds.World, visit: Visit) -> None:
    here, there = visit(world.filer), visit(world.filer)
    html = page(here, "/account")
    assert html.count("This session") == 1
    assert html.count("Another session") == 1
    other = re.search(r'name="session" value="([0-9a-f]{64})"><button[^>]*>End that', html)
    assert other
    assert page(visit(world.stranger), "/account").count("session</") >= 1
    assert visit(world.stranger).post("/account", {"do": "end-session", "session": other[1]}).status_code == 404
    here.post("/account", {"do": "end-session", "session": other[1]})
    assert there.get("/account").status_code == 302
    assert page(here, "/account").count("Another session") == 0


def test_ending_the_session_one_is_in_leads_to_the_sign_in(world: worlds.World, visit: Visit) -> None:
    client = visit(world.filer)
    own = people.digest(Session.objects.get(person=world.filer).session_key)
    answer = client.post("/account", {"do": "end-session", "session": own})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/signin")
    assert not Session.objects.filter(person=world.filer).exists()


NIGHT: dict[str, object] = {"do": "make-token", "name": "night", "scopes": ["read"], "days": "30"}


def test_a_session_alone_makes_no_token(world: worlds.World, visit: Visit) -> None:
    """It takes a fresh code; the code of the sign-in was used, and guesses are counted."""
    client = visit(world.filer)
    spent = world.code(world.filer)
    factors.spend(world.filer, spent, now=clock.real())
    for given, words in (({}, "code is not right"), ({"code": "000000"}, "code is not right"), ({"code": spent}, "used already")):
        answer = client.post("/account", NIGHT | given)
        assert (answer.status_code >= 400, words in answer.content.decode()) == (True, True), given
    for _ in range(patience.CONFIRMING.free - 1):
        client.post("/account", NIGHT | {"code": "000000"})
    html = client.post("/account", NIGHT | {"code": world.code(world.filer)}).content.decode()
    assert "Too many attempts" in html
    assert not Token.objects.exists()


def test_a_token_is_shown_once_and_ended(world: worlds.World, visit: Visit) -> None:
    client = visit(world.filer)
    code = world.code(world.filer)
    wrong = client.post("/account", {"do": "make-token", "name": "x", "days": "9999", "code": code}).content.decode()
    assert wrong.count("Choose at least one of") == 2
    assert wrong.count("at most 366 days") == 2
    assert code not in wrong
    # Nothing was made, so the code still counts.
    html = client.post("/account", NIGHT | {"code": code, "scopes": ["read", "write"]}).content.decode()
    assert "May read, file and act." in html
    text = re.search(r"ersr_[A-Za-z0-9_-]{40,}", html)
    assert text
    assert text[0] not in page(client, "/account")
    row = Token.objects.get()
    assert visit(world.stranger).post("/account", {"do": "end-token", "token": str(row.pk)}).status_code == 404
    client.post("/account", {"do": "end-token", "token": str(row.pk)})
    row.refresh_from_db()
    assert row.ended_at
    assert client.post("/account", {"do": "end-token", "token": "x"}).status_code == 404


def test_a_zone_that_does_not_exist_is_refused(world: worlds.World, visit: Visit) -> None:
    answer = visit(world.filer).post("/account", {"do": "zone", "zone": "Mars/Olympus"})
    assert answer.status_code == 422
    assert answer.content.decode().count("Choose a time zone, like Europe/Brussels") == 2


def test_notifications_are_listed_for_their_reader_and_acknowledged_by_button(world: worlds.World, visit: Visit) -> None:
    row = story.filed(world)
    client = visit(world.filer)
    html = page(client, "/told")
    assert f"{row.reference}: filed" in html
    assert "On its way since" in html
    pk = Notification.objects.get(person=world.filer).pk
    assert visit(world.stranger).post("/told", {"notification": str(pk)}).status_code == 404
    client.post("/told", {"notification": str(pk)})
    assert "Nothing waits for you." in page(client, "/told")
    assert Request.objects.count() == 1
    assert f"{row.reference}: filed" not in page(visit(world.stranger), "/told")


def test_the_page_for_what_broke_asks_nothing_of_the_database(world: worlds.World, rf: object) -> None:
    from ersr.faces.web.errors import server_error

    answer = server_error(rf.get("/"))  # type: ignore[attr-defined]
    assert answer.status_code == 500
    assert "tel:+12025550100" in answer.content.decode()
