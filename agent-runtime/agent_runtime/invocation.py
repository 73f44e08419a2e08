"""Answers one turn under all the limits: session, slot, circuit, time, and the end of the process."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from strands.models import Model

from agent_runtime.activity import Activity
from agent_runtime.answers import Answer, Emit, Progress, TextDelta, Turn
from agent_runtime.breaker import CircuitBreaker, Outcome
from agent_runtime.conversation import Conversation
from agent_runtime.definition import AgentDefinition
from agent_runtime.model.cancellation import Cancellation
from agent_runtime.model.failures import problem_of
from agent_runtime.model.hooks import ModelCallHooks
from agent_runtime.problems import Problem
from agent_runtime.sessions.store import Lease, SessionBusyError, SessionStore, SessionStoreError, session_key
from agent_runtime.settings import Settings
from agent_runtime.slots import QueueFullError, QueueTimeoutError, Slots
from agent_runtime.telemetry.logs import logger
from agent_runtime.telemetry.recorder import Outline, Recorder

_log = logger("invocation")


@dataclass
class Engine:
    """What all invocations of a process share."""

    definition: AgentDefinition
    settings: Settings
    agent_name: str
    model: Model
    sessions: SessionStore
    slots: Slots
    breaker: CircuitBreaker
    activity: Activity
    recorder: Recorder

    def start(self, turn: Turn, emit: Emit) -> Invocation:
        """Begin to answer; the invocation's `task` ends with an Answer or raises Problem."""
        return Invocation(self, turn, emit)


@dataclass(eq=False)
class Invocation:
    """One turn being answered."""

    engine: Engine
    turn: Turn
    emit: Emit
    task: asyncio.Task[Answer] = field(init=False)

    def __post_init__(self) -> None:
        self._cancellation = Cancellation()
        self._hooks = ModelCallHooks(self.engine.breaker)
        self._stopped_with: Problem | None = None
        self._outline = Outline(self.turn, time.monotonic())
        self.task = asyncio.create_task(self._run())

    def stop(self, problem: Problem | None) -> None:
        """Stop the answer and the model's work on it; `problem` is the answer, None if nobody is there to get one."""
        self._stopped_with = problem
        self._cancellation.cancel()
        self.task.cancel()

    async def _run(self) -> Answer:
        try:
            answer = await self._in_flight()
            self._outline.usage = answer.usage
            return answer
        except Problem as problem:
            self._outline.fail(problem)
            raise
        except asyncio.CancelledError:
            self._cancellation.cancel()
            if self._stopped_with is None:
                self._outline.abandon()
                raise
            self._outline.fail(self._stopped_with)
            raise self._stopped_with from None
        finally:
            self._hooks.settle()
            self._outline.throttles = self._hooks.throttles
            self.engine.recorder.record(self._outline)
            self.engine.activity.end(self)

    async def _in_flight(self) -> Answer:
        self.engine.activity.begin(self)
        try:
            return await self._with_session()
        except Problem:
            raise
        except Exception as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> Problem:
        self._cancellation.cancel()
        problem = problem_of(error)
        _log.warning("invocation failed", problem=problem.kind, status=problem.status, exc_info=error)
        return problem

    async def _with_session(self) -> Answer:
        engine, turn = self.engine, self.turn
        key = session_key(engine.settings.fleet, engine.agent_name, turn.user_id, turn.session_id)
        try:
            lease = await engine.sessions.acquire(key)
        except SessionBusyError:
            raise Problem(409, "session-busy", "Another request of this session is being answered.", retry_after=1) from None
        except SessionStoreError as error:
            raise self._store_failed(error) from error
        try:
            return await self._in_time(lease, key)
        except SessionStoreError as error:
            raise self._store_failed(error) from error
        finally:
            # Shielded: a request that is given up must still let the session's next one in.
            await asyncio.shield(asyncio.create_task(_release(lease)))

    async def _in_time(self, lease: Lease, key: str) -> Answer:
        """The limit holds until the history is saved: what was saved is also answered."""
        try:
            async with asyncio.timeout(self.engine.settings.request_timeout) as limit:
                return await self._with_slot(lease, key)
        except TimeoutError:
            if not limit.expired():
                raise
            self._hooks.settle(Outcome.FAILURE)
            self._cancellation.cancel()
            raise Problem(504, "request-timeout", "The answer took longer than a request may take.") from None

    async def _with_slot(self, lease: Lease, key: str) -> Answer:
        engine = self.engine
        refusal = engine.breaker.refusal()
        if refusal is not None:
            raise problem_of(refusal)
        try:
            await engine.slots.acquire(engine.settings.queue_timeout)
        except QueueFullError:
            raise Problem(503, "queue-full", "The agent is busy and the queue is full.", retry_after=2) from None
        except QueueTimeoutError:
            raise Problem(503, "queue-timeout", "The agent stayed busy for too long.", retry_after=2) from None
        try:
            self._outline.admitted()
            engine.activity.touch_session(key)
            return await self._converse(lease)
        finally:
            engine.slots.release()

    async def _converse(self, lease: Lease) -> Answer:
        engine = self.engine
        conversation = Conversation(engine.definition, engine.model, engine.settings, self._hooks, self._cancellation)
        self._outline.usage = conversation.usage
        conversation.restore(await lease.load())
        answer = await conversation.answer(self.turn.message, self._forward)
        await lease.save(conversation.save())
        return answer

    def _forward(self, progress: Progress) -> None:
        if isinstance(progress, TextDelta):
            self._outline.first_text()
        self.emit(progress)

    def _store_failed(self, error: SessionStoreError) -> Problem:
        _log.warning("session store failed", exc_info=error)
        return Problem(503, "sessions-unavailable", "The conversation cannot be read or saved now.", retry_after=5)


async def _release(lease: Lease) -> None:
    try:
        await lease.release()
    except SessionStoreError as error:
        _log.warning("session stays busy until its lease ends", exc_info=error)
