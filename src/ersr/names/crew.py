"""Worker processes for the units of a screening: whoever is free takes the next; who is killed costs its unit only.

A worker (`main`, in a Python of its own) reads units from its standard input, one JSON object a line, and answers each with a line.
It ends when that input ends, in the middle of a unit too, so that none outlives the process that started it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from ersr.core.errors import Refusal
from ersr.core.tongue import said

if TYPE_CHECKING:
    from ersr.names.screening import Unit

#: How often a unit is begun before it is given up: whatever killed one worker by chance does not kill two.
TRIES = 2


def share(units: Sequence[Unit], workers: int, tell: Callable[[int], object]) -> None:
    """Has all units done by at most `workers` processes; `tell` hears how many are.

    Raises the first refusal of a unit, or Refusal("failed") when a unit's worker ended twice; units under way are done first.
    """
    todo, lock = deque(units), threading.Lock()
    failures: list[Exception] = []
    done = 0

    def drive() -> None:
        nonlocal done
        worker: subprocess.Popen[str] | None = None
        try:
            while True:
                with lock:
                    if failures or not todo:
                        return
                    unit = todo.popleft()
                for last in (False, True):
                    worker = worker or _started(workers)
                    answer = _asked(worker, unit)
                    if answer is not None:
                        break
                    code, worker = _ended(worker), None
                    if last:
                        raise Refusal("failed", said(
                            "The worker for .{tld} ended twice ({how}). What was finished is kept: run the same command again, with fewer workers if memory is short.",
                            tld=unit.tld, how=_how(code),
                        ))  # fmt: skip
                if answer:
                    raise Refusal(answer["code"], answer["message"])
                with lock:
                    done += 1
                    tell(done)
        except Exception as error:  # noqa: BLE001 - told by the one who waits for all
            failures.append(error)
        finally:
            if worker is not None:
                _ended(worker)

    threads = [threading.Thread(target=drive) for _ in range(min(workers, len(units)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def alone(units: Sequence[Unit], *, nice: int) -> None:
    """Has the units done, one after the other, by one process of lower priority: whoever serves people keeps the interpreter for them.

    One processor is left to others. Raises the first refusal of a unit, or Refusal("failed") when the process ended over one.
    """
    worker = _started(2, nice)
    try:
        for unit in units:
            answer = _asked(worker, unit)
            if answer is None:
                raise Refusal("failed", said("The process for .{tld} ended ({how}). Memory may be short.", tld=unit.tld, how=_how(_ended(worker))))
            if answer:
                raise Refusal(answer["code"], answer["message"])
    finally:
        _ended(worker)


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _started(workers: int, nice: int = 0) -> subprocess.Popen[str]:
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    return subprocess.Popen(
        [sys.executable, "-c", f"from ersr.names.crew import main; main({nice})"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "POLARS_MAX_THREADS": threads},
    )  # fmt: skip


def _asked(worker: subprocess.Popen[str], unit: Unit) -> dict[str, Any] | None:
    """{} when the unit is done, a refusal's code and message, or None if the worker is gone."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        worker.stdin.write(json.dumps(asdict(unit)) + "\n")
        worker.stdin.flush()
    except BrokenPipeError:
        return None
    line = worker.stdout.readline()
    return json.loads(line) if line.endswith("\n") else None


def _ended(worker: subprocess.Popen[str]) -> int:
    """Its exit code, once it has heard that there is no more to do."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    with suppress(BrokenPipeError):
        worker.stdin.close()
    worker.stdout.close()
    return worker.wait()


def main(nice: int = 0) -> None:
    from ersr.names.screening import Unit, screen_unit

    os.nice(nice)
    lines: SimpleQueue[str] = SimpleQueue()
    asked = answered = 0

    def hear() -> None:
        nonlocal asked
        for line in sys.stdin:
            asked += 1
            lines.put(line)
        if answered < asked:
            os._exit(1)  # nobody waits for the answer any more
        lines.put("")

    threading.Thread(target=hear, daemon=True).start()
    while line := lines.get():
        answer = {}
        try:
            screen_unit(Unit(**json.loads(line)))
        except Refusal as refusal:
            answer = {"code": refusal.code, "message": str(refusal)}
        answered += 1
        print(json.dumps(answer), flush=True)
