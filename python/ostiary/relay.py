"""Octets between a server whose TLS Python's `ssl` speaks and the socket that stands for it in the driver.

For `engine = "openssl"` alone: everything else is one copy less.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, cast

from ostiary.sockets import LINGER_SECONDS, keep_alive

if TYPE_CHECKING:
    from ostiary.upstream import Server

__all__ = ["Relay"]


class Relay:
    """Both ends of it."""

    def __init__(self, buffered_bytes: int) -> None:
        self._server = End(buffered_bytes)
        self._local = End(buffered_bytes)
        self._server.other, self._local.other = self._local, self._server

    async def connect(self, server: Server, address: str) -> None:
        """Connects to the server, through TLS where that comes first."""
        loop = asyncio.get_running_loop()
        name = server.plan.verify_name if server.tls_from_start is not None else None
        await loop.create_connection(
            lambda: self._server, address, server.plan.port, ssl=server.tls_from_start, server_hostname=name
        )

    async def join(self, descriptor: int) -> None:
        """Passes on what comes by this end of a pair of sockets, and what the server says."""
        local = socket.socket(fileno=descriptor)
        await asyncio.get_running_loop().create_unix_connection(lambda: self._local, sock=local)
        self._server.transport.resume_reading()

    async def start_tls(self, engine: ssl.SSLContext, name: str | None) -> None:
        """Starts TLS on the connected server."""
        transport = await asyncio.get_running_loop().start_tls(
            self._server.transport, self._server, engine, server_hostname=name
        )
        assert transport is not None
        self._server.use(transport)

    def keep_alive(self) -> None:
        """Has the kernel look whether the server is still there."""
        keep_alive(self._server.transport.get_extra_info("socket"))

    def close(self) -> None:
        """Parts with a server that nobody has joined yet; otherwise the end of the other pair's socket does it."""
        if not self._local.is_there:
            self._server.close()


class End(asyncio.Protocol):
    """One end; what comes by it leaves by the other, which holds it back when it is full."""

    other: End

    def __init__(self, buffered_bytes: int) -> None:
        self._buffered_bytes = buffered_bytes
        self._transport: asyncio.Transport | None = None

    @property
    def transport(self) -> asyncio.Transport:
        """The transport in use."""
        assert self._transport is not None
        return self._transport

    @property
    def is_there(self) -> bool:
        """Whether it was connected."""
        return self._transport is not None

    def use(self, transport: asyncio.Transport) -> None:
        """Reads and writes by this transport from now on."""
        self._transport = transport
        transport.set_write_buffer_limits(high=self._buffered_bytes)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.use(cast("asyncio.Transport", transport))
        if not self.other.is_there:
            self.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        self.other.transport.write(data)

    def eof_received(self) -> bool:
        self.other.close()
        return False

    def connection_lost(self, _error: Exception | None) -> None:
        self.other.close()

    def pause_writing(self) -> None:
        if not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def close(self) -> None:
        """Closes once everything is written, or after a while."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.close()
        if self._transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._transport.abort)
