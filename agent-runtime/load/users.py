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
    """What came to its end while it was measured: latencies in seconds of complete answers, and what went wrong instead.

    `refused` counts answers 503 that asked to come back later; users wait as they ask.
    """

    seconds: float
    latencies: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    health: list[float] = field(default_factory=list)

    def note(self, problem: str | None, latency: float, refused: bool) -> None:
        if problem is None:
            self.latencies.append(latency)
        elif refused:
            self.refused += 1
        else:
            self.errors[problem] += 1

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
    asking = [asyncio.create_task(_user(url, number, begin, found)) for number in range(users)]
    asking.append(asyncio.create_task(_watch_health(url, begin, found)))
    await asyncio.gather(*asking)
    return found


def _client(url: str) -> httpx.AsyncClient:
    """A client of one user's own: a pool shared by a hundred would be slower than what is measured."""
    return httpx.AsyncClient(base_url=url, timeout=120, verify=False)  # noqa: S501


async def _user(url: str, number: int, begin: float, found: Measurement) -> None:
    async with _client(url) as client:
        await _converse(client, number, begin, found)


async def _converse(client: httpx.AsyncClient, number: int, begin: float, found: Measurement) -> None:
    end = begin + found.seconds
    turn = 0
    while (asked := time.monotonic()) < end:
        turn += 1
        # A conversation of ten turns, then a new one, as people have them.
        headers = {"X-Session-Id": f"user-{number}-{turn // 10}"}
        retry_after = 0.0
        try:
            response = await client.post("/coach", json={"message": f"Message {turn} of user {number}"}, headers=headers)
            problem = None if response.status_code == 200 else str(response.status_code)
            if response.status_code == 503:
                retry_after = float(response.headers.get("retry-after", "0"))
        except httpx.HTTPError as error:
            problem = type(error).__name__
        answered = time.monotonic()
        if begin <= answered <= end:
            found.note(problem, answered - asked, retry_after > 0)
        await asyncio.sleep(retry_after)


async def _watch_health(url: str, begin: float, found: Measurement) -> None:
    async with _client(url) as client:
        while (asked := time.monotonic()) < begin + found.seconds:
            response = await client.get("/health")
            if response.status_code != 200:
                found.errors["health"] += 1
            if asked >= begin:
                found.health.append(time.monotonic() - asked)
            await asyncio.sleep(0.5)
