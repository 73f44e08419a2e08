"""Writes frames of the AWS event stream encoding (application/vnd.amazon.eventstream).

A frame: total length and header length (4 bytes each, big-endian), their CRC-32, the headers, the payload, and the
CRC-32 of everything before. A header: length of the name (1 byte), name, type (7 is a string), length (2 bytes), value.
https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

STRING = 7
OVERHEAD = 16
MAX_PAYLOAD = 16 * 1024 * 1024


def encode(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One frame. Raises ValueError for a name over 255 bytes, a value over 32767, or a payload over 16 MiB."""
    encoded = b"".join(_header(name, value) for name, value in headers.items())
    if len(payload) > MAX_PAYLOAD:
        raise ValueError("a payload has 16 MiB at most")
    prelude = struct.pack("!II", OVERHEAD + len(encoded) + len(payload), len(encoded))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + encoded + payload
    return message + struct.pack("!I", zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    raw_name, raw_value = name.encode(), value.encode()
    if not 1 <= len(raw_name) <= 255 or len(raw_value) > 32767:
        raise ValueError("a header's name has 1 to 255 bytes, its value 32767 at most")
    return struct.pack("!B", len(raw_name)) + raw_name + struct.pack("!BH", STRING, len(raw_value)) + raw_value


def event(kind: str, body: Mapping[str, Any]) -> bytes:
    """A modelled event, such as contentBlockDelta."""
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return encode(headers, json.dumps(body).encode())


def exception(kind: str, message: str) -> bytes:
    """A modelled error inside a stream, such as throttlingException."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return encode(headers, json.dumps({"message": message}).encode())
