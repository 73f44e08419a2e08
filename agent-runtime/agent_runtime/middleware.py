"""What surrounds every request: its id, the limit of its body, its log line, and a problem for what nobody caught."""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_runtime.activity import Activity, Phase
from agent_runtime.problems import BodyTooLarge, Problem
from agent_runtime.telemetry.logs import bind_request, clear_request, logger
from agent_runtime.telemetry.recorder import CLIENT_GONE

REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# Load balancers ask all the time; a line for each would drown the others.
SILENT_ROUTES = frozenset({"/health", "/ready", "/ping"})

_log = logger("http")


class RequestMiddleware:
    """The outermost layer of the app."""

    def __init__(self, app: ASGIApp, max_body_bytes: int, activity: Activity) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._activity = activity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Exchange(scope, receive, send, self._max_body_bytes, self._activity).run(self._app)


class _Exchange:
    def __init__(self, scope: Scope, receive: Receive, send: Send, max_body_bytes: int, activity: Activity) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._max_body_bytes = max_body_bytes
        self._activity = activity
        self._received = 0
        self._status = CLIENT_GONE
        offered = Headers(scope=scope).get("x-request-id", "")
        self._request_id = offered if REQUEST_ID.fullmatch(offered) else secrets.token_hex(16)
        # A dictionary of this request alone: the server shares one state between requests.
        scope["state"] = {**scope.get("state", {}), "request_id": self._request_id}

    async def run(self, app: ASGIApp) -> None:
        started = time.monotonic()
        clear_request()
        bind_request(request_id=self._request_id)
        try:
            await app(self._scope, self._limited_receive, self._observed_send)
        except Exception as error:
            _log.error("request failed", exc_info=error)
            if self._status != CLIENT_GONE:
                raise
            problem = Problem(500, "internal-error", "The runtime failed to answer.")
            self._scope["state"]["problem"] = problem.kind
            await problem.response(self._request_id)(self._scope, self._receive, self._observed_send)
        finally:
            self._log(started)

    async def _limited_receive(self) -> Message:
        announced = Headers(scope=self._scope).get("content-length", "")
        message = await self._receive()
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._received > self._max_body_bytes or (announced.isdigit() and int(announced) > self._max_body_bytes):
                raise BodyTooLarge
        return message

    async def _observed_send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = int(message["status"])
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            headers["x-request-id"] = self._request_id
            headers["cache-control"] = "no-store"
            headers["x-content-type-options"] = "nosniff"
            if self._activity.phase is not Phase.SERVING:
                # The caller must not send its next request on a connection that is about to close.
                headers["connection"] = "close"
        await self._send(message)

    def _log(self, started: float) -> None:
        route = getattr(self._scope.get("route"), "path", "unmatched")
        if route in SILENT_ROUTES:
            return
        fields: dict[str, Any] = {
            "method": self._scope["method"],
            "route": route,
            "status": self._status,
            "duration_ms": round((time.monotonic() - started) * 1000, 1),
        }
        if "problem" in self._scope["state"]:
            fields["problem"] = self._scope["state"]["problem"]
        _log.info("request", **fields)
