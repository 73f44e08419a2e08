"""A listening socket that is about to close keeps the connections it has."""

from __future__ import annotations

import socket
import sys

import pytest

from agent_runtime.listener import refuse_new_handshakes


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_waiting_connections_are_kept_and_new_ones_do_not_begin(family: socket.AddressFamily) -> None:
    assert sys.platform == "linux"
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.socket(family) as listening, socket.socket(family) as waiting, socket.socket(family) as late:
        listening.bind((host, 0))
        listening.listen(8)
        address = listening.getsockname()
        waiting.connect(address)
        waiting.sendall(b"hello")
        assert refuse_new_handshakes(listening.fileno())
        late.settimeout(0.3)
        with pytest.raises(TimeoutError):
            late.connect(address)
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.recv(10) == b"hello"
            accepted.sendall(b"answer")
            assert waiting.recv(10) == b"answer"
        listening.close()
        with socket.socket(family) as refused, pytest.raises(ConnectionRefusedError):
            refused.connect(address)


def test_what_is_no_socket_is_reported_and_not_raised() -> None:
    with open("/dev/null", "rb") as file:
        assert refuse_new_handshakes(file.fileno()) is False
