"""Sessions in memory and in a real Redis."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strands.types.streaming import StreamEvent

from agent_runtime.model.fake import FakeModel
from agent_runtime.sessions.memory import MemorySessionStore
from agent_runtime.sessions.redis import RedisSessionStore, connect
from agent_runtime.sessions.store import SessionBusyError, SessionStore, SessionStoreError, session_key
from tests.support import markers
from tests.support.apps import settings, started

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def opened(kind: str, request: pytest.FixtureRequest, **options: Any) -> AsyncIterator[SessionStore]:
    if kind == "memory":
        yield MemorySessionStore(3600, 10_000, 1 << 26)
        return
    store = RedisSessionStore(connect(request.getfixturevalue("redis_url"), 5.0), 3600, options.get("lease_seconds", 60.0))
    yield store
    await store.close()


async def test_a_session_is_kept_and_only_one_request_holds_it(store_kind: str, request: pytest.FixtureRequest) -> None:
    async with opened(store_kind, request) as store:
        lease = await store.acquire("one")
        assert await lease.load() is None
        with pytest.raises(SessionBusyError):
            await store.acquire("one")
        other = await store.acquire("two")
        await lease.save(b"first")
        await lease.release()
        again = await store.acquire("one")
        assert await again.load() == b"first"
        assert await other.load() is None


async def test_a_lease_that_ran_out_neither_saves_nor_frees_what_another_holds(redis_url: str) -> None:
    client = connect(redis_url, 5.0)
    store = RedisSessionStore(client, 3600, lease_seconds=0.05)
    late = await store.acquire("leased")
    while await client.exists("session:{leased}:lock"):
        await asyncio.sleep(0.01)
    holder = await RedisSessionStore(client, 3600, lease_seconds=60).acquire("leased")
    await holder.save(b"newer")
    await late.save(b"older")
    await late.release()
    assert await holder.load() == b"newer"
    with pytest.raises(SessionBusyError):
        await store.acquire("leased")
    await store.close()


async def test_a_redis_that_is_away_is_a_503_and_the_task_stays_ready() -> None:
    with pytest.raises(SessionStoreError):
        await RedisSessionStore(connect("redis://127.0.0.1:1/0", 0.5), 60, 60).acquire("x")
    url = f"redis://:{markers.REDIS_PASSWORD}@127.0.0.1:1/0"
    async with started(settings(redis_url=url, redis_timeout=0.5, user_header="X-User-Id", rate_limit="100/minute")) as agent:
        response = await agent.say(X_User_Id="someone")
        ready = await agent.client.get("/ready")
        assert not markers.leaks("".join(agent.logs.lines) + response.text)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert response.json()["type"].endswith("sessions-unavailable")
    assert ready.status_code == 200


async def test_a_conversation_goes_on_in_another_task_and_in_a_new_revision(redis_url: str) -> None:
    async with started(settings(redis_url=redis_url, fleet="moving")) as old:
        await old.say("first", session="moved")
    async with started(settings(redis_url=redis_url, fleet="moving", revision="fedcba987654")) as new:
        answer = (await new.say("second", session="moved")).json()
    assert (answer["reply"], answer["revision"]) == ("(turn 2) You said: second", "fedcba987654")


async def test_a_session_that_cannot_be_read_begins_anew() -> None:
    store = MemorySessionStore(3600, 100, 1 << 20)
    store.save(session_key("prod", "test-agent", "", "broken"), b'{"scope": "agent", "schema_version": "0.1"}')
    async with started(sessions=store) as agent:
        response = await agent.say("hello", session="broken")
    assert response.json()["reply"] == "(turn 1) You said: hello"


class SlowWhenAsked(FakeModel):
    """Takes half a minute for a message that says "slow"."""

    def stream(self, messages: Any, *arguments: Any, **options: Any) -> AsyncIterable[StreamEvent]:
        self._delay = 30.0 if "slow" in str(messages[-1]) else 0.0
        return super().stream(messages, *arguments, **options)


async def test_a_failed_turn_leaves_the_conversation_as_it_was() -> None:
    async with started(settings(request_timeout=0.5), model=SlowWhenAsked()) as agent:
        await agent.say("one", session="s")
        failed = await agent.say("slow", session="s")
        third = await agent.say("two", session="s")
    assert failed.status_code == 504
    assert third.json()["reply"] == "(turn 2) You said: two"


async def test_an_answer_that_was_saved_is_also_given() -> None:
    """The time limit ends with the save: a turn that is in the history is never answered with 504."""
    async with started(settings(request_timeout=1e-9)) as agent:
        answers = [await agent.say(f"turn {number}", session="s") for number in range(5)]
    kept = [answer for answer in answers if answer.status_code == 200]
    replies = [answer.json()["reply"].split()[1] for answer in kept]
    assert replies == [f"{number})" for number in range(1, len(kept) + 1)]


async def test_memory_forgets_what_is_old_and_never_grows_beyond_its_bounds() -> None:
    now = 0.0
    store = MemorySessionStore(ttl=10, max_sessions=3, max_bytes=100, clock=lambda: now)
    for name in "abcd":
        store.save(name, b"x")
    assert [name for name in "abcd" if store.load(name)] == ["b", "c", "d"]
    store.save("big", b"x" * 99)
    assert len(store) == 2
    now = 11.0
    assert store.load("big") is None


@given(
    st.lists(
        st.tuples(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5), st.text(max_size=5)), min_size=2, max_size=2, unique=True
    )
)
def test_different_users_agents_or_sessions_never_share_a_key(parts: list[tuple[str, str, str, str]]) -> None:
    assert session_key(*parts[0]) != session_key(*parts[1])
