"""The Bedrock stub beside an app in the test's process: boto3 reaches it over loopback."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agent_runtime.definition import AgentDefinition
from bedrock_stub.scenario import Scenario
from bedrock_stub.server import BedrockStub
from tests.support.apps import DEFINITION, TestApp, settings, started

MODEL = "anthropic.claude-3-5-sonnet-20241022-v2:0"
FAST_RETRIES = {"model_retry_delay": 0.01, "model_retry_delay_max": 0.02}


@contextlib.asynccontextmanager
async def stubbed(
    monkeypatch: pytest.MonkeyPatch,
    *script: Scenario,
    default: Scenario | None = None,
    definition: AgentDefinition = DEFINITION,
    **values: Any,
) -> AsyncIterator[tuple[TestApp, BedrockStub]]:
    """An app whose Bedrock is a stub that plays `script`, then `default`."""
    async with BedrockStub(default) as stub:
        stub.script.play(script)
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", stub.url)
        chosen = settings(**{"model": MODEL, **FAST_RETRIES, **values})
        async with started(chosen, definition=definition) as agent:
            yield agent, stub
