"""Dialling: which servers an upstream has, in which order they are tried, and how each one's TLS is set up.

Knows sockets and names; what is said on them is the session's. Names are resolved at each dial (a directory moves
without telling us), every address is tried, and each attempt has its own time limit, TLS included.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from ostiary._core import Event, ServerSetup, UpstreamTls
from ostiary.errors import UpstreamUnavailable
from ostiary.link import UpstreamLink

if TYPE_CHECKING:
    from ostiary.connection import Connection
    from ostiary.plan import ServerPlan, UpstreamPlan

__all__ = ["Server", "Upstream", "dial"]


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
        try:
            addresses = await server.addresses()
        except OSError as error:
            faults.append(f"{server.plan.text}: {error.strerror or error}")
            continue
        for address in addresses:
            fault = await attempt(server, address, connection, upstream.connect_seconds)
            if fault is None:
                return
            faults.append(f"{server.plan.text}: {fault}")
    raise UpstreamUnavailable("; ".join(faults))


async def attempt(server: Server, address: str, connection: Connection, seconds: float) -> str | None:
    """Tries one address: none when the session is ready, or what went wrong."""
    link = UpstreamLink(connection)
    try:
        async with asyncio.timeout(seconds):
            await connect(server, address, link)
            fault = await set_up(server, connection, link)
    except TimeoutError:
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
