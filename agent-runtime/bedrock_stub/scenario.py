"""How the stub behaves for one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

# Codes of errors that come before the stream, with their HTTP status.
ERRORS: Mapping[str, int] = {
    "ThrottlingException": 429,
    "ValidationException": 400,
    "AccessDeniedException": 403,
    "ResourceNotFoundException": 404,
    "ModelTimeoutException": 408,
    "ModelErrorException": 424,
    "ModelNotReadyException": 429,
    "ServiceQuotaExceededException": 400,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
}
# Codes of errors inside the stream.
STREAM_ERRORS = (
    "throttlingException",
    "validationException",
    "internalServerException",
    "modelStreamErrorException",
    "serviceUnavailableException",
)


@dataclass(frozen=True)
class Scenario:
    """One call's course; without any field set, an answer that repeats the user's message at once.

    Times are in seconds, places in the answer are counts of text pieces. `hang` waits before the response begins,
    `stall_after` inside it, both for ever.
    """

    text: str | None = None
    latency: float = 0.0
    token_delay: float = 0.0
    error: str | None = None
    hang: bool = False
    stream_error: str | None = None
    stream_error_after: int = 1
    drop_after: int | None = None
    stall_after: int | None = None
    tool: str | None = None
    tool_input: Mapping[str, Any] = field(default_factory=dict)
    guardrail: bool = False
    stop_reason: str = "end_turn"
    cached_tokens: int = 0
    error_message: str = "The stub was told to fail."

    def __post_init__(self) -> None:
        if self.error is not None and self.error not in ERRORS:
            raise ValueError(f"error must be one of {', '.join(ERRORS)}")
        if self.stream_error is not None and self.stream_error not in STREAM_ERRORS:
            raise ValueError(f"stream_error must be one of {', '.join(STREAM_ERRORS)}")

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Scenario:
        """Raises ValueError for a field that does not exist or a value that cannot be used."""
        known = {each.name for each in fields(cls)}
        unknown = sorted(set(value) - known)
        if unknown:
            raise ValueError(f"unknown fields: {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        return replace(cls(), **value)
