"""CloudWatch metrics in the embedded metric format: a JSON line that CloudWatch Logs turns into metrics.

Format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

NAMESPACE = "Ropewalk/Agents"


@dataclass(frozen=True)
class Metric:
    """A metric's CloudWatch unit, and what one value of it means."""

    unit: str
    meaning: str


METRICS: dict[str, Metric] = {
    "Invocations": Metric("Count", "1 for each request that the agent took on, also when the circuit refused it"),
    "Errors": Metric("Count", "1 if the invocation ended in a 5xx answer, else 0; a client that goes away is no error"),
    "Throttles": Metric("Count", "times that Bedrock throttled a model call of the invocation, retried ones included"),
    "Rejected": Metric("Count", "1 for each request refused before it was taken on: rate limit, full queue, busy session, draining"),
    "Duration": Metric("Milliseconds", "from taking the request on to the end of its answer, waiting included"),
    "TimeToFirstToken": Metric("Milliseconds", "from taking the request on to the first text of the answer"),
    "InputTokens": Metric("Count", "tokens read by the model, cached ones included"),
    "OutputTokens": Metric("Count", "tokens written by the model"),
    "EstimatedCostUSD": Metric("None", "US dollars by list price"),
    "InFlight": Metric("Count", "requests being answered by this task"),
    "ActiveSessions": Metric("Count", "sessions used in the last 15 minutes on this task"),
    "CircuitOpen": Metric("Count", "1 while the circuit to the model is not closed, else 0"),
}

DIMENSIONS: tuple[str, ...] = ("Fleet", "Agent", "Revision")
DIMENSION_SETS: tuple[tuple[str, ...], ...] = (("Fleet", "Agent"), ("Fleet", "Agent", "Revision"))
PROPERTIES: dict[str, str] = {
    "request_id": "the request's X-Request-Id",
    "session_id": "the request's X-Session-Id",
    "user_id": "subject of the token, or the trusted user header",
    "model": "model id",
    "status": "HTTP status of the answer; 499 when the client went away first",
    "image_digest": "digest of the image",
}


class MetricsEmitter:
    """Writes metric lines for one agent.

    `dimensions` names Fleet, Agent and Revision; `clock` gives seconds since the epoch.
    """

    def __init__(self, dimensions: Mapping[str, str], stream: TextIO | None = None, clock: Callable[[], float] = time.time) -> None:
        self._dimensions = {name: dimensions[name] for name in DIMENSIONS}
        self._stream = stream
        self._clock = clock

    def emit(self, values: Mapping[str, float], properties: Mapping[str, Any] | None = None) -> None:
        """Write one line with `values` by metric name. Raises KeyError for a name that is not in METRICS."""
        line: dict[str, Any] = {
            "_aws": {
                "Timestamp": int(self._clock() * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [list(names) for names in DIMENSION_SETS],
                        "Metrics": [{"Name": name, "Unit": METRICS[name].unit} for name in values],
                    }
                ],
            },
            **self._dimensions,
            **values,
        }
        for name, value in (properties or {}).items():
            if name not in PROPERTIES:
                raise KeyError(name)
            line[name] = value
        # One write per line: lines of several threads must not be mixed.
        stream = self._stream or sys.stdout
        stream.write(json.dumps(line, separators=(",", ":")) + "\n")
        stream.flush()
