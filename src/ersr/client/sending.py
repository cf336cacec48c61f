"""How a call goes out: what is repeated and how often, what a refusal is, how files flow. Knows HTTP, not the service.

Repeated is only what cannot act twice: a GET, and a POST that carries an Idempotency-Key. Reasons to repeat are a connection that
broke or timed out, and an answer 503 or 429 that names the seconds to wait (Retry-After). It ends after TRIES, and never waits
longer than `patience` in all. Everything else is raised at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import httpx

JSON = dict[str, Any]
#: How often a call that is safe to repeat is sent at most.
TRIES = 4
#: Seconds before the second, third and fourth try where nobody told how long to wait.
PAUSES = (0.2, 1.0, 3.0)
#: The connection broke or stood still: whether the service acted is not known.
BROKEN = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.TimeoutException)
#: Told (bytes so far, bytes in all or None where nobody knows).
Told = Callable[[int, int | None], None]


@dataclass
class Problem(Exception):
    """The service said no (RFC 9457). `errors` are {field, message}; `who_can` names people, to staff only."""

    status: int
    code: str
    title: str
    detail: str
    errors: list[JSON] = field(default_factory=list)
    who_can: list[str] = field(default_factory=list)
    retry_after: float | None = None

    def __str__(self) -> str:
        fields = "; ".join(f"{e['field']}: {e['message']}" for e in self.errors)
        return f"{self.detail or self.title} ({self.status} {self.code}{'; ' + fields if fields else ''})"


def problem_of(answer: httpx.Response) -> Problem:
    """Also of an answer that somebody in between gave, and that is no problem document."""
    try:
        raw = answer.json()
    except ValueError:
        raw = {}
    if not isinstance(raw, dict):
        raw = {}
    return Problem(
        answer.status_code,
        str(raw.get("code", "")),
        str(raw.get("title") or answer.reason_phrase),
        str(raw.get("detail", "")),
        list(raw.get("errors", [])),
        list(raw.get("who_can", [])),
        _retry_after(answer),
    )


def _retry_after(answer: httpx.Response) -> float | None:
    wait = answer.headers.get("Retry-After", "")
    return float(wait) if wait.isascii() and wait.isdecimal() else None


class Sender:
    """One service, one token. `patience`: seconds that all waiting between tries may take together."""

    def __init__(
        self,
        base_url: str,
        token: str | None,
        *,
        timeout: float,
        patience: float,
        transport: httpx.BaseTransport | None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {"Accept": "application/json, application/problem+json, */*"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self.patience, self._sleep = patience, sleep
        # trust_env off: no proxy of the environment reads what is sent.
        self._http = httpx.Client(
            base_url=base_url, headers=headers, timeout=timeout, transport=transport, trust_env=False
        )

    def close(self) -> None:
        self._http.close()

    def send(self, method: str, path: str, *, key: str | None = None, **words: Any) -> httpx.Response:
        """The answer, if it is no refusal. Raises Problem, or what httpx says of a broken connection."""

        def once() -> httpx.Response:
            return self._http.request(method, path, headers={"Idempotency-Key": key} if key else None, **words)

        return self._careful(once, safe=method == "GET" or key is not None)

    def save(self, path: str, file: BinaryIO, *, told: Told | None = None) -> int:
        """GETs `path` into `file` as it comes, and begins it anew if the connection breaks; how many bytes it has."""

        def once() -> httpx.Response:
            file.seek(0)
            file.truncate()
            with self._http.stream("GET", path) as answer:
                if answer.status_code >= 400 or answer.status_code == 202:
                    answer.read()
                    return answer
                length = answer.headers.get("Content-Length", "")
                whole = int(length) if length.isdecimal() and "Content-Encoding" not in answer.headers else None
                for chunk in answer.iter_bytes():
                    file.write(chunk)
                    if told:
                        told(file.tell(), whole)
                return answer

        if self._careful(once, safe=True).status_code == 202:
            raise Problem(202, "pending", "Not ready yet", "")
        return file.tell()

    def _careful(self, once: Callable[[], httpx.Response], *, safe: bool) -> httpx.Response:
        left = self.patience
        for pause in (*PAUSES, None):
            wait = pause
            try:
                answer = once()
            except BROKEN:
                if not safe or wait is None or wait > left:
                    raise
            else:
                if answer.status_code < 400:
                    return answer
                told = _retry_after(answer) if answer.status_code in (429, 503) else None
                if not safe or wait is None or told is None or told > left:
                    raise problem_of(answer)
                wait = told
            left -= wait
            self._sleep(wait)
        raise AssertionError("the last try returns or raises")
