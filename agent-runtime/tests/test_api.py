"""The API as a caller sees it, with the fake model."""

from __future__ import annotations

import json

import pytest

from agent_runtime.model.fake import FakeModel
from tests.support import markers
from tests.support.apps import PROBLEM, events, settings, started

pytestmark = pytest.mark.anyio


async def test_a_message_is_answered_with_reply_session_usage_and_revision() -> None:
    async with started() as agent:
        response = await agent.say("Hello there", session="abc")
    assert response.status_code == 200
    body = response.json()
    assert body["reply"] == "(turn 1) You said: Hello there"
    assert body["session_id"] == response.headers["x-session-id"] == "abc"
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["agent"] == "test-agent"
    assert body["revision"] == "0123456789ab"
    assert body["stop_reason"] == "end_turn"
    assert body["usage"]["input_tokens"] > 0
    assert body["usage"]["output_tokens"] > 0


async def test_a_session_remembers_and_a_new_one_begins_without_an_id() -> None:
    async with started() as agent:
        await agent.say("first", session="kept")
        again = await agent.say("second", session="kept")
        fresh = await agent.say("third", session=None)
    assert again.json()["reply"] == "(turn 2) You said: second"
    assert fresh.json()["reply"] == "(turn 1) You said: third"
    assert fresh.headers["x-session-id"] not in ("", "kept")


async def test_a_callers_request_id_is_kept_and_a_malformed_one_is_replaced() -> None:
    async with started() as agent:
        kept = await agent.say(X_Request_Id="trace-1.2")
        replaced = await agent.say(X_Request_Id="no spaces allowed")
    assert kept.headers["x-request-id"] == kept.json()["request_id"] == "trace-1.2"
    assert replaced.headers["x-request-id"] != "no spaces allowed"


async def test_an_event_stream_gives_the_text_in_pieces_and_then_the_whole_answer() -> None:
    async with started() as agent:
        response = await agent.say("Hi", Accept="text/event-stream")
    found = events(response.text)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert [name for name, _ in found] == ["delta", "delta", "delta", "done"]
    assert "".join(data["text"] for name, data in found if name == "delta") == found[-1][1]["reply"] == "(turn 1) You said: Hi"


async def test_a_silent_event_stream_carries_comments() -> None:
    async with started(settings(keep_alive=0.05), model=FakeModel(delay=0.6)) as agent:
        response = await agent.say("Hi", Accept="text/event-stream")
    assert ": keep-alive" in response.text
    assert events(response.text)[-1][0] == "done"


async def test_agentcore_callers_use_invocations_and_their_session_header() -> None:
    async with started() as agent:
        headers = {"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": "core-session"}
        await agent.client.post("/invocations", json={"prompt": "one"}, headers=headers)
        second = await agent.client.post("/invocations", json={"prompt": "two"}, headers=headers)
        ping = await agent.client.get("/ping")
    assert second.json()["reply"] == "(turn 2) You said: two"
    assert second.json()["session_id"] == "core-session"
    assert ping.json()["status"] == "Healthy"
    assert isinstance(ping.json()["time_of_last_update"], int)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("{}", "message"),
        ('{"message": ""}', "message"),
        ('{"message": "   "}', "message"),
        ('{"message": 7}', "message"),
        ('{"message": "\\ud800"}', "message"),
        ("not json", "body"),
        ("[]", "body"),
        (b"\xff\xfe", "body"),
        (f'{{"message": "x", "{markers.MESSAGE}": "{markers.MESSAGE}"}}', "body"),
        (json.dumps({"message": markers.MESSAGE * 1000}), "message"),
    ],
)
async def test_a_request_of_the_wrong_form_is_a_422_that_does_not_repeat_it(body: str | bytes, field: str) -> None:
    async with started() as agent:
        response = await agent.client.post("/coach", content=body, headers={"Content-Type": "application/json"})
        logged = "".join(agent.logs.lines)
    assert response.status_code == 422
    assert response.headers["content-type"] == PROBLEM
    assert [each["field"] for each in response.json()["errors"]] == [field]
    assert not markers.leaks(response.text + logged)


async def test_every_error_is_a_problem_of_one_shape() -> None:
    async with started(settings(max_body_bytes=100)) as agent:
        answers = [
            await agent.client.get("/coach"),
            await agent.client.get("/unknown"),
            await agent.client.post("/coach", json={"message": "x" * 200}),
            await agent.client.post("/coach", json={"message": "x"}, headers={"X-Session-Id": "not/allowed"}),
        ]
    assert [answer.status_code for answer in answers] == [405, 404, 413, 422]
    for answer in answers:
        body = answer.json()
        assert answer.headers["content-type"] == PROBLEM
        assert body["type"].startswith("urn:agent-runtime:problem:")
        assert body["status"] == answer.status_code
        assert body["request_id"] == answer.headers["x-request-id"]
        assert body["title"]
        assert body["detail"]


async def test_a_body_that_hides_its_length_is_still_limited() -> None:
    async def endless() -> object:
        for _ in range(50):
            yield b'{"message": "' + b"x" * 100

    async with started(settings(max_body_bytes=1000)) as agent:
        response = await agent.client.post("/coach", content=endless(), headers={"Content-Type": "application/json"})  # type: ignore[arg-type]
    assert response.status_code == 413
    assert response.json()["type"].endswith("body-too-large")


async def test_what_runs_and_what_it_did_is_told() -> None:
    chosen = settings(version="v1.2.0", image_digest="sha256:abc", price_input=1000.0, price_output=1000.0)
    async with started(chosen) as agent:
        await agent.say()
        version = (await agent.client.get("/version")).json()
        stats = (await agent.client.get("/stats")).json()
        health = await agent.client.get("/health")
        ready = await agent.client.get("/ready")
    assert {key: version[key] for key in ("agent", "fleet", "version", "revision", "image_digest", "model")} == {
        "agent": "test-agent",
        "fleet": "prod",
        "version": "v1.2.0",
        "revision": "0123456789ab",
        "image_digest": "sha256:abc",
        "model": "fake",
    }
    assert (stats["invocations"], stats["errors"], stats["active_sessions"], stats["circuit"]) == (1, 0, 1, "closed")
    assert stats["duration_ms"]["p95"] > 0
    assert stats["estimated_cost_usd"] > 0
    assert (health.status_code, ready.status_code) == (200, 200)


async def test_an_exception_nobody_expected_is_a_problem_without_its_text() -> None:
    class BrokenModel(FakeModel):
        def stream(self, *arguments: object, **options: object) -> object:  # type: ignore[override]
            raise KeyError(markers.MESSAGE)

    async with started(model=BrokenModel()) as agent:
        response = await agent.say()
        logged = "".join(agent.logs.lines)
    assert response.status_code == 502
    assert response.json()["type"].endswith("agent-failed")
    assert "KeyError" in logged
    assert not markers.leaks(response.text + logged)


async def test_an_answer_that_takes_too_long_is_a_504() -> None:
    async with started(settings(request_timeout=0.2), model=FakeModel(delay=30)) as agent:
        response = await agent.say()
        streamed = await agent.say(Accept="text/event-stream", session="s2")
    assert response.status_code == streamed.status_code == 504
    assert response.json()["type"].endswith("request-timeout")
