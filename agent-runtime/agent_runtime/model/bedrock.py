"""The Bedrock model, set up so that one process can hold many answers and stop each of them."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator
from typing import Any

from botocore.config import Config
from strands.models import BedrockModel, CacheConfig
from strands.types.streaming import StreamEvent

from agent_runtime.model.cancellation import INVOCATION_STATE_KEY, Cancellation
from agent_runtime.model.connections import make_interruptible
from agent_runtime.settings import Settings


class CancellableBedrockModel(BedrockModel):
    """A Bedrock model whose answer stops when the request's `Cancellation` says so.

    The event that the SDK passes is the agent's own, and the agent clears it when an invocation ends: the reading
    thread then never sees it. The request's event is only ever set.
    """

    async def stream(
        self,
        *arguments: Any,
        invocation_state: dict[str, Any] | None = None,
        cancel_signal: threading.Event | None = None,
        **options: Any,
    ) -> AsyncGenerator[StreamEvent, None]:
        cancellation: Cancellation | None = (invocation_state or {}).get(INVOCATION_STATE_KEY)
        signal = cancellation.event if cancellation else cancel_signal
        async for event in super().stream(*arguments, invocation_state=invocation_state, cancel_signal=signal, **options):
            yield event


def build_bedrock_model(settings: Settings) -> CancellableBedrockModel:
    """Build the model that all agents of the process share. It makes no call, and needs no network."""
    options: dict[str, Any] = {"model_id": settings.model, "streaming": settings.model_streaming, "max_tokens": settings.model_max_tokens}
    if settings.model_temperature is not None:
        options["temperature"] = settings.model_temperature
    if settings.prompt_cache:
        options["cache_config"] = CacheConfig(strategy="auto", tools_ttl=True)
    if settings.guardrail_id:
        options["guardrail_id"] = settings.guardrail_id
        options["guardrail_version"] = settings.guardrail_version
    model = CancellableBedrockModel(
        region_name=settings.region,
        api_key=settings.bedrock_api_key.get_secret_value() if settings.bedrock_api_key else None,
        boto_client_config=Config(
            connect_timeout=settings.model_connect_timeout,
            read_timeout=settings.model_read_timeout,
            # Each waiting answer holds a connection; a smaller pool would open and drop them for every call.
            max_pool_connections=settings.slots,
            # The agent's retry strategy retries: botocore's attempts would multiply with it.
            retries={"total_max_attempts": 1, "mode": "standard"},
        ),
        **options,
    )
    make_interruptible(model.client)
    return model
