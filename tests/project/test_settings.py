"""Settings are declared once, parsed strictly, shown without secrets, and the reference page is written from them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ersr.project import environment, operate
from tests.house.tree import ROOT, source_files

SERVICE = Path(sys.executable).with_name("ersr-service")


def bare(**variables: str) -> dict[str, str]:
    """The caller's environment without any setting of ours, and these."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ERSR_", "DJANGO_", "PYTEST_"))}
    return kept | variables


@pytest.mark.parametrize(
    ("variable", "value", "right"),
    [
        ("ERSR_SMTP_PORT", "abc", "is 'abc': it must be a whole number from 1 to 65,535."),
        ("ERSR_SMTP_PORT", "0", "is '0': it must be a whole number from 1 to 65,535."),
        ("ERSR_SMTP_PORT", "٢٥", "it must be a whole number"),
        ("ERSR_SMTP_TLS", "true", "is 'true': it must be no, yes or implicit."),
        ("ERSR_MODE", "prod", "is 'prod': it must be production, demo or test."),
        ("ERSR_LOG_LEVEL", "loud", "it must be DEBUG, INFO, WARNING or ERROR."),
        ("ERSR_ADDRESS", "srw.example", "it must be an address such as https://srw.example"),
        ("ERSR_ADDRESS", "https://srw.example/portal", "without a path"),
        ("ERSR_MAIL_FROM", "duty line", "it must be a mail address."),
        ("ERSR_LIST_BYTES", "0", "from 1 to 2,147,483,648."),
        ("ERSR_DATABASE_URL", "mysql://u:hidden@h/n", "has a wrong value: it must be postgresql://"),
        ("ERSR_DATABASE_URL", "postgresql://u:hidden@h:port/n", "has a wrong value"),
        ("ERSR_DATABASE_URL", "sqlite://ersr.sqlite3", "or sqlite:///folder/file."),
        ("ERSR_DATABASE_URL", "ersr.sqlite3", "or sqlite:///folder/file."),
        ("ERSR_SMPT_HOST", "mail.example", "is no setting of this service: did you mean ERSR_SMTP_HOST?"),
        ("ERSR_SMTP_PORT_FILE", "/etc/port", "is no setting of this service"),
    ],
)
def test_a_malformed_or_unknown_setting_is_one_sentence_that_says_what_would_be_right(
    variable: str, value: str, right: str
) -> None:
    """The value that it would otherwise have stays, so that all other checks can go on; a secret is never repeated."""
    values, problems = environment.read({variable: value})
    (said,) = problems
    assert said.startswith(f"{variable} ")
    assert right in said
    assert "hidden" not in said
    assert values == environment.read({})[0]


def test_variables_of_the_ersr_command_and_empty_ones_are_no_mistakes() -> None:
    assert environment.read({"ERSR_KEYS": "keys.json", "ERSR_SMTP_PORT": "", "HOME": "/root"})[1] == []


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    """As systemd hands credentials over; one newline at the end is the editor's, not the secret's."""
    file = tmp_path / "secret"
    file.write_text("drawn with openssl\n\n")
    values, problems = environment.read({"ERSR_SECRET_KEY_FILE": str(file)})
    assert (values["SECRET_KEY"], problems) == ("drawn with openssl\n", [])
    _, problems = environment.read({"ERSR_SECRET_KEY_FILE": str(file), "ERSR_SECRET_KEY": "another"})
    assert problems == ["ERSR_SECRET_KEY and ERSR_SECRET_KEY_FILE are both set: keep one of them."]
    _, problems = environment.read({"ERSR_SMTP_PASSWORD_FILE": str(tmp_path / "none")})
    assert "which cannot be read" in problems[0]


def test_the_reference_is_what_the_code_reads() -> None:
    """docs/reference/settings.md is written by `ersr-service settings --markdown`."""
    told = CliRunner().invoke(operate.app, ["settings", "--markdown"])
    assert (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8") == told.stdout


def test_every_setting_is_used_and_none_is_read_beside_the_table() -> None:
    """A declared setting that settings.py never takes would do nothing; one read elsewhere would stand in no reference."""
    text = (ROOT / "src/ersr/project/settings.py").read_text(encoding="utf-8")
    used = set(re.findall(r'_ENV\["([A-Z0-9_]+)"\]', text))
    assert used == {setting.name for setting in environment.every()}
    beside = [
        str(path)
        for path in source_files(".py")
        if re.search(r"environ(?:\.get\(|\[)f?[\"']ERSR_", path.read_text(encoding="utf-8"))
        and "client" not in path.parts
    ]
    assert beside == []


def test_the_documents_name_only_settings_that_exist() -> None:
    known = {s.variable for s in environment.every()} | environment.OF_THE_CLIENT
    known |= {f"{s.variable}_FILE" for s in environment.every() if s.secret}
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*")]:
        if path.is_file():
            named = set(re.findall(r"ERSR_[A-Z0-9_]*[A-Z0-9]", path.read_text(encoding="utf-8")))
            assert named <= known, path


def test_settings_shows_what_is_in_force_and_no_secret(tmp_path: Path) -> None:
    told = subprocess.run(
        [SERVICE, "settings"],
        env=bare(ERSR_SMTP_PORT="587", ERSR_DATABASE_URL="postgresql://srw:hidden@127.0.0.1/srw", ERSR_SECRET_KEY="hidden"),
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = dict(line.split("=", 1) for line in told.stdout.splitlines())
    assert rows["ERSR_SMTP_PORT"] == "587"
    assert rows["ERSR_SECRET_KEY"] == rows["ERSR_DATABASE_URL"] == "(set, not shown)"
    assert rows["ERSR_HOME"] == str(tmp_path / "var")
    assert "hidden" not in told.stdout + told.stderr


def test_no_command_goes_on_with_a_malformed_setting_and_no_server_either(tmp_path: Path) -> None:
    """`migrate` with a misspelt database would make another database; gunicorn alone knows no `check`."""
    wrong = bare(ERSR_DATABASE_URL="postgres:/srw", ERSR_HOME=str(tmp_path / "home"))
    for command in ([SERVICE, "migrate"], [sys.executable, "-c", "import ersr.project.wsgi"]):
        done = subprocess.run(command, env=wrong, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "refused: ERSR_DATABASE_URL has a wrong value" in done.stderr
        assert "Traceback" not in done.stderr
        assert list(tmp_path.iterdir()) == []
