"""One turn of a conversation with one agent: history in, model and tools, history out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from strands import Agent, ModelRetryStrategy
from strands.agent.conversation_manager import SlidingWindowConversationManager
from strands.models import Model
from strands.types._snapshot import Snapshot
from strands.types.exceptions import SnapshotException

from agent_runtime.answers import Answer, Emit, Restarted, TextDelta, ToolStarted
from agent_runtime.definition import AgentDefinition
from agent_runtime.model.cancellation import CURRENT, INVOCATION_STATE_KEY, Cancellation
from agent_runtime.model.hooks import ModelCallHooks
from agent_runtime.model.pricing import Usage
from agent_runtime.settings import Settings
from agent_runtime.telemetry.logs import logger

_log = logger("conversation")


class Conversation:
    """An agent for one turn. A new one is made each time: a shared agent would mix its users' histories."""

    def __init__(
        self, definition: AgentDefinition, model: Model, settings: Settings, hooks: ModelCallHooks, cancellation: Cancellation
    ) -> None:
        self._cancellation = cancellation
        self.usage = Usage()
        self._agent = Agent(
            model=model,
            system_prompt=definition.system_prompt,
            tools=list(definition.tools),
            callback_handler=None,
            conversation_manager=SlidingWindowConversationManager(window_size=settings.session_window),
            hooks=[hooks],
            # One strategy per agent: it counts attempts, and shared between agents it would mix them up.
            retry_strategy=ModelRetryStrategy(
                max_attempts=settings.model_attempts,
                initial_delay=settings.model_retry_delay,  # type: ignore[arg-type]
                max_delay=settings.model_retry_delay_max,  # type: ignore[arg-type]
            ),
        )

    def restore(self, saved: bytes | None) -> None:
        """Continue from a snapshot that `save` made. One that cannot be read starts the conversation anew."""
        if saved is None:
            return
        try:
            self._agent.load_snapshot(Snapshot.from_dict(json.loads(saved)))
        except (ValueError, KeyError, TypeError, SnapshotException) as error:
            _log.warning("session could not be read and begins anew", exc_info=error)

    def save(self) -> bytes:
        """Messages and state, without prompt and tools: a session outlives a new version of the agent."""
        return json.dumps(self._agent.take_snapshot(preset="session").to_dict(), separators=(",", ":")).encode()

    async def answer(self, message: str, emit: Emit) -> Answer:
        """Ask the agent. Raises whatever the SDK, botocore or a tool raises."""
        CURRENT.set(self._cancellation)
        state: dict[str, Any] = {INVOCATION_STATE_KEY: self._cancellation}
        result = None
        text_since_call = False
        async for event in self._agent.stream_async(message, invocation_state=state, cancel_signal=self._cancellation.event):
            if "data" in event:
                text_since_call = True
                emit(TextDelta(event["data"]))
            elif "event_loop_throttled_delay" in event and text_since_call:
                text_since_call = False
                emit(Restarted())
            elif "event" in event:
                text_since_call = self._observe(event["event"], emit, text_since_call)
            elif "result" in event:
                result = event["result"]
        if result is None or result.stop_reason == "cancelled":
            raise RuntimeError("the agent ended without an answer")
        return Answer(_reply_of(result.message), result.stop_reason, self.usage)

    def _observe(self, event: Mapping[str, Any], emit: Emit, text_since_call: bool) -> bool:
        """Note what the model's raw event says; returns whether text of the current call was sent."""
        if "metadata" in event:
            self.usage.add(event["metadata"].get("usage", {}))
        start = event.get("contentBlockStart", {}).get("start", {})
        if "toolUse" in start:
            emit(ToolStarted(start["toolUse"]["name"]))
        return False if "messageStart" in event else text_since_call


def _reply_of(message: Mapping[str, Any]) -> str:
    return "".join(block["text"] for block in message["content"] if "text" in block)
