"""Apps inside the test's process, asked through ASGI."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, TextIO

import httpx
from strands.models import Model

from agent_runtime.app import AgentApp, create_app
from agent_runtime.auth import Authenticator
from agent_runtime.definition import AgentDefinition
from agent_runtime.sessions.store import SessionStore
from agent_runtime.settings import FAKE_MODEL, Settings
from agent_runtime.telemetry import logs
from agent_runtime.telemetry.metrics import MetricsEmitter
from tests.support import markers

PROBLEM = "application/problem+json"


class RecordedStream:
    """A text stream that keeps its lines, and hands them to the search for planted texts."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.lines: list[str] = []

    def write(self, text: str) -> int:
        self.lines.append(text)
        markers.record(self._name, text)
        return len(text)

    def flush(self) -> None:
        return None

    def json(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in "".join(self.lines).splitlines()]


@dataclass
class TestApp:
    """A started app and a client of it."""

    __test__ = False

    app: AgentApp
    client: httpx.AsyncClient
    metrics: RecordedStream
    logs: RecordedStream

    async def say(self, text: str = f"Hello {markers.MESSAGE}", session: str | None = "s1", **headers: str) -> httpx.Response:
        """Post a message to the agent."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if session is not None:
            sent["X-Session-Id"] = session
        response = await self.client.post("/coach", json={"message": text}, headers=sent)
        if response.headers.get("content-type") == PROBLEM:
            markers.record("problems.txt", response.text + "\n")
        return response

    def invocations(self) -> list[dict[str, Any]]:
        """The metric lines of invocations."""
        return [line for line in self.metrics.json() if "Invocations" in line]


DEFINITION = AgentDefinition(name="test-agent", path="/coach", system_prompt="Be brief.")


def settings(**values: Any) -> Settings:
    return Settings(**{"model": FAKE_MODEL, "rate_limit": "", "fleet": "prod", "revision": "0123456789ab", **values})


def text_stream(stream: RecordedStream) -> TextIO:
    return stream  # type: ignore[return-value]


@contextlib.asynccontextmanager
async def started(
    chosen: Settings | None = None,
    *,
    definition: AgentDefinition = DEFINITION,
    model: Model | None = None,
    sessions: SessionStore | None = None,
    authenticator: Authenticator | None = None,
) -> AsyncIterator[TestApp]:
    """An app with its lifespan begun, whose logs and metrics are recorded."""
    chosen = chosen or settings()
    metrics, lines = RecordedStream("metrics.txt"), RecordedStream("logs.txt")
    logs.configure({"fleet": chosen.fleet, "agent": definition.name, "revision": chosen.revision}, "DEBUG", text_stream(lines))
    dimensions = {"Fleet": chosen.fleet, "Agent": definition.name, "Revision": chosen.revision}
    emitter = MetricsEmitter(dimensions, text_stream(metrics))
    app = create_app(definition, chosen, model=model, sessions=sessions, authenticator=authenticator, emitter=emitter)
    transport = httpx.ASGITransport(app.asgi, raise_app_exceptions=False)
    async with app.asgi.router.lifespan_context(app.asgi), httpx.AsyncClient(transport=transport, base_url="http://agent") as client:
        yield TestApp(app, client, metrics, lines)


def events(body: str) -> list[tuple[str, Any]]:
    """The events of an event stream, comments left out."""
    found = []
    for block in body.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found
