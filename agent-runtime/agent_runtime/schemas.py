"""The JSON that the API takes and gives."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _speakable(text: str) -> str:
    if not text.strip():
        raise ValueError("it must hold more than white space")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it must be valid Unicode") from None
    return text


Message = Annotated[str, Field(min_length=1, description="What the user says."), AfterValidator(_speakable)]


class TurnRequest(BaseModel):
    """One message to the agent."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    message: Message = Field(examples=["Hello, test agent!"])


class InvocationRequest(BaseModel):
    """One message to the agent, as Bedrock AgentCore sends it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    prompt: Message = Field(examples=["Hello, test agent!"])


class TokenUsage(BaseModel):
    """Tokens of one answer."""

    input_tokens: int = Field(ge=0, description="Read by the model, cached ones included.")
    output_tokens: int = Field(ge=0, description="Written by the model.")
    cache_read_tokens: int = Field(ge=0, description="Part of the input that the prompt cache served.")
    cache_write_tokens: int = Field(ge=0, description="Part of the input that the prompt cache stored.")


class TurnResponse(BaseModel):
    """The agent's answer."""

    reply: str = Field(description="The text of the agent's last message.")
    stop_reason: str = Field(description="Bedrock's reason for the end: end_turn, max_tokens, guardrail_intervened and others.")
    session_id: str
    request_id: str
    agent: str
    revision: str
    usage: TokenUsage


class Alive(BaseModel):
    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    status: Literal["ready"] = "ready"


class Ping(BaseModel):
    """Bedrock AgentCore's health answer."""

    status: Literal["Healthy", "HealthyBusy"]
    time_of_last_update: int = Field(description="Seconds since the epoch when the status last changed.")


class Version(BaseModel):
    """What really runs."""

    agent: str
    fleet: str
    version: str
    revision: str
    image_digest: str
    model: str
    runtime: str = Field(description="Version of the runtime package.")
    started_at: str = Field(description="ISO 8601, UTC.")


class DurationPercentiles(BaseModel):
    """Milliseconds, of the last 1000 invocations; null before the first."""

    p50: float | None
    p95: float | None
    p99: float | None


class Stats(BaseModel):
    """Totals of this task since it started."""

    invocations: int
    errors: int
    throttles: int
    rejected: int
    input_tokens: int
    output_tokens: int
    estimated_cost_usd: float
    duration_ms: DurationPercentiles
    in_flight: int
    queued: int
    active_sessions: int
    circuit: Literal["closed", "open", "half-open"]
    draining: bool
