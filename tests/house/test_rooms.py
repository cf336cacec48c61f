"""Who may do what in the code: who writes rows, reads the clock, knows Django. Read from the syntax."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

from tests.house.tree import PACKAGE, ROOT, parsed, room, source_files

SUBJECTS = ("parties", "people", "notifications", "incidents", "lists", "requests", "waivers", "faces")

#: Files in the subject rooms and faces, other than actions.py, that write rows; each with its reason.
WRITERS = {
    "faces/api/idempotency.py": "what was answered to an Idempotency-Key is no part of a case; it commits with the act or not at all",
    "lists/screening.py": "the worker notes what it found, and asks; what people answer is in actions.py",
    "waivers/jobs.py": "the worker notes on the row how far a list is hashed and its root; no case changes by that",
    "notifications/jobs.py": "the postman notes on the row what became of the mail; no case changes by that",
    "people/factors.py": "a code is burnt by the very statement that accepts it, or two requests could spend it",
    "people/passkeys.py": "a challenge and a counter are burnt by the very statement that accepts the answer",
    "people/patience.py": "a try is counted before it is judged, in a transaction of its own: what is refused must not undo it",
    "people/sessions.py": "Django's session engine saves here; a session is no part of a case",
}

#: Files that read the machine's clock; each with its reason.
CLOCKS = {
    "clock.py": "the one port that everybody else asks",
    "client/command/verifying.py": "`ersr verify` runs on other people's machines, where there is no service to ask",
    "client/totp.py": "an authenticator shows the codes of real time",
}

#: Rooms where real time is right: sessions, factors, tokens, leases. Elsewhere product time is.
REAL_TIME = {"clock.py", "people", "jobs", "notifications", "faces", "project"}

#: Rooms that work without Django.
BASE = ("core", "names", "proof", "client")

ROW_WRITES = {
    "bulk_create",
    "bulk_update",
    "get_or_create",
    "update_or_create",
    "abulk_create",
    "aget_or_create",
    "aupdate_or_create",
}


def writes(tree: ast.Module) -> list[int]:
    """Lines that write rows through the ORM; `.update(` of a dict or hash and `.delete(url)` of a client are not."""
    lines = []
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        name, receiver = call.func.attr, ast.unparse(call.func.value)
        rows = any(
            word in receiver for word in (".objects", "_set", ".filter(", ".exclude(", ".all()", ".select_for_update(")
        )
        keywords_only = bool(call.keywords) and not call.args
        if (
            name in ROW_WRITES
            or (name in ("save", "asave") and all(not isinstance(word, ast.Constant) for word in call.args))
            or (name in ("create", "acreate") and (rows or keywords_only))
            or (name in ("update", "aupdate") and rows)
            or (name in ("delete", "adelete") and not call.args and not call.keywords)
        ):
            lines.append(call.lineno)
    return lines


def readings(tree: ast.Module) -> list[int]:
    """Lines that read the machine's clock, called or handed on (`default=timezone.now`)."""
    clocks = {
        "datetime": {"now", "utcnow", "today"},
        "date": {"today"},
        "time": {"time", "time_ns", "gmtime", "localtime", "ctime"},
        "timezone": {"now", "localtime", "localdate"},
    }
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if node.attr in clocks.get(owner, ()):
                lines.append(node.lineno)
        elif isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            if (node.module == "time" and names & clocks["time"]) or (
                node.module == "django.utils.timezone" and names & clocks["timezone"]
            ):
                lines.append(node.lineno)
            if node.module == "django.db.models.functions" and "Now" in names:
                lines.append(node.lineno)
        elif isinstance(node, ast.keyword) and node.arg in ("auto_now", "auto_now_add"):
            lines.append(node.lineno)
    return lines


def real_times(tree: ast.Module) -> list[int]:
    """Lines that use `clock.real`, except in the arguments of a call of factors, sessions or the queue."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    handed_on = {
        id(node)
        for call in calls
        if ast.unparse(call.func).split(".")[0] in ("factors", "fresh", "sessions", "queue")
        for word in [*call.args, *(k.value for k in call.keywords)]
        for node in ast.walk(word)
    }
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and ast.unparse(node) == "clock.real"]
    imports = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "ersr.clock" and "real" in {a.name for a in node.names}
    ]
    return [node.lineno for node in uses if id(node) not in handed_on] + [node.lineno for node in imports]


def imported(tree: ast.Module) -> set[str]:
    """Top-level packages that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def is_action(path: Path) -> bool:
    """`actions.py`, or a file of the folder `actions/` where one file would be too long."""
    return path.name == "actions.py" or path.parent.name == "actions"


def places(lines: list[int], path: Path) -> list[str]:
    return [f"{room(path)}:{line}" for line in lines]


def test_only_actions_write_rows() -> None:
    """One verb, one function, one transaction, all in actions.py; what else writes is listed with its reason."""
    found = []
    for path in source_files(".py"):
        if not is_action(path) and room(path).split("/")[0] in SUBJECTS and room(path) not in WRITERS:
            found += places(writes(parsed(path)), path)
    assert found == []


