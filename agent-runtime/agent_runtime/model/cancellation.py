"""Stopping an answer that nobody waits for, so that it is neither computed nor paid for."""

from __future__ import annotations

import contextlib
import socket
import threading
from contextvars import ContextVar

INVOCATION_STATE_KEY = "cancellation"


class Cancellation:
    """Whether one request was given up; once cancelled it stays so.

    The thread that reads the model's answer cannot be interrupted, and looks at the event only between two
    chunks. Shutting down its socket ends a read that waits for a chunk that may never come.
    """

    def __init__(self) -> None:
        self.event = threading.Event()
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []

    def cancel(self) -> None:
        """Give the request up; safe to call from any thread and more than once."""
        with self._lock:
            self.event.set()
            for connection in self._sockets:
                _shut_down(connection)
            self._sockets.clear()

    def watch(self, connection: socket.socket) -> None:
        """Let `cancel` end what waits on `connection`; at once if it was called before."""
        with self._lock:
            if self.event.is_set():
                _shut_down(connection)
            else:
                self._sockets.append(connection)

    def forget(self, connection: socket.socket) -> bool:
        """Leave `connection` alone from now on: it serves another request. False if it may be shut down already."""
        with self._lock:
            if connection in self._sockets:
                self._sockets.remove(connection)
            return not self.event.is_set()


def _shut_down(connection: socket.socket) -> None:
    # The plain socket's method: the one of SSLSocket would drop the TLS state under the reading thread.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


CURRENT: ContextVar[Cancellation | None] = ContextVar("cancellation", default=None)
