"""Turns the end of an invocation into metrics, statistics and one log line."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from agent_runtime.activity import Activity
from agent_runtime.answers import Turn
from agent_runtime.breaker import CircuitBreaker, State
from agent_runtime.model.pricing import Price, Usage
from agent_runtime.problems import Problem
from agent_runtime.telemetry.logs import logger
from agent_runtime.telemetry.metrics import MetricsEmitter
from agent_runtime.telemetry.statistics import Statistics

CLIENT_GONE = 499
REJECTIONS = frozenset({"session-busy", "queue-full", "queue-timeout", "rate-limited", "shutting-down"})

_log = logger("invocation")


@dataclass
class Outline:
    """What is known of one invocation; times are of the monotonic clock, in seconds."""

    turn: Turn
    started_at: float
    status: int = 200
    problem: str | None = None
    usage: Usage = field(default_factory=Usage)
    throttles: int = 0
    admitted_at: float | None = None
    first_text_at: float | None = None

    def admitted(self) -> None:
        self.admitted_at = time.monotonic()

    def first_text(self) -> None:
        if self.first_text_at is None:
            self.first_text_at = time.monotonic()

    def fail(self, problem: Problem) -> None:
        self.status, self.problem = problem.status, problem.kind

    def abandon(self) -> None:
        self.status, self.problem = CLIENT_GONE, "client-gone"

    @property
    def rejected(self) -> bool:
        """Whether it was refused before the agent took it on; what is stopped while it runs was not."""
        return self.problem in REJECTIONS and self.admitted_at is None


@dataclass
class Recorder:
    """Records invocations of one process."""

    emitter: MetricsEmitter
    statistics: Statistics
    activity: Activity
    breaker: CircuitBreaker
    price: Price
    model_id: str
    image_digest: str

    def record(self, outline: Outline) -> None:
        """Record an invocation that has ended."""
        if outline.rejected:
            self.reject(outline)
            return
        now = time.monotonic()
        duration_ms = (now - outline.started_at) * 1000
        error = outline.status >= 500
        cost = outline.usage.cost(self.price)
        totals = self.statistics
        totals.invocations += 1
        totals.errors += error
        totals.throttles += outline.throttles
        totals.input_tokens += outline.usage.all_input
        totals.output_tokens += outline.usage.output
        totals.cost_usd += cost
        totals.add_duration(duration_ms)
        values = {
            "Invocations": 1,
            "Errors": int(error),
            "Throttles": outline.throttles,
            "Rejected": 0,
            "Duration": round(duration_ms, 3),
            "InputTokens": outline.usage.all_input,
            "OutputTokens": outline.usage.output,
            "EstimatedCostUSD": cost,
            **self._gauges(),
        }
        if outline.first_text_at is not None:
            values["TimeToFirstToken"] = round((outline.first_text_at - outline.started_at) * 1000, 3)
        self.emitter.emit(values, self._properties(outline))
        fields: dict[str, Any] = {"status": outline.status, "duration_ms": round(duration_ms, 1)}
        if outline.admitted_at is not None:
            fields["queued_ms"] = round((outline.admitted_at - outline.started_at) * 1000, 1)
        if outline.problem is not None:
            fields["problem"] = outline.problem
        _log.info("invocation ended", **fields)

    def reject(self, outline: Outline) -> None:
        """Record a request that was refused before it was taken on."""
        self.statistics.rejected += 1
        self.emitter.emit({"Rejected": 1, **self._gauges()}, self._properties(outline))
        _log.info("request refused", status=outline.status, problem=outline.problem)

    def heartbeat(self) -> None:
        """Write the gauges, so that an idle task is told apart from a dead one."""
        self.emitter.emit(self._gauges(), {"image_digest": self.image_digest})

    def _gauges(self) -> dict[str, float]:
        return {
            "InFlight": self.activity.in_flight,
            "ActiveSessions": self.activity.active_sessions,
            "CircuitOpen": int(self.breaker.state is not State.CLOSED),
        }

    def _properties(self, outline: Outline) -> dict[str, Any]:
        turn = outline.turn
        return {
            "request_id": turn.request_id,
            "session_id": turn.session_id,
            "user_id": turn.user_id,
            "model": self.model_id,
            "status": outline.status,
            "image_digest": self.image_digest,
        }
