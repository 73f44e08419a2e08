"""A model that answers without a network: for local mode and for tests."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

from strands.models import Model
from strands.types.streaming import StreamEvent


class FakeModel(Model):
    """Repeats the user's last message, and says how many turns of the conversation it was shown.

    `delay` is the time in seconds that a whole answer takes.
    """

    def __init__(self, delay: float = 0.0) -> None:
        self._delay = delay

    def update_config(self, **model_config: Any) -> None:
        """There is nothing to configure."""

    def get_config(self) -> dict[str, Any]:
        return {"model_id": "fake"}

    def structured_output(
        self, output_model: Any, prompt: Any, system_prompt: Any = None, **options: Any
    ) -> AsyncGenerator[dict[str, Any], None]:
        # No agent of ours asks for structured output; one that does must use a real model or the stub.
        raise NotImplementedError("the fake model answers in text only")

    def stream(self, messages: Any, *arguments: Any, **options: Any) -> AsyncIterable[StreamEvent]:
        said = [text for message in messages if message["role"] == "user" for text in _texts(message)]
        turn = len(said)
        words = [f"(turn {turn}) ", "You said: ", said[-1] if said else "nothing"]
        return self._stream(words, sum(len(text) for text in said))

    async def _stream(self, words: list[str], characters_read: int) -> AsyncGenerator[StreamEvent, None]:
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStart": {"start": {}}}
        for word in words:
            if self._delay:
                await asyncio.sleep(self._delay / len(words))
            yield {"contentBlockDelta": {"delta": {"text": word}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}
        read, written = _tokens(characters_read), _tokens(sum(len(word) for word in words))
        yield {
            "metadata": {
                "usage": {"inputTokens": read, "outputTokens": written, "totalTokens": read + written},
                "metrics": {"latencyMs": int(self._delay * 1000)},
            }
        }


def _texts(message: Any) -> list[str]:
    return [block["text"] for block in message["content"] if "text" in block]


def _tokens(characters: int) -> int:
    return math.ceil(characters / 4)
