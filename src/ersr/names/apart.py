"""An intake in a process of its own: whoever waits for it keeps the processor and the memory for other things.

The process (`main`) hears on its standard input what to take in, as one line of JSON, and ends at once when that input ends: none
outlives whoever started it, however that one ended. It answers with lines: how far it is, at last what became of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ersr.core.errors import Refusal
from ersr.core.tongue import kept, recalled, said
from ersr.names.intake import Summary, take

#: People who wait for a page go before it.
NICE = 10
#: Seconds between two signs of how far it is.
PAUSE = 0.5
#: How often it is begun: what killed it once by chance does not kill it twice.
TRIES = 2


def take_apart(file: Path, tlds: Sequence[str], into: Path, told: Callable[[int], object]) -> Summary:
    """As intake.take of one file into an empty folder; Refusal("failed") if the process ended without a word TRIES times."""
    for _ in range(TRIES):
        for left in into.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        answer = _asked(file, tlds, into, told)
        if "errno" in answer:
            raise OSError(answer["errno"], answer["message"])
        if "code" in answer:
            raise Refusal(answer["code"], recalled(answer["message"]))
        if answer:
            return Summary(**answer["summary"])
    raise Refusal("failed", said("This list could not be taken in: the process that read it ended early, twice. Send it in parts."))


def _asked(file: Path, tlds: Sequence[str], into: Path, told: Callable[[int], object]) -> dict[str, Any]:
    """Its last answer; {} if there was none."""
    with subprocess.Popen(
        [sys.executable, "-c", "from ersr.names.apart import main; main()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps([str(file), list(tlds), str(into)]) + "\n")
                process.stdin.flush()
            for line in process.stdout:
                if not line.endswith("\n"):
                    break
                answer = json.loads(line)
                if "read" not in answer:
                    return dict(answer)
                told(answer["read"])
        finally:
            process.kill()
            with suppress(BrokenPipeError):
                process.stdin.close()
    return {}


def main() -> None:
    os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    file, tlds, into = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_input, daemon=True).start()
    heard = 0.0

    def told(read: int) -> None:
        nonlocal heard
        if time.monotonic() - heard >= PAUSE:
            heard = time.monotonic()
            print(json.dumps({"read": read}), flush=True)

    try:
        with Path(file).open("rb") as source:
            answer: dict[str, Any] = {"summary": asdict(take([("", source)], tlds, Path(into), told))}
    except Refusal as refusal:
        answer = {"code": refusal.code, "message": kept(refusal.message)}
    except OSError as error:  # no room on the disk
        answer = {"errno": error.errno, "message": error.strerror}
    print(json.dumps(answer), flush=True)


def _end_with_the_input() -> None:
    sys.stdin.read()
    os._exit(1)
