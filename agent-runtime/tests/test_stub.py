"""The stub from the command line, and as a client of Bedrock meets it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from bedrock_stub.scenario import ERRORS, STREAM_ERRORS, Scenario
from bedrock_stub.server import BedrockStub
from tests.support.processes import ROOT

HELLO = [{"role": "user", "content": [{"text": "Hello"}]}]


def client(url: str) -> Any:
    config = Config(retries={"total_max_attempts": 1}, read_timeout=10)
    return boto3.client("bedrock-runtime", endpoint_url=url, region_name="us-east-1", config=config)


@pytest.fixture
def stub() -> Iterator[str]:
    """The stub as `python -m bedrock_stub`; its address."""
    command = [sys.executable, "-m", "bedrock_stub", "--port", "0", "--text", "one two three", "--cached-tokens", "5"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["url"])
        process.terminate()
        assert process.wait(10) == 0


def test_it_answers_converse_and_converse_stream_from_the_command_line(stub: str) -> None:
    bedrock = client(stub)
    whole = bedrock.converse(modelId="m", messages=HELLO)
    streamed = list(bedrock.converse_stream(modelId="m", messages=HELLO)["stream"])
    assert whole["output"]["message"]["content"] == [{"text": "one two three"}]
    assert whole["usage"]["cacheReadInputTokens"] == 5
    assert "".join(event["contentBlockDelta"]["delta"]["text"] for event in streamed if "contentBlockDelta" in event) == "one two three"
    assert streamed[-2] == {"messageStop": {"stopReason": "end_turn"}}


def post(url: str, body: object) -> int:
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=10) as response:
        return int(response.status)


def test_scenarios_are_posted_for_the_next_calls_and_their_ends_are_told(stub: str) -> None:
    assert post(f"{stub}/_stub/scenarios", [{"error": "ThrottlingException"}, {"drop_after": 1}]) == 200
    bedrock = client(stub)
    with pytest.raises(ClientError, match="ThrottlingException"):
        bedrock.converse(modelId="m", messages=HELLO)
    with pytest.raises(Exception, match=r"(?i)connection|incomplete|read|prematurely"):
        list(bedrock.converse_stream(modelId="m", messages=HELLO)["stream"])
    bedrock.converse(modelId="m", messages=HELLO)
    with urllib.request.urlopen(f"{stub}/_stub/calls", timeout=10) as response:
        assert [call["state"] for call in json.load(response)] == ["failed", "failed", "completed"]


@pytest.mark.anyio
@pytest.mark.parametrize("code", ERRORS)
async def test_botocore_reads_every_error_before_the_stream(code: str) -> None:
    async with BedrockStub(Scenario(error=code)) as running:
        with pytest.raises(ClientError) as failed:
            await asyncio.to_thread(client(running.url).converse_stream, modelId="m", messages=HELLO)
    assert failed.value.response["Error"]["Code"] == code
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == ERRORS[code]


@pytest.mark.anyio
@pytest.mark.parametrize("code", STREAM_ERRORS)
async def test_botocore_reads_every_error_inside_the_stream(code: str) -> None:
    async with BedrockStub(Scenario(stream_error=code)) as running:

        def read() -> None:
            list(client(running.url).converse_stream(modelId="m", messages=HELLO)["stream"])

        with pytest.raises(EventStreamError) as failed:
            await asyncio.to_thread(read)
    assert failed.value.response["Error"]["Code"] == code


@pytest.mark.anyio
@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "assistant", "content": [{"text": "Hi"}]}],
        [*HELLO, *HELLO],
        [{"role": "user", "content": [{"text": "  "}]}],
        [{"role": "user", "content": []}],
        [*HELLO, {"role": "assistant", "content": [{"text": "Hi"}]}],
        [*HELLO, {"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "t", "input": {}}}]}, *HELLO],
    ],
)
async def test_a_conversation_that_bedrock_refuses_is_refused(messages: list[dict[str, Any]]) -> None:
    async with BedrockStub() as running:
        with pytest.raises(ClientError, match="ValidationException"):
            await asyncio.to_thread(client(running.url).converse, modelId="m", messages=messages)


@pytest.mark.parametrize("value", [{"error": "NoSuchException"}, {"stream_error": "x"}, {"eror": "ThrottlingException"}])
def test_a_scenario_that_cannot_be_played_is_refused(value: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"must be one of|unknown fields"):
        Scenario.from_json(value)
