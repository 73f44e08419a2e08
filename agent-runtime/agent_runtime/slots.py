"""Bounds how many answers run at once, and how many requests wait for their turn."""

from __future__ import annotations

import asyncio
from collections import deque


class QueueFullError(Exception):
    """As many requests wait as may wait."""


class QueueTimeoutError(Exception):
    """No slot came free in time."""


class Slots:
    """`limit` slots, and a queue of at most `queue` waiters, served in order."""

    def __init__(self, limit: int, queue: int) -> None:
        self._free = limit
        self._queue = queue
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        return len(self._waiters)

    async def acquire(self, timeout: float) -> None:
        """Take a slot, waiting at most `timeout` seconds. Raises QueueFullError or QueueTimeoutError."""
        if self._free > 0:
            self._free -= 1
            return
        if len(self._waiters) >= self._queue:
            raise QueueFullError
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except BaseException as error:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            elif waiter.done() and not waiter.cancelled():
                # The slot was handed over in the moment this request gave up: pass it on.
                self.release()
            if isinstance(error, TimeoutError):
                raise QueueTimeoutError from error
            raise

    def release(self) -> None:
        """Give a slot back; the one that waits longest gets it."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1
