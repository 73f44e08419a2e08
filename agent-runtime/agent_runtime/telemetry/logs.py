"""JSON log lines on standard output.

A message of a library is written as its template, without the values put into it, and an exception as its
type and the places it passed through, without its text: both may hold what a user wrote.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from types import TracebackType
from typing import Any, TextIO

import structlog

OWN_LOGGER = "agent_runtime"

LOG_FIELDS: dict[str, str] = {
    "timestamp": "ISO 8601, UTC",
    "level": "debug, info, warning, error or critical",
    "logger": "which part of the process speaks",
    "event": "what happened; for a library the template of its message",
    "fleet": "fleet of the agent",
    "agent": "name of the agent",
    "revision": "revision label",
    "request_id": "the request's X-Request-Id",
    "session_id": "the request's X-Session-Id",
    "user_id": "subject of the token, or the trusted user header",
    "method": "HTTP method",
    "route": "route template, or `unmatched`",
    "status": "HTTP status of the answer; 499 when the client went away first",
    "problem": "last part of the problem's type, when there is one",
    "duration_ms": "milliseconds until the answer was complete",
    "queued_ms": "milliseconds that the request waited for a slot",
    "exception": "types of the exception and its causes",
    "frames": "places the exception passed through, innermost last",
    "in_flight": "requests being answered",
    "port": "port that is listened on",
}

_RESERVED = frozenset({"exc_info", "stack_info"})
_REQUEST: ContextVar[Mapping[str, Any] | None] = ContextVar("log_request", default=None)
_QUIET_LIBRARIES = ("botocore", "boto3", "urllib3", "strands", "opentelemetry", "mcp", "httpx", "httpcore")


def bind_request(**fields: Any) -> None:
    """Add fields to every line that is logged on behalf of the current request."""
    _REQUEST.set({**(_REQUEST.get() or {}), **fields})


def clear_request() -> None:
    """Forget the fields of the request before."""
    _REQUEST.set(None)


def describe_exception(error: BaseException) -> dict[str, Any]:
    """Types and places of an exception and its causes, without any text of theirs."""
    types: list[str] = []
    current: BaseException | None = error
    while current is not None and len(types) < 6:
        types.append(type(current).__qualname__)
        current = current.__cause__ or current.__context__
    frames = [
        f"{os.path.basename(os.path.dirname(frame.filename))}/{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-12:]
    ]
    return {"exception": types, "frames": frames}


class JsonFormatter(logging.Formatter):
    """Formats records of structlog (a mapping) and of libraries (a template) as one JSON object."""

    def __init__(self, identity: Mapping[str, str]) -> None:
        super().__init__()
        self._identity = dict(identity)

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "timestamp": structlog.processors.TimeStamper(fmt="iso", utc=True)(None, "", {})["timestamp"],
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if isinstance(record.msg, dict):
            line.update(record.msg)
        else:
            line["event"] = str(record.msg) if record.args or _is_constant(record) else f"{record.module}:{record.lineno}"
        line.update(self._identity)
        for name, value in (_REQUEST.get() or {}).items():
            line.setdefault(name, value)
        if record.exc_info and record.exc_info[1] is not None:
            line.update(describe_exception(record.exc_info[1]))
        return json.dumps(line, default=lambda value: type(value).__name__, separators=(",", ":"))


def _is_constant(record: logging.LogRecord) -> bool:
    """Whether a message without arguments is surely a literal: only the server library is known to log literals."""
    return record.name.startswith("uvicorn")


def _keep_known_fields(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in [name for name in event if name not in LOG_FIELDS and name not in _RESERVED]:
        raise ValueError(f"{name} is not a log field: add it to LOG_FIELDS, with what it means, or leave it out")
    return event


def _to_record(_: Any, __: str, event: MutableMapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    error = event.pop("exc_info", None)
    return (dict(event),), {"exc_info": error} if error is not None else {}


def configure(identity: Mapping[str, str], level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every log line of the process to `stream` (standard output) as JSON.

    `identity` (fleet, agent, revision) is part of each line; `level` holds for the runtime. Libraries that log
    requests and answers at their debug level stay at WARNING whatever `level` says.
    """
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonFormatter(identity))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.WARNING)
    logging.getLogger(OWN_LOGGER).setLevel(level)
    logging.getLogger("uvicorn.error").setLevel(logging.INFO)
    for name in _QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    logging.captureWarnings(True)
    structlog.configure(
        processors=[_keep_known_fields, _to_record],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    sys.excepthook = _log_uncaught


def _log_uncaught(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    logging.getLogger(OWN_LOGGER).critical({"event": "uncaught exception"}, exc_info=error)


def logger(part: str) -> Any:
    """A structured logger for one part of the runtime."""
    return structlog.stdlib.get_logger(f"{OWN_LOGGER}.{part}")
