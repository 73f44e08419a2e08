"""Sends an invocation's answer, as one JSON document or as a stream of events, while watching the client."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from fastapi.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from agent_runtime.answers import Answer, Emit, Progress, Restarted, TextDelta, ToolStarted
from agent_runtime.invocation import Invocation
from agent_runtime.problems import Problem
from agent_runtime.schemas import TurnResponse

Start = Callable[[Emit], Invocation]
Render = Callable[[Answer], TurnResponse]


class AnswerResponse(Response):
    """Runs an invocation; when the client goes away, the invocation stops.

    `start` begins it, `render` makes the answer's JSON, `keep_alive` is the time in seconds after which a silent
    event stream carries a comment.
    """

    def __init__(self, start: Start, render: Render, session_id: str, keep_alive: float, streaming: bool) -> None:
        super().__init__()
        self._start = start
        self._render = render
        self._session_id = session_id
        self._keep_alive = keep_alive
        self._streaming = streaming

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        queue: asyncio.Queue[Progress] = asyncio.Queue()
        invocation = self._start(queue.put_nowait if self._streaming else _ignore)
        watcher = asyncio.create_task(_stop_when_client_leaves(receive, invocation))
        request_id = str(scope["state"]["request_id"])
        try:
            if self._streaming:
                await self._send_events(scope, receive, send, invocation, queue, request_id)
            else:
                await self._send_document(scope, receive, send, invocation, request_id)
        except asyncio.CancelledError:
            # Stopped because the client left: there is nobody to answer. Anything else is not ours to swallow.
            if not invocation.task.cancelled():
                raise
        finally:
            watcher.cancel()
            if not invocation.task.done():
                invocation.stop(None)
                with contextlib.suppress(asyncio.CancelledError, Problem):
                    await invocation.task

    async def _send_document(self, scope: Scope, receive: Receive, send: Send, invocation: Invocation, request_id: str) -> None:
        try:
            answer = await invocation.task
        except Problem as problem:
            await self._send_problem(scope, receive, send, problem, request_id)
            return
        body = self._render(answer).model_dump()
        await JSONResponse(body, headers={"X-Session-Id": self._session_id})(scope, receive, send)

    async def _send_problem(self, scope: Scope, receive: Receive, send: Send, problem: Problem, request_id: str) -> None:
        scope["state"]["problem"] = problem.kind
        response = problem.response(request_id)
        response.headers["X-Session-Id"] = self._session_id
        await response(scope, receive, send)

    async def _send_events(
        self, scope: Scope, receive: Receive, send: Send, invocation: Invocation, queue: asyncio.Queue[Progress], request_id: str
    ) -> None:
        # Until something is said, a failure can still be told by the status.
        first = await _next(queue, invocation, self._keep_alive)
        if first is None and invocation.task.done() and isinstance(_failure(invocation), Problem):
            await self._send_document(scope, receive, send, invocation, request_id)
            return
        await send(_stream_start(self._session_id))
        progress = first
        while progress is not None or not invocation.task.done():
            await send(_chunk(_frame(progress) if progress is not None else b": keep-alive\n\n"))
            progress = await _next(queue, invocation, self._keep_alive)
        try:
            last = sse_event("done", self._render(await invocation.task).model_dump())
        except Problem as problem:
            scope["state"]["problem"] = problem.kind
            last = sse_event("error", problem.details(request_id).model_dump(exclude_none=True))
        await send(_chunk(last))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _next(queue: asyncio.Queue[Progress], invocation: Invocation, timeout: float) -> Progress | None:
    """The next thing said; None if the invocation ended, or said nothing for `timeout` seconds."""
    if queue.empty() and not invocation.task.done():
        said = asyncio.create_task(queue.get())
        try:
            await asyncio.wait({said, invocation.task}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if said.done():
                return said.result()
        finally:
            said.cancel()
    return None if queue.empty() else queue.get_nowait()


def _failure(invocation: Invocation) -> BaseException | None:
    return None if invocation.task.cancelled() else invocation.task.exception()


async def _stop_when_client_leaves(receive: Receive, invocation: Invocation) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
    if not invocation.task.done():
        invocation.stop(None)


def _ignore(_: Progress) -> None:
    return None


def _frame(progress: Progress) -> bytes:
    match progress:
        case TextDelta(text):
            return sse_event("delta", {"text": text})
        case ToolStarted(name):
            return sse_event("tool", {"name": name})
        case Restarted():
            return sse_event("restart", {})


def sse_event(name: str, data: Any) -> bytes:
    """One server-sent event; JSON has no raw line breaks, so the data is one line."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def _chunk(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}


def _stream_start(session_id: str) -> Message:
    headers = {"content-type": "text/event-stream; charset=utf-8", "x-session-id": session_id, "x-accel-buffering": "no"}
    return {
        "type": "http.response.start",
        "status": 200,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
