"""The stub's server.

POST /model/{id}/converse-stream, POST /model/{id}/converse    as Bedrock Runtime
POST /_stub/scenarios    a JSON list of scenarios for the next calls
GET /_stub/calls         what became of the calls so far
DELETE /_stub            forget both
"""

from __future__ import annotations

import asyncio
import time
import urllib.parse
import uuid
from typing import Any

from bedrock_stub import answer, frames, http
from bedrock_stub.calls import Call, CallState, Script
from bedrock_stub.scenario import ERRORS, Scenario


class ClientLeftError(Exception):
    """The caller closed its connection before the answer was complete."""


class BedrockStub:
    """A running stub; use it as `async with BedrockStub() as stub`, and give clients `stub.url`."""

    def __init__(self, default: Scenario | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self.script = Script(default)
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://{self._host}:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> BedrockStub:
        self._server = await asyncio.start_server(self._connection, self._host, self._port, limit=http.MAX_HEAD_BYTES, backlog=1024)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def serve_forever(self) -> None:
        assert self._server is not None
        await self._server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        peer = _Peer(reader)
        try:
            while (request := await peer.next_request()) is not None:
                await self._respond(request, peer, writer)
        except (ClientLeftError, ConnectionError, asyncio.CancelledError):
            return
        except ValueError as error:
            writer.write(http.document(400, {"message": str(error)}))
        finally:
            peer.close()
            self._tasks.discard(task)
            writer.close()

    async def _respond(self, request: http.Request, peer: _Peer, writer: asyncio.StreamWriter) -> None:
        parts = [urllib.parse.unquote(part) for part in request.path.split("?")[0].strip("/").split("/")]
        match request.method, parts:
            case "POST", ["model", model, ("converse" | "converse-stream") as operation]:
                await self._converse(Call(operation, model, request.json(), request.headers), peer, writer)
            case "POST", ["_stub", "scenarios"]:
                self.script.play([Scenario.from_json(each) for each in request.json()])
                await _write(writer, http.document(200, {}))
            case "GET", ["_stub", "calls"]:
                await _write(writer, http.document(200, [call.summary() for call in self.script.calls]))
            case "DELETE", ["_stub"]:
                self.script.clear()
                await _write(writer, http.document(200, {}))
            case _:
                await _write(writer, _error("ResourceNotFoundException", "There is no such operation."))

    async def _converse(self, call: Call, peer: _Peer, writer: asyncio.StreamWriter) -> None:
        await self.script.note(call)
        left = asyncio.create_task(peer.gone.wait())
        play = asyncio.create_task(self._play(self.script.take(), call, writer))
        state = CallState.FAILED
        try:
            await asyncio.wait({left, play}, return_when=asyncio.FIRST_COMPLETED)
            if not play.done():
                state = CallState.CLIENT_LEFT
                raise ClientLeftError
            state = play.result()
        except ConnectionError:
            state = CallState.CLIENT_LEFT
            raise
        finally:
            for task in (left, play):
                task.cancel()
            await asyncio.gather(left, play, return_exceptions=True)
            await self.script.note(call, state)

    async def _play(self, scenario: Scenario, call: Call, writer: asyncio.StreamWriter) -> CallState:
        body = call.request
        started = time.monotonic()
        if scenario.hang:
            await asyncio.Event().wait()
        await asyncio.sleep(scenario.latency)
        refused = answer.problem_with(body)
        if scenario.error is not None or refused is not None:
            code = scenario.error or "ValidationException"
            await _write(writer, _error(code, refused or scenario.error_message))
            return CallState.FAILED
        latency_ms = int((time.monotonic() - started) * 1000)
        if call.operation == "converse":
            await _write(writer, http.document(200, answer.document(scenario, body, latency_ms), _request_id()))
            return CallState.COMPLETED
        writer.write(
            http.head(200, {"Content-Type": "application/vnd.amazon.eventstream", "Transfer-Encoding": "chunked", **_request_id()})
        )
        return await self._stream(scenario, call, latency_ms, writer)

    async def _stream(self, scenario: Scenario, call: Call, latency_ms: int, writer: asyncio.StreamWriter) -> CallState:
        for event in answer.stream(scenario, call.request, latency_ms):
            if event.is_text:
                if scenario.stream_error is not None and call.pieces_sent == scenario.stream_error_after:
                    failure = frames.exception(scenario.stream_error, scenario.error_message)
                    await _write(writer, http.chunk(failure) + http.chunk(b""))
                    return CallState.FAILED
                if call.pieces_sent == scenario.drop_after:
                    writer.transport.abort()
                    return CallState.FAILED
                if call.pieces_sent == scenario.stall_after:
                    await asyncio.Event().wait()
                await asyncio.sleep(scenario.token_delay)
                call.pieces_sent += 1
            await _write(writer, http.chunk(frames.event(event.kind, event.body)))
            if event.is_text:
                await self.script.note(call)
        await _write(writer, http.chunk(b""))
        return CallState.COMPLETED


class _Peer:
    """Reads a connection's requests ahead, so that its end is seen while an answer is being written."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self.gone = asyncio.Event()
        self._requests: asyncio.Queue[http.Request | ValueError | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._read(reader))

    async def next_request(self) -> http.Request | None:
        """The next request, or None at the end. Raises ValueError for what is not HTTP."""
        found = await self._requests.get()
        if isinstance(found, ValueError):
            raise found
        return found

    def close(self) -> None:
        self._task.cancel()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while (request := await http.read_request(reader)) is not None:
                self._requests.put_nowait(request)
            self._requests.put_nowait(None)
        except ValueError as error:
            self._requests.put_nowait(error)
        finally:
            self.gone.set()


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


def _request_id() -> dict[str, str]:
    return {"x-amzn-RequestId": str(uuid.uuid4())}


def _error(code: str, message: str) -> bytes:
    return http.document(ERRORS[code], {"message": message}, {"x-amzn-ErrorType": code, **_request_id()})
