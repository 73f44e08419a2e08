"""`python -m load`: 100 users against the runtime, and against the same agent as the SDK's documentation shows it."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from dataclasses import dataclass

from load import cold_start
from load.servers import quota_available, running_app, running_stub
from load.users import Measurement, measure

MODEL = {"AWS_ACCESS_KEY_ID": "stub", "AWS_SECRET_ACCESS_KEY": "stub", "AWS_REGION": "us-east-1"}


@dataclass(frozen=True)
class Contestant:
    """An app under load: its command and settings, and how long it is measured."""

    name: str
    command: list[str]
    values: dict[str, str]
    share: float
    seconds: float


def contestants(seconds: float) -> list[Contestant]:
    runtime = [sys.executable, "-m", "agent_runtime", "test_agent"]
    documented = [sys.executable, "-m", "load.documented"]
    # 32 slots for each quarter of a vCPU, as the runtime's default has it.
    # Where 100 users take turns at a handful of threads, one answer takes long: measure long enough to see a hundred of them.
    return [
        Contestant("runtime, 1 CPU", runtime, {"AGENT_SLOTS": "128", "AGENT_QUEUE": "256", "AGENT_RATE_LIMIT": ""}, 1.0, seconds),
        Contestant("documented style, 1 CPU", documented, {}, 1.0, max(seconds, 40.0)),
        Contestant("runtime, 0.25 CPU, defaults", runtime, {"AGENT_QUEUE_TIMEOUT": "30"}, 0.25, seconds),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m load", description=__doc__)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each measurement")
    parser.add_argument("--latency", type=float, default=1.0, help="seconds of one answer of the stub")
    parser.add_argument("--only", default="", metavar="TEXT", help="run only contestants whose name holds this")
    parser.add_argument("--no-cold-start", action="store_true")
    options = parser.parse_args()
    quota = quota_available()
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}; apps held to their CPUs by", end=" ")
    print("a kernel quota" if quota else "affinity to one core: shares below 1 are not run")
    print(f"{options.users} users, answers of {options.latency:g} s, {options.seconds:g} s each after a warm-up\n")
    print(
        f"{'':30}{'answers/s':>10}{'p50 s':>8}{'p95 s':>8}{'p99 s':>8}{'errors':>8}{'refused':>9}{'peak MB':>9}{'CPU':>6}{'health s':>10}"
    )
    rates = {}
    for contestant in contestants(options.seconds):
        if options.only in contestant.name and (quota or contestant.share == 1.0):
            rates[contestant.name] = run(contestant, options.users, options.latency, contestant.share if quota else None).rate
    if not options.only:
        runtime, documented, *_ = rates.values()
        print(f"\nruntime to documented style: {runtime / documented:.1f} times the answers")
    if quota and not options.no_cold_start:
        for kind, seconds in cold_start.measure(0.25).items():
            print(f"start on 0.25 CPU {kind}: {seconds:.1f} s")
    return 0


def run(contestant: Contestant, users: int, latency: float, share: float | None) -> Measurement:
    with running_stub(latency) as stub:
        values = {**MODEL, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": stub.url, "AGENT_DRAIN": "2", "AGENT_LOG_LEVEL": "INFO", **contestant.values}
        with running_app(contestant.command, values, share) as server:
            idle, cpu = server.memory(), server.cpu_seconds()
            found, peak = asyncio.run(_with_peak(server.url, users, contestant.seconds, server.memory))
            used = (server.cpu_seconds() - cpu) / (contestant.seconds + 3)
    print(
        f"{contestant.name:30}{found.rate:10.1f}{found.latency(0.5):8.2f}{found.latency(0.95):8.2f}{found.latency(0.99):8.2f}"
        f"{sum(found.errors.values()):8}{found.refused:9}{f'{idle / 1e6:.0f}-{peak / 1e6:.0f}':>9}{used:6.2f}{found.slowest_health():10.2f}"
    )
    for problem, count in found.errors.items():
        print(f"{'':30}{count} times {problem}")
    return found


async def _with_peak(url: str, users: int, seconds: float, memory: object) -> tuple[Measurement, int]:
    assert callable(memory)
    peak = 0

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, memory())
            await asyncio.sleep(0.5)

    watching = asyncio.create_task(watch())
    found = await measure(url, users, seconds)
    watching.cancel()
    return found, peak


if __name__ == "__main__":
    sys.exit(main())
