"""What makes one agent different from another."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

RESERVED_PATHS = frozenset({"/invocations", "/ping", "/health", "/ready", "/version", "/stats"})


class UnknownAgentError(LookupError):
    """No module `agents.<name>` with an `agent` of the right type exists."""


@dataclass(frozen=True)
class AgentDefinition:
    """An agent: where it answers, what it is told, and what it may call.

    `name` is the default of AGENT_NAME, `path` the agent's own endpoint (it starts with a slash),
    `tools` are functions decorated with `strands.tool`.
    """

    name: str
    path: str
    system_prompt: str
    tools: Sequence[Any] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or self.path in RESERVED_PATHS:
            raise ValueError(f"agent {self.name}: the path {self.path!r} must start with / and may not be one of the runtime's own")


def load_definition(module_name: str) -> AgentDefinition:
    """Return the `agent` of the module `agents.<module_name>`.

    Raises UnknownAgentError if there is no such module, or it defines no agent.
    """
    qualified = f"agents.{module_name}"
    try:
        module = importlib.import_module(qualified)
    except ModuleNotFoundError as error:
        if error.name not in ("agents", qualified):
            raise
        raise UnknownAgentError(f"no agent named {module_name}: there is no package agents/{module_name}") from error
    definition = getattr(module, "agent", None)
    if not isinstance(definition, AgentDefinition):
        raise UnknownAgentError(f"agents/{module_name} defines no `agent`: give it one of type AgentDefinition")
    return definition
