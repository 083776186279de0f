"""The upstream's socket of one session, as far as it is the driver's: connected, counted, kept alive, parted with."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from ostiary.sockets import KEEPALIVE_COUNT, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, LINGER_SECONDS

if TYPE_CHECKING:
    from ostiary.connection import Connection
    from ostiary.counters import Counters
    from ostiary.relay import Relay
    from ostiary.upstream import Server

__all__ = ["UpstreamLink"]


class UpstreamLink:
    """The upstream's socket of one session."""

    __slots__ = ("_client", "_count", "_driver", "_is_closed", "_labels", "relay")

    def __init__(self, connection: Connection) -> None:
        self._driver = connection.driver
        self._client = connection.client
        self._count: Callable[[int], None] | None = None
        self._is_closed = False
        self.relay: Relay | None = None
        """What speaks TLS for it, where the session does not."""

    def connect(self, server: Server, address: str) -> bool:
        """Connects to an address of a server. True: at once; otherwise the connection is told.

        Raises:
            OSError: it cannot be.
        """
        port = server.plan.port
        if port == 0:
            return self._driver.connect_unix(self._client, address)
        host, _, zone = address.partition("%")
        return self._driver.connect(self._client, host, port, scope(zone))

    async def connect_by(self, relay: Relay, server: Server, address: str) -> None:
        """The same by somebody who speaks TLS for it."""
        self.relay = relay
        await relay.connect(server, address)
        await relay.join(self._driver.lend(self._client))

    def open(self) -> None:
        """Reads from the server."""
        self._driver.release_upstream(self._client)

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
        if self.relay is not None:
            self.relay.keep_alive()
            return
        # One that has just broken needs none, and is told of soon.
        with contextlib.suppress(OSError):
            self._driver.keep_alive(self._client, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT)

    def close(self) -> None:
        """Closes the connection once everything is written, or after a while."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._count is not None:
            self._count(-1)
            self._count = None
        leaving = self._driver.leave_upstream(self._client)
        if leaving is not None:
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self._driver.remove, leaving)
        if self.relay is not None:
            self.relay.close()


def scope(zone: str) -> int:
    """The number of an IPv6 address's zone: an interface's number or name; 0 without one."""
    if not zone:
        return 0
    return int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
