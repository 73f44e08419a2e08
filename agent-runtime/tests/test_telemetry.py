"""Metrics as CloudWatch takes them, and logs that never tell what a person said."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from typing import Any

import pytest

from agent_runtime.contract import contract
from agent_runtime.model.fake import FakeModel
from agent_runtime.model.pricing import LIST_PRICES, Price, Usage, price_of
from agent_runtime.settings import Settings
from agent_runtime.telemetry import logs
from agent_runtime.telemetry.metrics import METRICS, MetricsEmitter
from agent_runtime.telemetry.statistics import Statistics, percentile
from tests.support import markers
from tests.support.apps import settings, started

DIMENSIONS = {"Fleet": "prod", "Agent": "test-agent", "Revision": "0123456789ab"}


def check_emf(line: dict[str, Any]) -> None:
    """The rules of the embedded metric format that CloudWatch drops a line for breaking."""
    assert isinstance(line["_aws"]["Timestamp"], int)
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert directive["Namespace"] == "Ropewalk/Agents"
        assert directive["Dimensions"] == [["Fleet", "Agent"], ["Fleet", "Agent", "Revision"]]
        for name in directive["Dimensions"][-1]:
            assert isinstance(line[name], str)
            assert 0 < len(line[name]) <= 1024
        assert 0 < len(directive["Metrics"]) <= 100
        for metric in directive["Metrics"]:
            assert metric["Unit"] in {"Count", "Milliseconds", "None"}
            assert metric["Unit"] == METRICS[metric["Name"]].unit
            assert isinstance(line[metric["Name"]], int | float)


@pytest.mark.anyio
async def test_every_metric_line_is_what_cloudwatch_takes_and_ids_are_no_dimensions() -> None:
    async with started(settings(user_header="X-User-Id", rate_limit="1/hour", metrics_interval=0.01)) as agent:
        await agent.say(X_User_Id="user-1")
        await agent.say(X_User_Id="user-1", session="other")
        await asyncio.sleep(0.1)
    lines = agent.metrics.json()
    for line in lines:
        check_emf(line)
    seen = {metric["Name"] for line in lines for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert seen == set(METRICS) == set(contract()["metrics"])
    invocation = agent.invocations()[0]
    assert (invocation["user_id"], invocation["session_id"], invocation["InFlight"]) == ("user-1", "s1", 1)
    assert any("InFlight" in line and "Invocations" not in line and "Rejected" not in line for line in lines)


@pytest.mark.anyio
async def test_two_answers_at_once_are_two_in_flight() -> None:
    async with started(model=FakeModel(delay=0.3)) as agent:
        await asyncio.gather(agent.say(session="a"), agent.say(session="b"))
    assert sorted(line["InFlight"] for line in agent.invocations()) == [1, 2]


def test_a_metric_or_property_that_is_not_in_the_contract_cannot_be_written() -> None:
    emitter = MetricsEmitter(DIMENSIONS, io.StringIO())
    with pytest.raises(KeyError):
        emitter.emit({"Surprise": 1})
    with pytest.raises(KeyError):
        emitter.emit({"Errors": 1}, {"message": "text"})


@pytest.mark.anyio
async def test_log_lines_have_the_fields_of_the_contract_and_no_others() -> None:
    async with started(settings(user_header="X-User-Id")) as agent:
        await agent.say(X_User_Id="user-1", X_Request_Id="r-1")
        await agent.client.get("/health")
    lines = agent.logs.json()
    assert {name for line in lines for name in line} <= set(contract()["logFields"])
    request = next(line for line in lines if line["event"] == "request")
    assert (request["route"], request["status"], request["request_id"], request["session_id"], request["user_id"]) == (
        "/coach",
        200,
        "r-1",
        "s1",
        "user-1",
    )
    assert not any(line.get("route") == "/health" for line in lines)


def logged(level: str = "INFO") -> io.StringIO:
    stream = io.StringIO()
    logs.configure({"fleet": "prod", "agent": "a", "revision": "r"}, level, stream)
    return stream


def test_a_librarys_message_is_its_template_without_the_values() -> None:
    stream = logged()
    logging.getLogger("strands.somewhere").warning("tool=<%s> | failed", markers.MESSAGE)
    logging.getLogger("strands.somewhere").warning(f"finished text {markers.MESSAGE}")  # noqa: G004
    logging.getLogger("botocore").debug("body: %s", markers.MESSAGE)
    logging.getLogger("py.warnings").warning("%s", markers.MESSAGE)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines[:1]] == ["tool=<%s> | failed"]
    assert re.fullmatch(r"test_telemetry:\d+", lines[1]["event"])
    assert not any("body" in line["event"] for line in lines)
    assert not markers.leaks(stream.getvalue())


def test_an_exception_is_its_types_and_places_without_its_text() -> None:
    stream = logged()
    try:
        try:
            raise KeyError(markers.MESSAGE)
        except KeyError as error:
            raise RuntimeError(f"wrapped {markers.MESSAGE}") from error
    except RuntimeError as error:
        logs.logger("test").error("it failed", exc_info=error)
    line = json.loads(stream.getvalue())
    assert line["exception"] == ["RuntimeError", "KeyError"]
    assert any("test_an_exception_is_its_types" in frame for frame in line["frames"])
    assert not markers.leaks(stream.getvalue())


def test_a_log_field_that_is_not_in_the_contract_cannot_be_written() -> None:
    logged()
    with pytest.raises(ValueError, match="not a log field"):
        logs.logger("test").info("event", message="text")


def test_libraries_that_log_requests_stay_quiet_at_the_debug_level() -> None:
    stream = logged("DEBUG")
    for name in ("botocore.endpoint", "strands.models.bedrock", "urllib3.connectionpool"):
        logging.getLogger(name).debug("request=<%s>", markers.MESSAGE)
        logging.getLogger(name).info("request=<%s>", markers.MESSAGE)
    logs.logger("test").debug("ours")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["ours"]


def test_an_unusable_setting_is_refused_without_showing_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_PORT", markers.API_KEY)
    monkeypatch.setenv("AWS_BEDROCK_API_KEY", markers.API_KEY)
    with pytest.raises(ValueError, match="port") as refused:
        Settings()
    assert not markers.leaks(str(refused.value))


def test_tokens_without_an_issuers_clients_are_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="AGENT_AUTH_CLIENTS"):
        settings(auth_issuer="https://issuer.example")


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5), (0.95, 10), (0.99, 10), (0.1, 1), (0.0, 1)])
def test_percentiles_are_values_that_were_measured(share: float, expected: int) -> None:
    assert percentile(list(range(1, 11)), share) == expected


def test_no_measurement_has_no_percentile_and_only_the_last_thousand_count() -> None:
    statistics = Statistics()
    assert statistics.durations() == {"p50": None, "p95": None, "p99": None}
    for value in range(3000):
        statistics.add_duration(float(value))
    assert statistics.durations()["p50"] == 2499


def test_cost_weighs_cached_tokens_and_settings_win_over_the_list() -> None:
    usage = Usage(input=1_000_000, output=100_000, cache_read=1_000_000, cache_write=1_000_000)
    assert usage.cost(Price(3.0, 15.0)) == pytest.approx(3.0 + 0.3 + 3.75 + 1.5)
    assert price_of(Settings(model="eu.anthropic.claude-3-5-sonnet-20241022-v2:0")) == LIST_PRICES["claude-3-5-sonnet"]
    assert price_of(Settings(model="someones.model")) == Price(0.0, 0.0)
    assert price_of(Settings(model="someones.model", price_input=1.0, price_output=2.0)) == Price(1.0, 2.0)
