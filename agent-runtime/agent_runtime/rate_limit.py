"""How often one user may ask."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from agent_runtime.auth import ANONYMOUS
from agent_runtime.problems import Problem
from agent_runtime.sessions.redis import connection_options
from agent_runtime.settings import Settings
from agent_runtime.telemetry.logs import logger

_log = logger("rate_limit")

RateLimit = Callable[[str], Awaitable[None]]


class UserRateLimit:
    """Refuses a user's requests beyond `limit` with a Problem of status 429."""

    def __init__(self, limit: RateLimitItem, storage: Storage, namespace: str) -> None:
        self._limit = limit
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._namespace = namespace

    async def __call__(self, user_id: str) -> None:
        if user_id == ANONYMOUS:
            return
        user = hashlib.sha256(user_id.encode()).hexdigest()
        try:
            allowed = await self._limiter.hit(self._limit, self._namespace, user)
            window = None if allowed else await self._limiter.get_window_stats(self._limit, self._namespace, user)
        except Exception as error:
            # A limit that cannot be counted must not stop the agent: slots and queue still bound the load.
            _log.warning("rate limit could not be counted", exc_info=error)
            return
        if window is not None:
            wait = max(1.0, window.reset_time - time.time())
            raise Problem(429, "rate-limited", "The user has asked too often.", retry_after=wait)


async def _no_limit(_: str) -> None:
    return None


def build_rate_limit(settings: Settings, namespace: str) -> RateLimit:
    """The rate limit of the settings."""
    if not settings.rate_limit:
        return _no_limit
    storage: Storage = MemoryStorage()
    if settings.redis_url is not None:
        url = settings.redis_url.get_secret_value()
        storage = RedisStorage(f"async+{url}", implementation="redispy", **connection_options(settings.redis_timeout))
    return UserRateLimit(parse(settings.rate_limit), storage, namespace)
