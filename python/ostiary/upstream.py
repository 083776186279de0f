"""Dialling: which servers an upstream has, in which order they are tried, and how each one's TLS is set up.

Knows sockets and names; what is said on them is the session's. Names are resolved at each dial (a directory moves
without telling us), every address is tried, and each attempt has its own time limit, TLS included.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from ostiary import log
from ostiary._core import Event, ServerSetup, UpstreamTls
from ostiary.link import UpstreamLink
from ostiary.time_limit import TimeLimit

if TYPE_CHECKING:
    from ostiary.connection import Connection
    from ostiary.counters import Counters
    from ostiary.plan import ServerPlan, UpstreamPlan
    from ostiary.relay import Relay

__all__ = ["Dial", "Server", "Upstream"]

logger = logging.getLogger("ostiary.upstream")


@dataclass(frozen=True, slots=True)
class Server:
    """One server of an upstream, ready to be dialled."""

    plan: ServerPlan
    setup: ServerSetup
    """What the session does for TLS."""
    tls_from_start: ssl.SSLContext | None = None
    """What the driver's engine does before the first octet."""
    tls_after_start_tls: ssl.SSLContext | None = None
    """What the driver's engine does once the server agreed to StartTLS."""

    @property
    def engine(self) -> ssl.SSLContext | None:
        """The driver's engine, where the session does not do TLS."""
        return self.tls_from_start or self.tls_after_start_tls

    async def addresses(self) -> tuple[str, ...]:
        """Every address behind the server's name, resolved now."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self.plan.host, self.plan.port, type=socket.SOCK_STREAM)
        return tuple(str(sockaddr[0]) for _, _, _, _, sockaddr in found)


class Upstream:
    """A named group of servers that hold the same data."""

    def __init__(self, plan: UpstreamPlan, counters: Counters) -> None:
        self.plan = plan
        self.name = plan.name
        self.connect_seconds = plan.connect_seconds
        self.dialling = TimeLimit(plan.connect_seconds)
        """Those who try a server."""
        self.knows_gateway = plan.knows_gateway
        self.servers = tuple(servers(plan))
        self._failing: set[str] = set()
        self.counters = counters
        """What is counted under the configuration that it is from."""

    def counter(self, server: Server, state: str) -> Callable[[int], None]:
        """Counts connections to a server that are in this state: `dialling` or `ready`."""
        return self.counters.counter("upstream_connections", self.name, server.plan.text, state)

    def note(self, server: Server, fault: str | None) -> None:
        """Logs a server that fails for the first time, or answers again: a dead one must be seen behind a live one."""
        text = server.plan.text
        if fault is None and text in self._failing:
            self._failing.discard(text)
            log.event(logger, logging.INFO, "server_back", upstream=self.name, server=text)
        elif fault is not None and text not in self._failing:
            self._failing.add(text)
            log.event(logger, logging.WARNING, "server_failed", upstream=self.name, server=text, error=fault)


def servers(plan: UpstreamPlan) -> list[Server]:
    """The servers of an upstream with their TLS, in the order of the configuration."""
    if plan.tls is not None:
        own = UpstreamTls(**plan.tls)
        return [Server(each, ServerSetup(plan.mode, own, each.verify_name, server=each.text)) for each in plan.servers]
    mode = "starttls" if plan.mode == "starttls" else "none"
    setups = [(each, ServerSetup(mode, server=each.text)) for each in plan.servers]
    if plan.openssl is None:
        return [Server(each, setup) for each, setup in setups]
    # Late: the libraries that read certificates are only for upstreams that need this engine.
    from ostiary.tls import openssl_context

    engine = openssl_context(plan.openssl)
    if plan.mode == "ldaps":
        return [Server(each, setup, tls_from_start=engine) for each, setup in setups]
    return [Server(each, setup, tls_after_start_tls=engine) for each, setup in setups]


class Dial:
    """The search for a server for one session: each server in turn, each of its addresses, until one is ready.

    Callbacks and a time limit in common, rather than a task with its own: most clients make one connection and leave,
    and this is a good part of what Python does for them.
    """

    __slots__ = (
        "_address",
        "_addresses",
        "_connection",
        "_dialling",
        "_faults",
        "_link",
        "_loop",
        "_server",
        "_server_faults",
        "_servers",
        "_soon",
        "_then",
        "_upstream",
        "_work",
    )

    def __init__(self, upstream: Upstream, connection: Connection) -> None:
        self._upstream = upstream
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._servers = iter(upstream.servers)
        # How servers failed, and how the addresses of the present one did.
        self._server_faults: list[str] = []
        self._faults: list[str] = []
        # The present attempt; a server whose name is being resolved has none.
        self._link: UpstreamLink | None = None
        # Counts it among those that are being set up.
        self._dialling: Callable[[int], None] | None = None
        # What is done as soon as the session is left.
        self._soon: asyncio.Handle | None = None
        # What is awaited of the loop, and what takes its result.
        self._work: asyncio.Task[Any] | None = None
        self._then: Callable[[Dial, Any], None]

    def start(self) -> None:
        """Tries the next server, or gives up."""
        server = next(self._servers, None)
        if server is None:
            self._connection.fail_dial("; ".join(self._server_faults))
            return
        self._server = server
        self._link = None
        if server.plan.literal:
            self._try_addresses((server.plan.host,))
        else:
            self._arm()
            self._await(server.addresses(), Dial._try_addresses)

    def cancel(self) -> None:
        """Ends the search: nobody needs the server any more."""
        self._stop()
        self._end_attempt()
        if self._link is not None:
            self._link.close()

    def report(self, event: Event) -> None:
        """The session said something about the server's setup. No call into it from here: it may have more to say."""
        match event:
            case Event.UpstreamReady():
                self._stop()
                self._end_attempt()
                assert self._link is not None
                count = self._upstream.counter(self._server, "ready")
                self._link.begin(count, self._upstream.name, self._server.plan.text)
                self._upstream.note(self._server, None)
                self._connection.end_dial()
            case Event.UpstreamFailed(reason=reason):
                self._stop()
                self._soon = self._loop.call_soon(self._fail, reason)
            case Event.StartUpstreamTls():
                assert self._link is not None
                assert self._link.relay is not None
                assert self._server.tls_after_start_tls is not None
                work = self._link.relay.start_tls(self._server.tls_after_start_tls, self._server.plan.verify_name)
                self._await(work, Dial._tls_established)
            case Event.Connected():
                self._connected(None)
            case Event.NotConnected(error=number):
                self._stop()
                self._fail(self._words(OSError(number, os.strerror(number))))

    def _try_addresses(self, addresses: Sequence[str]) -> None:
        self._addresses = iter(addresses)
        self._faults = []
        self._try_address()

    def _try_address(self) -> None:
        address = next(self._addresses, None)
        if address is None:
            self._fail_server(", ".join(self._faults))
            return
        self._address = address
        self._link = UpstreamLink(self._connection)
        self._dialling = self._upstream.counter(self._server, "dialling")
        self._dialling(1)
        if self._server.engine is not None:
            self._arm()
            self._await(self._link.connect_by(self._relay(), self._server, address), Dial._connected)
            return
        try:
            is_connected = self._link.connect(self._server, address)
        except OSError as error:
            self._soon = self._loop.call_soon(self._fail, self._words(error))
            return
        if is_connected:
            self._soon = self._loop.call_soon(self._connected_at_once)
        else:
            self._arm()

    def _relay(self) -> Relay:
        # Late: the libraries that it needs are only for upstreams that need this engine.
        from ostiary.relay import Relay

        return Relay(self._connection.buffered_bytes)

    def _connected_at_once(self) -> None:
        self._arm()
        self._connected(None)

    def _connected(self, _result: object) -> None:
        connection = self._connection
        assert self._link is not None
        connection.attach(self._link)
        connection.take(connection.session.upstream_connected(self._server.setup, monotonic()))

    def _tls_established(self, _result: object) -> None:
        connection = self._connection
        connection.take(connection.session.upstream_tls_established(monotonic()))

    def _fail(self, fault: str) -> None:
        """The present attempt failed; without one, the name could not be resolved."""
        self._stop()
        self._end_attempt()
        if self._link is None:
            self._fail_server(fault)
            return
        self._connection.session.upstream_abandoned()
        self._connection.detach(self._link)
        self._link.close()
        self._faults.append(fault if self._server.plan.literal else f"{self._address}: {fault}")
        self._try_address()

    def _end_attempt(self) -> None:
        if self._dialling is not None:
            self._dialling(-1)
            self._dialling = None

    def _fail_server(self, fault: str) -> None:
        self._upstream.note(self._server, fault)
        self._server_faults.append(f"{self._server.plan.text}: {fault}")
        self.start()

    def _await(self, work: Coroutine[Any, Any, Any], then: Callable[[Dial, Any], None]) -> None:
        self._then = then
        self._work = self._loop.create_task(work)
        self._work.add_done_callback(self._done)

    def _done(self, work: asyncio.Task[Any]) -> None:
        if work is not self._work or work.cancelled():
            # It took too long, or nobody waits for it any more.
            return
        self._work = None
        error = work.exception()
        if error is None:
            self._then(self, work.result())
        else:
            self._fail(self._words(error))

    def _words(self, error: BaseException) -> str:
        match error:
            case TimeoutError():
                return self._too_late()
            case ssl.SSLCertVerificationError():
                return f"TLS: the certificate is not trusted: {error.verify_message}"
            case ssl.SSLError():
                return f"TLS: {error.reason or error}"
            case OSError():
                return error.strerror or str(error) or "the server closed the connection"
            case _:
                raise error

    def _too_late(self) -> str:
        what = "its name was not resolved" if self._link is None else "no answer"
        return f"{what} within {self._upstream.connect_seconds:g} seconds"

    def _arm(self) -> None:
        self._stop()
        self._upstream.dialling.begin(self)

    def expire(self) -> None:
        """The present attempt took too long."""
        self._fail(self._too_late())

    def _stop(self) -> None:
        """Waits for nothing any more."""
        self._upstream.dialling.end(self)
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._work is not None:
            self._work.cancel()
            self._work = None
