"""The app on the real boto3 client, against a Bedrock that misbehaves."""

from __future__ import annotations

import asyncio

import pytest
from strands import tool

from agent_runtime.definition import AgentDefinition
from bedrock_stub.scenario import ERRORS, STREAM_ERRORS, Scenario
from tests.support import markers
from tests.support.apps import events
from tests.support.stubs import stubbed

pytestmark = pytest.mark.anyio

QUOTING = f"Input was: {markers.MESSAGE}"
THROTTLED = Scenario(error="ThrottlingException", error_message=QUOTING)


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_conversation_goes_over_the_real_client(monkeypatch: pytest.MonkeyPatch, streaming: bool) -> None:
    async with stubbed(monkeypatch, model_streaming=streaming) as (agent, stub):
        await agent.say("one", session="s")
        second = await agent.say("two", session="s")
        calls = list(stub.script.calls)
    assert second.json()["reply"] == "(turn 2) You said: two"
    assert [call.operation for call in calls] == ["converse-stream" if streaming else "converse"] * 2
    assert [message["role"] for message in calls[1].request["messages"]] == ["user", "assistant", "user"]


async def test_throttling_is_retried_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stubbed(monkeypatch, THROTTLED, THROTTLED) as (agent, stub):
        response = await agent.say("hello")
        assert len(stub.script.calls) == 3
        line = agent.invocations()[0]
    assert response.status_code == 200
    assert (line["Throttles"], line["Errors"]) == (2, 0)


