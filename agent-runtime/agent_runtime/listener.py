"""Stops a listening socket from taking new connections without losing those it has taken.

Closing a listening socket resets the connections that the kernel has accepted and the process has not: their callers
believe they are connected. A filter on the socket that lets no new handshake begin leaves time to take them over first.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import struct
from collections.abc import Sequence

SO_ATTACH_FILTER = 26
FLAGS_OFFSET = 13
SYN, SYN_OR_ACK = 0x02, 0x12
# Classic BPF, see linux/filter.h: code, jump if true, jump if false, operand. The packet begins with its TCP header.
LOAD_BYTE, AND, JUMP_IF_EQUAL, RETURN = 0x30, 0x54, 0x15, 0x06
DROP_NEW_HANDSHAKES: Sequence[tuple[int, int, int, int]] = (
    (LOAD_BYTE, 0, 0, FLAGS_OFFSET),
    (AND, 0, 0, SYN_OR_ACK),
    (JUMP_IF_EQUAL, 0, 1, SYN),
    (RETURN, 0, 0, 0),
    (RETURN, 0, 0, 0xFFFFFFFF),
)


def refuse_new_handshakes(descriptor: int) -> bool:
    """Let a listening socket begin no connection any more; those that have begun can still be accepted.

    A caller's attempt goes unanswered until the socket is closed, and is then refused. False where the system has no
    such filters (they are Linux's): connections may then be lost in the moment of closing.
    """
    instructions = b"".join(struct.pack("HBBI", *instruction) for instruction in DROP_NEW_HANDSHAKES)
    buffer = ctypes.create_string_buffer(instructions)
    program = struct.pack("HL", len(DROP_NEW_HANDSHAKES), ctypes.addressof(buffer))
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
        return True
    return False
