"""What other sites and bent requests cannot do: forged posts, forged hosts, redirects out, paths out, missing headers."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver

from ersr.jobs.worker import run_one
from ersr.people.models import Session
from tests.faces.calling import Caller, refused
from tests.faces.conftest import Visit, credentials
from tests.requests.steps import Case
from tests.world import World

FILLED = {"ref": "SRW-2026-1234-X", "part": "act", "number": "1", "pk": "1", "code": "x", "key": "x", "version": "1",
          "family": "base", "name": "x", "action": "take"}  # fmt: skip


def portal_addresses() -> list[str]:
    """One address for each route of the portal, with made-up arguments: every route there is, none chosen by hand."""
    found: list[str] = []

    def walk(patterns: list[URLPattern | URLResolver], before: str) -> None:
        for one in patterns:
            if isinstance(one, URLResolver):
                walk(one.url_patterns, before + str(one.pattern))
            else:
                route = before + str(one.pattern)
                while "<" in route:
                    start, _, rest = route.partition("<")
                    inner, _, rest = rest.partition(">")
                    name = inner.partition(":")[2] or inner
                    route = start + FILLED.get(name, "1") + rest
                found.append("/" + route.removesuffix("$"))

    walk(get_resolver().url_patterns, "")
    return sorted({one for one in found if not one.startswith(("/api/", "/^", "/static/"))})


def test_a_post_from_another_site_changes_nothing_on_any_page(world: World, visit: Visit) -> None:
    """No page takes a form without this site's own token, whoever is signed in: each route is asked, not a chosen few."""
    addresses = portal_addresses()
    assert len(addresses) > 45
    client = visit(world.officer, enforce_csrf_checks=False)
    client.handler.enforce_csrf_checks = True
    for address in addresses:
        answer = client.post(address, {"reason": "forged"}, HTTP_ORIGIN="https://evil.example")
        # 405: takes no post at all. Anything else must be the refusal of the forged form.
        assert answer.status_code in (403, 405), (address, answer.status_code)
        assert answer.status_code == 405 or b"csrf" in answer.content.lower() or b"another site" in answer.content or b"form" in answer.content
    assert client.get("/account").status_code == 200, "and nobody was signed out"


def test_a_cookie_opens_no_door_of_the_api(world: World, visit: Visit) -> None:
    """The API knows tokens only, so a browser that is signed in cannot be made to call it."""
    client = visit(world.officer)
    assert client.get("/account").status_code == 200
    assert client.get("/api/v1/me").status_code == 401
    assert client.post("/api/v1/requests", "{}", "application/json").status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "testserver@evil.example", "127.0.0.1.evil.example"])
def test_a_forged_host_is_refused_and_never_gets_into_a_mail(world: World, host: str) -> None:
    """Links are made from ERSR_ADDRESS; a Host header that is not ours answers 400, X-Forwarded-Host counts for nothing."""
    assert Client().get("/signin", HTTP_HOST=host).status_code == 400
    page = Client().get("/", HTTP_X_FORWARDED_HOST=host)
    assert page.status_code == 200
    assert host not in page.content.decode()
    Case(world).file()
    while run_one():
        pass
    assert mail.outbox
    assert not any(host in one.body for one in mail.outbox)


@pytest.mark.parametrize(
    "goal",
    [
        "https://evil.example/", "//evil.example/", "///evil.example", "/\\evil.example", "\\\\evil.example", "http:evil.example",
        "javascript:alert(1)", "data:text/html,x", " //evil.example", "/%0d%0aLocation:%20//evil.example", "https:///evil.example",
        "//evil.example\\@testserver/", "/\t/evil.example",
    ],
)  # fmt: skip
def test_signing_in_never_leads_to_another_site(world: World, goal: str) -> None:
    """`next` leads within this site or to the start."""
    client = Client()
    answer = client.post("/signin", {**credentials(world, world.filer), "next": goal})
    assert answer.status_code == 302
    where = answer["Location"]
    assert where.startswith("/")
    assert not where.startswith(("//", "/\\", "/\t"))
    assert "\n" not in where
    assert "\r" not in where


