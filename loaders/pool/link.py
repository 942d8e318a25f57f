"""A socket between parent and worker: whole messages, with descriptors."""

from __future__ import annotations

import array
import socket
import struct
from typing import Any

from .memory import Descriptor

__all__ = ["ANSWER", "REQUEST", "Letter", "post", "received"]

REQUEST = struct.Struct("<q")
"""What a task's message begins with: its serial number."""

ANSWER = struct.Struct("<q?")
"""What a result's message begins with: the task's serial number, and whether it failed."""

Letter = tuple[bytes, list[Descriptor]]

_MAX_MESSAGE = 1 << 17
_MAX_DESCRIPTORS = 64
_ANCILLARY = socket.CMSG_SPACE(_MAX_DESCRIPTORS * array.array("i").itemsize)


def post(link: socket.socket, letter: Letter) -> None:
    """Sends a message. Descriptors stay open here; the receiver has its own.

    Raises:
        BlockingIOError: the socket is full and does not block; nothing was sent.
        ConnectionError: the other end is closed.
    """
    message, descriptors = letter
    numbers = array.array("i", [descriptor.number for descriptor in descriptors])
    ancillary: list[tuple[int, int, Any]] = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)] if numbers else []
    link.sendmsg([message], ancillary, socket.MSG_NOSIGNAL)


def received(link: socket.socket) -> Letter | None:
    """The next message; None: the other end is closed. Descriptors that this process has no room for are missing.

    Raises:
        BlockingIOError: there is none, and the socket does not block.
    """
    try:
        message, ancillary, _, _ = link.recvmsg(_MAX_MESSAGE, _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        return None
    numbers = array.array("i")
    for _, _, data in ancillary:
        numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
    return (message, [Descriptor(number) for number in numbers]) if message else None
