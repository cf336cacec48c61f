"""What every test stands on: an installation of its own, no network but loopback, one Chromium, no flaky deadline."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# How long one example takes says more about the machine than about us.
settings.register_profile("ersr", settings.get_profile("ci" if os.environ.get("CI") else "default"), deadline=None)
settings.load_profile("ersr")


class NetworkUsed(RuntimeError):
    """A test, or the product inside it, wanted to talk to something that is not this machine."""


def _refuse_strangers(family: int, address: Any) -> None:
    """Lets loopback and Unix sockets through. Of names only localhost: asking for another would already be network."""
    if family not in (socket.AF_INET, socket.AF_INET6):
        return
    host = address[0]
    try:
        near = host in ("localhost", "") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        near = False
    if not near:
        raise NetworkUsed(f"tests may reach loopback only, not {address!r}")


def _guarded(name: str) -> Any:
    real = getattr(socket.socket, name)

    def call(self: socket.socket, *words: Any) -> Any:
        # sendto(data[, flags], address); connect(address) and connect_ex(address)
        _refuse_strangers(self.family, words[-1])
        return real(self, *words)

    return call


for _name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, _name, _guarded(_name))


def pytest_configure(config: pytest.Config) -> None:
    """Makes the installation that the tests run in: mode "test", an authority file, a secret; nothing of the caller's.

    Set here and not through ERSR_* variables: pytest-django has read the settings before this file is.
    """
    config.addinivalue_line("markers", "postgresql: needs two writers at once, which SQLite does not have by design")
    config.addinivalue_line("markers", "once: brings its own database or needs none, so SQLite's part alone runs it")
    if not os.environ.get("DJANGO_SETTINGS_MODULE"):
        return
    from django.conf import settings as django

    django.SECRET_KEY = "for tests only, and for nothing that outlives them"
    django.ERSR_MODE = "test"
    django.ERSR_AUTHORITY = str(Path(__file__).with_name("authority.toml"))
    django.ERSR_CLOCK_FILE = ""
    if "sqlite" in django.DATABASES["default"]["ENGINE"]:
        django.DATABASES["default"].setdefault("TEST", {})["NAME"] = ":memory:"  # pytest-django knows Django's own backend only
    # The real one takes a third of a second a password on purpose; the tests make people by the hundred.
    django.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What needs two writers at once belongs to PostgreSQL's part of the run, what is the same on both to SQLite's."""
    if not os.environ.get("DJANGO_SETTINGS_MODULE"):
        return
    from django.conf import settings as django

    elsewhere = "once" if "postgresql" in django.DATABASES["default"]["ENGINE"] else "postgresql"
    others = [item for item in items if item.get_closest_marker(elsewhere)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


@pytest.fixture(autouse=True, scope="session")
def _emptying() -> Iterator[None]:
    """A transactional test ends by emptying every table, which the ledger's triggers rightly refuse: they are lifted for
    just that, and stand again afterwards."""
    if not os.environ.get("DJANGO_SETTINGS_MODULE"):
        yield
        return
    from django.test import TransactionTestCase

    from ersr.ledger import guard

    real = TransactionTestCase._fixture_teardown

    def emptied(self: TransactionTestCase) -> None:
        with guard.lifted():
            real(self)

    TransactionTestCase._fixture_teardown = emptied
    yield
    TransactionTestCase._fixture_teardown = real


@pytest.fixture(autouse=True)
def _home(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test with a database has its own home too: the last test's checkpoint would rightly be refused in the next."""
    with_database = {"db", "transactional_db", "live_server", "django_db_setup"} & set(request.fixturenames)
    if not (with_database or request.node.get_closest_marker("django_db")):
        yield
        return
    from django.conf import settings as django

    home: Path = request.getfixturevalue("tmp_path") / "home"
    home.mkdir()
    before = {name: getattr(django, name) for name in ("ERSR_HOME", "ERSR_FILES", "ERSR_KEYS", "ERSR_LAST_CHECKPOINT", "ERSR_ZONES")}
    django.ERSR_HOME, django.ERSR_FILES, django.ERSR_KEYS, django.ERSR_ZONES = home, home / "files", home / "keys", home / "zones"
    django.ERSR_LAST_CHECKPOINT = home / "checkpoint"
    yield
    for name, value in before.items():
        setattr(django, name, value)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Debian's Chromium; a machine without it cannot run the browser tests, and says so instead of skipping them."""
    path = shutil.which("chromium")
    assert path, "no Chromium here: install the package chromium (make setup does, as root)"
    return path


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Browser]:
    """One Chromium for all browser tests; each test opens a context of its own (`browser.new_context()`)."""
    from playwright.sync_api import sync_playwright

    flags = [
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        # Whatever a page or Chromium itself asks for, only this machine answers.
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    # Playwright keeps an event loop in this thread, beside which Django would refuse to touch the database.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path, args=flags)
        yield chromium
        chromium.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    else:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before
