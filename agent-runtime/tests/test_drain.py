"""The end of a task: what was accepted is answered, and the process exits with 0 in time."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass

import httpx
import pytest

from bedrock_stub.calls import CallState
from bedrock_stub.scenario import Scenario
from bedrock_stub.server import BedrockStub
from tests.support import markers
from tests.support.apps import events
from tests.support.processes import AppProcess, running

pytestmark = pytest.mark.anyio

DRAIN = 10.0
# What the process may take beside the drain: grace, flush, and a busy machine.
MARGIN = 8.0


@dataclass
class Tally:
    """What became of the requests of one caller; `refused` could not even connect."""

    answered: int = 0
    refused: int = 0
    lost: list[str] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.lost = []


async def keep_asking(app: AppProcess, accept: str, tally: Tally) -> None:
    """Ask on a new connection each time, until no connection is accepted any more."""
    while True:
        try:
            async with httpx.AsyncClient(base_url=app.url, timeout=30) as client:
                response = await client.post("/coach", json={"message": f"hello {markers.MESSAGE}"}, headers={"Accept": accept})
        except httpx.ConnectError:
            tally.refused += 1
            return
        except httpx.HTTPError as error:
            tally.lost.append(repr(error))
            return
        whole = response.status_code == 200 and (accept == "application/json" or events(response.text)[-1][0] == "done")
        if whole:
            tally.answered += 1
        else:
            tally.lost.append(f"{response.status_code} {response.text[-300:]}")


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_sigterm_under_load_loses_no_accepted_request(accept: str) -> None:
    async with BedrockStub(Scenario(text="a b c d", token_delay=0.15)) as stub:
        with running(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=stub.url, AGENT_DRAIN=str(DRAIN), AGENT_SLOTS="16", AGENT_QUEUE="64") as app:
            tally = Tally()
            callers = [asyncio.create_task(keep_asking(app, accept, tally)) for _ in range(24)]
            await stub.script.until(lambda calls: len(calls) > 40, 60)
            app.terminate()
            began = time.monotonic()
            await asyncio.gather(*callers)
            code = await asyncio.to_thread(app.wait, DRAIN + MARGIN)
            took = time.monotonic() - began
            calls = list(stub.script.calls)
    assert tally.lost == []
    assert tally.refused == 24
    assert code == 0
    assert took < DRAIN
    assert {call.state for call in calls} == {CallState.COMPLETED}
    assert tally.answered == len(calls)


async def test_requests_on_a_connection_that_is_kept_open_are_not_lost() -> None:
    async with BedrockStub(Scenario(text="a b c d", token_delay=0.1)) as stub:
        with running(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=stub.url, AGENT_DRAIN=str(DRAIN)) as app:
            async with httpx.AsyncClient(base_url=app.url, timeout=30) as client:
                first = await client.post("/coach", json={"message": "one"})
                asking = asyncio.create_task(client.post("/coach", json={"message": "two"}))
                await stub.script.until(lambda calls: len(calls) == 2 and calls[1].pieces_sent > 0, 30)
                app.terminate()
                second = await asking
            code = await asyncio.to_thread(app.wait, DRAIN + MARGIN)
    assert (first.status_code, second.status_code, code) == (200, 200, 0)
    assert second.headers["connection"] == "close"


REQUEST = b'POST /coach HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{"message": "hi"}'


async def answer_on(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> bytes:
    """The status line of the answer to a request on an open connection; empty if the connection ends without one."""
    reader, writer = connection
    writer.write(REQUEST)
    line = await asyncio.wait_for(reader.readline(), 20)
    writer.close()
    return line


async def test_a_connection_that_was_accepted_may_still_send_its_first_request() -> None:
    with running(AGENT_MODEL="fake", AGENT_DRAIN=str(DRAIN), AGENT_DRAIN_GRACE="0.1") as app:
        connection = await asyncio.open_connection("127.0.0.1", app.port)
        app.terminate()
        while not await refuses(app):
            await asyncio.sleep(0.02)
        status = await answer_on(connection)
        code = await asyncio.to_thread(app.wait, DRAIN + MARGIN)
    assert (status, code) == (b"HTTP/1.1 200 OK\r\n", 0)


async def refuses(app: AppProcess) -> bool:
    """Whether the socket is closed; an attempt that goes unanswered is not."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", app.port), 0.1)
    except TimeoutError:
        return False
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def test_a_connection_that_the_kernel_accepted_while_the_process_was_held_up_is_answered() -> None:
    with running(AGENT_MODEL="fake", AGENT_DRAIN=str(DRAIN)) as app:
        app.process.send_signal(signal.SIGSTOP)
        answering = asyncio.create_task(answer_on(await asyncio.open_connection("127.0.0.1", app.port)))
        app.terminate()
        app.process.send_signal(signal.SIGCONT)
        status = await answering
        code = await asyncio.to_thread(app.wait, DRAIN + MARGIN)
    assert (status, code) == (b"HTTP/1.1 200 OK\r\n", 0)


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("fault", [Scenario(hang=True), Scenario(text="a b c d", stall_after=2)], ids=["hanging", "stalled"])
async def test_a_stalled_model_delays_the_exit_no_longer_than_the_drain_and_is_answered(fault: Scenario, accept: str) -> None:
    async with BedrockStub(fault) as stub:
        with running(
            AWS_ENDPOINT_URL_BEDROCK_RUNTIME=stub.url, AGENT_DRAIN="1", AGENT_MODEL_READ_TIMEOUT="300", AGENT_REQUEST_TIMEOUT="300"
        ) as app:
            async with httpx.AsyncClient(base_url=app.url, timeout=60) as client:
                asking = asyncio.create_task(client.post("/coach", json={"message": "hello"}, headers={"Accept": accept}))
                await stub.script.until(lambda calls: bool(calls) and calls[0].pieces_sent >= (fault.stall_after or 0), 30)
                began = time.monotonic()
                app.terminate()
                response = await asking
                code = await asyncio.to_thread(app.wait, 1 + MARGIN)
                took = time.monotonic() - began
            calls = await stub.script.until(lambda calls: calls[0].state is not CallState.RUNNING, 5)
    assert code == 0
    assert took < 1 + MARGIN
    assert calls[0].state is CallState.CLIENT_LEFT
    if response.status_code == 200:
        name, problem = events(response.text)[-1]
        assert name == "error"
    else:
        problem = response.json()
        assert response.headers["retry-after"] == "1"
    assert (problem["status"], problem["type"].rsplit(":", 1)[1]) == (503, "shutting-down")


