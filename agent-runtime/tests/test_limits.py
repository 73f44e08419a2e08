"""Rate limit, slots and queue, as callers and as units."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime.model.fake import FakeModel
from agent_runtime.slots import QueueFullError, QueueTimeoutError, Slots
from tests.support.apps import settings, started

pytestmark = pytest.mark.anyio


async def test_a_user_who_asks_too_often_is_told_when_to_come_back_and_others_are_not_held_up() -> None:
    async with started(settings(user_header="X-User-Id", rate_limit="3/hour")) as agent:
        answers = [await agent.say(session=f"s{n}", X_User_Id="busy") for n in range(4)]
        other = await agent.say(session="s9", X_User_Id="calm")
        stats = (await agent.client.get("/stats")).json()
        rejected = [line for line in agent.metrics.json() if line.get("Rejected") == 1]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[3].headers["retry-after"]) == answers[3].json()["retry_after"] <= 3600
    assert other.status_code == 200
    assert stats["rejected"] == len(rejected) == 1
    assert rejected[0]["user_id"] == "busy"
    assert "Invocations" not in rejected[0]


async def test_callers_without_a_name_are_not_limited_together() -> None:
    async with started(settings(rate_limit="1/hour")) as agent:
        answers = [await agent.say(session=f"s{n}") for n in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]


async def test_the_rate_limit_holds_across_tasks_that_share_redis(redis_url: str) -> None:
    chosen = settings(user_header="X-User-Id", rate_limit="2/hour", redis_url=redis_url, fleet="rate")
    async with started(chosen) as first, started(chosen) as second:
        answers = [await agent.say(session=f"s{n}", X_User_Id="roaming") for n, agent in enumerate((first, second, first))]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


async def test_more_requests_than_slots_wait_and_more_than_the_queue_are_refused() -> None:
    async with started(settings(slots=2, queue=3), model=FakeModel(delay=0.5)) as agent:
        answers = await asyncio.gather(*(agent.say(session=f"s{n}") for n in range(8)))
        stats = (await agent.client.get("/stats")).json()
    statuses = sorted(answer.status_code for answer in answers)
    refused = [answer for answer in answers if answer.status_code == 503]
    assert statuses == [200] * 5 + [503] * 3
    assert all(answer.json()["type"].endswith("queue-full") and answer.headers["retry-after"] for answer in refused)
    assert (stats["invocations"], stats["rejected"], stats["in_flight"], stats["queued"]) == (5, 3, 0, 0)


async def test_a_request_does_not_wait_for_a_slot_for_ever() -> None:
    async with started(settings(slots=1, queue_timeout=0.1), model=FakeModel(delay=1.5)) as agent:
        first, second = await asyncio.gather(agent.say(session="s1"), agent.say(session="s2"))
    assert first.status_code == 200
    assert (second.status_code, second.json()["type"].rsplit(":", 1)[1]) == (503, "queue-timeout")


async def test_a_second_request_of_a_session_is_a_409_and_does_not_harm_the_first() -> None:
    async with started(model=FakeModel(delay=0.5)) as agent:
        first, second = await asyncio.gather(agent.say("one", session="same"), agent.say("two", session="same"))
        third = await agent.say("three", session="same")
    assert {first.status_code, second.status_code} == {200, 409}
    assert third.json()["reply"] == "(turn 2) You said: three"


async def test_health_answers_while_every_slot_is_taken() -> None:
    async with started(settings(slots=1, queue=1), model=FakeModel(delay=1.0)) as agent:
        busy = asyncio.gather(*(agent.say(session=f"s{n}") for n in range(3)))
        await asyncio.sleep(0.1)
        health = await agent.client.get("/health")
        ping = await agent.client.get("/ping")
        still_busy = not busy.done()
        await busy
    assert still_busy
    assert health.status_code == 200
    assert ping.json()["status"] == "HealthyBusy"


async def test_slots_are_given_in_the_order_of_asking() -> None:
    slots = Slots(1, 10)
    await slots.acquire(1)
    order: list[int] = []

    async def ask(number: int) -> None:
        await slots.acquire(5)
        order.append(number)
        slots.release()

    tasks = []
    for number in range(5):
        tasks.append(asyncio.create_task(ask(number)))
        await asyncio.sleep(0)
    slots.release()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]


@given(
    plan=st.lists(st.tuples(st.floats(0, 0.003), st.floats(0.0005, 0.003), st.booleans()), max_size=25),
    limit=st.integers(1, 3),
    queue=st.integers(0, 5),
)
def test_whatever_gives_up_no_slot_is_lost_and_no_more_run_than_may(plan: list[tuple[float, float, bool]], limit: int, queue: int) -> None:
    async def scenario() -> None:
        slots = Slots(limit, queue)
        running = most = 0

        async def ask(hold: float, patience: float) -> None:
            nonlocal running, most
            try:
                await slots.acquire(patience)
            except (QueueFullError, QueueTimeoutError):
                return
            running += 1
            most = max(most, running)
            try:
                await asyncio.sleep(hold)
            finally:
                running -= 1
                slots.release()

        tasks = []
        for hold, patience, give_up in plan:
            task = asyncio.create_task(ask(hold, patience))
            tasks.append(task)
            await asyncio.sleep(0)
            if give_up:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert most <= limit
        assert slots.waiting == 0
        for _ in range(limit):
            await slots.acquire(0.01)

    asyncio.run(scenario())
