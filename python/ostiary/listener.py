"""One listener: the settings of its sessions, and how many clients it may have at once. It does not open its socket."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from ostiary import log
from ostiary._core import Event, ListenerTls, Settings
from ostiary.connection import Connection
from ostiary.driving import nobody_is_asked
from ostiary.sockets import BACKLOG, listening_address
from ostiary.time_limit import TimeLimit

if TYPE_CHECKING:
    from ostiary._core import Entry, Hold, Shared
    from ostiary.asking import Asking
    from ostiary.decisions import Decisions
    from ostiary.driving import Driving
    from ostiary.plan import ListenerPlan
    from ostiary.plugins.hooks import HookChain
    from ostiary.policing import Policing
    from ostiary.seeing import Seeing
    from ostiary.upstream import Upstream

__all__ = ["Admission", "Form", "Listener", "form"]

logger = logging.getLogger("ostiary.listener")

# How long a listener rests that cannot accept, as there are no descriptors left.
ACCEPT_AGAIN_SECONDS = 1.0


class Refusal(NamedTuple):
    """What keeps a client out."""

    reason: str
    """A limit, or the rule as it is told."""
    plugin: str | None = None
    rule: str | None = None


class Admission:
    """Who may connect, counted over all listeners and workers of a gateway, before any TLS is spent on them."""

    def __init__(self, shared: Shared, connections: int, connections_per_address: int) -> None:
        self._shared = shared
        self._most = connections
        self._most_per_address = connections_per_address

    def take(self, shared: Shared, connections: int, connections_per_address: int) -> None:
        """Counts there from now on, up to these."""
        self._shared, self._most, self._most_per_address = shared, connections, connections_per_address

    def admit(self, connection: Connection) -> tuple[Hold, ...] | str:
        """Counts a client in: what is to be released when it goes, or the limit that keeps it out."""
        one = self._shared.acquire(b"connections", self._most)
        if one is None:
            return "connections"
        if not self._most_per_address:
            return (one,)
        of_address = self._shared.acquire(b"address " + connection.host.encode(), self._most_per_address)
        if of_address is None:
            one.release()
            return "connections_per_address"
        return one, of_address


class Form(NamedTuple):
    """What a listener is under one configuration."""

    plan: ListenerPlan
    upstream: Upstream
    tls: ListenerTls
    settings: Settings


def form(
    plan: ListenerPlan,
    upstream: Upstream,
    shared: Shared,
    *,
    is_seen: bool,
    generation: int,
    before: Form | None = None,
) -> Form:
    """What a plan comes to; TLS that did not change stays, with the sessions that clients may resume."""
    tls = before.tls if before is not None and before.plan.tls == plan.tls else ListenerTls(**plan.tls)
    settings = Settings(
        tls=tls,
        upstream=upstream.name,
        upstream_knows_gateway=upstream.knows_gateway,
        listener=plan.name,
        policy=shared.policy,
        counted=shared if is_seen else None,
        generation=generation,
        **plan.settings,
    )
    return Form(plan, upstream, tls, settings)


class Listener:
    """An address the gateway accepts on."""

    def __init__(self, form: Form, admission: Admission, policing: Policing, seeing: Seeing, driving: Driving) -> None:
        self.name = form.plan.name
        self.connections: dict[Connection, tuple[Hold, ...]] = {}
        """The clients, and what each counts as in use."""
        self._admission = admission
        self._first: TimeLimit | None = None
        self.policing = policing
        self.seeing = seeing
        self.driving = driving
        # Who takes part in limits on connections, and how to give that back.
        self._entries: dict[Connection, Entry] = {}
        # What the driver knows the sockets by.
        self._doors: list[int] = []
        self._sockets: set[int] = set()
        self.address = ""
        """Where it listens; the real port where the configuration says 0."""
        self._take(form)

    @property
    def hooks(self) -> HookChain | None:
        """The plugins that are asked live, if there are any."""
        return self.policing.hooks

    @property
    def decisions(self) -> Decisions:
        """Where what rules decide is noted."""
        return self.policing.decisions

    @property
    def is_open(self) -> bool:
        """Whether it accepts."""
        return bool(self._doors)

    def asking(self, connection: Connection, address: str | None) -> Asking:
        """What asks the plugins about one connection."""
        # Late, as hooks are.
        from ostiary.asking import Asking
        from ostiary.plugins.answering import Answering

        if self.driving.ask is nobody_is_asked:
            self.driving.ask = Answering(self.driving.driver, self.policing.chains, self.driving.end).answer
        return Asking(self.policing, connection, connection.number, address, self.name)

    def open(self, sockets: list[socket.socket]) -> None:
        """Accepts on these from now on, and on no others. They stay the caller's, and are not kept."""
        numbers = {os.fstat(one.fileno()).st_ino for one in sockets}
        if numbers == self._sockets:
            return
        before, self._doors, self._sockets = self._doors, [], numbers
        self.address = listening_address(sockets[0])
        for one in sockets:
            one.listen(BACKLOG)
            self._doors.append(self.driving.listen(one, self))
        self._close(before)

    def stop_accepting(self) -> None:
        """Closes the sockets; the clients stay."""
        self._close(self._doors)
        self._doors, self._sockets = [], set()

    def act(self, events: tuple[Event, ...]) -> None:
        """Takes a client in, or waits until one can be."""
        for event in events:
            match event:
                case Event.Accepted(client, host, port):
                    try:
                        Connection(self, client, host, port)
                    except BaseException:
                        self.driving.driver.remove(client)
                        raise
                case Event.NotAccepted(door, error):
                    reason = os.strerror(error)
                    log.event(logger, logging.ERROR, "accept_failed", listener=self.name, error=reason)
                    self.driving.driver.set_accepting(door, False)
                    asyncio.get_running_loop().call_later(
                        ACCEPT_AGAIN_SECONDS, self.driving.driver.set_accepting, door, True
                    )
                case _:
                    raise AssertionError(event)

    def fail(self) -> None:
        """A client could not be taken in; the others can."""

    def _close(self, doors: list[int]) -> None:
        for each in doors:
            self.driving.driver.remove(each)

    def renew(self, form: Form) -> None:
        """It is this from now on, for its clients too."""
        looked = self.looks_at_clients
        self._take(form)
        looks_anew = self.looks_at_clients and not looked
        for connection in tuple(self.connections):
            connection.renew(looks_anew=looks_anew)

    def first_limit(self, seconds: float) -> TimeLimit:
        """The time limit of clients that have just come, which is the same for all."""
        if self._first is None:
            self._first = TimeLimit(seconds)
        return self._first

    def _take(self, form: Form) -> None:
        self.form = form
        self._first = None
        self.upstream = form.upstream
        self.settings = form.settings
        self.buffered_bytes: int = form.plan.settings["buffered_bytes"]
        self.looks_at_clients = self.seeing.is_on or self.policing.policy is not None
        """Whether anybody asks where clients come from."""

    def admit(self, connection: Connection, address: str | None) -> Refusal | None:
        """What keeps out a client that has just connected, if anything; its address where somebody asks for it."""
        refusal = self._enter(connection, address)
        if refusal is not None:
            return refusal
        admitted = self._admission.admit(connection)
        if isinstance(admitted, str):
            log.often(
                logger, logging.WARNING, "connection_refused", (self.name, admitted),
                client=connection.client_address, listener=self.name, limit=admitted,
            )  # fmt: skip
            self._leave(connection)
            return Refusal(admitted)
        self.connections[connection] = admitted
        return None

    def forget(self, connection: Connection) -> None:
        """A client is gone."""
        holds = self.connections.pop(connection, None)
        if holds is not None:
            for hold in holds:
                hold.release()
            self._leave(connection)

    def _enter(self, connection: Connection, address: str | None) -> Refusal | None:
        """The rule of the policy that limits connections and keeps the client out."""
        policy = self.policing.policy
        if policy is None or not policy.limits_connections:
            return None
        entry = policy.admit(self.name, address, monotonic())
        for plugin, rule in entry.monitored:
            self.decisions.note_connection(plugin, rule, "monitor", connection.client_address, self.name)
        if entry.refused is not None:
            plugin, rule = entry.refused
            self.decisions.note_connection(plugin, rule, "enforce", connection.client_address, self.name)
            return Refusal(f"{plugin}: {rule}", plugin, rule)
        self._entries[connection] = entry
        return None

    def _leave(self, connection: Connection) -> None:
        entry = self._entries.pop(connection, None)
        if entry is not None:
            entry.release()
