"""What the stub has seen, and what it is to do next."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from bedrock_stub.scenario import Scenario

KEPT_CALLS = 10_000


class CallState(Enum):
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CLIENT_LEFT = "client-left"


@dataclass
class Call:
    """One call of the model; times are of the monotonic clock, in seconds."""

    operation: str
    model: str
    request: Mapping[str, Any]
    headers: Mapping[str, str]
    state: CallState = CallState.RUNNING
    pieces_sent: int = 0
    began_at: float = field(default_factory=time.monotonic)
    ended_at: float | None = None

    def summary(self) -> dict[str, Any]:
        seconds = None if self.ended_at is None else round(self.ended_at - self.began_at, 3)
        return {
            "operation": self.operation,
            "model": self.model,
            "state": self.state.value,
            "pieces_sent": self.pieces_sent,
            "seconds": seconds,
        }


class Script:
    """Scenarios to play, one for each call in order, then the default; and a record of the calls."""

    def __init__(self, default: Scenario | None = None) -> None:
        self.default = default or Scenario()
        self._next: deque[Scenario] = deque()
        self.calls: deque[Call] = deque(maxlen=KEPT_CALLS)
        self._changed = asyncio.Condition()

    def play(self, scenarios: Iterable[Scenario]) -> None:
        self._next.extend(scenarios)

    def take(self) -> Scenario:
        return self._next.popleft() if self._next else self.default

    def clear(self) -> None:
        self._next.clear()
        self.calls.clear()

    async def note(self, call: Call, state: CallState | None = None) -> None:
        """Record a new call, that one has gone on, or that it has ended in `state`."""
        async with self._changed:
            if state is None and call not in self.calls:
                self.calls.append(call)
            if state is not None and call.state is CallState.RUNNING:
                call.state = state
                call.ended_at = time.monotonic()
            self._changed.notify_all()

    async def until(self, condition: Callable[[list[Call]], bool], timeout: float) -> list[Call]:
        """Wait until the calls fulfil `condition`. Raises TimeoutError."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: condition(list(self.calls)))
        return list(self.calls)
