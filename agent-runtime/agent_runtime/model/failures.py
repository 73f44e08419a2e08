"""What went wrong in a model call: for the circuit breaker, and for the answer."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EventStreamError, ReadTimeoutError
from strands.types.exceptions import ContextWindowOverflowException, MaxTokensReachedException, ModelThrottledException
from urllib3.exceptions import ReadTimeoutError as RawReadTimeoutError

from agent_runtime.breaker import CircuitOpenError, Outcome
from agent_runtime.problems import Problem

_TIMEOUTS = (ReadTimeoutError, ConnectTimeoutError, RawReadTimeoutError, TimeoutError)
_TIMEOUT_CODES = frozenset({"ModelTimeoutException", "modelTimeoutException"})
# Codes that arrive inside an event stream, where there is no HTTP status to tell whose fault it was.
_CALLERS_FAULT_CODES = frozenset({"validationException", "accessDeniedException", "resourceNotFoundException"})


def causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and everything that led to it, outermost first."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        original = getattr(current, "original_exception", None)
        current = original if isinstance(original, BaseException) else current.__cause__ or current.__context__


def is_throttle(error: BaseException) -> bool:
    return any(isinstance(cause, ModelThrottledException) for cause in causes(error))


def outcome_of(error: BaseException) -> Outcome:
    """Whether a failed call speaks against Bedrock's health: throttling and the caller's faults do not."""
    for cause in causes(error):
        if isinstance(cause, ModelThrottledException | ContextWindowOverflowException | MaxTokensReachedException):
            return Outcome.NEUTRAL
        if isinstance(cause, ClientError):
            return Outcome.NEUTRAL if _is_callers_fault(cause) else Outcome.FAILURE
        if isinstance(cause, BotoCoreError | OSError | RawReadTimeoutError):
            return Outcome.FAILURE
    return Outcome.FAILURE


def problem_of(error: BaseException) -> Problem:
    """The answer to a request whose invocation ended with `error`."""
    for cause in causes(error):
        match cause:
            case Problem():
                return cause
            case CircuitOpenError():
                return Problem(503, "circuit-open", "The model has failed repeatedly and is not asked now.", retry_after=cause.retry_after)
            case ModelThrottledException():
                return Problem(503, "model-throttled", "The model is asked too often by all callers together.", retry_after=5)
            case ContextWindowOverflowException():
                return Problem(
                    422, "conversation-too-long", "The conversation no longer fits into the model's context: begin a new session."
                )
            case MaxTokensReachedException():
                return Problem(502, "answer-too-long", "The model's answer did not fit into the tokens it may use.")
            case ClientError() if _code(cause) in _TIMEOUT_CODES:
                return Problem(504, "model-timeout", "The model took too long.")
            case ClientError() if _is_callers_fault(cause):
                return Problem(502, "model-refused", "The model service refused the call: check the model id and the task role.")
            case _ if isinstance(cause, _TIMEOUTS):
                return Problem(504, "model-timeout", "The model took too long.")
            case ClientError() | BotoCoreError() | OSError():
                return Problem(502, "model-failed", "The model service failed.")
    return Problem(502, "agent-failed", "The agent failed.")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _is_callers_fault(error: ClientError) -> bool:
    if isinstance(error, EventStreamError):
        return _code(error) in _CALLERS_FAULT_CODES
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))
    return 400 <= status < 500 and _code(error) not in _TIMEOUT_CODES
