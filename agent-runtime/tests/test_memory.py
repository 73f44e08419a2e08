"""Memory over ten thousand requests: what is served must not stay."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.processes import ROOT

REQUESTS = 10_000
# By then the session store is full, and the allocator has settled.
WARM_UP = 2_000
# A leak of each request's messages, with what the SDK keeps beside them, would be several times as much.
ALLOWED_BYTES = 10_000_000


@pytest.mark.timeout(300)
def test_memory_does_not_grow_with_the_number_of_requests(report: list[str]) -> None:
    """Each request has a session of its own; a process of its own keeps other tests' memory out of the measurement."""
    command = [sys.executable, "-m", "tests.support.memory_run", str(WARM_UP), str(REQUESTS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    grown = found["after"] - found["before"]
    report.append(f"memory: {found['before'] / 1e6:.1f} MB after {WARM_UP} requests, {grown / 1e6:+.1f} MB after {REQUESTS}")
    assert (found["invocations"], found["errors"]) == (REQUESTS, 0)
    assert grown < ALLOWED_BYTES
    # Not one object that the collector knows may remain of each request.
    assert found["objects"] < (REQUESTS - WARM_UP) // 2
