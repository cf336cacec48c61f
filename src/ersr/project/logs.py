"""The log: one JSON object a line on stderr, the same from server, worker and commands, and never content.

What stands in a line is decided here and not where it is written: only the fields below pass. A failure is its type and its
frames, never its message and no value, since both quote what was sent or stored. What other people's code says is left out
for the same reason; where it said it stays. Who did what is in the ledger, and not a second time in the log, which travels.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog

Line = MutableMapping[str, Any]

#: Fields that a line may have, and what they are. Numbers, and words that the program chose.
FIELDS = {
    "at": "real time, UTC",
    "event": "what happened: words from the source, never put together",
    "failure": "types and frames of an exception, from the outside in",
    "for_good": "whether a job is not tried again",
    "job": "the job's number",
    "kind": "the job's kind",
    "left_out": "names of fields that may not stand here",
    "level": "info, warning, error, critical",
    "logger": "which part of the program speaks",
    "method": "GET, POST, ...",
    "ms": "milliseconds",
    "problem": "the type of what went wrong",
    "request": "the same in each line about one request; also in the header X-Request-ID",
    "route": "the page's name; never its address, in which references stand",
    "status": "HTTP",
    "thread": "ledger or jobs: which half of the worker",
    "tries": "how often a job was tried",
    "where": "file and line of what other people's code said",
}
#: Ours, and gunicorn's, whose numbers are process ids.
_OWN, _NUMBERS = "ersr", "gunicorn"
#: A logger that is named by what it complains of would tell more than that it complains.
_SITE = "site-packages/"


def failure(error: BaseException) -> list[str]:
    """Types and frames of an exception and its causes; no message, no value."""
    said: list[str] = []
    one: BaseException | None = error
    seen: set[int] = set()
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        said.append(f"{type(one).__module__}.{type(one).__qualname__}")
        said += _frames(one.__traceback__)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return said


def _frames(trace: TracebackType | None) -> Iterator[str]:
    for frame, number in traceback.walk_tb(trace):
        yield f"{_short(frame.f_code.co_filename)}:{number} in {frame.f_code.co_qualname}"


def _short(file: str) -> str:
    """From the package on: where it is installed is nobody's business."""
    return file.rpartition(_SITE)[2] if _SITE in file else "/".join(Path(file).parts[-3:])


def _theirs(_logger: Any, _method: str, line: Line) -> Line:
    """A line from logging and not from structlog: the source's own words only if they are ours or gunicorn's."""
    record: logging.LogRecord = line["_record"]
    line["logger"] = record.name
    room = record.name.partition(".")[0]
    if room == _NUMBERS and "%" in str(record.msg):
        line["event"] = _only_numbers(str(record.msg), line.pop("positional_args", ()))
    elif room not in (_OWN, _NUMBERS):
        line["event"] = "said by another's code"
    line["where"] = f"{_short(record.pathname)}:{record.lineno}"
    return line


def _only_numbers(words: str, given: Any) -> str:
    if not isinstance(given, tuple):
        return words
    try:
        return words % tuple(one if isinstance(one, int | float) else "…" for one in given)
    except (TypeError, ValueError):
        return words


def _bare(_logger: Any, _method: str, line: Line) -> Line:
    found = line.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    if isinstance(found, tuple):
        found = found[1]
    if isinstance(found, BaseException):
        line["failure"] = failure(found)
    return line


def _only_fields(_logger: Any, _method: str, line: Line) -> Line:
    """What is not in FIELDS goes, and its name stays, so that somebody mends the caller."""
    kept = {name: value for name, value in line.items() if name in FIELDS}
    if left_out := sorted(set(line) - set(kept) - {"positional_args", "stack_info"}):
        kept["left_out"] = left_out
    return kept


class Stderr(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to what standard error is at that moment, not to what it was when the process began."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


_SHARED = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
]

#: For logging.config.dictConfig; gunicorn reads it too (project/serving.py).
CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": [*_SHARED, _theirs],
            "pass_foreign_args": True,
            "use_get_message": False,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _bare,
                _only_fields,
                structlog.processors.JSONRenderer(ensure_ascii=False, sort_keys=True),
            ],
        }
    },
    "handlers": {"stderr": {"()": Stderr, "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        # Refusals are in the line about the request; here are failures only.
        "django.request": {"handlers": [], "level": "ERROR", "propagate": True},
        "gunicorn.error": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}


def config(level: str) -> dict[str, Any]:
    return {**CONFIG, "root": {**CONFIG["root"], "level": level}}


def begin() -> None:
    """Makes structlog speak through logging. Called with the settings, so that every process does."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.add_logger_name, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    logging.captureWarnings(True)


def uncaught(error: BaseException) -> None:
    """What ends a process is told like everything else."""
    structlog.get_logger("ersr.service").critical("ended by a failure", exc_info=error)


def watch_threads() -> None:
    def told(of: threading.ExceptHookArgs) -> None:
        if of.exc_value is not None:
            uncaught(of.exc_value)

    threading.excepthook = told
