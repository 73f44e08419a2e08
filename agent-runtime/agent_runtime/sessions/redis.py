"""Sessions in Redis, so that any task can serve any request of a conversation."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Awaitable, Iterator
from typing import Any, cast

import redis.asyncio as redis_client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from agent_runtime.sessions.store import SessionBusyError, SessionStoreError

# Saving is refused once the lease went to another request: the later conversation must not be overwritten.
SAVE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1
"""
RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


class RedisSessionStore:
    """Keeps snapshots for `ttl` seconds after their last save.

    `lease_seconds` is longer than any request may take: a task that dies leaves the session busy for so long.
    """

    def __init__(self, client: redis_client.Redis, ttl: int, lease_seconds: float) -> None:
        self._client = client
        self._ttl = ttl
        self._lease_ms = int(lease_seconds * 1000)
        self._save = client.register_script(SAVE)
        self._release = client.register_script(RELEASE)

    async def acquire(self, key: str) -> _RedisLease:
        token = secrets.token_hex(16)
        # Braces keep both keys on one node of a Redis cluster.
        lock, data = f"session:{{{key}}}:lock", f"session:{{{key}}}"
        with _store_errors():
            taken = await self._client.set(lock, token, nx=True, px=self._lease_ms)
        if not taken:
            raise SessionBusyError
        return _RedisLease(self, lock, data, token)

    async def close(self) -> None:
        await self._client.aclose()

    async def load(self, data: str) -> bytes | None:
        with _store_errors():
            return cast("bytes | None", await self._client.get(data))

    async def save(self, lock: str, data: str, token: str, snapshot: bytes) -> None:
        await _run(self._save(keys=[lock, data], args=[token, snapshot, self._ttl]))

    async def release(self, lock: str, token: str) -> None:
        await _run(self._release(keys=[lock], args=[token]))


class _RedisLease:
    def __init__(self, store: RedisSessionStore, lock: str, data: str, token: str) -> None:
        self._store = store
        self._lock = lock
        self._data = data
        self._token = token

    async def load(self) -> bytes | None:
        return await self._store.load(self._data)

    async def save(self, snapshot: bytes) -> None:
        await self._store.save(self._lock, self._data, self._token, snapshot)

    async def release(self) -> None:
        await self._store.release(self._lock, self._token)


async def _run(script: Awaitable[Any]) -> None:
    with _store_errors():
        await script


@contextlib.contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise SessionStoreError from error


def connect(url: str, timeout: float) -> redis_client.Redis:
    """A client for `url` whose calls take at most twice `timeout` seconds. It connects when it is first used."""
    client: redis_client.Redis = redis_client.Redis.from_url(url, **connection_options(timeout))
    return client


def connection_options(timeout: float) -> dict[str, Any]:
    """One more attempt at once, for a pooled connection that has died: the library's own retries would wait for seconds."""
    return {"socket_timeout": timeout, "socket_connect_timeout": timeout, "retry": Retry(NoBackoff(), 1)}
