"""What every session store does."""

from __future__ import annotations

import hashlib
import json
from typing import Protocol


class SessionBusyError(Exception):
    """Another request of the same session is being answered."""


class SessionStoreError(Exception):
    """The store cannot be reached or does not answer."""


class Lease(Protocol):
    """The right to be the only request of a session, and the session's content.

    `load` gives the last saved snapshot, or None for a new session. `save` replaces it, and does nothing once the
    lease was lost. `release` lets the next request in. All raise SessionStoreError.
    """

    async def load(self) -> bytes | None: ...

    async def save(self, snapshot: bytes) -> None: ...

    async def release(self) -> None: ...


class SessionStore(Protocol):
    """Keeps snapshots under opaque keys."""

    async def acquire(self, key: str) -> Lease:
        """Start a request of a session. Raises SessionBusyError or SessionStoreError."""
        ...

    async def close(self) -> None: ...


def session_key(fleet: str, agent: str, user_id: str, session_id: str) -> str:
    """The key of one user's session with one agent.

    The user is part of it, so a session id that leaks opens nobody else's conversation. The parts are hashed as a
    JSON list: joined by a separator, two different users could name the same key.
    """
    parts = json.dumps([fleet, agent, user_id, session_id]).encode()
    return hashlib.sha256(parts).hexdigest()
