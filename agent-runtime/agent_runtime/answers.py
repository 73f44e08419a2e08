"""What an invocation says while it runs, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent_runtime.model.pricing import Usage


@dataclass(frozen=True)
class Turn:
    """One message of one user in one conversation."""

    message: str
    user_id: str
    session_id: str
    request_id: str


@dataclass(frozen=True)
class TextDelta:
    text: str


@dataclass(frozen=True)
class ToolStarted:
    name: str


@dataclass(frozen=True)
class Restarted:
    """The model call broke off and is made again: the text since the last tool is void."""


Progress = TextDelta | ToolStarted | Restarted
Emit = Callable[[Progress], None]


@dataclass(frozen=True)
class Answer:
    """A complete answer; `stop_reason` is Bedrock's."""

    reply: str
    stop_reason: str
    usage: Usage
