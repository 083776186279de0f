"""The upstream's socket of one session, and nothing of the protocol; its client's socket is `connection.py`'s."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from ostiary.connection import Connection
    from ostiary.counters import Counters

__all__ = ["UpstreamLink", "close", "keep_alive"]

# A peer that vanished without a word is noticed after 8 minutes (a server by a first time limit later, see
# `UpstreamLink.keep_alive`): before a firewall forgets the connection (15 minutes and more are usual), and seldom
# enough to cost nothing.
KEEPALIVE = ((socket.TCP_KEEPIDLE, 300), (socket.TCP_KEEPINTVL, 60), (socket.TCP_KEEPCNT, 3))

# How long a peer may take to read what was written to it before the close: a notice, the last answers.
LINGER_SECONDS = 5.0


class UpstreamLink(asyncio.Protocol):
    """The upstream's socket of one session."""

    __slots__ = ("_connection", "_count", "_holds_client", "_labels", "_transport", "write")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._holds_client = False
        self._count: Callable[[int], None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.use(cast("asyncio.Transport", transport))

    def use(self, transport: asyncio.Transport) -> None:
        """Reads and writes by this transport from now on."""
        self._transport = transport
        self.write = transport.write
        transport.set_write_buffer_limits(high=self._connection.buffered_bytes)

    @property
    def transport(self) -> asyncio.Transport:
        """The transport in use."""
        assert self._transport is not None
        return self._transport

    def data_received(self, data: bytes) -> None:
        connection = self._connection
        to_client, to_upstream, events = connection.session.upstream_data(data, monotonic())
        if to_client is not None:
            connection.write(to_client)
        if to_upstream is not None:
            self.write(to_upstream)
        if events:
            connection.act(events)

    def eof_received(self) -> bool:
        self._lose()
        return False

    def connection_lost(self, _error: Exception | None) -> None:
        if self._count is not None:
            self._count(-1)
            self._count = None
        self._lose()
        self._release_client()

    def pause_writing(self) -> None:
        self._holds_client = True
        self._connection.hold_client()

    def resume_writing(self) -> None:
        self._release_client()

    def begin(self, count: Callable[[int], None], upstream: str, server: str) -> None:
        """The server is ready: counted as such until the connection is lost."""
        self._count = count
        self._labels = (upstream, server)
        count(1)

    def count_in(self, counters: Counters) -> None:
        """Counted there from now on, unless the server has no place there: then where it was."""
        if self._count is not None:
            with contextlib.suppress(KeyError):
                count = counters.counter("upstream_connections", *self._labels, "ready")
                self._count(-1)
                self._count = count
                count(1)

    def keep_alive(self) -> None:
        """Has the kernel look whether the server is still there.

        For connections that last: most are gone long before it would look, and asking costs four per cent of one.
        """
        if self._transport is not None and not self._transport.is_closing():
            keep_alive(self._transport.get_extra_info("socket"))

    def hold(self) -> None:
        """Stops reading from the server: the client does not take more."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def release(self) -> None:
        """Reads from the server again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """Closes the connection once everything is written, or after a while."""
        if self._transport is not None:
            close(self._transport)

    def _lose(self) -> None:
        connection = self._connection
        if connection.link is self:
            connection.take(connection.session.upstream_eof(monotonic()))
            connection.detach(self)

    def _release_client(self) -> None:
        if self._holds_client:
            self._holds_client = False
            self._connection.release_client()


def keep_alive(sock: socket.socket) -> None:
    """Has the kernel look whether the peer is still there; what a listening socket accepts inherits it."""
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def close(transport: asyncio.Transport) -> None:
    """Closes a socket once its peer has read everything, but does not wait for ever."""
    if transport.is_closing():
        return
    transport.close()
    if transport.get_write_buffer_size():
        asyncio.get_running_loop().call_later(LINGER_SECONDS, transport.abort)
