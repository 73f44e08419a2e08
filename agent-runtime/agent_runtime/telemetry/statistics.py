"""Totals and percentiles of one process, for `/stats`."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

RECENT = 1000


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The value at `share` (0 to 1) of an ascending sequence by the nearest-rank method; None if it is empty."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Statistics:
    """Counts since the start; durations in milliseconds of the last 1000 invocations."""

    def __init__(self) -> None:
        self.invocations = 0
        self.errors = 0
        self.throttles = 0
        self.rejected = 0
        self.input_tokens = 0
        self.output_tokens = 0
        self.cost_usd = 0.0
        self._durations: deque[float] = deque(maxlen=RECENT)

    def add_duration(self, duration_ms: float) -> None:
        self._durations.append(duration_ms)

    def durations(self) -> dict[str, float | None]:
        """p50, p95 and p99 in milliseconds, None before the first invocation."""
        ordered = sorted(self._durations)
        return {name: percentile(ordered, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
