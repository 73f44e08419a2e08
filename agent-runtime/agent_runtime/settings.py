"""Every setting of the runtime, read from environment variables."""

from __future__ import annotations

from typing import Annotated, Any

import limits
from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

FAKE_MODEL = "fake"


class Settings(BaseSettings):
    """The runtime's settings; a field `slots` is the variable AGENT_SLOTS unless it names another.

    Durations are in seconds unless the name says otherwise. Raises pydantic.ValidationError for
    values that cannot be used.
    """

    model_config = SettingsConfigDict(env_prefix="AGENT_", extra="ignore", hide_input_in_errors=True, populate_by_name=True)

    name: str = Field("", description="Agent's name; empty means the name the agent's code gives.")
    fleet: str = Field("local", min_length=1, description="Fleet that the agent belongs to.")
    revision: str = Field("local", min_length=1, description="Revision label: the first 12 digits of the task definition's hash.")
    version: str = Field("unknown", description="Version of the image, as its tag says.")
    image_digest: str = Field("", description="Digest of the image, sha256:… .")

    host: str = Field("0.0.0.0", description="Address to listen on.")
    port: int = Field(8001, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")

    model: str = Field(
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
        min_length=1,
        description="Bedrock model or inference profile; `fake` answers without one.",
    )
    model_streaming: bool = Field(True, description="Use ConverseStream; false uses Converse.")
    model_max_tokens: int = Field(1024, ge=1, description="Most tokens of one answer.")
    model_temperature: float | None = Field(None, ge=0, le=1, description="Sampling temperature; unset leaves the model's own.")
    model_connect_timeout: float = Field(3.0, gt=0, description="Seconds to connect to Bedrock.")
    model_read_timeout: float = Field(20.0, gt=0, description="Seconds without a byte from Bedrock before the answer counts as stalled.")
    model_attempts: int = Field(3, ge=1, le=10, description="Attempts of one model call when Bedrock throttles it.")
    model_retry_delay: float = Field(0.5, ge=0, description="Seconds before the first retry; doubled each time.")
    model_retry_delay_max: float = Field(4.0, ge=0, description="Longest delay between two retries.")
    prompt_cache: bool = Field(True, description="Mark prompt, tools and history for Bedrock's prompt cache.")
    guardrail_id: str = Field("", description="Bedrock guardrail; empty means none.")
    guardrail_version: str = Field("DRAFT", description="Version of the guardrail.")
    price_input: float | None = Field(None, ge=0, description="USD per million input tokens; unset uses the built-in table.")
    price_output: float | None = Field(None, ge=0, description="USD per million output tokens; unset uses the built-in table.")
    fake_delay: float = Field(0.0, ge=0, description="Seconds that the fake model takes for an answer.")

    region: str = Field(
        "us-east-1", validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION", "region"), description="AWS region of Bedrock."
    )
    bedrock_api_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("AWS_BEDROCK_API_KEY", "bedrock_api_key"),
        description="Bedrock API key; unset signs with the task role. A secret.",
    )

    slots: int = Field(32, ge=1, le=1024, description="Answers at the same time; 32 suit a quarter of a vCPU.")
    queue: int = Field(64, ge=0, description="Requests that may wait for a slot.")
    queue_timeout: float = Field(10.0, gt=0, description="Longest wait for a slot.")
    request_timeout: float = Field(60.0, gt=0, description="Longest time for one answer, waiting included.")
    max_body_bytes: int = Field(65536, ge=64, description="Largest request body.")
    max_message_characters: int = Field(8000, ge=1, description="Longest message.")
    keep_alive: float = Field(15.0, gt=0, description="Seconds between comments on a silent event stream.")
    drain: float = Field(25.0, ge=0, description="Time that requests in flight have after SIGTERM.")
    drain_grace: float = Field(0.25, ge=0, description="Time after SIGTERM in which new connections are still served.")

    redis_url: SecretStr | None = Field(
        None, description="Redis for sessions and rate limits; unset keeps both in memory. May hold a password: a secret."
    )
    redis_timeout: float = Field(2.0, gt=0, description="Seconds for one Redis call.")
    session_ttl: int = Field(86400, ge=1, description="Seconds that an unused session is kept.")
    session_window: int = Field(40, ge=2, description="Messages of a session that the model sees.")
    session_max: int = Field(10000, ge=1, description="Sessions kept in memory; the least recently used goes first.")
    session_max_bytes: int = Field(64 * 1024 * 1024, ge=1024, description="Bytes of all sessions kept in memory.")

    rate_limit: str = Field("60/minute", description="Requests of one user, such as 60/minute; empty means no limit.")
    user_header: str = Field("", description="Header that names the user when a trusted caller sets it; unused with tokens.")
    auth_issuer: str = Field("", description="Issuer of the tokens to ask for; empty asks for none.")
    auth_jwks_url: str = Field("", description="Address of the issuer's keys; empty means <issuer>/.well-known/jwks.json.")
    auth_clients: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Client ids (audiences) that are accepted, separated by commas; needed with an issuer."
    )
    auth_token_use: str = Field("access", pattern="^(access|id)$", description="Kind of Cognito token that is accepted.")
    auth_scope: str = Field("", description="Scope that an access token must carry; empty asks for none.")
    auth_leeway: float = Field(10.0, ge=0, description="Seconds by which clocks may differ.")

    breaker_failures: int = Field(5, ge=1, description="Failures in a row that open the circuit.")
    breaker_open: float = Field(15.0, gt=0, description="Seconds before an open circuit lets a probe through.")

    metrics_interval: float = Field(60.0, gt=0, description="Seconds between two gauge lines.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severe log line of the runtime.")
    task_protection: bool = Field(False, description="Ask ECS to spare the task from scale-in while it answers.")
    task_protection_minutes: int = Field(5, ge=1, le=2880, description="Minutes that one request for protection lasts.")
    ecs_agent_uri: str = Field(
        "", validation_alias=AliasChoices("ECS_AGENT_URI", "ecs_agent_uri"), description="Address of the ECS agent; set by ECS."
    )

    @field_validator("auth_clients", mode="before")
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("rate_limit")
    @classmethod
    def _is_rate(cls, value: str) -> str:
        try:
            if value:
                limits.parse(value)
        except ValueError:
            raise ValueError("it must be a rate such as 60/minute, or empty") from None
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        if not value.get_secret_value().startswith(("redis://", "rediss://")):
            raise ValueError("it must begin with redis:// or rediss://")
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper_case(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    def model_post_init(self, context: Any, /) -> None:
        if self.auth_issuer and not self.auth_clients:
            raise ValueError(
                "AGENT_AUTH_ISSUER needs AGENT_AUTH_CLIENTS: without it a token made for any other application would be accepted"
            )

    @property
    def jwks_url(self) -> str:
        """Address of the issuer's public keys."""
        return self.auth_jwks_url or self.auth_issuer.rstrip("/") + "/.well-known/jwks.json"


def variables() -> dict[str, str]:
    """Every environment variable that the runtime reads, with what it means."""
    found: dict[str, str] = {}
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        names = (
            [choice for choice in alias.choices if str(choice).isupper()] if isinstance(alias, AliasChoices) else ["AGENT_" + name.upper()]
        )
        for variable in names:
            found[str(variable)] = field.description or ""
    return found
