"""ECS task protection: a task that answers is not chosen when the service scales in or deploys.

Endpoint: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from agent_runtime.activity import Activity
from agent_runtime.telemetry.logs import logger

STATE_PATH = "/task-protection/v1/state"
CALL_TIMEOUT = 4.0
# Going idle for a moment must not cost a call each time: ECS throttles the endpoint.
IDLE_SECONDS = 15.0
RETRY_SECONDS = 10.0

_log = logger("protection")

Call = Callable[[str, dict[str, object]], None]


class TaskProtection:
    """Keeps the task's protection in line with whether it answers anything.

    `agent_uri` is the ECS agent's address, `minutes` how long one request for protection lasts.
    """

    def __init__(
        self,
        agent_uri: str,
        minutes: int,
        activity: Activity,
        *,
        call: Call | None = None,
        clock: Callable[[], float] = time.monotonic,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._url = agent_uri.rstrip("/") + STATE_PATH
        self._minutes = minutes
        self._activity = activity
        self._call = call or _put
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._protected_until = 0.0
        self._idle_since: float | None = None
        self._wake = asyncio.Event()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="protection")
        activity.listeners.append(self._wake.set)

    async def run(self) -> None:
        """Watch until cancelled; a call that fails is logged and made again."""
        while True:
            wait = await self.step()
            self._wake.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def step(self) -> float:
        """Do what is due now; returns the seconds until something else may be."""
        now = self._clock()
        if self._activity.in_flight:
            self._idle_since = None
            half = self._minutes * 30.0
            if self._protected_until - now > half:
                return self._protected_until - now - half
            if await self._set({"ProtectionEnabled": True, "ExpiresInMinutes": self._minutes}):
                self._protected_until = now + self._minutes * 60.0
                return half
            return RETRY_SECONDS
        if self._protected_until <= now:
            return self._minutes * 60.0
        if self._idle_since is None:
            self._idle_since = now
        if now - self._idle_since < self._idle_seconds:
            return self._idle_since + self._idle_seconds - now
        if await self._set({"ProtectionEnabled": False}):
            self._protected_until = 0.0
            return self._minutes * 60.0
        return RETRY_SECONDS

    async def _set(self, state: dict[str, object]) -> bool:
        try:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._call, self._url, state)
        except Exception as error:
            _log.warning("task protection could not be set", exc_info=error)
            return False
        return True


def _put(url: str, state: dict[str, object]) -> None:
    request = urllib.request.Request(url, json.dumps(state).encode(), {"Content-Type": "application/json"}, method="PUT")
    with urllib.request.urlopen(request, timeout=CALL_TIMEOUT) as response:
        response.read()
