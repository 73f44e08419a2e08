"""The runtime's part in each model call: the circuit breaker, and counting."""

from __future__ import annotations

from typing import Any

from strands.hooks import AfterModelCallEvent, BeforeModelCallEvent, HookProvider, HookRegistry

from agent_runtime.breaker import CircuitBreaker, Outcome, Permit
from agent_runtime.model.failures import is_throttle, outcome_of


class ModelCallHooks(HookProvider):
    """One invocation's hooks; `settle` must be called at its end, whatever happened."""

    def __init__(self, breaker: CircuitBreaker) -> None:
        self._breaker = breaker
        self._permit: Permit | None = None
        self.throttles = 0

    def register_hooks(self, registry: HookRegistry, **options: Any) -> None:
        registry.add_callback(BeforeModelCallEvent, self._before)
        registry.add_callback(AfterModelCallEvent, self._after)

    def settle(self, outcome: Outcome = Outcome.NEUTRAL) -> None:
        """Give a permit back that the last call still holds: a call that was given up ends without an event."""
        if self._permit is not None:
            permit, self._permit = self._permit, None
            self._breaker.settle(permit, outcome)

    async def _before(self, event: BeforeModelCallEvent) -> None:
        self._permit = self._breaker.acquire()

    async def _after(self, event: AfterModelCallEvent) -> None:
        if event.exception is None:
            given_up = event.stop_response is not None and event.stop_response.stop_reason == "cancelled"
            self.settle(Outcome.NEUTRAL if given_up else Outcome.SUCCESS)
            return
        if is_throttle(event.exception):
            self.throttles += 1
        self.settle(outcome_of(event.exception))
