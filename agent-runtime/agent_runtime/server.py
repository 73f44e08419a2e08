"""Serves the app, and ends the process without losing what it has accepted."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from types import FrameType
from typing import Any

import uvicorn
import uvloop

from agent_runtime.activity import Activity, Phase
from agent_runtime.app import AgentApp
from agent_runtime.listener import refuse_new_handshakes
from agent_runtime.telemetry.logs import describe_exception, logger

# How long the answers 503, which requests get at the deadline, may take to be written.
FLUSH_SECONDS = 2.0
POLL_SECONDS = 0.02
# How long a connection that was accepted may take to send its first request once the task drains.
LINGER_SECONDS = 2.0

_log = logger("server")


class DrainingServer(uvicorn.Server):
    """Stops in the order that loses nothing: new connections first, then what is in flight, then the process."""

    def __init__(self, config: uvicorn.Config, activity: Activity, drain: float, grace: float) -> None:
        super().__init__(config)
        self._activity = activity
        self._drain = drain
        self._grace = grace

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note the signal; it is not raised again at the end, so that the process exits with 0."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            _log.info("serving", port=self.servers[0].sockets[0].getsockname()[1])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._drain
        if self._activity.phase is Phase.SERVING:
            self._activity.phase = Phase.DRAINING
        _log.info("draining", in_flight=self._activity.in_flight)
        for server in self.servers:
            for listening in server.sockets:
                refuse_new_handshakes(listening.fileno())
        await asyncio.sleep(min(self._grace, self._drain))
        for server in self.servers:
            server.close()
        await self._close_idle_connections(min(deadline, loop.time() + LINGER_SECONDS))
        await self._wait_until_idle(deadline)
        if self._activity.in_flight:
            _log.warning("time to drain is over", in_flight=self._activity.in_flight)
        self._activity.stop_all()
        await self._wait_until_idle(loop.time() + FLUSH_SECONDS)
        await self.lifespan.shutdown()
        _log.info("stopped", in_flight=self._activity.in_flight)

    async def _close_idle_connections(self, deadline: float) -> None:
        """Close what is between two requests; a new connection's first request may still be on its way."""
        loop = asyncio.get_running_loop()
        while any(_is_new(connection) for connection in self.server_state.connections) and loop.time() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        for connection in list(self.server_state.connections):
            connection.shutdown()

    async def _wait_until_idle(self, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        while (self.server_state.connections or self.server_state.tasks) and not self.force_exit and loop.time() < deadline:
            await asyncio.sleep(POLL_SECONDS)


def _is_new(connection: Any) -> bool:
    return getattr(connection, "cycle", None) is None


def serve(app: AgentApp) -> None:
    """Serve until SIGTERM or SIGINT, then leave the process with exit code 0; 1 if serving fails."""
    settings = app.settings
    config = uvicorn.Config(
        app.asgi,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="on",
        loop="uvloop",
        http="httptools",
        timeout_keep_alive=75,
    )
    server = DrainingServer(config, app.activity, settings.drain, settings.drain_grace)
    # The loop is not closed in an orderly way: that, and the interpreter's own end, would join the threads of the pool,
    # and one that waits for a stalled model would hold the exit up.
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    code = 0
    try:
        loop.run_until_complete(_serve(server))
    except SystemExit as exit_request:
        code = int(exit_request.code or 0)
    except BaseException as error:
        logging.getLogger("agent_runtime.server").critical({"event": "server failed"}, exc_info=error)
        code = 1
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


async def _serve(server: DrainingServer) -> None:
    asyncio.get_running_loop().set_exception_handler(_log_loop_exception)
    await server.serve()


def _log_loop_exception(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what asyncio would print: its own text quotes exceptions, which may quote a user."""
    error = context.get("exception")
    fields = describe_exception(error) if isinstance(error, BaseException) else {}
    _log.error("task failed unnoticed", **fields)