@pytest.mark.parametrize(
    "path",
    [
        "/static/../project/settings.py", "/static/%2e%2e/%2e%2e/project/settings.py", "/static/..%2f..%2fproject/settings.py",
        "/static/ersr/../../../../../../../../etc/passwd", "/static//etc/passwd", "/static/ersr/%00",
        "/r/..%2f..%2fetc%2fpasswd", "/w/..%2fwaiver.pdf/waiver.pdf", "/.git/config", "/var/keys/keys.json",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_what_is_served(world: World, visit: Visit, path: str) -> None:
    """Only static files that were found at start are served, and files by digest through rows."""
    for client in (Client(), visit(world.filer)):
        answer = client.get(path)
        assert answer.status_code in (302, 400, 404), answer.status_code
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert b"SECRET_KEY" not in body
        assert b"root:" not in body


def test_every_answer_carries_the_headers(world: World, visit: Visit) -> None:
    """Pages, errors, files, API: each forbids framing, sniffing, foreign scripts, foreign openers, caching."""
    case = Case(world).file()
    client = visit(world.filer)
    addresses = [*portal_addresses(), f"/r/{case.ref}", "/api/v1/me", "/api/v1/openapi.json", "/nowhere", "/health"]
    for address in addresses:
        answer = client.get(address)
        policy = answer.get("Content-Security-Policy", "")
        assert "default-src 'none'" in policy, address
        if "sandbox" not in policy:
            assert "frame-ancestors 'none'" in policy, address
            assert "base-uri 'none'" in policy, address
            assert "object-src 'none'" in policy, address
        assert "unsafe" not in policy, address
        assert answer["X-Content-Type-Options"] == "nosniff", address
        assert answer["Referrer-Policy"] == "same-origin", address
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin", address
        assert answer["Cache-Control"] == "no-store", address
        assert "Access-Control-Allow-Origin" not in answer, address


@pytest.mark.parametrize("method", ["TRACE", "PUT", "DELETE", "PATCH", "CONNECT", "PROPFIND"])
def test_pages_take_no_other_method(world: World, visit: Visit, method: str) -> None:
    """What a page does not expect is refused before it looks at anything."""
    client = visit(world.filer)
    for address in ("/", "/file", "/account", "/verify"):
        assert client.generic(method, address).status_code in (403, 405)


def test_reading_changes_nothing(world: World, visit: Visit) -> None:
    """A link that somebody is made to open signs nobody out and acknowledges nothing."""
    client = visit(world.officer)
    for address in portal_addresses():
        client.get(address, {"action": "take", "reason": "x", "acknowledge": "yes"})
    assert client.get("/account").status_code == 200
    assert Session.objects.filter(person=world.officer).exists()


def test_a_call_in_the_clear_is_refused_and_a_page_is_led_to_https(world: World, settings: Any) -> None:
    """A program that speaks http must notice that its token was sent in the clear; a person's browser is led on."""
    settings.SECURE_SSL_REDIRECT = True
    caller = Caller(world.filer)
    refused(caller.get("me"), 403, "not_allowed")
    assert "in the clear" in caller.get("me").json()["detail"]
    assert caller.http.get("/api/v1/me", headers=caller.headers, secure=True).status_code == 200
    page = Client().get("/signin")
    assert (page.status_code, page["Location"]) == (301, "https://testserver/signin")
    assert Client().get("/health").status_code == 200, "probes come from the machine itself"


def test_over_https_browsers_are_told_to_stay_there() -> None:
    """Settings of an installation behind https, read in a process of their own: HSTS for a year and below, cookies for https."""
    code = (
        "from ersr.project import settings as s; print(s.SECURE_HSTS_SECONDS, s.SECURE_HSTS_INCLUDE_SUBDOMAINS, "
        "s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.CSRF_COOKIE_HTTPONLY, s.SECURE_SSL_REDIRECT)"
    )
    environ = {**os.environ, "ERSR_ADDRESS": "https://srw.example", "ERSR_HOSTS": "srw.example"}
    told = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["31536000", "True", "True", "True", "True", "True"]
