"""A client that goes away stops the model's answer. The app is a process of its own, its Bedrock the stub."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from bedrock_stub.calls import Call, CallState
from bedrock_stub.scenario import Scenario
from bedrock_stub.server import BedrockStub
from tests.support import markers
from tests.support.processes import AppProcess, running

pytestmark = pytest.mark.anyio

# What the acceptance asks for: the stub sees the end within two seconds of the client's leaving.
STOPPED_WITHIN = 2.0
LONG_TEXT = "word " * 2000
SLOW = Scenario(text=LONG_TEXT, token_delay=0.1)
STALLED = Scenario(text=LONG_TEXT, stall_after=2)
HANGING = Scenario(hang=True)


async def leave_after(app: AppProcess, seen: asyncio.Event, accept: str, session: str) -> None:
    """Ask, and hang up as soon as `seen` is set."""
    headers = {"Accept": accept, "X-Session-Id": session}
    async with httpx.AsyncClient(base_url=app.url, timeout=60) as client:
        asking = asyncio.create_task(client.post("/coach", json={"message": markers.MESSAGE}, headers=headers))
        await seen.wait()
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking


def ended(calls: list[Call]) -> bool:
    return bool(calls) and calls[-1].state is not CallState.RUNNING


async def until_idle(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(10):
        while (await client.get("/stats")).json()["in_flight"]:
            await asyncio.sleep(0.02)


async def ending_of(app: AppProcess, session: str) -> tuple[int, str]:
    """How the session's first request ended, by the app's log; the line may still be on its way to us."""
    async with asyncio.timeout(10):
        while True:
            for line in app.json():
                if line.get("session_id") == session and line.get("event") == "invocation ended":
                    return line["status"], line["problem"]
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[tuple[AppProcess, BedrockStub]]:
    """One app and its stub for all the ways of leaving."""
    async with BedrockStub() as stub:
        with running(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=stub.url) as app:
            yield app, stub


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
@pytest.mark.parametrize(("fault", "pieces"), [(SLOW, 3), (STALLED, 2), (HANGING, 0)], ids=["slow", "stalled", "hanging"])
async def test_a_client_that_goes_away_stops_the_models_answer(
    served: tuple[AppProcess, BedrockStub], fault: Scenario, pieces: int, accept: str
) -> None:
    app, stub = served
    stub.script.clear()
    stub.script.play([fault])
    session = f"left-{pieces}-{accept[:4]}"
    seen = asyncio.Event()
    leaving = asyncio.create_task(leave_after(app, seen, accept, session))
    await stub.script.until(lambda calls: bool(calls) and calls[-1].pieces_sent >= pieces, 30)
    # By then the last piece has arrived, and a stalled model is silent.
    await asyncio.sleep(0.3)
    seen.set()
    calls = await stub.script.until(ended, STOPPED_WITHIN)
    await leaving
    async with httpx.AsyncClient(base_url=app.url, timeout=30) as client:
        await until_idle(client)
        after = await client.post("/coach", json={"message": "again"}, headers={"X-Session-Id": session})
        stats = (await client.get("/stats")).json()
    assert [call.state for call in calls] == [CallState.CLIENT_LEFT]
    assert after.status_code == 200
    assert after.json()["reply"].startswith("(turn 1)")
    assert (stats["errors"], stats["in_flight"], stats["circuit"]) == (0, 0, "closed")
    assert await ending_of(app, session) == (499, "client-gone")


async def test_many_clients_that_leave_free_every_slot_and_disturb_nobody() -> None:
    """Connections go back to a pool: ending one request must never end another that took over its connection."""
    async with BedrockStub(Scenario(text=LONG_TEXT[:300], token_delay=0.01)) as stub:
        with running(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=stub.url, AGENT_SLOTS="8", AGENT_QUEUE="200") as app:
            async with httpx.AsyncClient(base_url=app.url, timeout=60, limits=httpx.Limits(max_connections=100)) as client:
                leavers = [asyncio.create_task(_leave(app.url, 0.05 + 0.02 * (number % 40))) for number in range(80)]
                stayers = await asyncio.gather(*(_stay(client, number) for number in range(8)))
                await asyncio.gather(*leavers)
                last = await asyncio.gather(*(client.post("/coach", json={"message": "hi"}) for _ in range(8)))
                stats = (await client.get("/stats")).json()
    assert all(statuses == [200] * 5 for statuses in stayers), stayers
    assert [each.status_code for each in last] == [200] * 8
    assert (stats["errors"], stats["in_flight"], stats["queued"]) == (0, 0, 0)


async def _stay(client: httpx.AsyncClient, number: int) -> list[int]:
    return [(await client.post("/coach", json={"message": "hi"}, headers={"X-Session-Id": f"stay-{number}"})).status_code for _ in range(5)]


async def _leave(url: str, after: float) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        with contextlib.suppress(httpx.TimeoutException):
            await client.post("/coach", json={"message": "bye"}, timeout=after)
