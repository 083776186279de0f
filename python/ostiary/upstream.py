"""Dialling: which servers an upstream has, in which order they are tried, and how each one's TLS is set up.

Knows sockets and names; what is said on them is the session's. Names are resolved at each dial (a directory moves
without telling us), every address is tried, and each attempt has its own time limit, TLS included.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from ostiary import tls
from ostiary._core import Event, ServerSetup, UpstreamTls
from ostiary.errors import UpstreamUnavailable
from ostiary.link import UpstreamLink

if TYPE_CHECKING:
    from ostiary import config
    from ostiary.connection import Connection

__all__ = ["Server", "Upstream", "dial"]


@dataclass(frozen=True, slots=True)
class Server:
    """One server of an upstream, ready to be dialled."""

    text: str
    """As the configuration writes it, for logs."""
    host: str
    """Name, address or, with port 0, the path of a unix socket."""
    port: int
    literal: bool
    """Whether there is nothing to resolve."""
    setup: ServerSetup
    """What the session does for TLS."""
    tls_from_start: ssl.SSLContext | None = None
    """What the driver's engine does before the first octet."""
    tls_after_start_tls: ssl.SSLContext | None = None
    """What the driver's engine does once the server agreed to StartTLS."""
    verify_name: str = ""
    """The name that its certificate has to carry."""

    async def addresses(self) -> tuple[str, ...]:
        """Every address of the server, resolved now; a unix socket's path."""
        if self.literal:
            return (self.host,)
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        return tuple(str(sockaddr[0]) for _, _, _, _, sockaddr in found)


class Upstream:
    """A named group of servers that hold the same data."""

    def __init__(self, asked: config.Upstream, connect_seconds: float) -> None:
        self.name = asked.name
        self.connect_seconds = connect_seconds
        self.servers = tuple(servers(asked))
        self.knows_gateway = asked.tls.certificate is not None or any(url.path for url in asked.servers)
        """The servers authenticate the gateway itself: by its certificate, or as a local user."""


def servers(asked: config.Upstream) -> list[Server]:
    """The servers of an upstream with their TLS, in the order of the configuration.

    Raises:
        IdentityError: a certificate, key or authority cannot be used.
    """
    mode = asked.tls.mode
    own = engine = None
    if mode != "none" and asked.tls.engine == "openssl":
        engine = tls.openssl_context(asked.tls)
    elif mode != "none":
        own = own_engine(asked.tls)
    found = []
    for url in asked.servers:
        name = asked.tls.verify_name or url.host
        if own is not None:
            setup = ServerSetup(mode, own, name)
        else:
            setup = ServerSetup("starttls" if mode == "starttls" else "none")
        found.append(
            Server(
                text=str(url),
                host=str(url.path) if url.path is not None else url.host,
                port=url.port,
                literal=url.path is not None or is_address(url.host),
                setup=setup,
                tls_from_start=engine if mode == "ldaps" else None,
                tls_after_start_tls=engine if mode == "starttls" else None,
                verify_name=name,
            )
        )
    return found


def own_engine(asked: config.UpstreamTls) -> UpstreamTls:
    """What the session's own TLS asks of the servers."""
    authorities: tuple[bytes, ...] = ()
    if asked.verify:
        authorities = tls.load_authorities(asked.ca) if asked.ca else tls.system_authorities()
    identity = tls.identity_of(asked)
    return UpstreamTls(
        authorities,
        verify=asked.verify,
        identity=None if identity is None else (identity.chain, identity.key, identity.names),
        min_version=asked.min_version,
    )


def is_address(host: str) -> bool:
    """Whether a host is an IP address, not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


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
            faults.append(f"{server.text}: {error.strerror or error}")
            continue
        for address in addresses:
            fault = await attempt(server, address, connection, upstream.connect_seconds)
            if fault is None:
                return
            faults.append(f"{server.text}: {fault}")
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
    except ssl.SSLError as error:
        fault = f"TLS: {error.reason or error}"
    except OSError as error:
        fault = error.strerror or str(error)
    if fault is not None:
        connection.session.upstream_abandoned()
        connection.detach(link)
        link.close()
    return fault


async def connect(server: Server, address: str, link: UpstreamLink) -> None:
    """Connects the link, through the driver's TLS engine where that comes first."""
    loop = asyncio.get_running_loop()
    if server.port == 0:
        await loop.create_unix_connection(lambda: link, address)
    elif server.tls_from_start is None:
        await loop.create_connection(lambda: link, address, server.port)
    else:
        await loop.create_connection(
            lambda: link, address, server.port, ssl=server.tls_from_start, server_hostname=server.verify_name
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
                    link.transport, link, server.tls_after_start_tls, server_hostname=server.verify_name
                )
                assert transport is not None
                link.use(transport)
                connection.take(connection.session.upstream_tls_established(monotonic()))
