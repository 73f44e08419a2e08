"""A circuit breaker: calls that would fail anyway are not made, and the caller learns it at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """How a call went: NEUTRAL says nothing about the service's health (throttled, a 4xx, given up by the caller)."""

    SUCCESS = "success"
    FAILURE = "failure"
    NEUTRAL = "neutral"


class State(Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitOpenError(Exception):
    """The call was not made; another attempt is worthwhile after `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("the circuit is open")
        self.retry_after = retry_after


@dataclass(frozen=True)
class Permit:
    """The right to make one call; it must be given back with the call's outcome."""

    probe: bool
    epoch: int


class CircuitBreaker:
    """Opens after `failures` failures in a row, for `open_seconds`; then lets exactly one probe through.

    `clock` is monotonic, in seconds. To be used from one thread.
    """

    def __init__(self, failures: int, open_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = failures
        self._open_seconds = open_seconds
        self._clock = clock
        self._state = State.CLOSED
        self._failures = 0
        self._opened_at = 0.0
        self._probing = False
        self._epoch = 0

    @property
    def state(self) -> State:
        if self._state is State.OPEN and self._clock() >= self._opened_at + self._open_seconds:
            self._state = State.HALF_OPEN
            self._probing = False
        return self._state

    def refusal(self) -> CircuitOpenError | None:
        """Why a call would not be let through now, or None; takes no permit."""
        match self.state:
            case State.CLOSED:
                return None
            case State.OPEN:
                return CircuitOpenError(self._opened_at + self._open_seconds - self._clock())
            case State.HALF_OPEN:
                return CircuitOpenError(1.0) if self._probing else None

    def acquire(self) -> Permit:
        """Take the right to make a call. Raises CircuitOpenError."""
        refusal = self.refusal()
        if refusal is not None:
            raise refusal
        probe = self._state is State.HALF_OPEN
        self._probing = probe
        return Permit(probe, self._epoch)

    def settle(self, permit: Permit, outcome: Outcome) -> None:
        """Give a permit back. What began before the state last changed no longer counts."""
        if permit.epoch != self._epoch:
            return
        if permit.probe:
            self._probing = False
        match outcome:
            case Outcome.SUCCESS:
                self._failures = 0
                if permit.probe:
                    self._enter(State.CLOSED)
            case Outcome.FAILURE:
                self._failures += 1
                if permit.probe or self._failures >= self._limit:
                    self._opened_at = self._clock()
                    self._enter(State.OPEN)
            case Outcome.NEUTRAL:
                pass

    def _enter(self, state: State) -> None:
        self._state = state
        self._failures = 0
        self._probing = False
        self._epoch += 1
