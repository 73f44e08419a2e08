"""What the stub answers: the events of a ConverseStream, and the document of a Converse."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bedrock_stub.scenario import Scenario

TOOL_USE_ID = "tooluse_stub"
GUARDRAIL_TEXT = "Sorry, the stub's guardrail blocked this."


@dataclass(frozen=True)
class Event:
    """One event of a stream; `is_text` if it carries a piece of the answer's text."""

    kind: str
    body: dict[str, Any]
    is_text: bool = False


def problem_with(request: Mapping[str, Any]) -> str | None:
    """Why Bedrock would refuse a conversation, or None: roles alternate, from user to user, and no text is blank."""
    messages = request.get("messages") or []
    if not messages:
        return "A conversation must start with a user message."
    for position, message in enumerate(messages):
        expected = "user" if position % 2 == 0 else "assistant"
        if message["role"] != expected:
            return f"A conversation must alternate between user and assistant roles: messages.{position} is {message['role']}."
        if not message["content"]:
            return f"The content field in messages.{position} is empty."
        if any("text" in block and not block["text"].strip() for block in message["content"]):
            return f"The text field in messages.{position} is blank."
    if messages[-1]["role"] != "user":
        return "A conversation must end with a user message."
    return _unanswered_tool(messages)


def _unanswered_tool(messages: Sequence[Mapping[str, Any]]) -> str | None:
    for asked, answered in itertools.pairwise(messages):
        uses = {block["toolUse"]["toolUseId"] for block in asked["content"] if "toolUse" in block}
        results = {block["toolResult"]["toolUseId"] for block in answered["content"] if "toolResult" in block}
        if uses != results:
            return "Each toolUse needs a toolResult of the same id in the next message, and the other way round."
    return None


def said(request: Mapping[str, Any]) -> list[str]:
    """The texts of all user messages, in order."""
    return [
        block["text"] for message in request["messages"] if message["role"] == "user" for block in message["content"] if "text" in block
    ]


def text_of(scenario: Scenario, request: Mapping[str, Any]) -> str:
    if scenario.guardrail:
        return GUARDRAIL_TEXT
    if scenario.text is not None:
        return scenario.text
    texts = said(request)
    return f"(turn {len(texts)}) You said: {texts[-1] if texts else 'nothing'}"


def wants_tool(scenario: Scenario, request: Mapping[str, Any]) -> bool:
    """Whether the tool is still to be called: the last message holds no result yet."""
    return scenario.tool is not None and not any("toolResult" in block for block in request["messages"][-1]["content"])


def stop_reason(scenario: Scenario, request: Mapping[str, Any]) -> str:
    if scenario.guardrail:
        return "guardrail_intervened"
    return "tool_use" if wants_tool(scenario, request) else scenario.stop_reason


def metadata(scenario: Scenario, request: Mapping[str, Any], latency_ms: int) -> dict[str, Any]:
    read = _tokens(len(json.dumps(request["messages"])))
    written = _tokens(len(text_of(scenario, request)))
    usage = {"inputTokens": read, "outputTokens": written, "totalTokens": read + written + scenario.cached_tokens}
    if scenario.cached_tokens:
        usage |= {"cacheReadInputTokens": scenario.cached_tokens, "cacheWriteInputTokens": 0}
    found: dict[str, Any] = {"usage": usage, "metrics": {"latencyMs": latency_ms}}
    if scenario.guardrail:
        found["trace"] = {"guardrail": {"inputAssessment": {"stub": {"topicPolicy": {"topics": [_blocked_topic()]}}}}}
    return found


def _blocked_topic() -> dict[str, Any]:
    return {"name": "stub", "type": "DENY", "action": "BLOCKED", "detected": True}


def stream(scenario: Scenario, request: Mapping[str, Any], latency_ms: int) -> Iterator[Event]:
    """All events of a stream that goes well."""
    yield Event("messageStart", {"role": "assistant"})
    if wants_tool(scenario, request):
        yield Event("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": TOOL_USE_ID, "name": scenario.tool}}})
        for piece in pieces(json.dumps(scenario.tool_input)):
            yield Event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": piece}}})
    else:
        for piece in pieces(text_of(scenario, request)):
            yield Event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}}, is_text=True)
    yield Event("contentBlockStop", {"contentBlockIndex": 0})
    yield Event("messageStop", {"stopReason": stop_reason(scenario, request)})
    yield Event("metadata", metadata(scenario, request, latency_ms))


def document(scenario: Scenario, request: Mapping[str, Any], latency_ms: int) -> dict[str, Any]:
    """The body of a Converse that goes well."""
    content: dict[str, Any]
    if wants_tool(scenario, request):
        content = {"toolUse": {"toolUseId": TOOL_USE_ID, "name": scenario.tool, "input": scenario.tool_input}}
    else:
        content = {"text": text_of(scenario, request)}
    return {
        "output": {"message": {"role": "assistant", "content": [content]}},
        "stopReason": stop_reason(scenario, request),
        **metadata(scenario, request, latency_ms),
    }


def pieces(text: str) -> list[str]:
    """Words with the white space after them: joined, they are the text again."""
    return re.findall(r"\s*\S+\s*|\s+", text)


def _tokens(characters: int) -> int:
    return math.ceil(characters / 4)
