"""The shell session of docs/how-to/command.md, typed for real: the base installation's command, a server, a worker, a browser.

In the guide `...` stands for whatever a line says there, and a line of `...` for any lines. Addresses and references are the
guide's own until the session knows the real ones.
"""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.client.breaking import breaking
from tests.client.running import CODE, Browser, Hands, Running, running
from tests.house.tree import ROOT

#: Once, and where a browser is: what runs here has a database of its own, whichever the other tests use.
pytestmark = pytest.mark.browser

GUIDE = ROOT / "docs" / "how-to" / "command.md"
ADDRESS, USER_CODE = "https://srw.example", "BCDF-GHJK"
REFERENCE = re.compile(r"SRW-\d{4}-\d{7}-[A-Z]")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("service"), "nils") as made:
        yield made


def steps(text: str) -> list[tuple[str, list[str]]]:
    """(command, expected lines) of every console block; lines that begin with "> " go on with the command."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.startswith("> ") and not found[-1][1]:
                found[-1] = (f"{found[-1][0]}\n{line[2:]}", [])
            else:
                found[-1][1].append(line)
    return found


def fits(expected: list[str], said: list[str]) -> bool:
    parts = []
    for line in expected:
        parts.append(r"(?:.*\n)*?" if line == "..." else ".*?".join(map(re.escape, line.split("..."))) + "\n")
    return re.fullmatch("".join(parts), "".join(f"{line}\n" for line in said)) is not None


@dataclass
class Shell:
    """One bash for the whole session. stderr goes where stdout goes, as on a screen."""

    hands: Hands
    browser: Browser
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], env=self.hands.environment, cwd=self.hands.folder, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def type(self, command: str) -> list[str]:
        for told, real in self.names.items():
            command = command.replace(told, real)
        assert self.bash.stdin
        assert self.bash.stdout
        # Nobody sits at this keyboard: what asks, is told that the input has ended.
        self.bash.stdin.write(f"{{ {command}\n}} </dev/null\necho --done--\n")
        self.bash.stdin.flush()
        said: list[str] = []
        while (line := self.bash.stdout.readline()) != "--done--\n":
            assert line, (command, said)
            said.append(line.rstrip("\n"))
            if found := CODE.search(said[-1]):
                self.names[USER_CODE] = found[1]
                threading.Thread(target=self.browser.approve, args=(found[1],)).start()
        return said

    def learn(self, expected: list[str], said: list[str]) -> None:
        """The first reference that the guide shows is the first that was said."""
        for told, real in zip(REFERENCE.findall("\n".join(expected)), REFERENCE.findall("\n".join(said)), strict=False):
            self.names.setdefault(told, real)

    def close(self) -> None:
        assert self.bash.stdin
        assert self.bash.stdout
        self.bash.stdin.close()
        self.bash.wait(20)
        self.bash.stdout.close()


def test_the_guide_says_what_happens(service: Running, tmp_path: Path) -> None:
    nils = service.players["nils"]
    browser = Browser(service.address, nils)
    shell = Shell(Hands(tmp_path), browser, {ADDRESS: service.address})
    (tmp_path / "keys.json").write_bytes(nils.api.keys())
    code = nils.authenticator.fresh
    token = nils.with_code(
        lambda _: nils.api.make_token(nils.part.email, nils.password, code(), scopes=["read", "write"])
    )
    (tmp_path / "token").write_text(token["token"])
    typed = steps(GUIDE.read_text(encoding="utf-8"))
    try:
        for command, expected in typed:
            said = shell.type(command)
            shell.learn(expected, said)
            wanted = expected
            for told, real in shell.names.items():
                wanted = [line.replace(told, real) for line in wanted]
            assert fits(wanted, said), f"$ {command}\n" + "\n".join(said) + "\n\nexpected\n" + "\n".join(wanted)
    finally:
        shell.close()
        browser.http.close()
    verbs = {match[1] for command, _ in typed for match in re.finditer(r"\bersr (\w+)", command)}
    assert verbs >= {"login", "whoami", "file", "verify", "list", "act", "requests", "show", "logout"}
    assert json.loads((tmp_path / "receipt.json").read_text())["record"]
    assert (tmp_path / "withdrawn.json").read_text() == "", "a refusal is on stderr, and stdout stays empty"


def test_the_reader_of_the_guide_tells_right_from_wrong() -> None:
    assert fits(["a ... c", "..."], ["a b c", "d", "e"])
    assert fits(["..."], [])
    assert not fits(["a ... c"], ["a b d"])
    assert not fits(["a"], ["a", "b"])
    assert not fits(["a", "b"], ["a"])


def test_the_examples_of_the_clients_reference_run(
    service: Running, hands: Hands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each block of docs/reference/client.md, in order, in one program; the worker makes the receipt that it waits for."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names.txt").write_text("a.com\nb.com\nc.net\n")
    page = ROOT / "docs" / "reference" / "client.md"
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    names: dict[str, Any] = {"address": service.address, "token": hands.environment["ERSR_TOKEN"]}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)
    assert (tmp_path / "kept.txt").read_text() == "a.com\nb.com\nc.net\n"
    assert names["told"] == "This needs the role duty officer or responder."


# --- what no guide shows


def test_login_is_approved_in_a_real_browser(service: Running, browser: Any, tmp_path: Path) -> None:
    """Chromium on a phone, no scripts: sign in on the way, type the code, read what asks, approve. The command goes on by itself."""
    nils = service.players["nils"]
    hands = Hands(tmp_path)
    waiting = hands.start("login", service.address, "--name", "night-desk", "--scope", "read", "--days", "3", "--json")
    assert waiting.stderr
    said = ""
    while not (found := CODE.search(said)):
        said += waiting.stderr.readline()
    context = browser.new_context(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{service.address}/device")

    def sign_in(code: str) -> None:
        for name, value in (("email", nils.part.email), ("password", nils.password), ("code", code)):
            page.fill(f"#id_{name}", value)
        page.click("button:text-is('Sign in')")
        assert page.url == f"{service.address}/device"

    nils.with_code(sign_in)
    page.fill("#id_user_code", found[1].lower())
    page.click("text=Show what asks")
    shown = page.locator("main").inner_text()
    for words in (
        "May “night-desk” act for you?",
        "Read every request",
        "3 days",
        "somebody else read this code to you",
    ):
        assert words in shown
    assert "File, add and act" not in shown
    page.fill("#id_code", nils.authenticator.fresh())
    page.click("button:text-is('Approve')")
    assert "Go back to “night-desk”" in page.locator("main").inner_text()
    context.close()
    out, _ = waiting.communicate(timeout=60)
    told = json.loads(out)
    assert (waiting.returncode, told["scopes"], told["email"]) == (0, ["read"], nils.part.email)
    assert stat.S_IMODE(hands.services.stat().st_mode) == 0o600
    assert json.loads(hands.run("logout", "--json").stdout)["ended"] is True
    assert "ersr_" not in hands.services.read_text()


@pytest.fixture
def hands(service: Running, tmp_path: Path) -> Hands:
    """Nils at a machine of his own, with a token of the environment."""
    nils = service.players["nils"]
    made = nils.with_code(
        lambda code: nils.api.make_token(nils.part.email, nils.password, code, scopes=["read", "write"])
    )
    return Hands(tmp_path / "home", ERSR_ADDRESS=service.address, ERSR_TOKEN=made["token"])


SIX = ["--number", "+32 2 555 01 42", "--tlds", "com", "--happening", "A worm.", "--irreversible", "unknown"]


def test_who_is_refused_in_the_browser_is_not_signed_in(service: Running, tmp_path: Path) -> None:
    with Browser(service.address, service.players["nils"]) as browser:
        hands = Hands(tmp_path)
        out, err = hands.login(browser, "--json", decide="refuse", code=5)
    assert out == ""
    assert json.loads(err.splitlines()[-1])["detail"] == "It was refused in the browser: you are not signed in."
    assert not hands.services.exists()


def test_ctrl_c_leaves_no_trace_but_its_number(service: Running, tmp_path: Path) -> None:
    hands = Hands(tmp_path)
    waiting = hands.start("login", service.address)
    assert waiting.stderr
    while "Waiting" not in waiting.stderr.readline():
        pass
    waiting.send_signal(signal.SIGINT)
    out, err = waiting.communicate(timeout=60)
    assert (waiting.returncode, out) == (130, "")
    assert err.strip().startswith("ersr: Stopped.")
    assert not hands.services.exists()


def test_a_filing_whose_answer_is_lost_is_filed_once_by_running_it_again(service: Running, hands: Hands) -> None:
    """The answer is cut each time; the command gives up with 6 and keeps the key. The same command again: one request."""
    before = len(json.loads(hands.run("requests", "--json").stdout))
    with breaking(service.address) as network:
        hands.environment["ERSR_ADDRESS"] = network.address

        def cut() -> None:
            network.breaks = 4

        # The operators are asked for first; only answers to the filing itself are cut.
        network.after, network.on_post = 40, cut
        lost = hands.run("file", *SIX, "--yes", code=6)
        assert "Run the same command again" in lost.stderr
        assert len(hands.pending) == 1
        assert stat.S_IMODE(hands.pending[0].stat().st_mode) == 0o600
        network.on_post, network.breaks = None, 0
        made = json.loads(hands.run("file", *SIX, "--yes", "--json").stdout)
    assert hands.pending == []
    hands.environment["ERSR_ADDRESS"] = service.address
    found = json.loads(hands.run("requests", "--json").stdout)
    assert len(found) == before + 1
    assert made["reference"] in [row["reference"] for row in found]


class Screen:
    """A terminal of 100 columns on which the command runs; `type` waits for a question and answers it."""

    def __init__(self, hands: Hands, *words: str) -> None:
        self.ours, theirs = os.openpty()
        self.said = ""
        self.process = hands.start(*words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)

    def wait_for(self, text: str, *, end: bool = False) -> str:
        until = time.monotonic() + 60
        while text not in self.said or end:
            assert time.monotonic() < until, self.said
            try:
                self.said += os.read(self.ours, 65536).decode()
            except OSError:  # the other side is gone
                break
        assert text in self.said, self.said
        return self.said

    def type(self, question: str, answer: str) -> None:
        self.wait_for(question)
        self.said = self.said.partition(question)[2]
        os.write(self.ours, answer.encode() + b"\n")

    def end(self, text: str) -> str:
        said = self.wait_for(text, end=True)
        self.process.wait(60)
        os.close(self.ours)
        assert self.process.returncode == 0, said
        return said


def test_on_a_terminal_it_asks_one_by_one_and_reads_back(hands: Hands) -> None:
    """The page's words; a wrong answer is told and asked again; "I do not know" is one; nothing is sent before yes."""
    screen = Screen(hands, "file")
    screen.type("On which number can we call you now?", "555 01 42")
    screen.type("Enter a phone number with its country code", "+32 2 555 01 42")
    screen.type("Which TLDs?", "com net")
    screen.type("What is happening?", "A worm.\nIt makes names.\n")
    screen.type("I do not know", "4")
    assert "Call          +3225550142" in screen.wait_for("Send it? (yes or no)")
    screen.type("Send it? (yes or no)", "yes")
    said = screen.end("Duty line")
    assert "\x1b[" in said, "no colour on a terminal"
    ref = REFERENCE.search(said)
    assert ref
    (hands.folder / "names.txt").write_text("".join(f"n{n}.com\n" for n in range(60_000)))
    hands.environment["NO_COLOR"] = "1"
    said = Screen(hands, "list", "add", ref[0], "names.txt").end("names 60000")
    assert "sending names.txt" in said
    assert not re.search(r"\x1b\[[0-9;]*(3|4|9)[0-9]m", said), "a colour in spite of NO_COLOR"
    plain = hands.run("list", "names", ref[0], "--to", "kept.txt")
    assert plain.stderr == ""
    assert "\x1b" not in plain.stdout
    assert len((hands.folder / "kept.txt").read_text().splitlines()) == 60_000
    piped = subprocess.run(
        ["bash", "-c", f"ersr list names {ref[0]} | head -n 1; echo ${{PIPESTATUS[0]}}"],
        env=hands.environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert (piped.stdout.splitlines()[1], piped.stderr) == ("141", "")
