"""What the command keeps: tokens that only their owner can read, whole files or none, keys of calls that got no answer."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ersr.client.command import app
from ersr.client.command.exits import Exit
from ersr.client.command.keeping import Pending, Service, Services, address_of, chosen, unacknowledged, write_private
from ersr.client.command.terminal import Failed, printable, say_here
from ersr.client.http import Problem

HERE = "https://srw.example"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("ERSR_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ERSR_KEYRING", "no")
    return tmp_path


def service(address: str = HERE, token: str = "ersr_secret") -> Service:
    return Service(address, token, 7, "night-desk", "nils@northlight.example", ("read",), "2026-12-24T14:31:30Z")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_token_lies_in_a_file_that_only_its_owner_reads(home: Path) -> None:
    """0600 in a folder of 0700, whatever the umask; and read again as it was."""
    before = os.umask(0)
    try:
        assert Services().put(service()).kept == "file"
    finally:
        os.umask(before)
    path = home / ".config" / "ersr" / "services.json"
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert Services().get(HERE) == service()
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("wrong", [0o640, 0o604, 0o666, 0o660])
def test_a_file_that_others_can_read_is_not_used(home: Path, wrong: int) -> None:
    Services().put(service())
    (home / ".config/ersr/services.json").chmod(wrong)
    done = CliRunner().invoke(app, ["whoami"])
    assert (done.exit_code, done.stdout) == (Exit.SIGN_IN, "")
    assert "can be read by others" in done.stderr
    assert "ersr_secret" not in done.stderr


def test_the_file_was_never_readable_by_others_not_even_for_a_moment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mode stands at creation, not after it; and a crash in the middle leaves the old file whole."""
    path = home / "kept"
    write_private(path, b"old")
    seen = []

    def crash(beside: str, goal: str) -> None:
        seen.append(mode(Path(beside)))
        raise OSError("the machine stopped")

    before = os.umask(0)
    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(OSError, match="stopped"):
        write_private(path, b"new")
    os.umask(before)
    assert seen == [0o600]
    assert path.read_bytes() == b"old"
    assert list(home.iterdir()) == [path]


def test_several_services_side_by_side(home: Path) -> None:
    """The last one is meant, until another is named; who signs out of one stays signed in to the other."""
    Services().put(service())
    Services().put(service("https://other.example:8443", "ersr_other"))
    assert chosen("").token == "ersr_other"
    assert chosen("srw.example").token == "ersr_secret"
    assert chosen("https://SRW.example/").token == "ersr_secret"
    with pytest.raises(Failed, match="not signed in to https://third"):
        chosen("third.example")
    Services().forget("https://other.example:8443")
    assert chosen("").token == "ersr_secret"


def test_a_token_of_the_environment_goes_only_where_it_was_given_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Services().put(service())
    monkeypatch.setenv("ERSR_TOKEN", "ersr_env")
    with pytest.raises(Failed, match="not for which service"):
        chosen("")
    assert (chosen("other.example").token, chosen("other.example").kept) == ("ersr_env", "environment")
    done = CliRunner().invoke(app, ["logout"], env={"ERSR_ADDRESS": HERE, "ERSR_TOKEN": "ersr_env"})
    assert done.exit_code == Exit.USAGE
    assert "$ERSR_TOKEN" in done.stderr


@pytest.mark.parametrize(
    "text", ["http://srw.example", "ftp://srw.example", "", "https://", "https://srw.example/path", "https://me@srw.example", "https://srw.example:port", "http://127.0.0.1.example"]
)  # fmt: skip
def test_a_token_goes_to_no_such_address(text: str) -> None:
    with pytest.raises(Failed):
        address_of(text)


def test_plain_http_goes_to_this_machine(home: Path) -> None:
    for text in ("http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"):
        assert address_of(f"{text}/") == text


KEYRING = '''
import json, os, keyring.backend
class Kept(keyring.backend.KeyringBackend):
    """A keyring of its own: one file that the test can look into."""
    priority = 9
    path = os.environ["KEPT"]
    def _all(self):
        return json.load(open(self.path)) if os.path.exists(self.path) else {}
    def _put(self, held):
        with open(self.path, "w") as out: json.dump(held, out)
    def get_password(self, service, user): return self._all().get(service + " " + user)
    def set_password(self, service, user, password): self._put(self._all() | {service + " " + user: password})
    def delete_password(self, service, user):
        held = self._all(); held.pop(service + " " + user); self._put(held)
class Plain(Kept):
    priority = 0.5
'''
PROGRAM = """
from ersr.client.command.keeping import Service, Services
print(Services().put(Service("https://srw.example", "ersr_secret", 7)).kept)
print(Services().get("https://srw.example").token)
Services().forget("https://srw.example")
print(list(Services()))
"""


