"""As much of HTTP/1.1 as the stub needs, by hand: it must be able to break the protocol in the middle."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

MAX_HEAD_BYTES = 65536


@dataclass(frozen=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body or b"null")


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection, or None if it ends. Raises ValueError for what is not HTTP."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except asyncio.LimitOverrunError as error:
        raise ValueError("the head of the request is too long") from error
    lines = head.decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)  # ValueError if there are fewer parts
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    try:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Request(method, path, headers, body)


def head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def document(status: int, body: Any, headers: Mapping[str, str] | None = None) -> bytes:
    """A whole JSON response."""
    payload = json.dumps(body).encode()
    return head(status, {"Content-Type": "application/json", "Content-Length": str(len(payload)), **(headers or {})}) + payload


def chunk(data: bytes) -> bytes:
    """A chunk of a chunked body; an empty one ends it."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
