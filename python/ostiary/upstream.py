"""Dialling: which servers an upstream has, in which order they are tried, and how each one's TLS is set up.

Knows sockets and names; what is said on them is the session's. Names are resolved at each dial (a directory moves
without telling us), every address is tried, and each attempt has its own time limit, TLS included.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from ostiary import log
from ostiary._core import Event, ServerSetup, UpstreamTls
from ostiary.errors import UpstreamUnavailable
from ostiary.link import UpstreamLink

if TYPE_CHECKING:
    from ostiary.connection import Connection
    from ostiary.plan import ServerPlan, UpstreamPlan

__all__ = ["Server", "Upstream", "dial"]

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

    async def addresses(self) -> tuple[str, ...]:
        """Every address of the server, resolved now; a unix socket's path."""
        if self.plan.literal:
            return (self.plan.host,)
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self.plan.host, self.plan.port, type=socket.SOCK_STREAM)
        return tuple(str(sockaddr[0]) for _, _, _, _, sockaddr in found)


class Upstream:
    """A named group of servers that hold the same data."""

    def __init__(self, plan: UpstreamPlan) -> None:
        self.name = plan.name
        self.connect_seconds = plan.connect_seconds
        self.knows_gateway = plan.knows_gateway
        self.servers = tuple(servers(plan))
        self._failing: set[str] = set()

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
        return [Server(each, ServerSetup(plan.mode, own, each.verify_name)) for each in plan.servers]
    setup = ServerSetup("starttls" if plan.mode == "starttls" else "none")
    if plan.openssl is None:
        return [Server(each, setup) for each in plan.servers]
    # Late: the libraries that read certificates are only for upstreams that need this engine.
    from ostiary.tls import openssl_context

    engine = openssl_context(plan.openssl)
    if plan.mode == "ldaps":
        return [Server(each, setup, tls_from_start=engine) for each in plan.servers]
    return [Server(each, setup, tls_after_start_tls=engine) for each in plan.servers]


async def dial(upstream: Upstream, connection: Connection) -> None:
    """Returns once the connection's session has a server that is ready for LDAP.

    Raises:
        UpstreamUnavailable: every address of every server failed; says how each did.
    """
    faults = []
    for server in upstream.servers:
        fault = await try_addresses(server, connection, upstream.connect_seconds)
        upstream.note(server, fault)
        if fault is None:
            return
        faults.append(f"{server.plan.text}: {fault}")
    raise UpstreamUnavailable("; ".join(faults))


async def try_addresses(server: Server, connection: Connection, seconds: float) -> str | None:
    """Tries every address of a server: none when the session is ready, or what went wrong."""
    try:
        async with asyncio.timeout(seconds):
            addresses = await server.addresses()
    except TimeoutError:
        return f"its name was not resolved within {seconds:g} seconds"
    except OSError as error:
        return error.strerror or str(error)
    faults = []
    for address in addresses:
        fault = await attempt(server, address, connection, seconds)
        if fault is None:
            return None
        faults.append(fault if server.plan.literal else f"{address}: {fault}")
    return ", ".join(faults)


async def attempt(server: Server, address: str, connection: Connection, seconds: float) -> str | None:
    """Tries one address: none when the session is ready, or what went wrong."""
    link = UpstreamLink(connection)
    try:
        async with asyncio.timeout(seconds):
            await connect(server, address, link)
            fault = await set_up(server, connection, link)
    except TimeoutError:
        if link.is_ready:
            # In the same turn of the loop: the session counts on it already.
            return None
        fault = f"no answer within {seconds:g} seconds"
    except ssl.SSLCertVerificationError as error:
        fault = f"TLS: the certificate is not trusted: {error.verify_message}"
    except ssl.SSLError as error:
        fault = f"TLS: {error.reason or error}"
    except OSError as error:
        fault = error.strerror or str(error) or "the server closed the connection"
    if fault is not None:
        connection.session.upstream_abandoned()
        connection.detach(link)
        link.close()
    return fault


async def connect(server: Server, address: str, link: UpstreamLink) -> None:
    """Connects the link, through the driver's TLS engine where that comes first."""
    loop = asyncio.get_running_loop()
    if server.plan.port == 0:
        await loop.create_unix_connection(lambda: link, address)
    elif server.tls_from_start is None:
        await loop.create_connection(lambda: link, address, server.plan.port)
    else:
        await loop.create_connection(
            lambda: link, address, server.plan.port, ssl=server.tls_from_start, server_hostname=server.plan.verify_name
        )


async def set_up(server: Server, connection: Connection, link: UpstreamLink) -> str | None:
    """Lets the session set up TLS on a connected link: none when it is ready, or what went wrong."""
    connection.attach(link)
    connection.take(connection.session.upstream_connected(server.setup, monotonic()))
    while True:
        match await link.next_report():
            case Event.UpstreamReady():
                return None
            case Event.UpstreamFailed(reason=reason):
                return reason
            case Event.StartUpstreamTls():
                assert server.tls_after_start_tls is not None
                transport = await asyncio.get_running_loop().start_tls(
                    link.transport, link, server.tls_after_start_tls, server_hostname=server.plan.verify_name
                )
                assert transport is not None
                link.use(transport)
                connection.take(connection.session.upstream_tls_established(monotonic()))