def test_faces_never_set_a_status() -> None:
    """No face assigns `.status` or `.state` (habit 1): it calls an action."""
    found = []
    for path in source_files(".py"):
        if room(path).startswith("faces/"):
            for node in ast.walk(parsed(path)):
                goals = (
                    node.targets
                    if isinstance(node, ast.Assign)
                    else [node.target]
                    if isinstance(node, ast.AugAssign | ast.AnnAssign)
                    else []
                )
                found += places(
                    [g.lineno for g in goals if isinstance(g, ast.Attribute) and g.attr in ("status", "state")], path
                )
    assert found == []


def test_product_time_comes_from_one_port() -> None:
    """Server, worker and commands agree on the time because only ersr/clock.py reads it."""
    found = []
    for path in source_files(".py"):
        if room(path) not in CLOCKS:
            found += places(readings(parsed(path)), path)
    assert found == []


def test_cases_never_live_in_real_time() -> None:
    """`clock.real()` is for sessions, factors, tokens and leases: other rooms only hand it to people or jobs."""
    found = []
    for path in source_files(".py"):
        if room(path).split("/")[0] not in REAL_TIME:
            found += places(real_times(parsed(path)), path)
    assert found == []


def test_the_base_rooms_know_no_django() -> None:
    """`pip install ersr` has no Django, and a verifier must run with that."""
    service = {"django", "ninja", "csp", "whitenoise", "psycopg", "structlog", "gunicorn", "segno", "holidays"}
    found = {
        room(path): both
        for path in source_files(".py")
        if room(path).split("/")[0] in BASE and (both := imported(parsed(path)) & service)
    }
    assert found == {}


def test_the_core_does_no_input_and_no_output() -> None:
    """The rules can be read and tested without a machine around them; the catalogue's TOML is part of the package."""
    outside = {"socket", "httpx", "requests", "subprocess", "sqlite3", "threading", "asyncio", "logging"}
    found = {
        room(path): both
        for path in source_files(".py")
        if room(path).startswith("core/") and (both := imported(parsed(path)) & outside)
    }
    assert found == {}


def test_the_base_installation_holds_no_service_and_imports_what_it_offers() -> None:
    """.venv-base is what `pip install ersr` gives: it has no Django, and core, proof and client all import in it."""
    program = (
        "import importlib, importlib.util, pkgutil, sys\n"
        "assert importlib.util.find_spec('django') is None and importlib.util.find_spec('polars') is None\n"
        "for room in ('core', 'proof', 'client'):\n"
        "    package = importlib.import_module('ersr.' + room)\n"
        "    for found in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(found.name)\n"
    )
    told = subprocess.run(
        [ROOT / ".venv-base/bin/python", "-I", "-c", program], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr


def test_no_exception_goes_unsaid() -> None:
    """No bare except, and no handler that only passes or only logs (habit 5)."""
    found = []
    for path in source_files(".py"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ExceptHandler) and node.type is None:
                found += places([node.lineno], path)
            if isinstance(node, ast.ExceptHandler) and all(_is_only_log(line) for line in node.body):
                found += places([node.lineno], path)
    assert found == []


def _is_only_log(line: ast.stmt) -> bool:
    return (
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Call)
        and ast.unparse(line.value.func).startswith(("log.", "logger.", "logging."))
    )


def test_the_lists_of_exceptions_are_not_stale() -> None:
    """An exception whose file no longer needs it is taken off the list."""
    for name in WRITERS:
        if (PACKAGE / name).exists() and name != "people/sessions.py":  # the engine's save() is inherited
            assert writes(parsed(PACKAGE / name)), name
    for name in CLOCKS:
        if (PACKAGE / name).exists():
            assert readings(parsed(PACKAGE / name)), name


def test_the_readers_see_what_they_look_for() -> None:
    """Planted lines are found, and innocent look-alikes are not."""
    guilty = (
        "row.save()\nrow.save(update_fields=['x'])\nRow.objects.create(a=1)\nRow.objects.filter(a=1).update(b=2)\n"
        "row.delete()\nRow.objects.bulk_create(rows)\nperson.factors.create(kind='totp')\nRow.objects.select_for_update().update(a=1)\n"
    )
    assert sorted(writes(ast.parse(guilty))) == list(range(1, 9))
    innocent = "hash.update(raw)\nwords.update({'a': 1})\nclient.delete('/x')\nmade.create('x')\nimage.save('x.png')\n"
    assert writes(ast.parse(innocent)) == []
    clocks = (
        "datetime.now(UTC)\ndatetime.datetime.utcnow()\ntimezone.now()\nF(default=timezone.now)\ntime.time()\ndate.today()\n"
        "from time import time\nfrom django.utils.timezone import now\nF(auto_now_add=True)\n"
    )
    assert sorted(readings(ast.parse(clocks))) == list(range(1, 10))
    assert readings(ast.parse("clock.now()\ntime.monotonic()\nfrom time import sleep\nnow.timestamp()\n")) == []
    real = (
        "queue.put('mail', now=clock.real())\nfactors.spend(by, code, now=clock.real())\n"
        "at = clock.real()\nfrom ersr.clock import real\n"
    )
    assert sorted(real_times(ast.parse(real))) == [3, 4]
