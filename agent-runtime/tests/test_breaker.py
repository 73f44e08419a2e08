"""The circuit breaker: as a state machine that is driven at random, and case by case."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent_runtime.breaker import CircuitBreaker, CircuitOpenError, Outcome, Permit

LIMIT = 3
OPEN_SECONDS = 10.0


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def opened() -> tuple[CircuitBreaker, Clock]:
    clock = Clock()
    breaker = CircuitBreaker(LIMIT, OPEN_SECONDS, clock)
    for _ in range(LIMIT):
        breaker.settle(breaker.acquire(), Outcome.FAILURE)
    return breaker, clock


def test_failures_in_a_row_open_the_circuit_and_a_success_between_them_does_not() -> None:
    breaker = CircuitBreaker(LIMIT, OPEN_SECONDS, Clock())
    for outcome in (Outcome.FAILURE, Outcome.FAILURE, Outcome.SUCCESS, Outcome.FAILURE, Outcome.FAILURE):
        breaker.settle(breaker.acquire(), outcome)
    assert breaker.state.value == "closed"
    breaker.settle(breaker.acquire(), Outcome.FAILURE)
    assert breaker.state.value == "open"


def test_throttling_neither_opens_the_circuit_nor_forgives_failures() -> None:
    breaker = CircuitBreaker(LIMIT, OPEN_SECONDS, Clock())
    for _ in range(20):
        breaker.settle(breaker.acquire(), Outcome.NEUTRAL)
    assert breaker.state.value == "closed"
    for outcome in (Outcome.FAILURE, Outcome.FAILURE, Outcome.NEUTRAL, Outcome.FAILURE):
        breaker.settle(breaker.acquire(), outcome)
    assert breaker.state.value == "open"


def test_an_open_circuit_says_how_long_it_stays_open() -> None:
    breaker, clock = opened()
    clock.now += 4
    refusal = breaker.refusal()
    assert refusal is not None
    assert refusal.retry_after == 6


def test_half_open_lets_exactly_one_probe_through() -> None:
    breaker, clock = opened()
    clock.now += OPEN_SECONDS
    probe = breaker.acquire()
    assert probe.probe
    assert isinstance(breaker.refusal(), CircuitOpenError)
    breaker.settle(probe, Outcome.SUCCESS)
    assert breaker.state.value == "closed"


def test_a_failed_probe_opens_the_circuit_again_and_one_that_says_nothing_frees_the_next() -> None:
    breaker, clock = opened()
    clock.now += OPEN_SECONDS
    breaker.settle(breaker.acquire(), Outcome.NEUTRAL)
    breaker.settle(breaker.acquire(), Outcome.FAILURE)
    assert breaker.state.value == "open"


def test_a_call_from_before_the_circuit_opened_does_not_close_it() -> None:
    clock = Clock()
    breaker = CircuitBreaker(LIMIT, OPEN_SECONDS, clock)
    late = breaker.acquire()
    for _ in range(LIMIT):
        breaker.settle(breaker.acquire(), Outcome.FAILURE)
    breaker.settle(late, Outcome.SUCCESS)
    assert breaker.state.value == "open"
    clock.now += OPEN_SECONDS
    breaker.settle(late, Outcome.SUCCESS)
    assert breaker.state.value == "half-open"


class BreakerMachine(RuleBasedStateMachine):
    """Compares the breaker with the rules it states, for any order of calls, ends and time."""

    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.breaker = CircuitBreaker(LIMIT, OPEN_SECONDS, self.clock)
        self.permits: list[Permit] = []

    @rule()
    def call(self) -> None:
        refusal = self.breaker.refusal()
        if refusal is None:
            self.permits.append(self.breaker.acquire())
            return
        with pytest.raises(CircuitOpenError) as refused:
            self.breaker.acquire()
        assert 0 < refused.value.retry_after <= OPEN_SECONDS + 1e-6

    @precondition(lambda self: self.permits)
    @rule(outcome=st.sampled_from(Outcome), position=st.integers(0, 99))
    def end(self, outcome: Outcome, position: int) -> None:
        self.breaker.settle(self.permits.pop(position % len(self.permits)), outcome)

    @rule(seconds=st.floats(0, OPEN_SECONDS))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def at_most_one_probe_runs(self) -> None:
        current = [permit for permit in getattr(self, "permits", []) if permit.probe and permit.epoch == self.breaker._epoch]
        assert len(current) <= 1

    def teardown(self) -> None:
        """Whatever happened, time and one good call close the circuit."""
        if not hasattr(self, "breaker"):
            return
        while self.permits:
            self.breaker.settle(self.permits.pop(), Outcome.NEUTRAL)
        self.clock.now += OPEN_SECONDS
        self.breaker.settle(self.breaker.acquire(), Outcome.SUCCESS)
        assert self.breaker.state.value == "closed"


BreakerMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestBreakerMachine = BreakerMachine.TestCase
