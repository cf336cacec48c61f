"""What docs/how-to/deploy.md and deploy/ promise: commands run as written, units and proxy fit the service."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo import parties
from ersr.project import environment
from tests.house.tree import ROOT

DOCS, DEPLOY = ROOT / "docs/how-to/deploy.md", ROOT / "deploy"
UNITS = ("ersr-serve.service", "ersr-work.service")


def commands(text: str) -> list[str]:
    """The lines of the page that are typed as `ersr-service ...`, in order."""
    return re.findall(r"^    (ersr-service .*)$", text, re.MULTILINE)


def environment_file() -> dict[str, str]:
    lines = (DEPLOY / "environment").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """What sections 1 to 3 leave, in a folder: the settings of deploy/environment in production, secrets in files."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ERSR_", "DJANGO_", "PYTEST_"))}
    ahead = ", ".join(f'{year}-12-25 = "Christmas Day"' for year in range(2027, datetime.now(UTC).year + 2))
    authority = (ROOT / "tests/authority.toml").read_text(encoding="utf-8").replace("demonstration = true\n", "")
    (tmp_path / "authority.toml").write_text(authority.replace("closures = { ", f"closures = {{ {ahead}, "))
    (tmp_path / "parties.toml").write_text(parties.toml(datetime.now(UTC).date()), encoding="utf-8")
    for name, text in (("secret_key", "0f6a7d3be1c94825a7d0f6e3b1c8492d\n"), ("smtp_password", "drawn elsewhere\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    return (
        kept
        | environment_file()
        | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
            "ERSR_HOME": str(tmp_path / "home"),
            "ERSR_AUTHORITY": str(tmp_path / "authority.toml"),
            "ERSR_SECRET_KEY_FILE": str(tmp_path / "secret_key"),
            "ERSR_SMTP_PASSWORD_FILE": str(tmp_path / "smtp_password"),
        }
    )


