"""`make test`: all tests in three parts, and as the last words one line for each part.

    sqlite: N passed, N failed, N skipped
    postgresql: N passed, N failed, N skipped
    browser: N passed, N failed, N skipped

Exit 1 when a test failed or was skipped, or when a part ran fewer tests than it must: a test that silently vanished is
a failure. With arguments (`make test ARGS="tests/core -k name"`; anything that pytest takes) the parts run only what
those choose, without the minimum; `--part NAME` leaves the others out.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from tests.postgres import postgres

ROOT = Path(__file__).resolve().parent.parent

#: These folders know no database, or bring both along, so running them once is enough. So is one crawl for leaks, the longest
#: test of all, since what may be seen is decided by the same queries on both; and the command, which sees no database.
PURE = ("core", "names", "proof", "oracles", "house", "bench", "crash", "leak", "client")

#: Each part, and how many tests it must at least run.
REQUIRED = {"sqlite": 150, "postgresql": 150, "browser": 10}

#: A part that takes longer hangs.
PART_SECONDS = 25 * 60

#: pytest's exit code when it found nothing to run.
NOTHING_COLLECTED = 5


@dataclass(frozen=True)
class Outcome:
    """What one part did; `trouble` is a sentence, or empty."""

    part: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    trouble: str = ""

    @property
    def good(self) -> bool:
        return not (self.failed or self.skipped or self.trouble)

    def __str__(self) -> str:
        return f"{self.part}: {self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def arguments(part: str, chosen: Sequence[str]) -> list[str]:
    """pytest's arguments for one part; `chosen` are the user's own."""
    paths = [word for word in chosen if not word.startswith("-") and (ROOT / word.partition("::")[0]).exists()]
    options = [word for word in chosen if word not in paths]
    words = ["-m", "browser" if part == "browser" else "not browser", *options]
    if not chosen:
        # A file stays on one worker: what is made once for a file is not made twice. One more in the browser part, where a test
        # and its Chromium, or a command and its server, wait for each other by turns and leave a processor idle.
        words += ["--durations=5", "--durations-min=3", "-n", "3" if part == "browser" else "2", "--dist", "loadfile"]
    if part == "postgresql":
        words += [f"--ignore=tests/{folder}" for folder in PURE]
    return [*words, *(paths or ["tests"])]


def run(part: str, chosen: Sequence[str], database: str | None) -> Outcome:
    """Runs pytest for one part; its output goes to the terminal, the counts come from its report file."""
    # Settings from the caller's shell must decide nothing: neither which database nor which tests.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("ERSR_", "PYTEST_", "DJANGO_"))
    }
    if database:
        environment["ERSR_DATABASE_URL"] = database
    print(f"\n== {part} ==", flush=True)
    with tempfile.TemporaryDirectory(prefix="ersr-tests-") as folder:
        report = Path(folder) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            f"--junitxml={report}",
            "-o",
            "faulthandler_timeout=300",
            *arguments(part, chosen),
        ]
        pytest = subprocess.Popen(command, cwd=ROOT, env=environment)
        trouble = ""
        try:
            code = pytest.wait(PART_SECONDS)
        except subprocess.TimeoutExpired:
            trouble, code = f"not finished after {PART_SECONDS // 60} minutes", 1
        finally:
            if pytest.poll() is None:
                pytest.terminate()
                try:
                    pytest.wait(20)
                except subprocess.TimeoutExpired:
                    pytest.kill()
        passed, failed, skipped = counts(report)
    if chosen and code == NOTHING_COLLECTED:
        code = 0
    if code and not failed:
        # It broke outside a test: a collection error, a crash, the time limit.
        failed, trouble = 1, trouble or f"pytest ended with exit code {code}"
    if not chosen and not trouble and passed + failed < REQUIRED[part]:
        trouble = f"only {passed + failed} tests ran; at least {REQUIRED[part]} must"
    return Outcome(part, passed, failed, skipped, trouble)


def counts(report: Path) -> tuple[int, int, int]:
    """(passed, failed, skipped) of a JUnit report; all 0 without one. A test that also fails at its end counts once."""
    if not report.exists():
        return 0, 0, 0
    worst: dict[tuple[str, str], int] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = (case.get("classname", ""), case.get("name", ""))
        kinds = {child.tag for child in case}
        grade = 2 if kinds & {"failure", "error"} else 1 if "skipped" in kinds else 0
        worst[name] = max(worst.get(name, 0), grade)
    grades = list(worst.values())
    return grades.count(0), grades.count(2), grades.count(1)


def main(words: Sequence[str]) -> int:
    chosen = list(words)
    parts = list(REQUIRED)
    if "--part" in chosen:
        at = chosen.index("--part")
        parts = chosen[at + 1 : at + 2]
        del chosen[at : at + 2]
        if not set(parts) <= set(REQUIRED) or not parts:
            print(f"--part takes one of {', '.join(REQUIRED)}", file=sys.stderr)
            return 2
    # So that a stop from outside also stops PostgreSQL and removes its folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with it ignored
    outcomes = []
    try:
        for part in parts:
            with postgres() if part == "postgresql" else nullcontext() as database:
                outcomes.append(run(part, chosen, database))
    except KeyboardInterrupt:
        return 130
    print()
    for outcome in outcomes:
        if outcome.trouble:
            print(f"{outcome.part}: {outcome.trouble}")
        elif outcome.skipped:
            print(f"{outcome.part}: a skipped test proves nothing, so it counts as a failure of the run")
    for outcome in outcomes:
        print(outcome)
    return 0 if all(outcome.good for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
