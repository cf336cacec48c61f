"""A network between client and service that breaks: real sockets, whole requests go through, answers are cut in the middle."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


class Breaking:
    """Passes bytes on to `goal`. The next `breaks` answers end after `after` bytes, with the connection closed."""

    def __init__(self, goal: str) -> None:
        parts = urlsplit(goal)
        self.goal = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.breaks, self.after, self.connections = 0, 40, 0
        self.on_post: Callable[[], None] | None = None  # called before a POST is passed on
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:  # closed
                return
            self.connections += 1
            far = socket.create_connection(self.goal)
            for work in (self._there, self._back):
                threading.Thread(target=work, args=(near, far), daemon=True).start()

    def _there(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(65536):
                if data.startswith(b"POST ") and self.on_post:
                    self.on_post()
                far.sendall(data)
        with contextlib.suppress(OSError):
            far.shutdown(socket.SHUT_WR)

    def _back(self, near: socket.socket, far: socket.socket) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := far.recv(65536):
                if self.breaks and passed + len(data) > self.after:
                    self.breaks -= 1
                    near.sendall(data[: self.after - passed])
                    break
                passed += len(data)
                near.sendall(data)
        for one in (near, far):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextmanager
def breaking(goal: str) -> Iterator[Breaking]:
    made = Breaking(goal)
    try:
        yield made
    finally:
        made.close()
