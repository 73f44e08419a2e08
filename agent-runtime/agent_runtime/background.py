"""What runs beside the requests."""

from __future__ import annotations

import asyncio

from agent_runtime.telemetry.recorder import Recorder


async def heartbeat(recorder: Recorder, interval: float) -> None:
    """Write the gauges every `interval` seconds, until cancelled."""
    while True:
        recorder.heartbeat()
        await asyncio.sleep(interval)
