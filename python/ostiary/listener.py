"""One listener: its socket, the settings of its sessions, and how many clients it may have at once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import stat
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ostiary import log
from ostiary._core import ListenerTls, Settings
from ostiary.connection import Connection
from ostiary.link import keep_alive

if TYPE_CHECKING:
    from ostiary.plan import ListenerPlan
    from ostiary.upstream import Upstream

__all__ = ["Admission", "Listener"]

logger = logging.getLogger("ostiary.listener")

# Connections that wait to be accepted: a burst of a thousand clients is ordinary after a network cut.
BACKLOG = 4096


class Admission:
    """Who may connect, counted over all listeners of a gateway, before any TLS is spent on them."""

    def __init__(self, connections: int, connections_per_address: int) -> None:
        self._most = connections
        self._most_per_address = connections_per_address
        self._per_address: Counter[str] = Counter()
        self._total = 0

    def admit(self, connection: Connection) -> str | None:
        """Counts a client in: none, or the limit that keeps it out."""
        if self._total >= self._most:
            return "connections"
        if self._most_per_address:
            address = host(connection)
            if self._per_address[address] >= self._most_per_address:
                return "connections_per_address"
            self._per_address[address] += 1
        self._total += 1
        return None

    def release(self, connection: Connection) -> None:
        """Counts a client out."""
        self._total -= 1
        if self._most_per_address:
            address = host(connection)
            self._per_address[address] -= 1
            if self._per_address[address] <= 0:
                del self._per_address[address]


class Listener:
    """An address the gateway accepts on."""

    def __init__(self, plan: ListenerPlan, upstream: Upstream, admission: Admission) -> None:
        self.name = plan.name
        self.upstream = upstream
        self.buffered_bytes: int = plan.settings["buffered_bytes"]
        self.settings = Settings(
            tls=ListenerTls(**plan.tls),
            upstream=upstream.name,
            upstream_knows_gateway=upstream.knows_gateway,
            **plan.settings,
        )
        self.connections: set[Connection] = set()
        self._plan = plan
        self._admission = admission
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """Where it listens, as the configuration writes addresses; the real port where that was 0."""
        assert self._server is not None
        name = self._server.sockets[0].getsockname()
        if isinstance(name, str):
            return f"unix:{name}"
        host, port = name[0], name[1]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def open(self) -> None:
        """Binds and accepts from now on.

        Raises:
            OSError: the address cannot be bound.
        """
        loop = asyncio.get_running_loop()
        plan = self._plan
        if plan.path is not None:
            remove_stale_socket(Path(plan.path))
            # The file must not be open to others for the moment before its mode is set.
            before = os.umask(0o777 & ~plan.socket_mode)
            try:
                self._server = await loop.create_unix_server(self._accept, plan.path, backlog=BACKLOG)
            finally:
                os.umask(before)
        else:
            self._server = await loop.create_server(
                self._accept, plan.host, plan.port, backlog=BACKLOG, reuse_address=True
            )
        for sock in self._server.sockets:
            keep_alive(sock)
        log.event(logger, logging.INFO, "listener_opened", listener=self.name, address=self.address)

    def stop_accepting(self) -> None:
        """Closes the socket; the clients stay."""
        if self._server is not None:
            self._server.close()
            if self._plan.path is not None:
                with contextlib.suppress(OSError):
                    Path(self._plan.path).unlink()

    def admit(self, connection: Connection) -> bool:
        """Whether a client that has just connected may stay."""
        limit = self._admission.admit(connection)
        if limit is not None:
            log.event(
                logger, logging.WARNING, "connection_refused",
                client=connection.client_address, listener=self.name, limit=limit,
            )  # fmt: skip
            return False
        self.connections.add(connection)
        return True

    def forget(self, connection: Connection) -> None:
        """A client is gone."""
        if connection in self.connections:
            self.connections.discard(connection)
            self._admission.release(connection)

    def _accept(self) -> Connection:
        return Connection(self)


def host(connection: Connection) -> str:
    """The client's address without its port."""
    return connection.client_address.rpartition(":")[0]


def remove_stale_socket(path: Path) -> None:
    """Removes a socket file that nobody listens on: what a gateway that was killed leaves behind.

    Raises:
        OSError: something listens there, or it is no socket.
    """
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise FileExistsError(f"not a socket: {path}")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(f"another process listens on it: {path}")