async def test_an_idle_task_exits_at_once_even_with_open_connections() -> None:
    with running(AGENT_MODEL="fake", AGENT_DRAIN=str(DRAIN)) as app:
        async with httpx.AsyncClient(base_url=app.url) as client:
            await client.get("/health")
            began = time.monotonic()
            app.terminate()
            code = await asyncio.to_thread(app.wait, DRAIN + MARGIN)
    assert code == 0
    assert time.monotonic() - began < DRAIN


async def test_health_holds_on_open_connections_while_the_task_drains() -> None:
    async with BedrockStub(Scenario(text="a b c d", token_delay=0.4)) as stub:
        with running(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=stub.url, AGENT_DRAIN=str(DRAIN), AGENT_DRAIN_GRACE="1.0") as app:
            async with httpx.AsyncClient(base_url=app.url, timeout=30) as client:
                await asyncio.gather(*(client.get("/health") for _ in range(3)))
                asking = asyncio.create_task(client.post("/coach", json={"message": "hello"}))
                await stub.script.until(bool, 30)
                app.terminate()
                while not any(line.get("event") == "draining" for line in app.json()):
                    await asyncio.sleep(0.01)
                health = await client.get("/health")
                stats = await client.get("/stats")
                answer = await asking
            code = await asyncio.to_thread(app.wait, DRAIN + MARGIN)
    assert (health.status_code, answer.status_code, code) == (200, 200, 0)
    assert stats.json()["draining"] is True
