"""Puts the parts together: an agent and settings in, an ASGI app out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import FastAPI
from strands.models import Model

from agent_runtime import __version__, middleware, openapi, problems, routes
from agent_runtime.activity import Activity, Phase
from agent_runtime.auth import Authenticator, build_authenticator
from agent_runtime.background import heartbeat
from agent_runtime.breaker import CircuitBreaker
from agent_runtime.definition import AgentDefinition
from agent_runtime.invocation import Engine
from agent_runtime.model.bedrock import build_bedrock_model
from agent_runtime.model.fake import FakeModel
from agent_runtime.model.pricing import price_of
from agent_runtime.protection import TaskProtection
from agent_runtime.rate_limit import build_rate_limit
from agent_runtime.sessions.memory import MemorySessionStore
from agent_runtime.sessions.redis import RedisSessionStore, connect
from agent_runtime.sessions.store import SessionStore
from agent_runtime.settings import FAKE_MODEL, Settings
from agent_runtime.slots import Slots
from agent_runtime.telemetry.metrics import MetricsEmitter
from agent_runtime.telemetry.recorder import Recorder
from agent_runtime.telemetry.statistics import Statistics

# Beside one thread for each slot: a tool may run while the thread of the answer before it is still ending.
SPARE_THREADS = 4
# A session stays taken for so long after the longest request, if the task that took it dies.
LEASE_MARGIN_SECONDS = 15.0


@dataclass
class AgentApp:
    """The app, and what the server needs to stop it."""

    asgi: FastAPI
    activity: Activity
    settings: Settings
    agent_name: str


def create_app(
    definition: AgentDefinition,
    settings: Settings,
    *,
    model: Model | None = None,
    sessions: SessionStore | None = None,
    authenticator: Authenticator | None = None,
    emitter: MetricsEmitter | None = None,
) -> AgentApp:
    """Build the app of one agent. The keyword arguments replace what the settings would choose.

    Raises ValueError for settings that cannot be used. Makes no network call.
    """
    name = settings.name or definition.name
    activity = Activity()
    breaker = CircuitBreaker(settings.breaker_failures, settings.breaker_open)
    dimensions = {"Fleet": settings.fleet, "Agent": name, "Revision": settings.revision}
    recorder = Recorder(
        emitter=emitter or MetricsEmitter(dimensions),
        statistics=Statistics(),
        activity=activity,
        breaker=breaker,
        price=price_of(settings),
        model_id=settings.model,
        image_digest=settings.image_digest,
    )
    engine = Engine(
        definition=definition,
        settings=settings,
        agent_name=name,
        model=model or build_model(settings),
        sessions=sessions or build_sessions(settings),
        slots=Slots(settings.slots, settings.queue),
        breaker=breaker,
        activity=activity,
        recorder=recorder,
    )
    asgi = FastAPI(title="Agent runtime", version=__version__, docs_url=None, redoc_url=None, lifespan=_lifespan(engine))
    frontend = routes.Frontend(
        engine=engine,
        authenticator=authenticator or build_authenticator(settings),
        rate_limit=build_rate_limit(settings, f"{settings.fleet}/{name}"),
        started_at=datetime.now(UTC),
    )
    routes.install(asgi, frontend)
    problems.install(asgi)
    openapi.install(asgi)
    asgi.add_middleware(middleware.RequestMiddleware, max_body_bytes=settings.max_body_bytes, activity=activity)
    return AgentApp(asgi, activity, settings, name)


def build_model(settings: Settings) -> Model:
    if settings.model == FAKE_MODEL:
        return FakeModel(settings.fake_delay)
    return build_bedrock_model(settings)


def build_sessions(settings: Settings) -> SessionStore:
    if settings.redis_url is None:
        return MemorySessionStore(settings.session_ttl, settings.session_max, settings.session_max_bytes)
    client = connect(settings.redis_url.get_secret_value(), settings.redis_timeout)
    return RedisSessionStore(client, settings.session_ttl, settings.request_timeout + LEASE_MARGIN_SECONDS)


def _lifespan(engine: Engine) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        # Each answer of the SDK's Bedrock model holds one thread of the loop's pool from its start to its end. The pool
        # that Python makes has a handful of threads on a small machine, and would be the limit instead of the slots.
        loop.set_default_executor(ThreadPoolExecutor(engine.settings.slots + SPARE_THREADS, thread_name_prefix="answers"))
        background = [asyncio.create_task(heartbeat(engine.recorder, engine.settings.metrics_interval))]
        if engine.settings.task_protection:
            protection = TaskProtection(engine.settings.ecs_agent_uri, engine.settings.task_protection_minutes, engine.activity)
            background.append(asyncio.create_task(protection.run()))
        engine.activity.phase = Phase.SERVING
        try:
            yield
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await engine.sessions.close()

    return lifespan
