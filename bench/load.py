"""The load: bare sockets in threads, so that on two cores the client takes little from the server that it measures."""

from __future__ import annotations

import itertools
import json
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


class Refused(Exception):
    """A server answered otherwise than it should; the words hold its answer."""


class Line:
    """One kept connection to a server on loopback."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._open()

    def _open(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> tuple[int, bytes]:
        """(status, body). A connection that the server has closed while it was idle is opened anew."""
        try:
            self.socket.sendall(request)
            return self._read()
        except (BrokenPipeError, ConnectionResetError):
            self.socket.close()
            self._open()
            self.socket.sendall(request)
            return self._read()

    def _read(self) -> tuple[int, bytes]:
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._more()
        head, _, body = got.partition(b"\r\n\r\n")
        length = next(int(h[15:]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:"))
        while len(body) < length:
            body += self._more()
        if b"\r\nconnection: close" in head.lower():
            self.socket.close()
            self._open()
        return int(head[9:12]), body

    def _more(self) -> bytes:
        more = self.socket.recv(65536)
        if not more:
            raise ConnectionResetError
        return more


def post(path: str, body: bytes, **headers: str) -> bytes:
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    told = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{head}\r\n"
    return told.encode("ascii") + body


def get(path: str, **headers: str) -> bytes:
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n".encode("ascii")


@dataclass
class Load:
    """What came of a load. Times are seconds of one monotonic clock."""

    seconds: float = 0.0
    lasted: list[float] = field(default_factory=list)
    acknowledged: dict[str, float] = field(default_factory=dict)  # reference -> when its answer had been read
    late: float = 0.0  # the latest that a submit left after its time
    client: float = 0.0  # seconds of processor time that the client itself took

    @property
    def per_second(self) -> float:
        return len(self.lasted) / self.seconds


def _expect(status: int, body: bytes, wanted: int) -> None:
    if status != wanted:
        raise Refused(f"{status} instead of {wanted}: {body[:600].decode(errors='replace')}")


def _run(threads: int, work: Callable[[], None]) -> None:
    """The same work in so many threads; what one of them raises ends the run."""
    wrong: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as problem:  # noqa: BLE001 - raised again below, in the thread that asked
            wrong.append(problem)

    started = [threading.Thread(target=guarded, daemon=True) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    if wrong:
        raise wrong[0]


def flat_out(port: int, requests: Iterator[bytes], *, seconds: float, connections: int) -> Load:
    """Each connection sends its next request as soon as it has the answer to the last."""
    found, lock = Load(), threading.Lock()
    began, processor = time.monotonic(), time.process_time()
    end = began + seconds

    def work() -> None:
        line = Line(port)
        while time.monotonic() < end:
            with lock:
                request = next(requests)
            sent = time.monotonic()
            _expect(*line.send(request), 201)
            found.lasted.append(time.monotonic() - sent)

    _run(connections, work)
    found.seconds, found.client = time.monotonic() - began, time.process_time() - processor
    return found


def steady(port: int, requests: Iterator[bytes], *, rate: float, seconds: float, connections: int = 40) -> Load:
    """Open loop: each request leaves at its own time, whether or not those before it are answered."""
    found, lock = Load(), threading.Lock()
    began, processor = time.monotonic() + 0.2, time.process_time()
    numbers = itertools.count()

    def work() -> None:
        line = Line(port)
        while True:
            with lock:
                number = next(numbers)
                request = next(requests)
            due = began + number / rate
            if number >= rate * seconds:
                return
            time.sleep(max(0.0, due - time.monotonic()))
            sent = time.monotonic()
            status, body = line.send(request)
            done = time.monotonic()
            _expect(status, body, 201)
            with lock:
                found.late = max(found.late, sent - due)
                found.lasted.append(done - sent)
                found.acknowledged[json.loads(body)["reference"]] = done

    _run(connections, work)
    found.seconds, found.client = time.monotonic() - began, time.process_time() - processor
    return found


def page(port: int, request: bytes, *, times: int) -> list[float]:
    """Seconds of each of so many looks at a page, one after the other, after three that warm it up."""
    line, found = Line(port), []
    for number in range(times + 3):
        began = time.monotonic()
        _expect(*line.send(request), 200)
        if number >= 3:
            found.append(time.monotonic() - began)
    return found


def quantile(values: list[float], part: float) -> float:
    """The value below which that part lies: the largest of few values, never one that nobody measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def median(values: list[float]) -> float:
    return statistics.median(values)
