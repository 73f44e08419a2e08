"""ECS task protection follows whether the task answers anything."""

from __future__ import annotations

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from agent_runtime.activity import Activity
from agent_runtime.model.fake import FakeModel
from agent_runtime.problems import Problem
from agent_runtime.protection import TaskProtection
from tests.support.apps import settings, started

pytestmark = pytest.mark.anyio


class Request:
    def stop(self, problem: Problem | None) -> None:
        """Nothing runs."""


class Agent:
    """The ECS agent: keeps what it is told, and can be away."""

    def __init__(self) -> None:
        self.told: list[dict[str, object]] = []
        self.away = False
        self.now = 0.0
        self.activity = Activity()
        self.protection = TaskProtection("http://ecs", 4, self.activity, call=self._call, clock=lambda: self.now, idle_seconds=15)

    def _call(self, url: str, state: dict[str, object]) -> None:
        assert url == "http://ecs/task-protection/v1/state"
        if self.away:
            raise OSError("away")
        self.told.append(state)


async def test_protection_begins_with_a_request_is_renewed_and_ends_after_an_idle_while() -> None:
    ecs, request = Agent(), Request()
    await ecs.protection.step()
    assert ecs.told == []
    ecs.activity.begin(request)
    assert await ecs.protection.step() == 120
    ecs.now = 60
    await ecs.protection.step()
    assert ecs.told == [{"ProtectionEnabled": True, "ExpiresInMinutes": 4}]
    ecs.now = 121
    await ecs.protection.step()
    assert len(ecs.told) == 2
    ecs.activity.end(request)
    assert await ecs.protection.step() == 15
    ecs.now = 130
    ecs.activity.begin(request)
    await ecs.protection.step()
    ecs.activity.end(request)
    await ecs.protection.step()
    ecs.now = 144
    await ecs.protection.step()
    assert len(ecs.told) == 2
    ecs.now = 146
    await ecs.protection.step()
    assert ecs.told[2:] == [{"ProtectionEnabled": False}]


async def test_a_call_that_fails_is_made_again() -> None:
    ecs = Agent()
    ecs.activity.begin(Request())
    ecs.away = True
    assert await ecs.protection.step() == 10
    ecs.away = False
    await ecs.protection.step()
    assert ecs.told == [{"ProtectionEnabled": True, "ExpiresInMinutes": 4}]


async def test_the_running_app_tells_the_ecs_agent_over_http() -> None:
    told: list[tuple[str, str, dict[str, Any]]] = []
    seen = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(200)
            self.end_headers()
            seen.set()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Stay quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        chosen = settings(task_protection=True, ecs_agent_uri=f"http://127.0.0.1:{server.server_port}/api/task")
        async with started(chosen, model=FakeModel(delay=0.2)) as agent:
            await agent.say()
            assert await asyncio.to_thread(seen.wait, 10)
        server.shutdown()
    assert told[0] == ("/api/task/task-protection/v1/state", "application/json", {"ProtectionEnabled": True, "ExpiresInMinutes": 5})
