"""What the process is doing: requests in flight, sessions in use, and whether it is about to stop."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from agent_runtime.problems import Problem

SESSION_WINDOW_SECONDS = 900.0
MAX_TRACKED_SESSIONS = 50_000


class Phase(Enum):
    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"
    STOPPED = "stopped"


class Stoppable(Protocol):
    """A request in flight, which can be ended with a problem as its answer."""

    def stop(self, problem: Problem | None) -> None: ...


class Activity:
    """`clock` is monotonic and `wall_clock` is seconds since the epoch."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, wall_clock: Callable[[], float] = time.time) -> None:
        self.phase = Phase.STARTING
        self._clock = clock
        self._wall_clock = wall_clock
        self._in_flight: set[Stoppable] = set()
        self._sessions: OrderedDict[str, float] = OrderedDict()
        self.busy_changed_at = wall_clock()
        self.listeners: list[Callable[[], None]] = []

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    def begin(self, request: Stoppable) -> None:
        """Note a request that is now being answered. Raises Problem (503) once the time to drain is over."""
        if self.phase is Phase.STOPPED:
            raise shutting_down()
        self._in_flight.add(request)
        self._busy_changed(1)

    def end(self, request: Stoppable) -> None:
        if request in self._in_flight:
            self._in_flight.remove(request)
            self._busy_changed(0)

    def stop_all(self) -> None:
        """End what is still in flight; each is answered with 503."""
        self.phase = Phase.STOPPED
        for request in list(self._in_flight):
            request.stop(shutting_down())

    def touch_session(self, key: str) -> None:
        self._sessions.pop(key, None)
        self._sessions[key] = self._clock()
        if len(self._sessions) > MAX_TRACKED_SESSIONS:
            self._sessions.popitem(last=False)

    @property
    def active_sessions(self) -> int:
        """Sessions used in the last 15 minutes."""
        oldest = self._clock() - SESSION_WINDOW_SECONDS
        while self._sessions and next(iter(self._sessions.values())) < oldest:
            self._sessions.popitem(last=False)
        return len(self._sessions)

    def _busy_changed(self, when: int) -> None:
        if self.in_flight == when:
            self.busy_changed_at = self._wall_clock()
            for listener in self.listeners:
                listener()


def shutting_down() -> Problem:
    return Problem(503, "shutting-down", "This task is stopping; another one will answer.", retry_after=1)
