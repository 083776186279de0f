"""The channel between the supervisor and one worker: a socket pair, one JSON object a line. Knows no message.

A side that ends, however it ends, closes its end, and the other one hears of it.
"""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

__all__ = ["Channel", "receive_first"]

# The status of a worker with hundreds of listeners takes less.
LINE_BYTES_MAX = 1 << 22


class Channel:
    """One end of the channel, in an event loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, end: socket.socket) -> Channel:
        """Takes over one end of the pair."""
        end.setblocking(False)
        return cls(*await asyncio.open_unix_connection(sock=end, limit=LINE_BYTES_MAX))

    def send(self, message: dict[str, Any]) -> None:
        """Says it, if anybody is there."""
        if not self._writer.is_closing():
            self._writer.write(json.dumps(message).encode() + b"\n")

    async def receive(self) -> dict[str, Any] | None:
        """The next message; None when the other side is gone, or says what is none."""
        try:
            line = await self._reader.readline()
            message = json.loads(line) if line.endswith(b"\n") else None
        except (OSError, ValueError):
            return None
        return message if isinstance(message, dict) else None

    def close(self) -> None:
        """Hangs up."""
        self._writer.close()


def receive_first(end: socket.socket) -> dict[str, Any]:
    """The message that everything begins with, before there is an event loop. Nothing else comes until it is answered.

    Raises:
        EOFError: the other side is gone.
    """
    line = bytearray()
    while not line.endswith(b"\n"):
        more = end.recv(1 << 16)
        if not more:
            raise EOFError("no supervisor")
        line += more
    message: dict[str, Any] = json.loads(line)
    return message
