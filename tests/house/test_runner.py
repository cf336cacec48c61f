"""The test runner and the guard around the tests: what they count, and what they refuse."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.conftest import NetworkUsed
from tools.run_tests import PURE, REQUIRED, Outcome, arguments, counts

REPORT = """<testsuites><testsuite>
<testcase classname="a" name="good"/>
<testcase classname="a" name="bad"><failure/></testcase>
<testcase classname="a" name="broken_at_its_end"/>
<testcase classname="a" name="broken_at_its_end"><error/></testcase>
<testcase classname="a" name="left_out"><skipped/></testcase>
<testcase classname="a" name="expected_to_fail"><skipped type="pytest.xfail"/></testcase>
</testsuite></testsuites>"""


def test_counts_take_the_worst_of_each_test(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT)
    assert counts(tmp_path / "report.xml") == (1, 2, 2)


def test_no_report_counts_nothing(tmp_path: Path) -> None:
    assert counts(tmp_path / "report.xml") == (0, 0, 0)


def test_the_closing_line_is_worded_as_promised() -> None:
    assert str(Outcome("sqlite", 150, 0, 0)) == "sqlite: 150 passed, 0 failed, 0 skipped"


@pytest.mark.parametrize(
    ("outcome", "good"), [((150, 0, 0), True), ((150, 1, 0), False), ((150, 0, 1), False), ((150, 0, 0, "late"), False)]
)
def test_a_part_is_good_only_if_nothing_failed_and_nothing_was_skipped(outcome: tuple, good: bool) -> None:
    assert Outcome("sqlite", *outcome).good is good


def test_each_part_runs_its_own_tests() -> None:
    assert REQUIRED == {"sqlite": 150, "postgresql": 150, "browser": 10}
    assert arguments("browser", [])[:2] == ["-m", "browser"]
    assert arguments("sqlite", [])[:2] == ["-m", "not browser"]
    assert f"--ignore=tests/{PURE[0]}" in arguments("postgresql", [])
    assert arguments("sqlite", ["tests/core", "-k", "leap"]) == ["-m", "not browser", "-k", "leap", "tests/core"]


@pytest.mark.parametrize("address", ["192.0.2.1", "example.com", "10.0.0.1"])
def test_tests_cannot_leave_the_machine(address: str) -> None:
    with socket.socket() as out, pytest.raises(NetworkUsed):
        out.connect((address, 80))
    with socket.socket(type=socket.SOCK_DGRAM) as out, pytest.raises(NetworkUsed):
        out.sendto(b"", (address, 53))


def test_tests_may_talk_to_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
