"""`ersr-service check` refuses contradictions: each with its sentence and exit code 1, all at once, and nothing is repaired."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from typer.testing import CliRunner

from ersr import clock
from ersr.ledger import guard, sequence
from ersr.ledger.append import append
from ersr.project import checks, operate
from ersr.proof import keys, note
from ersr.proof.hardware import Place

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parent.parent.parent
SERVICE = Path(sys.executable).with_name("ersr-service")
DRAWN = "0f6a7d3be1c94825a7d0f6e3b1c8492d5e7fa0b3c6d918e4"


def check() -> tuple[int, list[str]]:
    """Exit code and sentences of the command."""
    done = CliRunner().invoke(operate.app, ["check"])
    return done.exit_code, [line.removeprefix("refused: ") for line in done.stderr.splitlines()]


@pytest.fixture(scope="module")
def drawn_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys") / "keys"
    keys.generate(folder, "Authority", "log.example/a", now=clock.real(), development=False)
    return folder


def authority_file(goal: Path, change: Callable[[str], str] = str) -> Path:
    """The tests' authority, with closures for the years ahead and nothing that says demonstration."""
    text = (ROOT / "tests/authority.toml").read_text(encoding="utf-8").replace("demonstration = true\n", "")
    ahead = ", ".join(f'{year}-12-25 = "Christmas Day"' for year in range(2027, clock.now().year + 2))
    goal.write_text(change(text.replace("closures = { ", f"closures = {{ {ahead}, ")), encoding="utf-8")
    return goal


