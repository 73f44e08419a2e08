"""The agents themselves: what they are told, and what their tools say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime.definition import AgentDefinition, UnknownAgentError, load_definition
from agents.coach_companion.prompt import SYSTEM_PROMPT
from agents.coach_companion.tools import HELP, body_mass_index, hydration_target, weekly_weight_goal, where_to_get_help
from bedrock_stub.scenario import Scenario
from tests.support import markers
from tests.support.processes import ROOT
from tests.support.stubs import stubbed

AGENTS = sorted(path.parent.name for path in (ROOT / "agents").glob("*/__init__.py"))


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_is_a_dozen_lines_on_top_of_the_package(name: str) -> None:
    definition = load_definition(name)
    assert definition.name == name.replace("_", "-")
    assert definition.path == "/coach"
    assert len((ROOT / "agents" / name / "__init__.py").read_text().splitlines()) <= 16


def test_an_agent_that_does_not_exist_is_named() -> None:
    with pytest.raises(UnknownAgentError, match="no agent named nobody"):
        load_definition("nobody")


def run(*arguments: str, **values: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **values}
    command = [sys.executable, "-m", "agent_runtime", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_a_wrong_start_says_what_is_wrong_and_exits_with_2() -> None:
    unknown = run("nobody")
    nothing = run()
    setting = run("test_agent", AGENT_SLOTS="none", AGENT_MODEL="fake")
    rate = run("test_agent", AGENT_RATE_LIMIT="often", AGENT_MODEL="fake")
    redis = run("test_agent", AGENT_REDIS_URL=f"http://:{markers.REDIS_PASSWORD}@x", AGENT_MODEL="fake")
    assert [each.returncode for each in (unknown, nothing, setting, rate, redis)] == [2, 2, 2, 2, 2]
    assert "60/minute" in rate.stderr
    assert "redis://" in redis.stderr
    assert not markers.leaks(redis.stderr)
    assert "agents/nobody" in unknown.stderr
    assert "AGENT" in nothing.stderr
    assert "AGENT_SLOTS" in setting.stderr
    assert "Traceback" not in unknown.stderr + nothing.stderr + setting.stderr + rate.stderr + redis.stderr


@pytest.mark.parametrize("path", ["coach", "/health", "/invocations"])
def test_an_agents_path_may_not_hide_an_endpoint_of_the_runtime(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        AgentDefinition(name="a", path=path, system_prompt="")


def test_the_coach_is_told_not_to_diagnose_and_when_to_hand_over() -> None:
    for rule in ("not a doctor", "Do not diagnose", "suicide", "emergency number", "eating disorder", "pregnancy", "where_to_get_help"):
        assert rule in SYSTEM_PROMPT


@given(st.floats(30, 400), st.floats(120, 250), st.floats(0.01, 5))
def test_a_weight_goal_is_never_unsafe(weight: float, height: float, wanted: float) -> None:
    said = weekly_weight_goal(weight_kg=weight, height_cm=height, wanted_kg_per_week=wanted)
    underweight = weight / (height / 100) ** 2 < 18.5
    too_fast = wanted > min(0.9, weight * 0.01)
    assert ("no safe goal" in said) == underweight
    if not underweight:
        assert ("too fast" in said) == too_fast


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=True, allow_infinity=True))
def test_no_number_breaks_a_tool(first: float, second: float) -> None:
    for said in (
        body_mass_index(weight_kg=first, height_cm=second),
        weekly_weight_goal(weight_kg=first, height_cm=second, wanted_kg_per_week=second),
        hydration_target(weight_kg=first),
    ):
        assert said
        assert "nan" not in said
        assert "inf " not in said


def test_the_tools_give_the_numbers_of_their_formulas() -> None:
    assert "24.7" in body_mass_index(weight_kg=80, height_cm=180)
    assert "2.9 litres" in hydration_target(weight_kg=80, active_minutes=60)


@pytest.mark.parametrize("kind", sorted(HELP))
def test_help_is_named_for_every_kind_of_trouble(kind: Any) -> None:
    assert where_to_get_help(kind=kind) == HELP[kind]


@pytest.mark.anyio
async def test_the_coach_calls_its_tools_over_bedrock(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = Scenario(tool="where_to_get_help", tool_input={"kind": "crisis"})
    async with stubbed(monkeypatch, asking, Scenario(text="Please call."), definition=load_definition("coach_companion")) as (agent, stub):
        response = await agent.say("I cannot go on")
        first, second = (call.request for call in stub.script.calls)
    assert response.json()["reply"] == "Please call."
    assert first["system"][0]["text"] == SYSTEM_PROMPT
    assert {each["toolSpec"]["name"] for each in first["toolConfig"]["tools"] if "toolSpec" in each} == {
        "body_mass_index",
        "hydration_target",
        "weekly_weight_goal",
        "where_to_get_help",
    }
    assert HELP["crisis"] in str(second["messages"][-1]["content"])


def test_each_file_of_ours_is_small() -> None:
    long = {}
    for folder in ("agent_runtime", "agents", "bedrock_stub", "load", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            lines = len(Path(path).read_text().splitlines())
            if lines > (500 if folder == "tests" else 250):
                long[str(path.relative_to(ROOT))] = lines
    assert long == {}
