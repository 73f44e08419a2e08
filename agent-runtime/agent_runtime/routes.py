"""The endpoints."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Header, Request, Response
from fastapi.routing import APIRoute

from agent_runtime import __version__
from agent_runtime.activity import Phase
from agent_runtime.answers import Answer, Turn
from agent_runtime.auth import Authenticator
from agent_runtime.invocation import Engine
from agent_runtime.openapi import problem_responses
from agent_runtime.problems import InvalidField, Problem, request_id_of
from agent_runtime.rate_limit import RateLimit
from agent_runtime.responses import AnswerResponse
from agent_runtime.schemas import (
    Alive,
    DurationPercentiles,
    InvocationRequest,
    Ping,
    Ready,
    Stats,
    TokenUsage,
    TurnRequest,
    TurnResponse,
    Version,
)
from agent_runtime.telemetry.logs import bind_request
from agent_runtime.telemetry.recorder import Outline

SESSION_ID_PATTERN = r"^[A-Za-z0-9._:-]{1,128}$"
SessionId = Annotated[str | None, Header(pattern=SESSION_ID_PATTERN, description="Names the conversation; without it a new one begins.")]
AgentCoreSessionId = Annotated[
    str | None,
    Header(
        alias="X-Amzn-Bedrock-AgentCore-Runtime-Session-Id", pattern=SESSION_ID_PATTERN, description="AgentCore's name of the conversation."
    ),
]
EVENT_STREAM = {
    "description": "The answer: JSON, or with Accept: text/event-stream the events delta, tool, restart, then done or error.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


@dataclass
class Frontend:
    """What the endpoints need."""

    engine: Engine
    authenticator: Authenticator
    rate_limit: RateLimit
    started_at: datetime


def install(app: FastAPI, frontend: Frontend) -> None:
    app.include_router(_agent_router(frontend))
    app.include_router(_operations_router(frontend))


def _agent_router(frontend: Frontend) -> APIRouter:
    router = APIRouter(route_class=_admitting(frontend), tags=["agent"])
    responses: dict[int | str, dict[str, Any]] = {200: EVENT_STREAM, **problem_responses(401, 409, 413, 422, 429, 500, 502, 503, 504)}

    @router.post(frontend.engine.definition.path, operation_id="send_message", response_model=TurnResponse, responses=responses)
    async def send_message(request: Request, body: TurnRequest, x_session_id: SessionId = None) -> Response:
        """Send a message to the agent."""
        return _answer(frontend, request, body.message, x_session_id)

    @router.post("/invocations", operation_id="invoke", response_model=TurnResponse, responses=responses)
    async def invoke(
        request: Request, body: InvocationRequest, x_session_id: SessionId = None, agentcore_session_id: AgentCoreSessionId = None
    ) -> Response:
        """Send a message to the agent, as Bedrock AgentCore does."""
        return _answer(frontend, request, body.prompt, agentcore_session_id or x_session_id)

    return router


def _admitting(frontend: Frontend) -> type[APIRoute]:
    """Routes that know the user, and have checked the rate limit, before they look at the body."""

    class AdmittingRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def admit(request: Request) -> Response:
                user_id = await frontend.authenticator.user(request.headers)
                request.scope["state"]["user_id"] = user_id
                bind_request(user_id=user_id)
                try:
                    await frontend.rate_limit(user_id)
                except Problem as problem:
                    outline = Outline(Turn("", user_id, "", request_id_of(request.scope)), 0.0)
                    outline.fail(problem)
                    frontend.engine.recorder.reject(outline)
                    raise
                return await handle(request)

            return admit

    return AdmittingRoute


def _answer(frontend: Frontend, request: Request, message: str, session_id: str | None) -> AnswerResponse:
    engine = frontend.engine
    limit = engine.settings.max_message_characters
    if len(message) > limit:
        too_long = InvalidField(field="message", reason=f"It may have {limit} characters at most.")
        raise Problem(422, "invalid-request", "The message is too long.", errors=[too_long])
    turn = Turn(message, request.scope["state"]["user_id"], session_id or str(uuid.uuid4()), request_id_of(request.scope))
    bind_request(session_id=turn.session_id)

    def render(answer: Answer) -> TurnResponse:
        usage = answer.usage
        return TurnResponse(
            reply=answer.reply,
            stop_reason=answer.stop_reason,
            session_id=turn.session_id,
            request_id=turn.request_id,
            agent=engine.agent_name,
            revision=engine.settings.revision,
            usage=TokenUsage(
                input_tokens=usage.all_input,
                output_tokens=usage.output,
                cache_read_tokens=usage.cache_read,
                cache_write_tokens=usage.cache_write,
            ),
        )

    streaming = "text/event-stream" in request.headers.get("accept", "").lower()
    return AnswerResponse(lambda emit: engine.start(turn, emit), render, turn.session_id, engine.settings.keep_alive, streaming)


def _operations_router(frontend: Frontend) -> APIRouter:
    router = APIRouter(tags=["operations"])
    engine = frontend.engine
    settings = engine.settings

    @router.get("/health", operation_id="health")
    async def health() -> Alive:
        """The process lives. Depends on nothing, and holds while the task drains."""
        return Alive()

    @router.get("/ready", operation_id="ready", responses=problem_responses(503))
    async def ready() -> Ready:
        """The model client is built. Neither Bedrock nor the circuit matters: ECS would replace healthy tasks."""
        if engine.activity.phase is Phase.STARTING:
            raise Problem(503, "starting", "The task is starting.", retry_after=1)
        return Ready()

    @router.get("/ping", operation_id="ping")
    async def ping() -> Ping:
        """Bedrock AgentCore's health check."""
        busy = engine.activity.in_flight > 0
        return Ping(status="HealthyBusy" if busy else "Healthy", time_of_last_update=int(engine.activity.busy_changed_at))

    @router.get("/version", operation_id="version")
    async def version() -> Version:
        """What really runs."""
        return Version(
            agent=engine.agent_name,
            fleet=settings.fleet,
            version=settings.version,
            revision=settings.revision,
            image_digest=settings.image_digest,
            model=settings.model,
            runtime=__version__,
            started_at=frontend.started_at.astimezone(UTC).isoformat(),
        )

    @router.get("/stats", operation_id="stats")
    async def stats() -> Stats:
        """Totals of this task since it started."""
        totals = engine.recorder.statistics
        return Stats(
            invocations=totals.invocations,
            errors=totals.errors,
            throttles=totals.throttles,
            rejected=totals.rejected,
            input_tokens=totals.input_tokens,
            output_tokens=totals.output_tokens,
            estimated_cost_usd=totals.cost_usd,
            duration_ms=DurationPercentiles(**totals.durations()),
            in_flight=engine.activity.in_flight,
            queued=engine.slots.waiting,
            active_sessions=engine.activity.active_sessions,
            circuit=engine.breaker.state.value,
            draining=engine.activity.phase in (Phase.DRAINING, Phase.STOPPED),
        )

    return router