def certify(folder: Path) -> None:
    """Answers signing.csr as an authority would: issued.pem, the key's certificate first."""
    (folder / "use").write_text("keyUsage=critical,digitalSignature,nonRepudiation\n")
    root = [
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    ]
    answer = ["-req", "-in", "signing.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "use"]
    for words in (
        ["req", *root, "-subj", "/O=Public Trust Ltd"],
        ["x509", *answer, "-out", "leaf.pem", "-days", "700"],
    ):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    (folder / "issued.pem").write_text((folder / "leaf.pem").read_text() + (folder / "ca.pem").read_text())


def test_the_commands_of_the_page_run_as_written_in_production(machine: dict[str, str], tmp_path: Path) -> None:
    """From an empty folder to an installation that may start, with the settings of deploy/environment and secrets in files."""
    typed = commands(DOCS.read_text(encoding="utf-8"))
    for word in (
        "init",
        "import parties.toml --apply",
        "invite",
        "check",
        "keys csr",
        "keys chain",
        "init --development",
    ):
        assert any(line.startswith(f"ersr-service {word}") for line in typed), word
    told = {}
    for line in typed:
        drill = {"ERSR_HOME": str(tmp_path / "drill"), "ERSR_MODE": "demo"} if "--development" in line else {}
        if "issued.pem" in line:
            certify(tmp_path)
        done = subprocess.run(
            ["bash", "-c", f"umask 077; {line}"],
            env=machine | drill,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (line, done.stderr)
        told[line] = done.stdout
    assert told["ersr-service check"] == "nothing keeps the service from starting\n"
    (invited,) = (out for line, out in told.items() if line.startswith("ersr-service invite"))
    assert invited.startswith("https://srw.example/enrol/")
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_the_page_names_only_files_that_are_there() -> None:
    named = set(re.findall(r"deploy/[a-z.-]*[a-z]", DOCS.read_text(encoding="utf-8"))) - {"deploy/"}
    assert {path for path in named if not (ROOT / path).exists()} == set()
    assert {f"deploy/{path.name}" for path in DEPLOY.iterdir()} <= named


def unit(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / name).read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_runs_as_its_own_user_behind_walls_with_every_secret_in_a_credential(name: str) -> None:
    told = unit(name)
    wanted = {
        "User": "ersr", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
        "CapabilityBoundingSet": "", "UMask": "0077", "StateDirectory": "ersr", "StateDirectoryMode": "0700", "Restart": "on-failure",
    }  # fmt: skip
    assert {key: told[key][0] for key in wanted} == wanted
    loaded = {value.partition(":")[0] for value in told["LoadCredential"]}
    given = {value for value in told["Environment"]}
    assert given == {f"ERSR_{name.upper()}_FILE=%d/{name}" for name in loaded}
    secret = {setting.name.lower() for setting in environment.every() if setting.secret}
    assert loaded == secret - {"pkcs11_pin"}
    assert not secret & {key.removeprefix("ERSR_").lower() for key in environment_file()}


def test_ersr_run_gives_a_command_what_the_units_give_the_service(tmp_path: Path) -> None:
    """The same user, settings, secrets and walls; only --owner takes the other role's address, and is no word of the command."""
    (tmp_path / "systemd-run").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "systemd-run").chmod(0o700)
    told = unit("ersr-serve.service")

    def run(*words: str) -> list[str]:
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        return subprocess.run(
            [DEPLOY / "ersr-run", *words], env=environment, check=True, capture_output=True, text=True
        ).stdout.splitlines()

    given = [line.removeprefix("--property=") for line in run("fsck") if line.startswith("--property=")]
    for key in (
        "User",
        "Group",
        "UMask",
        "EnvironmentFile",
        "LoadCredential",
        "StateDirectory",
        "NoNewPrivileges",
        "ProtectSystem",
    ):
        assert [line for line in given if line.startswith(f"{key}=")] == [f"{key}={value}" for value in told[key]]
    assert f"Environment={' '.join(told['Environment'])}" in given
    assert run("fsck")[-2:] == ["/opt/ersr/bin/ersr-service", "fsck"]
    owner = run("--owner", "migrate")
    assert owner[-2:] == ["/opt/ersr/bin/ersr-service", "migrate"]
    assert "--property=LoadCredential=database_url:/etc/ersr/database_url_owner" in owner


def test_the_daily_care_is_commands_that_there_are_and_its_timer_starts_it(tmp_path: Path) -> None:
    """Each command is run as systemd would, with a stand-in for ersr-run; the backup goes where ersr-run may write."""
    run = tmp_path / "ersr-run"
    run.write_text('#!/bin/sh\necho "$@"\n')
    run.chmod(0o700)
    said = []
    for line in unit("ersr-daily.service")["ExecStart"]:
        typed = line.replace("/usr/local/sbin/ersr-run", str(run)).replace("%%", "%").replace("$$", "$")
        said += subprocess.run(typed, shell=True, check=True, capture_output=True, text=True).stdout.splitlines()
    service = Path(sys.executable).with_name("ersr-service")
    known = subprocess.run([service, "--help"], check=True, capture_output=True, text=True).stdout
    assert [one.split()[0] for one in said] == ["backup", "fsck", "session-sweep"]
    assert all(re.search(rf"\s{one.split()[0]}\s", known) for one in said)
    folder = re.fullmatch(r"backup (/\S+)/\d{4}-\d\d-\d\dT\d{4}", said[0])
    assert folder
    assert f"ReadWritePaths=-{folder[1]}" in (DEPLOY / "ersr-run").read_text()
    assert f"install -d -m 0700 -o ersr -g ersr {folder[1]}" in DOCS.read_text()
    assert unit("ersr-daily.timer")["Persistent"] == ["yes"]
    assert "User" not in unit("ersr-daily.service"), "ersr-run is for root"


@pytest.mark.parametrize("name", [*UNITS, "ersr-daily.service", "ersr-daily.timer"])
def test_systemd_reads_a_unit_without_a_word(name: str, tmp_path: Path) -> None:
    """`systemd-analyze verify` where there is one; elsewhere the file must at least be sections of key and value."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    if shutil.which("systemd-analyze") is None:
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.read_string(text)
        assert {"Unit", "Timer" if name.endswith(".timer") else "Service"} <= set(parser.sections()) <= {"Unit", "Service", "Timer", "Install"}
        return
    for other in DEPLOY.glob("ersr-daily.*"):
        shutil.copy(other, tmp_path)
    there = shutil.which("true") or "/bin/true"
    for missing in ("/opt/ersr/bin/ersr-service", "/usr/local/sbin/ersr-run"):
        text = text.replace(missing, there)
    (tmp_path / name).write_text(text)
    told = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / name],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HOME": "/"},
    )
    assert [line for line in told.stderr.splitlines() if name in line] == []
    assert told.returncode == 0, told.stderr


def test_the_proxy_fits_the_service() -> None:
    """Addresses, limits and time outs of nginx.conf against those of the service; no query, referrer or code in its log."""
    text = re.sub(r"(?m)^\s*#.*$", "", (DEPLOY / "nginx.conf").read_text(encoding="utf-8"))
    serve = unit("ersr-serve.service")["ExecStart"][0]
    assert re.search(r"server (127\.0\.0\.1:\d+);", text)[1] in serve
    limit = int(re.search(r"client_max_body_size (\d+)m;", text)[1]) * 2**20
    largest = next(int(s.default) for s in environment.every() if s.name == "LIST_BYTES")
    assert largest + 2**20 <= limit <= 2 * largest
    gunicorn = int(re.search(r'"--timeout",\s*"(\d+)"', (ROOT / "src/ersr/project/operate.py").read_text())[1])
    assert gunicorn < int(re.search(r"proxy_read_timeout (\d+)s;", text)[1])
    assert environment_file()["ERSR_PROXIES"] == "1", "what nginx says of the caller's address counts"
    assert "deny all" in text[text.index("location = /ready") :].partition("}")[0]
    for header in (
        "X-Forwarded-Proto $scheme",
        "X-Forwarded-For $remote_addr",
        "X-Request-ID $request_id",
        "Host $host",
    ):
        assert f"proxy_set_header {header};" in text
    (log,) = re.findall(r"log_format ersr '(.*)';", text)
    assert set(re.findall(r"\$[a-z_]+", log)).isdisjoint(
        {
            "$request",
            "$request_uri",
            "$uri",
            "$args",
            "$query_string",
            "$http_referer",
            "$http_cookie",
            "$http_authorization",
        }
    )
    masked = re.search(r"~\^\(\?<before>(.*)\)/ \$before/-;", text)[1]
    for path in ("/enrol/CODE", "/api/v1/enrolments/CODE/confirm"):
        assert re.match(rf"(?:{masked})/", path)
    assert "Strict-Transport-Security" not in text, "the service says it, and two say it differently one day"
    name = environment_file()["ERSR_HOSTS"]
    assert f"server_name {name};" in text
    assert environment_file()["ERSR_ADDRESS"] == f"https://{name}"
