"""The log: JSON lines from every process, one id a request, and never content."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import logging
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
import structlog
from django.test import Client

from ersr.project import logs
from tests.house.tree import parsed, source_files
from tests.project.installed import Installed

MARKER = "Z4rkMarker"


def rendered(record: logging.LogRecord) -> str:
    """A record as it leaves the process."""
    words = dict(logs.CONFIG["formatters"]["json"])
    return words.pop("()")(**words).format(record)


def record(name: str, words: str, *given: object, error: BaseException | None = None) -> dict:
    info = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord(name, logging.ERROR, "/x/site-packages/that/file.py", 7, words, given, info)
    return json.loads(rendered(made))


def failing() -> BaseException:
    try:
        local = MARKER
        try:
            raise KeyError(local)
        except KeyError as inner:
            raise ValueError(f"bad {local}") from inner
    except ValueError as error:
        return error


def test_a_failure_is_types_and_frames_without_messages_and_values() -> None:
    line = record("ersr.x", "failed", error=failing())
    assert MARKER not in json.dumps(line)
    assert line["failure"][0] == "builtins.ValueError"
    assert re.fullmatch(r"tests/project/test_logs.py:\d+ in failing", line["failure"][1])
    assert "builtins.KeyError" in line["failure"]


def test_other_peoples_words_are_left_out_and_where_they_said_it_stays() -> None:
    for name, words in (("django.security.DisallowedHost", f"Invalid host {MARKER}"), ("pyhanko.sign", f"{MARKER}")):
        line = record(name, words)
        assert MARKER not in json.dumps(line)
        assert (line["logger"], line["where"]) == (name, "that/file.py:7")
    line = record("gunicorn.error", "Error handling request %s after %d s", f"/r/{MARKER}", 3)
    assert line["event"] == "Error handling request … after 3 s"


def test_only_known_fields_stand_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    structlog.get_logger("ersr.x").warning("told", status=200, body=MARKER)
    (made,) = caplog.records
    line = json.loads(rendered(made))
    assert MARKER not in json.dumps(line)
    assert line["left_out"] == ["body"]
    assert (line["event"], line["level"], line["logger"], line["status"]) == ("told", "warning", "ersr.x", 200)
    assert set(line) <= set(logs.FIELDS)


def test_what_we_log_is_constant_words_and_known_fields() -> None:
    """Read from the syntax: nobody puts a value into the words of a line."""
    seen = 0
    for path in source_files(".py"):
        for call in ast.walk(parsed(path)):
            if isinstance(call, ast.Call) and re.match(
                r"(log|structlog\.get_logger\(.*\))\.(info|warning|error|critical|exception)$", ast.unparse(call.func)
            ):
                seen += 1
                assert isinstance(call.args[0], ast.Constant), f"{path}:{call.lineno}"
                assert len(call.args) == 1, f"{path}:{call.lineno}"
                assert {k.arg for k in call.keywords} <= {*logs.FIELDS, "exc_info"}, f"{path}:{call.lineno}"
    assert seen >= 6


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "kept"), [("0123abcd-EF", True), ("short", False), ("a" * 65, False), ('x"} {"event": 1', False)]
)
def test_a_proxys_id_is_taken_over_if_it_is_one(given: str, kept: bool) -> None:
    told = Client().get("/health", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert (told == given) is kept
    assert re.fullmatch(r"[0-9A-Za-z-]{8,64}", told)


@pytest.mark.django_db
def test_a_page_that_fails_shows_the_number_under_which_it_is_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ersr.faces.web import public

    def broken(*_: object, **__: object) -> None:
        raise LookupError(MARKER)

    monkeypatch.setattr(public, "yearly_counts", broken)
    out = logging.StreamHandler(io.StringIO())
    words = dict(logs.CONFIG["formatters"]["json"])
    out.setFormatter(words.pop("()")(**words))
    logging.getLogger().addHandler(out)
    try:
        answer = Client(raise_request_exception=False).get(f"/about?q={MARKER}")
    finally:
        logging.getLogger().removeHandler(out)
    assert answer.status_code == 500
    trace = answer.headers["X-Request-ID"]
    assert trace in answer.content.decode()
    lines = [json.loads(line) for line in out.stream.getvalue().splitlines()]
    assert MARKER not in json.dumps(lines)
    failed = next(line for line in lines if "failure" in line)
    assert (failed["request"], failed["failure"][0]) == (trace, "builtins.LookupError")
    answered = next(line for line in lines if line["event"] == "answered")
    assert (answered["request"], answered["status"], answered["route"], answered["method"]) == (
        trace,
        500,
        "about",
        "GET",
    )


# --- the real processes


@contextmanager
def served(of: Installed, log: Path | None = None) -> Iterator[str]:
    """`ersr-service serve` on a free port; stopped at the end."""
    log = log or of.home / "served.log"
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port = asked.getsockname()[1]
    with log.open("wb") as out:
        running = of.start("serve", "--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", "2", out=out)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except OSError:
                assert running.poll() is None, log.read_text()
                assert time.monotonic() < until
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(20)


def asks(address: str, path: str, body: bytes | None = None, **headers: str) -> int:
    try:
        with urlopen(Request(f"{address}{path}", body, headers), timeout=20) as answer:
            return answer.status
    except HTTPError as error:
        with error:
            return error.code


@pytest.mark.once
def test_a_disk_that_fills_up_under_the_real_server_is_told_and_heals(tmp_path: Path) -> None:
    """A small file system, filled to its last byte: 503 with its words, nothing half-written, and when there is room
    it goes on. Mounting it takes root; without, the same is tried in pieces by test_faults.py."""
    of = Installed.fresh(tmp_path / "home", sqlite=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=72m,mode=700", "none", str(of.home)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        return
    try:
        of.run("init", "--development")
        words = {
            "email": "a@example.org",
            "password": "x",
            "code": "123456",
            "name": "n",
            "scopes": ["read"],
            "days": 1,
        }
        call = ("/api/v1/tokens", json.dumps(words).encode())
        with served(of, log=tmp_path / "log") as address:
            assert asks(address, *call, **{"Content-Type": "application/json"}) == 401
            with contextlib.suppress(OSError), (of.home / "filler").open("wb", buffering=0) as filler:
                while True:
                    filler.write(bytes(65536))
            assert asks(address, *call, **{"Content-Type": "application/json"}) == 503
            assert asks(address, "/ready") == 503
            (of.home / "filler").unlink()
            assert asks(address, *call, **{"Content-Type": "application/json"}) == 401
        assert any(json.loads(line)["event"] == "no room left" for line in (tmp_path / "log").read_text().splitlines())
        assert "the ledger is whole" in of.python(
            "while sequence.run(clock.now()): pass\nfrom ersr.project.operate import app; app(['fsck'], standalone_mode=False)"
        )
    finally:
        subprocess.run(["umount", str(of.home)], check=True)


def test_the_real_log_holds_json_lines_and_nothing_that_was_sent(tmp_path: Path) -> None:
    """A marker in every field, header, address and query that a stranger can fill, on pages and API, good and bad."""
    of = Installed.fresh(tmp_path / "home")
    of.run("init", "--development")
    fields = {name: f"{MARKER}{name}" for name in ("email", "password", "code", "next", "file", "q", "tlds")}
    form, mime = urlencode(fields).encode(), "application/x-www-form-urlencoded"
    with served(of) as address:
        asks(address, "/signin", form, **{"Content-Type": mime})
        asks(address, f"/r/{MARKER}?q={MARKER}")
        asks(address, f"/enrol/{MARKER}")
        asks(
            address,
            f"/{MARKER}",
            Cookie=f"ersr_session={MARKER}",
            Referer=f"http://{MARKER}/",
            **{"User-Agent": MARKER},
        )
        asks(address, "/", Host=f"{MARKER}.example")
        asks(address, "/api/v1/me", Authorization=f"Bearer {MARKER}")
        asks(address, "/api/v1/tokens", json.dumps(fields).encode(), **{"Content-Type": "application/json"})
        asks(address, "/api/v1/tokens", f'{{"{MARKER}'.encode(), **{"Content-Type": "application/json"})
        asks(address, "/verify", f'--b\r\nContent-Disposition: form-data; name="file"; filename="{MARKER}"\r\n\r\n{MARKER}\r\n--b--\r\n'.encode(), **{"Content-Type": "multipart/form-data; boundary=b"})  # fmt: skip
        asks(address, "/health", **{"X-Request-ID": f"{MARKER} no id"})
        # And one that fails, with an exception that quotes what is stored: a record of a kind that everybody sees, and no JSON.
        of.python(
            "from ersr.ledger.models import Event, EventBody\n"
            "event = Event.objects.create(kind='ledger.resumed', subject='ledger', at=clock.now(), commitment=bytes(32))\n"
            "EventBody.objects.create(event=event, salt=bytes(32), record=b'{MARKER}')\n".replace("{MARKER}", MARKER)
        )
        assert asks(address, f"/keys?{MARKER}", **{"X-Request-ID": "failing-0001"}) == 500
    text = (of.home / "served.log").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert MARKER.lower() not in text.lower()
    assert len([line for line in lines if line["event"] == "answered"]) >= 8
    assert all(set(line) <= set(logs.FIELDS) for line in lines)
    assert {"gunicorn.error", "ersr.request", "django.request"} <= {line["logger"] for line in lines}
    (failed,) = (line for line in lines if line.get("request") == "failing-0001" and "failure" in line)
    assert any("resume.py" in frame for frame in failed["failure"])
