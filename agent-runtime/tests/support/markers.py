"""Texts that are planted wherever a person's words or a secret go in, and that must come out nowhere but in answers."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TextIO

MESSAGE = "my-secret-symptom-7f3a9c"
TOKEN = "planted-token-51be02"
API_KEY = "planted-api-key-c0ffee44"
SECRET_KEY = "planted-aws-secret-9d21aa"
REDIS_PASSWORD = "planted-redis-password-3e8f"
ALL = (MESSAGE, TOKEN, API_KEY, SECRET_KEY, REDIS_PASSWORD)

OUTPUT = Path(os.environ.get("AGENT_TEST_OUTPUT", Path(__file__).resolve().parents[2] / ".test-output"))


def record(name: str, text: str) -> None:
    """Keep what a part of the test run put out, so that it can be searched at the end."""
    _file(name).write(text)


@functools.cache
def _file(name: str) -> TextIO:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    return (OUTPUT / name).open("a", buffering=1)


def leaks(text: str, extra: tuple[str, ...] = ()) -> list[str]:
    """The planted texts that `text` holds, whole or in pieces that still tell something."""
    folded = text.lower()
    return [marker for marker in (*ALL, *extra) if marker.lower() in folded]
