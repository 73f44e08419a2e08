"""`python -m tests.support.memory_run WARM_UP REQUESTS`: serve them in a process of their own, and print what memory did as JSON."""

from __future__ import annotations

import asyncio
import gc
import json
import sys

import psutil

from tests.support.apps import TestApp, settings, started


def resident() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


async def serve(agent: TestApp, first: int, last: int) -> None:
    """In portions, after each of which the test's own record of logs and metrics is dropped."""
    for begin in range(first, last, 500):
        await _portion(agent, begin, min(begin + 500, last))


async def _portion(agent: TestApp, first: int, last: int) -> None:
    async def caller(offset: int) -> None:
        for number in range(first + offset, last, 10):
            response = await agent.say(f"message {number} " + "x" * 200, session=f"session-{number}")
            if response.status_code != 200:
                raise RuntimeError(response.text)

    await asyncio.gather(*(caller(offset) for offset in range(10)))
    agent.metrics.lines.clear()
    agent.logs.lines.clear()


async def run(warm_up: int, requests: int) -> dict[str, int]:
    async with started(settings(session_max=500, log_level="WARNING")) as agent:
        await serve(agent, 0, warm_up)
        before, objects = resident(), len(gc.get_objects())
        await serve(agent, warm_up, requests)
        after, objects = resident(), len(gc.get_objects()) - objects
        stats = (await agent.client.get("/stats")).json()
    return {"before": before, "after": after, "objects": objects, "invocations": stats["invocations"], "errors": stats["errors"]}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(run(int(sys.argv[1]), int(sys.argv[2])))) + "\n")
