"""Sessions in the memory of one process: for local mode, tests, and agents that may forget."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from agent_runtime.sessions.store import SessionBusyError


@dataclass(frozen=True)
class _Entry:
    snapshot: bytes
    expires_at: float


class MemorySessionStore:
    """Keeps at most `max_sessions` sessions and `max_bytes` bytes; the least recently used goes first.

    `ttl` in seconds; `clock` is monotonic, in seconds.
    """

    def __init__(self, ttl: float, max_sessions: int, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._ttl = ttl
        self._max_sessions = max_sessions
        self._max_bytes = max_bytes
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = 0
        self._busy: set[str] = set()

    async def acquire(self, key: str) -> _MemoryLease:
        if key in self._busy:
            raise SessionBusyError
        self._busy.add(key)
        return _MemoryLease(self, key)

    async def close(self) -> None:
        self._entries.clear()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def load(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires_at <= self._clock():
            self._remove(key)
            return None
        return entry.snapshot

    def save(self, key: str, snapshot: bytes) -> None:
        self._remove(key)
        self._entries[key] = _Entry(snapshot, self._clock() + self._ttl)
        self._bytes += len(snapshot)
        # Entries stand in the order of their last save, so the first is also the first to expire.
        while self._entries and (len(self._entries) > self._max_sessions or self._bytes > self._max_bytes or self._first_expired()):
            self._remove(next(iter(self._entries)))

    def release(self, key: str) -> None:
        self._busy.discard(key)

    def _first_expired(self) -> bool:
        return next(iter(self._entries.values())).expires_at <= self._clock()

    def _remove(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= len(entry.snapshot)


class _MemoryLease:
    def __init__(self, store: MemorySessionStore, key: str) -> None:
        self._store = store
        self._key = key

    async def load(self) -> bytes | None:
        return self._store.load(self._key)

    async def save(self, snapshot: bytes) -> None:
        self._store.save(self._key, snapshot)

    async def release(self) -> None:
        self._store.release(self._key)