async def test_lasting_throttling_is_a_503_after_the_agents_attempts_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries do not multiply: three attempts of the agent are three calls, whatever botocore would do by itself."""
    async with stubbed(monkeypatch, default=THROTTLED, breaker_failures=1) as (agent, stub):
        response = await agent.say()
        assert len(stub.script.calls) == 3
        line = agent.invocations()[0]
        stats = (await agent.client.get("/stats")).json()
        output = "".join(agent.logs.lines + agent.metrics.lines) + response.text
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert response.json()["type"].endswith("model-throttled")
    assert (line["Throttles"], line["Errors"], line["CircuitOpen"]) == (3, 1, 0)
    assert stats["circuit"] == "closed"
    assert not markers.leaks(output)


@pytest.mark.parametrize("code", [code for code in ERRORS if code != "ThrottlingException"])
async def test_an_error_before_the_answer_is_told_without_its_text(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    async with stubbed(monkeypatch, Scenario(error=code, error_message=QUOTING)) as (agent, _):
        response = await agent.say()
        output = "".join(agent.logs.lines + agent.metrics.lines) + response.text
        line = agent.invocations()[0]
    assert response.status_code == (504 if code == "ModelTimeoutException" else 502)
    assert line["Errors"] == 1
    assert line["status"] == response.status_code
    assert not markers.leaks(output)


@pytest.mark.parametrize("code", STREAM_ERRORS)
async def test_an_error_inside_the_answer_ends_the_stream_with_an_error_event(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    failing = Scenario(stream_error=code, stream_error_after=2, error_message=QUOTING)
    async with stubbed(monkeypatch, default=failing) as (agent, _):
        response = await agent.say(f"hello {markers.MESSAGE}", Accept="text/event-stream")
        output = "".join(agent.logs.lines + agent.metrics.lines)
        line = agent.invocations()[0]
    found = events(response.text)
    names = [name for name, _ in found]
    expected = 503 if code == "throttlingException" else 502
    assert response.status_code == 200
    assert names[0] == "delta"
    assert names.count("error") == 1
    assert names[-1] == "error"
    assert found[-1][1]["status"] == line["status"] == expected
    assert names.count("restart") == (2 if code == "throttlingException" else 0)
    assert not markers.leaks(output + str(found[-1]))


async def test_text_before_a_restart_is_void_and_the_answer_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Scenario(stream_error="throttlingException", stream_error_after=3)
    async with stubbed(monkeypatch, broken) as (agent, _):
        response = await agent.say("hello there", Accept="text/event-stream")
    text = ""
    for name, data in events(response.text):
        text = "" if name == "restart" else text + data.get("text", "")
    assert text == events(response.text)[-1][1]["reply"] == "(turn 1) You said: hello there"


async def test_a_dropped_connection_is_a_502(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stubbed(monkeypatch, Scenario(drop_after=0), Scenario(drop_after=2)) as (agent, stub):
        answers = [await agent.say("hello there"), await agent.say("hello there")]
        assert len(stub.script.calls) == 2
    assert [answer.status_code for answer in answers] == [502, 502]


@pytest.mark.parametrize("fault", [Scenario(hang=True), Scenario(stall_after=2)])
async def test_a_stalled_answer_is_a_504(monkeypatch: pytest.MonkeyPatch, fault: Scenario) -> None:
    async with stubbed(monkeypatch, fault, model_read_timeout=0.4) as (agent, _):
        response = await agent.say("hello there")
    assert (response.status_code, response.json()["type"].rsplit(":", 1)[1]) == (504, "model-timeout")


async def test_slow_tokens_are_passed_on_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stubbed(monkeypatch, Scenario(text="one two three", token_delay=0.1)) as (agent, _):
        response = await agent.say(Accept="text/event-stream")
        line = agent.invocations()[0]
    assert [name for name, _ in events(response.text)] == ["delta", "delta", "delta", "done"]
    assert 0 < line["TimeToFirstToken"] < line["Duration"]


@tool
def double(number: int) -> str:
    """Double a number.

    Args:
        number: The number.
    """
    return str(number * 2)


@tool
def failing_tool(number: int) -> str:
    """Fail.

    Args:
        number: The number.
    """
    raise ValueError(f"{markers.MESSAGE} {number}")


COUNTING = AgentDefinition(name="test-agent", path="/coach", system_prompt="Count.", tools=(double, failing_tool))


async def test_a_tool_is_called_and_its_result_reaches_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = Scenario(tool="double", tool_input={"number": 21})
    async with stubbed(monkeypatch, asking, Scenario(text="It is 42."), definition=COUNTING) as (agent, stub):
        response = await agent.say("double it", Accept="text/event-stream")
        second = stub.script.calls[1].request
        follow_up = await agent.say("thanks")
    found = events(response.text)
    assert ("tool", {"name": "double"}) in found
    assert found[-1][1]["reply"] == "It is 42."
    assert second["messages"][-1]["content"][0]["toolResult"]["content"] == [{"text": "42"}]
    assert {each["toolSpec"]["name"] for each in second["toolConfig"]["tools"] if "toolSpec" in each} == {"double", "failing_tool"}
    assert follow_up.status_code == 200


async def test_a_tool_that_fails_is_told_to_the_model_and_not_to_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = Scenario(tool="failing_tool", tool_input={"number": 1})
    async with stubbed(monkeypatch, asking, Scenario(text="Sorry."), definition=COUNTING) as (agent, stub):
        response = await agent.say("try")
        result = stub.script.calls[1].request["messages"][-1]["content"][0]["toolResult"]
        logged = "".join(agent.logs.lines + agent.metrics.lines)
    assert response.json()["reply"] == "Sorry."
    assert result["status"] == "error"
    assert not markers.leaks(logged)


async def test_a_guardrails_answer_is_given_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stubbed(monkeypatch, Scenario(guardrail=True), guardrail_id="g1", guardrail_version="2") as (agent, stub):
        response = await agent.say("forbidden")
        sent = stub.script.calls[0].request["guardrailConfig"]
        after = await agent.say("allowed")
        history = stub.script.calls[1].request["messages"]
    assert response.status_code == 200
    assert response.json()["stop_reason"] == "guardrail_intervened"
    assert (sent["guardrailIdentifier"], sent["guardrailVersion"]) == ("g1", "2")
    assert after.status_code == 200
    assert "forbidden" not in str(history)


@pytest.mark.parametrize("cached", [True, False])
async def test_prompt_and_history_are_marked_for_the_prompt_cache(monkeypatch: pytest.MonkeyPatch, cached: bool) -> None:
    scenario = Scenario(cached_tokens=900)
    async with stubbed(monkeypatch, scenario, definition=COUNTING, prompt_cache=cached, price_input=1000.0, price_output=0.0) as (
        agent,
        stub,
    ):
        response = await agent.say("hello")
        request = stub.script.calls[0].request
        line = agent.invocations()[0]
    marked = [any("cachePoint" in block for block in part) for part in (request["system"], request["toolConfig"]["tools"])]
    usage = response.json()["usage"]
    assert marked == [cached, cached]
    assert any("cachePoint" in block for block in request["messages"][-1]["content"]) is cached
    assert (usage["cache_read_tokens"], line["InputTokens"]) == (900, usage["input_tokens"])
    uncached = usage["input_tokens"] - 900
    assert line["EstimatedCostUSD"] == pytest.approx((uncached + 90) * 1000 / 1e6)


async def test_a_bedrock_api_key_signs_the_calls_and_is_told_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stubbed(monkeypatch, bedrock_api_key=markers.API_KEY) as (agent, stub):
        await agent.say()
        assert stub.script.calls[0].headers["authorization"] == f"Bearer {markers.API_KEY}"
        assert markers.API_KEY not in repr(agent.app.settings) + str(agent.app.settings)
        assert not markers.leaks("".join(agent.logs.lines + agent.metrics.lines))


async def test_failures_open_the_circuit_and_one_probe_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = Scenario(error="InternalServerException")
    async with stubbed(monkeypatch, failing, failing, default=Scenario(token_delay=0.05), breaker_failures=2, breaker_open=0.8) as (
        agent,
        stub,
    ):
        failed = [await agent.say(session=f"s{number}") for number in range(2)]
        refused = await agent.say(session="s3")
        ready = await agent.client.get("/ready")
        calls_while_open = len(stub.script.calls)
        line = agent.invocations()[-1]
        await _until_half_open(agent)
        together = await asyncio.gather(*(agent.say(session=f"t{number}") for number in range(5)))
        after = await agent.say(session="u")
    assert [answer.status_code for answer in failed] == [502, 502]
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[1], refused.headers["retry-after"]) == (503, "circuit-open", "1")
    assert ready.status_code == 200
    assert calls_while_open == 2
    assert (line["Invocations"], line["Errors"], line["CircuitOpen"]) == (1, 1, 1)
    assert sorted(answer.status_code for answer in together) == [200, 503, 503, 503, 503]
    assert after.status_code == 200


async def _until_half_open(agent: object) -> None:
    client = agent.client  # type: ignore[attr-defined]
    while (await client.get("/stats")).json()["circuit"] == "open":
        await asyncio.sleep(0.05)
