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
from time import monotonic
from typing import TYPE_CHECKING

from ostiary import log
from ostiary._core import ListenerTls, Settings
from ostiary.connection import Connection
from ostiary.link import keep_alive

if TYPE_CHECKING:
    from ostiary._core import Entry
    from ostiary.asking import Asking
    from ostiary.decisions import Decisions
    from ostiary.plan import ListenerPlan
    from ostiary.plugins.hooks import HookChain
    from ostiary.policing import Policing
    from ostiary.seeing import Seeing
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

    def __init__(
        self, plan: ListenerPlan, upstream: Upstream, admission: Admission, policing: Policing, seeing: Seeing
    ) -> None:
        self.name = plan.name
        self.upstream = upstream
        self.buffered_bytes: int = plan.settings["buffered_bytes"]
        self.settings = Settings(
            tls=ListenerTls(**plan.tls),
            upstream=upstream.name,
            upstream_knows_gateway=upstream.knows_gateway,
            listener=plan.name,
            policy=policing.policy,
            counted=seeing.shared if seeing.is_on else None,
            **plan.settings,
        )
        self.looks_at_clients = seeing.is_on or policing.policy is not None
        """Whether anybody asks where clients come from."""
        self.connections: set[Connection] = set()
        self._plan = plan
        self._admission = admission
        self._policing = policing
        self.seeing = seeing
        # Who takes part in limits on connections, and how to give that back.
        self._entries: dict[Connection, Entry] = {}
        self._server: asyncio.Server | None = None

    @property
    def hooks(self) -> HookChain | None:
        """The plugins that are asked live."""
        return self._policing.hooks

    @property
    def decisions(self) -> Decisions:
        """What rules decided."""
        return self._policing.decisions

    def asking(self, connection: Connection, address: str | None) -> Asking:
        """The connection's dealings with those plugins."""
        from ostiary.asking import Asking

        assert self.hooks is not None
        return Asking(self.hooks, connection, connection.number, address, self.name)

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

    def admit(self, connection: Connection, address: str | None) -> str | None:
        """What keeps out a client that has just connected, if anything; its address where somebody asks for it."""
        rule = self._enter(connection, address)
        if rule is not None:
            return rule
        limit = self._admission.admit(connection)
        if limit is not None:
            log.event(
                logger, logging.WARNING, "connection_refused",
                client=connection.client_address, listener=self.name, limit=limit,
            )  # fmt: skip
            self._leave(connection)
            return limit
        self.connections.add(connection)
        return None

    def forget(self, connection: Connection) -> None:
        """A client is gone."""
        if connection in self.connections:
            self.connections.discard(connection)
            self._admission.release(connection)
            self._leave(connection)

    def _enter(self, connection: Connection, address: str | None) -> str | None:
        """The rule of the policy that limits connections and keeps the client out."""
        policy = self._policing.policy
        if policy is None or not policy.limits_connections:
            return None
        entry = policy.admit(self.name, address, monotonic())
        for plugin, rule in entry.monitored:
            self.decisions.note_connection(plugin, rule, "monitor", connection.client_address, self.name)
        if entry.refused is not None:
            plugin, rule = entry.refused
            self.decisions.note_connection(plugin, rule, "enforce", connection.client_address, self.name)
            return f"{plugin}: {rule}"
        self._entries[connection] = entry
        return None

    def _leave(self, connection: Connection) -> None:
        entry = self._entries.pop(connection, None)
        if entry is not None:
            entry.release()

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
