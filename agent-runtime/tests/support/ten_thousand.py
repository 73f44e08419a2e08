"""`python -m tests.support.ten_thousand STORE`: ten thousand interleaved requests of fifty users, in a process of their own.

STORE is `memory`, or a variable's name that holds a Redis URL. Prints as JSON what went wrong, and what memory did.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import re
import sys
from collections.abc import AsyncIterable
from typing import Any

import psutil
from strands.types.streaming import StreamEvent

from agent_runtime.model.fake import FakeModel
from tests.support import markers
from tests.support.apps import TestApp, settings, started

USERS = 50
REQUESTS = 10_000
TURNS = REQUESTS // USERS
# By then every session's window is full, and the allocator has settled.
WARM_UP_TURNS = 40


class WatchfulModel(FakeModel):
    """Looks at every history it is shown: who speaks in it, and whether turns follow one another."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.strangers: list[list[str]] = []
        self.gaps: list[list[int]] = []

    def stream(self, messages: Any, *arguments: Any, **options: Any) -> AsyncIterable[StreamEvent]:
        self.calls += 1
        texts = [block["text"] for message in messages for block in message["content"]]
        owners = sorted({owner for text in texts for owner in re.findall(r"owner=(\w+)", text)})
        if len(owners) != 1:
            self.strangers.append(owners)
        turns = [int(turn) for message in messages if message["role"] == "user" for turn in re.findall(r"turn=(\d+)", str(message))]
        if turns != list(range(turns[0], turns[0] + len(turns))):
            self.gaps.append(turns)
        return super().stream(messages, *arguments, **options)


async def converse(agent: TestApp, number: int, first: int, last: int) -> None:
    """One user's part: waits now and then, so that the sessions interleave in ever new ways. Two users share each session id."""
    pace = random.Random(number + first)  # noqa: S311
    for turn in range(first, last):
        message = f"owner=u{number} turn={turn} {markers.MESSAGE}"
        response = await agent.say(message, session=f"shared-{number // 2}", X_User_Id=f"u{number}")
        if response.status_code != 200 or message not in response.json()["reply"]:
            raise RuntimeError(response.text)
        for _ in range(pace.randrange(3)):
            await asyncio.sleep(0)


async def everyone(agent: TestApp, first: int, last: int) -> None:
    """In portions, after each of which the run's own record of logs and metrics is dropped."""
    for begin in range(first, last, 20):
        await asyncio.gather(*(converse(agent, number, begin, min(begin + 20, last)) for number in range(USERS)))
        agent.metrics.lines.clear()
        agent.logs.lines.clear()


def resident() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


async def run(redis_url: str | None) -> dict[str, Any]:
    model = WatchfulModel()
    chosen = settings(user_header="X-User-Id", slots=64, session_window=6, fleet="isolated", redis_url=redis_url)
    async with started(chosen, model=model) as agent:
        await everyone(agent, 0, WARM_UP_TURNS)
        before, objects = resident(), len(gc.get_objects())
        await everyone(agent, WARM_UP_TURNS, TURNS)
        after, objects = resident(), len(gc.get_objects()) - objects
        stats = (await agent.client.get("/stats")).json()
    seen = {"calls": model.calls, "strangers": model.strangers, "gaps": model.gaps}
    memory = {"before": before, "after": after, "objects": objects}
    return {**seen, **memory, "invocations": stats["invocations"], "errors": stats["errors"], "sessions": stats["active_sessions"]}


if __name__ == "__main__":
    store = sys.argv[1]
    sys.stdout.write(json.dumps(asyncio.run(run(None if store == "memory" else os.environ[store]))) + "\n")
