"""One listener: the settings of its sessions, and how many clients it may have at once. It does not open its socket."""

from __future__ import annotations

import asyncio
import logging
import socket
from time import monotonic
from typing import TYPE_CHECKING

from ostiary import log
from ostiary._core import ListenerTls, Settings
from ostiary.connection import Connection
from ostiary.sockets import BACKLOG, listening_address

if TYPE_CHECKING:
    from ostiary._core import Entry, Hold, Shared
    from ostiary.asking import Asking
    from ostiary.decisions import Decisions
    from ostiary.plan import ListenerPlan
    from ostiary.plugins.hooks import HookChain
    from ostiary.policing import Policing
    from ostiary.seeing import Seeing
    from ostiary.upstream import Upstream

__all__ = ["Admission", "Listener"]

logger = logging.getLogger("ostiary.listener")


class Admission:
    """Who may connect, counted over all listeners and workers of a gateway, before any TLS is spent on them."""

    def __init__(self, shared: Shared, connections: int, connections_per_address: int) -> None:
        self._shared = shared
        self._most = connections
        self._most_per_address = connections_per_address

    def admit(self, connection: Connection) -> tuple[Hold, ...] | str:
        """Counts a client in: what is to be released when it goes, or the limit that keeps it out."""
        one = self._shared.acquire(b"connections", self._most)
        if one is None:
            return "connections"
        if not self._most_per_address:
            return (one,)
        of_address = self._shared.acquire(b"address " + host(connection).encode(), self._most_per_address)
        if of_address is None:
            one.release()
            return "connections_per_address"
        return one, of_address


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
        self.connections: dict[Connection, tuple[Hold, ...]] = {}
        """The clients, and what each counts as in use."""
        self._admission = admission
        self._policing = policing
        self.seeing = seeing
        # Who takes part in limits on connections, and how to give that back.
        self._entries: dict[Connection, Entry] = {}
        self._server: asyncio.Server | None = None
        self.address = ""
        """Where it listens, as the configuration writes addresses; empty before it does."""

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

    async def open(self, listening: socket.socket) -> None:
        """Accepts from now on; closes the socket when it stops."""
        loop = asyncio.get_running_loop()
        self.address = listening_address(listening)
        if listening.family == socket.AF_UNIX:
            self._server = await loop.create_unix_server(self._accept, sock=listening, backlog=BACKLOG)
        else:
            self._server = await loop.create_server(self._accept, sock=listening, backlog=BACKLOG)

    def stop_accepting(self) -> None:
        """Closes the socket; the clients stay."""
        if self._server is not None:
            self._server.close()

    def admit(self, connection: Connection, address: str | None) -> str | None:
        """What keeps out a client that has just connected, if anything; its address where somebody asks for it."""
        rule = self._enter(connection, address)
        if rule is not None:
            return rule
        admitted = self._admission.admit(connection)
        if isinstance(admitted, str):
            log.event(
                logger, logging.WARNING, "connection_refused",
                client=connection.client_address, listener=self.name, limit=admitted,
            )  # fmt: skip
            self._leave(connection)
            return admitted
        self.connections[connection] = admitted
        return None

    def forget(self, connection: Connection) -> None:
        """A client is gone."""
        holds = self.connections.pop(connection, None)
        if holds is not None:
            for hold in holds:
                hold.release()
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
