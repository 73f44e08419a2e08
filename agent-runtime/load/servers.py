"""The processes of a load test: the stub, and an app on a share of a CPU."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from load.quota import QuotaUnavailableError, cpu_quota

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 120.0


@dataclass
class Server:
    """A process that serves on a loopback address, and how long it took to do so."""

    url: str
    process: subprocess.Popen[str]
    start_seconds: float = 0.0

    def memory(self) -> int:
        """Resident bytes now."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def cpu_seconds(self) -> float:
        """CPU time so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)


@contextlib.contextmanager
def running_stub(latency: float) -> Iterator[Server]:
    """A stub whose answers take `latency` seconds in all: half before the first word, half between the words."""
    text = "Small steps count: walk ten minutes today."
    options = ["--latency", str(latency / 2), "--token-delay", str(latency / 2 / len(text.split())), "--text", text]
    command = [sys.executable, "-m", "bedrock_stub", "--port", "0", *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Server(json.loads(process.stdout.readline())["url"], process)
    finally:
        _end(process)


@contextlib.contextmanager
def running_app(command: list[str], values: dict[str, str], share: float | None, directory: Path = ROOT) -> Iterator[Server]:
    """An app on a free port, held to `share` of one CPU; None, or a machine that cannot, holds it to one core."""
    port = _free_port()
    environment = {**os.environ, "PORT": str(port), "AGENT_PORT": str(port), "AGENT_HOST": "127.0.0.1", **values}
    with contextlib.ExitStack() as stack:
        prefix = ["taskset", "-c", "0"]
        if share is not None:
            processes = stack.enter_context(cpu_quota(share))
            prefix = ["sh", "-c", f'echo $$ > {processes}; exec "$@"', "sh"]
        began = time.monotonic()
        process = subprocess.Popen([*prefix, *command], cwd=directory, env=environment, stdout=subprocess.DEVNULL, text=True)
        stack.callback(_end, process)
        server = Server(f"http://127.0.0.1:{port}", process)
        _wait_for(server)
        server.start_seconds = time.monotonic() - began
        yield server


def quota_available() -> bool:
    """Whether this machine can hold a process to a share of a CPU."""
    with contextlib.suppress(QuotaUnavailableError), cpu_quota(1.0):
        return True
    return False


def _wait_for(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            with urllib.request.urlopen(server.url + "/health", timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the app did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
