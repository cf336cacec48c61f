"""A service as it runs: server and worker in processes of their own, real people; the command in a third, as a person types it.

`Hands` is a person at a machine: a home folder, the command of the base installation, a browser without scripts to approve in.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from demo import parties, people
from demo.installation import Installation
from demo.people import ADMINISTRATOR, CAST, Player
from tests.house.tree import ROOT

ERSR = ROOT / ".venv-base" / "bin" / "ersr"
CODE = re.compile(r"^    ([B-Z]{4}-[B-Z]{4})$", re.MULTILINE)


@dataclass
class Running:
    installation: Installation
    players: dict[str, Player] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return self.installation.address


@contextmanager
def running(folder: Path, *cast: str) -> Iterator[Running]:
    """Parties as the demonstration has them, and of its cast the named ones."""
    with Installation(folder) as installation, ExitStack() as closing:
        installation.run("init", "--development")
        installation.start()
        file = folder / "parties.toml"
        file.write_text(parties.toml(datetime.now(UTC).date()), encoding="utf-8")
        installation.run("import", file.name, "--apply")
        link = people.invite_administrator(installation)
        installation.wait()
        made = Running(installation)
        administrator = people.enrol(ADMINISTRATOR, installation.address, link)
        closing.callback(administrator.api.close)
        for key in cast:
            part = CAST[key]
            told = administrator.api.invite(
                email=part.email, name=part.name, title=part.title, party=part.party, roles=part.roles, zone=part.zone
            )
            made.players[key] = people.enrol(part, installation.address, told["enrol_link"])
            closing.callback(made.players[key].api.close)
        yield made


class Browser:
    """Signed in through the page like anybody, and approves through the forms: no script, no shortcut."""

    def __init__(self, address: str, player: Player) -> None:
        self.http = httpx.Client(base_url=address, follow_redirects=True, trust_env=False, timeout=30)
        self.player = player
        words = {"email": player.part.email, "password": player.password}
        player.with_code(lambda code: self.post("/signin", {**words, "code": code}))
        assert "Sign out" in self.http.get("/").text

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def post(self, path: str, fields: dict[str, str]) -> str:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.http.get(path).text)
        assert token, path
        answer = self.http.post(
            path, data={"csrfmiddlewaretoken": token[1], **fields}, headers={"Referer": f"{self.http.base_url}{path}"}
        )
        return answer.text

    def approve(self, user_code: str) -> str:
        """Types the code, reads what asks, approves with a fresh code of the second factor; what the page showed."""
        shown = self.post("/device", {"user_code": user_code})
        for _ in range(3):  # the clock may move on while a code is on its way
            said = self.post(
                "/device", {"user_code": user_code, "do": "approve", "code": self.player.authenticator.fresh()}
            )
            if "it goes on by itself" in said:
                return shown
        raise AssertionError(said)

    def refuse(self, user_code: str) -> None:
        assert "got nothing" in self.post("/device", {"user_code": user_code, "do": "refuse"})


class Hands:
    """`run("requests", "--json")` types `ersr requests --json`; what was said is at `.stdout`, `.stderr`, `.returncode`."""

    def __init__(self, folder: Path, ersr: Path = ERSR, **environment: str) -> None:
        self.folder, self.ersr = folder, ersr
        folder.mkdir(parents=True, exist_ok=True)
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("ERSR_", "XDG_", "PYTHON", "PYTEST", "DJANGO"))
        }
        self.environment = {**kept, "HOME": str(folder), "TZ": "Europe/Brussels", "COLUMNS": "140", **environment}
        self.environment["PATH"] = f"{ersr.parent}:{kept['PATH']}"

    @property
    def services(self) -> Path:
        return self.folder / ".config" / "ersr" / "services.json"

    @property
    def pending(self) -> list[Path]:
        return list((self.folder / ".local" / "state" / "ersr" / "pending").glob("*.json"))

    def start(self, *words: str, **more: Any) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **more}
        return subprocess.Popen([str(self.ersr), *words], env=self.environment, cwd=self.folder, text=True, **pipes)

    def run(self, *words: str, code: int | None = 0, **more: Any) -> subprocess.CompletedProcess[str]:
        started = self.start(*words, **more)
        out, err = started.communicate(timeout=60)
        assert code is None or started.returncode == code, (words, started.returncode, out, err)
        assert "Traceback" not in (err or ""), err
        return subprocess.CompletedProcess(words, started.returncode, out, err)

    def login(self, browser: Browser, *words: str, decide: str = "approve", code: int = 0) -> tuple[str, str]:
        """Types `ersr login`, and decides in the browser about the code that it shows: (stdout, stderr)."""
        started = self.start("login", str(browser.http.base_url).rstrip("/"), *words)
        assert started.stderr
        said = ""
        while not (found := CODE.search(said)):
            line = started.stderr.readline()
            assert line, (said, started.communicate())
            said += line
        getattr(browser, decide)(found[1])
        out, err = started.communicate(timeout=60)
        assert started.returncode == code, (out, said + err)
        return out, said + err
