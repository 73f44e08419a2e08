"""The stub's event-stream frames, read by botocore's own decoder."""

from __future__ import annotations

import itertools
import json
from typing import cast

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from bedrock_stub import answer, frames
from bedrock_stub.scenario import Scenario

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
Headers = dict[str, str]
HEADERS = st.dictionaries(NAMES, VALUES, max_size=8)


def decode(stream: bytes, cuts: list[int]) -> list[tuple[Headers, bytes]]:
    """What botocore makes of a stream that arrives cut at these places."""
    buffer = EventStreamBuffer()
    found: list[tuple[Headers, bytes]] = []
    places = sorted({cut % (len(stream) + 1) for cut in cuts} | {0, len(stream)})
    for begin, end in itertools.pairwise(places):
        buffer.add_data(stream[begin:end])
        found.extend((cast(Headers, message.headers), message.payload) for message in buffer)
    return found


@given(st.lists(st.tuples(HEADERS, st.binary(max_size=2000)), max_size=6), st.lists(st.integers(0, 1 << 20), max_size=20))
def test_any_frames_come_out_as_they_went_in_however_the_stream_is_cut(
    messages: list[tuple[dict[str, str], bytes]], cuts: list[int]
) -> None:
    stream = b"".join(frames.encode(headers, payload) for headers, payload in messages)
    assert decode(stream, cuts) == messages


@given(HEADERS, st.binary(max_size=500), st.data())
def test_a_flipped_bit_is_noticed(headers: dict[str, str], payload: bytes, data: st.DataObject) -> None:
    frame = bytearray(frames.encode(headers, payload))
    # The first eight bytes are lengths: a longer one only makes the reader wait for more.
    bit = data.draw(st.integers(64, len(frame) * 8 - 1))
    frame[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(ChecksumMismatch):
        decode(bytes(frame), [])


@given(st.text())
def test_an_answers_pieces_are_its_text(text: str) -> None:
    assert "".join(answer.pieces(text)) == text


@given(st.text(min_size=1), st.integers(0, 5000))
def test_a_streams_events_carry_text_reason_and_usage(text: str, cached: int) -> None:
    request = {"messages": [{"role": "user", "content": [{"text": "hello"}]}]}
    scenario = Scenario(text=text, cached_tokens=cached)
    stream = b"".join(frames.event(event.kind, event.body) for event in answer.stream(scenario, request, 7))
    found = [(headers[":event-type"], json.loads(payload)) for headers, payload in decode(stream, [])]
    assert "".join(body["delta"]["text"] for kind, body in found if kind == "contentBlockDelta") == text
    assert [kind for kind, _ in found if kind != "contentBlockDelta"] == ["messageStart", "contentBlockStop", "messageStop", "metadata"]
    assert found[-1][1]["usage"].get("cacheReadInputTokens", 0) == cached


@pytest.mark.parametrize(("headers", "payload"), [({"": "x"}, b""), ({"n" * 256: "x"}, b""), ({"n": "x" * 32768}, b"")])
def test_what_the_encoding_cannot_hold_is_refused(headers: dict[str, str], payload: bytes) -> None:
    with pytest.raises(ValueError, match="header"):
        frames.encode(headers, payload)
