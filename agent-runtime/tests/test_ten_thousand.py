"""Ten thousand interleaved requests of fifty users: nobody sees anyone else's history, and nothing stays in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support.processes import ROOT
from tests.support.ten_thousand import REQUESTS, USERS, WARM_UP_TURNS, WatchfulModel

# A leak of each request's messages, with what the SDK keeps beside them, would be several times as much.
ALLOWED_BYTES = 10_000_000

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def runs() -> dict[str, dict[str, Any]]:
    """What each store's run came to: the tests below share it, for a run takes a while."""
    return {}


@pytest.fixture
def run(store_kind: str, runs: dict[str, dict[str, Any]], request: pytest.FixtureRequest) -> dict[str, Any]:
    if store_kind not in runs:
        url = request.getfixturevalue("redis_url") if store_kind == "redis" else ""
        command = [sys.executable, "-m", "tests.support.ten_thousand", "STORE_URL" if url else "memory"]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, "STORE_URL": url}, stdout=subprocess.PIPE, text=True, check=True)
        runs[store_kind] = json.loads(done.stdout)
    return runs[store_kind]


def test_nobody_sees_anothers_history(run: dict[str, Any]) -> None:
    assert (run["invocations"], run["calls"], run["errors"], run["sessions"]) == (REQUESTS, REQUESTS, 0, USERS)
    assert run["strangers"] == []
    assert run["gaps"] == []


def test_memory_does_not_grow_with_the_number_of_requests(run: dict[str, Any], store_kind: str, report: list[str]) -> None:
    grown = run["after"] - run["before"]
    warm_up = USERS * WARM_UP_TURNS
    report.append(f"memory, {store_kind}: {run['before'] / 1e6:.1f} MB after {warm_up} requests, {grown / 1e6:+.1f} MB after {REQUESTS}")
    assert grown < ALLOWED_BYTES
    # Not one object that the collector knows may remain of each request.
    assert run["objects"] < (REQUESTS - warm_up) // 2


def test_the_watchful_model_notices_a_stranger() -> None:
    """The test above can fail: a history of two people is noticed."""
    model = WatchfulModel()
    texts = ("owner=u1 turn=0", "owner=u2 turn=5")
    model.stream([{"role": "user", "content": [{"text": text}]} for text in texts])
    assert model.strangers == [["u1", "u2"]]
    assert model.gaps == [[0, 5]]