@pytest.mark.parametrize(("backend", "kept"), [("Kept", "keyring"), ("Plain", "file"), ("", "file")])
def test_a_real_keyring_keeps_the_token_and_the_file_does_not(home: Path, backend: str, kept: str) -> None:
    """Through the package itself, in a process of its own; a backend that keeps plain text, or none, is left aside."""
    (home / "of_test.py").write_text(KEYRING)
    (home / "program.py").write_text(
        PROGRAM.replace("print(list", "print(open(Services().path).read())\nprint(list", 1).replace(
            "Services().forget", "print(open(Services().path).read())\nServices().forget"
        )
    )
    name = f"of_test.{backend}" if backend else "keyring.backends.fail.Keyring"
    environment = {k: v for k, v in os.environ.items() if k != "ERSR_KEYRING"}
    environment |= {"PYTHON_KEYRING_BACKEND": name, "KEPT": str(home / "kept.json"), "PYTHONPATH": str(home)}
    done = subprocess.run([sys.executable, "-W", "ignore", home / "program.py"], env=environment, capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[:2] == [kept, "ersr_secret"]
    assert ("ersr_secret" in "".join(said[2:])) == (kept == "file")
    assert said[-1] == "[]"
    if kept == "keyring":
        assert json.loads((home / "kept.json").read_text()) == {}


def test_a_token_that_the_keyring_lost_locks_nobody_out(home: Path) -> None:
    """Calls say how to go on; `logout --forget` and the next sign-in need no token to begin from."""
    Services().put(service())
    held = json.loads(Services().path.read_text())
    held["services"][HERE] |= {"kept": "keyring", "token": ""}
    write_private(Services().path, json.dumps(held).encode())
    with pytest.raises(Failed, match="holds no token") as failed:
        chosen("")
    assert "ersr login" in failed.value.advice
    assert "logout --forget" in failed.value.advice
    assert Services().put(service()).token == "ersr_secret", "signing in anew"
    assert chosen("").token == "ersr_secret"
    write_private(Services().path, json.dumps(held).encode())
    done = CliRunner().invoke(app, ["logout", "--forget"])
    assert done.exit_code == Exit.DONE, done.stderr
    assert list(Services()) == []


# --- keys of calls


def test_a_call_keeps_its_key_until_it_is_answered(home: Path) -> None:
    """The same call finds the same key after a crash; another body, person or service has another; an answer ends it."""
    six = {"operator": "northlight"}
    with pytest.raises(KeyboardInterrupt), Pending(service(), "requests", six).key(six=six) as first:
        raise KeyboardInterrupt
    assert unacknowledged(HERE, "requests")[0]["six"] == six
    assert all(mode(path) == 0o600 for path in (home / ".local/state/ersr/pending").iterdir())
    others = [
        Pending(service(), "requests", {"operator": "southwind"}),
        Pending(service("https://other.example"), "requests", six),
        Pending(Service(HERE, "ersr_secret", email="kadri@baltic.example"), "requests", six),
        Pending(service(), "requests/SRW-1/withdraw", six),
    ]
    for other in others:
        with other.key() as key:
            assert key != first
    with Pending(service(token="a newer token of the same person"), "requests", six).key() as again:
        assert again == first
    assert unacknowledged(HERE, "requests") == []
    with Pending(service(), "requests", six).key() as new:
        assert new != first, "what was acknowledged may be done once more"


@pytest.mark.parametrize(
    ("status", "kept"), [(409, False), (422, False), (401, False), (429, True), (500, True), (503, True)]
)
def test_a_refusal_that_changed_nothing_ends_it_too(home: Path, status: int, kept: bool) -> None:
    with pytest.raises(Problem), Pending(service(), "requests", {}).key():
        raise Problem(status, "", "", "")
    assert bool(unacknowledged(HERE, "requests")) == kept


# --- how it speaks


def test_nothing_of_the_service_moves_the_cursor() -> None:
    told = "a\x1b[2J\x07b\r\nc\u202ed\x9b31m\u200b"
    assert printable(told).isprintable()
    assert "\x1b" not in printable(told)


def test_times_are_told_in_utc_and_as_the_machine_shows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    for zone, said in (
        ("UTC", "Thu 31 Dec 2026, 23:30 UTC"),
        ("Europe/Brussels", "Thu 31 Dec 2026, 23:30 UTC (Fri 00:30 CET here)"),
        ("America/Los_Angeles", "Thu 31 Dec 2026, 23:30 UTC (15:30 PST here)"),
    ):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert say_here("2026-12-31T23:30:00Z") == said
    monkeypatch.delenv("TZ")
    time.tzset()
