"""Which language a page speaks, who chooses it, and who is never given half of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from ersr.ledger.models import EventBody
from ersr.people.models import Person
from ersr.requests import actions
from tests import world as worlds
from tests.faces.conftest import Visit


@pytest.fixture(autouse=True)
def two_languages(settings: Any) -> None:
    settings.LANGUAGES = [("en", "English"), ("fr", "Français")]
    settings.STAFF_LANGUAGES = ("en", "fr")


def _page(client: Client, address: str = "/verify", **more: Any) -> tuple[str, Any]:
    answer = client.get(address, **more)
    return answer.content.decode(), answer


def test_the_browser_asks_and_the_reader_chooses(world: worlds.World, visit: Visit) -> None:
    """Accept-Language first, then the button in the foot of the page, which also leads back; both say so in the headers."""
    nobody = visit()
    page, answer = _page(nobody, HTTP_ACCEPT_LANGUAGE="fr-BE,fr;q=0.9")
    assert '<html lang="fr">' in page
    assert "<h1>Vérifier une dérogation</h1>" in page
    assert answer["Content-Language"] == "fr"
    assert {"Accept-Language", "Cookie"} <= set(answer["Vary"].split(", "))
    assert _page(nobody, HTTP_ACCEPT_LANGUAGE="de")[1]["Content-Language"] == "en"
    answer = nobody.post("/language", {"language": "fr", "next": "/verify"})
    assert answer["Location"] == "/verify"
    assert '<html lang="fr">' in _page(nobody)[0]
    assert nobody.post("/language", {"language": "xx", "next": "https://elsewhere.example/"})["Location"] == "/"
    assert '<html lang="fr">' in _page(nobody)[0]
    assert nobody.get("/language?language=en").status_code == 302
    assert '<html lang="fr">' in _page(nobody)[0], "opening an address changes nothing"


def test_a_choice_follows_the_person(world: worlds.World, visit: Visit) -> None:
    """To another browser, whatever that one asks for."""
    visit(world.filer).post("/language", {"language": "fr"})
    assert Person.objects.get(pk=world.filer.pk).language == "fr"
    page, _ = _page(visit(world.filer), "/", HTTP_ACCEPT_LANGUAGE="en")
    assert "Vos demandes" in page


def test_staff_choose_like_everybody(world: worlds.World, visit: Visit) -> None:
    """The desk speaks the language of whoever works at it; two who look at one case may read two."""
    row = actions.submit(worlds.SIX, by=world.filer, now=world.now, once="staff")
    visit(world.officer).post("/language", {"language": "fr"})
    page, answer = _page(visit(world.officer), f"/desk/{row.reference}", HTTP_ACCEPT_LANGUAGE="en")
    assert answer["Content-Language"] == "fr"
    assert "prendre la demande en charge" in page
    assert "take the request" in _page(visit(world.second), f"/desk/{row.reference}")[0]


def test_staff_read_english_until_all_of_theirs_is_translated(world: worlds.World, visit: Visit, settings: Any) -> None:
    """Whatever browser, cookie and an old choice say; and they are offered no other."""
    settings.STAFF_LANGUAGES = ("en",)
    Person.objects.filter(pk=world.officer.pk).update(language="fr")
    officer = visit(world.officer)
    officer.post("/language", {"language": "fr"})
    officer.cookies["ersr_language"] = "fr"
    for address in ("/", "/desk", "/verify"):
        page, answer = _page(officer, address, HTTP_ACCEPT_LANGUAGE="fr")
        assert answer["Content-Language"] == "en", address
        assert "Français" not in page


def test_what_is_kept_is_english_and_typed_text_stays_text(world: worlds.World, visit: Visit) -> None:
    """A French reader's filing leaves no French in the ledger, and nothing that was typed becomes markup in a sentence."""
    filer = visit(world.filer)
    filer.cookies["ersr_language"] = "fr"
    answer = filer.post("/file/six", {**worlds.SIX, "tlds": "<b>x</b>"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "n’a pas de TLD &lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x</b>" not in page
    row = actions.submit(worlds.SIX, by=world.filer, now=world.now, once="fr")
    page = _page(filer, f"/r/{row.reference}")[0]
    assert "À ICANN d’agir" in page
    assert "Réponse due le" in page
    kept = "".join(bytes(body.record).decode() for body in EventBody.objects.all())
    assert "é" not in kept
    assert "received" in kept


def test_the_api_speaks_english(world: worlds.World, client: Client) -> None:
    """Programs read it, whatever language they say they like."""
    answer = client.get("/api/v1/me", HTTP_ACCEPT_LANGUAGE="fr", HTTP_COOKIE="ersr_language=fr")
    assert answer.json()["title"] == "Sign in first"


def test_months_are_read_in_the_readers_words(world: worlds.World, visit: Visit) -> None:
    """With or without accents, and English ones too."""
    filer = visit(world.filer)
    filer.cookies["ersr_language"] = "fr"
    check: Callable[[str], int] = lambda month: filer.post("/file/six", {  # noqa: E731
        **worlds.SIX, "tlds": "all", "irreversible": "at", "irreversible_at_day": "1", "irreversible_at_month": month,
        "irreversible_at_year": "2027", "irreversible_at_time": "14h05", "irreversible_at_zone": "UTC",
    }).status_code  # fmt: skip
    assert [check(month) for month in ("février", "fevrier", "févr.", "February", "2")] == [302] * 5
    assert check("brumaire") == 422
