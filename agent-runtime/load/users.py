"""Users who ask one message after the other, and what they measure."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx

from agent_runtime.telemetry.statistics import percentile

WARM_UP_SECONDS = 3.0


@dataclass
class Measurement:
    """Latencies in seconds of answers that were complete, and what went wrong instead."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    health: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers each second."""
        return len(self.latencies) / self.seconds

    def latency(self, share: float) -> float:
        return percentile(sorted(self.latencies), share) or float("nan")

    def slowest_health(self) -> float:
        return max(self.health, default=float("nan"))


async def measure(url: str, users: int, seconds: float) -> Measurement:
    """Let `users` ask for `seconds` after a warm-up that is not counted. Bounded: it ends by itself."""
    found = Measurement(seconds)
    begin = time.monotonic() + WARM_UP_SECONDS
    limits = httpx.Limits(max_connections=users + 1, max_keepalive_connections=users + 1)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=120) as client:
        asking = [asyncio.create_task(_user(client, number, begin, found)) for number in range(users)]
        asking.append(asyncio.create_task(_watch_health(client, begin, found)))
        await asyncio.gather(*asking)
    return found


async def _user(client: httpx.AsyncClient, number: int, begin: float, found: Measurement) -> None:
    end = begin + found.seconds
    turn = 0
    while (asked := time.monotonic()) < end:
        turn += 1
        # A conversation of ten turns, then a new one, as people have them.
        headers = {"X-Session-Id": f"user-{number}-{turn // 10}"}
        try:
            response = await client.post("/coach", json={"message": f"Message {turn} of user {number}"}, headers=headers)
            problem = None if response.status_code == 200 else str(response.status_code)
        except httpx.HTTPError as error:
            problem = type(error).__name__
        answered = time.monotonic()
        if asked < begin or answered > end:
            continue
        if problem is None:
            found.latencies.append(answered - asked)
        else:
            found.errors[problem] += 1


async def _watch_health(client: httpx.AsyncClient, begin: float, found: Measurement) -> None:
    while (asked := time.monotonic()) < begin + found.seconds:
        response = await client.get("/health")
        if response.status_code != 200:
            found.errors["health"] += 1
        if asked >= begin:
            found.health.append(time.monotonic() - asked)
        await asyncio.sleep(0.5)