@pytest.fixture(autouse=True)
def production(tmp_path: Path, drawn_keys: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installation that may start; each test then changes one thing."""
    sequence._keys.cache_clear()
    shutil.copytree(drawn_keys, settings.ERSR_KEYS, dirs_exist_ok=True)
    settings.ERSR_HOME.chmod(0o700)
    for name, value in {
        "ERSR_MODE": "production",
        "ERSR_AUTHORITY": str(authority_file(tmp_path / "authority.toml")),
        "SECRET_KEY": DRAWN,
        "ERSR_ADDRESS": "https://srw.authority.net",
        "ALLOWED_HOSTS": ["srw.authority.net"],
        "DEFAULT_FROM_EMAIL": "Security Response Waiver <srw@authority.net>",
        "EMAIL_HOST": "127.0.0.1",
    }.items():
        monkeypatch.setattr(settings, name, value)
    yield
    sequence._keys.cache_clear()


def test_nothing_keeps_a_whole_installation_from_starting() -> None:
    append("authority.configured", subject="authority", by="system", now=clock.now(), facts={})
    sequence.run(clock.now())
    assert check() == (0, [])


CASES = {
    "secret missing": ("SECRET_KEY", "none", "ERSR_SECRET_KEY is missing or shorter than 32 characters: draw one"),
    "secret short": ("SECRET_KEY", DRAWN[:31], "ERSR_SECRET_KEY is missing or shorter than 32 characters"),
    "secret example": ("SECRET_KEY", "change-me-0123456789abcdefghijklm", "ERSR_SECRET_KEY is an example, which anybody"),
    "secret monotone": ("SECRET_KEY", "0123" * 12, "ERSR_SECRET_KEY is an example, which anybody knows"),
    "debug": ("DEBUG", True, "DEBUG is on: it shows strangers the inside of the service."),
    "http": ("ERSR_ADDRESS", "http://srw.authority.net", "ERSR_ADDRESS is http://srw.authority.net: in production it must"),
    "any host": ("ALLOWED_HOSTS", ["*"], "ERSR_HOSTS lets every host name through: name srw.authority.net"),
    "other host": ("ALLOWED_HOSTS", ["127.0.0.1"], "ERSR_HOSTS does not name srw.authority.net, the host of ERSR_ADDRESS"),
    "clock file": ("ERSR_CLOCK_FILE", "ahead", "ERSR_CLOCK_FILE shifts product time: production refuses it."),
    "sender": ("DEFAULT_FROM_EMAIL", "srw@localhost", "ERSR_MAIL_FROM is srw@localhost: mail servers refuse a sender"),
    "open mail": ("EMAIL_HOST", "mail.authority.net", "ERSR_SMTP_HOST is mail.authority.net and ERSR_SMTP_TLS is no: mail"),
    "half a sign-in": ("EMAIL_HOST_USER", "srw", "ERSR_SMTP_USER and ERSR_SMTP_PASSWORD belong together"),
    "no authority": ("ERSR_AUTHORITY", "", "ERSR_AUTHORITY names no file: set it to the authority file"),
    "malformed": ("ERSR_PROBLEMS", ["ERSR_X is no setting of this service: take it out."], "ERSR_X is no setting of this"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "value", "said"), CASES.values(), ids=CASES)
def test_a_setting_that_contradicts_is_refused(
    name: str, value: object, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, name, value)
    code, sentences = check()
    assert code == 1
    assert [sentence[: len(said)] for sentence in sentences] == [said]


def test_what_only_production_must_have_does_not_stop_a_demonstration(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make run` has an address with http, mail from anywhere and keys marked DEVELOPMENT."""
    monkeypatch.setattr(settings, "ERSR_MODE", "demo")
    for name in ("http", "other host", "sender", "open mail", "clock file"):
        monkeypatch.setattr(settings, *CASES[name][:2])
    monkeypatch.setattr(settings, "ERSR_CLOCK_FILE", "")
    settings.ERSR_HOME.chmod(0o755)
    assert check() == (0, [])


AUTHORITY = {
    "demonstration": (
        lambda text: "demonstration = true\n" + text,
        "the authority file is marked demonstration = true: production needs its own calendar",
    ),
    "no calendar": (
        lambda text: text.partition("[calendar]")[0],
        "authority file: [calendar] is missing: name, zone, version and closures are needed.",
    ),
    "only last year's closures": (
        lambda text: text.partition("closures =")[0] + 'closures = { 2020-12-25 = "Christmas Day" }\n',
        "the calendar has no closure in ",
    ),
}


@pytest.mark.parametrize(("change", "said"), AUTHORITY.values(), ids=AUTHORITY)
def test_an_authority_file_that_cannot_carry_production_is_refused(
    change: Callable[[str], str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ERSR_AUTHORITY", str(authority_file(tmp_path / "changed.toml", change)))
    code, sentences = check()
    assert code == 1
    assert any(sentence.startswith(said) for sentence in sentences), sentences


def test_next_years_closures_are_asked_for_while_there_is_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty days before the year ends: a deadline of December reaches into January."""
    last = clock.now().year + 1
    said = f"the calendar has no closure in {last + 1}: deadlines reach into it. Add that year's closures."
    for day, expected in ((f"{last}-10-01", (0, [])), (f"{last}-11-20", (1, [said]))):
        moment = datetime.fromisoformat(f"{day}T00:00:00+00:00")
        monkeypatch.setattr(checks.clock, "real", lambda moment=moment: moment)
        assert check() == expected


def test_development_keys_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.generate(tmp_path / "dev", "Authority", "log.example/a", now=clock.real(), development=True)
    monkeypatch.setattr(settings, "ERSR_KEYS", tmp_path / "dev")
    assert check() == (1, ["the keys are marked DEVELOPMENT: production refuses them."])


def test_missing_keys_are_refused_and_not_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "ERSR_KEYS", tmp_path / "none")
    code, (said,) = check()
    assert code == 1
    assert "cannot be used" in said
    assert said.endswith("Make them with `ersr-service init`.")
    assert not (tmp_path / "none").exists()


def test_keys_that_others_can_read_are_refused() -> None:
    root = settings.ERSR_KEYS / "root.pem"
    root.chmod(0o644)
    assert check() == (1, [f"{root} can be read by others: chmod 600 {root}."])
    assert root.stat().st_mode & 0o777 == 0o644, "nothing is repaired"


def test_a_home_that_others_can_read_or_nobody_can_write_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.ERSR_HOME.chmod(0o750)
    assert check() == (1, [f"{settings.ERSR_HOME} can be read by others: chmod 700 {settings.ERSR_HOME}."])
    monkeypatch.setattr(settings, "ERSR_HOME", tmp_path / "none")
    assert check()[1] == [f"ERSR_HOME is {tmp_path / 'none'}, which is no folder: `ersr-service init` makes it."]
    monkeypatch.setattr(settings, "ERSR_HOME", Path("/proc/self/task"))  # a folder in which even root makes no file
    assert any("/proc/self/task cannot be written" in said for said in check()[1])


def test_a_secret_file_that_others_can_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text(DRAWN)
    file.chmod(0o604)
    monkeypatch.setenv("ERSR_SECRET_KEY_FILE", str(file))
    assert check() == (1, [f"{file} (ERSR_SECRET_KEY_FILE) can be read by others: chmod 600 {file}."])


def test_a_missing_trigger_is_refused() -> None:
    with connection.cursor() as cursor:
        on = " ON ledger_leaf" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER guard_ledger_leaf_update{on}")
    assert check() == (1, ["trigger guard_ledger_leaf_update is missing: run `ersr-service migrate`."])
    assert guard.missing() == {"guard_ledger_leaf_update"}, "nothing is repaired"


def test_an_unapplied_migration_is_refused() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'waivers'")
    assert check() == (1, ["the database is not migrated: run `ersr-service migrate`."])


def test_a_checkpoint_that_is_no_prefix_of_the_tree_is_refused() -> None:
    """An older backup, and a ledger that was changed."""
    append("authority.configured", subject="authority", by="system", now=clock.now(), facts={})
    sequence.run(clock.now())
    signer = sequence.installed_keys().checkpoint_signer
    path = Path(settings.ERSR_LAST_CHECKPOINT)
    path.write_text(note.sign_checkpoint(9, b"\x07" * 32, signer), encoding="utf-8")
    code, (said,) = check()
    assert code == 1
    assert said.startswith("the last signed checkpoint has 9 entries and the database 1: an older backup was restored")
    path.write_text(note.sign_checkpoint(1, b"\x07" * 32, signer), encoding="utf-8")
    assert check() == (1, ["the last signed checkpoint is not a prefix of the tree: the ledger was changed."])


def test_sqlite_on_a_network_disk_is_refused() -> None:
    """Its locks do not hold there: two machines would write over each other. Mount points nest; the longest one counts."""
    mounts = "/dev/sda1 / ext4 rw 0 0\nserver:/srw /srv nfs4 rw 0 0\n/dev/sdb1 /srv/local ext4 rw 0 0\n"
    assert checks._filesystem(Path("/srv/srw/ersr.sqlite3"), mounts) in checks.NETWORK_FILES
    assert checks._filesystem(Path("/srv/local/ersr.sqlite3"), mounts) == "ext4"
    assert checks._filesystem(Path("/srvx/ersr.sqlite3"), mounts) == "ext4"


@pytest.mark.parametrize(
    ("host", "options", "refused"),
    [
        ("127.0.0.1", {}, False),
        ("/run/postgresql", {}, False),
        ("", {}, False),
        ("db.authority.net", {}, True),
        ("db.authority.net", {"sslmode": "prefer"}, True),
        ("db.authority.net", {"sslmode": "verify-full"}, False),
    ],
)
def test_postgresql_on_another_machine_without_tls_is_refused(
    host: str, options: dict[str, str], refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        settings.DATABASES, "default", settings.DATABASES["default"] | {"HOST": host, "OPTIONS": options}
    )
    assert [said[:38] for said in checks._where("postgresql")] == ["ERSR_DATABASE_URL names db.authority.n"] * refused


def test_everything_is_said_at_once_by_the_command_itself_and_nothing_is_made(tmp_path: Path) -> None:
    """The command as an operator runs it: no traceback, exit code 1, one line for each thing, and no file appears."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ERSR_", "DJANGO_", "PYTEST_"))}
    environment |= {"ERSR_SMTP_PORT": "abc", "ERSR_SMPT_TLS": "yes", "ERSR_HOSTS": "*", "ERSR_CLOCK_FILE": "ahead"}
    folder = tmp_path / "empty"
    folder.mkdir()
    done = subprocess.run([SERVICE, "check"], env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert all(line.startswith("refused: ") for line in lines), done.stderr
    for word in ("SMTP_PORT is 'abc'", "SMPT_TLS is no", "SECRET_KEY is missing", "AUTHORITY names no file", "ADDRESS is http:",
                 "HOSTS lets every", "MAIL_FROM is srw@localhost", "ERSR_HOME is", "CLOCK_FILE shifts", "keys in", "database"):  # fmt: skip
        assert sum(word in line for line in lines) == 1, word
    assert list(folder.iterdir()) == []


def test_server_and_worker_refuse_what_check_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["*"])
    for command in ("serve", "work"):
        done = CliRunner().invoke(operate.app, [command])
        assert (done.exit_code, done.stderr) == (1, f"refused: {check()[1][0]}\n")


def test_a_signing_key_in_hardware_is_proved_at_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first signature, at night, is the wrong moment to learn that the token is not plugged in."""
    (settings.ERSR_KEYS / "signing.pem").unlink()
    for place, said in (
        (Place("/nowhere.so", "token", "key", "4711"), "the PKCS#11 module /nowhere.so cannot be used: "),
        (
            Place("/nowhere.so", "", "key", "4711"),
            "ERSR_PKCS11_MODULE is set: ERSR_PKCS11_TOKEN and ERSR_PKCS11_PIN are nee",
        ),
    ):
        monkeypatch.setattr(settings, "ERSR_PKCS11", place)
        code, sentences = check()
        assert code == 1
        assert [sentence[: len(said)] for sentence in sentences] == [said]
    monkeypatch.setattr(settings, "ERSR_PKCS11", None)
    monkeypatch.setenv("ERSR_PKCS11_PIN", "4711")
    assert "ERSR_PKCS11_PIN is set and ERSR_PKCS11_MODULE is not: name the module, or take it out." in check()[1]
